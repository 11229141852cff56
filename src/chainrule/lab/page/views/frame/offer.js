// A link to a run that is not here: it can be trained.

import { act, going } from "../../ask/runs.js";
import { button, element } from "../../parts/element.js";
import { described } from "../../ask/server.js";
import { change, now, unknown } from "../../state.js";
import { words } from "../../strings.js";

const says = words.time;

export function offer({ tell }) {
  const missing = element("p");
  const make = button(says.trainHere, train, { class: "primary", id: "train-here" });
  const attributes = { class: "offer", "aria-label": says.offerLabel, hidden: true };
  const node = element("section", attributes, missing, make);

  let asked = null; // the id of the run that is not here
  let run = null; // what it says

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

  // What is named and is no run at all is left out of the address.
  async function describe(id) {
    try {
      run = await described(id);
      if (asked === id) show();
    } catch {
      if (asked !== id) return;
      const left = (name) => (now()[name] === id ? null : now()[name]);
      change({ network: left("network"), with: left("with") }, { amend: true });
    }
  }

  function show() {
    const id = unknown();
    if (id !== asked) {
      asked = id;
      run = null;
      if (id !== null) describe(id);
    }
    node.hidden = run === null;
    if (!run) return;
    missing.textContent = says.missing(run, going() !== null);
    make.hidden = going() !== null;
  }

  return { node, show };
}
