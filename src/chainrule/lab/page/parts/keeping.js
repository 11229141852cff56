// Files that a page makes of what it shows: tables as CSV, pictures as SVG or PNG.

import { words } from "../strings.js";
import { button } from "./element.js";

const TYPES = {
  csv: "text/csv;charset=utf-8",
  svg: "image/svg+xml",
  html: "text/html;charset=utf-8",
};

// Hand a text or a Blob to the person as a file of this name.
export function download(name, content) {
  const type = TYPES[name.split(".").at(-1)];
  const blob = content instanceof Blob ? content : new Blob([content], { type });
  const address = URL.createObjectURL(blob);
  const anchor = document.createElement("a");
  Object.assign(anchor, { href: address, download: name, hidden: true });
  document.body.append(anchor);
  anchor.click();
  anchor.remove();
  setTimeout(() => URL.revokeObjectURL(address), 10000);
}

// Rows of values as a table that spreadsheets read; null is an empty place.
export function csv(rows) {
  const place = (value) => {
    const text = value === null || value === undefined ? "" : String(value);
    return /[",\n\r]/.test(text) ? `"${text.replaceAll('"', '""')}"` : text;
  };
  return rows.map((row) => `${row.map(place).join(",")}\r\n`).join("");
}

// A small button that saves a table: `rows` gives its rows, the heads first; `what` is its title.
export function csvButton(name, what, rows) {
  const hint = words.keep.csvHint(what);
  const save = () => download(`chainrule-${name}.csv`, csv(rows()));
  return button(words.keep.csv, save, { class: "small keeps", title: hint, "aria-label": hint });
}

export function svgButton(name, what, picture) {
  const hint = words.keep.svgHint(what);
  const save = () => download(`chainrule-${name}.svg`, picture());
  return button(words.keep.svg, save, { class: "small keeps", title: hint, "aria-label": hint });
}

// `painted` gives a canvas, painted as on paper.
export function pngButton(name, what, painted) {
  const hint = words.keep.pngHint(what);
  const save = async () => {
    const canvas = await painted();
    canvas.toBlob((blob) => download(`chainrule-${name}.png`, blob), "image/png");
  };
  return button(words.keep.png, save, { class: "small keeps", title: hint, "aria-label": hint });
}
