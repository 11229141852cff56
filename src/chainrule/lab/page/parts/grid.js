// The one component for every matrix, vector and image: pixels on a canvas, and over it a grid of
// real cells with names, for the keyboard and for screen readers.

import { button, element } from "./element.js";
import { colours, css, inked, mark, onTheme, onTop, signed } from "./colour.js";
import { light, lit, meets, onLight } from "./light.js";
import { full, percent, short, tiny } from "./numbers.js";
import { words } from "../strings.js";

const later = window.requestIdleCallback ?? ((go) => setTimeout(go, 100)); // some browsers have none
const cancelLater = window.cancelIdleCallback ?? clearTimeout;
const AT_ONCE = 128; // cells made at once; more are made when the browser is idle
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

// One line beside the pointer or the focus: the name and the value of a cell.
const readout = element("div", { class: "readout", "aria-hidden": "true", hidden: true });

// Of `array`, rows × columns cells; index(row, column) is the cell's index in the array, or null.
// draw: "sign" (colour and mark), "number" (with digits), "bar" (a probability) or "ink".
// picture: pixels only, no cells, for use inside a button. note(cell, value): words after its value.
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
  lights = (cell) => cell.text,
  opens = true,
}) {
  const canvas = element("canvas", { "aria-hidden": "true" });
  const plain = picture || draw === "ink"; // one pixel of the canvas for each cell, made larger by CSS
  const node = element("div", { class: `grid grid-${draw}${plain ? " plain" : ""}` }, canvas);
  let over = null; // the canvas of outlines, made when there are any
  const layer = picture
    ? null
    : element("div", { role: "grid", "aria-label": label, class: "cells" });
  if (layer) node.append(layer);
  let shape = null; // of the array: its last dimension makes an index flat
  let values = null;
  let most = () => 1; // the number whose colour is the darkest, for a cell
  let shade = (_, value) => value; // what is painted, where that is not the value itself
  let names = []; // [row][column] of { text, index } or null
  let made = [];
  let roving = [0, 0];
  let waiting = 0;

  function arrange(next = {}) {
    ({
      rows = rows,
      columns = columns,
      index = index,
      label = label,
      width = width,
      height = height,
    } = next);
    names = Array.from({ length: rows }, (_, r) =>
      Array.from({ length: columns }, (_, c) => {
        const at = index(r, c);
        return at && { array, index: at, text: at.length ? `${array}[${at.join(",")}]` : array };
      }),
    );
    if (layer) {
      cancelLater(waiting);
      layer.replaceChildren();
      layer.setAttribute("aria-label", label);
      layer.setAttribute("aria-rowcount", rows);
      layer.setAttribute("aria-colcount", columns);
      made = [];
      roving = [Math.min(roving[0], rows - 1), Math.min(roving[1], columns - 1)];
      if (!names[roving[0]][roving[1]]) roving = [0, 0];
      if (rows * columns <= AT_ONCE) makeAll();
      else {
        makeRow(roving[0]);
        waiting = later(makeAll, { timeout: 2000 });
      }
    }
    resize();
  }

  const at = (cell) =>
    cell.index.length === 2 ? cell.index[0] * shape[1] + cell.index[1] : (cell.index[0] ?? 0);
  const valueOf = (cell) => (values && !hidden(array) ? values[at(cell)] : NaN);

  function makeAll() {
    for (let r = 0; r < rows; r += 1) makeRow(r);
  }

  function makeRow(r) {
    if (made[r]) return;
    const cells = names[r].map((cell, c) =>
      element("span", {
        role: "gridcell",
        "aria-colindex": c + 1,
        class: "cell",
        ...(cell
          ? { "data-cell": cell.text, tabindex: r === roving[0] && c === roving[1] ? 0 : -1 }
          : {}),
      }),
    );
    const line = element("div", { role: "row", "aria-rowindex": r + 1, class: "row" }, cells);
    made[r] = { line, cells };
    const next = made.slice(r + 1).find(Boolean);
    layer.insertBefore(line, next?.line ?? null);
    size(made[r]);
    tell(r);
  }

  // What a screen reader hears, and the exact value for whoever reads the page by program.
  function tell(r) {
    const shut = hidden(array);
    made[r].cells.forEach((node, c) => {
      const cell = names[r][c];
      if (!cell || !values) return;
      const value = values[at(cell)];
      node.setAttribute(
        "aria-label",
        `${cell.text} ${shut ? words.hidden : draw === "bar" ? percent(value) : short(value)}`,
      );
      if (shut) delete node.dataset.value;
      else node.dataset.value = full(value);
    });
  }

  function size({ line, cells }) {
    line.style.height = `${height * factor}px`;
    for (const cell of cells) cell.style.width = `${width * factor}px`;
  }

  function resize() {
    const [w, h] = [columns * width * factor, rows * height * factor];
    node.style.width = `${w}px`;
    node.style.height = `${h}px`;
    canvas.width = plain ? columns : Math.round(w * devicePixelRatio);
    canvas.height = plain ? rows : Math.round(h * devicePixelRatio);
    if (over) fitOver();
    for (const each of made) if (each) size(each);
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

  const box = (r, c) => {
    const [x, y] = [width * factor * devicePixelRatio, height * factor * devicePixelRatio];
    const [left, top] = [Math.round(c * x), Math.round(r * y)];
    return [left, top, Math.round((c + 1) * x) - left, Math.round((r + 1) * y) - top];
  };

  function paintPlain() {
    const pen = canvas.getContext("2d");
    const image = pen.createImageData(columns, rows);
    if (values && !hidden(array)) {
      let k = 0;
      for (const line of names) {
        for (const cell of line) {
          const value = values[at(cell)];
          const [r, g, b] = draw === "ink" ? inked(value) : signed(shade(cell, value), most(cell));
          image.data[k] = r;
          image.data[k + 1] = g;
          image.data[k + 2] = b;
          image.data[k + 3] = 255;
          k += 4;
        }
      }
    }
    pen.putImageData(image, 0, 0);
  }

  function paint() {
    if (plain) return paintPlain();
    const pen = canvas.getContext("2d");
    pen.clearRect(0, 0, canvas.width, canvas.height);
    if (!values || hidden(array)) return;
    const gap = width * factor < 9 ? 0 : 1;
    for (let r = 0; r < rows; r += 1) {
      for (let c = 0; c < columns; c += 1) {
        const cell = names[r][c];
        if (!cell) continue;
        const [left, top, w, h] = box(r, c);
        const value = values[at(cell)];
        if (draw === "bar") bar(pen, cell, value, left, top, w, h);
        else {
          const painted = shade(cell, value);
          const colour = signed(painted, most(cell));
          pen.fillStyle = css(colour);
          pen.fillRect(left, top, w - gap, h - gap);
          if (draw === "number") write(pen, cell, value, colour, left, top, w - gap, h - gap);
          else if (draw === "sign") mark(pen, painted, colour, left, top, w - gap, h - gap);
        }
      }
    }
  }

  function font(pen, share) {
    pen.font = `${share * factor * devicePixelRatio}px system-ui, sans-serif`;
    pen.textBaseline = "middle";
  }

  function write(pen, cell, value, colour, left, top, w, h) {
    const pad = 4 * devicePixelRatio * factor;
    const text = onTop(colour);
    font(pen, 12);
    pen.fillStyle = css(text);
    pen.textAlign = "right";
    pen.fillText(tiny(value), left + w - pad, top + h / 2);
    if (cell.index.length === 1) {
      font(pen, 9.5);
      pen.textAlign = "left";
      pen.fillText(cell.index[0], left + pad * 0.8, top + h / 2);
    }
  }

  function bar(pen, cell, value, left, top, w, h) {
    const { ink, line, probability } = colours();
    const pad = 5 * devicePixelRatio * factor;
    const start = left + 18 * devicePixelRatio * factor;
    const room = w - (start - left) - 54 * devicePixelRatio * factor;
    font(pen, 12.5);
    pen.fillStyle = css(ink);
    pen.textAlign = "left";
    pen.fillText(cell.index[0], left + pad, top + h / 2);
    pen.fillStyle = css(line);
    pen.fillRect(start, top + h * 0.45, room, Math.max(1, h * 0.1));
    pen.fillStyle = css(probability);
    pen.fillRect(start, top + h * 0.2, Math.max(room * value, 0), h * 0.6);
    pen.fillStyle = css(ink);
    pen.textAlign = "right";
    pen.fillText(percent(value), left + w - pad, top + h / 2);
  }

  // The outlines of what is selected or lit: around each region, not around each of its cells.
  let dirty = false;
  function paintLight() {
    const parts = Object.entries(lit).filter(([, refs]) => refs.some((ref) => ref.array === array));
    if (!parts.length && !dirty) return;
    if (!over) {
      over = element("canvas", { class: "over", "aria-hidden": "true" });
      fitOver();
      canvas.after(over);
    }
    const pen = over.getContext("2d");
    pen.clearRect(0, 0, over.width, over.height);
    dirty = parts.length > 0;
    const { accent, ink } = colours();
    const styles = {
      feeds: [1.5, [4, 3], accent],
      from: [2, [], accent],
      hover: [3, [], ink],
      selected: [3.5, [], accent],
    };
    for (const part of ["feeds", "from", "selected", "hover"]) {
      const refs = lit[part].filter((ref) => ref.array === array);
      if (!refs.length) continue;
      const within = names.map((line) =>
        line.map((cell) => cell !== null && refs.some((ref) => meets(ref, cell))),
      );
      const [thick, dashes, colour] = styles[part];
      pen.lineWidth = thick * devicePixelRatio;
      pen.setLineDash(dashes.map((each) => each * devicePixelRatio));
      pen.strokeStyle = css(colour);
      // Around a small cell rather than over it.
      contour(pen, within, thick * devicePixelRatio * (width * factor < 14 ? -0.3 : 0.5));
    }
  }

  function contour(pen, within, inset) {
    pen.beginPath();
    for (let r = 0; r < rows; r += 1) {
      for (let c = 0; c < columns; c += 1) {
        if (!within[r][c]) continue;
        const [left, top, w, h] = box(r, c);
        const [up, right, down, back] = [
          within[r - 1]?.[c],
          within[r]?.[c + 1],
          within[r + 1]?.[c],
          within[r]?.[c - 1],
        ];
        // Towards a neighbour in the same region a line runs on to the border of the cell.
        const [x0, y0] = [back ? left : left + inset, up ? top : top + inset];
        const [x1, y1] = [right ? left + w : left + w - inset, down ? top + h : top + h - inset];
        if (!up) (pen.moveTo(x0, y0), pen.lineTo(x1, y0));
        if (!right) (pen.moveTo(x1, y0), pen.lineTo(x1, y1));
        if (!down) (pen.moveTo(x1, y1), pen.lineTo(x0, y1));
        if (!back) (pen.moveTo(x0, y1), pen.lineTo(x0, y0));
      }
    }
    pen.stroke();
  }

  function show(nextValues, nextShape, nextMost = () => 1, nextShade = (_, value) => value) {
    [values, shape, most, shade] = [nextValues, nextShape, nextMost, nextShade];
    for (let r = 0; r < rows; r += 1) if (made[r]) tell(r);
    paint();
  }

  function refresh() {
    if (values) show(values, shape, most, shade);
  }

  // ------------------------------------------------------------------ pointer and keyboard

  function under(event) {
    const bounds = layer.getBoundingClientRect();
    const r = Math.floor(((event.clientY - bounds.top) / bounds.height) * rows);
    const c = Math.floor(((event.clientX - bounds.left) / bounds.width) * columns);
    return names[r]?.[c] ? [r, c] : null;
  }

  function hover(r, c, x, y) {
    const cell = names[r][c];
    light("hover", lights(cell));
    const value = valueOf(cell);
    const shut = hidden(array);
    readout.textContent =
      `${cell.text} = ` +
      `${shut ? "?" : draw === "bar" ? `${short(value)}  (${percent(value)})` : short(value)}${shut ? "" : (note?.(cell, value) ?? "")}`;
    if (!readout.isConnected) document.body.append(readout);
    readout.hidden = false;
    const right = x > innerWidth - 260;
    readout.style.left = right ? "auto" : `${x + 14}px`;
    readout.style.right = right ? `${innerWidth - x + 10}px` : "auto";
    readout.style.top = `${Math.max(y - 38, 4)}px`;
  }

  function leave() {
    readout.hidden = true;
    light("hover", "");
  }

  function focusOn(r, c) {
    makeRow(r);
    const before = made[roving[0]]?.cells[roving[1]];
    if (before) before.tabIndex = -1;
    roving = [r, c];
    made[r].cells[c].tabIndex = 0;
    made[r].cells[c].focus({ preventScroll: false });
  }

  function onKey(event) {
    const [r, c] = roving;
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
      if (opens) open(names[r][c].text, true);
    }
  }

  if (layer) {
    layer.addEventListener("pointermove", (event) => {
      const found = under(event);
      if (found) hover(...found, event.clientX, event.clientY);
      else leave();
    });
    layer.addEventListener("pointerleave", leave);
    layer.addEventListener("click", (event) => {
      const found = under(event);
      if (!found) return;
      focusOn(...found);
      if (opens) open(names[found[0]][found[1]].text);
    });
    layer.addEventListener("keydown", onKey);
    layer.addEventListener("focusin", (event) => {
      const bounds = event.target.getBoundingClientRect();
      if (event.target.matches(":focus-visible")) hover(...roving, bounds.right, bounds.top);
    });
    layer.addEventListener("focusout", leave);
  }

  // Whether the cell is shown here; focus moves to it.
  function focus(cellName) {
    for (let r = 0; r < rows; r += 1) {
      const c = names[r].findIndex((cell) => cell?.text === cellName);
      if (c >= 0) {
        focusOn(r, c);
        return true;
      }
    }
    return false;
  }

  // The place of a cell for what is laid over it, such as the pulse of the first minute.
  function place(cellName) {
    for (let r = 0; r < rows; r += 1) {
      const c = names[r].findIndex((cell) => cell?.text === cellName);
      if (c >= 0)
        return {
          left: c * width * factor,
          top: r * height * factor,
          width: width * factor,
          height: height * factor,
        };
    }
    return null;
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
    place,
    retire: () => grids.delete(self),
  };
  grids.add(self);
  arrange();
  return self;
}

export function refreshGrids() {
  for (const each of grids) each.refresh();
}

// "rows 0–19 of 100" with buttons to turn; show(start) shows a page.
export function pager({ what, total, size, show }) {
  let start = 0;
  const place = element("span", { class: "number", "aria-live": "polite" });
  const back = button("‹", () => turn(start - size), {
    "aria-label": words.earlier(what),
    class: "small",
  });
  const on = button("›", () => turn(start + size), {
    "aria-label": words.later(what),
    class: "small",
  });
  const node = element(
    "div",
    { class: "pager", role: "group", "aria-label": words.page(what) },
    back,
    place,
    on,
  );
  function turn(to) {
    start = Math.min(Math.max(to, 0), Math.floor((total - 1) / size) * size);
    place.textContent = words.range(what, start, Math.min(start + size, total) - 1, total);
    back.disabled = start === 0;
    on.disabled = start + size >= total;
    show(start);
  }
  return {
    node,
    turn,
    reach: (index) =>
      (index < start || index >= start + size) && turn(Math.floor(index / size) * size),
    get start() {
      return start;
    },
  };
}
