// What is hidden for a question, and revealed again.

import { button, element } from "../../parts/element.js";
import { PARTS, change, now } from "../../state.js";
import { words } from "../../strings.js";

// `changed` is called as something is revealed.
export function hiding({ changed }) {
  const revealed = new Set();
  const question = element("p", { class: "question", id: "question", hidden: true });
  const boxes = PARTS.map((part) =>
    element("input", { type: "checkbox", value: part, onchange: () => toggle(part) }),
  );
  const labels = boxes.map((box) =>
    element("label", {}, box, element("span", {}, words.parts[box.value])),
  );
  const hint = element("p", { class: "quiet" }, words.hideHint);
  const menu = element(
    "details",
    { class: "menu", id: "hide" },
    element("summary", {}, words.hideMenu),
    element("fieldset", {}, element("legend", {}, words.hideTitle), labels, hint),
  );
  document.addEventListener("pointerdown", ({ target }) => {
    if (menu.open && !menu.contains(target)) menu.open = false;
  });
  menu.addEventListener("keydown", (event) => {
    if (event.key !== "Escape") return;
    event.stopPropagation();
    menu.open = false;
    menu.querySelector("summary").focus();
  });

  function toggle(part) {
    const others = now().hide.filter((each) => each !== part);
    revealed.delete(part);
    change({ hide: others.length < now().hide.length ? others : [...others, part] });
  }

  function isHidden(part) {
    return part !== null && now().hide.includes(part) && !revealed.has(part);
  }

  function reveal(...parts) {
    for (const part of parts) revealed.add(part);
    changed();
  }

  // What is hidden from now on is hidden again.
  function cover() {
    revealed.clear();
  }

  function revealAll() {
    reveal(...now().hide);
  }

  function show() {
    const shut = now().hide.filter(isHidden);
    document.documentElement.classList.toggle("hide-formulas", shut.includes("formulas"));
    for (const box of boxes) box.checked = now().hide.includes(box.value);
    question.hidden = !shut.length;
    question.replaceChildren(
      words.isHidden(shut.map((part) => words.parts[part])),
      " ",
      button(words.revealAll, revealAll, { id: "reveal-all", "aria-keyshortcuts": "Alt+R" }),
    );
  }

  return { menu, question, isHidden, reveal, revealAll, cover, show };
}
