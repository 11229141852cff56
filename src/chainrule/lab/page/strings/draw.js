// Words of Draw.

import { areDigits, listed } from "./shared.js";

export const draw = {
  drawTitle: (names) => (areDigits(names) ? "Draw a digit" : "Draw"),
  padLabel:
    "Drawing pad. Arrow keys move the pen, Space puts it down and lifts it, Backspace takes the " +
    "last stroke back.",
  padHint: "Draw with mouse, pen, finger, or arrow keys and Space;",
  penDown: "The pen is down.",
  penUp: "The pen is up.",
  undo: "Undo",
  clear: "Clear",
  file: "Open a picture …",
  fileHint: "or drop or paste a picture of one digit",
  notPicture: "That is no picture that can be read here.",
  tooLarge: (most) => `A picture may have at most ${most / 1e6} MB: save it as JPEG.`,
  emptyPad: (names) =>
    areDigits(names) ? "Draw a digit from 0 to 9." : `Draw one of these: ${listed(names)}.`,
  read: "What I read",
  soFar: (name) => `So far I say ${name}.`,
  openInside: "Open in Look inside",
  stagesTitle: "What I make of it",
  stagesLead: (names) =>
    areDigits(names)
      ? "Every digit I learned from was prepared like this. Switch a stage off, and see what I " +
        "say without it. The points are the accuracy that would be lost without a stage, on the " +
        "10,000 test images of MNIST, moved, scaled and turned dark on light."
      : "A drawing is prepared as the digits of MNIST were, whatever I learned from. Switch a " +
        "stage off, and see what I say without it.",
  stages: {
    polarity: "Ink large, paper small",
    threshold: "Paper becomes 0, ink 255",
    specks: "Small marks are removed",
    slant: "A digit that leans is straightened",
    thickness: "Strokes as thick as in MNIST",
    crop: "The empty margin is cut off",
    fit: "Fitted into 20 × 20",
    centre: "Its centre of mass in the middle of 28 × 28",
  },
  afterStage: (name, share) => `Stopping here, I say ${name} (${share}).`,
  takenThere: (name) => `Stopping here, I would say ${name}.`,
  others: (n, share) => `${n} others together: ${share}`,
  digitsAlone:
    "Drawings can be collected of digits alone. Choose a network of the ten digits for that.",
  costs: {
    none: "Its cost is not measured for this network.",
    some: (points) =>
      points > 0
        ? `Without it: ${points.toFixed(points < 0.1 ? 2 : 1)} points lost.`
        : "Without it: nothing lost.",
  },
  collectTitle: "Collect",
  collectLead:
    "Draw, say what it is, add it; save a set to look at, to measure with and to train on. " +
    "Nothing drawn leaves this machine.",
  collectLabel: "It is a",
  add: "Add",
  saveSet: "Save the set",
  collected: (n) => (n === 1 ? "1 drawing" : `${n} drawings`),
  takeOut: (label) => `Take this ${label} out`,
  savedSet: (found) =>
    `Saved in ${found.folder}: ${found.train} to train on, ${found.test} to test.`,
  needTwo: "A set has at least two drawings.",
  noLabel: "Say which digit it is, then add it.",
  full: (most) => `A set has at most ${most} drawings: save it, and begin another.`,
  setName: "Name of the set",
  setNameHint: "a name, if you like",
  keptHere:
    "Until they are saved, these drawings are kept in this browser, and are here again after a " +
    "reload. Forget them removes them.",
  forget: "Forget them",
  forgotten: "Nothing is kept in this browser any more.",
  notKept: "This browser keeps nothing: save the set before you leave the page.",
  sets: {
    title: "Saved sets",
    about: ({ train, test, per_digit: each }) => {
      const kinds = each.map((n, digit) => (n ? `${n} × ${digit}` : "")).filter(Boolean);
      return `${train + test} drawings, ${test} of them for testing: ${kinds.join(", ")}`;
    },
    look: "Look",
    rename: "Rename",
    newName: (name) => `Another name for ${name}`,
    done: "Done",
    train: "Train on it",
    trainHint: "Train the small network on it, with the usual settings",
    busy: "One training at a time: another is going on.",
    reads: (network, right, count) =>
      `The ${network.replace(/^the /, "")} reads ${right.toLocaleString("en-GB")} of the ` +
      `${count.toLocaleString("en-GB")} drawings right.`,
    first: (shown, count) => ` Here are the first ${shown} of ${count.toLocaleString("en-GB")}.`,
    image: (label, read, test) =>
      `A ${label}, read as ${read}, ${test ? "for testing" : "to train on"}`,
    columns: ["drawing", "label", "read as", "probability", "for"],
    training: "training",
    test: "test",
  },
};
