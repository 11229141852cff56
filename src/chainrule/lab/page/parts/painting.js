// How the cells of a matrix, a vector or an image are painted, and what is outlined among them.
//
// `cells` are rows of { index, … } or null; `look` says of a cell its value, what is painted where
// that is not the value itself, and the number whose colour is the darkest.

import { colours, css, inked, mark, onTop, signed } from "./colour.js";
import { percent, tiny } from "./numbers.js";

// One pixel of the canvas for each cell.
export function paintPixels(pen, cells, draw, { value, painted, most }) {
  const image = pen.createImageData(cells[0].length, cells.length);
  let k = 0;
  for (const line of cells) {
    for (const cell of line) {
      const [r, g, b] = draw === "ink" ? inked(value(cell)) : signed(painted(cell), most(cell));
      image.data[k] = r;
      image.data[k + 1] = g;
      image.data[k + 2] = b;
      image.data[k + 3] = 255;
      k += 4;
    }
  }
  pen.putImageData(image, 0, 0);
}

// sizes: of a cell on the canvas; scale: of letters and gaps; narrow: cells that touch.
export function paintCells(pen, cells, draw, look, { sizes, scale, narrow }) {
  const { value, painted, most } = look;
  const gap = narrow ? 0 : 1;
  cells.forEach((line, r) => {
    line.forEach((cell, c) => {
      if (!cell) return;
      const [left, top, w, h] = box(r, c, sizes);
      if (draw === "bar") return bar(pen, cell, look, [left, top, w, h], scale);
      const colour = signed(painted(cell), most(cell));
      pen.fillStyle = css(colour);
      pen.fillRect(left, top, w - gap, h - gap);
      const place = [left, top, w - gap, h - gap];
      if (draw === "number") return write(pen, cell, value(cell), colour, place, scale);
      return mark(pen, painted(cell), colour, ...place);
    });
  });
}

// Whole pixels, without a gap between one cell and the next.
function box(r, c, [x, y]) {
  const [left, top] = [Math.round(c * x), Math.round(r * y)];
  return [left, top, Math.round((c + 1) * x) - left, Math.round((r + 1) * y) - top];
}

function font(pen, size, scale) {
  pen.font = `${size * scale}px system-ui, sans-serif`;
  pen.textBaseline = "middle";
}

function write(pen, cell, value, colour, [left, top, w, h], scale) {
  const pad = 4 * scale;
  font(pen, tiny(value).length > 5 ? 11 : 12, scale);
  pen.fillStyle = css(onTop(colour));
  pen.textAlign = "right";
  pen.fillText(tiny(value), left + w - pad, top + h / 2);
  if (cell.index.length === 1) {
    font(pen, 10.5, scale);
    pen.textAlign = "left";
    pen.fillText(cell.index[0], left + pad * 0.8, top + h / 2);
  }
}

function bar(pen, cell, { value: valueOf, heads, indent }, [left, top, w, h], scale) {
  const { ink, line, probability } = colours();
  const value = valueOf(cell);
  const [place] = cell.index;
  const pad = 5 * scale;
  const start = left + indent * scale;
  const room = w - (start - left) - 62 * scale;
  font(pen, Math.min(12.5, h / scale - 3), scale);
  pen.fillStyle = css(ink);
  pen.textAlign = "left";
  pen.fillText(heads?.[place] ?? place, left + pad, top + h / 2, (indent - 6) * scale);
  pen.fillStyle = css(line);
  pen.fillRect(start, top + h * 0.45, room, Math.max(1, h * 0.1));
  pen.fillStyle = css(probability);
  pen.fillRect(start, top + h * 0.2, Math.max(room * value, 0), h * 0.6);
  pen.fillStyle = css(ink);
  pen.textAlign = "right";
  pen.fillText(percent(value), left + w - pad, top + h / 2);
}

// What is outlined, the later over the earlier: how thick, in which dashes, in which colour.
export const OUTLINES = {
  feeds: [1.5, [4, 3], "accent"],
  from: [2, [], "accent"],
  selected: [3.5, [], "accent"],
  hover: [3, [], "ink"],
};

// The outlines of the cells that are `within`: around each region, not around each of its cells.
export function outline(pen, within, part, sizes, small) {
  const [thick, dashes, colour] = OUTLINES[part];
  const ratio = devicePixelRatio;
  pen.lineWidth = thick * ratio;
  pen.setLineDash(dashes.map((each) => each * ratio));
  pen.strokeStyle = css(colours()[colour]);
  const inset = thick * ratio * (small ? -0.3 : 0.5); // around a small cell rather than over it
  const line = (x0, y0, x1, y1) => {
    pen.moveTo(x0, y0);
    pen.lineTo(x1, y1);
  };
  pen.beginPath();
  within.forEach((row, r) => {
    row.forEach((on, c) => {
      if (!on) return;
      const [left, top, w, h] = box(r, c, sizes);
      const [up, down] = [within[r - 1]?.[c], within[r + 1]?.[c]];
      const [back, ahead] = [row[c - 1], row[c + 1]];
      // Towards a neighbour in the same region a line runs on to the border of the cell.
      const [x0, y0] = [back ? left : left + inset, up ? top : top + inset];
      const [x1, y1] = [ahead ? left + w : left + w - inset, down ? top + h : top + h - inset];
      if (!up) line(x0, y0, x1, y0);
      if (!ahead) line(x1, y0, x1, y1);
      if (!down) line(x1, y1, x0, y1);
      if (!back) line(x0, y1, x0, y0);
    });
  });
  pen.stroke();
}
