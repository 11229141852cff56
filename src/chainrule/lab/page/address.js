// The address of what is shown, and back: every value of it is checked, a bad one falls back to the
// default.

export const VIEWS = ["inside", "draw", "train", "evaluate", "compare", "data", "code"];
const DEPTHS = ["story", "network", "numbers", "number"]; // of Look inside
export const STORY = ["start", "why", "back", "right", "once", "yours"]; // its steps
export const SECTIONS = ["limit", "damage", "mistakes", "map"]; // of Evaluate
export const PARTS = ["prediction", "truth", "probabilities", "gradients", "formulas", "terms"];

export const DEFAULTS = {
  view: "inside",
  depth: "story",
  story: "start",
  network: null, // null: the lab's choice for this kind of image
  step: null, // of a run; null: the latest
  with: null, // the run beside it
  many: null, // to compare many runs: the settings in which they may differ
  image: null, // null: the beginning of this lab
  label: null, // null: the image's own
  cell: null,
  cut: [], // hidden units that are switched off: "A1[7]"
  set: [], // parameters that are set, each with its value: ["W2[3,7]", 0.25]
  phase: null,
  hide: [],
  projector: false,
  scale: "matrix",
  section: null, // of Evaluate, to which it scrolls
  damage: {}, // of all test images, by kind
  limit: 0, // below which no answer is given
  pair: null, // the cell of the confusion matrix that is open: true class-read as
  bug: null, // the mistake that is shown
  bugLoss: null, // the loss that it is trained with; null: one that it can be made with
  sheet: null, // of which set the images are shown; null: the given one, else the network's
  lesson: null,
  at: null, // its step, from 1
};

const SCALES = ["unit", "matrix", "global"];
// What links know as views: a part of Evaluate, and of My code; there the mistake that most copies
// of this network have.
const WITHIN = {
  map: { view: "evaluate", section: "map" },
  zoo: { view: "code", bug: "one db for all units" },
};
const CELL = /^(E|(x|y|d?[AZb]\d{1,3})\[\d{1,6}\]|d?W\d{1,3}\[\d{1,6},(\d{1,6}|\*)\])$/;
const PHASE = /^(update|E|y|x|d?[AZWb]\d{1,3})$/;
// cut=1.7,1.3 are units 7 and 3 of layer 1; a parameter has its value behind it:
// set=W2[3,7]:0.25,b1[4]:-1.
const CUT = /(?<![^,])(\d{1,3})\.(\d{1,6})(?![^,])/g;
const SET = /(?<![^,])([Wb][\d[,]+\]):(-?\d+(?:\.\d+)?(?:e[+-]?\d+)?)(?![^,])/g;
const LARGEST = 3.4028234663852886e38; // of float32
const SUBJECT = /^(\d)as(?!\1)(\d?)$/; // 3as5: a 3 that is read as 5; 3as: a misread 3
const MOST_CLASSES = 62;
const LESSON = /^[a-z][a-z0-9-]{0,39}$/;
const PIXELS = /^[\w-]{1046}$/; // 784 bytes
const NAMES = /^[a-z_]{1,30}(,[a-z_]{1,30}){0,29}$/; // of settings; none: not in any
const RUN = /^784(-\d+)+(\.[\w+-]+){2,}[\w.+-]*$/; // what its id says only the server knows

// Where everybody begins: at a 3 that the first network reads as a 5.
export function beginning(lab) {
  return { test: subject(lab, null, 3, 5) ?? 0 };
}

// The number of the test image of this digit from which a network would learn most: of those that
// it reads so, else of all that it misreads. What has no subjects, as a run, takes those of the
// first network, if it is measured on the same images.
function subject({ networks, first }, id, digit, answer) {
  const find = (wanted) => networks.find((each) => each.id === wanted);
  const [own, usual] = [find(id), find(first.test)];
  const others = own && own.digits !== usual?.digits;
  const row = (own?.subjects ?? (others ? null : usual?.subjects))?.[digit];
  return row?.[answer] ?? row?.[digit] ?? null;
}

// What these parameters say, in a lab with these networks, stages and limits.
export function read(parameters, lab) {
  const { networks, limits } = lab;
  const get = (name) => parameters.get(name);
  const one = (name, allowed, otherwise) => (allowed.includes(get(name)) ? get(name) : otherwise);
  const network = (id) =>
    networks.some((each) => each.id === id) || RUN.test(id ?? "") ? id : null;
  const like = (name, form) => (form.test(get(name) ?? "") ? get(name) : null);
  const [cell, phase, lesson] = [like("cell", CELL), like("phase", PHASE), like("lesson", LESSON)];
  const part = WITHIN[get("view")];
  return {
    view: part?.view ?? one("view", VIEWS, firstView(lab)),
    depth: one("depth", DEPTHS, usual(cell, phase, lesson)),
    story: one("story", STORY, DEFAULTS.story),
    network: network(get("network")),
    step: whole(get("step"), limits.last),
    with: network(get("with")),
    many: readNames(get("many") ?? ""),
    image: readImage(get, lab),
    label: whole(get("label"), MOST_CLASSES - 1),
    cell,
    ...readChanges(get, limits.changes),
    phase,
    hide: (get("hide") ?? "").split(",").filter((each) => PARTS.includes(each)),
    projector: get("projector") === "1",
    scale: one("scale", SCALES, DEFAULTS.scale),
    section: part?.section ?? one("section", SECTIONS, null),
    damage: readDamage(get, limits.damage ?? {}),
    limit: decimal(get("limit"), 0, 0.99) ?? 0,
    pair: /^\d{1,2}-\d{1,2}$/.test(get("pair") ?? "") ? get("pair") : null,
    bug: like("bug", /^.{1,60}$/) ?? part?.bug ?? null,
    bugLoss: one("loss", ["squared_error", "cross_entropy"], null),
    sheet: one("sheet", ["given", "network"], null),
    lesson,
    at: whole(get("at"), 99),
  };
}

