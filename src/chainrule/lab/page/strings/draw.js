// Words of Draw.

export const draw = {
  drawTitle: "Draw a digit",
  padLabel:
    "Drawing pad. Arrow keys move the pen, Space puts it down and lifts it, Backspace takes the " +
    "last stroke back.",
  padHint: "Mouse, pen, finger, or arrow keys and Space.",
  penDown: "The pen is down.",
  penUp: "The pen is up.",
  undo: "Undo",
  clear: "Clear",
  file: "Open a picture …",
  fileHint: "or drop or paste a PNG or JPEG of one digit",
  notPicture: "A picture must be a PNG or a JPEG.",
  tooLarge: (most) => `A picture may have at most ${most / 1e6} MB.`,
  emptyPad: "Draw a digit from 0 to 9.",
  read: "What I read",
  openInside: "Open in Look inside",
  stagesTitle: "What I make of it",
  stagesLead:
    "Every digit I learned from was prepared like this. Switch a stage off, and see what I say " +
    "without it.",
  stages: {
    polarity: "Ink becomes bright, paper dark",
    threshold: "Paper becomes 0, ink 255",
    specks: "Small marks are removed",
    slant: "A digit that leans is straightened",
    thickness: "Strokes as thick as in MNIST",
    crop: "The empty margin is cut off",
    fit: "Fitted into 20 × 20",
    centre: "Its centre of mass in the middle of 28 × 28",
  },
  afterStage: (digit, share) => `Stopping here, I say ${digit} (${share}).`,
  takenThere: (digit) => `Stopping here, I would say ${digit}.`,
  costs: {
    none: "Its cost is not measured for this network.",
    some: (points) =>
      points > 0
        ? `Without it, ${points.toFixed(points < 0.1 ? 2 : 1)} points of accuracy are lost on ` +
          `the 10,000 test images of MNIST, moved, scaled and turned dark on light.`
        : "Without it, no accuracy is lost on the 10,000 test images of MNIST, moved, scaled and " +
          "turned dark on light.",
  },
  collectTitle: "Collect",
  collectLead:
    "Draw, say what it is, add it; save a set that chainrule can train on with --data. Nothing " +
    "drawn leaves this machine.",
  collectLabel: "It is a",
  add: "Add",
  saveSet: "Save the set",
  collected: (n) => (n === 1 ? "1 drawing" : `${n} drawings`),
  takeOut: (label) => `Take this ${label} out`,
  savedSet: (found) =>
    `Saved in ${found.folder}: ${found.train} to train on, ${found.test} to test.`,
  needTwo: "A set has at least two drawings.",
};
