// The story of one image: a card that leads from its answer to why it says so, back to one weight,
// to the proof of its slope, to a step of learning, and to one's own digit.

import { curve as askCurve } from "../../ask/picture.js";
import { proof as askProof, step as askStep } from "../../ask/server.js";
import { button, element } from "../../parts/element.js";
import { alike, short, six } from "../../parts/numbers.js";
import { STORY, change, moment, now } from "../../state.js";
import { words } from "../../strings.js";
import { areDigits } from "../../strings/shared.js";
import { verdictOf } from "./proof.js";
import { slope } from "./slope.js";

// `learnt` is told the rate of a step of learning that the picture is to show, 0 for none;
// `begin` opens the story of a digit, `toDraw` the larger network's pad; `failed` is told what went
// wrong.
export function tale({ learnt, begin, leave, toDraw, failed }) {
  const { story } = words;
  const at = element("p", { class: "tale-at quiet" });
  const text = element("p", { class: "tale-text", role: "status" });
  const more = element("div", { class: "tale-more" });
  const next = button("", forward, { class: "primary", id: "story-next" });
  const back = button(story.back, backward, { id: "story-back" });
  const close = button("✕", leave, {
    class: "close",
    "aria-label": story.leave,
    id: "story-leave",
  });
  const node = element(
    "section",
    { class: "tale", id: "story", "aria-label": story.label },
    element("div", { class: "tale-body" }, at, text, more),
    element("div", { class: "tale-buttons" }, back, next, close),
  );
  let picture = null;
  let shown = "";

  function forward() {
    const k = STORY.indexOf(now().story);
    if (k === STORY.length - 1) leave();
    else change({ story: STORY[k + 1] });
    next.focus({ preventScroll: true });
  }

  function backward() {
    change({ story: STORY[Math.max(STORY.indexOf(now().story) - 1, 0)] });
  }

  // The step that the address names, of this picture.
  function show(found, isHidden) {
    picture = found;
    const { story: step } = now();
    const k = STORY.indexOf(step);
    at.textContent = story.at(k + 1, STORY.length);
    text.textContent = isHidden(step) ? story.hidden : story.text[step](picture);
    next.textContent = story.next[step](picture);
    back.hidden = k === 0;
    const key = JSON.stringify([step, moment(), isHidden(step)]);
    if (key === shown) return;
    shown = key;
    const extra = { right, once, yours, start }[step];
    more.replaceChildren(...(extra && !isHidden(step) ? extra() : []));
  }

  // -------------------------------------------------------------------------------- at the start

  function start() {
    const { names } = picture;
    const others = names.map((name, k) =>
      button(name, () => begin(k), {
        class: "small",
        "aria-label": story.another(name),
      }),
    );
    return [element("p", { class: "quiet tale-others" }, story.others(names), ...others)];
  }

  // ---------------------------------------------------------------------- is that number right?

  function right() {
    const { name } = picture.weight;
    const curve = element("div", { class: "tale-more" });
    const proven = element("div", { class: "tale-proof" });
    const mine = shown;
    askCurve(moment(), name).then((found) => {
      if (mine === shown) curve.replaceChildren(...slope(found));
    }, failed);
    askProof(moment(), `d${name}`).then((found) => {
      if (mine !== shown) return;
      const { texts, equal, digits } = alike(found.ours, found.quotient);
      const [kind, verdict] = verdictOf(found, digits);
      const half = (each) => [element("mark", {}, each.slice(0, equal)), each.slice(equal)];
      const row = (label, each) => [
        element("dt", {}, label),
        element("dd", { class: "number" }, half(each)),
      ];
      proven.replaceChildren(
        element("dl", {}, row(story.ours, texts[0]), row(story.measured, texts[1])),
        element("p", { class: kind }, verdict),
      );
    }, failed);
    return [proven, curve];
  }

  // ---------------------------------------------------------------------- learn from this once

  function once() {
    const range = element("input", { type: "range", min: 0, step: 1, value: 0, id: "story-rate" });
    const label = element("label", { for: "story-rate" }, words.rate);
    const output = element("output", { class: "number", for: "story-rate" }, "0");
    const table = element("table", { class: "promise" });
    const mine = shown;
    askStep(moment()).then((found) => {
      if (mine !== shown) return;
      range.max = found.rates.length;
      const move = () => {
        const k = Number(range.value) - 1; // 0: no step
        const rate = k < 0 ? 0 : found.rates[k];
        output.textContent = short(rate);
        range.setAttribute("aria-valuetext", words.rateIs(short(rate)));
        const row = (head, value) =>
          element(
            "tr",
            {},
            element("th", { scope: "row" }, head),
            element("td", { class: "number" }, six(value)),
          );
        table.replaceChildren(
          row(story.promised, k < 0 ? 0 : found.promised[k]),
          row(words.measured, k < 0 ? 0 : found.measured[k]),
        );
        learnt(rate);
      };
      range.addEventListener("input", move);
      move();
    }, failed);
    return [element("div", { class: "rate" }, label, range, output), table];
  }

  // ------------------------------------------------------------------------------ now yours

  function yours() {
    if (!areDigits(picture.names)) return []; // what else they read is not known of the packaged
    return [
      element("p", { class: "quiet" }, story.larger),
      button(story.toLarger, toDraw, { class: "small", id: "story-larger" }),
    ];
  }

  return { node, show };
}
