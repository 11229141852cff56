// Words of the map in Evaluate.

import { counted } from "./shared.js";

export const map = {
  heading: (kind) => `A map of the ${kind === "digit" ? "digits" : "images"}`,
  lead:
    "Every test image is a point. Images that are alike for the network lie close together. Move " +
    "the slider of a run, and watch the classes separate.",
  label: "Map of the test images. Arrow keys go from point to point, Enter looks inside.",
  hint:
    "Point at one to see its image; click it to look inside. By keyboard: arrow keys and " +
    "Enter; + and − zoom, 0 shows all. Drag to move what is zoomed.",
  of: "Close means alike in",
  ofName: (name) => (name === "pixels" ? "pixels" : name),
  count: "Images",
  onlyMistakes: "mistakes only",
  key: "Colours of the classes",
  ring: "on a disc: a mistake",
  zoomIn: "Zoom in",
  zoomOut: "Zoom out",
  whole: "The whole map",
  tools: "Zoom",
  sticks: (n) =>
    `Why sticks? The last layer gives ${counted(n)} probabilities, and for most images one of ` +
    `them is nearly 1 and the others nearly 0. So there are ${counted(n)} corners, most images ` +
    `lie in one of them, and a plane shows the ways between the corners as sticks.`,
  explained: (n, wrong, share, of, digits) =>
    `${n} test images of ${digits}, ${wrong.toLocaleString("en-GB")} read wrong. The plane ` +
    `shows ${share} of what varies in ${of}. It is turned to lie like the plane of the ` +
    `pixels, so that moments of a run can be compared.`,
};
