// What stands beneath the pass: the scale of colours, how W1 is shown, and the way to a cell.

import { legend, onTheme } from "../../parts/colour.js";
import { choice } from "../../parts/choice.js";
import { element } from "../../parts/element.js";
import { change, now } from "../../state.js";
import { words } from "../../strings.js";

// `painted` is called as W1 is to be shown otherwise; `goTo` is told the name of a cell.
export function tools({ painted, goTo }) {
  const rescale = (value) => change({ scale: value });
  const scales = choice(words.scale, "scale", Object.entries(words.scales), rescale);
  const shadings = choice(words.shading, "shading", Object.entries(words.shadings), painted);
  shadings.value = "weight";
  const colours = legend();
  onTheme(() => colours.show(0));
  const wanted = element("input", {
    type: "text",
    id: "goto",
    placeholder: words.gotoHint,
    spellcheck: "false",
    autocomplete: "off",
    size: 14,
  });
  const finder = element(
    "form",
    { class: "finder", onsubmit: find },
    element("label", { for: "goto" }, words.goto),
    wanted,
    element("button", {}, words.gotoDo),
  );
  const darkest = element("p", { class: "note", id: "darkest" });
  const scale = element("div", { class: "of-scale" }, colours.node, darkest);
  const parts = [scales.node, scale, shadings.node, finder];
  const node = element("div", { class: "flow-tools" }, parts);

  function find(event) {
    event.preventDefault();
    goTo(wanted.value.replace(/\s/g, ""));
  }

  // most: the number of the darkest colour, where all arrays have one scale; strength: that of the
  // colours of derivatives.
  function show(most, strength) {
    scales.value = now().scale;
    colours.show(now().scale === "global" ? most : 0);
    darkest.textContent = words.darkest(now().scale, strength);
  }

  return {
    node,
    show,
    get shading() {
      return shadings.value;
    },
  };
}
