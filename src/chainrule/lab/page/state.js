// What is shown, and the address that says it: network, step, image, label, cell, phase, what is hidden.
// Every value of the address is checked; a bad one falls back to the default. To open a view, a
// network, an image or a cell makes an entry of the browser's history; all else changes the entry.

export const VIEWS = ["inside", "draw", "train", "evaluate", "map", "compare"];
export const PARTS = ["prediction", "truth", "probabilities", "gradients", "formulas", "terms"];
export const SIDE = 280; // of the pad, on which strokes are drawn
export const STROKES = 100; // in a drawing
export const POINTS = 5000; // in a drawing

export const BEGINNING = { test: 1832 }; // a 3 that the seed's network reads as a 5

const DEFAULTS = {
  view: "inside",
  network: null, // null: the lab's choice for this kind of image
  step: null, // of a run; null: the latest
  with: null, // the run beside it
  image: BEGINNING,
  label: null, // null: the image's own
  cell: null,
  phase: null,
  hide: [],
  projector: false,
  scale: "matrix",
};

const OPENED = ["view", "network", "with", "image", "cell"]; // what one comes back from
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

// How many test images the network has that is shown.
export function imagesOf(some = state) {
  return networkOf(some).images;
}

// A test image that the network does not have becomes the one to begin with.
function fitted(some) {
  const most = imagesOf(some);
  if (!(some.image.test >= most)) return some;
  return { ...some, image: BEGINNING.test < most ? BEGINNING : { test: 0 }, label: null };
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
    history[how](parameters(some), "", write(some) || location.pathname);
  } catch {
    // A page opened from disk may not have an address of its own to change.
  }
}

// Back or forward, in the browser.
addEventListener("popstate", ({ state: entry }) => {
  if (!entry || !lab) return;
  const before = state;
  const kept = Object.fromEntries(KEPT.map((name) => [name, state[name]]));
  state = fitted({ ...read(new URLSearchParams(entry)), ...kept });
  enter("replaceState", state);
  for (const listener of listeners) listener(state, before);
});

export function start(theLab, parameters) {
  lab = theLab;
  state = fitted(read(parameters));
  return state;
}

// The network that is meant: the chosen one, else the one that was given to chainrule lab, else the
// seed's for test images and the stronger one for drawings. A run without a record is not shown yet.
export function networkOf(some = state) {
  const preferred = "test" in some.image ? "seed" : "stronger";
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
  return new URL(write({ ...state, step: stepOf() }) || location.pathname, location.href).href;
}

export function isDefaultMoment(some = state) {
  return some.image.test === BEGINNING.test && networkOf(some).id === "seed" && some.label === null;
}

// ------------------------------------------------------------------------------ the address

function read(parameters) {
  const get = (name) => parameters.get(name);
  const one = (name, allowed, otherwise) => (allowed.includes(get(name)) ? get(name) : otherwise);
  const label = whole(get("label"), 9);
  return {
    view: one("view", VIEWS, DEFAULTS.view),
    network: readNetwork(get("network")),
    step: whole(get("step"), 999999999),
    with: readNetwork(get("with")),
    image: readImage(get),
    label,
    cell: /^(E|(x|y|d?[AZb]\d{1,3})\[\d{1,6}\]|d?W\d{1,3}\[\d{1,6},\d{1,6}\])$/.test(
      get("cell") ?? "",
    )
      ? get("cell")
      : null,
    phase: /^(update|E|y|x|d?[AZWb]\d{1,3})$/.test(get("phase") ?? "") ? get("phase") : null,
    hide: (get("hide") ?? "").split(",").filter((each) => PARTS.includes(each)),
    projector: get("projector") === "1",
    scale: one("scale", ["unit", "matrix", "global"], DEFAULTS.scale),
  };
}

// A network that is here, or the name of a run that could be trained here.
function readNetwork(id) {
  if (lab.networks.some((each) => each.id === id)) return id;
  return describe(id ?? "") ? id : null;
}

// What the id of a run says of it.
export function describe(id) {
  const found =
    /^784((?:-\d{1,6}){0,20})-10\.(squared_error|cross_entropy)\.(descent|momentum|adam)\.([\de.+-]{1,24})\.(all|\d{1,9})\.(\d{1,9})\.seed(\d{1,40})((?:\.rate\d{1,9}-[\de.+-]{1,24})*)$/.exec(
      id,
    );
  if (!found) return null;
  const [, hidden, loss, optimizer, rate, batch, length, seed, rates] = found;
  const changes = [...rates.matchAll(/\.rate(\d+)-(.+?)(?=\.rate|$)/g)].map(([, step, to]) => [
    Number(step),
    Number(to),
  ]);
  return {
    settings: {
      hidden: hidden.split("-").slice(1).map(Number),
      loss,
      optimizer,
      learning_rate: Number(rate),
      batch_size: batch === "all" ? null : Number(batch),
      steps: Number(length),
      seed: Number(seed),
    },
    length: Number(length),
    changes,
  };
}

function readImage(get) {
  const off = (get("off") ?? "")
    .split(",")
    .filter((each) => lab.stages.some((stage) => stage.name === each));
  if (get("strokes") !== null) {
    const strokes = readStrokes(get("strokes"));
    if (strokes) return { strokes, off };
  }
  if (/^[\w-]{1046}$/.test(get("pixels") ?? "")) {
    return { pixels: get("pixels").replace(/-/g, "+").replace(/_/g, "/") + "==" };
  }
  return { test: whole(get("test"), 999999999) ?? BEGINNING.test };
}

function whole(text, most) {
  return /^\d{1,9}$/.test(text ?? "") && Number(text) <= most ? Number(text) : null;
}

function readStrokes(text) {
  const strokes = text
    .split("~")
    .filter(Boolean)
    .map((stroke) => stroke.split("-").map((each) => whole(each, SIDE)));
  const good = strokes.every(
    (stroke) => stroke.length % 2 === 0 && stroke.length && stroke.every((each) => each !== null),
  );
  const points = strokes.reduce((sum, stroke) => sum + stroke.length / 2, 0);
  return good && strokes.length && strokes.length <= STROKES && points <= POINTS ? strokes : null;
}

// The state's own parameters, as they stand in the address; defaults are left out.
export function parameters(some = state) {
  const out = {};
  const { image } = some;
  if (some.view !== DEFAULTS.view) out.view = some.view;
  if (some.network !== null) out.network = some.network;
  if (some.step !== null) out.step = String(some.step);
  if (some.with !== null) out.with = some.with;
  if ("test" in image && image.test !== BEGINNING.test) out.test = String(image.test);
  if ("strokes" in image) out.strokes = image.strokes.map((stroke) => stroke.join("-")).join("~");
  if ("pixels" in image)
    out.pixels = image.pixels.replace(/=+$/, "").replace(/\+/g, "-").replace(/\//g, "_");
  if (image.off?.length) out.off = image.off.join(",");
  if (some.label !== null) out.label = String(some.label);
  if (some.cell) out.cell = some.cell;
  if (some.phase) out.phase = some.phase;
  if (some.hide.length) out.hide = some.hide.join(",");
  if (some.projector) out.projector = "1";
  if (some.scale !== DEFAULTS.scale) out.scale = some.scale;
  return out;
}

function write(some) {
  const search = new URLSearchParams(parameters(some)).toString();
  // Brackets and commas may stand in a query as they are; people read these addresses.
  return (
    search &&
    `?${search.replace(/%5B/g, "[").replace(/%5D/g, "]").replace(/%2C/g, ",").replace(/%7E/g, "~")}`
  );
}
