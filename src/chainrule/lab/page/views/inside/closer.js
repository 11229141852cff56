// A closer look at dZ of the last layer: the Jacobian of softmax, and the impostors put to the
// test.

import { button, element } from "../../parts/element.js";
import { largest, signed, css, onTop } from "../../parts/colour.js";
import { display } from "../../parts/formula.js";
import { grid } from "../../parts/grid.js";
import { short } from "../../parts/numbers.js";
import { NotRecorded, impostors as ask } from "../../ask/server.js";
import { words } from "../../strings.js";

export function closer({ isHidden, reveal }) {
  const node = element("section", {
    class: "closer",
    id: "closer",
    "aria-labelledby": "closer-title",
  });
  let asked = 0;
  let retire = () => {};

  function show(ledger, moment) {
    asked += 1;
    retire();
    const L = ledger.sizes.length - 1;
    const title = element("h2", { id: "closer-title" }, words.closerTitle(L));
    if (isHidden("gradients")) {
      node.replaceChildren(
        title,
        button(words.reveal, () => reveal("gradients")),
      );
      return;
    }
    node.replaceChildren(
      title,
      element("div", { class: "columns" }, jacobian(ledger, L), trial(ledger, moment, L)),
    );
  }

  function jacobian(ledger, L) {
    const { jacobian } = ledger;
    const n = jacobian.shape[0];
    // Its cells are none of the ledger's: they light up the two that they join.
    const made = grid({
      array: `∂A${L}/∂Z${L}`,
      rows: n,
      columns: n,
      index: (r, c) => [r, c],
      label: words.jacobianLabel(L),
      width: 30,
      height: 26,
      lights: ({ index: [i, j] }) => `A${L}[${i}] Z${L}[${j}]`,
      opens: false,
    });
    retire = made.retire;
    const most = largest(jacobian.values);
    made.show(jacobian.values, jacobian.shape, () => most);
    return element(
      "div",
      { class: "jacobian" },
      element("h3", {}, words.jacobianTitle),
      element("p", {}, words.jacobianWhy(L)),
      display(jacobian.formula, { "data-part": "formulas" }),
      element(
        "div",
        { class: "sideways", tabindex: "0", role: "group", "aria-label": words.jacobianLabel(L) },
        made.node,
      ),
      element("p", { class: "note" }, words.jacobianHow(L)),
    );
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

  return { node, show };
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
  const painted = (value) => {
    const cell = element("td", { class: "number" }, short(value));
    const colour = signed(value, most);
    cell.style.backgroundColor = css(colour);
    cell.style.color = css(onTop(colour));
    return cell;
  };
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
          columns.map((each) => painted(each.values[k])),
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
