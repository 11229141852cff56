// The real cells over a painted grid, with names, for the keyboard and for screen readers.

import { element } from "./element.js";

// Some browsers have none.
const later = window.requestIdleCallback ?? ((go) => setTimeout(go, 100));
const cancelLater = window.cancelIdleCallback ?? clearTimeout;
const AT_ONCE = 128; // cells made at once; more are made when the browser is idle

// name(node, cell): give a cell its name; opened(cell, byKey): it is chosen; pointed(cell, x, y):
// the pointer or the focus is on it; left: on none.
export function layer({ name, opened, pointed, left }) {
  const node = element("div", { role: "grid", class: "cells" });
  let names = []; // [row][column] of { text, index } or null
  let made = [];
  let roving = [0, 0];
  let waiting = 0;
  let [width, height] = [0, 0];

  function arrange(next, label) {
    names = next;
    const [rows, columns] = [names.length, names[0].length];
    cancelLater(waiting);
    node.replaceChildren();
    node.setAttribute("aria-label", label);
    node.setAttribute("aria-rowcount", rows);
    node.setAttribute("aria-colcount", columns);
    made = [];
    roving = [Math.min(roving[0], rows - 1), Math.min(roving[1], columns - 1)];
    if (!names[roving[0]][roving[1]]) roving = [0, 0];
    if (rows * columns <= AT_ONCE) makeAll();
    else {
      makeRow(roving[0]);
      waiting = later(makeAll, { timeout: 2000 });
    }
  }

  function makeAll() {
    for (let r = 0; r < names.length; r += 1) makeRow(r);
  }

  function makeRow(r) {
    if (made[r]) return;
    const cells = names[r].map((cell, c) => {
      const tabindex = r === roving[0] && c === roving[1] ? 0 : -1;
      const own = cell ? { "data-cell": cell.text, tabindex } : {};
      return element("span", { role: "gridcell", "aria-colindex": c + 1, class: "cell", ...own });
    });
    const line = element("div", { role: "row", "aria-rowindex": r + 1, class: "row" }, cells);
    made[r] = { line, cells };
    const next = made.slice(r + 1).find(Boolean);
    node.insertBefore(line, next?.line ?? null);
    resize(made[r]);
    tell(r);
  }

  function tell(r) {
    made[r]?.cells.forEach((each, c) => names[r][c] && name(each, names[r][c]));
  }

  function resize({ line, cells }) {
    line.style.height = `${height}px`;
    for (const cell of cells) cell.style.width = `${width}px`;
  }

  function size(w, h) {
    [width, height] = [w, h];
    for (const each of made) if (each) resize(each);
  }

  function focusOn(r, c) {
    makeRow(r);
    const before = made[roving[0]]?.cells[roving[1]];
    if (before) before.tabIndex = -1;
    roving = [r, c];
    made[r].cells[c].tabIndex = 0;
    made[r].cells[c].focus({ preventScroll: false });
  }

  function under(event) {
    const bounds = node.getBoundingClientRect();
    const [down, across] = [event.clientY - bounds.top, event.clientX - bounds.left];
    const r = Math.floor((down / bounds.height) * names.length);
    const c = Math.floor((across / bounds.width) * names[0].length);
    return names[r]?.[c] ? [r, c] : null;
  }

  node.addEventListener("pointermove", (event) => {
    const found = under(event);
    if (found) pointed(names[found[0]][found[1]], event.clientX, event.clientY);
    else left();
  });
  node.addEventListener("pointerleave", left);
  node.addEventListener("click", (event) => {
    const found = under(event);
    if (!found) return;
    focusOn(...found);
    opened(names[found[0]][found[1]], false);
  });
  node.addEventListener("focusin", (event) => {
    const bounds = event.target.getBoundingClientRect();
    if (!event.target.matches(":focus-visible")) return;
    pointed(names[roving[0]][roving[1]], bounds.right, bounds.top);
  });
  node.addEventListener("focusout", left);
  node.addEventListener("keydown", (event) => {
    const [r, c] = roving;
    const [rows, columns] = [names.length, names[0].length];
    const to = {
      ArrowUp: [r - 1, c],
      ArrowDown: [r + 1, c],
      ArrowLeft: [r, c - 1],
      ArrowRight: [r, c + 1],
      Home: [event.ctrlKey ? 0 : r, 0],
      End: event.ctrlKey ? [rows - 1, columns - 1] : [r, columns - 1],
      PageUp: [0, c],
      PageDown: [rows - 1, c],
    }[event.key];
    if (event.altKey || event.metaKey) return;
    if (to) {
      event.preventDefault();
      event.stopPropagation();
      if (names[to[0]]?.[to[1]]) focusOn(...to);
    } else if (event.key === "Enter" || event.key === " ") {
      event.preventDefault();
      opened(names[r][c], true);
    }
  });

  return { node, arrange, size, focusOn, tellAll: () => names.forEach((_, r) => tell(r)) };
}
