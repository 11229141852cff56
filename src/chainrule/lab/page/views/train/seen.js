// What a step of the training saw: its first images, deformed as they were then.

import { seen as askSeen } from "../../ask/sets.js";
import { element } from "../../parts/element.js";
import { cut, thumbnail } from "../../parts/thumbnails.js";
import { words } from "../../strings.js";

const says = words.train;

// `names` gives those of the classes; `tell` is told what cannot be answered.
export function seen({ names, tell }) {
  const note = element("p", { class: "quiet" });
  const list = element("ul", { class: "seen-images", "aria-label": says.seenTitle });
  const node = element(
    "details",
    { class: "panel seen", id: "seen", hidden: true },
    element("summary", {}, says.seenTitle),
    note,
    list,
  );
  let wanted = null; // a run at a step, or null: nothing that stands still is shown
  let shown = "";
  let asked = null;
  node.addEventListener("toggle", fill);

  async function fill() {
    if (!node.open || !wanted) return;
    const key = JSON.stringify(wanted);
    if (key === shown) return;
    asked?.abort();
    asked = new AbortController();
    const { signal } = asked;
    try {
      const found = await askSeen(wanted, signal);
      if (signal.aborted) return;
      shown = key;
      note.textContent = says.seenNote(found);
      list.replaceChildren(...found.labels.map((label, k) => image(found, k, names()[label])));
    } catch (failure) {
      if (failure.name !== "AbortError") tell(words.failed(failure.message));
    }
  }

  // at: { network, step, reached }, step null for the latest, which is the one that is reached;
  // null: the run moves, and what is shown stays.
  function show(at) {
    node.hidden = !at && shown === "";
    wanted = at;
    fill();
  }

  function empty() {
    asked?.abort();
    [wanted, shown] = [null, ""];
    node.hidden = true;
    list.replaceChildren();
  }

  return { node, show, empty };
}

function image({ numbers, images }, k, name) {
  const title = says.seenAloud(name, numbers[k]);
  const aloud = element("span", { class: "unseen" }, title);
  return element("li", { title }, thumbnail(cut(images, k)), aloud);
}
