// Code to write, paste or open. It outlives a reload.

import { forms as askForms, openCode } from "../../ask/code.js";
import { choice } from "../../parts/choice.js";
import { draft, keepDraft } from "../../parts/draft.js";
import { button, element } from "../../parts/element.js";
import { words } from "../../strings.js";
import { codeArea } from "./area.js";

const says = words.code;
const MOST = 10_000_000; // bytes of a file, as explain/grade/source.py has it for notebooks
const LONGEST = 60; // characters of a name
const NEW = { name: "my_code.py", text: "", loss: "" };
const REST = 300; // ms without a key, after which it is kept

// `allowed`: whether this lab runs code; `check` and `stop` are what its buttons do.
export function editor({ allowed, check, stop, tell }) {
  const area = codeArea({ changed, run: () => allowed && !start.disabled && check() });
  const title = element("h2", { id: "code-title" });
  const notes = element("div", { class: "quiet", role: "status", id: "code-notes" });
  const back = button(says.back, putBack, { id: "code-back", hidden: true });
  const losses = choice(says.loss, "code-loss", says.losses, keep);
  const hint = { title: says.checkHint, "aria-keyshortcuts": "Control+Enter" };
  const start = button(says.check, check, { id: "check-code", class: "primary", ...hint });
  const end = button(says.stop, stop, { id: "stop-code", hidden: true });
  const forms = Object.entries(says.forms).map(([style, text]) => button(text, () => begin(style)));
  const begins = [element("span", { class: "quiet" }, says.form), ...forms];
  const row = (...content) => element("div", { class: "row-of-buttons" }, ...content);
  const node = element(
    "section",
    { class: "panel", "aria-labelledby": "code-title" },
    title,
    row(...opener({ taken: open, tell }), ...begins, back),
    notes,
    area.node,
    row(losses.node),
    allowed ? row(start, end) : null,
    element("p", { class: "quiet" }, allowed ? says.safe : says.closed),
  );
  let replaced = null; // in whose place a form or a file came: { name, text }
  let waiting = 0;
  const before = draft() ?? NEW;
  put(before);
  losses.value = before.loss;
  takeDropped(node, { taken: open, tell });
  addEventListener("pagehide", keep);

  const code = () => ({ name: title.textContent, text: area.text, loss: losses.value });

  function keep() {
    clearTimeout(waiting);
    keepDraft(code());
  }

  function changed() {
    clearTimeout(waiting);
    waiting = setTimeout(keep, REST);
  }

  function put({ name, text }) {
    title.textContent = name;
    area.text = text;
  }

  // Something else takes the place of what is there, which can be put back.
  function replace(next) {
    replaced = area.text.trim() ? code() : null;
    back.hidden = !replaced;
    notes.replaceChildren();
    put(next);
    keep();
  }

  function putBack() {
    put(replaced);
    back.hidden = true;
    notes.replaceChildren();
    keep();
    area.focus();
  }

  async function begin(style) {
    try {
      replace({ ...NEW, text: (await askForms())[style] });
    } catch (failure) {
      tell(words.failed(failure.message));
    }
  }

  async function open(file, content) {
    const [, stem, ending] = /^(.*)(\.\w+)$/s.exec(file);
    try {
      const found = await openCode(stem.slice(0, LONGEST - ending.length) + ending, content);
      replace(found);
      notes.replaceChildren(...found.notes.map((note) => element("p", {}, says.note(note))));
    } catch (failure) {
      tell(words.failed(failure.message));
    }
  }

  // The code as it was run: of a notebook that was pasted, its cells.
  function become(text) {
    if (text !== area.text) replace({ name: title.textContent, text });
  }

  function busy(on) {
    start.disabled = on;
    end.hidden = !on;
  }

  return { node, code, become, busy, toLine: area.toLine };
}

// `taken` is told the name of a file and its bytes, as base64.
function take(file, { taken, tell }) {
  if (!file) return undefined;
  if (!/\.(py|ipynb)$/i.test(file.name)) return tell(says.notFile);
  if (file.size > MOST) return tell(says.tooLarge(MOST));
  const reader = new FileReader();
  reader.onload = () => taken(file.name, reader.result.split(",")[1] ?? "");
  return reader.readAsDataURL(file);
}

// A button that opens a file, and what it needs.
function opener(told) {
  const picker = element("input", {
    type: "file",
    accept: ".py,.ipynb",
    hidden: true,
    tabindex: "-1",
    "aria-hidden": "true",
    onchange: () => {
      take(picker.files[0], told);
      picker.value = "";
    },
  });
  return [button(says.open, () => picker.click(), { id: "open-code" }), picker];
}

function takeDropped(node, told) {
  node.addEventListener("dragover", (event) => event.preventDefault());
  node.addEventListener("drop", (event) => {
    if (!event.dataTransfer.files.length) return; // a text goes where it is dropped
    event.preventDefault();
    take(event.dataTransfer.files[0], told);
  });
}
