// What is shown: network, step, image, label, cell, phase, what is hidden; the address follows it.
// To open a view, a network, an image or a cell, or to change the network, makes an entry of the
// browser's history; all else changes the entry.

import {
  DEFAULTS,
  beginning as beginningOf,
  parameters as parametersOf,
  read,
  write,
} from "./address.js";

export { PARTS, SECTIONS, STORY, VIEWS } from "./address.js";

// What one comes back from.
const OPENED = [
  "view",
  "depth",
  "story",
  "network",
  "with",
  "many",
  "image",
  "cell",
  "cut",
  "set",
  "pair",
  "lesson",
  "at",
  "bug",
];
const SLID = ["step", "damage", "limit"]; // by sliders
const KEPT = ["hide", "projector", "scale"]; // how it is shown: as now, wherever one comes back to

let lab = null;
let state = { ...DEFAULTS };
let writing = 0;
const listeners = [];

export function now() {
  return state;
}

export function onChange(listener) {
  listeners.push(listener);
}

// The image to begin with.
export function beginning() {
  return beginningOf(lab);
}

// How many test images the network has that is shown.
export function imagesOf(some = state) {
  return networkOf(some).images;
}

// The names of what the network that is shown tells apart.
export function classesOf(some = state) {
  return networkOf(some).classes;
}

// Whether what is shown is the connected picture, and not the numbers behind it.
export function isPicture(some = state) {
  return some.view === "inside" && ["story", "network"].includes(some.depth);
}

// A test image that the network does not have becomes the one to begin with, a class that it does
// not have becomes none; units and parameters
// that it does not have cannot be changed. One number is opened where the numbers are; outside the
// story it has no step.
function fitted(some) {
  const { sizes, classes } = networkOf(some);
  const there = (name) => {
    const [layer, row, column = 0] = name.match(/\d+/g).map(Number);
    return row < sizes[layer] && column < sizes[layer - 1];
  };
  const cut = some.cut.filter((name) => there(name) && !name.startsWith(`A${sizes.length - 1}[`));
  const most = imagesOf(some);
  const found = { ...some, cut, set: some.set.filter(([name]) => there(name)) };
  if (found.image.test >= most) {
    found.image = beginning().test < most ? beginning() : { test: 0 };
    found.label = null;
  }
  const within = (text) => text.split("-").every((each) => Number(each) < classes.length);
  if (found.label >= classes.length) found.label = null;
  if (found.pair !== null && !within(found.pair)) found.pair = null;
  if (!isPicture({ ...found, view: "inside" })) found.depth = found.cell ? "number" : "numbers";
  if (found.depth !== "story") found.story = DEFAULTS.story;
  return found;
}

// Change some of the state; the address follows, and whoever listens is told what it was before.
// `amend`: nobody has opened anything, what is shown has only another name. `dragging`: a value is
// on its way; where a drag begins it is changed without this, and that is the entry of it all.
export function change(changes, { amend = false, dragging = false } = {}) {
  const before = state;
  state = fitted({ ...state, ...changes });
  if (networkOf(before) !== networkOf(state) && !amend) {
    // What was changed was changed in the other network.
    state = fitted({ ...state, cut: [], set: [], ...changes });
  }
  if (!amend && !dragging && opened(before, state)) {
    if (writing) enter("replaceState", before);
    enter("pushState", state);
  } else if (dragging || slid(Object.keys(changes))) {
    // A slider moves faster than a browser lets an address change.
    writing ||= setTimeout(() => enter("replaceState", state), 250);
  } else {
    enter("replaceState", state);
  }
  for (const listener of listeners) listener(state, before);
}

function slid(names) {
  return names.length > 0 && names.every((each) => SLID.includes(each));
}

// A drawing changes its image with every stroke, and is one entry.
function opened(before, after) {
  const differs = (name) => JSON.stringify(before[name]) !== JSON.stringify(after[name]);
  return OPENED.some((name) => differs(name) && !(name === "image" && after.view === "draw"));
}

// Make or change the entry of the history, and with it the address.
function enter(how, some) {
  clearTimeout(writing);
  writing = 0;
  try {
    history[how](parametersOf(some, lab), "", write(some, lab) || location.pathname);
  } catch {
    // A page opened from disk may not have an address of its own to change.
  }
}

// Back or forward, in the browser.
addEventListener("popstate", ({ state: entry }) => {
  if (!entry || !lab) return;
  const before = state;
  const kept = Object.fromEntries(KEPT.map((name) => [name, state[name]]));
  state = fitted({ ...read(new URLSearchParams(entry), lab), ...kept });
  enter("replaceState", state);
  for (const listener of listeners) listener(state, before);
});

export function start(theLab, parameters) {
  lab = theLab;
  state = fitted(read(parameters, lab));
  return state;
}

// The state that the parameters of a link mean.
export function stateOf(link) {
  return fitted(read(new URLSearchParams(link), lab));
}

// The network that is meant: the chosen one, else the one that was given to chainrule lab, else the
// one to begin with: a small one for test images, a larger one for drawings. A run without a record
// is not shown yet.
export function networkOf(some = state) {
  const seen = "test" in some.image && some.view !== "draw";
  const preferred = seen ? lab.first.test : lab.first.drawing;
  const shown = lab.networks.filter((each) => !each.run || each.run.recorded.length);
  const find = (id) => shown.find((each) => each.id === id);
  return find(some.network) ?? find(lab.given) ?? find(preferred) ?? lab.networks[0];
}

// The recorded step of the run that is shown: the one asked for, or the last before it. Without one
// a run that goes on is followed from record to record; null is the end of what there is.
export function stepOf(some = state) {
  const run = networkOf(some).run;
  if (!run) return null;
  if (some.step === null) return run.going ? run.recorded.at(-1) : null;
  return run.recorded.findLast((step) => step <= some.step) ?? run.recorded[0];
}

// The step that a run keeps as its best, if it went on after it; else null.
export const bestOf = (run) => (!run.going && run.kept < run.step ? run.kept : null);

// A network at a moment of its training, as the server is asked about it.
export function networkAt(some = state) {
  const step = stepOf(some);
  return { network: networkOf(some).id, ...(step === null ? {} : { step }) };
}

// The run that the address names and that is not here, or null; to compare, it names two.
export function unknown(some = state) {
  const names = some.view === "compare" ? [some.network, some.with] : [some.network];
  return names.find((id) => id !== null && !lab.networks.some((each) => each.id === id)) ?? null;
}

// What the server is asked about.
export function moment(some = state) {
  return { ...networkAt(some), image: some.image, label: some.label, ...changesOf(some) };
}

// What is changed in the network, as the server is asked about it; nothing if nothing is.
export function changesOf({ cut, set } = state) {
  return cut.length || set.length ? { changes: { off: cut, set } } : {};
}

// A network as it is shown, with what is changed in it.
export function changedAt(some = state) {
  const shown = networkOf(some) === networkOf();
  return { ...networkAt(some), ...(shown ? changesOf(some) : {}) };
}

// The address of what is shown, with the step that is shown.
export function link() {
  return new URL(write({ ...state, step: stepOf() }, lab) || location.pathname, location.href).href;
}

export function isDefaultMoment(some = state) {
  const { image, label, cut, set } = some;
  const plain = label === null && !cut.length && !set.length;
  return image.test === beginning().test && plain && networkOf(some).id === lab.first.test;
}

// The state's own parameters, as they stand in the address.
export function parameters() {
  return parametersOf(state, lab);
}
