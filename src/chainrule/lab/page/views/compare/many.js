// Many runs side by side: a small chart for each combination of settings, all on one scale, with a
// thin line for each seed. Which runs they are is said by the settings in which they may differ.

import { choice } from "../../parts/choice.js";
import { button, element } from "../../parts/element.js";
import { panel } from "../../parts/panel.js";
import { accuracyChart, lossChart } from "../../parts/progress.js";
import { change, now } from "../../state.js";
import { words } from "../../strings.js";
import { differing, family, groups, scaleOf, spreadOf, standing } from "./family.js";

const says = words.compare;
const HEIGHT = 130; // px of a chart
const COLUMNS = { test: "test_accuracy", loss: "loss" };

export function many() {
  const headline = element("p", { class: "says", role: "status", id: "many-says" });
  const free = element("fieldset", { class: "choices", id: "many-free" });
  const measure = choice(says.measure, "many-measure", Object.entries(says.measures), draw);
  measure.value = "test";
  const tools = element("div", { class: "choices" }, free, measure.node);
  const tiles = element("div", { class: "tiles" });
  const look = { class: "panel many-runs" };
  const node = panel("many-title", says.manyTitle, look, headline, tools, tiles);
  let all = [];
  let one = null;
  let shown = []; // { key, show } of each tile

  // runs: those that have a record; first: A.
  function show(runs, first) {
    [all, one] = [runs, first];
    offer(differing(all.filter((run) => run.digits === one.digits)));
    draw();
  }

  // The settings in which runs on these digits differ, to be ticked.
  function offer(names) {
    const key = names.join();
    if (free.dataset.names !== key) {
      free.dataset.names = key;
      const boxes = names.map((name) =>
        element(
          "label",
          {},
          element("input", { type: "checkbox", value: name, onchange: ticked }),
          ` ${says.settingName(name)}`,
        ),
      );
      free.replaceChildren(element("legend", {}, says.free), ...boxes);
    }
    for (const box of free.querySelectorAll("input")) box.checked = now().many.includes(box.value);
    free.hidden = !names.length;
  }

  function ticked() {
    change({ many: [...free.querySelectorAll("input:checked")].map((box) => box.value) });
  }

  function draw() {
    const runs = family(all, one, now().many);
    const found = groups(runs);
    const column = COLUMNS[measure.value];
    const range = scaleOf(runs.map((run) => run.history[column]));
    const until = Math.max(...runs.map((run) => run.length));
    headline.textContent = says.manySays(runs.length, found.length);
    const keys = found.map((each) => `${column} ${each.runs.map((run) => run.id).join()}`);
    if (keys.join() !== shown.map((each) => each.key).join()) {
      shown = found.map((each, k) => ({ key: keys[k], ...tile(column, each) }));
      tiles.replaceChildren(...shown.map((each) => each.node));
    }
    found.forEach((each, k) => shown[k].show(each.runs, one, { range, until }));
  }

  return { node, show };
}

function tile(column, { values, runs }) {
  const title = says.groupTitle(values);
  const label = says.groupChart(title, column);
  const chart = column === "loss" ? lossChart(HEIGHT, true) : accuracyChart(label, HEIGHT, true);
  const about = element("p", { class: "quiet" });
  const named = { class: "small", "aria-label": says.withAOf(title) };
  const other = button(says.withA, () => beside(), named);
  const head = element("div", { class: "tile-head" }, element("h3", {}, title), other);
  const node = element("section", { class: "tile", "aria-label": title }, head, about, chart.node);
  let with_ = runs[0];

  function beside() {
    change({ many: null, with: with_.id });
  }

  function show(own, one, scale) {
    const last = own.map((run) => standing(run, column)).filter(Number.isFinite);
    const told = last.length ? says.groupSays(column, spreadOf(last), last.length) : says.groupNone;
    const isA = own.some((run) => run.id === one.id);
    about.textContent = isA ? says.groupOfA(told) : told;
    node.classList.toggle("chosen", isA);
    with_ = own.find((run) => run.id !== one.id) ?? own[0];
    other.hidden = with_.id === one.id;
    const lines = own.map((run) => ({
      name: says.seed(run.settings.seed),
      x: run.history.step,
      y: run.history[column],
      colour: run.id === one.id ? "positive" : "accent",
      thin: run.id !== one.id,
    }));
    chart.show(lines, { ...scale, says: `${label}: ${told}` });
  }

  return { node, show };
}
