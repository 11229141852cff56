// Words of the story: each step of it, of whatever image it is told.

import { short } from "../parts/numbers.js";

const a = (digit) => `${digit === 8 ? "an" : "a"} ${digit}`;
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

export const story = {
  label: "The story of this image",
  at: (k, n) => `${k} of ${n}`,
  back: "Back",
  leave: "Leave the story (Esc)",
  hidden: "A part of this is hidden for a question. Reveal it to go on.",
  others: "Or the story of a misread ",
  another: (digit) => `The story of ${a(digit)}`,
  text: {
    start: (picture) =>
      `This network looks at 784 pixels${withUnits(picture)}. ` +
      (picture.prediction === null
        ? "Its numbers are too large to be computed, so it says nothing."
        : missed(picture)
          ? `It says ${picture.prediction}, but this is ${a(picture.label)}. What went wrong?`
          : `It says ${picture.prediction}, and that is right. How does it know?`),
    why: ({ reasons, layers }) => {
      if (!reasons) return "Its numbers are too large to be computed, so there is no answer.";
      const { units, answer, other } = reasons;
      const pushes = units.map(
        ([unit, forAnswer, forOther]) =>
          `${what(layers)} ${unit} adds ${signed(forAnswer)} to the ${answer}, but ` +
          `${signed(forOther)} to the ${other}`,
      );
      return (
        (units.length === 1 ? `One ${what(layers)} decides: ` : `A few ${what(layers)}s decide: `) +
        `${sentence(pushes)}. ` +
        `Each line is an activation times a weight.`
      );
    },
    back: ({ weight: { name, unit, digit, slope }, layers }) =>
      `To learn, the network asks of every connection: would the error grow or fall if you were ` +
      `a little larger? The error flows back. Take this connection, from ${what(layers)} ${unit} ` +
      `to the answer ${digit}. Its slope is ${short(slope)}: a larger weight makes the error ` +
      `${slope < 0 ? "fall" : "grow"}. In the formulas the weight is ${name}, and its slope ` +
      `d${name}.`,
    right: ({ weight: { name } }) =>
      `Don’t take our word for it. Measured means: run the whole network with a slightly larger ` +
      `and a slightly smaller ${name}. The curve is E for 41 values of it; the dashed line has ` +
      `our slope.`,
    once: ({ prediction, label }) =>
      `So every slope tells which way to go. Move all weights at once, each against its slope, ` +
      `by α times as much. ` +
      (prediction !== label
        ? `Drag α until the answer is ${label}.`
        : `Drag α: how does the error fall?`),
    yours: () =>
      "Now yours. Draw a digit where the image was, and watch the units light up with each stroke.",
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
  reading: (name, value, E, digit) => `${name} = ${value}: E = ${E}, and the answer is ${digit}`,
  ours: "ours",
  measured: "measured",
  promised: "what the slopes promise, −α ‖g‖²",
  larger:
    "Ten units see little. The larger network, with 128 units, reads more of what people draw.",
  toLarger: "Draw for the larger network",
};
