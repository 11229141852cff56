// What a network says of eight test images while it learns: each with its answer of now.

import { write } from "../../parts/bars.js";
import { element } from "../../parts/element.js";
import { panel } from "../../parts/panel.js";
import { picture } from "../../parts/pictures.js";
import { PIXELS, SIDE } from "../../parts/sizes.js";
import { paintPixels, thumbnail } from "../../parts/thumbnails.js";
import { words } from "../../strings.js";

const says = words.train;

export function answers() {
  const list = element("ul", { class: "watched", "aria-label": says.watchedTitle });
  const note = element("p", { class: "quiet" }, says.watchedNote);
  const attributes = { class: "panel watching", hidden: true };
  const node = panel("watched-title", says.watchedTitle, attributes, list, note);
  let shown = ""; // the numbers of the images
  let images = [];

  // answers: { index, label, read, sure } of each image; nothing is read before the start.
  function show(all) {
    node.hidden = !all.length;
    const which = JSON.stringify(all.map(({ index, label }) => [index, label]));
    if (which !== shown) {
      shown = which;
      images = all.map(image);
      list.replaceChildren(...images.map((each) => each.node));
    }
    all.forEach((each, k) => images[k].say(each));
  }

  return { node, show };
}

function image({ index, label }) {
  const canvas = thumbnail(new Uint8ClampedArray(PIXELS));
  const read = element("span", { class: "read", "aria-hidden": "true" });
  const sure = element("span", { class: "quiet number", "aria-hidden": "true" });
  const aloud = element("span", { class: "unseen" });
  const node = element("li", {}, canvas, read, sure, aloud);
  picture(index).then(
    ({ pixels }) => paintPixels(canvas, pixels, SIDE, SIDE),
    () => {}, // it stays blank
  );

  function say({ read: digit, sure: share }) {
    const known = digit !== null;
    const right = known && digit === label;
    node.classList.toggle("right", right);
    node.classList.toggle("wrong", known && !right);
    write(read, known ? says.watchedRead(digit, right) : "?");
    write(sure, known ? says.watchedSure(share) : "");
    write(aloud, says.watchedAloud(label, digit, known && says.watchedSure(share)));
  }

  return { node, say };
}
