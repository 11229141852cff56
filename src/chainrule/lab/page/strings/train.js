// Words of Train.

import { LOSSES, OPTIMIZERS, aboutRun, exactly, many } from "./shared.js";

export const train = {
  heading: "Train a network",
  welcome:
    "Choose what is to be trained, or leave everything as it is, and start: in half a minute " +
    "the network reads nine digits of ten. You watch each step of it, can halt it, and go back " +
    "in time.",
  settingsTitle: "What to train",
  hidden: "Hidden layers",
  hiddenTitle: "Units of each hidden layer, such as 10 or 300,100, or none",
  loss: "Loss",
  losses: LOSSES,
  optimizer: "Optimizer",
  optimizers: { descent: "descent", momentum: "momentum", adam: "Adam" },
  rate: "Learning rate α",
  batch: "Batch",
  allImages: "all",
  length: "Length",
  unit: "The length is in",
  units: { steps: "steps", epochs: "epochs" },
  seed: "Seed",
  threads: "Threads",
  why: {
    hidden:
      "Units of each layer between the pixels and the ten answers, separated by commas; none " +
      "leaves them out. The small network has 10.",
    losses: {
      squared_error:
        "Half the squared distance to the true label: the small network’s loss. It punishes " +
        "being sure and wrong only mildly.",
      cross_entropy:
        "Minus the logarithm of the true label’s probability. Being sure and wrong costs much, " +
        "and teaches much.",
    },
    optimizers: {
      descent: "Each step goes straight down the gradient.",
      momentum: "Steps gather speed where the gradient keeps its direction.",
      adam: "Every weight has a step size of its own, from how its gradient has been.",
    },
    rateOf: (rate, pair, batched) =>
      `How far a step goes. Left empty: ${rate}, which suits ` +
      `${pair}${batched ? " by batches of about 64" : ""}.`,
    batch:
      "How many of the 60,000 images a step sees. Left empty: all of them. With fewer, steps " +
      "are quicker and less certain.",
    lengthOf: (steps, pair) =>
      `How long it trains. Left empty: ${steps} steps, enough for ${pair}. An epoch sees every ` +
      `image once: here, one step.`,
    lengthBatched: (epochs) =>
      `How long it trains. Left empty: ${epochs} epochs; an epoch sees every image once.`,
    seed:
      "The start is random: this number decides it. The same settings and seed give the " +
      "same bits again.",
    threads: "How many cores work on it. It changes the speed, and not a bit of what comes out.",
  },
  pair: (loss, optimizer) => `${LOSSES[loss]} with ${OPTIMIZERS[optimizer]}`,
  start: "Start",
  starting: "It begins …",
  reset: "Settings of the small network",
  wrong: (label, why) => `${label}: ${why}.`.replace(/\.\.$/, "."),
  positive: "A learning rate must be a number above 0",
  busy: (name) => `One training at a time: ${name} is going on.`,
  elsewhere: (name) => `Meanwhile ${name} is going on.`,
  watch: "Watch it",
  acts: "The training",
  pause: "Pause",
  go: "Go on",
  step: "One step",
  stepHint: "One step, then pause",
  epoch: "One epoch",
  epochHint: "Until every image was seen once more, then pause",
  stop: "Stop",
  stopHint: "Saves it and ends the training; it can go on later",
  resume: "Go on with this run",
  rateNow: "Learning rate from now on",
  rateDo: "Change",
  rateResume: "Go on at this rate",
  title: (run) => run.name.replace(/^run /, "Run "),
  about: aboutRun,
  states: {
    new: "Not begun yet.",
    running: "Training …",
    paused: "Paused. It waits for you.",
    interrupted:
      "Stopped on the way. It goes on from here to the same bits, here or with chainrule train " +
      "--resume.",
    finished: "Finished.",
    failed: "Ended: its loss is no longer a number.",
  },
  figures: {
    step: "step",
    loss: "loss E",
    train: "training images right",
    test: "test images right",
    seconds: "time",
  },
  stepOf: (step, length) => `${step} of ${length}`,
  percent: exactly,
  seconds: (seconds) => `${seconds.toFixed(seconds < 100 ? 1 : 0)} s`,
  noticesLabel: "What the numbers say",
  unread: (name, why) => `${name} cannot be shown: ${why}.`.replace(/\.\.$/, "."),
  failed: (error) => `It ended: ${error}.`.replace(/\.\.$/, "."),
  troubles: {
    "loss not finite": "The loss is not a number.",
    "loss grows": "The loss grows.",
    "mistakes teach nothing": "Mistakes teach nothing.",
    "dead units": "Dead units.",
    overfitting: "Learned by heart.",
  },
  curvesTitle: "How it learns",
  lossChart: "Loss over the steps",
  accuracyChart: "Share of images read right over the steps",
  axisStep: "step",
  axisLoss: "loss",
  axisAccuracy: "read right",
  training: "training images",
  test: "test images",
  chartSays: (step, loss, train, test) => ({
    loss: `at step ${step} it is ${loss}`,
    accuracy:
      `at step ${step} ${test} of the test ` +
      `images${train === "–" ? "" : ` and ${train} of the training images`}`,
  }),
  asTable: "The same as a table",
  columns: ["step", "loss", "training", "test"],
  sheetTitle: "What the units look for",
  sheetLabel: (n) => `The weights of ${many(n, "unit")} of layer 1 as images of 28 × 28`,
  sheetNote: "W1 as images, a unit each: orange speaks for it, blue against.",
  sheetSome: (n, all) =>
    `W1 as images: the first ${n} of ${all.toLocaleString("en-GB")} units. Orange speaks for a ` +
    `unit, blue against.`,
  measuresTitle: "How much moves",
  measuresLead: "Measured at this step of the training.",
  norms: "Size of dW, layer by layer",
  dead: "Units that no image switches on",
  layer: (l) => `layer ${l}`,
};
