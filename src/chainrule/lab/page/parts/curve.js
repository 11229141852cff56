// Curves that grow while a network learns, on a canvas of their own: drawn ten times a second they
// may cost next to nothing, because the training wants the cores. Charts that stand are Plotly's.

import { colours, css, onTheme } from "./colour.js";
import { element } from "./element.js";
import { count, minus } from "./numbers.js";

const EDGE = { left: 56, right: 14, top: 26, bottom: 44 }; // room for the numbers and the names
const FONT = "13px system-ui, sans-serif";
const TICKS = 5; // about so many

// Round numbers from 0 to at least `most`: 1, 2 or 5 and noughts apart.
export function ticks(most, whole) {
  const rough = most / TICKS;
  const size = 10 ** Math.floor(Math.log10(rough));
  const step = Math.max(
    [1, 2, 5, 10].find((each) => each * size >= rough * 0.999) * size,
    whole ? 1 : 0,
  );
  return Array.from({ length: Math.ceil(most / step - 1e-9) + 1 }, (_, k) => k * step);
}

// line: { name, y, colour, dash }, colour the name of one of the style sheet's; a y that is null is
// a gap. All have the same x, which only grows. `write` makes text of a y.
export function curve({ label, x: xName, y: yName, write, percent = false, height = 230 }) {
  const canvas = element("canvas", { "aria-hidden": "true" });
  const node = element("div", { class: "chart", role: "img", "aria-label": label }, canvas);
  const pen = canvas.getContext("2d");
  let wanted = null; // { x, lines, mark }
  let width = 0;
  let pointed = null; // where the pointer is, across
  let due = 0;

  function show(x, lines, { mark = null, says = label } = {}) {
    wanted = { x, lines, mark };
    if (node.getAttribute("aria-label") !== says) node.setAttribute("aria-label", says);
    soon();
  }

  function soon() {
    due ||= requestAnimationFrame(draw);
  }

  function draw() {
    due = 0;
    if (!wanted || !width) return;
    const { x, lines, mark } = wanted;
    const { ink, muted, line: grid } = colours();
    const [right, bottom] = [width - EDGE.right, height - EDGE.bottom];
    const most = Math.max(0, ...lines.flatMap(({ y }) => y.filter(Number.isFinite)));
    const up = ticks(percent ? Math.max(most, 0.05) : most || 1, false);
    const along = ticks(Math.max(x.at(-1) ?? 0, 1), true);
    const last = Math.max(x.at(-1) ?? 0, 1);
    const atX = (step) => EDGE.left + (step / last) * (right - EDGE.left);
    const atY = (value) => bottom - (value / up.at(-1)) * (bottom - EDGE.top);

    const ratio = devicePixelRatio;
    if (canvas.width !== Math.round(width * ratio)) {
      canvas.width = Math.round(width * ratio);
      canvas.height = Math.round(height * ratio);
    }
    pen.setTransform(ratio, 0, 0, ratio, 0, 0);
    pen.clearRect(0, 0, width, height);
    pen.font = FONT;
    pen.lineJoin = "round";

    pen.fillStyle = css(grid);
    for (const value of up) pen.fillRect(EDGE.left, Math.round(atY(value)), right - EDGE.left, 1);
    for (const step of along)
      if (step <= last) pen.fillRect(Math.round(atX(step)), EDGE.top, 1, bottom - EDGE.top);
    pen.fillStyle = css(ink);
    pen.textAlign = "right";
    pen.textBaseline = "middle";
    for (const value of up)
      pen.fillText(
        percent ? `${Math.round(100 * value)} %` : plain(value, up[1]),
        EDGE.left - 8,
        atY(value),
      );
    pen.textAlign = "center";
    pen.textBaseline = "top";
    for (const step of along) if (step <= last) pen.fillText(count(step), atX(step), bottom + 6);
    pen.fillText(xName, (EDGE.left + right) / 2, bottom + 24);

    if (mark !== null)
      stroke(
        [
          [atX(mark), EDGE.top],
          [atX(mark), bottom],
        ],
        css(muted),
        2,
        [2, 4],
      );
    for (const { y, colour, dash } of lines) {
      const paint = css(colours()[colour]);
      for (const part of parts(x, y)) {
        const points = part.map((k) => [atX(x[k]), atY(y[k])]);
        if (points.length === 1) dot(points[0], paint);
        else stroke(points, paint, 2.5, dash ? [9, 5] : []);
      }
    }
    if (pointed !== null && x.length) readOff(nearest(x, pointed, atX), atX, atY);
    else legend(lines, right);
  }

  function stroke(points, paint, thick, dash) {
    pen.beginPath();
    for (const [left, top] of points) pen.lineTo(left, top);
    pen.strokeStyle = paint;
    pen.lineWidth = thick;
    pen.setLineDash(dash);
    pen.stroke();
  }

  function dot([left, top], paint) {
    pen.beginPath();
    pen.arc(left, top, 3.5, 0, 7);
    pen.fillStyle = paint;
    pen.fill();
  }

  // What goes up, and the names of the lines if they are several.
  function legend(lines, right) {
    pen.textAlign = "left";
    pen.textBaseline = "middle";
    pen.fillStyle = css(colours().ink);
    pen.fillText(yName, 8, 11);
    if (lines.length < 2) return;
    let left = right;
    for (const { name, colour, dash } of lines.toReversed()) {
      left -= pen.measureText(name).width;
      pen.fillText(name, left, 11);
      stroke(
        [
          [left - 34, 11],
          [left - 6, 11],
        ],
        css(colours()[colour]),
        2.5,
        dash ? [9, 5] : [],
      );
      left -= 52;
    }
  }

  // What the lines are at the row under the pointer.
  function readOff(k, atX, atY) {
    const { x, lines } = wanted;
    stroke(
      [
        [atX(x[k]), EDGE.top],
        [atX(x[k]), height - EDGE.bottom],
      ],
      css(colours().muted),
      1,
      [],
    );
    for (const { y, colour } of lines)
      if (Number.isFinite(y[k])) dot([atX(x[k]), atY(y[k])], css(colours()[colour]));
    const numbers = lines.map(({ name, y }) => `${name} ${write(y[k])}`);
    pen.fillStyle = css(colours().ink);
    pen.textAlign = "left";
    pen.textBaseline = "middle";
    pen.fillText(`${xName} ${count(x[k])}: ${numbers.join(", ")}`, 8, 11);
  }

  canvas.addEventListener("pointermove", ({ offsetX }) => {
    pointed = offsetX;
    soon();
  });
  canvas.addEventListener("pointerleave", () => {
    pointed = null;
    soon();
  });
  new ResizeObserver(([{ contentRect }]) => {
    width = contentRect.width;
    soon();
  }).observe(node);
  onTheme(soon);
  return { node, show };
}

// The rows of each stretch without a gap.
function parts(x, y) {
  const found = [[]];
  for (let k = 0; k < x.length; k += 1) {
    if (Number.isFinite(y[k])) found.at(-1).push(k);
    else if (found.at(-1).length) found.push([]);
  }
  return found.filter((part) => part.length);
}

function nearest(x, left, atX) {
  let best = 0;
  for (let k = 1; k < x.length; k += 1)
    if (Math.abs(atX(x[k]) - left) <= Math.abs(atX(x[best]) - left)) best = k;
  return best;
}

// As many places as the step from one tick to the next has.
function plain(value, step) {
  return minus(value.toFixed(Math.max(0, -Math.floor(Math.log10(step) + 1e-9))));
}
