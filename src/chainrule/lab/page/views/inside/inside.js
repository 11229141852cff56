// Look inside: the image and its story, the pass as blocks, one cell opened, a closer look at dZ of
// the last layer, and one step of learning.

import { button, element } from "../../parts/element.js";
import { legend, onTheme } from "../../parts/colour.js";
import { closer } from "./closer.js";
import { flow, phasesOf } from "./flow.js";
import { formula } from "../../parts/formula.js";
import { inspector, place } from "./inspector.js";
import { reference } from "../../parts/light.js";
import { recorded } from "../../ask/server.js";
import { change, isDefaultMoment, moment, now } from "../../state.js";
import { step } from "./step.js";
import { story } from "./story.js";
import { words } from "../../strings.js";

const narrow = matchMedia("(max-width: 60rem)"); // as in style.css
const HINT = "dW2[3,7]"; // the cell of the first minute

// The part of the page, as in hide=, that the values of an array belong to.
export function partOf(array, L) {
  if (array === "y") return "truth";
  if (array.startsWith("d")) return "gradients";
  return array === `A${L}` || array === `Z${L}` ? "probabilities" : null;
}

export function inside({ lab, isHidden, reveal, toDraw, tell }) {
  let ledger = null;
  let shading = "weight";
  let shut = false; // whether the gradients were hidden
  let done = { opened: false, proven: false, asked: false, learnt: false };
  const L = () => ledger.sizes.length - 1;
  const part = (array) => partOf(array, L());

  const tale = story({ lab, isHidden, reveal, act });
  const pass = flow({ reveal, isHidden, partOf: part });
  const look = closer({ isHidden, reveal });
  const learning = step({
    isHidden,
    reveal,
    learnt: (right) => progress({ asked: true, learnt: right }),
  });
  const cell = inspector({
    go,
    close: () => change({ cell: null }),
    isHidden,
    reveal,
    partOf: part,
    proven: () => progress({ proven: true }),
  });
  const scale = legend();

  // ------------------------------------------------------------------------------ steps and tools

  const steps = element("ol", { class: "steps" });
  const caption = element("p", { class: "caption", "aria-live": "polite", id: "phase-caption" });
  const phases = element(
    "nav",
    { class: "phases", "aria-label": words.phases },
    button("‹", () => walk(-1), {
      "aria-label": words.previousPhase,
      id: "previous-phase",
      "aria-keyshortcuts": "ArrowLeft",
    }),
    steps,
    button("›", () => walk(1), {
      "aria-label": words.nextPhase,
      id: "next-phase",
      "aria-keyshortcuts": "ArrowRight",
    }),
    button(words.wholePass, () => change({ phase: null }), { id: "whole-pass", class: "small" }),
  );
  const wanted = element("input", {
    type: "text",
    id: "goto",
    placeholder: words.gotoHint,
    spellcheck: "false",
    autocomplete: "off",
    size: 14,
  });
  const finder = element(
    "form",
    { class: "finder", onsubmit: find },
    element("label", { for: "goto" }, words.goto),
    wanted,
    element("button", {}, words.gotoDo),
  );
  const scales = choice(words.scale, "scale", words.scales, (value) => change({ scale: value }));
  const shadings = choice(words.shading, "shading", words.shadings, (value) => {
    shading = value;
    paint();
  });
  const tools = element(
    "div",
    { class: "flow-tools" },
    scales.node,
    scale.node,
    shadings.node,
    finder,
  );
  const blank = element("p", { class: "note blank" }, words.blank);
  const pulse = element("span", { class: "pulse", "aria-hidden": "true" });
  const main = element(
    "div",
    { class: "pass" },
    phases,
    caption,
    pass.node,
    tools,
    blank,
    learning.node,
    look.node,
  );
  const node = element(
    "div",
    { class: "inside", id: "view-inside" },
    element("div", { class: "side" }, tale.node, cell.node, tale.choices),
    main,
  );
  onTheme(() => scale.show(0));

  function choice(label, name, options, chosen) {
    const inputs = Object.entries(options).map(([value, text]) =>
      element(
        "label",
        {},
        element("input", { type: "radio", name, value, onchange: () => chosen(value) }),
        element("span", {}, text),
      ),
    );
    const group = element("fieldset", { class: "choice" }, element("legend", {}, label), inputs);
    return {
      node: group,
      set: (value) =>
        group.querySelectorAll("input").forEach((input) => (input.checked = input.value === value)),
    };
  }

  function find(event) {
    event.preventDefault();
    const name = wanted.value.replace(/\s/g, "");
    if (!exists(name)) return tell(words.noCell(name));
    change({ cell: name });
    bring(name);
  }

  function exists(name) {
    const ref = reference(name);
    const array = ref && ledger.arrays.get(ref.array);
    if (!array) return false;
    const index = ref.index ?? [];
    return (
      index.length === array.shape.length &&
      index.every((each, k) => each !== null && each < array.shape[k])
    );
  }

  // ------------------------------------------------------------------------------------ showing

  function show(next) {
    const changed = ledger !== next;
    ledger = next;
    if (changed) done = { opened: done.opened, proven: false, asked: false, learnt: false };
    shadings.set(shading);
    tale.show(ledger);
    paint();
    stepsOf();
    // What was tried stays, unless it is of another moment or is hidden or revealed.
    if (changed || shut !== isHidden("gradients")) {
      shut = isHidden("gradients");
      look.show(ledger, settled());
      learning.show(ledger, settled());
    }
    // Of the address, what this network does not have is left out.
    const { cell: name, phase } = now();
    const known = {
      cell: name && exists(name) ? name : null,
      phase: phasesOf(ledger).includes(phase) ? phase : null,
    };
    if (known.cell !== name || known.phase !== phase) change(known, { amend: true });
    openCell(known.cell);
    showPhase(known.phase);
  }

  // The moment with the label that the ledger was computed for.
  function settled() {
    return { ...moment(), label: ledger.label };
  }

  function paint() {
    scales.set(now().scale);
    pass.show(ledger, { scale: now().scale, shading });
    scale.show(now().scale === "global" ? pass.largest() : 0);
    pulseAt();
  }

  function stepsOf() {
    const names = phasesOf(ledger);
    if (steps.children.length === names.length) return; // the same depth has the same steps
    steps.replaceChildren(
      ...names.map((name) =>
        element(
          "li",
          {},
          button(
            name === "update" ? words.update : name,
            () => change({ phase: now().phase === name ? null : name }),
            {
              class: `step-button ${/^[dE]/.test(name) ? "backward" : "forward"}`,
              "data-phase": name,
              "data-cells": name === "update" ? null : name,
            },
          ),
        ),
      ),
    );
  }

  function showPhase(name) {
    if (!ledger) return;
    const names = phasesOf(ledger);
    pass.phase(name);
    for (const each of steps.querySelectorAll("button")) {
      const current = each.dataset.phase === name;
      each.classList.toggle("current", current);
      if (current) each.setAttribute("aria-current", "step");
      else each.removeAttribute("aria-current");
    }
    if (!name) return caption.replaceChildren(words.phaseHint);
    const array = ledger.arrays.get(name);
    caption.replaceChildren(
      element(
        "span",
        { class: "number quiet" },
        words.phaseOf(names.indexOf(name) + 1, names.length),
      ),
      " ",
      isHidden("formulas") ? "" : formula(array ? array.formula : "W := W - α dW, b := b - α db"),
      " ",
      words.phaseWords(name, ledger),
    );
    const target = name === "update" ? learning.node : pass.block(name);
    target.scrollIntoView({ block: "nearest", inline: "nearest", behavior: gently() });
  }

  function walk(by) {
    const names = phasesOf(ledger);
    const at = names.indexOf(now().phase);
    const to = at < 0 ? (by > 0 ? 0 : names.length - 1) : at + by;
    if (to >= 0 && to < names.length) change({ phase: names[to] });
  }

  // -------------------------------------------------------------------------------------- cells

  function openCell(name) {
    if (!ledger) return;
    if (!name) {
      cell.hide();
      tale.compact(false);
    } else {
      const { array, index } = place(name);
      pass.reach(array, index);
      cell.show(ledger, settled(), name);
      tale.compact(array !== "x");
      done.opened = true;
      // On a narrow screen the opened cell lies over the page: keep what it is a cell of in sight.
      if (narrow.matches)
        (pass.block(array) ?? tale.node).scrollIntoView({ block: "start", behavior: gently() });
    }
    lead();
    pulseAt();
  }

  // A chip that names a cell opens it; one that names a row or an array takes the focus there.
  function go(name) {
    if (exists(name)) {
      change({ cell: name });
      return bring(name);
    }
    const ref = reference(name);
    const index = (ref.index ?? []).map((each) => each ?? 0);
    const first = index.length ? `${ref.array}[${index.join(",")}]` : ref.array;
    pass.reach(ref.array, index);
    if (ref.array === "x") tale.picture.focus(first);
    else pass.focus(ref.array, first);
  }

  function bring(name) {
    pass
      .block(place(name).array)
      ?.scrollIntoView({ block: "nearest", inline: "nearest", behavior: gently() });
  }

  // Focus goes back to where the cell was opened.
  function closed(name) {
    const { array } = place(name);
    if (array === "x") tale.picture.focus(name);
    else pass.focus(array, name);
  }

  // ----------------------------------------------------------------------------- the first minute

  function progress(more) {
    done = { ...done, ...more };
    lead();
  }

  function lead() {
    const { guide } = words;
    const [from, to] = [ledger.prediction, ledger.label];
    const learn = isHidden("prediction") || isHidden("truth") ? [0, 0] : [from, to];
    if (done.learnt) tale.lead("learnt", guide.learnt(...learn), recorded ? null : guide.learntDo);
    else if (done.asked) tale.lead("slide", guide.slide(...learn));
    else if (done.proven) tale.lead("proven", guide.proven, guide.provenDo);
    else if (now().cell)
      tale.lead("opened", guide.opened, cell.node.querySelector("#prove") ? guide.openedDo : null);
    else if (first()) tale.lead("start", guide.start(HINT), guide.startDo(HINT));
    else tale.lead("wander", guide.wander);
  }

  function first() {
    return ledger && isDefaultMoment() && !done.opened && exists(HINT) && !isHidden("gradients");
  }

  function act(step) {
    if (step === "start") change({ cell: HINT });
    if (step === "opened") press("#prove");
    if (step === "proven") press("#learn");
    if (step === "learnt") toDraw();
  }

  function press(selector) {
    const wantedButton = node.querySelector(selector);
    const target = wantedButton?.closest(".step, .inspector");
    target?.scrollIntoView({
      block: selector === "#learn" ? "start" : "nearest",
      behavior: gently(),
    });
    wantedButton?.click();
  }

  function pulseAt() {
    pulse.remove();
    if (!first() || now().cell) return;
    const { array } = place(HINT);
    const found = pass.place(array, HINT);
    if (!found?.at) return;
    found.grid.node.append(pulse);
    for (const side of ["left", "top", "width", "height"])
      pulse.style[side] = `${found.at[side]}px`;
  }

  function gently() {
    return matchMedia("(prefers-reduced-motion: reduce)").matches ? "auto" : "smooth";
  }

  return {
    node,
    show,
    openCell,
    showPhase,
    paint,
    walk,
    closed,
    focusCell: cell.focus,
    nextMistake: tale.nextMistake,
    get ledger() {
      return ledger;
    },
  };
}
