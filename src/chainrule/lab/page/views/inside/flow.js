// The whole pass as blocks: forward from left to right, and beneath it, right to left, the
// derivative of each array under the array itself.

import { button, element } from "../../parts/element.js";
import { largest } from "../../parts/colour.js";
import { pieces } from "../../parts/formula.js";
import { grid, pager } from "../../parts/grid.js";
import { light } from "../../parts/light.js";
import { short } from "../../parts/numbers.js";
import { words } from "../../strings.js";

const SIDE = 28; // of an image
const ROW = 24; // px: ten of them make a vector
const THUMBS = 10; // units of the first layer on a page
const WINDOW = [20, 32]; // rows and columns of a weight matrix on a page
const LIST = 16; // longer vectors are wrapped,
const WRAPPED = 70; // px wide, if their cells can be that small

// "dW2" is { kind: "dW", layer: 2 }; x, y and E are of no layer.
export function parts(array) {
  const found = /^(d?[A-Za-z])(\d*)$/.exec(array);
  return { kind: found[1], layer: Number(found[2] || 0) };
}

// The steps of the pass: what is computed, in order, then the update.
export function phasesOf(ledger) {
  return [...ledger.arrays.keys()]
    .filter((name) => !["x", "y"].includes(name) && !/^[Wb]/.test(name))
    .concat("update");
}

