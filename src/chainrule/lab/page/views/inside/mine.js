// My number: what a person worked out for the opened cell, before or after its value is shown.

import { tryNumber as ask } from "../../ask/own.js";
import { NotRecorded } from "../../ask/server.js";
import { element } from "../../parts/element.js";
import { words } from "../../strings.js";

const LONGEST = 60; // characters, as explain/guess.py has it
const GOOD = new Set(["right"]);
const NEAR = new Set(["close", "coarse", "unread", "infinite"]);
let last = { name: "", text: "" }; // what was typed stays when the cell is revealed

export function mine({ moment, name }) {
  const field = element("input", {
    type: "text",
    id: "my-number",
    maxlength: LONGEST,
    size: 14,
    inputmode: "text",
    spellcheck: "false",
    autocomplete: "off",
    placeholder: words.own.numberHint,
    oninput: () => told.replaceChildren(),
  });
  if (last.name === name) field.value = last.text;
  const start = element("button", { id: "check-number" }, words.own.check);
  const told = element("div", { "aria-live": "polite", id: "number-verdict" });

  async function submit(event) {
    event.preventDefault();
    last = { name, text: field.value };
    start.disabled = true;
    try {
      told.replaceChildren(...report(await ask(moment, name, field.value), name));
    } catch (failure) {
      const why = failure instanceof NotRecorded ? words.elsewhere : failure.message;
      told.replaceChildren(element("p", { class: "quiet" }, why));
    }
    start.disabled = false;
  }

  return element(
    "div",
    { class: "titled mine" },
    element("h3", {}, words.own.numberTitle),
    element(
      "form",
      { class: "own-number", onsubmit: submit },
      element("label", { for: "my-number" }, words.own.numberAsked(name)),
      field,
      start,
    ),
    told,
  );
}

function report(found, name) {
  const good = GOOD.has(found.kind);
  const [mark, kind] = good
    ? ["✓", "good"]
    : NEAR.has(found.kind)
      ? ["?", "unsure"]
      : ["✗", "bad"];
  return [element("p", { class: `verdict ${kind}` }, `${mark} ${words.own.number(found, name)}`)];
}
