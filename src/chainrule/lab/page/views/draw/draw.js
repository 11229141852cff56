// Draw: one's own digit, by hand or from a file; what is made of it stage by stage; and a set of
// drawings collected for training.

import { queue } from "../../ask/queue.js";
import { base64, bytes, drawing as ask, ledger as askLedger } from "../../ask/server.js";
import { button, element } from "../../parts/element.js";
import { pad as makePad } from "../../parts/pad.js";
import { thumbnail } from "../../parts/thumbnails.js";
import { beginning, change, changedAt, networkOf, now } from "../../state.js";
import { words } from "../../strings.js";
import { areDigits } from "../../strings/shared.js";
import { answer as makeAnswer } from "./answer.js";
import { collect } from "./collect.js";
import { sets as makeSets } from "./sets.js";
import { upload } from "./upload.js";
import { stages as makeStages } from "./stages.js";

const REST = 400; // ms without a stroke, after which a drawing is judged

export function draw({ lab, tell, isHidden, toInside }) {
  let file = null; // base64 of a picture that stands in place of the strokes
  let off = [];
  let read = null; // the last answer
  let resting = 0; // the timer that runs while the pen moves

  const pad = makePad({ changed: handMoved, tell, limits: lab.limits });
  const openInside = button(words.openInside, () => toInside(drawn()), {
    id: "open-inside",
    class: "primary",
  });
  const answer = makeAnswer({ isHidden, openInside });
  const stages = makeStages(lab.stages, turn);
  const drawing = () => (read ? { image: drawn(), pixels: read.pixels } : null);
  const node = element("div", { class: "draw", id: "view-draw" });
  const picker = upload({ node, most: lab.limits.file, taken: pictureCame, tell });
  const buttons = [
    button(words.undo, pad.undo, { id: "undo" }),
    button(words.clear, clear, { id: "clear" }),
    picker,
  ];
  const saved = () => sets.refresh();
  const collected = collect({ drawing, added: clear, saved, limits: lab.limits, tell });
  const openImage = (pixels, label) => toInside({ pixels: base64(pixels) }, label);
  const sets = makeSets({ lab, at, called: () => network().name, openImage, tell });
  const title = element("h1", { id: "draw-title" });
  const alone = element("p", { class: "quiet collect", id: "digits-alone" }, words.digitsAlone);
  const ofDigits = element("div", { class: "of-digits" }, collected, sets.node);
  const parts = [answer.node, withWhat(), stages.node, alone, ofDigits];
  node.append(drawingOf(title, pad.node, buttons.flat()), ...parts);
  const send = queue(show, { node, failed: (failure) => tell(words.failed(failure.message)) });

  // ------------------------------------------------------------------------------ what comes in

  function handMoved(whole) {
    file = null;
    clearTimeout(resting);
    resting = setTimeout(() => {
      resting = 0;
      refresh();
    }, REST);
    if (whole) remember();
    else send();
  }

  function clear() {
    file = null;
    pad.set([]);
    remember();
  }

  function pictureCame(content) {
    pad.set([]);
    file = content;
    send();
  }

  // The drawing goes into the address, so that a link shows the same.
  function remember() {
    const { strokes } = pad;
    change({ image: strokes.length ? { strokes, off } : beginning(), label: null, phase: null });
  }

  function turn(name, on) {
    off = on ? off.filter((each) => each !== name) : [...off, name];
    if (pad.strokes.length) remember();
    else send();
  }

  // ---------------------------------------------------------------------------- what is answered

  function network() {
    return networkOf({ ...now(), image: { strokes: [] } });
  }

  function at() {
    return changedAt({ ...now(), image: { strokes: [] } });
  }

  // The drawing as the rest of the lab knows it.
  function drawn() {
    return pad.strokes.length ? { strokes: pad.strokes, off } : { pixels: read.pixels };
  }

  function something() {
    return file !== null || pad.strokes.length > 0 || "pixels" in now().image;
  }

  // The pixels of a link were prepared before: they have no stages, and the ledger says what is
  // read.
  async function question() {
    if (file) return ask(at(), { file, off });
    if (pad.strokes.length) return ask(at(), { strokes: pad.strokes, off });
    const { image } = now();
    const { arrays, prediction, unlike } = await askLedger({ ...at(), image, label: null });
    const A = [...arrays.keys()].findLast((name) => /^A\d/.test(name));
    return { ...image, stages: [], prediction, probabilities: arrays.get(A).values, unlike };
  }

  async function show() {
    const found = something() ? await question() : null;
    if (!something()) return empty();
    read = found;
    if (file) change({ image: { pixels: found.pixels }, label: null, phase: null });
    if (!pad.strokes.length) pad.show(thumbnail(bytes(found.pixels)));
    openInside.disabled = false;
    return refresh();
  }

  function refresh() {
    if (read) stages.show(read.stages, answer.show(read, resting === 0, network().classes));
  }

  function empty() {
    read = null;
    answer.empty(network().classes);
    stages.empty();
    openInside.disabled = true;
  }

  let known = ""; // the network that the sets were read by

  // What the state says: the drawing of a link, its stages, its network.
  function enter({ image }) {
    const reader = JSON.stringify(at());
    const names = network().classes;
    const digits = areDigits(names);
    title.textContent = words.drawTitle(names);
    alone.hidden = digits;
    ofDigits.hidden = !digits;
    if (!known) sets.refresh();
    else if (reader !== known && digits) sets.again();
    known = reader;
    off = image.off ?? off;
    stages.set(off, network().id, names);
    if ("strokes" in image && JSON.stringify(image.strokes) !== JSON.stringify(pad.strokes)) {
      file = null;
      pad.set(image.strokes);
    }
    send();
  }

  return { node, enter, refresh };
}

// The pad, and what can be done with it.
function drawingOf(title, pad, buttons) {
  return element(
    "section",
    { class: "drawing", "aria-labelledby": "draw-title" },
    title,
    pad,
    element("div", { class: "row-of-buttons" }, buttons),
  );
}

// How one draws.
function withWhat() {
  return element("p", { class: "quiet with-what" }, `${words.padHint} ${words.fileHint}`);
}
