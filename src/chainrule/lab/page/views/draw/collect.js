// Collect: a set of labelled drawings, saved for training.

import { bytes, collect as ask } from "../../ask/server.js";
import { choice } from "../../parts/choice.js";
import { button, element } from "../../parts/element.js";
import { DIGITS } from "../../parts/sizes.js";
import { thumbnail } from "../../parts/thumbnails.js";
import { words } from "../../strings.js";

// `drawing` gives { image, pixels } of what is drawn, or null; `added` is called as it is taken in.
export function collect({ drawing, added, tell }) {
  const set = []; // { image, label, pixels }
  const list = element("ul", { class: "collected" });
  const total = element("p", { class: "quiet", role: "status", id: "collected" });
  const digits = DIGITS.map((digit) => [digit, digit]);
  const labels = choice(words.collectLabel, "collect-label", digits, null, { class: "digits" });
  const buttons = [
    button(words.add, add, { id: "collect-add" }),
    button(words.saveSet, save, { id: "collect-save" }),
  ];
  const node = element(
    "section",
    { class: "collect", "aria-labelledby": "collect-title" },
    element("h2", { id: "collect-title" }, words.collectTitle),
    element("p", {}, words.collectLead),
    labels.node,
    element("div", { class: "row-of-buttons" }, buttons),
    total,
    list,
  );
  refresh();

  function add() {
    const drawn = drawing();
    if (!drawn || labels.value === undefined) return tell(words.emptyPad);
    set.push({ image: drawn.image, label: Number(labels.value), pixels: bytes(drawn.pixels) });
    refresh();
    return added();
  }

  async function save() {
    if (set.length < 2) return tell(words.needTwo);
    try {
      const found = await ask(set.map(({ image, label }) => ({ image, label })));
      set.length = 0;
      refresh();
      total.textContent = words.savedSet(found);
    } catch (failure) {
      tell(words.failed(failure.message));
    }
    return undefined;
  }

  function refresh() {
    total.textContent = words.collected(set.length);
    list.replaceChildren(...set.map((each, k) => element("li", {}, item(each, k))));
  }

  function item({ pixels, label }, k) {
    const title = words.takeOut(label);
    const takeOut = () => {
      set.splice(k, 1);
      refresh();
    };
    const content = [thumbnail(pixels), element("span", {}, label)];
    return button(content, takeOut, { class: "thumbnail", "aria-label": title, title });
  }

  return node;
}
