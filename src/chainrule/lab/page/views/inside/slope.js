// The error while one parameter is moved, with the line that has our slope: a curve to drag along.

import { chart } from "../../parts/chart.js";
import { element } from "../../parts/element.js";
import { short, six } from "../../parts/numbers.js";
import { classesOf } from "../../state.js";
import { words } from "../../strings.js";

// `found` is the server's curve; `moved` is told each value on the way, and whether it stays there.
export function slope(found, moved = () => {}) {
  const { parameter: name, values, errors: E, tangent, reads } = found;
  const names = classesOf();
  const middle = (values.length - 1) / 2;
  const drawn = chart({
    label: words.story.curveLabel(name),
    x: { name, write: short },
    y: { name: words.story.curveE, write: six },
    height: 140,
  });
  const range = element("input", {
    type: "range",
    min: 0,
    max: values.length - 1,
    step: 1,
    value: middle,
    class: "slope-range",
    "aria-label": words.story.move(name),
  });
  const says = element("p", { class: "number tale-reading", "aria-live": "polite" });
  const line = [values[0], values.at(-1)];
  const lines = [
    { name: words.story.curveE, x: values, y: E, colour: "accent" },
    { name: words.story.tangent, x: line, y: tangent, colour: "positive", dash: true },
  ];

  function show() {
    const k = Number(range.value);
    drawn.show(lines, { dots: [{ x: values[k], y: E[k], colour: "accent" }] });
    says.textContent = words.story.reading(name, short(values[k]), six(E[k]), names[reads[k]]);
    range.setAttribute("aria-valuetext", says.textContent);
  }

  range.addEventListener("input", () => {
    show();
    moved(values[Number(range.value)], false);
  });
  range.addEventListener("change", () => moved(values[Number(range.value)], true));
  show();
  return [drawn.node, range, says];
}
