// Evaluate: how a network does on its test images: which digit it takes for which, its most
// confident mistakes, what it answers if it may say "I don't know", and what damage does to it.

import { queue } from "../../ask/queue.js";
import { evaluate as ask } from "../../ask/server.js";
import { bars } from "../../parts/bars.js";
import { element } from "../../parts/element.js";
import { percent } from "../../parts/numbers.js";
import { panel } from "../../parts/panel.js";
import { gallery } from "../../parts/pictures.js";
import { cut } from "../../parts/thumbnails.js";
import { networkAt, networkOf } from "../../state.js";
import { words } from "../../strings.js";
import { confusion } from "./confusion.js";
import { damage } from "./damage.js";

const says = words.evaluate;

export function evaluate({ lab, tell }) {
  const headline = element("h1", { id: "evaluate-title" }, says.heading);
  const matrix = confusion({ asked: damaged, pixels, tell });
  const perDigit = bars(says.perDigit, { unseen: true, measures: true });
  const unsure = abstaining({ moved });
  const spoiled = damage({ ranges: lab.limits.damage, moved, tell });
  const worst = gallery(says.worst);
  const node = element(
    "div",
    { class: "evaluate", id: "view-evaluate" },
    element(
      "section",
      { class: "panel wide", "aria-labelledby": "evaluate-title" },
      element("div", { role: "status" }, headline),
    ),
    matrix.node,
    element(
      "div",
      { class: "panels" },
      panel("digits-title", says.perDigit, {}, perDigit.node),
      unsure.node,
      spoiled.node,
    ),
    panel(
      "worst-title",
      says.worst,
      { class: "panel wide" },
      element("p", { class: "quiet" }, says.worstLead),
      worst.node,
    ),
  );
  const send = queue(measure, { node, failed: (failure) => tell(words.failed(failure.message)) });

  // What is asked about: the network, and the damage if there is any.
  function damaged() {
    const wanted = spoiled.wanted();
    return { ...networkAt(), ...(wanted ? { damage: wanted } : {}) };
  }

  // A damaged image, as the network saw it.
  function pixels(answer, k, of) {
    return of.damage ? { pixels: cut(answer.images, k) } : {};
  }

  function moved() {
    unsure.show();
    spoiled.show();
    send();
  }

  async function measure() {
    const asked = { ...damaged(), threshold: unsure.threshold };
    const answer = await ask(asked);
    const network = networkOf();
    const right = says.percent(answer.accuracy);
    headline.textContent = says.headline(network.name, right, Boolean(spoiled.wanted()), network);
    matrix.show(answer.confusion);
    answer.per_digit.forEach((share, digit) => {
      perDigit.set(digit, share ?? 0, share === null ? "–" : says.percent(share));
    });
    unsure.told(answer);
    worst.show(mistakesOf(answer.mistakes, (k) => pixels(answer.mistakes, k, asked)));
    spoiled.show();
  }

  function enter() {
    moved();
  }

  return { node, enter };
}

function mistakesOf({ indices, labels, predictions, confidence }, pixels) {
  return indices.map((index, k) => {
    const text = says.mistake(labels[k], predictions[k], percent(confidence[k]));
    return { index, label: labels[k], read: predictions[k], text, ...pixels(k) };
  });
}

// "I don't know": what it answers if it may keep silent below a limit.
function abstaining({ moved }) {
  const input = element("input", {
    type: "range",
    id: "threshold",
    min: 0,
    max: 0.99,
    step: 0.01,
    value: 0,
    oninput: moved,
  });
  const limit = element("output", { class: "number", for: "threshold" });
  const answers = element("p", { class: "says", role: "status", id: "unsure" });
  const label = element("label", { for: "threshold" }, says.threshold);
  const line = element("div", { class: "rate" }, label, input, limit);
  const lead = element("p", {}, says.unsureLead);
  return {
    node: panel("unsure-title", says.unsureTitle, {}, lead, line, answers),
    get threshold() {
      return Number(input.value);
    },
    show() {
      limit.textContent = says.percent(Number(input.value)).replace(".0", "");
      input.setAttribute("aria-valuetext", limit.textContent);
    },
    told(answer) {
      answers.textContent = says.unsure(answer);
    },
  };
}
