// The backward step of the last layer as a product: the Jacobian of softmax times dA is dZ. One row
// is chosen, and its terms stand below.

import { largest } from "../../parts/colour.js";
import { button, element } from "../../parts/element.js";
import { display } from "../../parts/formula.js";
import { short, six, tiny } from "../../parts/numbers.js";
import { words } from "../../strings.js";
import { painted } from "./painted.js";

const SEEN = 1e-3; // of the largest term

export function product(ledger) {
  const L = ledger.sizes.length - 1;
  const { jacobian } = ledger;
  const n = jacobian.shape[0];
  const dA = ledger.arrays.get(`dA${L}`).values;
  const dZ = ledger.arrays.get(`dZ${L}`).values;
  const live = { class: "row-terms number", id: "row-terms", "aria-live": "polite" };
  const terms = element("div", live);
  const rows = Array.from({ length: n }, (_, i) => row(i));

  function row(i) {
    const most = [jacobian.values, dA, dZ].map((values) => largest(values));
    const choose = button(`Z${L}[${i}]`, () => show(i), {
      class: "small",
      "aria-label": words.own.product.row(L, i),
    });
    const sign = (text) => element("td", { "aria-hidden": "true", class: "sign" }, text);
    const of = (values, k, scale, cells, kind = "number") =>
      painted(values[k], most[scale], {
        class: kind,
        written: scale ? short : tiny,
        "data-cells": cells,
      });
    const node = element(
      "tr",
      { onpointerover: () => show(i) },
      element("th", { scope: "row" }, choose),
      Array.from({ length: n }, (_, k) =>
        of(jacobian.values, i * n + k, 0, `A${L}[${k}] Z${L}[${i}]`),
      ),
      sign(i === Math.floor((n - 1) / 2) ? "×" : ""),
      of(dA, i, 1, `dA${L}[${i}]`, "factor number"),
      sign(i === Math.floor((n - 1) / 2) ? "=" : ""),
      of(dZ, i, 2, `dZ${L}[${i}]`),
    );
    return { node, choose };
  }

  // The terms of one row, but those that are too small to be seen in the sum.
  function show(i) {
    rows.forEach(({ node, choose }, k) => {
      node.classList.toggle("chosen", k === i);
      choose.setAttribute("aria-pressed", String(k === i));
    });
    const all = Array.from(jacobian.terms.slice(i * n, (i + 1) * n));
    const least = SEEN * largest(all);
    const seen = all.flatMap((value, k) => (Math.abs(value) < least || value === 0 ? [] : [k]));
    const term = (k) =>
      element(
        "li",
        { "data-cells": `A${L}[${k}] dA${L}[${k}]` },
        words.own.product.term(short(jacobian.values[i * n + k]), short(dA[k]), short(all[k])),
      );
    terms.replaceChildren(
      element("p", {}, words.own.product.terms(L, i)),
      element("ul", {}, seen.map(term)),
      element(
        "p",
        { "data-cells": `dZ${L}[${i}]` },
        words.own.product.sum(n - seen.length, all.filter((value) => value === 0).length),
        element("b", {}, `dZ${L}[${i}] = ${six(dZ[i])}`),
      ),
    );
  }

  const head = (text, attributes) => element("th", { scope: "col", ...attributes }, text);
  const blank = () => element("td", {});
  const heads = Array.from({ length: n }, (_, k) => head(`A${L}[${k}]`));
  const caption = words.own.product.caption(L);
  const table = element(
    "table",
    { class: "painted product" },
    element("caption", { class: "unseen" }, caption),
    element(
      "thead",
      {},
      element("tr", {}, blank(), heads, blank(), head(`dA${L}`), blank(), head(`dZ${L}`)),
    ),
    element(
      "tbody",
      {},
      rows.map(({ node }) => node),
    ),
  );
  show(ledger.label);
  return element(
    "div",
    { class: "by-product", id: "product" },
    element("h3", {}, words.own.product.title(L)),
    element("p", {}, words.own.product.where(L, ledger.loss)),
    element("p", {}, words.own.product.why(L, ledger.loss)),
    display(jacobian.formula, { "data-part": "formulas" }),
    element(
      "div",
      { class: "sideways", tabindex: "0", role: "group", "aria-label": caption },
      table,
    ),
    terms,
    Number.isFinite(dA[ledger.label])
      ? element("p", { class: "note" }, words.own.product.how(L))
      : element("p", { class: "note" }, words.own.product.endless(L, ledger.label)),
  );
}
