// Words of the story: each step of it, of whatever image it is told.

import { short } from "../parts/numbers.js";
import { areDigits, one } from "./shared.js";

const sentence = (parts) =>
  parts.length < 2 ? parts.join("") : `${parts.slice(0, -1).join(", ")} and ${parts.at(-1)}`;
const signed = (value) => (value < 0 ? short(value) : `+${short(value)}`);
// A network without hidden layers has pixels where others have units.
const what = (layers) => (layers.length > 2 ? "unit" : "pixel");
const withUnits = ({ layers }) =>
  layers.length > 2
    ? ` with ${layers
        .slice(1, -1)
        .map(({ units }) => units)
        .join(" and ")} hidden units`
    : ", without any hidden units";
const missed = ({ prediction, label }) => prediction !== label;
const said = ({ prediction, names }) => names[prediction];
const meant = ({ label, names }) => names[label];

export const story = {
  label: "The story of this image",
  at: (k, n) => `${k} of ${n}`,
  back: "Back",
  leave: "Leave the story (Esc)",
  hidden: "A part of this is hidden for a question. Reveal it to go on.",
  others: (names) => (areDigits(names) ? "Or the story of a misread " : "Or another story: "),
  none: (name) => `There is no test image of ${name}.`,
  another: (name) => `The story of ${one(name)}`,
  text: {
    start: (picture) =>
      `This network looks at 784 pixels${withUnits(picture)}. ` +
      (picture.prediction === null
        ? "Its numbers are too large to be computed, so it says nothing."
        : missed(picture)
          ? `It says ${said(picture)}, but this is ${one(meant(picture))}. What went wrong?`
          : `It says ${said(picture)}, and that is right. How does it know?`),
    why: ({ reasons, layers, names }) => {
      if (!reasons) return "Its numbers are too large to be computed, so there is no answer.";
      const { units, answer, other } = reasons;
      const pushes = units.map(
        ([unit, forAnswer, forOther]) =>
          `${what(layers)} ${unit} adds ${signed(forAnswer)} to the ${names[answer]}, but ` +
          `${signed(forOther)} to the ${names[other]}`,
      );
      return (
        (units.length === 1 ? `One ${what(layers)} decides: ` : `A few ${what(layers)}s decide: `) +
        `${sentence(pushes)}. ` +
        `Each line is an activation times a weight.`
      );
    },
    back: ({ weight: { name, unit, digit, slope }, layers, names }) =>
      `To learn, the network asks of every connection: would the error grow or fall if you were ` +
      `a little larger? The error flows back. Take this connection, from ${what(layers)} ${unit} ` +
      `to the answer ${names[digit]}. Its slope is ${short(slope)}: a larger weight makes the ` +
      `error ${slope < 0 ? "fall" : "grow"}. In the formulas the weight is ${name}, and its ` +
      `slope d${name}.`,
    right: ({ weight: { name } }) =>
      `Don’t take our word for it. Measured means: run the whole network with a slightly larger ` +
      `and a slightly smaller ${name}. The curve is E for 41 values of it; the dashed line has ` +
      `our slope.`,
    once: (picture) =>
      `So every slope tells which way to go. Move all weights at once, each against its slope, ` +
      `by α times as much. ` +
      (missed(picture)
        ? `Drag α until the answer is ${meant(picture)}.`
        : `Drag α: how does the error fall?`),
    yours: ({ names }) =>
      `Now yours. Draw ${areDigits(names) ? "a digit " : ""}where the image was, and watch the ` +
      `units light up with each stroke.`,
  },
  next: {
    start: () => "Why?",
    why: () => "How would it learn?",
    back: () => "Is that number right?",
    right: () => "Learn from this once",
    once: () => "Now yours",
    yours: () => "Look around",
  },
  curveLabel: (name) => `The error while ${name} is moved, and the line with our slope`,
  curveE: "E",
  tangent: "our slope",
  move: (name) => `The value of ${name}`,
  reading: (name, value, E, answer) => `${name} = ${value}: E = ${E}, and the answer is ${answer}`,
  ours: "ours",
  measured: "measured",
  promised: "what the slopes promise, −α ‖g‖²",
  larger:
    "Ten units see little. The larger network, with 128 units, reads more of what people draw.",
  toLarger: "Draw for the larger network",
};
