// Look inside: the image and its story, the pass as blocks, one cell opened, a closer look at dZ of
// the last layer, and one step of learning.

import { has, meant, partOf, phasesOf, place, reference } from "../../parts/cells.js";
import { element } from "../../parts/element.js";
import { change, moment, now } from "../../state.js";
import { words } from "../../strings.js";
import { closer } from "./closer.js";
import { flow } from "./flow.js";
import { inspector } from "./inspector.js";
import { minute as makeMinute } from "./minute.js";
import { phases as makePhases } from "./phases.js";
import { step } from "./step.js";
import { story } from "./story.js";
import { tools as makeTools } from "./tools.js";

const narrow = matchMedia("(max-width: 60rem)"); // as in style.css
const still = matchMedia("(prefers-reduced-motion: reduce)");

export function inside({ lab, isHidden, reveal, toDraw, tell }) {
  let ledger = null;
  let shut = false; // whether the gradients were hidden
  const part = (array) => partOf(array, ledger.sizes.length - 1);
  const act = (step) => minute.act(step);
  const proven = () => minute.progress({ proven: true });
  const learnt = (right) => minute.progress({ asked: true, learnt: right });

  const tale = story({ lab, isHidden, reveal, act });
  const phases = makePhases({ isHidden });
  const pass = flow({ reveal, isHidden, partOf: part });
  const tools = makeTools({ painted: paint, goTo });
  const learning = step({ isHidden, reveal, learnt });
  const look = closer({ isHidden, reveal });
  const shutCell = () => change({ cell: null });
  const cell = inspector({ go, close: shutCell, isHidden, reveal, partOf: part, proven });
  const minute = makeMinute({ isHidden, say: tale.lead, press, toDraw });
  const blank = element("p", { class: "note blank" }, words.blank);
  const below = [pass.node, tools.node, blank, learning.node, look.node];
  const node = element(
    "div",
    { class: "inside", id: "view-inside" },
    element("div", { class: "side" }, tale.node, cell.node, tale.choices),
    element("div", { class: "pass" }, phases.nodes, below),
  );

  // ------------------------------------------------------------------------------------ showing

  function show(next) {
    const changed = ledger !== next;
    ledger = next;
    if (changed) minute.begin(ledger);
    tale.show(ledger);
    paint();
    phases.show(ledger);
    // What was tried stays, unless it is of another moment or is hidden or revealed.
    if (changed || shut !== isHidden("gradients")) {
      shut = isHidden("gradients");
      look.show(ledger, settled());
      learning.show(ledger, settled());
    }
    // Of the address, what this network does not have is left out.
    const { cell: name, phase } = now();
    const known = {
      cell: name && meant(ledger, name),
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
    pass.show(ledger, { scale: now().scale, shading: tools.shading });
    tools.show(pass.largest());
    pulse();
  }

  function pulse() {
    minute.pulseAt((name) => pass.place(place(name).array, name));
  }

  function showPhase(name) {
    if (!ledger) return;
    pass.phase(name);
    phases.say(name, ledger);
    if (name) bringNear(name === "update" ? learning.node : pass.block(name));
  }

  // -------------------------------------------------------------------------------------- cells

  function openCell(name) {
    if (!ledger) return;
    const found = name && meant(ledger, name);
    if (found !== name) change({ cell: found }, { amend: true });
    else if (!name) {
      cell.hide();
      tale.compact(false);
      minute.lead();
    } else {
      const { array, index } = place(name);
      pass.reach(array, index);
      cell.show(ledger, settled(), name);
      tale.compact(array !== "x");
      minute.progress({ opened: true });
      // On a narrow screen the opened cell lies over the page: keep what it is a cell of in sight.
      if (narrow.matches) bringUp(pass.block(array) ?? tale.node);
    }
    pulse();
  }

  // The name that is typed.
  function goTo(name) {
    const found = meant(ledger, name);
    return found ? go(found) : tell(words.noCell(name));
  }

  // A chip that names a cell opens it; one that names a row or an array takes the focus there.
  function go(name) {
    if (has(ledger, name)) {
      change({ cell: name });
      return bringNear(pass.block(place(name).array));
    }
    const ref = reference(name);
    const index = (ref.index ?? []).map((each) => each ?? 0);
    pass.reach(ref.array, index);
    return focus(ref.array, index.length ? `${ref.array}[${index.join(",")}]` : ref.array);
  }

  // Focus goes back to where the cell was opened.
  function closed(name) {
    focus(place(name).array, name);
  }

  function focus(array, name) {
    if (array === "x") tale.picture.focus(name);
    else pass.focus(array, name);
  }

  function press(selector) {
    const wanted = node.querySelector(selector);
    const target = wanted?.closest(".step, .inspector");
    if (selector === "#learn") bringUp(target);
    else bringNear(target);
    wanted?.click();
  }

  return {
    node,
    show,
    openCell,
    showPhase,
    paint,
    walk: phases.walk,
    closed,
    focusCell: cell.focus,
    nextMistake: tale.nextMistake,
    get ledger() {
      return ledger;
    },
  };
}

function bringNear(target) {
  target?.scrollIntoView({ block: "nearest", inline: "nearest", behavior: gently() });
}

function bringUp(target) {
  target?.scrollIntoView({ block: "start", behavior: gently() });
}

function gently() {
  return still.matches ? "auto" : "smooth";
}
