// Learn from this image once: the change of E that the gradient promises for a step, beside the
// change that is measured, for every size of step.

import { NotRecorded, step as ask } from "../../ask/server.js";
import { bars } from "../../parts/bars.js";
import { chart } from "../../parts/chart.js";
import { button, element } from "../../parts/element.js";
import { display, formula } from "../../parts/formula.js";
import { full, largestOf, percent, short, six } from "../../parts/numbers.js";
import { words } from "../../strings.js";

const BARS = 10; // of more classes the most probable are shown

export function step({ isHidden, reveal }) {
  const node = element("section", { class: "step", id: "step", "aria-labelledby": "step-title" });
  const curves = curvesOfStep();
  let asked = 0;

  function show(ledger, moment) {
    asked += 1;
    const result = element("div", { id: "step-result" });
    const mine = asked;
    const start = button(words.learn, run, { class: "primary", id: "learn" });
    async function run() {
      start.disabled = true;
      try {
        const found = await ask(moment);
        if (mine !== asked) return;
        start.hidden = true;
        result.replaceChildren(slider(found, ledger, curves));
        result.querySelector("input").focus({ preventScroll: true });
        node.scrollIntoView({ block: "start" });
      } catch (failure) {
        const why = failure instanceof NotRecorded ? words.elsewhere : failure.message;
        result.replaceChildren(element("p", { class: "quiet" }, why));
      }
      start.disabled = false;
    }
    node.replaceChildren(
      element("h2", { id: "step-title" }, words.stepTitle),
      element("p", {}, words.stepLead),
      display("W := W - α dW, b := b - α db", { "data-part": "formulas" }),
      isHidden("gradients") ? button(words.reveal, () => reveal("gradients")) : start,
      result,
    );
  }

  return { node, show };
}

// The slider over the sizes of step, and what each of them does.
function slider(found, ledger, curves) {
  const last = found.rates.length - 1;
  const range = element("input", {
    type: "range",
    id: "rate",
    min: 0,
    max: last,
    step: 1,
    value: Math.round(last / 4),
  });
  const rate = element("output", { class: "number", for: "rate", id: "rate-value" });
  const promised = element("td", { class: "number", id: "promised" });
  const measured = element("td", { class: "number", id: "measured" });
  const says = element("p", { class: "says", "aria-live": "polite", id: "step-says" });
  // Of many classes those that are most probable before the step, or after one of its sizes.
  const most = found.probabilities.map((before, k) =>
    Math.max(before, ...found.probabilities_after.map((after) => after[k])),
  );
  most[ledger.label] = 2; // always
  const shown = largestOf(most, BARS).sort((a, b) => a - b);
  const both = bars(words.beforeAfter, { names: shown.map((k) => ledger.names[k]) });
  both.mark(shown.indexOf(ledger.label), true);

  function move() {
    const k = Number(range.value);
    rate.textContent = short(found.rates[k]);
    range.setAttribute("aria-valuetext", words.rateIs(short(found.rates[k])));
    promised.textContent = six(found.promised[k]);
    measured.textContent = six(found.measured[k]);
    const answer = found.predictions_after[k];
    const shares = found.probabilities_after[k];
    says.textContent = words.afterStep(ledger, answer, percent(shares[answer]));
    says.classList.toggle("good", answer === ledger.label);
    shown.forEach((k, row) => {
      const before = found.probabilities[k];
      both.set(row, shares[k], `${percent(before)} → ${percent(shares[k])}`, before);
    });
    curves.show(found, k);
  }
  range.addEventListener("input", move);
  move();

  const head = (...content) => element("th", { scope: "row" }, ...content);
  const table = element(
    "table",
    { class: "promise" },
    element("caption", { class: "unseen" }, words.promiseCaption),
    element(
      "tbody",
      {},
      element("tr", {}, head(words.promise, formula("-α ‖g‖²")), promised),
      element("tr", {}, head(words.measured), measured),
    ),
  );
  const line = element(
    "div",
    { class: "rate" },
    element("label", { for: "rate" }, words.rate),
    range,
    rate,
  );
  const slope = element("p", { class: "quiet" }, words.slopeIs(full(found.slope)));
  const left = element("div", {}, line, table, slope, says, curves.node);
  return element("div", { class: "columns" }, left, both.node);
}

// The promise falls without end, the measurement cannot: so the chart is as high as that needs.
function curvesOfStep() {
  const y = { name: words.changeOfE, write: six, range: [0, 1] };
  const { node, show } = chart({
    label: words.curveLabel,
    x: { name: "α", log: true },
    y,
    height: 240,
  });

  return {
    node,
    show({ rates: x, promised, measured }, k) {
      const reach = Math.max(...measured.map(Math.abs));
      y.range = [-2 * reach, 1.2 * reach];
      const lines = [
        { name: words.promiseShort, x, y: promised, colour: "accent", dash: true },
        { name: words.measuredShort, x, y: measured, colour: "positive" },
      ];
      const dots = lines.map(({ y: values, colour }) => ({ x: x[k], y: values[k], colour }));
      show(lines, { dots });
    },
  };
}
