// Damage: sliders that spoil all test images, and curves over the whole range of each.

import { evaluate as ask } from "../../ask/server.js";
import { chart } from "../../parts/chart.js";
import { button, element } from "../../parts/element.js";
import { csvButton } from "../../parts/keeping.js";
import { panel } from "../../parts/panel.js";
import { changedAt } from "../../state.js";
import { words } from "../../strings.js";

const STEPS = { noise: 0.05, rotation: 1, shift: 1, thickness: 0.5 }; // of the sliders
const says = words.evaluate;

// `ranges`: how far each damage may go, as the server says. `moved` is told what is done to the
// images, by name, as a slider moves.
export function damage({ ranges, moved, tell }) {
  const sliders = Object.entries(ranges).map(([name, [min, max]]) => {
    const id = `damage-${name}`;
    const input = element("input", {
      type: "range",
      id,
      min,
      max,
      step: STEPS[name],
      value: 0,
      oninput: () => moved(wanted()),
    });
    const output = element("output", { class: "number", for: id });
    const label = element("label", { for: id }, says.damage[name]);
    return { name, input, output, node: element("div", { class: "rate" }, label, input, output) };
  });
  const undo = button(says.undamaged, heal, { id: "undamaged" });
  const measure = button(says.measureCurves, measureCurves, { id: "damage-curves" });
  const curves = Object.keys(ranges).map((name) => ({ name, ...curveOf(name) }));
  const charts = element(
    "div",
    { class: "pair", id: "curves-of-damage", hidden: true },
    curves.map((each) => each.node),
  );
  const kept = csvButton("damage", says.curvesTitle, rows);
  kept.hidden = true;
  const node = panel(
    "damage-title",
    says.damageTitle,
    { "data-section": "damage" },
    element("p", {}, says.damageLead),
    sliders.map((each) => each.node),
    element("div", { class: "row-of-buttons" }, undo, measure),
    charts,
    element("div", { class: "row-of-buttons" }, kept),
  );
  let measured = ""; // the network that the curves are of
  let answered = null;

  function rows() {
    const of = ([name, { x, accuracy }]) => x.map((value, k) => [name, value, accuracy[k]]);
    return [says.curveColumns, ...Object.entries(answered).flatMap(of)];
  }

  function heal() {
    moved({});
  }

  function wanted() {
    const used = sliders.filter(({ input }) => Number(input.value) !== 0);
    return Object.fromEntries(used.map(({ name, input }) => [name, Number(input.value)]));
  }

  // The damage that the address has.
  function set(amounts) {
    for (const { name, input, output } of sliders) {
      const value = amounts[name] ?? 0;
      if (Number(input.value) !== value) input.value = value;
      output.textContent = says.amount(name, Number(input.value));
      input.setAttribute("aria-valuetext", output.textContent);
    }
    undo.disabled = !Object.keys(amounts).length;
    if (measured !== JSON.stringify(changedAt())) charts.hidden = kept.hidden = true;
  }

  async function measureCurves() {
    measure.disabled = true;
    measure.textContent = says.measuring;
    const of = changedAt();
    try {
      const answer = await ask({ ...of, curves: true });
      measured = JSON.stringify(of);
      answered = answer.curves;
      charts.hidden = kept.hidden = false;
      for (const curve of curves) curve.draw(answer.curves[curve.name]);
    } catch (failure) {
      tell(words.failed(failure.message));
    }
    measure.disabled = false;
    measure.textContent = says.measureCurves;
  }

  return { node, set };
}

function curveOf(name) {
  const label = says.damageCurve(says.damage[name]);
  const y = { name: says.accuracy, percent: true, range: [0, 1], write: says.percent };
  const x = { name: says.damage[name] };
  const { node, show } = chart({ label, x, y, height: 190, file: `damage-${name}` });
  const draw = ({ x, accuracy }) => {
    const line = { name: says.accuracy, x, y: accuracy, colour: "accent" };
    show([line], { says: `${label}: ${says.curveSays(x, accuracy)}` });
  };
  return { node, draw };
}
