// The line of code that computed a cell.

import { arrayOf } from "../../parts/cells.js";
import { element } from "../../parts/element.js";
import { words } from "../../strings.js";

// The statement as it stands in the file, and with its numbers put in. The names of arrays in it
// light up the cells that this cell takes from them.
export function source(found, comesFrom, array) {
  if (!found) return element("p", { class: "quiet" }, words.noLine);
  const mark = (code) =>
    code.split(/(\b[A-Za-z]+\[[^\]]*\]|\b[YE]\b)/).map((piece, k) => {
      if (k % 2 === 0) return piece;
      const meant = arrayOf(piece);
      const cells = comesFrom.filter((each) => meant === each.split("[")[0]);
      if (meant === array) return element("b", {}, piece);
      return cells.length
        ? element("span", { class: "name", "data-cells": cells.join(" ") }, piece)
        : piece;
    });
  return element(
    "div",
    { class: "source", id: "cell-source" },
    element("p", { class: "quiet number" }, `${found.file}:${found.line}`),
    element("pre", {}, element("code", {}, mark(found.put_in))),
    found.code === found.put_in
      ? null
      : element("pre", { class: "as-written" }, element("code", {}, found.code)),
  );
}
