// The first layer: each unit's row is an image; one opens as a grid of its 784 cells.

import { button, element } from "../../parts/element.js";
import { grid } from "../../parts/grid.js";
import { light } from "../../parts/light.js";
import { pager } from "../../parts/pager.js";
import { SIDE } from "../../parts/sizes.js";
import { words } from "../../strings.js";

const THUMBS = 10; // units on a page, two in a row: as high as ten numbers
const THUMB = 45; // px

export function imagesOf({ name, shape: [units] }, ledger, twin) {
  const node = element("div", { class: "units" });
  const pictures = element("div", { class: "pictures" });
  const pages =
    units > THUMBS && pager({ what: words.units, total: units, size: THUMBS, show: turnTo });
  let small = []; // { made, open } of the units on this page
  let shown = null; // what show() was given last
  let large = null; // the grid of the opened unit
  let opened = null; // that unit
  if (pages) pages.turn(0);
  else turnTo(0);
  close();

  function turnTo(start) {
    for (const { made } of small) made.retire();
    const count = Math.min(THUMBS, units - start);
    small = Array.from({ length: count }, (_, k) => pictureOf(start + k));
    pictures.replaceChildren(...small.map(({ open }) => open));
    if (shown) show(...shown);
    twin()?.follow(start);
  }

  function pictureOf(unit) {
    const made = grid({
      array: name,
      rows: SIDE,
      columns: SIDE,
      index: (r, c) => [unit, r * SIDE + c],
      width: THUMB / SIDE,
      height: THUMB / SIDE,
      picture: true,
    });
    const number = element("span", { class: "unit-number", "aria-hidden": "true" }, unit);
    const open = button([made.node, number], () => openUnit(unit), {
      class: "picture",
      "aria-label": words.openUnit(name, unit),
      "data-cells": `${name}[${unit},:]`,
    });
    return { made, open };
  }

  // `alone`: its twin is not opened with it, and the focus stays.
  function openUnit(unit, alone = false) {
    opened = unit;
    const index = (r, c) => [unit, r * SIDE + c];
    const label = words.unitLabel(name, unit);
    if (large) large.arrange({ index, label });
    else {
      const note = (cell) => words.noInk(name, cell, ledger());
      const size = { rows: SIDE, columns: SIDE, width: 10, height: 10 };
      large = grid({ array: name, ...size, index, label, note });
    }
    node.replaceChildren(barOf(unit), large.node);
    if (shown) large.show(...shown);
    if (!alone) {
      twin()?.openUnit(unit, true);
      large.focus(`${name}[${unit},0]`);
    }
    light("hover", "");
  }

  function barOf(unit) {
    const step = (by) => openUnit((unit + by + units) % units);
    const [earlier, later] = [words.earlier(words.unit), words.later(words.unit)];
    return element(
      "div",
      { class: "unit-bar" },
      button("‹", () => step(-1), { "aria-label": earlier, class: "small" }),
      element("span", { class: "number" }, words.unitOf(unit, units)),
      button("›", () => step(1), { "aria-label": later, class: "small" }),
      button(words.allUnits, () => closeUnit(), { class: "small" }),
    );
  }

  function closeUnit(alone = false) {
    const unit = opened;
    if (pages && !alone) pages.reach(unit);
    close();
    if (alone) return;
    twin()?.closeUnit(true);
    small[unit - (pages ? pages.start : 0)]?.open.focus();
  }

  function close() {
    opened = null;
    node.replaceChildren(pictures, ...(pages ? [pages.node] : []));
  }

  function show(...given) {
    shown = given;
    for (const { made } of small) made.show(...given);
    large?.show(...given);
  }

  return {
    node,
    show,
    openUnit,
    closeUnit,
    follow: (start) => pages && pages.start !== start && pages.turn(start),
    retire: () => [...small.map(({ made }) => made), large].forEach((each) => each?.retire()),
    reach([unit]) {
      if (opened === unit) return;
      openUnit(unit, true);
      twin()?.openUnit(unit, true);
    },
    focus: (cell) => large?.focus(cell) ?? false,
  };
}
