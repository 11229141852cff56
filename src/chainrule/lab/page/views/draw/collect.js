// Collect: a set of labelled drawings, saved for training. What is not saved yet outlives a reload.

import { bytes, collect as ask } from "../../ask/server.js";
import { choice } from "../../parts/choice.js";
import { button, element } from "../../parts/element.js";
import { DIGITS } from "../../parts/sizes.js";
import { store, stored } from "../../parts/stored.js";
import { thumbnail } from "../../parts/thumbnails.js";
import { words } from "../../strings.js";

// `drawing` gives { image, pixels } of what is drawn, or null; `added` is called as it is taken in,
// `saved` as the set is saved.
export function collect({ drawing, added, saved, limits, tell }) {
  const set = stored(limits); // { image, label, pixels }
  const list = element("ul", { class: "collected", "aria-label": words.collectTitle });
  const total = element("p", { class: "quiet", role: "status", id: "collected" });
  const digits = DIGITS.map((digit) => [digit, digit]);
  const labels = choice(words.collectLabel, "collect-label", digits, null, { class: "digits" });
  const name = element("input", {
    type: "text",
    id: "collect-name",
    maxlength: limits.set_name,
    autocomplete: "off",
    placeholder: words.setNameHint,
    "aria-label": words.setName,
  });
  const saving = button(words.saveSet, save, { id: "collect-save" });
  const forget = button(words.forget, forgetAll, { id: "collect-forget" });
  const kept = element("p", { class: "quiet", id: "collect-kept" }, words.keptHere);
  const node = element(
    "section",
    { class: "collect", "aria-labelledby": "collect-title" },
    element("h2", { id: "collect-title" }, words.collectTitle),
    element("p", {}, words.collectLead),
    labels.node,
    element("div", { class: "row-of-buttons" }, button(words.add, add, { id: "collect-add" })),
    total,
    list,
    element("div", { class: "row-of-buttons" }, name, saving, forget),
    kept,
  );
  refresh();

  function add() {
    const drawn = drawing();
    if (!drawn) return tell(words.emptyPad(DIGITS));
    if (labels.value === undefined) return tell(words.noLabel);
    if (set.length >= limits.drawings) return tell(words.full(limits.drawings));
    set.push({ image: drawn.image, label: Number(labels.value), pixels: drawn.pixels });
    keep();
    return added();
  }

  async function save() {
    if (set.length < 2) return tell(words.needTwo);
    try {
      const drawings = set.map(({ image, label }) => ({ image, label }));
      const found = await ask(drawings, name.value.trim());
      set.length = 0;
      name.value = "";
      keep();
      total.textContent = words.savedSet(found);
      saved(found.set);
    } catch (failure) {
      tell(words.failed(failure.message));
    }
    return undefined;
  }

  function forgetAll() {
    set.length = 0;
    keep();
    total.textContent = words.forgotten;
  }

  function keep() {
    if (!store(set)) tell(words.notKept);
    refresh();
  }

  function refresh() {
    total.textContent = words.collected(set.length);
    saving.disabled = set.length < 2;
    name.disabled = forget.disabled = set.length === 0;
    kept.hidden = set.length === 0;
    list.replaceChildren(...set.map((each, k) => element("li", {}, item(each, k))));
  }

  function item({ pixels, label }, k) {
    const title = words.takeOut(label);
    const takeOut = () => {
      set.splice(k, 1);
      keep();
    };
    const content = [thumbnail(bytes(pixels)), element("span", {}, label)];
    return button(content, takeOut, { class: "thumbnail", "aria-label": title, title });
  }

  return node;
}
