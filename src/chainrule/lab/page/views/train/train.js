// Train: what is to be trained, and what goes on: curves, the hidden units as images, the sizes of
// dW and the share of dead units, live. Closing the page stops nothing; every page sees the same.

import { act, going, live, onRuns, runOf } from "../../ask/runs.js";
import { preview as askPreview } from "../../ask/server.js";
import { write } from "../../parts/bars.js";
import { element } from "../../parts/element.js";
import { count } from "../../parts/numbers.js";
import { DIGITS } from "../../parts/sizes.js";
import { number, share } from "../../parts/progress.js";
import { bestOf, change, networkAt, networkOf, now, stepOf } from "../../state.js";
import { words } from "../../strings.js";
import { answers as makeAnswers } from "./answers.js";
import { controls as makeControls } from "./controls.js";
import { ending as makeEnding } from "./ending.js";
import { form as makeForm } from "./form.js";
import { history as makeHistory } from "./history.js";
import { measures as makeMeasures } from "./measures.js";
import { naming as makeNaming } from "./naming.js";
import { seen as makeSeen } from "./seen.js";
import { sheet as makeSheet } from "./sheet.js";
import { shelf as makeShelf } from "./shelf.js";

const says = words.train;
const REST = 200; // ms after which settings that were changed are shown

export function train({ lab, tell }) {
  let beginning = false; // the focus goes from Start to Pause
  let shownId = null;
  let waiting = 0; // to show other settings
  let asked = null;
  const form = makeForm({ lab, begin, changed: () => preview(REST) });
  const naming = makeNaming({ most: lab.limits.name });
  const about = element("p", { class: "quiet", id: "run-about" });
  const state = element("p", { class: "run-state", role: "status", id: "run-state" });
  const ending = makeEnding();
  const next = [ending.first, form.start];
  const controls = makeControls({ does, run: chosen, next, tell });
  const answers = makeAnswers();
  const figures = figuresOf();
  const measures = makeMeasures();
  const history = makeHistory();
  const sheet = makeSheet({ limit: lab.limits.units });
  const saw = makeSeen({ names: () => chosen()?.classes ?? DIGITS, tell });
  const board = element(
    "div",
    { class: "board", id: "run-board" },
    figures.node,
    measures.notices,
    answers.node,
    history.node,
    element("div", { class: "units-and-measures" }, sheet.node, measures.node),
    saw.node,
  );
  const shelf = makeShelf();
  const welcome = element("p", { class: "lead", id: "train-welcome" }, says.welcome);
  const top = element("div", { class: "run-top" }, naming.node, state);
  const [order, rates] = controls.nodes;
  const acts = element("div", { class: "run-acts" }, order, ending.node, rates);
  const parts = [top, acts, welcome, board, about];
  const run = element("section", { class: "run", "aria-label": says.runLabel }, parts);
  const node = element("div", { class: "train", id: "view-train" }, form.node, run, shelf.node);

  async function begin(settings) {
    beginning = true;
    form.start.disabled = true;
    state.textContent = says.starting;
    await does({ do: "start", settings });
  }

  async function does(what) {
    try {
      const run = await act(what);
      if (run && now().network !== run.id && ["start", "rate"].includes(what.do)) {
        change({ network: run.id, step: null }, { amend: true });
      }
      if (what.settings) scrollTo({ top: 0 }); // to what happens now
      form.object(null);
    } catch (failure) {
      beginning = false;
      enter();
      if (what.do === "start" && what.settings) form.object(failure.message);
      else tell(words.failed(failure.message));
    }
  }

  // The run that is shown is that of the chosen network; another network has none.
  function chosen() {
    return runOf(now().network) ?? networkOf().run ?? null;
  }

  function enter() {
    if (node.hidden) return;
    const frame = going();
    if (frame && now().network === null) {
      // What goes on is watched; this is entered again.
      change({ network: frame.id }, { amend: true });
      return;
    }
    const run = chosen();
    const goes = Boolean(run && run.id === frame?.id);
    const busy = frame && (runOf(frame.id)?.name ?? frame.id);
    form.start.disabled = beginning || frame !== null;
    form.say(frame ? says.busy(busy) : "");
    shelf.show(run);
    naming.show(run);
    welcome.hidden = Boolean(run);
    about.hidden = figures.node.hidden = !run;
    if (beginning && !goes) state.textContent = says.starting;
    else if (frame && !goes) state.textContent = says.elsewhere(busy);
    else state.textContent = run ? stateOf(run) : "";
    const waits = !frame && run && ["new", "running", "interrupted"].includes(run.state);
    ending.show(run && !goes ? run : null);
    controls.show({ goes, waits, elsewhere: Boolean(frame && !goes) });
    if (beginning && goes) {
      beginning = false;
      controls.focus();
    }
    if (!run) {
      shownId = null;
      saw.empty();
      preview(0);
      return;
    }
    about.textContent = says.about(run);
    if (shownId !== run.id) {
      shownId = run.id;
      sheet.empty();
      measures.empty();
      saw.empty();
    }
    numbers();
  }

  // Where there is no run: what will be seen of one with the settings of the form.
  function preview(after) {
    clearTimeout(waiting);
    waiting = setTimeout(async () => {
      const settings = node.hidden || chosen() ? null : form.meant();
      if (!settings) return;
      asked?.abort();
      asked = new AbortController();
      const { signal } = asked;
      try {
        const found = await askPreview(settings, signal);
        if (signal.aborted || chosen()) return;
        measures.show({});
        answers.show(found.answers, DIGITS);
        history.preview(found.length);
        sheet.show(found.units, found.units.all);
      } catch (failure) {
        if (failure.name !== "AbortError") tell(words.failed(failure.message));
      }
    }, after);
  }

  // Everything that moves.
  function numbers() {
    const run = chosen();
    if (node.hidden || !run) return;
    const shown = run === networkOf().run;
    const frame = live()?.id === run.id ? live() : null;
    // Back at a recorded step, or at the best of a run that is over.
    const step = shown && now().step !== null ? stepOf() : bestOf(run);
    const moving = step === null ? frame : null;
    const at = momentOf(run.history, step, moving);
    figures.show(at, run.length, moving);
    if (frame) controls.rateIs(frame.rate);
    const still = frame?.state !== "running" && shown && at.step !== undefined;
    saw.show(still ? { network: run.id, step: moving ? null : step, reached: at.step } : null);
    history.show(run.history, step, at);
    if (moving) seen(moving);
    else if (shown && run.images) measures.showRecorded(networkAt(), seen);
    else seen({});
    if (moving?.units) sheet.show(moving.units, run.settings.hidden[0]);
    else if (shown) sheet.showRecorded(networkAt());
  }

  function seen(what) {
    measures.show(what);
    answers.show(what.answers ?? [], chosen()?.classes ?? DIGITS);
  }

  onRuns((what) => (what === "frame" ? numbers() : enter()));
  return { node, enter };
}

