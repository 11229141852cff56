// Test my formula: what a person types for an array of derivatives, beside what is measured.

import { tryFormula as ask } from "../../ask/own.js";
import { NotRecorded } from "../../ask/server.js";
import { largest } from "../../parts/colour.js";
import { element } from "../../parts/element.js";
import { short } from "../../parts/numbers.js";
import { words } from "../../strings.js";
import { painted } from "./painted.js";

const LONGEST = 500; // characters, as explain/formula.py has it
const MARKS = { right: ["✓", "good"], hidden: ["?", "unsure"], unread: ["?", "unsure"] };

// It stays as it is when the image changes, and what was typed stays with it.
export function tryout({ isHidden }) {
  const target = element("select", { id: "formula-target", onchange: forget });
  const field = element("input", {
    type: "text",
    id: "formula",
    maxlength: LONGEST,
    spellcheck: "false",
    autocomplete: "off",
    autocapitalize: "off",
    "aria-describedby": "formula-hint",
    oninput: forget,
  });
  const start = element("button", { class: "primary", id: "try-formula" }, words.own.test);
  const told = element("div", { "aria-live": "polite", id: "formula-verdict" });
  const hint = element("div", { class: "quiet", id: "formula-hint" });
  const node = element(
    "div",
    { class: "tryout", id: "tryout" },
    element("h3", { id: "tryout-title" }, words.own.title),
    element("p", {}, words.own.lead),
    element(
      "form",
      { class: "own-formula", onsubmit: submit, "aria-labelledby": "tryout-title" },
      element("label", { for: "formula-target" }, words.own.target),
      target,
      element(
        "label",
        { for: "formula" },
        element("span", { class: "unseen" }, words.own.formulaName),
        words.own.formula,
      ),
      field,
      start,
    ),
    hint,
    told,
  );
  let ledger = null;
  let moment = null;
  let asked = 0;

  // A verdict is of one formula, one array and one image.
  function forget() {
    asked += 1;
    field.removeAttribute("aria-invalid");
    told.replaceChildren();
  }

  function show(nextLedger, nextMoment) {
    [ledger, moment] = [nextLedger, nextMoment];
    const names = [...ledger.arrays.keys()].filter((name) => name.startsWith("d"));
    if (names.join() !== [...target.options].map((each) => each.value).join()) {
      target.replaceChildren(...names.map((name) => element("option", { value: name }, name)));
      target.value = `dZ${ledger.sizes.length - 1}`;
    }
    hint.replaceChildren(...words.own.hints(ledger).map((text) => element("p", {}, text)));
    forget();
  }

  async function submit(event) {
    event.preventDefault();
    forget();
    const mine = asked;
    start.disabled = true;
    try {
      const found = await ask(moment, target.value, field.value);
      if (mine === asked) report(found);
    } catch (failure) {
      const why = failure instanceof NotRecorded ? words.elsewhere : failure.message;
      if (mine === asked) told.replaceChildren(element("p", { class: "quiet" }, why));
    }
    start.disabled = false;
  }

  function report(found) {
    const [mark, kind] = MARKS[found.kind] ?? ["✗", "bad"];
    const secret = isHidden("gradients");
    const verdict = element(
      "p",
      { class: `verdict ${kind}` },
      `${mark} ${words.own.verdict(found)}`,
    );
    const more = words.own.more(found, secret, ledger.names);
    const lines = more.map((text) => element("p", {}, text));
    if (found.kind === "unread") {
      field.setAttribute("aria-invalid", "true");
      if (found.at !== null) {
        field.focus();
        field.setSelectionRange(found.at, found.at + 1);
      }
    }
    told.replaceChildren(element("div", {}, verdict, lines));
    if (!secret && found.rows?.length) told.append(both(found));
  }

  return { node, show };
}

// The student's numbers beside the measured ones.
function both({ rows, target, compared, cells }) {
  const values = (name) => rows.map((each) => each[name]);
  const most = Math.max(largest(values("measured")), largest(values("yours")));
  const head = (text) => element("th", { scope: "col" }, text);
  const caption = words.own.caption(target);
  const table = element(
    "table",
    { class: "painted" },
    element("caption", { class: "unseen" }, caption),
    element(
      "thead",
      {},
      element("tr", {}, head(target), head(words.own.yours), head(words.quotient)),
    ),
    element(
      "tbody",
      {},
      rows.map(({ cell, yours, measured }) =>
        element(
          "tr",
          { "data-cells": cell },
          element("th", { scope: "row" }, cell.slice(target.length)),
          painted(yours, most, { written: short }),
          painted(measured, most, { written: short }),
        ),
      ),
    ),
  );
  return element(
    "div",
    {},
    element(
      "div",
      { class: "sideways", tabindex: "0", role: "group", "aria-label": caption },
      table,
    ),
    rows.length < cells
      ? element("p", { class: "note" }, words.own.some(rows.length, compared, cells))
      : null,
  );
}
