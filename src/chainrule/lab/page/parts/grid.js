// The one component for every matrix, vector and image: pixels on a canvas, and over it a grid of
// real cells with names, for the keyboard and for screen readers.

import { words } from "../strings.js";
import { flat, meets } from "./cells.js";
import { onTheme } from "./colour.js";
import { element } from "./element.js";
import { light, lit, onLight } from "./light.js";
import { layer as makeLayer } from "./layer.js";
import { full, percent, short } from "./numbers.js";
import { OUTLINES, outline, paintCells, paintPixels } from "./painting.js";
import { readOut, stopReading } from "./readout.js";

const grids = new Set(); // all but the retired
let factor = 1; // of sizes: larger for a projector
let open = () => {};
let hidden = () => false;

export function onOpen(handler) {
  open = handler;
}

// Whether the values of an array are kept back for now.
export function hides(test) {
  hidden = test;
}

export function enlarge(by) {
  factor = by;
  for (const each of grids) each.resize();
}

onTheme(() => {
  for (const each of grids) each.paint();
});
onLight(() => {
  for (const each of grids) each.paintLight();
});

let ratio = devicePixelRatio;
addEventListener("resize", () => {
  if (ratio === devicePixelRatio) return;
  ratio = devicePixelRatio;
  for (const each of grids) each.resize();
});

// Of `array`, rows × columns cells; index(row, column) is the cell's index in the array, or null.
// draw: "sign" (colour and mark), "number" (with digits), "bar" (a probability) or "ink".
// picture: pixels only, no cells, for use inside a button. note(cell, value): words after its
// value. heads: what stands in front of each bar in place of its index, `indent` px wide.
// lights(cell): the cells of the ledger that light up with it; opens: whether it is one of them.
export function grid({
  array,
  rows,
  columns,
  index,
  label,
  width,
  height,
  draw = "sign",
  picture = false,
  note,
  heads = null,
  indent = 18,
  lights = (cell) => cell.text,
  opens = true,
}) {
  const canvas = element("canvas", { "aria-hidden": "true" });
  const plain = picture || draw === "ink"; // a pixel for each cell, made larger by CSS
  const node = element("div", { class: `grid grid-${draw}${plain ? " plain" : ""}` }, canvas);
  const cells = picture ? null : makeLayer({ name, opened, pointed, left });
  if (cells) node.append(cells.node);
  let over = null; // the canvas of outlines, made when there are any
  let shape = null; // of the array: its last dimension makes an index flat
  let values = null;
  let most = () => 1; // the number whose colour is the darkest, for a cell
  let shade = (_, value) => value; // what is painted, where that is not the value itself
  let names = []; // [row][column] of { text, index } or null

  const valueOf = (cell) => values[flat(cell.index, shape)];
  const written = draw === "bar" ? percent : short;

  function arrange(next = {}) {
    ({ rows = rows, columns = columns, index = index, label = label } = next);
    names = Array.from({ length: rows }, (_, r) =>
      Array.from({ length: columns }, (_, c) => {
        const at = index(r, c);
        return at && { array, index: at, text: at.length ? `${array}[${at.join(",")}]` : array };
      }),
    );
    cells?.arrange(names, label);
    resize();
  }

  // What a screen reader hears, and the exact value for whoever reads the page by program.
  function name(each, cell) {
    if (!values) return;
    const shut = hidden(array);
    const value = valueOf(cell);
    each.setAttribute("aria-label", `${cell.text} ${shut ? words.hidden : written(value)}`);
    if (shut) delete each.dataset.value;
    else each.dataset.value = full(value);
  }

  function resize() {
    const [w, h] = [columns * width * factor, rows * height * factor];
    node.style.width = `${w}px`;
    node.style.height = `${h}px`;
    canvas.width = plain ? columns : Math.round(w * devicePixelRatio);
    canvas.height = plain ? rows : Math.round(h * devicePixelRatio);
    if (over) fitOver();
    cells?.size(width * factor, height * factor);
    paint();
    paintLight();
  }

  function fitOver() {
    over.width = Math.round(columns * width * factor * devicePixelRatio);
    over.height = Math.round(rows * height * factor * devicePixelRatio);
  }

  function scaleTo(size) {
    if (width === size) return;
    width = height = size;
    resize();
  }

  const sizes = () => [width * factor * devicePixelRatio, height * factor * devicePixelRatio];

  function paint() {
    const pen = canvas.getContext("2d");
    pen.clearRect(0, 0, canvas.width, canvas.height);
    if (!values || hidden(array)) return;
    const painted = (cell) => shade(cell, valueOf(cell));
    const look = { value: valueOf, painted, most, heads, indent };
    const scale = factor * devicePixelRatio;
    if (plain) paintPixels(pen, names, draw, look);
    else paintCells(pen, names, draw, look, { sizes: sizes(), scale, narrow: width * factor < 9 });
  }

  let dirty = false;
  function paintLight() {
    const parts = Object.values(lit).some((refs) => refs.some((ref) => ref.array === array));
    if (!parts && !dirty) return;
    if (!over) {
      over = element("canvas", { class: "over", "aria-hidden": "true" });
      fitOver();
      canvas.after(over);
    }
    const pen = over.getContext("2d");
    pen.clearRect(0, 0, over.width, over.height);
    dirty = parts;
    for (const part of Object.keys(OUTLINES)) {
      const refs = lit[part].filter((ref) => ref.array === array);
      if (!refs.length) continue;
      const within = names.map((line) =>
        line.map((cell) => cell && refs.some((ref) => meets(ref, cell))),
      );
      outline(pen, within, part, sizes(), width * factor < 14);
    }
  }

  function show(nextValues, nextShape, nextMost = () => 1, nextShade = (_, value) => value) {
    [values, shape, most, shade] = [nextValues, nextShape, nextMost, nextShade];
    cells?.tellAll();
    paint();
  }

  function refresh() {
    if (values) show(values, shape, most, shade);
  }

  // ------------------------------------------------------------------ pointer and keyboard

  function opened(cell, byKey) {
    if (opens) open(cell.text, byKey);
  }

  function pointed(cell, x, y) {
    light("hover", lights(cell));
    const value = values && !hidden(array) ? valueOf(cell) : NaN;
    const text = draw === "bar" ? `${short(value)}  (${percent(value)})` : short(value);
    const told = hidden(array) ? "?" : text + (note?.(cell, value) ?? "");
    readOut(`${cell.text} = ${told}`, x, y);
  }

  function left() {
    stopReading();
    light("hover", "");
  }

  // The row and the column of a cell, or null.
  function find(name) {
    for (const [r, line] of names.entries()) {
      const c = line.findIndex((cell) => cell?.text === name);
      if (c >= 0) return [r, c];
    }
    return null;
  }

  // Whether the cell is shown here; focus moves to it.
  function focus(name) {
    const found = find(name);
    if (found) cells.focusOn(...found);
    return found !== null;
  }

  const self = {
    node,
    show,
    arrange,
    resize,
    scaleTo,
    paint,
    paintLight,
    refresh,
    focus,
    retire: () => grids.delete(self),
  };
  grids.add(self);
  arrange();
  return self;
}

export function refreshGrids() {
  for (const each of grids) each.refresh();
}
