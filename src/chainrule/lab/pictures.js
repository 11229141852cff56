// Test images by number, as thumbnails that open in Look inside.

import { button, element } from "./element.js";
import { images } from "./server.js";
import { change } from "./state.js";
import { thumbnail } from "./story.js";
import { words } from "./strings.js";

const SIZE = 784;
const BLOCK = 100; // images that are asked for together
const blocks = new Map(); // of a hundred: a promise of { images, labels }

async function block(k) {
  if (!blocks.has(k)) {
    blocks.set(k, images(k * BLOCK, BLOCK).catch((failure) => {
      blocks.delete(k);
      throw failure;
    }));
  }
  return blocks.get(k);
}

// { pixels, label } of a test image.
export async function picture(index) {
  const found = await block(Math.floor(index / BLOCK));
  const k = index % BLOCK;
  return { pixels: found.images.subarray(k * SIZE, (k + 1) * SIZE), label: found.labels[k] };
}

export function lookInside(index) {
  change({ view: "inside", image: { test: index }, label: null, cell: null, phase: null });
}

// A list of images; each has { index, label, text } and perhaps { read }.
export function gallery(label) {
  const node = element("ul", { class: "thumbnails", "aria-label": label });
  let wanted = 0;

  async function show(list) {
    wanted += 1;
    const mine = wanted;
    const made = await Promise.all(list.map(async ({ index, label: digit, read, text = "" }) => {
      const { pixels } = await picture(index);
      return element("li", {}, button([thumbnail(pixels), element("span", {}, text)], () => lookInside(index), {
        class: "thumbnail", "data-test": index, "aria-label": `${words.browseImage(index, digit, read)}: ${words.openInside}`,
      }));
    }));
    if (mine === wanted) node.replaceChildren(...made);
  }

  return { node, show };
}
