// What is shown, and the address that says it: network, image, label, cell, phase, what is hidden.
// Every value of the address is checked; a bad one falls back to the default.

export const PARTS = ["prediction", "truth", "probabilities", "gradients", "formulas", "terms"];
export const SIDE = 280; // of the pad, on which strokes are drawn
export const STROKES = 100; // in a drawing
export const POINTS = 5000; // in a drawing

export const BEGINNING = { test: 1832 }; // a 3 that the seed's network reads as a 5

const DEFAULTS = {
  view: "inside",
  network: null, // null: the lab's choice for this kind of image
  image: BEGINNING,
  label: null, // null: the image's own
  cell: null,
  phase: null,
  hide: [],
  projector: false,
  scale: "matrix",
};

let lab = null;
let state = { ...DEFAULTS };
const listeners = [];

export function now() {
  return state;
}

export function onChange(listener) {
  listeners.push(listener);
}

// Change some of the state; the address follows, and whoever listens is told what it was before.
export function change(changes) {
  const before = state;
  state = { ...state, ...changes };
  const search = write(state);
  try {
    history.replaceState(null, "", search || location.pathname);
  } catch {
    // A page opened from disk may not have an address of its own to change.
  }
  for (const listener of listeners) listener(state, before);
}

export function start(theLab, parameters) {
  lab = theLab;
  state = read(parameters);
  return state;
}

// The network that is meant: the chosen one, else the one that was given to chainrule lab, else the
// seed's for test images and the stronger one for drawings.
export function networkOf(some = state) {
  const preferred = "test" in some.image ? "seed" : "stronger";
  const id = some.network ?? lab.given ?? preferred;
  return lab.networks.find((each) => each.id === id) ?? lab.networks[0];
}

// What the server is asked about.
export function moment(some = state) {
  return { network: networkOf(some).id, image: some.image, label: some.label };
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
    view: one("view", ["inside", "draw"], DEFAULTS.view),
    network: one("network", lab.networks.map((each) => each.id), null),
    image: readImage(get),
    label,
    cell: /^(E|(x|y|d?[AZb]\d{1,3})\[\d{1,6}\]|d?W\d{1,3}\[\d{1,6},\d{1,6}\])$/.test(get("cell") ?? "") ? get("cell") : null,
    phase: /^(update|E|y|x|d?[AZWb]\d{1,3})$/.test(get("phase") ?? "") ? get("phase") : null,
    hide: (get("hide") ?? "").split(",").filter((each) => PARTS.includes(each)),
    projector: get("projector") === "1",
    scale: one("scale", ["unit", "matrix", "global"], DEFAULTS.scale),
  };
}

function readImage(get) {
  const off = (get("off") ?? "").split(",").filter((each) => lab.stages.some((stage) => stage.name === each));
  if (get("strokes") !== null) {
    const strokes = readStrokes(get("strokes"));
    if (strokes) return { strokes, off };
  }
  if (/^[\w-]{1046}$/.test(get("pixels") ?? "")) {
    return { pixels: get("pixels").replace(/-/g, "+").replace(/_/g, "/") + "==" };
  }
  return { test: whole(get("test"), lab.images - 1) ?? BEGINNING.test };
}

function whole(text, most) {
  return /^\d{1,9}$/.test(text ?? "") && Number(text) <= most ? Number(text) : null;
}

function readStrokes(text) {
  const strokes = text.split("~").filter(Boolean).map((stroke) => stroke.split("-").map((each) => whole(each, SIDE)));
  const good = strokes.every((stroke) => stroke.length % 2 === 0 && stroke.length && stroke.every((each) => each !== null));
  const points = strokes.reduce((sum, stroke) => sum + stroke.length / 2, 0);
  return good && strokes.length && strokes.length <= STROKES && points <= POINTS ? strokes : null;
}

// The state's own parameters, as they stand in the address; defaults are left out.
export function parameters(some = state) {
  const out = {};
  const { image } = some;
  if (some.view !== DEFAULTS.view) out.view = some.view;
  if (some.network !== null) out.network = some.network;
  if ("test" in image && image.test !== BEGINNING.test) out.test = String(image.test);
  if ("strokes" in image) out.strokes = image.strokes.map((stroke) => stroke.join("-")).join("~");
  if ("pixels" in image) out.pixels = image.pixels.replace(/=+$/, "").replace(/\+/g, "-").replace(/\//g, "_");
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
  return search && `?${search.replace(/%5B/g, "[").replace(/%5D/g, "]").replace(/%2C/g, ",").replace(/%7E/g, "~")}`;
}
