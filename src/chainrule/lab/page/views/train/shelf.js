// The runs of this folder: which is shown, how each stands, and which two are to be compared.

import { damaged, runs } from "../../ask/runs.js";
import { button, element } from "../../parts/element.js";
import { panel } from "../../parts/panel.js";
import { change } from "../../state.js";
import { words } from "../../strings.js";

const says = words.train;

export function shelf() {
  const list = element("ul", { class: "shelf", "aria-label": says.runsTitle });
  const compare = button(says.compareTwo, beside, { id: "runs-compare", disabled: true });
  const hint = element("p", { class: "quiet" }, says.runsHint);
  const tools = element("div", { class: "row-of-buttons" }, compare, hint);
  const unread = element("ul", { class: "quiet", id: "runs-damaged", hidden: true });
  const node = panel("runs-title", says.runsTitle, { class: "panel runs" }, list, tools, unread);
  let ticked = []; // ids, the one that was ticked last at the end
  let made = "";

  function beside() {
    const [network, other] = ticked;
    change({ view: "compare", network, with: other, step: null });
  }

  function tick(id, on) {
    ticked = ticked.filter((each) => each !== id);
    if (on) ticked = [...ticked, id].slice(-2); // a third takes the place of the first
    told();
  }

  function told() {
    for (const box of list.querySelectorAll("input")) box.checked = ticked.includes(box.value);
    compare.disabled = ticked.length < 2;
  }

  // shown: the run that is shown, or null.
  function show(shown) {
    const all = runs().map(({ run }) => ({ run, stands: says.stands(run) }));
    node.hidden = !all.length && !damaged().length;
    tools.hidden = all.length < 2;
    const key = JSON.stringify([
      shown?.id,
      ...all.map(({ run, stands }) => [run.id, run.name, stands]),
      damaged(),
    ]);
    if (key === made) return;
    made = key;
    ticked = ticked.filter((id) => all.some(({ run }) => run.id === id));
    const focused = list.contains(document.activeElement) && document.activeElement.dataset.run;
    list.replaceChildren(...all.toReversed().map((each) => item(each, shown)));
    if (focused) list.querySelector(`button[data-run="${CSS.escape(focused)}"]`)?.focus();
    unread.hidden = !damaged().length;
    const items = damaged().map(({ name, why }) => element("li", {}, says.unread(name, why)));
    unread.replaceChildren(...items);
    told();
  }

  function item({ run, stands }, shown) {
    const box = element("input", {
      type: "checkbox",
      value: run.id,
      disabled: !run.recorded.length,
      "aria-label": says.tick(run.name),
      onchange: () => tick(run.id, box.checked),
    });
    const name = button(run.name, () => change({ network: run.id, step: null }), {
      class: "run-link",
      "data-run": run.id,
      "aria-current": run === shown ? "true" : null,
    });
    const about = element("p", { class: "quiet" }, stands);
    return element("li", {}, box, element("div", {}, name, about));
  }

  return { node, show };
}
