// The whole pass as blocks: forward from left to right, and beneath it, right to left, the
// derivative of each array under the array itself.

import { kindOf, phasesOf } from "../../parts/cells.js";
import { largest } from "../../parts/colour.js";
import { button, element } from "../../parts/element.js";
import { pieces } from "../../parts/formula.js";
import { short } from "../../parts/numbers.js";
import { words } from "../../strings.js";
import { bodyOf } from "./bodies.js";

// `why` leads to the closer look at dZ of the last layer.
export function flow({ reveal, isHidden, partOf, why }) {
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
    const { kind, layer } = kindOf(array.name);
    const backward = kind.startsWith("d") || kind === "E";
    const column = ["y", "E"].includes(kind)
      ? 4 * L + 1
      : 4 * (layer - 1) + 1 + "WbZA".indexOf(kind.at(-1));
    const title = element(
      "h3",
      { id: `title-${array.name}`, "data-cells": array.name, title: words.arrays[kind] },
      array.name,
    );
    const range = element("div", { class: "range number" });
    const head = element(
      "div",
      { class: "block-head" },
      title,
      element("span", { class: "shape" }, words.shape(array.shape)),
    );
    const formula = { class: "block-formula", "data-part": "formulas" };
    const says = element(
      "div",
      { class: "block-says" },
      element("div", formula, ...formulaPieces(array)),
      range,
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
    const body = bodyOf(array, {
      last: layer === L,
      ledger: () => ledger,
      twin: () => blocks.get(array.name)?.twin,
    });
    const inner = element("div", { class: "block-body" }, body.node, cover);
    frame.append(inner);
    if (array.name === `dZ${L}`) {
      const closer = { class: "small", "aria-label": words.own.closerName(L) };
      frame.append(button(words.own.closerDo, why, closer));
    }
    return { ...body, node: frame, cover, range };
  }

  // The right side of an array's formula: its left side is the title. It may be broken into lines.
  function formulaPieces({ name, formula }) {
    if (name === "y") return [words.oneHot];
    if (!formula.startsWith(`${name} = `)) return [words.stored];
    return pieces(formula.slice(name.length + 1));
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

  // The number of the darkest colour. E and the true label have none: nothing is large beside them.
  // Derivatives are paler where there is less to learn.
  function scaleOf(array) {
    if (["y", "E"].includes(array.name)) return () => Infinity;
    if (options.scale === "global") return () => globally;
    const strength = array.name.startsWith("d") ? ledger.to_learn : 1;
    const whole = most.get(array.name) / strength;
    if (options.scale === "matrix" || array.shape.length < 2) return () => whole;
    const [rows, columns] = array.shape;
    const each = Array.from({ length: rows }, (_, r) =>
      largest(array.values, r * columns, (r + 1) * columns),
    );
    return (cell) => each[cell.index[0]] / strength;
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
    block: (array) => blocks.get(array)?.node,
    largest: () => globally,
  };
}
