// Small images of digits: bytes (ink bright) as they are seen in this theme.

import { element } from "./element.js";
import { PIXELS, SIDE } from "./sizes.js";

export function thumbnail(pixels) {
  const canvas = element("canvas", {
    width: SIDE,
    height: SIDE,
    "aria-hidden": "true",
    class: "thumb",
  });
  paintPixels(canvas, pixels, SIDE, SIDE);
  return canvas;
}

export function paintPixels(canvas, pixels, width, height) {
  canvas.width = width;
  canvas.height = height;
  const pen = canvas.getContext("2d");
  const image = pen.createImageData(width, height);
  for (let k = 0; k < pixels.length; k += 1) image.data.set([255, 255, 255, pixels[k]], 4 * k);
  pen.putImageData(image, 0, 0);
}

// Image k of an answer that has them one after the other.
export function cut(all, k) {
  return all.subarray(k * PIXELS, (k + 1) * PIXELS);
}
