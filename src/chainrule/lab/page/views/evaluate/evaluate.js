// Evaluate: how a network does on its test images: which digit it takes for which, its most
// confident mistakes, what it answers if it may say "I don't know", and what damage does to it.

import { button, element } from "../../parts/element.js";
import { colours, css, onTheme, onTop } from "../../parts/colour.js";
import { count, percent } from "../../parts/numbers.js";
import { cut, gallery } from "../../parts/pictures.js";
import { chart } from "../../parts/plot.js";
import { evaluate as ask, confused } from "../../ask/server.js";
import { networkAt, networkOf } from "../../state.js";
import { networkSwitch } from "../inside/story.js";
import { words } from "../../strings.js";

const DIGITS = Array.from({ length: 10 }, (_, digit) => digit);

// What can be done to the images: [least, most, between].
const DAMAGE = {
  noise: [0, 1, 0.05],
  rotation: [-45, 45, 1],
  shift: [0, 8, 1],
  thickness: [-2, 2, 0.5],
};

export function evaluate({ lab, tell }) {
  const says = words.evaluate;
  const networks = networkSwitch(lab, "evaluate-network");
  const headline = element("h1", { id: "evaluate-title" }, says.heading);
  let found = null; // the last answer
  let asking = null;
  let again = false;
  let chosen = null; // [true digit, read as]
  let opening = ""; // the cell that was asked for last

  // -------------------------------------------------------------------------- confusion matrix

  let roving = [0, 0];
  const cells = DIGITS.map((i) =>
    DIGITS.map((j) => {
      const node = element("td", {
        role: "gridcell",
        tabindex: i + j === 0 ? 0 : -1,
        "data-confusion": `${i},${j}`,
        onclick: () => choose(i, j),
        onfocus: () => (roving = [i, j]),
      });
      return node;
    }),
  );
  const matrix = element(
    "table",
    {
      class: "confusion",
      role: "grid",
      "aria-rowcount": 11,
      "aria-colcount": 11,
      "aria-label": says.matrixLabel,
      onkeydown: onKey,
    },
    element(
      "thead",
      {},
      element(
        "tr",
        { role: "row" },
        element("td", { role: "presentation" }),
        DIGITS.map((j) => element("th", { role: "columnheader", scope: "col" }, j)),
      ),
    ),
    element(
      "tbody",
      {},
      cells.map((row, i) =>
        element("tr", { role: "row" }, element("th", { role: "rowheader", scope: "row" }, i), row),
      ),
    ),
  );

  function onKey(event) {
    const [i, j] = roving;
    const to = {
      ArrowUp: [i - 1, j],
      ArrowDown: [i + 1, j],
      ArrowLeft: [i, j - 1],
      ArrowRight: [i, j + 1],
      Home: [i, 0],
      End: [i, 9],
    }[event.key];
    if (event.altKey || event.ctrlKey || event.metaKey) return;
    if (to) {
      event.preventDefault();
      const next = cells[to[0]]?.[to[1]];
      if (!next) return;
      cells[i][j].tabIndex = -1;
      next.tabIndex = 0;
      next.focus();
    } else if (event.key === "Enter" || event.key === " ") {
      event.preventDefault();
      choose(i, j);
    }
  }

  // Blue: read right; orange: mistakes. The darkest is the most frequent of its kind.
  function paint() {
    if (!found) return;
    const { shades } = colours();
    const off = Math.max(1, ...found.confusion.flatMap((row, i) => row.filter((_, j) => j !== i)));
    const on = Math.max(1, ...found.confusion.map((row, i) => row[i]));
    found.confusion.forEach((row, i) =>
      row.forEach((n, j) => {
        const node = cells[i][j];
        const colour = (i === j ? shades.negative : shades.positive)[
          Math.round((200 * n) / (i === j ? on : off))
        ];
        node.textContent = n ? count(n) : "·";
        node.style.background = css(colour);
        node.style.color = css(onTop(colour));
        node.setAttribute("aria-label", says.cell(i, j, n));
        node.classList.toggle("chosen", chosen?.[0] === i && chosen?.[1] === j);
      }),
    );
  }
  onTheme(paint);

  const cellTitle = element("h3", { id: "cell-title", "aria-live": "polite" });
  const cellNote = element("p", { class: "quiet" });
  const cellImages = gallery(says.cellImages);
  const ofCell = element(
    "section",
    { class: "of-cell", id: "of-cell", "aria-labelledby": "cell-title", hidden: true },
    element(
      "div",
      { class: "dialog-head" },
      cellTitle,
      button("✕", close, { "aria-label": words.close, class: "small" }),
    ),
    cellNote,
    cellImages.node,
  );

  function close() {
    const [i, j] = chosen;
    chosen = null;
    ofCell.hidden = true;
    paint();
    cells[i][j].focus();
  }

  async function choose(i, j) {
    cells[roving[0]][roving[1]].tabIndex = -1;
    roving = [i, j];
    cells[i][j].tabIndex = 0;
    chosen = [i, j];
    paint();
    await showCell();
  }

  async function showCell() {
    if (!chosen || !found) return;
    const [i, j] = chosen;
    ofCell.hidden = false;
    cellTitle.textContent = says.cell(i, j, found.confusion[i][j]);
    const { threshold: _, ...of } = question();
    const wanted = JSON.stringify([of, i, j]);
    opening = wanted;
    try {
      const cell = await confused({ ...of, truth: i, read: j });
      if (!chosen || opening !== wanted) return;
      await cellImages.show(
        cell.indices.map((index, k) => ({
          index,
          label: i,
          read: i === j ? undefined : j,
          text: percent(cell.confidence[k]),
          ...pixelsOf(cell, k, of),
        })),
      );
      cellNote.textContent = says.shownOf(cell.indices.length, cell.count);
    } catch (failure) {
      tell(words.failed(failure.message));
    }
  }

  // As the network saw it, if it was damaged.
  function pixelsOf(answer, k, { damage }) {
    return damage ? { pixels: cut(answer.images, k) } : {};
  }

  // ------------------------------------------------------------------------- digit by digit

  const bars = DIGITS.map((digit) => {
    const bar = element("div", { class: "bar after" });
    const text = element("td", { class: "number" });
    return {
      bar,
      text,
      node: element(
        "tr",
        {},
        element("th", { scope: "row" }, digit),
        element("td", { class: "track", "aria-hidden": "true" }, bar),
        text,
      ),
    };
  });
  const perDigit = element(
    "table",
    { class: "bars measures" },
    element("caption", { class: "unseen" }, says.perDigit),
    element(
      "tbody",
      {},
      bars.map((row) => row.node),
    ),
  );
  const worst = gallery(says.worst);

  // ---------------------------------------------------------------------------- I don't know

  const threshold = element("input", {
    type: "range",
    id: "threshold",
    min: 0,
    max: 0.99,
    step: 0.01,
    value: 0,
    oninput: send,
  });
  const limit = element("output", { class: "number", for: "threshold" });
  const unsure = element("p", { class: "says", role: "status", id: "unsure" });

  // ---------------------------------------------------------------------------------- damage

  const sliders = Object.entries(DAMAGE).map(([name, [min, max, step]]) => {
    const input = element("input", {
      type: "range",
      id: `damage-${name}`,
      min,
      max,
      step,
      value: 0,
      oninput: send,
    });
    const output = element("output", { class: "number", for: input.id });
    return {
      name,
      input,
      output,
      node: element(
        "div",
        { class: "rate" },
        element("label", { for: input.id }, says.damage[name]),
        input,
        output,
      ),
    };
  });
  const undo = button(
    says.undamaged,
    () => {
      for (const { input } of sliders) input.value = 0;
      send();
    },
    { id: "undamaged" },
  );
  const curves = Object.keys(DAMAGE).map((name) => ({
    name,
    ...chart({
      label: says.damageCurve(says.damage[name]),
      x: says.damage[name],
      y: says.accuracy,
      height: 200,
      percent: true,
      range: [0, 1],
    }),
  }));
  const measure = button(says.measureCurves, measureCurves, { id: "damage-curves" });
  const charts = element(
    "div",
    { class: "pair", id: "curves-of-damage", hidden: true },
    curves.map((each) => each.node),
  );
  const damagePart = element(
    "section",
    { class: "panel", "aria-labelledby": "damage-title" },
    element("h2", { id: "damage-title" }, says.damageTitle),
    element("p", {}, says.damageLead),
    sliders.map((each) => each.node),
    element("div", { class: "row-of-buttons" }, undo, measure),
    charts,
  );

  function damaged() {
    return sliders.some(({ input }) => Number(input.value) !== 0);
  }

  function question() {
    const damage = Object.fromEntries(
      sliders
        .filter(({ input }) => Number(input.value) !== 0)
        .map(({ name, input }) => [name, Number(input.value)]),
    );
    return { ...networkAt(), threshold: Number(threshold.value), ...(damaged() ? { damage } : {}) };
  }

  let measured = ""; // the network that the curves are of

  async function measureCurves() {
    measure.disabled = true;
    measure.textContent = says.measuring;
    const of = networkAt();
    try {
      const answer = await ask({ ...of, curves: true });
      measured = JSON.stringify(of);
      charts.hidden = false;
      for (const { name, show } of curves) {
        const { x, accuracy } = answer.curves[name];
        show([{ name: says.accuracy, x, y: accuracy, colour: "accent" }], {
          label: `${says.damageCurve(says.damage[name])}: ${says.curveSays(x, accuracy)}`,
        });
      }
    } catch (failure) {
      tell(words.failed(failure.message));
    }
    measure.disabled = false;
    measure.textContent = says.measureCurves;
  }

  // --------------------------------------------------------------------------------- showing

  const node = element(
    "div",
    { class: "evaluate", id: "view-evaluate" },
    element(
      "section",
      { class: "panel wide", "aria-labelledby": "evaluate-title" },
      element("div", { role: "status" }, headline),
      networks.node,
    ),
    element(
      "section",
      { class: "panel", "aria-labelledby": "matrix-title" },
      element("h2", { id: "matrix-title" }, says.matrixTitle),
      element("p", { class: "quiet" }, says.matrixLead),
      element("div", { class: "sideways" }, matrix),
      ofCell,
    ),
    element(
      "div",
      { class: "panels" },
      element(
        "section",
        { class: "panel", "aria-labelledby": "digits-title" },
        element("h2", { id: "digits-title" }, says.perDigit),
        perDigit,
      ),
      element(
        "section",
        { class: "panel", "aria-labelledby": "unsure-title" },
        element("h2", { id: "unsure-title" }, says.unsureTitle),
        element("p", {}, says.unsureLead),
        element(
          "div",
          { class: "rate" },
          element("label", { for: "threshold" }, says.threshold),
          threshold,
          limit,
        ),
        unsure,
      ),
      damagePart,
    ),
    element(
      "section",
      { class: "panel wide", "aria-labelledby": "worst-title" },
      element("h2", { id: "worst-title" }, says.worst),
      element("p", { class: "quiet" }, says.worstLead),
      worst.node,
    ),
  );

  function show(answer, asked) {
    found = answer;
    headline.textContent = says.headline(
      networkOf().name,
      says.percent(answer.accuracy),
      damaged(),
      networkOf(),
    );
    paint();
    answer.per_digit.forEach((share, digit) => {
      bars[digit].bar.style.width = `${100 * (share ?? 0)}%`;
      bars[digit].text.textContent = share === null ? "–" : says.percent(share);
    });
    unsure.textContent = says.unsure(answer);
    const { mistakes } = answer;
    worst.show(
      mistakes.indices.map((index, k) => ({
        index,
        label: mistakes.labels[k],
        read: mistakes.predictions[k],
        text: says.mistake(
          mistakes.labels[k],
          mistakes.predictions[k],
          percent(mistakes.confidence[k]),
        ),
        ...pixelsOf(mistakes, k, asked),
      })),
    );
    if (measured !== JSON.stringify(networkAt())) charts.hidden = true;
    if (chosen) showCell();
  }

  // One question at a time; the newest waits.
  async function send() {
    limit.textContent = says.percent(Number(threshold.value)).replace(".0", "");
    threshold.setAttribute("aria-valuetext", limit.textContent);
    for (const { name, input, output } of sliders) {
      output.textContent = says.amount(name, Number(input.value));
      input.setAttribute("aria-valuetext", output.textContent);
    }
    undo.disabled = !damaged();
    if (asking) {
      again = true;
      return;
    }
    asking = true;
    node.setAttribute("aria-busy", "true");
    try {
      const asked = question();
      show(await ask(asked), asked);
    } catch (failure) {
      tell(words.failed(failure.message));
    }
    asking = false;
    node.removeAttribute("aria-busy");
    if (again && !node.hidden) {
      again = false;
      send();
    }
  }

  function enter() {
    networks.show();
    send();
  }

  return { node, enter };
}
