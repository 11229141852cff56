// The steps of the pass: one after the other, each with what it does.

import { phasesOf } from "../../parts/cells.js";
import { button, element } from "../../parts/element.js";
import { formula } from "../../parts/formula.js";
import { change, now } from "../../state.js";
import { words } from "../../strings.js";

const UPDATE = "W := W - α dW, b := b - α db";

// `why` leads to the closer look at dZ of the last layer.
export function phases({ isHidden, why }) {
  const list = element("ol", { class: "steps" });
  const caption = element("p", { class: "caption", "aria-live": "polite", id: "phase-caption" });
  const bar = element(
    "nav",
    { class: "phases", "aria-label": words.phases },
    button("‹", () => walk(-1), {
      "aria-label": words.previousPhase,
      id: "previous-phase",
      "aria-keyshortcuts": "ArrowLeft",
    }),
    list,
    button("›", () => walk(1), {
      "aria-label": words.nextPhase,
      id: "next-phase",
      "aria-keyshortcuts": "ArrowRight",
    }),
    button(words.wholePass, () => change({ phase: null }), { id: "whole-pass", class: "small" }),
  );
  let names = [];

  function show(ledger) {
    const depth = names.length;
    names = phasesOf(ledger);
    if (names.length === depth) return; // the same depth has the same steps
    list.replaceChildren(...names.map((name) => element("li", {}, step(name))));
  }

  function step(name) {
    const turn = () => change({ phase: now().phase === name ? null : name });
    return button(name === "update" ? words.update : name, turn, {
      class: `step-button ${/^[dE]/.test(name) ? "backward" : "forward"}`,
      "data-phase": name,
      "data-cells": name === "update" ? null : name,
    });
  }

  // Say where one is in the pass; null: nowhere.
  function say(name, ledger) {
    for (const each of list.querySelectorAll("button")) {
      const current = each.dataset.phase === name;
      each.classList.toggle("current", current);
      if (current) each.setAttribute("aria-current", "step");
      else each.removeAttribute("aria-current");
    }
    if (!name) return caption.replaceChildren(words.phaseHint);
    const array = ledger.arrays.get(name);
    const place = words.phaseOf(names.indexOf(name) + 1, names.length);
    const L = ledger.sizes.length - 1;
    const closer = { class: "small", "aria-label": words.own.closerName(L) };
    return caption.replaceChildren(
      element("span", { class: "number quiet" }, place),
      " ",
      isHidden("formulas") ? "" : formula(array ? array.formula : UPDATE),
      " ",
      words.phaseWords(name, ledger),
      " ",
      name === `dZ${L}` ? button(words.own.closerDo, why, closer) : "",
    );
  }

  function walk(by) {
    const at = names.indexOf(now().phase);
    const to = at < 0 ? (by > 0 ? 0 : names.length - 1) : at + by;
    if (to >= 0 && to < names.length) change({ phase: names[to] });
  }

  return { nodes: [bar, caption], show, say, walk };
}
