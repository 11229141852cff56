// The question of a lesson: a number or a choice, which the server checks at the moment that is
// shown, and what it says of the answer.

import { answer as ask } from "../../ask/own.js";
import { button, element } from "../../parts/element.js";
import { moment } from "../../state.js";
import { words } from "../../strings.js";

const says = words.lessons;
const LONGEST = 40; // characters of an answer

export function question() {
  const field = element("div", { class: "lesson-field" });
  const verdict = element("p", { class: "lesson-says", id: "lesson-says", role: "status" });
  const node = element(
    "form",
    { class: "lesson-question", id: "lesson-question", hidden: true, onsubmit: check },
    field,
    verdict,
  );
  let lesson = null;

  function show(next) {
    lesson = next;
    node.hidden = !lesson;
    say("");
    if (lesson) field.replaceChildren(...(lesson.question.choices.length ? choices() : number()));
  }

  function number() {
    const { digits, within } = lesson.question;
    const input = element("input", {
      type: "text",
      id: "lesson-answer",
      name: "answer",
      size: 12,
      maxlength: LONGEST,
      autocomplete: "off",
      spellcheck: "false",
      "aria-describedby": "lesson-precision",
    });
    const precise = digits === null ? says.within(within) : says.digits(digits);
    return [
      element("label", { for: "lesson-answer" }, says.answer),
      input,
      submit(),
      element("span", { class: "quiet", id: "lesson-precision" }, precise),
    ];
  }

  function choices() {
    const labels = lesson.question.choices.map((text, k) =>
      element(
        "label",
        {},
        element("input", { type: "radio", name: "answer", value: k }),
        element("span", {}, text),
      ),
    );
    const legend = element("legend", { class: "unseen" }, says.answer);
    return [element("fieldset", { class: "lesson-choices" }, legend, labels), submit()];
  }

  function submit() {
    return button(says.check, null, { type: "submit", id: "lesson-check" });
  }

  async function check(event) {
    event.preventDefault();
    const asked = lesson;
    const typed = new FormData(node).get("answer");
    if (typed === null) return say(says.choose);
    const given = asked.question.choices.length ? Number(typed) : typed;
    try {
      const found = await ask(moment(), asked.id, given);
      if (lesson !== asked) return undefined;
      return say([says.verdicts[found.kind], found.says].filter(Boolean).join(" "), found.kind);
    } catch (failure) {
      return say(words.failed(failure.message));
    }
  }

  function say(text, kind = "") {
    verdict.textContent = text;
    verdict.classList.toggle("good", kind === "right");
    verdict.classList.toggle("bad", kind !== "" && kind !== "right");
  }

  return { node, show };
}
