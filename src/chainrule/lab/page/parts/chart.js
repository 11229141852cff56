// The one chart of the page: lines over x on a canvas, with axes, a legend, and a cursor that reads
// the values off, by pointer or by the arrow keys. While a network learns it is drawn ten times a
// second, and may cost next to nothing, because the training wants the cores.

import { closest, ends, merged, powers, ticks, within } from "./axis.js";
import { inBlack, onTheme } from "./colour.js";
import { svgPen } from "./drawn.js";
import { element } from "./element.js";
import { svgButton } from "./keeping.js";
import { paintAxes, paintCursor, paintLines, paintNames } from "./lines.js";
import { count, minus, short } from "./numbers.js";

const HEAD = 26; // px, above a saved chart, for its names
export const pictures = new WeakMap(); // of a canvas, what gives its picture as SVG

// x: { name, log, whole }, y: { name, range, percent, write }. `write` makes text of a y that is
// read off; without a range the axis begins at 0, or at the least number if that is below. `file`
// is the name of its picture, if it is saved. A small one among many has narrow edges, no names of
// its lines, and reads off their range.
export function chart({ label, x, y, height = 230, file = "chart", small = false }) {
  const canvas = element("canvas", { "aria-hidden": "true" });
  const plot = element(
    "div",
    { class: "plot", role: "img", tabindex: "0", "aria-label": label },
    canvas,
  );
  const head = element("p", { class: "chart-head", "aria-hidden": "true" });
  const told = element("p", { class: "unseen", role: "status" });
  const bar = element("div", { class: "chart-bar" }, head, svgButton(file, label, svg));
  const node = element("div", { class: "chart" }, bar, plot, told);
  pictures.set(canvas, svg);
  plot.style.height = `${height}px`;
  const pen = canvas.getContext("2d");
  let wanted = null; // { lines, mark, dots }
  let view = null; // what is drawn: { atX, atY, all } and its edges
  let width = 0;
  let at = null; // the x that is read off
  let due = 0;

  // line: { name, x, y, colour, dash, thin }, colour the name of one of the style sheet's; a y that
  // is null is a gap. mark: an x with a line of its own. dots: { x, y, colour }. The axis of x goes
  // to `until` at least. range: of the axis of y, if others have the same.
  function show(lines, { mark = null, dots = [], says = label, until = 0, range } = {}) {
    wanted = { lines, mark, dots, until, small, range: range ?? y.range };
    if (plot.getAttribute("aria-label") !== says) plot.setAttribute("aria-label", says);
    soon();
  }

  function soon() {
    due ||= requestAnimationFrame(draw);
  }

  function draw() {
    due = 0;
    if (!wanted || !width) return;
    view = frame({ ...wanted, x, y, width, height, scale: rem() / 16 });
    const ratio = devicePixelRatio;
    const [w, h] = [Math.round(width * ratio), Math.round(height * ratio)];
    if (canvas.width !== w || canvas.height !== h) Object.assign(canvas, { width: w, height: h });
    pen.setTransform(ratio, 0, 0, ratio, 0, 0);
    pen.clearRect(0, 0, width, height);
    paintAxes(pen, view);
    paintLines(pen, view, wanted);
    if (!view.all.includes(at)) at = null; // other lines have come
    if (at !== null) paintCursor(pen, view, wanted.lines, at);
    write();
  }

  // The picture as a text of SVG, as on paper; nothing of what was never drawn.
  function svg() {
    if (!wanted || !width) return "";
    return inBlack(() => {
      const { pen: writing, svg: written } = svgPen(width, height + HEAD);
      const seen = { ...wanted, x, y, width, height: height + HEAD, scale: 1, top: HEAD };
      const there = frame(seen);
      paintNames(writing, y.name, small ? [] : wanted.lines);
      paintAxes(writing, there);
      paintLines(writing, there, wanted);
      return written();
    });
  }

  // Above the lines: what goes up, or what is read off; and the names of several lines.
  function write() {
    const { lines } = wanted;
    const text = at === null ? y.name : reading();
    const key = JSON.stringify([text, lines.map(({ name, colour, dash }) => [name, colour, dash])]);
    if (head.dataset.key === key) return;
    head.dataset.key = key;
    head.replaceChildren(
      element("span", { class: "number" }, text),
      ...(lines.length > 1 && !small ? lines.map(named) : []),
    );
  }

  function reading() {
    const found = wanted.lines.map((line) => [line.name, line.y[line.x.indexOf(at)]]);
    const values = found.filter(([, value]) => value !== undefined && value !== null);
    const span = small && spanOf(values.map(([, value]) => value));
    if (small) return `${when()}: ${span.map(y.write).join(" – ")}`;
    const texts = values.map(
      ([name, value]) => (found.length > 1 ? `${name} ` : "") + y.write(value),
    );
    return `${when()}: ${texts.join(", ")}`;
  }

  const when = () => `${x.name} ${x.log ? short(at) : minus(count(at))}`;

  function read(next, aloud = false) {
    at = next;
    if (aloud) told.textContent = at === null ? "" : reading();
    soon();
  }

  canvas.addEventListener("pointermove", ({ offsetX }) => {
    if (view?.all.length) read(view.all[closest(view.all.map(view.atX), offsetX)]);
  });
  canvas.addEventListener("pointerleave", () => read(null));
  plot.addEventListener("blur", () => read(null, true));
  plot.addEventListener("keydown", (event) => {
    if (event.altKey || event.ctrlKey || event.metaKey || !view?.all.length) return;
    const last = view.all.length - 1;
    const k = at === null ? -1 : closest(view.all, at);
    const pace = event.shiftKey ? 10 : 1;
    const to = {
      ArrowLeft: k < 0 ? last : k - pace,
      ArrowRight: k < 0 ? 0 : k + pace,
      Home: 0,
      End: last,
    };
    if (event.key === "Escape" && at !== null) read(null, true);
    else if (event.key in to) read(view.all[Math.min(Math.max(to[event.key], 0), last)], true);
    else return;
    event.preventDefault();
    event.stopPropagation();
  });
  new ResizeObserver(([{ contentRect }]) => {
    width = contentRect.width;
    soon();
  }).observe(plot);
  onTheme(draw);
  return { node, show };
}

