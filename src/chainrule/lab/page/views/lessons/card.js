// The card of a lesson, at the foot of the window: its step or its question, and the way on.

import { button, element } from "../../parts/element.js";
import { words } from "../../strings.js";
import { question as makeQuestion } from "./question.js";

const says = words.lessons;

// The words of a text; what stands between * is a name on the page.
function marked(text) {
  return text.split("*").map((part, k) => (k % 2 ? element("b", {}, part) : part));
}

// `go` shows a step, from 1; `next` follows behind the question.
export function card({ go, next, leave }) {
  const title = element("h2", { id: "lesson-title", tabindex: "-1" });
  const where = element("p", { class: "quiet", id: "lesson-where" });
  const text = element("p", { class: "lesson-words", id: "lesson-words" });
  const question = makeQuestion();
  const body = element(
    "div",
    { class: "lesson-body", tabindex: "0", role: "group", "aria-labelledby": "lesson-title" },
    element("div", { role: "status" }, text),
    question.node,
  );
  const fold = button(says.fold, folded, {
    class: "small",
    "aria-expanded": "true",
    "aria-controls": "lesson-words",
  });
  const close = button("✕", leave, {
    class: "small",
    "aria-label": says.leave,
    title: says.leaveHint,
    id: "lesson-leave",
  });
  const back = button(says.previous, () => go(at - 1), { id: "lesson-previous" });
  const again = button(says.again, () => go(at), { id: "lesson-again", title: says.againHint });
  const on = button(says.next, () => (at > steps() ? next() : go(at + 1)), {
    class: "primary",
    id: "lesson-next",
  });
  const node = element(
    "section",
    { class: "lesson", id: "lesson", "aria-labelledby": "lesson-title", hidden: true },
    element("div", { class: "lesson-head" }, title, where, fold, close),
    body,
    element("div", { class: "lesson-tools" }, back, again, on),
  );

  let lesson = null;
  let at = 1;

  // The page ends above the card, however tall it is.
  new ResizeObserver(() => {
    const height = node.hidden ? 0 : node.offsetHeight;
    document.documentElement.style.setProperty("--lesson", `${height}px`);
  }).observe(node);

  function steps() {
    return lesson.steps.length;
  }

  function folded() {
    const open = fold.getAttribute("aria-expanded") === "false";
    fold.setAttribute("aria-expanded", String(open));
    fold.textContent = open ? says.fold : says.unfold;
    body.hidden = !open;
  }

  // Without a lesson there is no card.
  function show(next, step, last) {
    const same = lesson === next && at === step;
    lesson = next;
    node.hidden = !lesson;
    if (!lesson || same) return;
    at = step;
    const asks = at > steps();
    title.textContent = lesson.title;
    where.textContent = says.where(at, steps() + 1);
    text.replaceChildren(...marked(asks ? lesson.question.words : lesson.steps[at - 1].words));
    question.show(asks ? lesson : null);
    back.disabled = at === 1;
    const forward = at === steps() ? says.toQuestion : says.next;
    on.textContent = asks ? (last ? says.all : says.nextLesson) : forward;
    if (body.hidden) folded();
    body.scrollTop = 0;
  }

  return { node, show, focus: () => setTimeout(() => title.focus({ preventScroll: true })) };
}
