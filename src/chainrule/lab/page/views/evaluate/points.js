// Where the points of the map are, which of them is near, and what a class looks like on it.

import { ends } from "../../parts/axis.js";
import { element } from "../../parts/element.js";
import { areShort } from "../../parts/classes.js";

const NEAR = 14; // px that a pointer may miss a point by
const ROOM = 16; // px around all points

const HUES = 10; // that the style sheet chooses

// A colour for each class: of other numbers than ten they go once around in even steps.
export function hues(n) {
  const style = getComputedStyle(document.documentElement);
  const own = (k) => style.getPropertyValue(`--digit-${k}`).trim();
  if (n === HUES) return Array.from({ length: n }, (_, k) => own(k));
  const first = own(0);
  return Array.from({ length: n }, (_, k) =>
    first.replace(/[\d.]+\)$/, `${Math.round(25 + (360 * k) / n) % 360})`),
  );
}

// What is written at a point: the names, or numbers where these are long.
export function marks(names) {
  return areShort(names) ? names : names.map((_, k) => String(k));
}

// Each class as a small picture, painted once and stamped; on a disc, for mistakes, if there is a
// `paper` to write on it in.
export function stamps(names, size, paper = null) {
  const side = Math.ceil(size * 1.4);
  const texts = marks(names);
  return hues(names.length).map((colour, k) => {
    const stamp = element("canvas", { width: side, height: side });
    const pen = stamp.getContext("2d");
    const middle = side / 2;
    pen.fillStyle = colour;
    if (paper) {
      pen.beginPath();
      pen.arc(middle, middle, size * 0.66, 0, 2 * Math.PI);
      pen.fill();
      pen.fillStyle = paper;
    }
    pen.font = `${paper ? 700 : 600} ${size * 0.92}px system-ui, sans-serif`;
    pen.textAlign = "center";
    pen.textBaseline = "middle";
    pen.fillText(texts[k], middle, middle + size * 0.05, side);
    return stamp;
  });
}

// The points [x, y] of these coordinates in a place of this size, both axes by the same measure,
// zoomed about its middle and moved.
export function arrange({ x: all, y: up }, width, height, { zoom, dx, dy }) {
  const [[left, right], [low, high]] = [ends([all]), ends([up])];
  const across = (width - 2 * ROOM) / (right - left || 1);
  const scale = Math.min(across, (height - 2 * ROOM) / (high - low || 1));
  const x0 = width / 2 - (scale * (left + right)) / 2;
  const y0 = height / 2 + (scale * (low + high)) / 2;
  const [left0, top0] = [width / 2 + dx, height / 2 + dy];
  return Array.from(all, (x, k) => [
    left0 + zoom * (x0 + scale * x - width / 2),
    top0 + zoom * (y0 - scale * up[k] - height / 2),
  ]);
}

// The point that counts and is closest to this place, if one is near; else -1.
export function nearest(places, counts, x, y) {
  let best = -1;
  let least = NEAR ** 2;
  places.forEach(([px, py], k) => {
    const apart = (px - x) ** 2 + (py - y) ** 2;
    if (apart < least && counts(k)) [best, least] = [k, apart];
  });
  return best;
}

// The nearest point that counts in a direction: as far aside as ahead at most; undefined if none.
export function next(places, counts, [x, y], [dx, dy]) {
  let best;
  let least = Infinity;
  places.forEach(([px, py], k) => {
    if (!counts(k)) return;
    const ahead = (px - x) * dx + (py - y) * dy;
    const aside = Math.abs((px - x) * dy) + Math.abs((py - y) * dx);
    if ((dx || dy) && (ahead <= 0 || aside > ahead)) return;
    const apart = (px - x) ** 2 + (py - y) ** 2;
    if (apart < least) [best, least] = [k, apart];
  });
  return best;
}
