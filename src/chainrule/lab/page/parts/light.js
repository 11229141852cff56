// What is selected and what lights up: everything that names cells is lit together, both ways.
//
// A reference is the name of a cell or of a range of cells: dW2[3,7], W2[3,:], A1[:], E, Z2 (all of it).
// Anything in the page with a data-cells attribute (references parted by spaces) takes part.

export const lit = { selected: [], from: [], feeds: [], hover: [] };

const listeners = new Set();
const parsed = new Map();

// { array, index }: a null in the index means every one; an index of null means the whole array.
export function reference(text) {
  let found = parsed.get(text);
  if (found === undefined) {
    const parts = /^(\w+)(?:\[([^\]]*)\])?$/.exec(text);
    const number = (each) => (/^\d+$/.test(each) ? Number(each) : null);
    found = parts && {
      array: parts[1],
      index: parts[2] === undefined ? null : parts[2].split(",").map(number),
      text,
    };
    parsed.set(text, found);
  }
  return found;
}

function references(text) {
  return text.split(" ").filter(Boolean).map(reference).filter(Boolean);
}

export function meets(one, other) {
  if (one.array !== other.array) return false;
  if (!one.index || !other.index) return true;
  return one.index.every(
    (each, k) => each === null || other.index[k] === null || each === other.index[k],
  );
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
