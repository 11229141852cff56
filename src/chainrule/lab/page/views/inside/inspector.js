// One cell, opened: its formula, the line of code that computed it, the sum with its numbers put in,
// the cells it comes from and feeds; and its proof.

import { button, element } from "../../parts/element.js";
import { display } from "../../parts/formula.js";
import { light, onLight } from "../../parts/light.js";
import { count, full, minus, six } from "../../parts/numbers.js";
import { proof } from "./proof.js";
import { NotRecorded, cell as askCell } from "../../ask/server.js";
import { words } from "../../strings.js";

// go(name) is told of chips that are clicked: a cell, or a range of cells such as A1[:].
export function inspector({ go, close, isHidden, reveal, partOf, proven }) {
  const node = element("section", {
    class: "inspector",
    id: "inspector",
    role: "region",
    "aria-labelledby": "inspector-title",
    hidden: true,
  });
  let asked = null;
  let shown = null; // { ledger, name }

  function show(ledger, moment, name) {
    asked?.abort();
    asked = new AbortController();
    shown = { ledger, moment, name };
    const { array, index } = place(name);
    const whole = ledger.arrays.get(array);
    const said = worded(whole.cell, index);
    const value =
      whole.values[index.length === 2 ? index[0] * whole.shape[1] + index[1] : (index[0] ?? 0)];
    const part = partOf(array);
    const shut = isHidden(part);
    light("selected", name);
    light("from", said.comes_from.join(" "));
    light("feeds", said.feeds.join(" "));

    const sum = element(
      "div",
      { class: "sum", id: "sum" },
      element("p", { class: "quiet" }, words.asking),
    );
    const heading = element("h2", { id: "inspector-title", tabindex: "-1" }, name);
    const head = element(
      "div",
      { class: "inspector-head" },
      heading,
      shut
        ? button(words.reveal, () => reveal(part), { class: "small" })
        : element(
            "output",
            { id: "cell-value", class: "number value", "aria-label": words.valueOf(name) },
            full(value),
          ),
      shut ? null : element("p", { class: "meaning" }, words.meaning(array, index, ledger)),
      button("✕", close, { class: "close", "aria-label": words.close, title: words.closeHint }),
    );
    const how = element(
      "div",
      { class: "how" },
      titled(
        words.formula,
        isHidden("formulas")
          ? button(words.reveal, () => reveal("formulas"), { class: "small" })
          : display(said.formula, { id: "cell-formula" }),
      ),
      titled(words.line, source(whole.source, said.comes_from, array)),
      said.comes_from.length
        ? titled(words.comesFrom, chips(said.comes_from, go, "comes-from"))
        : null,
      said.feeds.length ? titled(words.feeds, chips(said.feeds, go, "feeds")) : null,
    );
    const proofs = proof({ ledger, moment, name, array, isHidden, proven });
    node.replaceChildren(
      head,
      element("div", { class: "inspector-body" }, how, titled(words.sum, sum), proofs),
    );
    node.hidden = false;

    if (shut || isHidden("terms")) {
      sum.replaceChildren(
        button(words.reveal, () => reveal(shut ? part : "terms"), { class: "small" }),
      );
      return;
    }
    askCell(moment, name, asked.signal).then(
      (opened) => sum.replaceChildren(...terms(opened)),
      (failure) => {
        if (failure.name === "AbortError") return;
        const told = failure instanceof NotRecorded ? words.termsElsewhere : failure.message;
        sum.replaceChildren(element("p", { class: "quiet" }, told));
      },
    );
  }

  // A cell that is pointed at brings its term into sight.
  onLight((part) => {
    const list = part === "hover" ? node.querySelector(".terms:not(:hover, :focus-within)") : null;
    const term = list?.querySelector(".lit");
    if (term) list.scrollTop = term.offsetTop - (list.clientHeight - term.offsetHeight) / 2;
  });

  function hide() {
    asked?.abort();
    node.hidden = true;
    shown = null;
    for (const part of ["selected", "from", "feeds", "hover"]) light(part, "");
  }

  function refresh() {
    if (shown) show(shown.ledger, shown.moment, shown.name);
  }

  return {
    node,
    show,
    hide,
    refresh,
    focus: () => node.querySelector("h2")?.focus(),
    get name() {
      return shown?.name ?? null;
    },
  };
}

export function place(name) {
  const found = /^(\w+?)(?:\[([\d,]+)\])?$/.exec(name);
  return { array: found[1], index: found[2] ? found[2].split(",").map(Number) : [] };
}

// The wording of a cell: the pattern of its array with the index put in for i and j.
function worded(pattern, index) {
  const put = (text) => text.replace(/\b[ij]\b/g, (letter) => index[letter === "i" ? 0 : 1]);
  return {
    formula: put(pattern.formula),
    comes_from: pattern.comes_from.map(put),
    feeds: pattern.feeds.map(put),
  };
}

function titled(title, ...content) {
  return element("div", { class: "titled" }, element("h3", {}, title), content);
}

function chips(names, go, kind) {
  return element(
    "ul",
    { class: `chips ${kind}` },
    names.map((name) =>
      element(
        "li",
        {},
        button(name, () => go(name), { class: "chip", "data-cells": name }),
      ),
    ),
  );
}

// The statement as it stands in the file, and with its numbers put in. The names of arrays in it
// light up the cells that this cell takes from them.
function source(found, comesFrom, array) {
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

// W[2] is the array W2, A[0] is x, Y is y.
function arrayOf(piece) {
  const found = /^(\w+)(?:\[(\w+)\])?$/.exec(piece);
  if (!found) return null;
  if (found[1] === "Y") return "y";
  if (found[1] === "A" && found[2] === "0") return "x";
  return found[1] + (found[2] ?? "");
}

const NAMES = /\b(?:d?[AZWb]\d+|[xy])\[[\d,]+\]/g;

// The substituted sum. Where most of a long sum is exactly 0 the zeros are left out, and counted.
function terms(opened) {
  const all = opened.terms;
  const kept = all.length > 20 ? all.filter((term) => term.value !== 0) : all;
  const zeros = all.length - kept.length;
  const items = kept.map((term, k) =>
    element(
      "li",
      { "data-cells": cellsOf(term), tabindex: k ? -1 : 0, class: "term" },
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
        { class: "numerator", "data-cells": cellsOf(opened.numerator) },
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

function cellsOf(term) {
  return (term.names.match(NAMES) ?? []).join(" ");
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
