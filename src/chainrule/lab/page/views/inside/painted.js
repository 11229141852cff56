// A cell of a table whose number has the colour it would have in a grid.

import { css, onTheme, onTop, signed } from "../../parts/colour.js";
import { element } from "../../parts/element.js";
import { full, short } from "../../parts/numbers.js";

const colours = new WeakMap(); // cell to [value, most]

onTheme(() => {
  for (const cell of document.querySelectorAll("td[data-value]")) paint(cell);
});

function paint(cell) {
  if (!colours.has(cell)) return;
  const colour = signed(...colours.get(cell));
  cell.style.backgroundColor = css(colour);
  cell.style.color = css(onTop(colour));
}

// `most`: the number whose colour is the darkest; `written`: how the number is shown.
export function painted(value, most, { written = short, ...attributes } = {}) {
  const cell = element(
    "td",
    { class: "number", "data-value": full(value), ...attributes },
    written(value),
  );
  if (typeof value === "number" && Number.isFinite(value)) colours.set(cell, [value, most]);
  paint(cell);
  return cell;
}
