// What a network says of some test images while it learns: each with its answer of now.

import { write } from "../../parts/bars.js";
import { areShort } from "../../parts/classes.js";
import { element } from "../../parts/element.js";
import { panel } from "../../parts/panel.js";
import { picture } from "../../parts/pictures.js";
import { PIXELS, SIDE } from "../../parts/sizes.js";
import { paintPixels, thumbnail } from "../../parts/thumbnails.js";
import { words } from "../../strings.js";

const says = words.train;

export function answers() {
  const list = element("ul", { class: "watched", "aria-labelledby": "watched-title" });
  const note = element("p", { class: "quiet" });
  const attributes = { class: "panel watching", hidden: true };
  const node = panel("watched-title", "", attributes, list, note);
  const title = node.querySelector("h2");
  let shown = ""; // the numbers of the images
  let images = [];

  // answers: { index, label, read, sure } of each image; nothing is read before the start. `names`
  // are those of the classes.
  function show(all, names) {
    node.hidden = !all.length;
    const which = JSON.stringify([all.map(({ index, label }) => [index, label]), names]);
    if (which !== shown) {
      shown = which;
      title.textContent = says.watchedTitle(all.length);
      note.textContent = says.watchedNote(names);
      list.classList.toggle("named", !areShort(names));
      images = all.map((each) => image(each, names));
      list.replaceChildren(...images.map((each) => each.node));
    }
    all.forEach((each, k) => images[k].say(each));
  }

  return { node, show };
}

function image({ index, label }, names) {
  const canvas = thumbnail(new Uint8ClampedArray(PIXELS));
  const read = element("span", { class: "read", "aria-hidden": "true" });
  const sure = element("span", { class: "quiet number", "aria-hidden": "true" });
  const aloud = element("span", { class: "unseen" });
  const node = element("li", {}, canvas, read, sure, aloud);
  picture(index).then(
    ({ pixels }) => paintPixels(canvas, pixels, SIDE, SIDE),
    () => {}, // it stays blank
  );

  function say({ read: answer, sure: share }) {
    const known = answer !== null;
    const right = known && answer === label;
    const name = known ? names[answer] : null;
    node.classList.toggle("right", right);
    node.classList.toggle("wrong", known && !right);
    write(read, known ? says.watchedRead(name, right) : "?");
    write(sure, known ? says.watchedSure(share) : "");
    write(aloud, says.watchedAloud(names[label], name, known && says.watchedSure(share)));
  }

  return { node, say };
}
