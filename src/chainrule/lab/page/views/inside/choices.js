// Another image, label or network to look inside.

import { mistakes, recorded } from "../../ask/server.js";
import { classChoice } from "../../parts/classes.js";
import { button, element } from "../../parts/element.js";
import { change, changedAt, imagesOf, now } from "../../state.js";
import { words } from "../../strings.js";
import { browser } from "./browser.js";

export function choices({ isHidden }) {
  const number = element("input", {
    type: "number",
    id: "test-number",
    min: 0,
    step: 1,
    inputmode: "numeric",
    onchange: typed,
  });
  const shelf = browser({ isHidden, open });
  const chooser = element(
    "div",
    { class: "chooser", role: "group", "aria-label": words.image },
    element("label", { for: "test-number" }, words.testImage),
    button("‹", () => go(-1), { "aria-label": words.earlierImage, class: "small" }),
    number,
    button("›", () => go(1), { "aria-label": words.laterImage, class: "small" }),
    button(words.nextMistake, nextMistake, { id: "next-mistake", "aria-keyshortcuts": "Alt+N" }),
    button(words.browse, shelf.show, { id: "browse" }),
  );
  const relabel = (label) => change({ label });
  const labels = classChoice(words.trueLabel, "label", relabel, { id: "label" });
  const parts = [chooser, labels.node, shelf.node];
  const attributes = { class: "choices", "aria-label": words.choices, hidden: Boolean(recorded) };
  const node = element("section", attributes, recorded ? null : parts);

  function typed() {
    if (number.value !== "" && number.validity.valid) open(Number(number.value));
    else number.value = now().image.test ?? "";
  }

  function open(test) {
    const most = imagesOf() || 1; // none if the digits are gone
    change({ image: { test: (test + most) % most }, label: null });
  }

  function go(by) {
    open((now().image.test ?? -1) + by);
  }

  async function nextMistake() {
    const known = await mistakes(changedAt());
    const after = now().image.test ?? -1;
    open(known.indices.find((index) => index > after) ?? known.indices[0]);
  }

  function show({ label, truth, names }) {
    number.max = imagesOf() - 1;
    number.value = now().image.test ?? "";
    const told = !isHidden("truth");
    const own = told ? truth : null;
    labels.show(names, told ? label : null, { own, hint: words.ownLabel });
  }

  return { node, show, nextMistake };
}
