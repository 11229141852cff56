// A closer look at dZ of the last layer: the step as a product, the impostors put to the test, and
// a formula of one's own.

import { button, element } from "../../parts/element.js";
import { largest } from "../../parts/colour.js";
import { short } from "../../parts/numbers.js";
import { NotRecorded, impostors as ask } from "../../ask/server.js";
import { words } from "../../strings.js";
import { painted } from "./painted.js";
import { product } from "./product.js";
import { tryout } from "./tryout.js";

export function closer({ isHidden, reveal }) {
  const title = element("h2", { id: "closer-title", tabindex: "-1" });
  const shown = element("div", { class: "closer-shown" });
  const own = tryout({ isHidden });
  const node = element(
    "section",
    { class: "closer", id: "closer", "aria-labelledby": "closer-title" },
    title,
    shown,
    own.node,
  );
  let asked = 0;

  function show(ledger, moment) {
    asked += 1;
    const L = ledger.sizes.length - 1;
    title.textContent = words.closerTitle(L);
    own.show(ledger, moment);
    if (isHidden("gradients")) {
      shown.replaceChildren(button(words.reveal, () => reveal("gradients")));
      return;
    }
    shown.replaceChildren(product(ledger), trial(ledger, moment, L));
  }

  // One click away from wherever dZ is spoken of.
  function open() {
    title.scrollIntoView({ block: "start" });
    title.focus({ preventScroll: true });
  }

  function trial(ledger, moment, L) {
    const result = element("div", { "aria-live": "polite", id: "impostors" });
    const mine = asked;
    const start = button(
      words.tryImpostors,
      async () => {
        start.disabled = true;
        try {
          const found = await ask(moment);
          if (mine === asked) result.replaceChildren(...verdicts(found));
          start.hidden = true;
        } catch (failure) {
          result.replaceChildren(
            element(
              "p",
              { class: "quiet" },
              failure instanceof NotRecorded ? words.elsewhere : failure.message,
            ),
          );
        }
        start.disabled = false;
      },
      { id: "try-impostors", class: "primary" },
    );
    return element(
      "div",
      { class: "impostors" },
      element("h3", {}, words.impostorsTitle),
      element("p", {}, words.impostorsLead(L, ledger.loss)),
      start,
      result,
    );
  }

  return { node, show, open };
}

// Of the quotients themselves nothing is said.
function judged(each) {
  if (each.agrees === undefined) return "";
  if (each.agrees === null) return words.agreementUnknown;
  return each.agrees ? words.agrees : words.differs(short(each.largest));
}

function verdicts(found) {
  const most = Math.max(
    largest(found.quotients),
    ...found.accounts.map((each) => largest(each.values)),
  );
  const columns = [{ name: words.quotient, values: found.quotients }, ...found.accounts];
  const table = element(
    "table",
    { class: "painted" },
    element("caption", { class: "unseen" }, words.impostorsCaption(found.array)),
    element(
      "thead",
      {},
      element(
        "tr",
        {},
        element("th", { scope: "col" }, found.array),
        columns.map((each) => element("th", { scope: "col" }, words.account(each.name))),
      ),
    ),
    element(
      "tbody",
      {},
      found.quotients.map((_, k) =>
        element(
          "tr",
          { "data-cells": `${found.array}[${k}]` },
          element("th", { scope: "row" }, `[${k}]`),
          columns.map((each) => painted(each.values[k], most)),
        ),
      ),
    ),
    element(
      "tfoot",
      {},
      element(
        "tr",
        {},
        element("th", { scope: "row" }, words.verdict),
        columns.map((each) =>
          element("td", { class: { true: "good", false: "bad" }[each.agrees] ?? "" }, judged(each)),
        ),
      ),
    ),
  );
  return [
    element(
      "div",
      {
        class: "sideways",
        tabindex: "0",
        role: "group",
        "aria-label": words.impostorsCaption(found.array),
      },
      table,
    ),
    element(
      "ul",
      { class: "reasons" },
      found.accounts.map((each) => element("li", {}, words.why(each.name))),
    ),
  ];
}
