// The name of the run that is shown, and how it gets another one, in its place.

import { rename } from "../../ask/runs.js";
import { button, element } from "../../parts/element.js";
import { words } from "../../strings.js";

const says = words.train;

export function naming({ most }) {
  const title = element("h2", { id: "run-title", class: "run-title" });
  const begin = button(says.rename, edit, { class: "small", id: "run-rename" });
  const input = element("input", {
    type: "text",
    id: "run-name",
    maxlength: most,
    autocomplete: "off",
    spellcheck: "false",
    "aria-label": says.newName,
    "aria-describedby": "run-name-hint",
    onkeydown: leave,
  });
  const hint = element("p", { class: "quiet", id: "run-name-hint" }, says.renameHint);
  const wrong = element("p", { class: "bad", role: "alert", hidden: true });
  const form = element(
    "form",
    { class: "naming", hidden: true, novalidate: true, onsubmit: save },
    element("div", { class: "row-of-buttons" }, [
      input,
      element("button", { class: "primary" }, says.renameSave),
      button(says.renameCancel, end),
    ]),
    hint,
    wrong,
  );
  const still = element("div", { class: "run-head" }, title, begin);
  const node = element("div", { hidden: true }, still, form);
  let run = null;

  function edit() {
    still.hidden = true;
    form.hidden = false;
    wrong.hidden = true;
    input.value = run.name;
    input.select();
    input.focus();
  }

  function end() {
    form.hidden = true;
    still.hidden = false;
    begin.focus();
  }

  function leave(event) {
    if (event.key !== "Escape") return;
    event.preventDefault();
    event.stopPropagation();
    end();
  }

  async function save(event) {
    event.preventDefault();
    const name = input.value.trim();
    try {
      if (name !== run.name) await rename(run.id, name || null);
      end();
    } catch (failure) {
      wrong.textContent = words.failed(failure.message);
      wrong.hidden = false;
    }
  }

  // The run that is shown, or null.
  function show(next) {
    if (!form.hidden && run?.id !== next?.id) {
      form.hidden = true;
      still.hidden = false;
    }
    run = next;
    node.hidden = !run;
    if (run && title.textContent !== run.name) title.textContent = run.name;
  }

  return { node, show };
}
