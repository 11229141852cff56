// Words of Look inside: the story of the image, and the pass.

import { counted, one } from "./shared.js";

const list = (shape) => (shape.length ? shape.join(" × ") : "1 number");

export const inside = {
  // ------------------------------------------------------------------------------- the story
  // Classes are told by their names, "3" or "Coat".
  isay: (name, share) => `I say ${name} (${share}).`,
  taken: (name) => `Taken for one digit, I would say ${name}.`,
  itis: (name) => `It is ${one(name)}.`,
  assumed: (name) => `The backward pass takes it for ${one(name)}.`,
  unsaid: { prediction: "I say …", truth: "It is …" },
  image: "The image",
  choices: "Another image, label or network",
  overflows: (array) => `I say nothing: ${array} overflows. `,
  xTest: (number, digits) => `x: test image ${number} of ${digits}`,
  xDrawn: "x: your drawing, as it was prepared",
  imageLabel: "x, the image: 28 × 28 pixels from 0 to 1",
  testImage: "Test image",
  earlierImage: "Previous test image",
  laterImage: "Next test image",
  nextMistake: "Next mistake",
  browse: "Browse …",
  browseTitle: (digits) => `The test images of ${digits}`,
  browseImage: (number, label, read) =>
    `Test image ${number}, ${one(label)}${read === undefined ? "" : `, read as ${read}`}`,
  misread: (label, read) => `${label} read ${read}`,
  images: "images",
  trueLabel: "True label: go back as if it were a",
  ownLabel: "its own",
  unlike: ({ several, why }) => {
    const severally = "There are several marks, and I read one digit at a time.";
    return `${several ? severally : "This is unlike anything I was trained on."} ${why}`;
  },
  depthsLabel: "How deep",
  depths: { story: "Story", network: "Network", numbers: "Numbers" },
  depthHints: {
    story: "One image, from its answer to what one can learn from it",
    network: "The whole network as one picture",
    numbers: "Every number of the pass; each one opens",
  },

  // ------------------------------------------------------------------------------- the pass
  flow: "The pass, forward and back",
  forward: "Forward: from the image to an answer",
  backward: "Back: how E changes with every number",
  ofOne: "E of this one image (m\u00a0=\u00a01)",
  shape: list,
  stored: "learned",
  oneHot: "one-hot",
  gridLabel: (name, shape) => `${name}, ${list(shape)}`,
  unitLabel: (name, unit) =>
    `${name}, unit ${unit}: its 784 ${name.startsWith("d") ? "gradients" : "weights"} as an image`,
  openUnit: (name, unit) => `${name}, unit ${unit}: open its 28 × 28 numbers`,
  unit: "unit",
  unitOf: (unit, n) => `unit ${unit} (0 to ${n - 1})`,
  allUnits: "all units",
  units: "units",
  rows: "rows",
  columns: "columns",
  page: (what) => `Pages of ${what}`,
  earlier: (what) => `Earlier ${what}`,
  later: (what) => `Later ${what}`,
  range: (what, from, to, n) => `${what} ${from}–${to} of ${n.toLocaleString("en-GB")}`,
  arrays: {
    x: "the image",
    W: "weights",
    b: "biases",
    Z: "weighted sums",
    A: "activations",
    y: "the true label, one-hot",
    E: "the loss",
    dA: "how E changes with A",
    dZ: "how E changes with Z",
    dW: "how E changes with W",
    db: "how E changes with b",
  },
  noInk: (array, cell, ledger) => {
    if (ledger.arrays.get("x").values[cell.index[1]] !== 0) return "";
    return array === "dW1"
      ? `; x[${cell.index[1]}] is 0: no ink here, so exactly 0`
      : `; x[${cell.index[1]}] is 0: no ink here, so it adds nothing`;
  },
  // Behind the value of a cell: the class it belongs to, if that is not its number.
  named: (name, k) => (name === String(k) ? "" : `; ${name}`),
  blank:
    "The margins of dW1 are 0: this image has no ink there, and dW1[i,j] = dZ1[i] x[j]. Where no " +
    "training image ever has ink, W1 never moves from its random start.",
  scale: "Colours",
  scales: { unit: "per unit", matrix: "per matrix", global: "global" },
  shading: "W1 shown as",
  shadings: { weight: "weight", input: "input × weight" },
  negative: "−",
  positive: "+",
  darkest: (scale, strength) =>
    ({
      unit: "Darkest: the largest number of each row.",
      matrix: "Darkest: the largest number of each array.",
      global: "The same scale everywhere.",
    })[scale] +
    (strength < 1 && scale !== "global"
      ? " Derivatives are paler here: from this image there is less to learn."
      : ""),
  goto: "Go to",
  gotoHint: "dW1[3,350]",
  gotoDo: "Open",
  noCell: (name) => `There is no ${name} here.`,
  phases: "Steps of the pass",
  previousPhase: "Previous step",
  nextPhase: "Next step",
  wholePass: "The whole pass",
  phaseHint: "Step through the pass with ← and →, or open any number.",
  phaseOf: (k, n) => `Step ${k} of ${n}`,
  update: "update",
  phaseWords: (name, ledger) => {
    const [, kind, layer] = /^(d?[A-Za-z]+?)(\d*)$/.exec(name);
    const L = String(ledger.sizes.length - 1);
    const last = layer === L;
    const squared = ledger.loss === "squared_error";
    return {
      Z: `Each unit of layer ${layer} adds up its weighted inputs and its bias.`,
      A: last
        ? `Softmax turns the sums into ${counted(ledger.sizes.at(-1))} probabilities that add up ` +
          `to 1.`
        : "ReLU keeps what is positive; the rest becomes 0.",
      E: squared
        ? "How wrong was that? Half the squared distance to the true label. E is of this one " +
          "image (m = 1)."
        : "How wrong was that? Minus the logarithm of the true label’s probability. E is of this " +
          "one image (m = 1).",
      dA: last
        ? "Back: how E changes with each probability."
        : `Back through the same weights: how E changes with each unit of layer ${layer}.`,
      dZ: last
        ? squared
          ? "Every probability depends on every sum, so the whole softmax Jacobian is needed."
          : "With cross-entropy, A has cancelled: what is left is A − y."
        : "ReLU passes back what it passed forward: units that were off get 0.",
      dW: `Each weight of layer ${layer}: how E changes with Z of its unit, times the input.`,
      db: "A bias counts like a weight whose input is 1.",
      update: "Every number moves a little against its gradient: E falls.",
    }[name === "update" ? "update" : kind];
  },
};
