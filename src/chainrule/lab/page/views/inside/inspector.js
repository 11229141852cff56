// One cell, opened: its formula, the line of code that computed it, the sum with its numbers put
// in, the cells it comes from and feeds; and its proof.

import { NotRecorded, cell as askCell } from "../../ask/server.js";
import { flat, place, worded } from "../../parts/cells.js";
import { button, element } from "../../parts/element.js";
import { display } from "../../parts/formula.js";
import { light, onLight } from "../../parts/light.js";
import { full } from "../../parts/numbers.js";
import { words } from "../../strings.js";
import { mine } from "./mine.js";
import { proof } from "./proof.js";
import { source } from "./source.js";
import { terms } from "./terms.js";

// go(name) is told of chips that are clicked: a cell, or a range of cells such as A1[:].
export function inspector({ go, close, isHidden, reveal, partOf }) {
  const node = element("section", {
    class: "inspector",
    id: "inspector",
    role: "region",
    "aria-labelledby": "inspector-title",
    hidden: true,
  });
  let asked = null;

  const revealing = (part) => button(words.reveal, () => reveal(part), { class: "small" });

  function show(ledger, moment, name) {
    const { array, index } = place(name);
    const whole = ledger.arrays.get(array);
    const said = worded(whole.cell, index);
    const part = partOf(array);
    light("selected", name);
    light("from", said.comes_from.join(" "));
    light("feeds", said.feeds.join(" "));

    const sum = element("div", { class: "sum", id: "sum" });
    const proofs = proof({ moment, name, array, isHidden, isShut: isHidden(part) });
    // What one worked out is asked before what it should be is shown, else after it.
    const own = /^[xyWb]/.test(array) ? [] : [mine({ moment, name })];
    const open = [how(said, whole, array), titled(words.sum, sum), proofs];
    const body = isHidden(part) ? [...own, ...open] : [...open, ...own];
    const top = head(name, ledger, isHidden(part) ? part : null);
    node.replaceChildren(top, element("div", { class: "inspector-body" }, body));
    node.hidden = false;
    if (isHidden(part)) sum.replaceChildren(revealing(part));
    else if (isHidden("terms")) sum.replaceChildren(revealing("terms"));
    else askSum(sum, moment, name);
  }

  // Its name, value and meaning; `shut` is the part to reveal first, or null.
  function head(name, ledger, shut) {
    const { array, index } = place(name);
    const { values, shape } = ledger.arrays.get(array);
    const heading = element("h2", { id: "inspector-title", tabindex: "-1" }, name);
    const attributes = {
      id: "cell-value",
      class: "number value",
      "aria-label": words.valueOf(name),
    };
    const told = shut
      ? [revealing(shut)]
      : [
          element("output", attributes, full(values[flat(index, shape)])),
          element("p", { class: "meaning" }, words.meaning(array, index, ledger)),
        ];
    const off = { class: "close", "aria-label": words.close, title: words.closeHint };
    return element("div", { class: "inspector-head" }, heading, told, button("✕", close, off));
  }

  function how(said, whole, array) {
    const { formula, comes_from: from, feeds } = said;
    const shown = isHidden("formulas")
      ? revealing("formulas")
      : display(formula, { id: "cell-formula" });
    return element(
      "div",
      { class: "how" },
      titled(words.formula, shown),
      titled(words.line, source(whole.source, from, array)),
      from.length ? titled(words.comesFrom, chips(from, go, "comes-from")) : null,
      feeds.length ? titled(words.feeds, chips(feeds, go, "feeds")) : null,
    );
  }

  async function askSum(sum, moment, name) {
    asked?.abort();
    asked = new AbortController();
    sum.replaceChildren(element("p", { class: "quiet" }, words.asking));
    try {
      sum.replaceChildren(...terms(await askCell(moment, name, asked.signal)));
    } catch (failure) {
      if (failure.name === "AbortError") return;
      const told = failure instanceof NotRecorded ? words.termsElsewhere : failure.message;
      sum.replaceChildren(element("p", { class: "quiet" }, told));
    }
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
    for (const part of ["selected", "from", "feeds", "hover"]) light(part, "");
  }

  return { node, show, hide, focus: () => node.querySelector("h2")?.focus() };
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
