// A field for code, with the numbers of its lines. The Tab key leaves it, as everywhere.

import { element } from "../../parts/element.js";
import { words } from "../../strings.js";

const says = words.code;

// `changed` is called as somebody types, `run` when they ask for it by keys.
export function codeArea({ changed, run }) {
  const lines = element("pre", { class: "code-lines", "aria-hidden": "true" });
  const area = element("textarea", {
    class: "code-area",
    id: "code",
    "aria-label": says.area,
    placeholder: says.placeholder,
    wrap: "off",
    spellcheck: "false",
    autocomplete: "off",
    autocapitalize: "off",
    oninput: () => {
      number();
      changed();
    },
    onscroll: () => (lines.scrollTop = area.scrollTop),
    onkeydown: ({ key, ctrlKey, metaKey }) => key === "Enter" && (ctrlKey || metaKey) && run(),
  });
  const node = element("div", { class: "code-frame" }, lines, area);

  function number() {
    const count = area.value.split("\n").length;
    if (lines.textContent.split("\n").length !== count || !lines.textContent)
      lines.textContent = Array.from({ length: count }, (_, k) => k + 1).join("\n");
    lines.scrollTop = area.scrollTop;
  }

  function toLine(line) {
    const all = area.value.split("\n");
    const from = all.slice(0, line - 1).reduce((sum, each) => sum + each.length + 1, 0);
    area.focus();
    area.setSelectionRange(from, from + (all[line - 1] ?? "").length);
    area.scrollTop = (Math.max(0, line - 5) * area.scrollHeight) / all.length;
    area.scrollLeft = 0;
  }

  return {
    node,
    toLine,
    focus: () => area.focus(),
    get text() {
      return area.value;
    },
    set text(next) {
      area.value = next;
      area.scrollTop = 0;
      number();
    },
  };
}