function stateOf(run) {
  const frame = live()?.id === run.id ? live() : null;
  if (frame?.state === "running" && frame.told.length) return says.told(frame.told);
  if (run.ended && (frame?.state ?? run.state) === "finished")
    return says.states.endedAt(count(run.ended), count(run.kept));
  return frame?.error ? says.failed(frame.error) : (says.states[frame?.state ?? run.state] ?? "");
}

// How a run stood at a recorded step, or as a frame says; null: at the end of its history.
function momentOf(past, step, frame) {
  const k = step === null ? past.step.length - 1 : past.step.indexOf(step);
  const [train, test] = [past.train_accuracy[k], past.test_accuracy[k]];
  if (!frame) return { step: past.step[k] ?? 0, loss: past.loss[k], train, test };
  return {
    step: frame.step,
    loss: frame.loss,
    train: frame.train_accuracy ?? train,
    test: frame.test_accuracy ?? test,
  };
}

function figuresOf() {
  const names = ["step", "loss", "train", "test", "seconds"];
  const figures = Object.fromEntries(
    names.map((name) => [name, element("dd", { class: "number", id: `figure-${name}` })]),
  );
  const node = element(
    "dl",
    { class: "figures" },
    names.map((name) => element("div", {}, element("dt", {}, says.figures[name]), figures[name])),
  );

  function show(at, length, frame) {
    write(figures.step, says.stepOf(count(at.step), count(length)));
    write(figures.loss, number(at.loss));
    write(figures.train, share(at.train));
    write(figures.test, share(at.test));
    figures.train.parentElement.hidden = typeof at.train !== "number"; // by batches: not measured
    write(figures.seconds, frame ? says.seconds(frame.seconds) : "–");
  }

  return { node, show };
}
