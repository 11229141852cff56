// One diverging scale for every signed number, one of ink for pixels. The colours are the style
// sheet's, read once for each theme.

import { element } from "./element.js";
import { short } from "./numbers.js";
import { words } from "../strings.js";

const DARK = [17, 17, 17];
const LIGHT = [255, 255, 255];
const SHADES = 255; // of a colour
let palette = null;
const listeners = new Set();

export function colours() {
  if (palette) return palette;
  const style = getComputedStyle(document.documentElement);
  const read = (name) => hex(style.getPropertyValue(name).trim());
  palette = Object.fromEntries(
    [
      "zero",
      "positive",
      "negative",
      "paper",
      "surface",
      "ink",
      "muted",
      "line",
      "accent",
      "probability",
      "good",
    ].map((name) => [name, read(`--${name}`)]),
  );
  palette.pixel = [read("--pixel-off"), read("--pixel-on")];
  const shades = (from, to) =>
    Array.from({ length: SHADES + 1 }, (_, k) => mix(from, to, k / SHADES));
  palette.shades = {
    positive: shades(palette.zero, palette.positive),
    negative: shades(palette.zero, palette.negative),
    ink: shades(...palette.pixel),
    count: shades(palette.surface, palette.ink), // how often: neither good nor bad
  };
  return palette;
}

export function onTheme(listener) {
  listeners.add(listener);
}

export function themeChanged() {
  palette = null;
  for (const listener of listeners) listener();
}

// Black on white, as on paper, while `work` is done; everything is painted anew before and after.
export async function onPaper(work) {
  paper(true);
  try {
    return await work();
  } finally {
    paper(false);
  }
}

// The same for what paints itself at once, and nowhere on the page.
export function inBlack(work) {
  const { classList } = document.documentElement;
  const was = classList.contains("paper");
  classList.add("paper");
  palette = null;
  const made = work();
  classList.toggle("paper", was);
  palette = null;
  return made;
}

function paper(on) {
  document.documentElement.classList.toggle("paper", on);
  themeChanged();
}

addEventListener("beforeprint", () => paper(true));
addEventListener("afterprint", () => paper(false));

for (const query of [
  "(prefers-color-scheme: dark)",
  "(forced-colors: active)",
  "(prefers-contrast: more)",
]) {
  matchMedia(query).addEventListener("change", themeChanged);
}

function hex(text) {
  return [1, 3, 5].map((k) => parseInt(text.slice(k, k + 2), 16));
}

function mix(from, to, share) {
  return from.map((each, k) => Math.round(each + (to[k] - each) * share));
}

const texts = new WeakMap(); // the shades are few, and made once for each theme

export function css(colour) {
  let text = texts.get(colour);
  if (text === undefined) texts.set(colour, (text = `rgb(${colour.join(" ")})`));
  return text;
}

// The colour of a number when `most` is the darkest.
export function signed(value, most) {
  const { shades } = colours();
  const size = most > 0 ? Math.min(Math.abs(value) / most, 1) : value === 0 ? 0 : 1;
  return (value < 0 ? shades.negative : shades.positive)[Math.round(SHADES * size) || 0];
}

export function inked(value) {
  return colours().shades.ink[Math.round(SHADES * Math.min(Math.max(value, 0), 1))];
}

// Black or white, whichever is easier to read on this colour.
export function onTop(colour) {
  return luminance(colour) > 0.179 ? DARK : LIGHT;
}

function luminance(colour) {
  const [r, g, b] = colour.map((each) => {
    const share = each / 255;
    return share <= 0.04045 ? share / 12.92 : ((share + 0.055) / 1.055) ** 2.4;
  });
  return 0.2126 * r + 0.7152 * g + 0.0722 * b;
}

export function largest(values, start = 0, end = values.length) {
  let most = 0;
  for (let k = start; k < end; k += 1) {
    const size = Math.abs(values[k]);
    if (size > most && size < Infinity) most = size;
  }
  return most;
}

// − … 0 … + with the marks that the cells carry.
export function legend() {
  const canvas = element("canvas", { class: "legend-scale", "aria-hidden": "true" });
  const ends = [element("span", { class: "number" }), element("span", { class: "number" })];
  const node = element(
    "p",
    { class: "legend" },
    words.negative,
    ends[0],
    canvas,
    ends[1],
    words.positive,
  );
  function show(most) {
    ends[0].textContent = most ? short(-most) : "";
    ends[1].textContent = most ? short(most) : "";
    const ratio = devicePixelRatio;
    const [width, height, steps] = [11 * 16, 16, 11];
    canvas.width = width * ratio;
    canvas.height = height * ratio;
    canvas.style.width = `${width}px`;
    canvas.style.height = `${height}px`;
    const pen = canvas.getContext("2d");
    for (let k = 0; k < steps; k += 1) {
      const share = (k - 5) / 5;
      const colour = signed(share, 1);
      const [left, right] = [Math.round(k * 16 * ratio), Math.round((k + 1) * 16 * ratio)];
      pen.fillStyle = css(colour);
      pen.fillRect(left, 0, right - left, height * ratio);
      mark(pen, share, colour, left, 0, right - left, Math.round(height * ratio));
    }
  }
  return { node, show };
}

// The sign as a mark: a dash, with an upright for plus. Where a cell is small only the dash.
export function mark(pen, value, colour, left, top, width, height) {
  const size = Math.min(width, height);
  if (!value || size < 5) return;
  const thick = Math.max(1, Math.round(size / 14));
  const long = Math.round(size * 0.38);
  const [middle, centre] = [left + width / 2, top + height / 2];
  if (value > 0 && size < 14) return;
  pen.fillStyle = css(mix(colour, onTop(colour), size < 14 ? 0.55 : 0.7));
  pen.fillRect(Math.round(middle - long / 2), Math.round(centre - thick / 2), long, thick);
  if (value > 0)
    pen.fillRect(Math.round(middle - thick / 2), Math.round(centre - long / 2), thick, long);
}
