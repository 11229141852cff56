// The sum behind a cell, with its numbers put in.

import { named } from "../../parts/cells.js";
import { element } from "../../parts/element.js";
import { count, full, minus, six } from "../../parts/numbers.js";
import { words } from "../../strings.js";

// Where most of a long sum is exactly 0 the zeros are left out, and counted.
export function terms(opened) {
  const all = opened.terms;
  const kept = all.length > 20 ? all.filter((term) => term.value !== 0) : all;
  const zeros = all.length - kept.length;
  const items = kept.map((term, k) =>
    element(
      "li",
      { "data-cells": named(term.names), tabindex: k ? -1 : 0, class: "term" },
      element("span", { class: "names" }, minus(term.names)),
      element(
        "span",
        { class: "number" },
        `${minus(term.numbers)} = `,
        element("b", {}, six(term.value)),
      ),
    ),
  );
  const list = element(
    "ol",
    { class: "terms", "aria-label": words.sumOf(opened.name), onkeydown: rove },
    items,
  );
  const out = [];
  if (opened.numerator) {
    out.push(
      element(
        "p",
        { class: "numerator", "data-cells": named(opened.numerator.names) },
        `${minus(opened.numerator.names)} = ${six(opened.numerator.value)}`,
      ),
      element("p", { class: "quiet" }, words.dividedBy),
    );
  }
  out.push(list);
  if (zeros)
    out.push(element("p", { class: "quiet" }, words.zeros(count(zeros), count(all.length))));
  out.push(
    element(
      "p",
      { class: "total" },
      `${words.together} `,
      element("output", { class: "number", id: "sum-total" }, full(opened.total)),
    ),
    element(
      "p",
      { class: "quiet" },
      Object.is(opened.total, opened.value) || opened.total === opened.value
        ? words.sameBits
        : words.lastBits,
    ),
  );
  return out;
}

// One term has the focus; the arrows move it.
function rove(event) {
  const from = event.target.closest("li");
  const to = { ArrowDown: from?.nextElementSibling, ArrowUp: from?.previousElementSibling }[
    event.key
  ];
  if (!to) return;
  event.preventDefault();
  from.tabIndex = -1;
  to.tabIndex = 0;
  to.focus();
}
