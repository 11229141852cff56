// The address of what is shown, and back: every value of it is checked, a bad one falls back to the
// default.

export const VIEWS = ["inside", "draw", "train", "evaluate", "compare"];
export const SECTIONS = ["limit", "damage", "mistakes", "map"]; // of Evaluate
export const PARTS = ["prediction", "truth", "probabilities", "gradients", "formulas", "terms"];
export const BEGINNING = { test: 1832 }; // a 3 that the small network reads as a 5

export const DEFAULTS = {
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
  section: null, // of Evaluate, to which it scrolls
  damage: {}, // of all test images, by kind
  limit: 0, // below which no answer is given
  pair: null, // the cell of the confusion matrix that is open: true digit-read as
};

const SCALES = ["unit", "matrix", "global"];
const CELL = /^(E|(x|y|d?[AZb]\d{1,3})\[\d{1,6}\]|d?W\d{1,3}\[\d{1,6},\d{1,6}\])$/;
const PHASE = /^(update|E|y|x|d?[AZWb]\d{1,3})$/;
const PIXELS = /^[\w-]{1046}$/; // 784 bytes
const RUN = /^784(-\d+)+(\.[\w+-]+){2,}[\w.+-]*$/; // what its id says only the server knows

// What these parameters say, in a lab with these networks, stages and limits.
export function read(parameters, { networks, stages, limits }) {
  const get = (name) => parameters.get(name);
  const one = (name, allowed, otherwise) => (allowed.includes(get(name)) ? get(name) : otherwise);
  const network = (id) =>
    networks.some((each) => each.id === id) || RUN.test(id ?? "") ? id : null;
  const map = get("view") === "map"; // a part of Evaluate, as links know it
  return {
    view: map ? "evaluate" : one("view", VIEWS, DEFAULTS.view),
    network: network(get("network")),
    step: whole(get("step"), limits.last),
    with: network(get("with")),
    image: readImage(get, stages, limits),
    label: whole(get("label"), 9),
    cell: CELL.test(get("cell") ?? "") ? get("cell") : null,
    phase: PHASE.test(get("phase") ?? "") ? get("phase") : null,
    hide: (get("hide") ?? "").split(",").filter((each) => PARTS.includes(each)),
    projector: get("projector") === "1",
    scale: one("scale", SCALES, DEFAULTS.scale),
    section: map ? "map" : one("section", SECTIONS, null),
    damage: readDamage(get, limits.damage ?? {}),
    limit: decimal(get("limit"), 0, 0.99) ?? 0,
    pair: /^\d-\d$/.test(get("pair") ?? "") ? get("pair") : null,
  };
}

// How much of each kind of damage there is, if any, within the range of its slider.
function readDamage(get, ranges) {
  const amounts = Object.entries(ranges).map(([name, ends]) => [name, decimal(get(name), ...ends)]);
  return Object.fromEntries(amounts.filter(([, amount]) => amount));
}

function decimal(text, low, high) {
  const value = /^-?\d{1,3}(\.\d{1,3})?$/.test(text ?? "") ? Number(text) : NaN;
  return value >= low && value <= high ? value : null;
}

function readImage(get, stages, limits) {
  const known = stages.map((stage) => stage.name);
  const off = (get("off") ?? "").split(",").filter((each) => known.includes(each));
  const strokes = readStrokes(get("strokes") ?? "", limits);
  if (strokes) return { strokes, off };
  if (PIXELS.test(get("pixels") ?? "")) {
    return { pixels: get("pixels").replace(/-/g, "+").replace(/_/g, "/") + "==" };
  }
  return { test: whole(get("test"), limits.last) ?? BEGINNING.test };
}

function whole(text, most) {
  return /^\d{1,15}$/.test(text ?? "") && Number(text) <= most ? Number(text) : null;
}

function readStrokes(text, { pad, strokes: most, points }) {
  const read = (stroke) => stroke.split("-").map((each) => whole(each, pad));
  const strokes = text.split("~").filter(Boolean).map(read);
  const good = strokes.every((stroke) => stroke.length % 2 === 0 && !stroke.includes(null));
  const count = strokes.reduce((sum, stroke) => sum + stroke.length / 2, 0);
  return good && strokes.length && strokes.length <= most && count <= points ? strokes : null;
}

// The state's own parameters, as they stand in the address; defaults are left out.
export function parameters(state) {
  const { image } = state;
  const base64url = (text) => text.replace(/=+$/, "").replace(/\+/g, "-").replace(/\//g, "_");
  const out = {
    view: state.view === DEFAULTS.view ? null : state.view,
    network: state.network,
    step: state.step,
    with: state.with,
    test: image.test === BEGINNING.test ? null : image.test,
    strokes: image.strokes?.map((stroke) => stroke.join("-")).join("~"),
    pixels: image.pixels && base64url(image.pixels),
    off: image.off?.join(","),
    label: state.label,
    cell: state.cell,
    phase: state.phase,
    hide: state.hide.join(","),
    projector: state.projector ? "1" : null,
    scale: state.scale === DEFAULTS.scale ? null : state.scale,
    ...(state.view === "evaluate" ? measured(state) : {}),
  };
  const said = Object.entries(out).filter(([, value]) => (value ?? "") !== "");
  return Object.fromEntries(said.map(([name, value]) => [name, String(value)]));
}

// What Evaluate measures, which no other view is about.
function measured({ section, damage, limit, pair }) {
  return { section, ...damage, limit: limit || null, pair };
}

// The part of the address behind the path, or nothing.
export function write(state) {
  const search = new URLSearchParams(parameters(state)).toString();
  // Brackets and commas may stand in a query as they are; people read these addresses.
  const readable = { "%5B": "[", "%5D": "]", "%2C": ",", "%7E": "~" };
  return search && `?${search.replace(/%(5B|5D|2C|7E)/g, (found) => readable[found])}`;
}