export function flow({ reveal, isHidden, partOf }) {
  const node = element("div", {
    class: "flow",
    role: "region",
    "aria-label": words.flow,
    tabindex: "0",
  });
  let blocks = new Map();
  let ledger = null;
  let sizes = "";
  let options = { scale: "matrix", shading: "weight" };
  let most = new Map();
  let globally = 1;

  // ------------------------------------------------------------------------------------- blocks

  function build() {
    for (const made of blocks.values()) made.retire();
    blocks = new Map();
    const L = ledger.sizes.length - 1;
    const lanes = [
      element("h2", { class: "lane lane-forward" }, words.forward),
      element("h2", { class: "lane lane-backward" }, words.backward),
    ];
    for (const lane of lanes) lane.style.gridColumn = `1 / ${4 * L + 2}`;
    node.replaceChildren(...lanes);
    for (const array of ledger.arrays.values()) {
      if (array.name === "x") continue;
      const made = block(array, L);
      blocks.set(array.name, made);
      node.append(made.node);
    }
    // Both images of a unit open together, and a page turned in W turns in dW.
    for (const [name, made] of blocks) {
      made.twin = blocks.get(name.startsWith("d") ? name.slice(1) : `d${name}`);
    }
  }

  function block(array, L) {
    const { kind, layer } = parts(array.name);
    const backward = kind.startsWith("d") || kind === "E";
    const column = ["y", "E"].includes(kind)
      ? 4 * L + 1
      : 4 * (layer - 1) + 1 + "WbZA".indexOf(kind.at(-1));
    const title = element(
      "h3",
      { id: `title-${array.name}`, "data-cells": array.name, title: words.arrays[kind] },
      array.name,
    );
    const range = element("span", { class: "range number" });
    const head = element(
      "div",
      { class: "block-head" },
      title,
      element("span", { class: "shape" }, words.shape(array.shape)),
      range,
    );
    const says = element(
      "div",
      { class: "block-formula", "data-part": "formulas" },
      ...formulaPieces(array),
    );
    const cover = element(
      "div",
      { class: "cover", hidden: true },
      button(words.reveal, () => reveal(partOf(array.name))),
    );
    const frame = element(
      "section",
      {
        id: `block-${array.name}`,
        class:
          `block ${backward ? "backward" : "forward"} ` +
          `kind-${kind}${kind === "A" && layer === L ? " output" : ""}`,
        "aria-labelledby": `title-${array.name}`,
      },
      head,
      says,
    );
    frame.style.gridColumn = column;
    const body = bodyOf(array, kind, layer, L);
    const inner = element("div", { class: "block-body" }, body.node, cover);
    frame.append(inner);
    return { ...body, node: frame, cover, range };
  }

  // The right side of an array's formula: its left side is the title. It may be broken into lines.
  function formulaPieces({ name, formula }) {
    if (name === "y") return [words.oneHot];
    if (!formula.startsWith(`${name} = `)) return [words.stored];
    return pieces(formula.slice(name.length + 1));
  }

  function bodyOf(array, kind, layer, L) {
    if (kind.endsWith("W")) return layer === 1 ? imagesOf(array) : matrixOf(array);
    if (kind === "E") {
      const made = grid({
        array: "E",
        rows: 1,
        columns: 1,
        index: () => [],
        label: "E",
        width: 68,
        height: ROW,
        draw: "number",
      });
      const note = element("p", { class: "note" }, words.ofOne);
      return { ...single(made), node: element("div", {}, made.node, note) };
    }
    const n = array.shape[0];
    const isBar = kind === "A" && layer === L;
    const label = words.gridLabel(array.name, array.shape);
    if (n <= LIST) {
      const made = grid({
        array: array.name,
        rows: n,
        columns: 1,
        index: (r) => [r],
        label,
        width: isBar ? 122 : 62,
        height: ROW,
        draw: isBar ? "bar" : "number",
      });
      return { ...single(made), node: made.node };
    }
    let size = 16;
    const wrapped = () => Math.ceil(n / Math.floor((10 * ROW) / size));
    while (size > 8 && wrapped() * size > WRAPPED) size -= 1;
    const columns = wrapped();
    const rows = Math.ceil(n / columns);
    const index = (r, c) => (r * columns + c < n ? [r * columns + c] : null);
    const made = grid({
      array: array.name,
      rows,
      columns,
      index,
      label,
      width: size,
      height: size,
    });
    return { ...single(made), node: made.node };
  }

  function single(made) {
    return {
      show: made.show,
      retire: made.retire,
      reach: () => {},
      focus: (cell) => made.focus(cell),
      place: (cell) => ({ grid: made, at: made.place(cell) }),
    };
  }

  // A weight matrix past the first layer: a window of it, with pages where it is large.
  function matrixOf(array) {
    const [n, m] = array.shape;
    const [rows, columns] = [Math.min(n, WINDOW[0]), Math.min(m, WINDOW[1])];
    let [top, left] = [0, 0];
    const index = (r, c) => (top + r < n && left + c < m ? [top + r, left + c] : null);
    const made = grid({
      array: array.name,
      rows,
      columns,
      index,
      label: words.gridLabel(array.name, array.shape),
      width: columns <= 12 ? 23 : columns <= 16 ? 18 : 8,
      height: rows <= 10 ? ROW : 12,
    });
    const self = { ...single(made) };
    const turned = (set) => (start) => {
      set(start);
      made.arrange();
      blocks.get(array.name)?.twin?.follow(top, left);
    };
    const down =
      n > rows &&
      pager({ what: words.rows, total: n, size: rows, show: turned((start) => (top = start)) });
    const across =
      m > columns &&
      pager({
        what: words.columns,
        total: m,
        size: columns,
        show: turned((start) => (left = start)),
      });
    self.follow = (wantedTop, wantedLeft) => {
      if (down && top !== wantedTop) down.turn(wantedTop);
      if (across && left !== wantedLeft) across.turn(wantedLeft);
    };
    self.reach = ([i, j]) => {
      if (down) down.reach(i);
      if (across) across.reach(j);
    };
    self.node = element("div", {}, made.node, down?.node, across?.node);
    if (down) down.turn(0);
    if (across) across.turn(0);
    return self;
  }

  // The first layer: each unit's row is an image; one opens as a grid of its 784 cells.
  function imagesOf(array) {
    const [units] = array.shape;
    const node = element("div", { class: "units" });
    const pictures = element("div", { class: "pictures" });
    const self = { grids: [], node, unit: null };
    let shown = null; // what show() was given last
    let large = null;

    const makePictures = (start) => {
      const made = [];
      for (let unit = start; unit < Math.min(start + THUMBS, units); unit += 1) {
        const picture = grid({
          array: array.name,
          rows: SIDE,
          columns: SIDE,
          index: (r, c) => [unit, r * SIDE + c],
          width: 2,
          height: 2,
          picture: true,
        });
        made.push(picture);
        picture.open = button(
          [picture.node, element("span", { class: "unit-number", "aria-hidden": "true" }, unit)],
          () => openUnit(unit),
          {
            class: "picture",
            "aria-label": words.openUnit(array.name, unit),
            "data-cells": `${array.name}[${unit},:]`,
          },
        );
      }
      for (const each of self.grids) each.retire();
      self.grids = made;
      pictures.replaceChildren(...made.map((each) => each.open));
      if (shown) self.show(...shown);
      blocks.get(array.name)?.twin?.follow(start);
    };
    const pages =
      units > THUMBS &&
      pager({ what: words.units, total: units, size: THUMBS, show: makePictures });
    self.follow = (start) => pages && pages.start !== start && pages.turn(start);

    function openUnit(unit, alone = false) {
      self.unit = unit;
      const index = (r, c) => [unit, r * SIDE + c];
      const label = words.unitLabel(array.name, unit);
      const fresh = !large;
      large ??= grid({
        array: array.name,
        rows: SIDE,
        columns: SIDE,
        index,
        label,
        width: 10,
        height: 10,
        note: (cell) => words.noInk(array.name, cell, ledger),
      });
      if (!fresh) large.arrange({ index, label });
      const step = (by) => openUnit((unit + by + units) % units);
      const bar = element(
        "div",
        { class: "unit-bar" },
        button("‹", () => step(-1), { "aria-label": words.earlier(words.unit), class: "small" }),
        element("span", { class: "number" }, words.unitOf(unit, units)),
        button("›", () => step(1), { "aria-label": words.later(words.unit), class: "small" }),
        button(words.allUnits, () => closeUnit(), { class: "small" }),
      );
      node.replaceChildren(bar, large.node);
      if (shown) large.show(...shown);
      if (!alone) {
        blocks.get(array.name).twin?.openUnit(unit, true);
        large.focus(`${array.name}[${unit},0]`);
      }
      light("hover", "");
    }

    function closeUnit(alone = false) {
      const unit = self.unit;
      self.unit = null;
      if (pages && !alone) pages.reach(unit);
      node.replaceChildren(pictures, ...(pages ? [pages.node] : []));
      if (!alone) {
        blocks.get(array.name).twin?.closeUnit(true);
        self.grids[unit - (pages ? pages.start : 0)]?.open.focus();
      }
    }

    self.retire = () => [...self.grids, large].forEach((each) => each?.retire());
    self.openUnit = openUnit;
    self.closeUnit = closeUnit;
    self.show = (...given) => {
      shown = given;
      for (const each of self.grids) each.show(...given);
      large?.show(...given);
    };
    self.reach = ([unit]) => {
      if (self.unit !== unit) {
        openUnit(unit, true);
        blocks.get(array.name).twin?.openUnit(unit, true);
      }
    };
    self.focus = (cell) => large?.focus(cell) ?? false;
    self.place = (cell) => ({ grid: large, at: large?.place(cell) });
    if (pages) pages.turn(0);
    else makePictures(0);
    node.replaceChildren(pictures, ...(pages ? [pages.node] : []));
    return self;
  }

  // ------------------------------------------------------------------------------------- showing

  function scales() {
    most = new Map();
    globally = 0;
    for (const [name, array] of ledger.arrays) {
      const whole = largest(array.values);
      most.set(name, whole);
      if (!/^(x|y|A\d+)$/.test(name)) globally = Math.max(globally, whole);
    }
  }

  function scaleOf(array) {
    if (options.scale === "global") return () => globally;
    if (options.scale === "matrix" || array.shape.length < 2) return () => most.get(array.name);
    const [rows, columns] = array.shape;
    const each = Array.from({ length: rows }, (_, r) =>
      largest(array.values, r * columns, (r + 1) * columns),
    );
    return (cell) => each[cell.index[0]];
  }

  // Input × weight only shades the images; what is told of a cell stays its weight.
  function shaded(array) {
    const columns = array.shape[1];
    const strongest = largest(ledger.weighted);
    return [() => strongest, (cell) => ledger.weighted[cell.index[0] * columns + cell.index[1]]];
  }

  function show(next, nextOptions) {
    ledger = next;
    options = nextOptions;
    const wanted = `${ledger.network} ${ledger.sizes}`;
    if (wanted !== sizes) {
      sizes = wanted;
      build();
    }
    scales();
    for (const [name, made] of blocks) {
      const array = ledger.arrays.get(name);
      const bySize =
        name === "W1" && options.shading === "input" ? shaded(array) : [scaleOf(array)];
      made.show(array.values, array.shape, ...bySize);
      made.range.textContent =
        array.shape.length === 2 && !isHidden(partOf(name)) ? `±${short(most.get(name))}` : "";
    }
    cover();
  }

  function cover() {
    for (const [name, made] of blocks) {
      const part = partOf(name);
      const shut = isHidden(part);
      made.cover.hidden = !shut;
      made.node.classList.toggle("covered", shut);
    }
  }

  // Blocks after this phase have not been computed yet.
  function phase(name) {
    const order = phasesOf(ledger);
    const at = order.indexOf(name);
    for (const [array, made] of blocks) {
      const place = order.indexOf(array);
      made.node.classList.toggle("later", at >= 0 && place > at);
      made.node.classList.toggle("current", array === name);
      if (array === name) made.node.setAttribute("aria-current", "step");
      else made.node.removeAttribute("aria-current");
    }
  }

  // Show the page or unit that holds this cell, if one has to be opened.
  function reach(array, index) {
    blocks.get(array)?.reach(index);
  }

  return {
    node,
    show,
    cover,
    phase,
    reach,
    focus: (array, cell) => blocks.get(array)?.focus(cell),
    place: (array, cell) => blocks.get(array)?.place(cell),
    block: (array) => blocks.get(array)?.node,
    largest: () => globally,
  };
}
