// The sets of drawings that were saved: each can be named, looked at with the answers of the
// network, and trained on.

import { act, going } from "../../ask/runs.js";
import { bytes } from "../../ask/server.js";
import { nameSet, readSet, sets as askSets } from "../../ask/sets.js";
import { button, element } from "../../parts/element.js";
import { csvButton } from "../../parts/keeping.js";
import { percent } from "../../parts/numbers.js";
import { cut, thumbnail } from "../../parts/thumbnails.js";
import { change } from "../../state.js";
import { words } from "../../strings.js";

const says = words.sets;

// `at` gives the network that reads, as the server is asked about it, and `called` its name;
// `openImage` shows 784 pixels with a label inside.
export function sets({ lab, at, called, openImage, tell }) {
  const usual = Object.fromEntries(lab.settings.map((each) => [each.name, each.default]));
  const list = element("ul", { class: "sets", id: "sets" });
  const damaged = element("ul", { class: "quiet" });
  const looked = element("section", {
    class: "looked",
    id: "set-looked",
    "aria-labelledby": "set-title",
    hidden: true,
  });
  const node = element(
    "section",
    { class: "saved-sets", "aria-labelledby": "sets-title", hidden: true },
    element("h2", { id: "sets-title" }, says.title),
    list,
    damaged,
    looked,
  );
  let open = null; // the id of the set that is looked at
  let naming = null; // the one that gets another name

  async function refresh() {
    try {
      const found = await askSets();
      node.hidden = !found.sets.length && !found.damaged.length;
      list.replaceChildren(...found.sets.toReversed().map(item));
      damaged.replaceChildren(...found.damaged.map(({ why }) => element("li", {}, `${why}.`)));
      list.querySelector("input")?.select();
    } catch (failure) {
      tell(words.failed(failure.message));
    }
  }

  function item(set) {
    const name =
      naming === set.id
        ? field(set)
        : element("strong", { class: "set-name" }, set.name);
    const about = element("span", { class: "quiet" }, says.about(set));
    const label = (what) => ({ class: "small", "aria-label": `${what}: ${set.name}` });
    const tools = element(
      "div",
      { class: "row-of-buttons" },
      button(says.look, () => look(set.id), label(says.look)),
      button(says.train, () => train(set), label(says.trainHint)),
      button(says.rename, () => rename(set.id), label(says.rename)),
    );
    return element("li", { "data-set": set.id }, name, about, tools);
  }

  function rename(id) {
    naming = id;
    return refresh();
  }

  function field(set) {
    const input = element("input", {
      type: "text",
      value: set.name,
      maxlength: lab.limits.set_name,
      autocomplete: "off",
      "aria-label": says.newName(set.name),
      onkeydown: async (event) => {
        if (!["Enter", "Escape"].includes(event.key)) return;
        event.preventDefault();
        event.stopPropagation();
        if (event.key === "Enter" && !(await give(set.id, input.value.trim()))) return;
        naming = null;
        await refresh();
        list.querySelector(`[data-set="${set.id}"] button:last-child`)?.focus();
      },
    });
    const done = button(says.done, async () => {
      if (!(await give(set.id, input.value.trim()))) return;
      naming = null;
      await refresh();
    });
    return element("span", { class: "row-of-buttons" }, input, done);
  }

  async function give(id, name) {
    try {
      await nameSet(id, name);
      if (open === id) await look(id);
      return true;
    } catch (failure) {
      tell(words.failed(failure.message));
      return false;
    }
  }

  async function train(set) {
    if (going()) return tell(says.busy);
    try {
      const run = await act({ do: "start", settings: usual, set: set.id });
      change({ view: "train", network: run.id, step: null });
    } catch (failure) {
      tell(words.failed(failure.message));
    }
    return undefined;
  }

  // Its drawings, and what the network reads in them.
  async function look(id) {
    try {
      const found = await readSet(id, at());
      open = id;
      show(found);
    } catch (failure) {
      tell(words.failed(failure.message));
    }
  }

  function show(found) {
    const pixels = bytes(found.images);
    const order = found.labels.map((_, k) => k);
    const wrong = (k) => found.labels[k] !== found.predictions[k];
    const some = found.count > order.length ? says.first(order.length, found.count) : "";
    const shut = button("✕", close, { "aria-label": words.close, class: "small" });
    const title = element("h3", { id: "set-title", tabindex: "-1" }, found.name);
    const result = says.reads(called(), found.right, found.count);
    const images = order.map((k) => {
      const text = words.misread(found.labels[k], found.predictions[k]);
      const name = says.image(found.labels[k], found.predictions[k], found.for_test[k]);
      const content = [
        thumbnail(cut(pixels, k)),
        element("span", {}, wrong(k) ? text : `${found.labels[k]} ✓`),
      ];
      const opens = () => openImage(cut(pixels, k), found.labels[k]);
      return element(
        "li",
        {},
        button(content, opens, {
          class: wrong(k) ? "thumbnail misread" : "thumbnail",
          "aria-label": `${name}: ${words.openInside}`,
          title: percent(found.confidence[k]),
        }),
      );
    });
    const rows = () => [
      says.columns,
      ...order.map((k) => [
        k,
        found.labels[k],
        found.predictions[k],
        found.confidence[k],
        found.for_test[k] ? says.test : says.training,
      ]),
    ];
    looked.hidden = false;
    looked.replaceChildren(
      element("div", { class: "dialog-head" }, title, csvButton("set", found.name, rows), shut),
      element("p", { class: "says", role: "status", id: "set-reads" }, `${result}${some}`),
      element("ul", { class: "thumbnails", "aria-label": found.name }, images),
    );
  }

  function close() {
    const was = open;
    open = null;
    looked.hidden = true;
    list.querySelector(`[data-set="${was}"] button`)?.focus();
  }

  // Another network, or another moment of it.
  function again() {
    if (open) look(open);
  }

  return { node, refresh, again };
}
