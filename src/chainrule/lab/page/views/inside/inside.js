// Look inside, in four depths that share one moment and one cell: the story, the network as one
// picture, its numbers (the pass as blocks, a closer look at dZ of the last layer, one step of
// learning), and one number opened.

import { has, meant, partOf, phasesOf, place, reference } from "../../parts/cells.js";
import { element } from "../../parts/element.js";
import { change, isPicture, moment, now } from "../../state.js";
import { words } from "../../strings.js";
import { choices as makeChoices } from "./choices.js";
import { closer } from "./closer.js";
import { depths as makeDepths } from "./depths.js";
import { flow } from "./flow.js";
import { front as makeFront } from "./front.js";
import { headline } from "./headline.js";
import { inspector } from "./inspector.js";
import { phases as makePhases } from "./phases.js";
import { step } from "./step.js";
import { subject as makeSubject } from "./subject.js";
import { tools as makeTools } from "./tools.js";

const narrow = matchMedia("(max-width: 60rem)"); // as in style.css
const still = matchMedia("(prefers-reduced-motion: reduce)");

export function inside({ lab, isHidden, reveal, tell }) {
  let ledger = null;
  let covered = false; // whether the gradients were hidden
  const part = (array) => partOf(array, ledger.sizes.length - 1);
  const head = headline({ isHidden, reveal });
  const front = makeFront({ lab, isHidden, head, tell });
  const depths = makeDepths();
  const choices = makeChoices({ isHidden });
  const subject = makeSubject({ head });
  const look = closer({ isHidden, reveal });
  const phases = makePhases({ isHidden, why: look.open });
  const pass = flow({ reveal, isHidden, partOf: part, why: look.open });
  const tools = makeTools({ painted: paint, goTo });
  const learning = step({ isHidden, reveal });
  const cell = inspector({ go, close: shut, isHidden, reveal, partOf: part });
  const below = [pass.node, tools.node, blank(), learning.node, look.node];
  const deep = deepOf([subject.node, cell.node], [phases.nodes, below], pass.node);
  const bar = element("div", { class: "inside-bar" }, depths.node, choices.node);
  const node = element("div", { class: "inside", id: "view-inside" }, front.node, deep);

  // ------------------------------------------------------------------------------------ showing

  function show(next) {
    const changed = ledger !== next;
    ledger = next;
    choices.show(ledger);
    subject.show(ledger);
    paint();
    phases.show(ledger);
    // What was tried stays, unless it is of another moment or is hidden or revealed.
    if (changed || covered !== isHidden("gradients")) {
      covered = isHidden("gradients");
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
    tools.show(pass.largest(), ledger.to_learn);
  }

  // The picture or the numbers, as the address says; the picture is asked for by itself.
  function showDepth() {
    const picture = isPicture();
    depths.show(now());
    node.dataset.depth = now().depth;
    bar.dataset.depth = now().depth;
    (picture ? front : subject).node.prepend(head.node);
    front.node.hidden = !picture;
    deep.hidden = picture;
    return picture;
  }

  async function enterFront() {
    await front.enter();
    const { picture } = front.net;
    if (picture) choices.show(picture);
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
      subject.compact(false);
    } else {
      const { array, index } = place(name);
      pass.reach(array, index);
      cell.show(ledger, settled(), name);
      subject.compact(array !== "x");
      // On a narrow screen the opened cell lies over the page: keep what it is a cell of in sight.
      if (narrow.matches) bringUp(pass.block(array) ?? subject.node);
    }
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
    if (array === "x") subject.picture.focus(name);
    else pass.focus(array, name);
  }

  return {
    node,
    bar,
    show,
    openCell,
    showPhase,
    paint,
    walk: phases.walk,
    closed,
    focusCell: cell.focus,
    showDepth,
    enterFront,
    refreshFront: front.refresh,
    leaveStory: () => now().depth === "story" && front.leave(),
    nextMistake: choices.nextMistake,
    get ledger() {
      return ledger;
    },
  };
}

function shut() {
  change({ cell: null });
}

function blank() {
  return element("p", { class: "note blank" }, words.blank);
}

// The numbers, and what stands beside them. A window of another width, or a unit that opens, makes
// the `flow` as wide as there is room anew.
function deepOf(side, parts, flow) {
  const pass = element("div", { class: "pass" }, parts.flat());
  new ResizeObserver(() => requestAnimationFrame(() => fit(flow))).observe(pass);
  return element("div", { class: "deep" }, element("div", { class: "side" }, side), pass);
}

// The whole pass is made as wide as there is room, within limits; on a projector it also has to be
// seen at once, so it may become smaller than that.
function fit(pass) {
  pass.style.zoom = "";
  if (narrow.matches) return;
  const wide = pass.clientWidth / widthOf(pass);
  const { projector } = now();
  const above = projector ? 0 : pass.getBoundingClientRect().top + scrollY;
  const high = (innerHeight - above - 16) / pass.scrollHeight;
  const most = projector ? Math.min(high, 1) : Math.min(Math.max(high, 1), 1.25);
  pass.style.zoom = String(Math.max(Math.min(wide, most), projector ? 0.4 : 0.75));
}

function widthOf(pass) {
  const ends = [...pass.children].map((each) => each.offsetLeft + each.offsetWidth);
  return Math.max(...ends) - pass.offsetLeft;
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
