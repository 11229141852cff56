// Test images by number, as thumbnails that open in Look inside.

import { base64, images } from "../ask/server.js";
import { change, networkOf } from "../state.js";
import { words } from "../strings.js";
import { button, element } from "./element.js";
import { cut, thumbnail } from "./thumbnails.js";

const BLOCK = 100; // images that are asked for together
const blocks = new Map(); // of a hundred of some digits: a promise of { images, labels }

async function block(k) {
  const { id, digits } = networkOf();
  const key = `${k} of ${digits === "MNIST" ? digits : id}`; // two folders may have one name
  if (!blocks.has(key)) {
    blocks.set(
      key,
      images(id, k * BLOCK, BLOCK).catch((failure) => {
        blocks.delete(key);
        throw failure;
      }),
    );
  }
  return blocks.get(key);
}

// { pixels, label } of a test image of the network that is shown.
export async function picture(index) {
  const found = await block(Math.floor(index / BLOCK));
  const k = index % BLOCK;
  return { pixels: cut(found.images, k), label: found.labels[k] };
}

export function lookInside(index) {
  change({ view: "inside", image: { test: index }, label: null, cell: null, phase: null });
}

// A damaged image is one of its own: its pixels travel in the link.
function lookInsidePixels(pixels, label) {
  change({
    view: "inside",
    network: networkOf().id,
    image: { pixels: base64(pixels) },
    label,
    cell: null,
    phase: null,
  });
}

// A list of images; each has { index, label, text }, the label by its name, and perhaps { read }, a
// name too, or { aloud } for what is read by two, { pixels } if they are at hand, `own` if those
// are not the test image's, with the label's number as `truth`, and `doubt` if people doubt it.
export function gallery(label) {
  const node = element("ul", { class: "thumbnails", "aria-label": label });
  let wanted = 0;

  async function show(list) {
    wanted += 1;
    const mine = wanted;
    const made = await Promise.all(
      list.map(async (each) => {
        const { index, label: name, truth, read, aloud, text = "", pixels: given } = each;
        const { own, doubt } = each;
        const { pixels } = given ? { pixels: given } : await picture(index);
        const mark = doubt && element("span", { class: "doubt", "aria-hidden": "true" }, "?");
        const says = doubt ? words.doubt(doubt) : null;
        const what = words.browseImage(index, name, read) + (aloud ? `, ${aloud}` : "");
        const aria = [what, says].filter(Boolean).join(". ");
        return element(
          "li",
          {},
          button(
            [thumbnail(pixels), element("span", {}, text), ...(mark ? [mark] : [])],
            () => (own ? lookInsidePixels(pixels, truth) : lookInside(index)),
            {
              class: "thumbnail",
              "data-test": index,
              title: says,
              "aria-label": `${aria}: ${words.openInside}`,
            },
          ),
        );
      }),
    );
    if (mine === wanted) node.replaceChildren(...made);
  }

  return { node, show };
}

// What the mark of a doubted label means, shown where one is.
export function doubtedNote() {
  const mark = element("span", { class: "doubt", "aria-hidden": "true" }, "?");
  const text = element("span");
  const node = element("p", { class: "quiet doubted", hidden: true }, mark, " ", text);
  const show = (doubts) => {
    const n = doubts.filter(Boolean).length;
    node.hidden = !n;
    text.textContent = words.doubted(n);
  };
  return { node, show };
}
