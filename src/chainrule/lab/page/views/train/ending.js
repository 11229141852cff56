// What can be done with a run that does not go on: look inside it, let it read, compare it.

import { runs } from "../../ask/runs.js";
import { button, element } from "../../parts/element.js";
import { change } from "../../state.js";
import { words } from "../../strings.js";

const says = words.train;

export function ending() {
  let run = null;
  const to = (changes) => () => change({ network: run.id, cell: null, phase: null, ...changes });
  const look = button(says.look, to({ view: "inside" }), { id: "run-look", class: "primary" });
  const read = button(says.readMine, to({ view: "draw" }), { id: "run-draw" });
  const compare = button(says.compareWith, to({ view: "compare", with: null }), {
    id: "run-compare",
  });
  const node = element(
    "div",
    { class: "row-of-buttons", role: "group", "aria-label": says.next, hidden: true },
    look,
    read,
    compare,
  );

  // The run that is shown and stands still, or null.
  function show(next) {
    run = next?.recorded.length ? next : null;
    node.hidden = !run;
    look.classList.toggle("primary", run?.state === "finished"); // else it goes on first
    compare.hidden = runs().filter((each) => each.run.recorded.length).length < 2;
  }

  return { node, show, first: look };
}
