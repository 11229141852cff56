// The runs in this folder, and the one that goes on now: the same for every page, over one
// connection. Runs stand among the lab's networks; each has its settings, history and records.

import {
  lab as askLab,
  listen,
  recorded,
  rename as askRename,
  train as askTrain,
} from "./server.js";

let lab = null;
let newest = null; // what the server pushed last, or null
let connected = false; // once
let asking = null;
let asked = 0; // when
let unread = [];
const listeners = new Set();

// A listener is told "frame" (numbers moved), "runs" (there are others, or one stands elsewhere)
// or "renamed" with the old and the new id: a change of the learning rate is part of a run's name.
export function onRuns(listener) {
  listeners.add(listener);
}

function tell(...what) {
  for (const listener of listeners) listener(...what);
}

// The newest numbers of the run that goes on, or of the one that ended last; or null.
export function live() {
  return newest;
}

// The same, of a run that goes on.
export function going() {
  return newest && isGoing(newest) ? newest : null;
}

function isGoing(frame) {
  return ["running", "paused"].includes(frame.state);
}

export function runOf(id) {
  return lab.networks.find((each) => each.id === id)?.run ?? null;
}

export function runs() {
  return lab.networks.filter((each) => each.run);
}

// The folders whose runs cannot be shown, each with its name and why.
export function damaged() {
  return unread;
}

export function start(theLab) {
  lab = theLab;
  know(lab.runs ?? []);
  unread = lab.damaged ?? [];
  if (!recorded && lab.runs) listen(hear);
}

// These are all the runs there are.
function know(all) {
  for (const run of all) {
    const entry = entryOf(run);
    const goes = going()?.id === run.id;
    // Frames may be ahead of an answer.
    const ahead = goes && entry.run && entry.run.history.step.length > run.history.step.length;
    Object.assign(entry, {
      name: run.name,
      digits: run.digits,
      images: run.images,
      classes: run.classes,
    });
    entry.run = {
      ...run,
      ...(ahead ? { history: entry.run.history, step: entry.run.step } : {}),
      going: goes,
    };
  }
  const ids = new Set(all.map((run) => run.id));
  lab.networks = lab.networks.filter((each) => !each.run || ids.has(each.id) || "accuracy" in each);
}

// Its place among the networks, made if there is none.
function entryOf(run) {
  let entry = lab.networks.find((each) => each.id === run.id);
  if (!entry)
    lab.networks.push(
      (entry = {
        id: run.id,
        name: run.name,
        sizes: [784, ...run.settings.hidden, run.classes.length],
        classes: run.classes,
        loss: run.settings.loss,
      }),
    );
  return entry;
}

// Ask what there is, once at a time.
async function again() {
  asked = performance.now();
  asking ??= askLab().then(
    (found) => {
      asking = null;
      know(found.runs);
      unread = found.damaged;
      tell("runs");
    },
    () => (asking = null),
  );
  await asking;
}

// Rows that go on are those of the same training, even if an older run has the id it had. A new
// connection brings all rows: then it is the same if no run has that id any more.
const gone = (id, next) => id.split(".rate")[0] === next.split(".rate")[0] && !runOf(id);

async function hear({ live: frame }, first) {
  if (first && connected) again(); // the server may be another
  connected ||= first;
  const before = newest;
  newest = frame;
  if (frame && !runOf(frame.id)) await again();
  const run = frame && runOf(frame.id);
  if (run) {
    Object.assign(run, { going: isGoing(frame), step: frame.step, state: frame.state });
    add(run, frame, first);
  }
  const changed = before?.state !== frame?.state || before?.id !== frame?.id;
  if (before && changed) {
    const was = runOf(before.id);
    if (was && was !== run) was.going = false;
    await again();
    if (frame && before.id !== frame.id && (frame.rows_from > 0 || gone(before.id, frame.id)))
      tell("renamed", before.id, frame.id);
  } else if (
    run?.going &&
    !frame.recorded &&
    performance.now() - asked > 1000 * lab.limits.checkpoint_every
  ) {
    again();
  }
  tell("frame");
  if (changed) tell("runs");
}

// New rows of the history; what a connection brings first is all of it.
function add(run, frame, first) {
  const { history } = run;
  if (first || frame.rows_from === 0)
    for (const column of Object.values(history)) column.length = 0;
  for (const [step, loss, train, test, ...validation] of frame.rows) {
    if (history.step.length && step <= history.step.at(-1)) continue;
    history.step.push(step);
    history.loss.push(loss);
    history.train_accuracy.push(train);
    history.test_accuracy.push(test);
    history.validation_loss.push(validation[0]);
    history.validation_accuracy.push(validation[1]);
  }
  if (frame.recorded) run.recorded = frame.recorded;
}

// Give a run another name, or with null the one made of its settings.
export async function rename(id, name) {
  await askRename(id, name);
  await again();
}

// One of the acts on what goes on. The answer says how it stands then.
export async function act(what) {
  const run = await askTrain(what);
  if (run && !runOf(run.id)) {
    Object.assign(entryOf(run), {
      digits: run.digits,
      images: run.images,
      run: { ...run, going: true },
    });
    tell("runs");
  }
  return run;
}
