// One class of a network: a row of buttons where there are few with short names, else a list.

import { choice } from "./choice.js";
import { element } from "./element.js";

const FEW = 10;
const SHORT = 2; // characters

// Whether each name has as little room as a digit.
export function areShort(names) {
  return names.every((name) => [...name].length <= SHORT);
}

// `chosen` is told the number of the class.
export function classChoice(legend, name, chosen, attributes = {}) {
  const buttons = choice(legend, name, [], (value) => chosen(Number(value)), { class: "digits" });
  const select = element("select", { onchange: () => chosen(Number(select.value)) });
  const label = element("label", { class: "of-class" }, element("span", {}, legend), select);
  const node = element("div", { class: "class-choice", ...attributes }, buttons.node, label);
  let known = "";

  // `value` is the class that is chosen, or null; `hint` is the title of one.
  function show(names, value, { own = null, hint = "" } = {}) {
    if (known !== names.join("\n")) fill(names);
    const inRow = !buttons.node.hidden;
    if (inRow) buttons.value = value;
    else select.value = value ?? "";
    for (const input of inRow ? buttons.inputs() : [])
      input.title = Number(input.value) === own ? hint : "";
  }

  function fill(names) {
    known = names.join("\n");
    const inRow = names.length <= FEW && areShort(names);
    buttons.node.hidden = !inRow;
    label.hidden = inRow;
    if (inRow) buttons.fill(names.map((text, k) => [k, text]));
    else select.replaceChildren(...names.map((text, k) => element("option", { value: k }, text)));
  }

  return { node, show };
}