function named({ name, colour, dash }) {
  const sample = element("span", { class: dash ? "sample dashed" : "sample" });
  sample.style.borderColor = `var(--${colour})`;
  return element("span", { class: "of-line" }, sample, name);
}

let rootSize = 0;
onTheme(() => (rootSize = 0)); // a projector has larger letters

function rem() {
  rootSize ||= parseFloat(getComputedStyle(document.documentElement).fontSize);
  return rootSize;
}

// Where everything is: the edges, the round numbers, and the place of an x and of a y.
function frame({ lines, until, range, small, x, y, width, height, scale, top = 0 }) {
  const [start, end, foot] = small ? [48, 10, 26] : [56, 22, 44];
  const edge = {
    left: start * scale,
    right: end * scale,
    top: top + 10 * scale,
    bottom: foot * scale,
  };
  const [right, bottom] = [width - edge.right, height - edge.bottom];
  const all = merged(lines.map((line) => line.x));
  const about = Math.min(Math.max(Math.floor((right - edge.left) / (80 * scale)), 2), 6);
  const [least, most] = ends([all]);
  const low = x.log ? least : Math.min(0, least);
  const high = Math.max(most, until, low + (x.whole ? 1 : 1e-9));
  const across = x.log ? powers(low, high) : within(low, high, about, x.whole);
  const [down, up] = range ?? rangeOf(lines, y);
  const along = ticks(down, up);
  const [first, last] = range ?? [along[0], along.at(-1)];
  const place = x.log ? Math.log10 : (value) => value;
  const [from, to] = [place(low), place(high)];
  return {
    x,
    y,
    edge,
    right,
    bottom,
    width,
    scale,
    small,
    all,
    across,
    along: along.filter((value) => value >= first && value <= last),
    atX: (value) => edge.left + ((place(value) - from) / (to - from || 1)) * (right - edge.left),
    atY: (value) => bottom - ((value - first) / (last - first)) * (bottom - edge.top),
  };
}

// The least and the largest of these numbers; one if they are the same.
function spanOf(values) {
  const [low, high] = ends([values]);
  return low === high ? [low] : [low, high];
}

function rangeOf(lines, { percent }) {
  const [least, most] = ends(lines.map((line) => line.y));
  const low = Math.min(0, least);
  return [low, Math.max(most, percent ? 0.05 : 0, low === 0 && !(most > 0) ? 1 : low)];
}
