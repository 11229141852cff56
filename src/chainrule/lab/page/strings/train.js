// Words of Train.

import { count } from "../parts/numbers.js";
import { LOSSES, OPTIMIZERS, aboutRun, areDigits, exactly, many, one } from "./shared.js";

const STANDS = {
  new: "not begun",
  running: "trained elsewhere",
  paused: "paused",
  interrupted: "stopped",
  finished: "finished",
  failed: "ended",
};
const exactlyWhole = (share) => `${Math.round(100 * share)} %`;

export const train = {
  heading: "Train a network",
  welcome:
    "Press Start: in half a minute or less the network reads nine of ten digits right. This is " +
    "what you will see; the units are its own random beginning.",
  settingsTitle: "What to train",
  settings: "Settings",
  more: "More",
  explain: (label) => `What is this? ${label}`,
  hiddenTitle: "Units of each hidden layer, such as 10 or 300,100, or none",
  losses: LOSSES,
  optimizers: { descent: "descent", momentum: "momentum", adam: "Adam" },
  engines: { auto: "fastest", numpy: "NumPy", compiled: "compiled" },
  deforms: { none: "not at all", light: "lightly", full: "fully" },
  schedules: { constant: "constant", cosine: "cosine", one_cycle: "one cycle" },
  allImages: "all",
  length: "Length",
  unit: "The length is in",
  units: { steps: "steps", epochs: "epochs" },
  threads: "Threads",
  measured: "Training accuracy",
  why: {
    hidden:
      "Units of each layer between the pixels and the ten answers, separated by commas; none " +
      "leaves them out. The small network has 10.",
    losses: {
      squared_error:
        "Half the squared distance to the true label: the small network’s loss. Being sure and " +
        "wrong gives only a small gradient.",
      cross_entropy:
        "Minus the logarithm of the true label’s probability. Being sure and wrong gives a large " +
        "loss, and a large gradient.",
    },
    optimizers: {
      descent: "Each step goes straight down the gradient.",
      momentum: "Steps gather speed where the gradient keeps its direction.",
      adam: "Every weight has its own step size, which follows from its gradients so far.",
    },
    rateOf: (rate, pair, batched) =>
      `How far a step goes. Left empty: ${rate}, which suits ` +
      `${pair}${batched ? " by batches of about 64" : ""}.`,
    batch:
      "How many of the 60,000 images a step uses. Left empty: all of them. With fewer, steps " +
      "are quicker, and their gradients less exact.",
    lengthOf: (steps, pair) =>
      `How long it trains. Left empty: ${steps} steps, enough for ${pair}. An epoch sees every ` +
      `image once: here, one step.`,
    lengthBatched: (epochs) =>
      `How long it trains. Left empty: ${epochs} epochs; an epoch sees every image once.`,
    seed:
      "The start is random: this number decides it. The same settings and seed give the " +
      "same bits again.",
    engine: (missing) =>
      `What computes it. ` +
      (missing
        ? `The compiled one cannot be used here: ${missing}. NumPy is the fastest here.`
        : `The compiled one is the fastest here: it skips blank pixels. The two round ` +
          `differently, so their bits differ.`),
    measured:
      "By batches, how many of the 60,000 training images are read right is measured only if you " +
      "ask for it here, about a hundred times in a run: it takes time. With all images a step it " +
      "is known anyway. It changes no bit of the network.",
    deform:
      "Each epoch sees other copies of the images: turned, slanted, moved and bent a little. The " +
      "network learns what a digit keeps, and reads new ones better; it needs more epochs.",
    schedule:
      "How the learning rate changes on the way: not at all; down to 0 along half a cosine wave; " +
      "or up first, for three tenths of the steps, and then down.",
    validation_share:
      "A share of the training images, such as 0.1, that it does not learn from. A second curve " +
      "is measured on them: where that loss rises, the network learns by heart.",
    patience:
      "It stops early after so many rows of the history, of about 100, without a new lowest loss " +
      "on the validation images, and keeps the network that had it. It needs a validation share.",
    threads: "How many cores work on it. This changes the speed, but no bit of the result.",
  },
  pair: (loss, optimizer) => `${LOSSES[loss]} with ${OPTIMIZERS[optimizer]}`,
  start: "Start",
  starting: "Starting …",
  reset: "Settings of the small network",
  runLabel: "The run that is shown",
  rename: "Rename",
  newName: "New name of the run",
  renameHint:
    "Enter saves it, Esc leaves it as it was. Without a name it is called by its settings.",
  renameSave: "Save",
  renameCancel: "Cancel",
  next: "What now?",
  look: "Look inside it",
  readMine: "Let it read mine",
  compareWith: "Compare with …",
  watchedTitle: (n) => `What it says of ${n === 8 ? "eight" : n} test images`,
  watchedNote: (names) =>
    areDigits(names)
      ? "The first test image of each digit from 2 to 9; 0 and 1 are the easiest."
      : `The first test image of ${names.length > 8 ? "eight of the" : "each of the"} classes.`,
  watchedRead: (name, right) => `${right ? "✓" : "✗"} ${name}`,
  watchedSure: exactlyWhole,
  watchedAloud: (label, read, sure) =>
    read === null ? `${one(label)}, not read yet` : `${one(label)}, read as ${read}, ${sure}`,
  seenTitle: "What the last step saw",
  seenNote: ({ step, epoch, batch, deform }) =>
    `The ${batch > 24 ? `first 24 of ${many(batch, "image")}` : many(batch, "image")} of step ` +
    `${count(step + 1)}, in epoch ${count(epoch + 1)}.` +
    (deform === "none"
      ? ""
      : " They are copies that only this epoch sees. How they are deformed follows from the " +
        "run’s key, the epoch and the image, so they can be shown again."),
  seenAloud: (name, number) => `${one(name)}, training image ${count(number)}`,
  runsTitle: "Runs",
  runsHint: "Tick two runs to compare them.",
  compareTwo: "Compare the two",
  tick: (name) => `Compare ${name}`,
  stands: (run) => {
    const { step: steps, test_accuracy: shares } = run.history;
    const accuracy = shares[steps.indexOf(run.kept)] ?? shares.at(-1);
    const step = run.step.toLocaleString("en-GB");
    const goes = run.going && run.state === "running";
    const state = goes ? "training now" : STANDS[run.state];
    const at = run.state === "finished" || goes ? "" : ` at step ${step}`;
    const right = typeof accuracy === "number" && !goes ? `, ${exactly(accuracy)} right` : "";
    return `${state}${at}${right}`;
  },
  wrong: (label, why) => `${label}: ${why}.`.replace(/\.\.$/, "."),
  positive: "A learning rate must be a number above 0",
  above: (least) => `It must be a number above ${least}`,
  busy: (name) => `One training at a time: ${name} is going on.`,
  elsewhere: (name) => `Meanwhile ${name} is going on.`,
  watch: "Watch it",
  acts: "The training",
  pause: "Pause",
  go: "Go on",
  step: "One step",
  stepHint: "One step, then pause",
  epoch: "One epoch",
  epochHint: "Train to the end of the epoch, then pause",
  stop: "Stop",
  stopHint: "Saves it and ends the training; it can go on later",
  resume: "Go on with this run",
  rateNow: "Learning rate from now on",
  rateDo: "Change",
  rateResume: "Go on at this rate",
  about: aboutRun,
  told: (lines) => `${lines.map((line) => line[0].toUpperCase() + line.slice(1)).join(". ")} …`,
  states: {
    new: "Not begun yet.",
    running: "Training …",
    paused: "Paused. It waits for you.",
    interrupted:
      "Stopped on the way. It goes on from here to the same bits, here or with chainrule train " +
      "--resume.",
    finished: "Finished.",
    endedAt: (ended, kept) =>
      `Finished: its patience ended it after step ${ended}. It keeps the network of step ` +
      `${kept}, where the validation loss was lowest.`,
    failed: "Ended: its loss is no longer a finite number.",
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
    "loss not finite": "The loss is not a finite number.",
    "loss grows": "The loss grows.",
    "mistakes teach nothing": "Mistakes teach nothing.",
    "dead units": "Dead units.",
    overfitting: "Overfitting: the training images are learned by heart.",
  },
  curvesTitle: "How it learns",
  lossChart: "Loss over the steps",
  accuracyChart: "Share of images read right over the steps",
  axisStep: "step",
  axisLoss: "loss",
  axisAccuracy: "read right",
  training: "training images",
  test: "test images",
  validation: "validation",
  chartSays: (step, loss, train, test) => ({
    loss: `at step ${step} it is ${loss}`,
    accuracy:
      `at step ${step} ${test} of the test ` +
      `images${train === "–" ? "" : ` and ${train} of the training images`}`,
  }),
  asTable: "The same as a table",
  columns: {
    step: "step",
    loss: "loss",
    train_accuracy: "training",
    test_accuracy: "test",
    validation_loss: "loss, validation",
    validation_accuracy: "validation",
  },
  sheetTitle: "What the units look for",
  sheetLabel: (n) => `The weights of ${many(n, "unit")} of layer 1 as images of 28 × 28`,
  sheetNote: "W1 as images, one for each unit. Ink on orange raises its Z1, ink on blue lowers it.",
  sheetSome: (n, all) =>
    `W1 as images: the first ${n} of ${all.toLocaleString("en-GB")} units. Ink on orange raises ` +
    `a unit’s Z1, ink on blue lowers it.`,
  measuresTitle: "Gradients and dead units",
  measuresLead: "Measured at this step of the training.",
  norms: "Size of dW, layer by layer",
  dead: "Dead units: no image switches them on",
  layer: (l) => `layer ${l}`,
};
