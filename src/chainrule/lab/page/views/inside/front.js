// What stands in front of the numbers: the network as one picture, and the story that leads through
// it. The picture is of the moment that the address names, or of it after a step of learning.

import { queue } from "../../ask/queue.js";
import { picture as ask, subject as askSubject } from "../../ask/picture.js";
import { recorded } from "../../ask/server.js";
import { element } from "../../parts/element.js";
import { pad as makePad } from "../../parts/pad.js";
import { change, changedAt, classesOf, moment, networkOf, now } from "../../state.js";
import { words } from "../../strings.js";
import { network } from "./network/network.js";
import { surgery } from "./surgery.js";
import { tale as makeTale } from "./tale.js";

const BACK = ["back", "right"]; // the steps of the story that show what flows back

export function front({ lab, isHidden, head, tell }) {
  let found = null; // the picture that is shown
  let shownMoment = "";
  let rate = 0; // of the step of learning that is shown
  let turned = null; // the way that was chosen by hand, outside the story
  const net = network({
    isHidden,
    opened: (cell) => cell && change({ cell: now().cell === cell ? null : cell }),
    turned: (back) => {
      turned = back;
      if (found) refresh();
    },
  });
  const failed = (failure) => tell(words.failed(failure.message));
  const tale = makeTale({ learnt, begin, leave, toDraw, failed });
  const pad = makePad({ changed: drew, tell, limits: lab.limits, id: "story-pad" });
  const drawing = element("figure", { class: "net-image net-pad" }, pad.node);
  const knife = surgery({ tell });
  // A saved moment cannot be operated on.
  const beside = recorded ? [] : [tale.node, knife.node];
  const node = element("div", { class: "front" }, head.node, net.node, beside);
  const send = queue(load, { node: net.node, failed });

  // --------------------------------------------------------------------------------------- showing

  // The picture that the address asks for.
  async function load() {
    const asked = moment();
    const at = rate;
    const next = await ask(asked, at ? { rate: at } : {});
    if (now().view !== "inside") return;
    found = Object.assign(next, { names: classesOf() });
    refresh(JSON.stringify(asked));
  }

  function enter() {
    forget();
    return send();
  }

  // What was learned is of one step of the story alone.
  function forget() {
    const learned = rate !== 0 && now().story !== "once";
    if (learned) rate = 0;
    return learned;
  }

  // The same picture, told otherwise.
  function follow() {
    if (!found) return;
    if (forget()) send();
    refresh();
  }

  function refresh(key = shownMoment) {
    const { depth, story, cell } = now();
    const inStory = depth === "story";
    const back = inStory ? BACK.includes(story) : Boolean(turned);
    const another = key !== shownMoment;
    shownMoment = key;
    head.show({ ...found, share: found.answers[found.prediction]?.A });
    const yours = inStory && story === "yours";
    net.replaceImage(yours ? drawing : null, yours && !drawn());
    net.show(found, { back, run: another && !drawn() });
    net.pin(inStory ? pinned(story) : placeOf(cell));
    tale.node.hidden = !inStory;
    knife.node.hidden = inStory;
    if (recorded) return;
    if (inStory) tale.show(found, hidden);
    else knife.show(found);
  }

  // What the story points at.
  function pinned(story) {
    const last = found.layers.length - 1;
    if (story === "why" && found.reasons) return { layer: last, unit: found.prediction };
    if (BACK.includes(story))
      return { layer: last - 1, unit: found.weight.unit, to: found.weight.digit };
    return null;
  }

  // A step of the story that would say what is hidden.
  function hidden(story) {
    if (story === "start") return isHidden("prediction") || isHidden("truth");
    if (story === "why") return isHidden("probabilities") || isHidden("prediction");
    if (story === "yours") return false;
    return isHidden("gradients");
  }

  // ----------------------------------------------------------------------------- what is done

  function learnt(next) {
    if (next === rate) return;
    rate = next;
    send();
  }

  function drawn() {
    return now().story === "yours" && pad.strokes.length > 0;
  }

  // The same network reads what is drawn.
  function drew(whole) {
    const { strokes } = pad;
    if (!whole && !strokes.length) return;
    const image = strokes.length ? { strokes, off: [] } : now().image;
    change({ image, label: null, network: networkOf().id });
  }

  // The subject of a class: of a run on other digits than the package's the server finds it.
  async function begin(k) {
    const own = networkOf();
    const [usual] = lab.networks;
    try {
      const known = own.subjects ?? (own.digits === usual.digits ? usual.subjects : null);
      const test = known ? known[k][k] : (await askSubject({ ...changedAt(), truth: k })).test;
      if (test === null) tell(words.story.none(own.classes[k]));
      else change({ image: { test }, label: null, story: "start" });
    } catch (failure) {
      failed(failure);
    }
  }

  function leave() {
    change({ depth: "network" });
  }

  function toDraw() {
    change({ view: "draw", network: null, cell: null });
  }

  return { node, enter, refresh: follow, net, leave };
}

// The node of the picture that a cell belongs to, or the connection; null: neither.
function placeOf(cell) {
  const unit = /^d?[AZb](\d+)\[(\d+)\]$/.exec(cell ?? "");
  if (unit) return { layer: Number(unit[1]), unit: Number(unit[2]) };
  const weight = /^d?W(\d+)\[(\d+),(\d+)\]$/.exec(cell ?? "");
  if (!weight) return null;
  const [layer, to, from] = weight.slice(1).map(Number);
  return { layer: layer - 1, unit: from, to };
}
