// Evaluate: how a network does on its test images: which digit it takes for which, its most
// confident mistakes, what it answers if it may say "I don't know", what damage does to it, and a
// map of the images.

import { queue } from "../../ask/queue.js";
import { evaluate as ask } from "../../ask/server.js";
import { button, element } from "../../parts/element.js";
import { percent } from "../../parts/numbers.js";
import { panel } from "../../parts/panel.js";
import { doubtedNote, gallery } from "../../parts/pictures.js";
import { cut } from "../../parts/thumbnails.js";
import { SECTIONS, change, changedAt, classesOf, networkOf, now } from "../../state.js";
import { words } from "../../strings.js";
import { confusion } from "./confusion.js";
import { damage } from "./damage.js";
import { digits } from "./digits.js";
import { abstaining } from "./limit.js";
import { map as makeMap } from "./map.js";

const says = words.evaluate;

export function evaluate({ lab, tell }) {
  const headline = element("h1", { id: "evaluate-title" }, says.heading);
  const jumps = SECTIONS.map((section) => button(says.sections[section], () => jump(section)));
  const whole = button(words.knife.whole, () => change({ cut: [], set: [] }), { hidden: true });
  const images = button(says.toImages, () => change({ view: "data", sheet: "network" }));
  const beside = [images, whole];
  const choose = (pair) => change({ pair });
  const ofClasses = new Map(); // the parts that name each class, by these names
  let matrix = null;
  let perDigit = null;
  const unsure = abstaining({ moved: (limit) => change({ limit }) });
  const moved = (amounts) => change({ damage: amounts });
  const spoiled = damage({ ranges: lab.limits.damage, moved, tell });
  const worst = gallery(says.worst);
  const doubts = doubtedNote();
  const map = makeMap({ lab, tell });
  const mistakes = panel(
    "worst-title",
    says.worst,
    { class: "panel wide", "data-section": "mistakes" },
    element("p", { class: "quiet" }, says.worstLead),
    worst.node,
    doubts.node,
  );
  const top = element(
    "section",
    { class: "panel wide", "aria-labelledby": "evaluate-title" },
    element("div", { role: "status" }, headline),
    element("nav", { class: "row-of-buttons jumps", "aria-label": says.jumps }, jumps, beside),
  );
  const pair = element("div", { class: "panels" }, unsure.node, spoiled.node);
  const node = element(
    "div",
    { class: "evaluate", id: "view-evaluate" },
    top,
    element("div", { class: "panels" }, pair),
    mistakes,
    map.node,
  );
  const send = queue(measure, { node, failed: (failure) => tell(words.failed(failure.message)) });
  let due = null; // the section that is to be scrolled to

  // The parts for these classes, made once.
  function fit(names) {
    const key = names.join("\n");
    if (!ofClasses.has(key))
      ofClasses.set(key, [confusion({ names, asked, choose, tell }), digits(names)]);
    const before = [matrix, perDigit];
    [matrix, perDigit] = ofClasses.get(key);
    if (before[0] === matrix) return;
    for (const each of before) each?.node.remove();
    top.after(matrix.node);
    pair.before(perDigit.node);
  }

  // What is asked about: the network, and the damage if there is any.
  function asked() {
    const { damage: amounts } = now();
    return { ...changedAt(), ...(Object.keys(amounts).length ? { damage: amounts } : {}) };
  }

  async function measure() {
    const question = { ...asked(), threshold: now().limit };
    const answer = await ask(question);
    const network = networkOf();
    fit(network.classes);
    const spoilt = Boolean(question.damage);
    whole.hidden = !question.changes;
    headline.textContent = says.headline(network, says.percent(answer.accuracy), question);
    matrix.show(answer.confusion);
    perDigit.show(answer);
    unsure.told(answer);
    worst.show(mistakesOf(answer.mistakes, spoilt, network.classes));
    doubts.show(answer.mistakes.doubts);
    arrive();
  }

  function jump(section) {
    due = section;
    if (now().section === section) arrive();
    else change({ section });
  }

  function arrive() {
    const there = due && node.querySelector(`[data-section="${due}"]`);
    due = null;
    there?.scrollIntoView({ block: "start" });
  }

  let last = null; // the section that was entered

  function enter({ limit, damage: amounts, pair: opened, section }) {
    if (section !== last) due = section;
    last = section;
    unsure.set(limit);
    spoiled.set(amounts);
    fit(classesOf());
    matrix.open(opened);
    map.enter();
    send();
  }

  return { node, enter };
}

function mistakesOf({ indices, labels, predictions, confidence, doubts, images }, own, names) {
  return indices.map((index, k) => ({
    index,
    label: names[labels[k]],
    truth: labels[k],
    read: names[predictions[k]],
    text: says.mistake(names[labels[k]], names[predictions[k]], percent(confidence[k])),
    pixels: cut(images, k),
    own,
    doubt: doubts[k],
  }));
}
