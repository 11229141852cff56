// Lessons: their menu, and the card of the one that is going on. A step of a lesson is a state of
// the lab, as parameters of its address.

import { lessons as ask } from "../../ask/own.js";
import { button } from "../../parts/element.js";
import { change, now, stateOf } from "../../state.js";
import { words } from "../../strings.js";
import { card as makeCard } from "./card.js";
import { list as makeList } from "./list.js";

const OWN = ["lesson", "at", "projector"]; // what a link may say beside a step

// The parameters of an address: if it names a step of a lesson alone, those of the step too.
export async function withStep(search) {
  const named = new URLSearchParams(search);
  const alone = [...named.keys()].every((name) => OWN.includes(name));
  const lesson = named.has("lesson") && alone && (await find(named.get("lesson")));
  if (!lesson) return search;
  const at = fitted(lesson, Number(named.get("at")));
  const found = new URLSearchParams(linkOf(lesson, at));
  for (const [name, value] of [...named, ["at", at]]) found.set(name, value);
  return found;
}

async function find(id) {
  return (await ask()).find((each) => each.id === id);
}

// The question stands behind the last step.
function fitted(lesson, at) {
  return Math.min(Math.max(Math.trunc(at) || 1, 1), lesson.steps.length + 1);
}

function linkOf({ steps, question }, at) {
  return steps[at - 1]?.link ?? question.link ?? steps.at(-1).link;
}

// `cover` hides again what was revealed.
export function lessons({ tell, cover }) {
  const menu = button(words.lessons.menu, open, { id: "lessons", "aria-haspopup": "dialog" });
  const list = makeList({ start, show: (link) => visit(link, { lesson: null, at: null }) });
  const card = makeCard({ go, next, leave });
  let shown = null; // the lesson on the card

  async function open() {
    try {
      list.open(await ask());
    } catch (failure) {
      tell(words.failed(failure.message));
    }
  }

  function start(lesson) {
    visit(linkOf(lesson, 1), { lesson: lesson.id, at: 1 });
    card.focus();
  }

  // How the lab is shown stays; all else is as the link says.
  function visit(link, more) {
    cover();
    change({ ...stateOf(link), projector: now().projector, ...more });
  }

  function go(at) {
    visit(linkOf(shown, at), { lesson: shown.id, at });
  }

  // After the question: the lesson behind this one, or all of them.
  async function next() {
    const all = await ask();
    const after = all[all.findIndex((each) => each.id === shown.id) + 1];
    if (after) start(after);
    else open();
  }

  function leave() {
    change({ lesson: null, at: null });
  }

  async function show() {
    const { lesson: id } = now();
    let lesson = null;
    if (id) {
      try {
        lesson = await find(id);
      } catch (failure) {
        tell(words.failed(failure.message));
      }
      if (now().lesson !== id) return;
      if (!lesson) {
        tell(words.lessons.unknown(id));
        change({ lesson: null, at: null }, { amend: true });
        return;
      }
    }
    const focused = card.node.contains(document.activeElement);
    shown = lesson;
    const last = lesson && (await ask()).at(-1).id === id;
    card.show(lesson, lesson && fitted(lesson, now().at), last);
    if (!lesson && focused) menu.focus();
  }

  return { menu, card: card.node, list: list.node, show };
}
