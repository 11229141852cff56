// A map of the images: test images as points on a plane, by PCA of their pixels or of what a layer
// makes of them. It is asked for as soon as it is seen.

import { queue } from "../../ask/queue.js";
import { map as ask } from "../../ask/server.js";
import { choice } from "../../parts/choice.js";
import { element } from "../../parts/element.js";
import { pngButton } from "../../parts/keeping.js";
import { count, percent } from "../../parts/numbers.js";
import { changedAt, classesOf, networkOf } from "../../state.js";
import { words } from "../../strings.js";
import { kindOf } from "../../strings/shared.js";
import { key as makeKey, plane as makePlane } from "./plane.js";

const COUNT = 500; // points, to begin with
const COUNTS = [500, 1000, 2000, 5000, Infinity];
const says = words.map;

export function map({ lab, tell }) {
  const told = element("p", { class: "unseen", role: "status" });
  const sticks = element("p", { class: "quiet", id: "map-sticks", hidden: true });
  const heading = element("h2", { id: "map-title" });
  const explained = element("p", { class: "quiet", id: "map-explained", role: "status" });
  const sources = choice(says.of, "map-of", [], asked, { id: "map-of" });
  const options = COUNTS.map((most) => Math.min(most, lab.limits.map)).map((n) =>
    element("option", { value: n, selected: n === COUNT }, count(n)),
  );
  const counts = element("select", { id: "map-count", onchange: () => send() }, options);
  const only = element("input", {
    type: "checkbox",
    id: "map-mistakes",
    onchange: () => plane.paint(),
  });
  const key = makeKey();
  const plane = makePlane({ told: (text) => (told.textContent = text), only: () => only.checked });
  const kept = element("div", { class: "row-of-buttons" });
  const node = element(
    "section",
    { class: "map unasked", id: "view-map", "data-section": "map", "aria-labelledby": "map-title" },
    element(
      "div",
      { class: "map-side" },
      heading,
      element("p", {}, says.lead),
      sources.node,
      element(
        "div",
        { class: "row-of-buttons" },
        element("label", { for: "map-count" }, says.count),
        counts,
      ),
      element("label", { class: "row-of-buttons" }, only, element("span", {}, says.onlyMistakes)),
      key.node,
      explained,
      sticks,
      kept,
      element("p", { class: "quiet kept-out", id: "map-hint" }, says.hint),
      told,
    ),
    plane.frame,
  );
  const send = queue(show, { node, failed: (failure) => tell(words.failed(failure.message)) });
  let of = null; // null: the last hidden layer
  let known = ""; // the layers of the network that is shown

  function asked(source) {
    of = source;
    send();
  }

  // What the points are of.
  function source() {
    const names = Array.from({ length: networkOf().sizes.length - 1 }, (_, l) => `A${l + 1}`);
    const all = ["pixels", ...names];
    if (known !== all.join()) {
      known = all.join();
      sources.fill(all.map((name) => [name, says.ofName(name)]));
    }
    sources.value = all.includes(of) ? of : (names.at(-2) ?? names.at(-1));
    return sources.value;
  }

  // What is said of the classes of the network.
  let named = "";
  function name(names) {
    if (named === names.join("\n")) return;
    named = names.join("\n");
    heading.textContent = says.heading(kindOf(names));
    sticks.textContent = says.sticks(names.length);
    kept.replaceChildren(pngButton("map", heading.textContent, plane.picture));
    key.show(names);
  }

  async function show() {
    const names = classesOf();
    const of = source();
    const answer = await ask({ ...changedAt(), of, count: Number(counts.value) });
    const { labels, predictions } = answer;
    const misread = labels.filter((label, k) => label !== predictions[k]).length;
    explained.textContent = says.explained(
      count(labels.length),
      misread,
      percent(answer.explained),
      says.ofName(of),
      networkOf().digits,
    );
    sticks.hidden = of !== `A${networkOf().sizes.length - 1}`;
    plane.show({ ...answer, names });
    node.classList.remove("unasked");
  }

  name(classesOf());
  let seen = false;
  new IntersectionObserver(([{ isIntersecting }]) => {
    seen = isIntersecting;
    if (seen) enter();
  }).observe(node);

  function enter() {
    name(classesOf());
    if (seen) send();
  }

  return { node, enter };
}
