// The true digits of a number, with ours beneath: what agrees is marked, underlined and counted.

import { element } from "../../parts/element.js";
import { minus, short } from "../../parts/numbers.js";
import { NotRecorded, truth as ask } from "../../ask/server.js";
import { words } from "../../strings.js";

// Puts them into `node` when they are there.
export async function truth(node, moment, name) {
  const title = element("h4", {}, words.certainty);
  node.replaceChildren(title, element("p", { class: "quiet" }, words.truthAsking));
  node.setAttribute("aria-busy", "true");
  try {
    node.replaceChildren(title, ...report(await ask(moment, name)));
  } catch (failure) {
    const why = failure instanceof NotRecorded ? words.truthElsewhere : failure.message;
    node.replaceChildren(title, element("p", { class: "quiet" }, why));
  }
  node.removeAttribute("aria-busy");
}

function report(found) {
  const says = found.says.map((sentence) => element("p", { class: "kink" }, minus(sentence)));
  if (found.truth === null)
    return [element("p", { class: "verdict unsure", id: "truth-verdict" }, words.noTruth), ...says];
  const ours = minus(found.ours);
  const line = (label, text, id) => [
    element("dt", {}, label),
    element(
      "dd",
      { class: "number", id },
      element("mark", {}, text.slice(0, found.agree)),
      text.slice(found.agree),
    ),
  ];
  const [kind, verdict] = verdictOf(found);
  return [
    element("p", { class: "quiet" }, words.truthHow),
    element(
      "div",
      { role: "group", "aria-label": words.truthOf(found.cell) },
      element(
        "dl",
        { class: "proof-numbers" },
        line(words.truth, minus(found.truth), "truth-digits"),
        line(words.oursDigits, ours, "truth-ours"),
      ),
    ),
    element("p", { class: `verdict ${kind}`, id: "truth-verdict" }, verdict),
    ...says,
    Number.isFinite(found.ulps) ? element("p", { class: "quiet" }, apart(found)) : null,
  ].filter(Boolean);
}

function verdictOf({ within, undecided }) {
  if (undecided.length) return ["unsure", words.undecided];
  if (within) return ["good", words.within];
  return within === null ? ["unsure", words.truthUntold] : ["bad", words.outside];
}

function apart(found) {
  if (found.truth === "0" && found.ours === "0") return words.trueZero;
  const same = found.truth.slice(0, found.agree).replace(/[^0-9]/g, "").replace(/^0+/, "");
  const { ulps, bound } = found;
  return words.apart({ ulps: short(ulps), bound: short(bound) }, same.length);
}
