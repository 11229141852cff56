// One of a few: radio buttons in a row, under one name.

import { element } from "./element.js";

// options: [value, text, title]; `chosen` is told the value, as a text.
export function choice(legend, name, options, chosen, attributes = {}) {
  const node = element("fieldset", { class: "choice", ...attributes });
  fill(options);

  function fill(next) {
    const labels = next.map(([value, text, title]) =>
      element(
        "label",
        { title },
        element("input", { type: "radio", name, value, onchange: () => chosen?.(String(value)) }),
        element("span", {}, text),
      ),
    );
    node.replaceChildren(element("legend", {}, legend), ...labels);
  }

  const inputs = () => [...node.querySelectorAll("input")];
  return {
    node,
    fill,
    inputs,
    get value() {
      return inputs().find((input) => input.checked)?.value;
    },
    set value(to) {
      for (const input of inputs()) input.checked = input.value === String(to);
    },
  };
}
