// The time machine: a slider over the recorded steps of the run that is shown, in the frame of
// every view; and what to do about a link to a run that is not here.

import { button, element } from "../../parts/element.js";
import { count, short } from "../../parts/numbers.js";
import { onRuns } from "../../ask/runs.js";
import { bestOf, change, networkOf, now, stepOf } from "../../state.js";
import { words } from "../../strings.js";
import { offer as makeOffer } from "./offer.js";

const SPEEDS = [2, 5, 10, 20]; // records a second
const EVERY = 400; // ms: what the slider says of a run that goes on

const says = words.time;

export function time({ tell, busy }) {
  const range = element("input", {
    type: "range",
    id: "time",
    min: 0,
    step: 1,
    "aria-label": says.slider,
    oninput: () => go(Number(range.value)),
  });
  const where = element("output", { class: "number where", for: "time", id: "time-says" });
  const back = button("‹", () => go(Number(range.value) - 1), {
    "aria-label": says.earlier,
    class: "small",
    id: "time-earlier",
  });
  const on = button("›", () => go(Number(range.value) + 1), {
    "aria-label": says.later,
    class: "small",
    id: "time-later",
  });
  const player = button(says.play, () => (playing ? pause() : play()), {
    id: "time-play",
    "aria-pressed": "false",
  });
  const speed = element(
    "select",
    { id: "time-speed", "aria-label": says.speed, onchange: () => playing && play() },
    SPEEDS.map((each) =>
      element("option", { value: each, selected: each === 5 }, says.perSecond(each)),
    ),
  );
  const latest = button(
    says.latest,
    () => {
      pause();
      range.focus({ preventScroll: true }); // from a button that has done all it can
      change({ step: null });
    },
    { id: "time-latest" },
  );
  const name = element("span", { class: "run-name" });
  const machine = element(
    "section",
    { class: "time", "aria-label": says.label, hidden: true },
    name,
    element("div", { class: "time-line" }, back, range, on),
    where,
    element("div", { class: "time-tools" }, player, speed, latest),
  );

  const offer = makeOffer({ tell });
  const node = element("div", { class: "times" }, machine, offer.node);
  let playing = 0;

  const run = () => networkOf().run;

  function go(k) {
    const { recorded } = run();
    const at = Math.min(Math.max(k, 0), recorded.length - 1);
    // At the end of a run that goes on one is back with it.
    change({ step: at === recorded.length - 1 && run().going ? null : recorded[at] });
  }

  function play() {
    clearInterval(playing);
    if (Number(range.value) >= run().recorded.length - 1) go(0);
    playing = setInterval(
      () => {
        if (!run()) return pause();
        if (busy()) return undefined; // the view is not there yet
        const at = Number(range.value);
        if (at >= run().recorded.length - 1) {
          if (!run().going) pause();
          return undefined;
        }
        return go(at + 1);
      },
      1000 / Number(speed.value),
    );
    told();
  }

  function pause() {
    clearInterval(playing);
    playing = 0;
    told();
  }

  function told() {
    player.textContent = playing ? says.pause : says.play;
    player.setAttribute("aria-pressed", String(Boolean(playing)));
  }

  function show() {
    offer.show();
    const shown = run();
    machine.hidden = !shown;
    if (machine.hidden) {
      if (playing) pause();
      return;
    }
    const { recorded, history } = shown;
    const best = bestOf(shown);
    const step = stepOf() ?? best ?? recorded.at(-1);
    const k = Math.max(
      recorded.findLastIndex((each) => each <= step),
      0,
    );
    set(range, "max", String(recorded.length - 1));
    set(range, "value", String(k));
    const row = history.step.indexOf(step);
    const accuracy = history.test_accuracy[row];
    const following = now().step === null;
    const text = says.where(
      count(step),
      count(shown.length),
      typeof accuracy === "number" ? says.percent(accuracy) : null,
      typeof history.loss[row] === "number" ? short(history.loss[row]) : null,
      shown.digits,
    );
    const far = !following && now().step > step;
    set(name, "textContent", shown.name);
    set(
      where,
      "textContent",
      far
        ? `${text} ${says.waiting(count(now().step))}`
        : following && shown.going
          ? `${text} ${says.following}`
          : text,
    );
    set(range, "ariaValueText", text);
    back.disabled = k === 0;
    on.disabled = k === recorded.length - 1;
    latest.disabled = following;
    set(latest, "textContent", best === null ? says.latest : says.best);
  }

  // Frames come many times a second: what stays as it is costs nothing.
  function set(node, property, value) {
    if (node[property] !== value) node[property] = value;
  }

  let shownAt = 0;
  onRuns((what) => {
    if (what === "frame" && performance.now() - shownAt < EVERY) return;
    shownAt = performance.now();
    show();
  });
  return { node, show };
}
