// What a block of the pass shows: a number, a vector, a window of a matrix, or images.

import { kindOf } from "../../parts/cells.js";
import { element } from "../../parts/element.js";
import { grid } from "../../parts/grid.js";
import { pager } from "../../parts/pager.js";
import { words } from "../../strings.js";
import { imagesOf } from "./units.js";

const ROW = 24; // px: ten of them make a vector
const WINDOW = [20, 32]; // rows and columns of a weight matrix on a page
const CLOSE = 15; // px: a row of many
const NAMED = 12; // characters of a name that are written
const LIST = 16; // longer vectors are wrapped,
const WRAPPED = 70; // px wide, if their cells can be that small

// last: whether it is of the last layer. `ledger` gives the one that is shown; `twin` the body of
// the array's derivative, or of what it is the derivative of.
export function bodyOf(array, { last, ledger, twin }) {
  const { kind, layer } = kindOf(array.name);
  if (kind.endsWith("W"))
    return layer === 1 ? imagesOf(array, ledger, twin) : matrixOf(array, twin);
  if (kind === "E") return numberOf();
  const n = array.shape[0];
  const isBar = kind === "A" && last;
  const label = words.gridLabel(array.name, array.shape);
  const names = last || kind === "y" ? ledger().names : null;
  const note = names ? (cell) => words.named(names[cell.index[0]], cell.index[0]) : undefined;
  if (isBar) return listOf(grid({ ...barsOf(array.name, names), label, note }), n);
  if (n > LIST) return wrappedOf(array.name, n, label, note);
  return single(
    grid({
      array: array.name,
      rows: n,
      columns: 1,
      index: (r) => [r],
      label,
      width: 64,
      height: ROW,
      draw: "number",
      note,
    }),
  );
}

// A list of many scrolls; it begins where the largest value is in sight.
function listOf(made, n) {
  if (n <= LIST) return single(made);
  const node = element("div", { class: "long-list" }, made.node);

  function show(values, ...more) {
    made.show(values, ...more);
    const largest = values.indexOf(Math.max(...values));
    node.scrollTop = (node.scrollHeight * (largest + 0.5)) / n - node.clientHeight / 2;
  }

  return { ...single(made), node, show };
}

// The probabilities are always a list, each bar behind its class; of many classes a close one.
function barsOf(array, names) {
  const heads = names.map((name) => [...name].slice(0, NAMED).join(""));
  const indent = 7 * Math.max(...heads.map((name) => name.length)) + 11;
  return {
    array,
    rows: names.length,
    columns: 1,
    index: (r) => [r],
    width: 112 + indent,
    height: names.length > LIST ? CLOSE : ROW,
    draw: "bar",
    heads,
    indent,
  };
}

function numberOf() {
  const made = grid({
    array: "E",
    rows: 1,
    columns: 1,
    index: () => [],
    label: "E",
    width: 92,
    height: ROW,
    draw: "number",
  });
  const note = element("p", { class: "note" }, words.ofOne);
  return { ...single(made), node: element("div", {}, made.node, note) };
}

// A long vector, in columns of small cells.
function wrappedOf(array, n, label, note) {
  let size = 16;
  const wrapped = () => Math.ceil(n / Math.floor((10 * ROW) / size));
  while (size > 8 && wrapped() * size > WRAPPED) size -= 1;
  const columns = wrapped();
  const rows = Math.ceil(n / columns);
  const index = (r, c) => (r * columns + c < n ? [r * columns + c] : null);
  return single(grid({ array, rows, columns, index, label, width: size, height: size, note }));
}

function single(made) {
  return {
    node: made.node,
    show: made.show,
    retire: made.retire,
    reach: () => {},
    focus: (cell) => made.focus(cell),
  };
}

// A weight matrix past the first layer: a window of it, with pages where it is large.
function matrixOf(array, twin) {
  const [n, m] = array.shape;
  const [rows, columns] = [Math.min(n, WINDOW[0]), Math.min(m, WINDOW[1])];
  let [top, left] = [0, 0];
  const made = grid({
    array: array.name,
    rows,
    columns,
    index: (r, c) => (top + r < n && left + c < m ? [top + r, left + c] : null),
    label: words.gridLabel(array.name, array.shape),
    width: columns <= 12 ? 23 : columns <= 16 ? 18 : 8,
    height: rows <= 10 ? ROW : 12,
  });
  const turned = (set) => (start) => {
    set(start);
    made.arrange();
    twin()?.follow(top, left);
  };
  const toRow = turned((start) => (top = start));
  const toColumn = turned((start) => (left = start));
  const down = n > rows && pager({ what: words.rows, total: n, size: rows, show: toRow });
  const across =
    m > columns && pager({ what: words.columns, total: m, size: columns, show: toColumn });
  const node = element("div", {}, made.node, down?.node, across?.node);
  if (down) down.turn(0);
  if (across) across.turn(0);
  return {
    ...single(made),
    node,
    follow(wantedTop, wantedLeft) {
      if (down && top !== wantedTop) down.turn(wantedTop);
      if (across && left !== wantedLeft) across.turn(wantedLeft);
    },
    reach([i, j]) {
      if (down) down.reach(i);
      if (across) across.reach(j);
    },
  };
}
