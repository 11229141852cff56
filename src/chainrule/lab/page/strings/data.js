// Words of the contact sheet of a set of digits.

import { many } from "./shared.js";

export const data = {
  heading: (name) => `The images of ${name}`,
  set: "Which set",
  part: "Which part",
  parts: { train: "to train on", test: "to test on" },
  about: (n, part, classes) => `${many(n, "image")} ${data.parts[part]}, ${classes} classes.`,
  count: (n) => many(n, "image"),
  label: (name, shown, n) =>
    shown < n ? `The first ${shown} of ${many(n, "image")} of ${name}` : `All images of ${name}`,
  more: (name) => `More of ${name}`,
  all: "All classes",
  images: "images",
  none: "There is none.",
};
