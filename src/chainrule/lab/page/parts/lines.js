// What a chart paints: axes, lines, the cursor, and the names above them. The pen is a canvas's, or
// one that writes SVG.

import { percents, plain, power, stretches } from "./axis.js";
import { colours, css } from "./colour.js";

const FONT = 13; // px, of the numbers, where a rem has 16

export function paintAxes(pen, view) {
  const { x, y, edge, right, bottom, scale, across, along, atX, atY } = view;
  const { ink, line, muted } = colours();
  const below = (values) => values[0] < 0; // then the line at 0 is stronger
  const step = along[1] - along[0];
  pen.font = `${FONT * scale}px system-ui, sans-serif`;
  for (const value of along) {
    pen.fillStyle = css(value === 0 && below(along) ? muted : line);
    pen.fillRect(edge.left, Math.round(atY(value)), right - edge.left, 1);
  }
  for (const value of across) {
    pen.fillStyle = css(value === 0 && below(across) ? muted : line);
    pen.fillRect(Math.round(atX(value)), edge.top, 1, bottom - edge.top);
  }
  pen.fillStyle = css(ink);
  pen.textAlign = "right";
  pen.textBaseline = "middle";
  const up = y.percent ? percents : plain;
  for (const value of along) pen.fillText(up(value, step), edge.left - 8, atY(value));
  pen.textAlign = "center";
  pen.textBaseline = "top";
  const gap = across[1] - across[0] || 1;
  for (const value of across) {
    pen.fillText(x.log ? power(value) : plain(value, gap), atX(value), bottom + 6);
  }
  if (!view.small) pen.fillText(x.name, (edge.left + right) / 2, bottom + 24 * scale);
}

// What goes up, and the names of several lines, each with a piece of it.
export function paintNames(pen, up, lines) {
  const { ink } = colours();
  const shown = lines.length > 1 ? lines : [];
  pen.font = `${FONT}px system-ui, sans-serif`;
  pen.textAlign = "left";
  pen.textBaseline = "middle";
  pen.fillStyle = css(ink);
  pen.fillText(up, 8, 14);
  let left = 24 + 7 * up.length;
  for (const { name, colour, dash } of shown) {
    const ends = [left, left + 26].map((each) => [each, 14]);
    stroke(pen, ends, css(colours()[colour]), 2.5, dash ? [9, 5] : []);
    pen.fillText(name, left + 32, 14);
    left += 48 + 7 * name.length;
  }
}

export function paintLines(pen, { edge, right, bottom, atX, atY }, { lines, mark, dots }) {
  const palette = colours();
  pen.lineJoin = "round";
  pen.save();
  pen.beginPath();
  pen.rect(edge.left - 6, edge.top - 6, right - edge.left + 12, bottom - edge.top + 7);
  pen.clip();
  if (mark !== null) upright(pen, atX(mark), edge.top, bottom, css(palette.muted), 2, [2, 4]);
  for (const { x, y, colour, dash, thin } of lines) {
    const paint = css(palette[colour]);
    for (const part of stretches(y)) {
      if (part.length === 1) dot(pen, atX(x[part[0]]), atY(y[part[0]]), 3.5, paint);
      else
        stroke(
          pen,
          part.map((k) => [atX(x[k]), atY(y[k])]),
          paint,
          thin ? 1.25 : 2.5,
          dash ? [9, 5] : [],
        );
    }
  }
  for (const { x, y, colour } of dots) dot(pen, atX(x), atY(y), 5.5, css(palette[colour]));
  pen.restore();
}

export function paintCursor(pen, { edge, bottom, atX, atY }, lines, at) {
  const palette = colours();
  upright(pen, atX(at), edge.top, bottom, css(palette.muted), 1, []);
  for (const { x, y, colour } of lines) {
    const value = y[x.indexOf(at)];
    const height = Number.isFinite(value) ? atY(value) : -1;
    if (height >= edge.top - 1 && height <= bottom + 1)
      dot(pen, atX(at), height, 3.5, css(palette[colour]));
  }
}

function upright(pen, left, top, bottom, paint, thick, dash) {
  stroke(
    pen,
    [
      [left, top],
      [left, bottom],
    ],
    paint,
    thick,
    dash,
  );
}

function stroke(pen, points, paint, thick, dash) {
  pen.beginPath();
  for (const [left, top] of points) pen.lineTo(left, top);
  pen.strokeStyle = paint;
  pen.lineWidth = thick;
  pen.setLineDash(dash);
  pen.stroke();
}

function dot(pen, left, top, radius, paint) {
  pen.beginPath();
  pen.arc(left, top, radius, 0, 2 * Math.PI);
  pen.fillStyle = paint;
  pen.fill();
}
