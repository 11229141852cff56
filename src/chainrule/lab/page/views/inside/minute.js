// The first minute: one line and one button that lead from a number to its proof, and to a step of
// learning; and the pulse around the number to begin with.

import { recorded } from "../../ask/server.js";
import { has } from "../../parts/cells.js";
import { element } from "../../parts/element.js";
import { change, isDefaultMoment, now } from "../../state.js";
import { words } from "../../strings.js";

export const HINT = "dW2[3,7]";

// `say` shows a line and the text of its button; `press` does what another button does.
export function minute({ isHidden, say, press, toDraw }) {
  const pulse = element("span", { class: "pulse", "aria-hidden": "true" });
  let done = { opened: false, proven: false, asked: false, learnt: false };
  let ledger = null;

  function progress(more) {
    done = { ...done, ...more };
    lead();
  }

  // Another moment: nothing is proven or learnt of it yet.
  function begin(next) {
    ledger = next;
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
    else if (first()) say("start", guide.start(HINT), guide.startDo(HINT));
    else say("wander", guide.wander);
  }

  function first() {
    return isDefaultMoment() && !done.opened && has(ledger, HINT) && !isHidden("gradients");
  }

  // What the button of a line does.
  function act(step) {
    if (step === "start") change({ cell: HINT });
    if (step === "opened") press("#prove");
    if (step === "proven") press("#learn");
    if (step === "learnt") toDraw();
  }

  // found: { grid, at }, where the number to begin with is.
  function pulseAt(found) {
    pulse.remove();
    if (!first() || now().cell || !found?.at) return;
    found.grid.node.append(pulse);
    for (const side of ["left", "top", "width", "height"]) {
      pulse.style[side] = `${found.at[side]}px`;
    }
  }

  return { begin, progress, lead, act, pulseAt };
}
