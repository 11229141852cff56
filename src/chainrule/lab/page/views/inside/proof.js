// Prove it: the loss with one number nudged up and down, and the slope between, beside our
// gradient; and below it what the gradient truly is, to thirty digits.

import { button, element } from "../../parts/element.js";
import { formula } from "../../parts/formula.js";
import { alike, full } from "../../parts/numbers.js";
import { NotRecorded, proof as ask } from "../../ask/server.js";
import { words } from "../../strings.js";
import { truth } from "./truth.js";

export function proof({ moment, name, array, isHidden, isShut }) {
  const node = element("div", { class: "titled proof", id: "proof" });
  const derived = array.startsWith("d");
  if (!derived) {
    const given = /^[xyWb]/.test(array);
    node.append(
      element("h3", {}, words.proofTitle),
      element("p", { class: "quiet" }, given ? words.proofOnlyGradients : words.valueHow),
    );
    if (!given) node.append(...digits(moment, name, isShut));
    return node;
  }
  const told = element("div", { "aria-live": "polite" });
  const start = button(words.prove, run, { class: "primary", id: "prove" });
  node.append(
    element("h3", {}, words.proofTitle),
    element("p", { class: "quiet" }, words.proofHow(name.slice(1))),
    start,
    told,
  );
  if (isHidden("gradients")) start.disabled = true;

  async function run() {
    start.disabled = true;
    try {
      const quotient = report(await ask(moment, name));
      // The digits come when they are there: the quotient does not wait for them.
      const below = element("div", { class: "truth", "aria-live": "polite" });
      told.replaceChildren(element("h4", {}, words.evidence), ...quotient, below);
      start.hidden = true;
      told.lastElementChild.scrollIntoView({ block: "nearest" });
      await truth(below, moment, name);
    } catch (failure) {
      told.replaceChildren(
        element(
          "p",
          { class: "quiet" },
          failure instanceof NotRecorded ? words.proofElsewhere : failure.message,
        ),
      );
    }
    start.disabled = false;
  }
  return node;
}

// Of a value the true digits alone.
function digits(moment, name, isShut) {
  const below = element("div", { class: "truth", "aria-live": "polite" });
  const start = button(words.digits, show, { id: "digits" });
  start.disabled = isShut;
  async function show() {
    start.hidden = true;
    await truth(below, moment, name);
  }
  return [start, below];
}

// What is to be said of a proof in which so many digits agree, and in which colour.
export function verdictOf(found, digits) {
  if (found.ours === 0 && found.quotient === 0) return ["good", words.provenZero];
  if (found.agrees) return ["good", words.proven(digits)];
  if (found.kink) return ["unsure", words.atKink];
  return found.agrees === null ? ["unsure", words.untold] : ["bad", words.unproven];
}

function report(found) {
  const { texts, equal, digits } = alike(found.ours, found.quotient);
  const line = (label, value, id) => [
    element("dt", {}, label),
    element("dd", { class: "number", id }, value),
  ];
  const half = (text) => [element("mark", {}, text.slice(0, equal)), text.slice(equal)];
  const above = alike(found.E_above, found.E_below, 15);
  const E = (text) => [text.slice(0, above.equal), element("b", {}, text.slice(above.equal))];
  const numbers = element(
    "div",
    { role: "group", "aria-label": words.proofOf(found.cell) },
    element(
      "dl",
      { class: "proof-numbers" },
      line(words.above(found.nudged), E(above.texts[0]), "proof-above"),
      line(words.below(found.nudged), E(above.texts[1]), "proof-below"),
      line(
        [words.slope, " ", formula("(E(+h) - E(-h)) / (2 h)")],
        half(texts[1]),
        "proof-quotient",
      ),
      line(words.ours(found.cell), half(texts[0]), "proof-ours"),
    ),
  );
  const [kind, verdict] = verdictOf(found, digits);
  return [
    numbers,
    element("p", { class: `verdict ${kind}`, id: "proof-verdict" }, verdict),
    found.kink ? element("p", { class: "kink" }, found.kink) : null,
    element("p", { class: "quiet" }, words.difference(full(found.difference), full(found.h))),
  ].filter(Boolean);
}
