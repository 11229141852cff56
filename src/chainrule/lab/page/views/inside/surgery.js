// Operating on the network: units switched off and on, parameters moved; what that costs on all
// test images; and what each unit is worth.

import { queue } from "../../ask/queue.js";
import { curve as askCurve, matters as askMatters, operate as askCost } from "../../ask/picture.js";
import { button, element } from "../../parts/element.js";
import { short } from "../../parts/numbers.js";
import { change, changesOf, classesOf, moment, networkAt, now } from "../../state.js";
import { words } from "../../strings.js";
import { slope } from "./slope.js";

const LISTED = 12; // units that are told of

export function surgery({ tell }) {
  const { knife } = words;
  const chosen = element("div", { class: "knife-chosen" });
  const done = element("ul", { class: "knife-done", "aria-label": knife.done });
  const cost = element("p", { class: "knife-cost", role: "status" });
  const undo = button(knife.undo, takeBack, { class: "small", id: "knife-undo" });
  const whole = button(knife.whole, () => change({ cut: [], set: [] }), {
    class: "small",
    id: "knife-whole",
  });
  const ranks = element("ol", { class: "knife-ranks" });
  const ranking = element(
    "details",
    { class: "knife-matters", ontoggle: () => ranking.open && rank() },
    element("summary", {}, knife.matters),
    ranks,
  );
  const node = element(
    "section",
    { class: "tale knife", id: "surgery", "aria-labelledby": "knife-title" },
    element(
      "div",
      { class: "tale-body" },
      element("h2", { id: "knife-title" }, knife.title),
      chosen,
      cost,
      done,
      element("div", { class: "row-of-buttons" }, undo, whole),
      ranking,
    ),
  );
  const weigh = queue(askForCost, { node: cost, failed });
  let shown = ""; // what is chosen
  let ranked = "";
  let picture = null;
  let before = []; // what was changed before each of the last changes
  let known = { cut: [], set: [] };

  // A weight that is dragged is one change, however many values it goes through.
  function remember({ cut, set }) {
    const names = ({ cut, set }) => JSON.stringify([cut, set.map(([name]) => name)]);
    if (names(known) !== names({ cut, set })) before.push(known);
    known = { cut, set };
  }

  function takeBack() {
    const last = before.pop() ?? { cut: [], set: [] };
    known = last;
    change(last);
  }

  function failed(failure) {
    tell(words.failed(failure.message));
  }

  function show(next) {
    picture = next;
    const { cell, cut, set } = now();
    choose(cell);
    remember({ cut, set });
    const entry = (text, without) =>
      element(
        "li",
        {},
        button([text, " ✕"], without, { class: "chip", "aria-label": knife.takeBack(text) }),
      );
    done.replaceChildren(
      ...cut.map((name) =>
        entry(knife.off(name), () => change({ cut: cut.filter((each) => each !== name) })),
      ),
      ...set.map(([name, value]) =>
        entry(knife.set(name, short(value)), () =>
          change({ set: set.filter(([each]) => each !== name) }),
        ),
      ),
    );
    const changed = cut.length + set.length > 0;
    undo.hidden = whole.hidden = !changed;
    if (changed) weigh();
    else cost.textContent = knife.nothing;
    if (ranking.open) rank();
  }

  async function askForCost() {
    const { changes } = changesOf();
    if (changes) cost.textContent = knife.cost(await askCost(networkAt(), changes));
  }

  // ------------------------------------------------------------------------------- what is chosen

  function choose(cell) {
    const unit = /^d?[AZ](\d+)\[(\d+)\]$/.exec(cell ?? "");
    const hidden = unit && Number(unit[1]) < picture.layers.length - 1;
    const parameter = /^d?([Wb]\d+\[[\d,]+\])$/.exec(cell ?? "")?.[1];
    const name = hidden ? `A${unit[1]}[${unit[2]}]` : parameter;
    const off = now().cut.includes(name);
    const key = JSON.stringify([name, hidden && off, hidden || moment().image]);
    if (key === shown) return;
    shown = key;
    if (hidden) chosen.replaceChildren(...unitOf(name, off));
    else if (parameter) parameterOf(parameter);
    else chosen.replaceChildren(element("p", {}, knife.hint));
  }

  function unitOf(name, off) {
    const { cut } = now();
    const turn = () =>
      change({ cut: off ? cut.filter((each) => each !== name) : [...cut, name] });
    return [
      element("h3", {}, knife.unit(name)),
      button(off ? knife.turnOn : knife.turnOff, turn, { class: "primary", id: "knife-unit" }),
    ];
  }

  // The curve is that of the network as it was when the parameter was chosen.
  async function parameterOf(name) {
    const mine = shown;
    chosen.replaceChildren(element("h3", {}, name));
    try {
      const found = await askCurve(moment(), name);
      if (mine !== shown) return;
      let begun = false;
      const moved = (value, still) => {
        const others = now().set.filter(([each]) => each !== name);
        change({ set: [...others, [name, value]] }, { dragging: begun });
        begun = !still;
      };
      chosen.replaceChildren(
        element("h3", {}, knife.parameter(name, short(found.value))),
        ...slope(found, moved),
      );
    } catch (failure) {
      failed(failure);
    }
  }

  // ---------------------------------------------------------------------------- what matters most

  async function rank() {
    const asked = { ...networkAt(), ...changesOf() };
    const key = JSON.stringify(asked);
    if (key === ranked) return;
    ranked = key;
    try {
      const { units, layer } = await askMatters(asked, 1);
      const names = classesOf();
      ranks.replaceChildren(
        ...units.slice(0, LISTED).map((each) =>
          element(
            "li",
            {},
            button(knife.worth(each, names), () => change({ cell: `A${layer}[${each.unit}]` }), {
              class: "small",
            }),
          ),
        ),
      );
    } catch (failure) {
      ranked = "";
      failed(failure);
    }
  }

  return { node, show };
}
