// Learn from this image once: the change of E that the gradient promises for a step, beside the
// change that is measured, for every size of step.

import { button, element } from "../../parts/element.js";
import { colours, css, onTheme } from "../../parts/colour.js";
import { display, formula } from "../../parts/formula.js";
import { full, percent, short, six } from "../../parts/numbers.js";
import { looks, plotly } from "../../parts/plot.js";
import { NotRecorded, recorded, step as ask } from "../../ask/server.js";
import { words } from "../../strings.js";

export function step({ isHidden, reveal, learnt }) {
  const node = element("section", { class: "step", id: "step", "aria-labelledby": "step-title" });
  let asked = 0;
  let redraw = () => {};
  onTheme(() => redraw());

  function show(ledger, moment) {
    asked += 1;
    redraw = () => {};
    const result = element("div", { id: "step-result" });
    const mine = asked;
    const start = button(words.learn, run, { class: "primary", id: "learn" });
    async function run() {
      start.disabled = true;
      try {
        const found = await ask(moment);
        if (mine !== asked) return;
        start.hidden = true;
        result.replaceChildren(...slider(found, ledger));
        result.querySelector("input").focus({ preventScroll: true });
        node.scrollIntoView({ block: "start" });
        redraw();
      } catch (failure) {
        result.replaceChildren(
          element(
            "p",
            { class: "quiet" },
            failure instanceof NotRecorded ? words.elsewhere : failure.message,
          ),
        );
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

  function slider(found, ledger) {
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
    const bars = element("table", { class: "bars" });
    const curve = element("div", {
      class: "curve",
      id: "curve",
      role: "img",
      "aria-label": words.curveLabel,
    });

    const rows = found.probabilities.map((before, k) => {
      const old = element("div", { class: "bar before" });
      const fresh = element("div", { class: "bar after" });
      const text = element("td", { class: "number" });
      old.style.width = `${100 * before}%`;
      return {
        fresh,
        text,
        before,
        node: element(
          "tr",
          { class: k === ledger.label ? "truth" : "" },
          element("th", { scope: "row" }, k),
          element("td", { class: "track", "aria-hidden": "true" }, old, fresh),
          text,
        ),
      };
    });
    bars.append(
      element("caption", {}, words.beforeAfter),
      element(
        "tbody",
        {},
        rows.map((row) => row.node),
      ),
    );

    function move() {
      const k = Number(range.value);
      rate.textContent = short(found.rates[k]);
      range.setAttribute("aria-valuetext", words.rateIs(short(found.rates[k])));
      promised.textContent = six(found.promised[k]);
      measured.textContent = six(found.measured[k]);
      const answer = found.predictions_after[k];
      const share = found.probabilities_after[k][answer];
      says.textContent = words.afterStep(ledger, answer, percent(share));
      says.classList.toggle("good", answer === ledger.label);
      rows.forEach((row, digit) => {
        const after = found.probabilities_after[k][digit];
        row.fresh.style.width = `${100 * after}%`;
        row.text.textContent = `${percent(row.before)} → ${percent(after)}`;
      });
      marker(k);
      learnt(answer === ledger.label);
    }
    range.addEventListener("input", move);

    let marker = () => {};
    if (!recorded)
      drawCurve(curve, found).then((made) => {
        if (!made) return;
        marker = made.marker;
        redraw = () => made.redraw(Number(range.value));
        marker(Number(range.value));
      });
    else curve.hidden = true;
    move();

    return [
      element(
        "div",
        { class: "columns" },
        element(
          "div",
          {},
          element(
            "div",
            { class: "rate" },
            element("label", { for: "rate" }, words.rate),
            range,
            rate,
          ),
          element(
            "table",
            { class: "promise" },
            element("caption", { class: "unseen" }, words.promiseCaption),
            element(
              "tbody",
              {},
              element(
                "tr",
                {},
                element("th", { scope: "row" }, words.promise, formula("-α ‖g‖²")),
                promised,
              ),
              element("tr", {}, element("th", { scope: "row" }, words.measured), measured),
            ),
          ),
          element("p", { class: "quiet" }, words.slopeIs(full(found.slope))),
          says,
          curve,
        ),
        bars,
      ),
    ];
  }

  return { node, show };
}

async function drawCurve(node, found) {
  let Plotly;
  try {
    Plotly = await plotly();
  } catch {
    node.hidden = true; // the table and the slider say the same
    return null;
  }
  const line = (name, y, colour, dash) => ({
    x: found.rates,
    y,
    name,
    mode: "lines",
    line: { color: css(colour), dash, width: 2.5 },
    hovertemplate: "α = %{x:.4g}: %{y:.5g}",
  });
  const dot = (y, colour) => ({
    x: [found.rates[0]],
    y: [y],
    mode: "markers",
    marker: { size: 11, color: css(colour) },
    showlegend: false,
    hoverinfo: "skip",
  });
  const reach = Math.max(...found.measured.map(Math.abs));

  function draw(k) {
    const { accent, positive } = colours();
    const { axis, layout, settings } = looks();
    Plotly.react(
      node,
      [
        line(words.promiseShort, found.promised, accent, "dash"),
        line(words.measuredShort, found.measured, positive, "solid"),
        dot(found.promised[k], accent),
        dot(found.measured[k], positive),
      ],
      {
        ...layout,
        height: 260,
        xaxis: { ...axis, type: "log", dtick: 1, exponentformat: "power", title: { text: "α" } },
        // The promise falls without end; the measurement cannot: keep both readable.
        yaxis: { ...axis, title: { text: words.changeOfE }, range: [-2 * reach, 1.2 * reach] },
      },
      settings,
    );
    marker(k);
  }
  function marker(k) {
    Plotly.restyle(
      node,
      { x: [[found.rates[k]], [found.rates[k]]], y: [[found.promised[k]], [found.measured[k]]] },
      [2, 3],
    );
  }
  draw(0);
  return { redraw: draw, marker };
}
