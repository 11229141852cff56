// What is shown: network, step, image, label, cell, phase, what is hidden; the address follows it.
// To open a view, a network, an image or a cell makes an entry of the browser's history; all else
// changes the entry.

import {
  DEFAULTS,
  beginning as beginningOf,
  parameters as parametersOf,
  read,
  write,
} from "./address.js";

export { PARTS, VIEWS } from "./address.js";

const OPENED = ["view", "network", "with", "image", "cell", "lesson", "at"]; // what one comes back from
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

// A test image that the network does not have becomes the one to begin with.
function fitted(some) {
  const most = imagesOf(some);
  if (!(some.image.test >= most)) return some;
  return { ...some, image: beginning().test < most ? beginning() : { test: 0 }, label: null };
}

// Change some of the state; the address follows, and whoever listens is told what it was before.
// `amend`: nobody has opened anything, what is shown has only another name.
export function change(changes, { amend = false } = {}) {
  const before = state;
  state = fitted({ ...state, ...changes });
  if (!amend && opened(before, state)) {
    if (writing) enter("replaceState", before);
    enter("pushState", state);
  } else if (Object.keys(changes).join() === "step") {
    // A slider moves faster than a browser lets an address change.
    writing ||= setTimeout(() => enter("replaceState", state), 250);
  } else {
    enter("replaceState", state);
  }
  for (const listener of listeners) listener(state, before);
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
  const preferred = "test" in some.image ? lab.first.test : lab.first.drawing;
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
  return { ...networkAt(some), image: some.image, label: some.label };
}

// The address of what is shown, with the step that is shown.
export function link() {
  return new URL(write({ ...state, step: stepOf() }, lab) || location.pathname, location.href).href;
}

export function isDefaultMoment(some = state) {
  const { image, label } = some;
  return image.test === beginning().test && label === null && networkOf(some).id === lab.first.test;
}

// The state's own parameters, as they stand in the address.
export function parameters() {
  return parametersOf(state, lab);
}