function readNames(text) {
  if (!NAMES.test(text)) return null;
  return text === "none" ? [] : [...new Set(text.split(","))];
}

// A lab that was started with digits alone begins with these.
function firstView({ given, given_set: set }) {
  return set && !given ? "data" : DEFAULTS.view;
}

// The depth of an address that names none: of a cell, of a step of the pass, of a lesson, which has
// a card of its own, else the beginning.
function usual(cell, phase, lesson) {
  return cell ? "number" : phase ? "numbers" : lesson ? "network" : DEFAULTS.depth;
}

// What is changed in the network: each thing once, no more of them than the server takes.
function readChanges(get, most) {
  const plain = (digits) => String(Number(digits));
  const units = [...(get("cut") ?? "").matchAll(CUT)];
  const cut = units.map(([, layer, unit]) => `A${plain(layer)}[${plain(unit)}]`);
  const values = [...(get("set") ?? "").matchAll(SET)]
    .map(([, name, value]) => [name.replace(/\d+/g, plain), Number(value)])
    .filter(([name, value]) => CELL.test(name) && Math.abs(value) <= LARGEST);
  const all = { cut: [...new Set(cut)].slice(0, most), set: [...new Map(values)] };
  return { ...all, set: all.set.slice(0, most - all.cut.length) };
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

// The depth as the address has it: only of Look inside, and only if it is another than the usual.
function depthOf({ view, depth, cell, phase, lesson }) {
  return view !== "inside" || depth === usual(cell, phase, lesson) ? null : depth;
}

function readImage(get, lab) {
  const { stages, limits } = lab;
  const known = stages.map((stage) => stage.name);
  const off = (get("off") ?? "").split(",").filter((each) => known.includes(each));
  const strokes = readStrokes(get("strokes") ?? "", limits);
  if (strokes) return { strokes, off };
  if (PIXELS.test(get("pixels") ?? "")) {
    return { pixels: get("pixels").replace(/-/g, "+").replace(/_/g, "/") + "==" };
  }
  const test = whole(get("test"), limits.last) ?? readSubject(get, lab);
  return test === null ? beginning(lab) : { test };
}

function readSubject(get, lab) {
  const [, digit, answer] = SUBJECT.exec(get("test") ?? "") ?? [];
  return digit ? subject(lab, get("network") ?? lab.given, digit, answer || digit) : null;
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
export function parameters(state, lab) {
  const { image } = state;
  const first = firstView(lab);
  const base64url = (text) => text.replace(/=+$/, "").replace(/\+/g, "-").replace(/\//g, "_");
  const out = {
    view: state.view === first ? null : state.view,
    depth: depthOf(state),
    story: state.story === DEFAULTS.story ? null : state.story,
    network: state.network,
    step: state.step,
    with: state.with,
    many: state.view === "compare" && state.many ? state.many.join(",") || "none" : null,
    test: image.test === beginning(lab).test ? null : image.test,
    strokes: image.strokes?.map((stroke) => stroke.join("-")).join("~"),
    pixels: image.pixels && base64url(image.pixels),
    off: image.off?.join(","),
    label: state.label,
    cell: state.cell,
    cut: state.cut.map((each) => each.replace(/^A(\d+)\[(\d+)\]$/, "$1.$2")).join(","),
    set: state.set.map(([name, value]) => `${name}:${value}`).join(","),
    phase: state.phase,
    hide: state.hide.join(","),
    projector: state.projector ? "1" : null,
    scale: state.scale === DEFAULTS.scale ? null : state.scale,
    ...(state.view === "evaluate" ? measured(state) : {}),
    ...(state.view === "code" ? { bug: state.bug, loss: state.bugLoss } : {}),
    sheet: state.view === "data" && lab.given_set ? state.sheet : null,
    lesson: state.lesson,
    at: state.at,
  };
  const said = Object.entries(out).filter(([, value]) => (value ?? "") !== "");
  return Object.fromEntries(said.map(([name, value]) => [name, String(value)]));
}

// What Evaluate measures, which no other view is about.
function measured({ section, damage, limit, pair }) {
  return { section, ...damage, limit: limit || null, pair };
}

// The part of the address behind the path, or nothing.
export function write(state, lab) {
  const search = new URLSearchParams(parameters(state, lab)).toString();
  // Brackets and commas may stand in a query as they are; people read these addresses.
  const readable = { "%5B": "[", "%5D": "]", "%2C": ",", "%3A": ":", "%7E": "~" };
  return search && `?${search.replace(/%(5B|5D|2C|3A|7E)/g, (found) => readable[found])}`;
}
