// How a run has learned so far: its curves, and the same as a table.

import { element } from "../../parts/element.js";
import { csvButton } from "../../parts/keeping.js";
import { count } from "../../parts/numbers.js";
import { panel } from "../../parts/panel.js";
import { accuracyChart, lossChart, number, share } from "../../parts/progress.js";
import { words } from "../../strings.js";

const says = words.train;
const HEIGHT = 195; // px of a chart, so that both are in sight while it learns

const isValidated = (past) => past.validation_loss.some((each) => each !== null);

// The columns of a table beside the step, and how each is written.
function columnsOf(past) {
  const always = { loss: number, train_accuracy: share, test_accuracy: share };
  const validation = { validation_loss: number, validation_accuracy: share };
  return isValidated(past) ? { ...always, ...validation } : always;
}

export function history() {
  const losses = lossChart(HEIGHT);
  const accuracies = accuracyChart(says.accuracyChart, HEIGHT);
  const body = element("tbody");
  const heads = element("tr", {});
  const table = element("table", { class: "painted" }, element("thead", {}, heads), body);
  const sideways = element(
    "div",
    {
      class: "sideways table-of-history",
      tabindex: "0",
      role: "region",
      "aria-label": says.asTable,
    },
    table,
  );
  const rows = element(
    "details",
    { ontoggle: list },
    element("summary", {}, says.asTable),
    sideways,
  );
  const both = element("div", { class: "pair" }, losses.node, accuracies.node);
  const kept = csvButton("history", says.curvesTitle, asRows);
  const node = panel("curves-title", says.curvesTitle, { class: "curves" }, both, rows, kept);
  let past = null;

  function asRows() {
    const columns = ["step", ...Object.keys(columnsOf(past))];
    return [columns, ...past.step.map((_, k) => columns.map((name) => past[name][k]))];
  }

  // The rows of the history, and how it stands now after them; mark: a step that is looked at.
  function show(next, mark, at) {
    past = next;
    const ahead = mark === null && at.step > (past.step.at(-1) ?? -1);
    const column = (name, now) => (ahead ? [...past[name], now] : past[name]);
    const x = column("step", at.step);
    const told = says.chartSays(count(at.step), number(at.loss), share(at.train), share(at.test));
    const validated = isValidated(past);
    const apart = (name) => ({
      ...{ name: says.validation, x, y: column(name, null), colour: "good", dash: true },
    });
    const name = validated ? says.training : says.axisLoss;
    const loss = { name, x, y: column("loss", at.loss), colour: "accent" };
    losses.show(validated ? [loss, apart("validation_loss")] : [loss], {
      mark,
      says: `${says.lossChart}: ${told.loss}`,
    });
    const test = { name: says.test, x, y: column("test_accuracy", null), colour: "accent" };
    const y = typeof at.train === "number" ? column("train_accuracy", at.train) : null;
    const training = { name: says.training, x, y, colour: "positive", dash: true };
    const lines = [...(y ? [training] : []), test];
    accuracies.show(validated ? [...lines, apart("validation_accuracy")] : lines, {
      mark,
      says: `${says.accuracyChart}: ${told.accuracy}`,
    });
    rows.hidden = false;
    if (body.childElementCount !== past.step.length) list();
  }

  // Empty axes, as far as a training will come.
  function preview(until) {
    past = null;
    for (const chart of [losses, accuracies]) chart.show([], { until });
    rows.hidden = true;
    body.replaceChildren();
  }

  function list() {
    if (!rows.open || !past) return;
    const columns = columnsOf(past);
    const texts = (k) => Object.entries(columns).map(([name, write]) => write(past[name][k]));
    const cell = (text) => element("td", { class: "number" }, text);
    const row = (step, k) => element("tr", {}, [count(step), ...texts(k)].map(cell));
    const names = ["step", ...Object.keys(columns)].map((name) => says.columns[name]);
    heads.replaceChildren(...names.map((each) => element("th", { scope: "col" }, each)));
    body.replaceChildren(...past.step.map(row));
  }

  return { node, show, preview };
}
