// Train: what is to be trained, and what goes on: curves, the hidden units as images, the sizes of
// dW and the share of dead units, live. Closing the page stops nothing; every page sees the same.

import { act, damaged, going, live, onRuns, runOf, runs } from "../../ask/runs.js";
import { write } from "../../parts/bars.js";
import { element } from "../../parts/element.js";
import { count } from "../../parts/numbers.js";
import { number, share } from "../../parts/progress.js";
import { change, networkAt, networkOf, now, stepOf } from "../../state.js";
import { words } from "../../strings.js";
import { controls as makeControls } from "./controls.js";
import { form as makeForm } from "./form.js";
import { history as makeHistory } from "./history.js";
import { measures as makeMeasures } from "./measures.js";
import { sheet as makeSheet } from "./sheet.js";

const says = words.train;

export function train({ lab, tell }) {
  const form = makeForm({ lab, begin });
  const title = element("h1", { id: "run-title", class: "run-title" });
  const about = element("p", { class: "quiet", id: "run-about" });
  const state = element("p", { class: "run-state", role: "status", id: "run-state" });
  const controls = makeControls({ does, run: chosen, next: form.start, tell });
  const figures = figuresOf();
  const measures = makeMeasures();
  const history = makeHistory();
  const sheet = makeSheet({ most: lab.limits.units });
  const board = element(
    "div",
    { class: "board", id: "run-board" },
    figures.node,
    measures.notices,
    history.node,
    element("div", { class: "pair" }, sheet.node, measures.node),
  );
  const unread = element("ul", { class: "quiet", id: "runs-damaged", hidden: true });
  const welcome = element("p", { class: "lead", id: "train-welcome" }, says.welcome);
  const parts = [title, about, state, controls.nodes, welcome, board, unread];
  const run = element("section", { class: "run", "aria-labelledby": "run-title" }, parts.flat());
  const node = element("div", { class: "train", id: "view-train" }, run, form.node);
  let beginning = false; // the focus goes from Start to Pause
  let shownId = null;

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

  // The run that is shown: the chosen network if it is one, else the one that goes on.
  function chosen() {
    return runOf(now().network) ?? networkOf().run ?? (live() && runOf(live().id));
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
    list();
    welcome.hidden = Boolean(run);
    board.hidden = about.hidden = !run;
    title.textContent = run ? says.title(run) : says.heading;
    if (beginning && !goes) state.textContent = says.starting;
    else if (frame && !goes) state.textContent = says.elsewhere(busy);
    else state.textContent = run ? stateOf(run) : "";
    const waits = !frame && run && ["new", "running", "interrupted"].includes(run.state);
    controls.show({ goes, waits, elsewhere: Boolean(frame && !goes) });
    if (beginning && goes) {
      beginning = false;
      controls.focus();
    }
    if (!run) return;
    about.textContent = says.about(run);
    if (shownId !== run.id) {
      shownId = run.id;
      sheet.empty();
      measures.empty();
    }
    numbers();
  }

  // The networks to choose from, and the runs that cannot be shown.
  function list() {
    unread.hidden = !damaged().length;
    const items = damaged().map(({ name, why }) => element("li", {}, says.unread(name, why)));
    unread.replaceChildren(...items);
  }

  // Everything that moves.
  function numbers() {
    const run = chosen();
    if (node.hidden || !run) return;
    const shown = run === networkOf().run;
    const step = shown && now().step !== null ? stepOf() : null; // back at a recorded step
    const frame = live()?.id === run.id ? live() : null;
    const moving = step === null ? frame : null;
    const at = momentOf(run.history, step, moving);
    figures.show(at, run.length, moving);
    if (frame) controls.rateIs(frame.rate);
    history.show(run.history, step, at);
    // The server looks into runs on other digits only while they go on.
    if (moving) measures.show(moving);
    else if (shown && run.settings.data === "mnist") measures.showRecorded(networkAt());
    else measures.show({});
    if (moving?.units) sheet.show(moving.units, run.settings.hidden[0]);
    else if (shown) sheet.showRecorded(networkAt());
  }

  onRuns((what) => (what === "frame" ? numbers() : enter()));
  return { node, enter };
}

function stateOf(run) {
  const frame = live()?.id === run.id ? live() : null;
  if (frame?.state === "running" && frame.told.length) return says.told(frame.told);
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
