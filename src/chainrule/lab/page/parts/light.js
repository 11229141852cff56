// What is selected and what lights up: everything that names cells is lit together, both ways.
//
// Anything in the page with a data-cells attribute (names of cells or ranges, parted by spaces)
// takes part.

import { meets, reference } from "./cells.js";

export const lit = { selected: [], from: [], feeds: [], hover: [] };

const listeners = new Set();

function references(text) {
  return text.split(" ").filter(Boolean).map(reference).filter(Boolean);
}

export function onLight(listener) {
  listeners.add(listener);
}

// Set one part: "selected", "from", "feeds" or "hover".
export function light(part, text) {
  const wanted = references(text);
  if (same(lit[part], wanted)) return;
  lit[part] = wanted;
  if (part === "hover") markWords();
  for (const listener of listeners) listener(part);
}

function same(some, others) {
  return some.length === others.length && some.every((each, k) => each.text === others[k].text);
}

function markWords() {
  for (const node of document.querySelectorAll("[data-cells]")) {
    const own = references(node.dataset.cells);
    node.classList.toggle(
      "lit",
      lit.hover.some((each) => own.some((one) => meets(each, one))),
    );
  }
}

function follow(event) {
  const node = event.target.closest?.("[data-cells]");
  if (node) light("hover", node.dataset.cells);
  else if (!event.target.closest?.("[role=grid]")) light("hover", "");
}

document.addEventListener("pointerover", follow);
document.addEventListener("focusin", follow);
