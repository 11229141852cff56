// The menu of lessons: each with its aim, what it needs and how long it takes, and notes for
// teachers.

import { button, element } from "../../parts/element.js";
import { words } from "../../strings.js";

const says = words.lessons;

// `start` begins a lesson; `show` shows a state of the lab.
export function list({ start, show }) {
  const items = element("ol", { class: "lessons" });
  const node = element("dialog", { class: "all-lessons", "aria-labelledby": "lessons-title" });
  const close = button("✕", () => node.close(), { "aria-label": words.close });
  node.append(
    element(
      "div",
      { class: "dialog-head" },
      element("h2", { id: "lessons-title" }, says.title),
      close,
    ),
    element("p", { class: "note" }, says.lead),
    items,
  );

  function open(lessons) {
    if (!items.children.length) items.append(...lessons.map(item));
    node.showModal();
  }

  function leading(act) {
    return () => {
      node.close();
      act();
    };
  }

  function item(lesson, k) {
    const { id, title, aim, prior, minutes, teacher, sheet } = lesson;
    const begin = button(`${k + 1}. ${title}`, leading(() => start(lesson)), {
      class: "lesson-title",
      "data-lesson": id,
    });
    return element(
      "li",
      {},
      element("div", { class: "lesson-line" }, begin, element("span", {}, says.minutes(minutes))),
      element("p", {}, aim),
      element("p", { class: "quiet" }, says.prior(prior)),
      notes(title, teacher, sheet),
    );
  }

  function notes(title, { time, pitfalls, links }, sheet) {
    const guesses = links.map(({ words: text, link }) =>
      element("li", {}, button(text, leading(() => show(link)), { class: "guess" })),
    );
    return element(
      "details",
      { class: "notes" },
      element("summary", { "aria-label": says.notesOf(title) }, says.notes),
      element("p", {}, time),
      element("h3", {}, says.pitfalls),
      element("ul", { class: "reasons" }, pitfalls.map((each) => element("li", {}, each))),
      guesses.length ? [element("h3", {}, says.hidden), element("ul", {}, guesses)] : null,
      sheet
        ? [
            element("h3", {}, says.sheet),
            element("p", {}, element("code", {}, says.command(sheet))),
          ]
        : null,
    );
  }

  return { node, open };
}
