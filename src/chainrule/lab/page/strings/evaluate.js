// Words of Evaluate.

import { exactly, many } from "./shared.js";

const share = (value) => (value > 1 ? value.toLocaleString("en-GB") : exactly(value));

export const evaluate = {
  heading: "How good is it?",
  // Of a network, perhaps changed by hand, and of images that are perhaps damaged.
  headline: ({ name, run, images, digits }, share, { changes, damage }) =>
    (run ? name : `The ${name.replace(/^the /, "")}`) +
    `${changes ? ", as you changed it," : ""} reads ${share} of ` +
    `the ${images.toLocaleString("en-GB")} ${damage ? "damaged " : ""}test images of ${digits} ` +
    "right.",
  percent: exactly,
  matrixTitle: (kind) => `Which ${kind} it takes for which`,
  matrixLead:
    "Row: what it is. Column: what the network says. In the frames it is right; elsewhere it is " +
    "wrong, the darker the more often. A number opens its images.",
  matrixLabel: (kind) =>
    `Confusion matrix: rows are true ${kind === "digit" ? "digits" : "classes"}, columns what ` +
    `the network says`,
  // What is taken for what; how often, and the largest first.
  oftenTitle: "The most frequent mistakes",
  often: (truth, read, n) => `${truth} read as ${read}: ${n.toLocaleString("en-GB")}`,
  cell: (i, j, n) =>
    i === j ? `${many(n, `image`)} of ${i} read right` : `${many(n, "image")} of ${i} read as ${j}`,
  cellImages: "The images of this cell",
  shownOf: (shown, n) => {
    const all = shown ? "All of them, the most certain first" : "There is none";
    const which = shown < n ? `The ${shown} it is most certain of` : all;
    return `${which}. An image opens in Look inside.`;
  },
  toImages: "All images",
  jumps: "Parts of this page",
  sections: { limit: "I don’t know", damage: "Damage", mistakes: "Mistakes", map: "Map" },
  recall: "recall",
  precision: "precision",
  images: "images",
  readAs: "read as it",
  perDigit: (kind) => `Accuracy, ${kind} by ${kind}`,
  perDigitLead: (kind) =>
    `Recall: of the images of a ${kind}, how many it reads as that ${kind}. Precision: of the ` +
    `images it reads as that ${kind}, how many are of it.`,
  unsureTitle: "I don’t know",
  unsureLead: "What if it does not answer when its largest probability is below a limit?",
  threshold: "Limit",
  unsure: ({ answered, right_of_answered: right }) =>
    answered === 0
      ? "It answers none of the images."
      : `It answers ${share(answered)} of the images, and ${share(right)} of those are right.`,
  damageTitle: "Damage",
  damageLead: "Damage all test images, and measure again.",
  damage: { noise: "Noise", rotation: "Rotation", shift: "Shift", thickness: "Thickness" },
  amount: (name, value) =>
    ({
      noise: `${Math.round(100 * value)} %`,
      rotation: `${value}°`,
      shift: `${value} px`,
      thickness: `${value > 0 ? "+" : ""}${value} px`,
    })[name].replace("-", "−"),
  undamaged: "No damage",
  measureCurves: "Measure the whole range",
  measuring: "Measuring …",
  curvesTitle: "Accuracy over each kind of damage",
  curveColumns: ["damage", "amount", "accuracy"],
  damageCurve: (name) => `Accuracy over ${name.toLowerCase()}`,
  curveSays: (x, y) =>
    [0, Math.floor(x.length / 2), x.length - 1]
      .map((k) => `${exactly(y[k])} at ${x[k]}`)
      .join(", "),
  accuracy: "read right",
  worst: "The most confident mistakes",
  worstLead: "The network was sure, and wrong. An image opens in Look inside.",
  mistake: (label, read, share) => `${label} read ${read}, ${share}`,
};
