// What can be done with a training: pause, one step, stop, go on, another learning rate.

import { going, live } from "../../ask/runs.js";
import { button, element } from "../../parts/element.js";
import { change } from "../../state.js";
import { words } from "../../strings.js";

const says = words.train;

// `does` orders something of the training; `run` is the one that is shown; `next` are buttons
// that take the focus where none of these can.
export function controls({ does, run, next, tell }) {
  const order = (what) => () => does({ do: what });
  const goOrPause = () => does({ do: live()?.state === "paused" ? "go" : "pause" });
  const play = button(says.pause, goOrPause, { id: "run-play", class: "primary" });
  const one = button(says.step, order("step"), { id: "run-step", title: says.stepHint });
  const epoch = button(says.epoch, order("epoch"), { id: "run-epoch", title: says.epochHint });
  const stop = button(says.stop, order("stop"), { id: "run-stop", title: says.stopHint });
  const goOn = button(says.resume, () => does({ do: "start", run: run().id }), {
    id: "run-resume",
    class: "primary",
  });
  const watchIt = button(says.watch, () => change({ network: going().id, step: null }), {
    id: "run-watch",
  });
  const all = [play, one, epoch, stop, goOn, watchIt];
  const attributes = { class: "row-of-buttons", role: "group", "aria-label": says.acts };
  const acts = element("div", attributes, all);

  const rate = element("input", {
    type: "number",
    id: "run-rate",
    min: 0,
    step: "any",
    inputmode: "decimal",
  });
  const rateDo = element("button", { id: "run-rate-do" }, says.rateDo);
  const rates = element(
    "form",
    { class: "run-rate", novalidate: true, onsubmit: setRate },
    element("label", { for: "run-rate" }, says.rateNow),
    rate,
    rateDo,
  );

  async function setRate(event) {
    event.preventDefault();
    const wanted = Number(rate.value);
    rate.setAttribute("aria-invalid", String(!(wanted > 0)));
    if (!(wanted > 0)) return tell(says.positive);
    await does(
      going() ? { do: "rate", rate: wanted } : { do: "start", run: run().id, rate: wanted },
    );
    rate.value = "";
    return undefined;
  }

  // goes: the run that is shown goes on; waits: it can go on; elsewhere: another one goes on.
  function show({ goes, waits, elsewhere }) {
    const shown = [goes, goes, goes, goes, waits, elsewhere];
    all.forEach((each, k) => toggle(each, shown[k]));
    acts.hidden = !shown.some(Boolean);
    rates.hidden = !goes && !waits;
    rateDo.textContent = goes ? says.rateDo : says.rateResume;
    play.textContent = going()?.state === "paused" ? says.go : says.pause;
  }

  // A button that goes while it has the focus gives it to the next one.
  function toggle(each, on) {
    const focused = each === document.activeElement;
    each.hidden = !on;
    if (!focused || on) return;
    const free = (other) => !other.hidden && !other.parentElement.hidden && !other.disabled;
    [play, goOn, watchIt, ...next].find(free)?.focus();
  }

  // The rate of now; to set it is costly even if it stays the same.
  function rateIs(value) {
    if (rate.placeholder !== String(value)) rate.placeholder = String(value);
  }

  return { nodes: [acts, rates], show, rateIs, focus: () => play.focus({ preventScroll: true }) };
}
