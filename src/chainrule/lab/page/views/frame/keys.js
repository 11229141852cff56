// The keys that work everywhere.

import { recorded } from "../../ask/server.js";
import { change, isPicture, now } from "../../state.js";

const TYPING =
  "input:not([type=radio]):not([type=checkbox]), select, textarea, dialog, [role=grid], " +
  "[role=application]";

// `inside`: the view that is looked into; `revealAll` shows what is hidden for a question.
export function listenToKeys({ inside, revealAll }) {
  const acts = {
    KeyP: () => change({ projector: !now().projector }),
    KeyN: () => !recorded && now().view === "inside" && inside.nextMistake(),
    KeyR: revealAll,
  };

  addEventListener("keydown", (event) => {
    if (event.altKey && !event.ctrlKey && !event.metaKey) {
      if (!(event.code in acts)) return;
      event.preventDefault();
      acts[event.code]();
    } else if (!event.altKey && !event.ctrlKey && !event.metaKey && !event.shiftKey) {
      if (event.key === "Escape") leaveLesson(event.target);
      if (now().view === "inside") insideKey(event);
    }
  });

  // An opened cell is closed first.
  function leaveLesson(target) {
    const { view, cell, lesson } = now();
    if (!lesson || (view === "inside" && cell) || target.closest?.("dialog")) return;
    change({ lesson: null, at: null });
  }

  function insideKey(event) {
    const { key, target } = event;
    if (key === "Escape" && !target.closest?.("dialog")) {
      if (now().depth === "story") inside.leaveStory();
      else if (now().cell) change({ cell: null });
    }
    if (!["ArrowRight", "ArrowLeft"].includes(key) || !inside.ledger || isPicture()) return;
    if (target.closest?.(`${TYPING}, input`) || scrolls(target)) return;
    event.preventDefault();
    inside.walk(key === "ArrowRight" ? 1 : -1);
  }
}

// What has the focus and is wider than its place: the arrow keys move it.
function scrolls(target) {
  return target.matches?.("[tabindex='0']") && target.scrollWidth > target.clientWidth;
}
