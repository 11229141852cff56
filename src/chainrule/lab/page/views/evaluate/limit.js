// "I don't know": what a network answers if it may keep silent below a limit.

import { element } from "../../parts/element.js";
import { panel } from "../../parts/panel.js";
import { words } from "../../strings.js";

const says = words.evaluate;

// `moved` is told the limit as the slider moves.
export function abstaining({ moved }) {
  const input = element("input", {
    type: "range",
    id: "threshold",
    min: 0,
    max: 0.99,
    step: 0.01,
    value: 0,
    oninput: () => moved(Number(input.value)),
  });
  const limit = element("output", { class: "number", for: "threshold" });
  const answers = element("p", { class: "says", role: "status", id: "unsure" });
  const label = element("label", { for: "threshold" }, says.threshold);
  const line = element("div", { class: "rate" }, label, input, limit);
  const lead = element("p", {}, says.unsureLead);
  const attributes = { "data-section": "limit" };
  return {
    node: panel("unsure-title", says.unsureTitle, attributes, lead, line, answers),
    // The limit that the address has.
    set(value) {
      if (Number(input.value) !== value) input.value = value;
      limit.textContent = says.percent(value).replace(".0", "");
      input.setAttribute("aria-valuetext", limit.textContent);
    },
    told(answer) {
      answers.textContent = says.unsure(answer);
    },
  };
}
