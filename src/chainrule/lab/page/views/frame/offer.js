// A link to a run that is not here: it can be trained.

import { act, going } from "../../ask/runs.js";
import { button, element } from "../../parts/element.js";
import { change, describe, unknown } from "../../state.js";
import { words } from "../../strings.js";

const says = words.time;

export function offer({ tell }) {
  const missing = element("p");
  const make = button(says.trainHere, train, { class: "primary", id: "train-here" });
  const attributes = { class: "offer", "aria-label": says.offerLabel, hidden: true };
  const node = element("section", attributes, missing, make);

  async function train() {
    make.disabled = true;
    try {
      await act({ do: "start", run: unknown() });
      change({});
    } catch (failure) {
      tell(words.failed(failure.message));
    }
    make.disabled = false;
    show();
  }

  function show() {
    const id = unknown();
    node.hidden = id === null;
    if (id === null) return;
    missing.textContent = says.missing(describe(id), going() !== null);
    make.hidden = going() !== null;
  }

  return { node, show };
}
