// The first minute: one line and one button that lead from a number to its proof, and to a step of
// learning; and the pulse around the number to begin with.

import { recorded } from "../../ask/server.js";
import { meant } from "../../parts/cells.js";
import { element } from "../../parts/element.js";
import { change, isDefaultMoment, now } from "../../state.js";
import { words } from "../../strings.js";

// `say` shows a line and the text of its button; `press` does what another button does.
export function minute({ isHidden, say, press, toDraw }) {
  const pulse = element("span", { class: "pulse", "aria-hidden": "true" });
  let done = { opened: false, proven: false, asked: false, learnt: false };
  let ledger = null;
  let hint = null; // the number to begin with

  function progress(more) {
    done = { ...done, ...more };
    lead();
  }

  // Another moment: nothing is proven or learnt of it yet.
  function begin(next) {
    ledger = next;
    // Of what the last layer learns for the true label, the number that is furthest from 0.
    hint = meant(ledger, `dW${ledger.sizes.length - 1}[${ledger.label},*]`);
    done = { opened: done.opened, proven: false, asked: false, learnt: false };
  }

  function lead() {
    const { guide } = words;
    const unsaid = isHidden("prediction") || isHidden("truth");
    const learn = unsaid ? [0, 0] : [ledger.prediction, ledger.label];
    const provable = now().cell?.startsWith("d");
    if (done.learnt) say("learnt", guide.learnt(...learn), recorded ? null : guide.learntDo);
    else if (done.asked) say("slide", guide.slide(...learn));
    else if (done.proven) say("proven", guide.proven, guide.provenDo);
    else if (now().cell) say("opened", guide.opened, provable ? guide.openedDo : null);
    else if (first()) say("start", guide.start(hint), guide.startDo(hint));
    else say("wander", guide.wander);
  }

  function first() {
    return isDefaultMoment() && !done.opened && !isHidden("gradients");
  }

  // What the button of a line does.
  function act(step) {
    if (step === "start") change({ cell: hint });
    if (step === "opened") press("#prove");
    if (step === "proven") press("#learn");
    if (step === "learnt") toDraw();
  }

  // `locate` gives { grid, at }, where a cell is.
  function pulseAt(locate) {
    pulse.remove();
    const found = locate(hint);
    if (!first() || now().cell || !found?.at) return;
    found.grid.node.append(pulse);
    for (const side of ["left", "top", "width", "height"]) {
      pulse.style[side] = `${found.at[side]}px`;
    }
  }

  return { begin, progress, lead, act, pulseAt };
}
