// Every word of the page, in one place, ready for another language.

const list = (shape) => (shape.length ? shape.join(" × ") : "1 number");
const digits = ["zero", "one", "two", "three", "four", "five", "six", "seven", "eight", "nine", "ten", "eleven", "twelve"];

const LOSSES = { squared_error: "squared error", cross_entropy: "cross-entropy" };
const OPTIMIZERS = { descent: "gradient descent", momentum: "momentum", adam: "Adam" };
const many = (n, what) => `${n.toLocaleString("en-GB")} ${what}${n === 1 ? "" : "s"}`;
const share = (value) => (value > 1 ? value.toLocaleString("en-GB") : exactly(value));
const exactly = (share) => `${(100 * share).toFixed(1)} %`;

// A run in a line: what decides every bit of it.
function aboutRun({ settings, length, changes, digits }) {
  const rate = settings.learning_rate === null ? "" : `, α = ${settings.learning_rate}`;
  const batch = settings.batch_size ? `batches of ${settings.batch_size}` : "all images a step";
  const later = (changes ?? []).slice(-3).map(([step, to]) => `, ${to} from step ${step.toLocaleString("en-GB")}`).join("");
  return `${[784, ...settings.hidden, 10].join(" → ")}, ${LOSSES[settings.loss]}, ${OPTIMIZERS[settings.optimizer]}${rate}${later}, ${batch}, ${many(length, "step")}, seed ${settings.seed}${digits ? `, on ${digits}` : ""}`;
}

export const words = {
  // ------------------------------------------------------------------------------- the frame
  title: (view) => `${view} · chainrule lab`,
  brand: "chainrule",
  skip: "Skip to the numbers",
  views: { inside: "Look inside", draw: "Draw", train: "Train", evaluate: "Evaluate", map: "Map", compare: "Compare" },
  viewsLabel: "Views",
  tools: "Tools",
  network: "Network",
  option: ({ name, run }) => run ? `${name}: ${[784, ...run.settings.hidden, 10].join("-")}, ${LOSSES[run.settings.loss]}, ${OPTIMIZERS[run.settings.optimizer]}, α = ${run.settings.learning_rate}, seed ${run.settings.seed}` : name,
  run: (name) => (name.startsWith("run ") ? name : `run ${name}`),
  networkHint: (network) => network.run
    ? aboutRun(network.run)
    : `${network.sizes.join(" → ")}, ${network.loss.replace("_", " ")}, ${network.parameters.toLocaleString("en-GB")} parameters; ${network.accuracy === null ? "its numbers overflow, so it reads nothing" : `reads ${(100 * network.accuracy).toFixed(1)} % of the test images of ${network.digits} right`}`,
  projector: "Projector",
  projectorHint: "Larger and with more contrast (Alt+P)",
  copyLink: "Copy link",
  copied: "The link to this moment is copied.",
  notCopied: "The browser did not let the page copy; here is the link:",
  save: "Save as one HTML file",
  saving: "Saving …",
  savedAs: (name) => `Saved as ${name}: it opens by a double-click, offline.`,
  keys: "Keys",
  keysTitle: "By keyboard",
  keysList: [
    ["← →", "step back and on through the pass, while no matrix or field has the focus"],
    ["Tab", "from one matrix or control to the next"],
    ["arrow keys, Home, End", "move inside a matrix"],
    ["Enter", "opens a number"],
    ["Esc", "closes it"],
    ["Alt+N", "next mistake"],
    ["Alt+P", "projector"],
    ["Alt+R", "reveals all that is hidden"],
  ],
  close: "Close",
  closeHint: "Close (Esc)",
  loading: "Computing the pass …",
  stopped: "chainrule lab has stopped. Start it again in the terminal with chainrule lab; this page goes on by itself when it is back.",
  locked: "chainrule lab was started anew. Open the address that it printed in the terminal; this page then goes on by itself.",
  back: "chainrule lab is back.",
  failed: (why) => `That did not work: ${why}`,
  recorded: (run, step) => `This is a saved moment${run ? ` of a training (${aboutRun(run)})${typeof step === "number" ? `, after step ${step.toLocaleString("en-GB")}` : ""}` : ""}. It shows and opens its numbers without chainrule; for other images, drawings and steps start a lab: chainrule lab.`,
  footer: (lab) => `chainrule ${lab.version}. Every number here is computed by NumPy on this machine; the page only shows it.`,

  // ------------------------------------------------------------------------------- a question
  hideMenu: "Hide …",
  hideTitle: "Hide for a question",
  hideHint: "The link keeps what is hidden.",
  parts: {
    prediction: "what the network says",
    truth: "what it is",
    probabilities: "probabilities",
    gradients: "gradients",
    formulas: "formulas",
    terms: "sums",
  },
  hidden: "hidden",
  reveal: "Reveal",
  revealAll: "Reveal all",
  isHidden: (parts) => `Hidden: ${parts.join(", ")}.`,

  // ------------------------------------------------------------------------------- the story
  isay: (digit, share) => `I say ${digit} (${share}).`,
  taken: (digit) => `Taken for one digit, I would say ${digit}.`,
  itis: (digit) => `It is ${digit === 8 ? "an" : "a"} ${digit}.`,
  assumed: (digit) => `The pass back takes it for ${digit === 8 ? "an" : "a"} ${digit}.`,
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
  browseImage: (number, label, read) => `Test image ${number}, a ${label}${read === undefined ? "" : `, read as ${read}`}`,
  misread: (label, read) => `${label} read ${read}`,
  images: "images",
  trueLabel: "True label: go back as if it were a",
  ownLabel: "its own",
  unlike: ({ several, why }) => `${several ? "There are several marks, and I read one digit at a time." : "This is unlike anything I was trained on."} ${why}`,
  guide: {
    start: (cell) => `This number says how ${cell.slice(1)} should change. Don’t take our word for it.`,
    startDo: (cell) => `Open ${cell}`,
    wander: "Every number opens: point at one, and click.",
    opened: "Formula, line of code, sum and cells are the same thing four times: point at any part, and the others light up.",
    openedDo: "Prove it",
    proven: "So it is right. What is it good for? Let the network learn from this image, once.",
    provenDo: "Learn from this once",
    slide: (from, to) => (from === to ? "Slide α: how far does the promise hold?" : `Slide α until the ${from} becomes a ${to}.`),
    learnt: (from, to) => (from === to ? "One step down its slope. Now yours." : `One step, and the ${from} is a ${to}. Now yours.`),
    learntDo: "Draw a digit",
  },

  // ------------------------------------------------------------------------------- the pass
  flow: "The pass, forward and back",
  forward: "Forward: from the image to an answer",
  backward: "Back: how E changes with every number",
  ofOne: "E of this one image (m = 1)",
  shape: list,
  stored: "learned",
  oneHot: "one-hot",
  gridLabel: (name, shape) => `${name}, ${list(shape)}`,
  unitLabel: (name, unit) => `${name}, unit ${unit}: its 784 ${name.startsWith("d") ? "gradients" : "weights"} as an image`,
  openUnit: (name, unit) => `${name}, unit ${unit}: open its 28 × 28 numbers`,
  unit: "unit",
  unitOf: (unit, n) => `unit ${unit} of ${n}`,
  allUnits: "all units",
  units: "units",
  rows: "rows",
  columns: "columns",
  page: (what) => `Pages of ${what}`,
  earlier: (what) => `Earlier ${what}`,
  later: (what) => `Later ${what}`,
  range: (what, from, to, n) => `${what} ${from}–${to} of ${n.toLocaleString("en-GB")}`,
  arrays: {
    x: "the image", W: "weights", b: "biases", Z: "weighted sums", A: "activations", y: "the true label, one-hot", E: "the loss",
    dA: "how E changes with A", dZ: "how E changes with Z", dW: "how E changes with W", db: "how E changes with b",
  },
  noInk: (array, cell, ledger) => {
    if (ledger.arrays.get("x").values[cell.index[1]] !== 0) return "";
    return array === "dW1"
      ? `; x[${cell.index[1]}] is 0: no ink here, so exactly 0`
      : `; x[${cell.index[1]}] is 0: no ink here, so it adds nothing`;
  },
  blank: "The margins of dW1 are 0: this image has no ink there, and dW1[i,j] = dZ1[i] x[j]. Where no training image ever has ink, W1 never moves from its random start.",
  scale: "Colours",
  scales: { unit: "per unit", matrix: "per matrix", global: "global" },
  shading: "W1 shown as",
  shadings: { weight: "weight", input: "input × weight" },
  negative: "−",
  positive: "+",
  goto: "Go to",
  gotoHint: "such as dW1[3,350]",
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
      A: last ? "Softmax turns the sums into ten probabilities that add up to 1." : "ReLU keeps what is positive; the rest becomes 0.",
      E: squared ? "How wrong was that? Half the squared distance to the true label. E is of this one image (m = 1)." : "How wrong was that? Minus the logarithm of the true label’s probability. E is of this one image (m = 1).",
      dA: last ? "Back: how E changes with each probability." : `Back through the same weights: what each unit of layer ${layer} has to do with E.`,
      dZ: last
        ? squared ? "Every probability depends on every sum, so the whole softmax Jacobian enters: see below." : "With cross-entropy, A has cancelled: what is left is A − y."
        : "ReLU lets pass what it let pass forward: units that were off get 0.",
      dW: `Each weight of layer ${layer}: what its unit has to do with E, times what came in.`,
      db: "A bias counts like a weight whose input is 1.",
      update: "Every number moves a little against its gradient: E falls.",
    }[name === "update" ? "update" : kind];
  },

  // ------------------------------------------------------------------------------- a cell
  formula: "Formula",
  line: "The line that computed it",
  sum: "With its numbers",
  comesFrom: "Comes from",
  feeds: "Feeds",
  noLine: "No line computes it: it is given.",
  asking: "…",
  valueOf: (name) => `The value of ${name}`,
  sumOf: (name) => `The terms of ${name}`,
  dividedBy: "divided by the sum of",
  zeros: (zeros, all) => `${zeros} of the ${all} terms are exactly 0 and left out.`,
  together: "together",
  sameBits: "the same, bit for bit, as in the matrix",
  lastBits: "added up once more, in another way: it may differ from the matrix in its last digits",
  termsElsewhere: "The terms of this number are in a running lab: chainrule lab.",
  elsewhere: "This is in a running lab: chainrule lab.",
  meaning: (array, index, ledger) => {
    const [, kind, layer] = /^(d?[A-Za-z])(\d*)$/.exec(array);
    const of = array.slice(1) + (index.length ? `[${index.join(",")}]` : "");
    const last = Number(layer) === ledger.sizes.length - 1;
    const value = ledger.arrays.get(array).values[index.length === 2 ? index[0] * ledger.arrays.get(array).shape[1] + index[1] : (index[0] ?? 0)];
    if (kind.startsWith("d")) {
      if (value === 0) return array === "dW1" && ledger.arrays.get("x").values[index[1]] === 0
        ? `No ink at x[${index[1]}]: E does not depend on ${of} for this image.`
        : `E does not change with ${of}.`;
      const moves = value > 0 ? "E rises with it" : "E falls as it rises";
      return kind === "dW" || kind === "db"
        ? `How ${of} should change: ${value > 0 ? "down" : "up"}, since ${moves}.`
        : `How E changes with ${of}: ${moves}.`;
    }
    return {
      x: "How dark this pixel is, from 0 to 1.",
      y: "What we want the network to say.",
      W: `How much input ${index[1]} counts for unit ${index[0]} of layer ${layer}.`,
      b: `What unit ${index[0]} of layer ${layer} starts from.`,
      Z: `The weighted sum of unit ${index[0]} in layer ${layer}.`,
      A: last ? `How probable the network finds a ${index[0]}.` : value > 0 ? `Unit ${index[0]} of layer ${layer} is on.` : `Unit ${index[0]} of layer ${layer} is off.`,
      E: "How wrong the network is about this one image (m = 1).",
    }[kind];
  },
  proofTitle: "Is it right?",
  proofOnlyGradients: "A gradient can be proven: open one that begins with d.",
  proofHow: (nudged) => `Nudge ${nudged} up and down by h, run the network again, and see how E really changes.`,
  prove: "Prove it",
  proofOf: (name) => `Proof of ${name}`,
  above: (name) => `E with ${name} + h`,
  below: (name) => `E with ${name} − h`,
  slope: "the slope between, ",
  ours: (name) => `ours, ${name}`,
  proven: (n) => `✓ The first ${digits[n] ?? n} digits agree.`,
  provenZero: "✓ Both are exactly 0.",
  unproven: "✗ They do not agree.",
  untold: "Rounding hides the quotient here, so it proves nothing: see this derivative on an image that is read less surely.",
  atKink: "There is no slope to measure here.",
  difference: (difference, h) => `They differ by ${difference}; h = ${h}.`,
  proofElsewhere: "This proof is in a running lab: chainrule lab.",

  // ------------------------------------------------------------------------------- closer
  closerTitle: (L) => `A closer look at dZ${L}`,
  jacobianTitle: "The Jacobian of softmax",
  jacobianWhy: (L) => `Raise one Z${L}, and its own probability rises while all others fall. How much each does, for each, is this matrix.`,
  jacobianHow: (L) => `Row: the probability that changes. Column: the Z${L} that is raised. (i = j) is 1 on the diagonal, else 0.`,
  jacobianLabel: (L) => `∂A${L}/∂Z${L}, the Jacobian of softmax, 10 × 10`,
  impostorsTitle: "The impostors",
  impostorsLead: (L, loss) => loss === "squared_error"
    ? `Many write dZ${L} = A${L} − Y, or s(1 − s) from the days of the sigmoid. Put all three to the test: what does E really do?`
    : `With cross-entropy dZ${L} = A${L} − Y is right. Is s(1 − s), from the days of the sigmoid? Is the formula of squared error? Put all three to the test: what does E really do?`,
  tryImpostors: "Test all three",
  impostorsCaption: (array) => `${array} by three formulas, beside the measured quotients`,
  quotient: "measured",
  account: (name) => (name === "chainrule" ? "ours" : name.replaceAll("-", "−")),
  verdict: "verdict",
  agrees: "✓ agrees",
  differs: (by) => `✗ off by ${by}`,
  agreementUnknown: "cannot be told",
  why: (name) => ({
    chainrule: "Ours is derived from this loss, and agrees with what is measured.",
    "A - Y": "A − Y is the gradient of cross-entropy. With squared error the Jacobian of softmax stays in.",
    "s(1 - s)": "s(1 − s) keeps only the diagonal of the Jacobian: it forgets that raising one probability lowers the others.",
    "A ⊙ (dA - Σ A dA)": "A ⊙ (dA − Σ A dA), with dA = A − Y, is the gradient of squared error.",
  })[name] ?? "",

  // ------------------------------------------------------------------------------- one step
  stepTitle: "Learn from this once",
  stepLead: "Move every weight and bias a little against its gradient. The gradient promises by how much E will fall; then we measure it.",
  learn: "Learn from this once",
  rate: "α, the size of the step",
  rateIs: (rate) => `α is ${rate}`,
  promiseCaption: "The promised and the measured change of E",
  promise: "promised: ",
  measured: "measured change of E",
  promiseShort: "promised",
  measuredShort: "measured",
  changeOfE: "change of E",
  slopeIs: (value) => `‖g‖² = ${value}: all gradients, squared and added up.`,
  afterStep: (ledger, digit, share) =>
    digit === ledger.label && ledger.prediction !== ledger.label
      ? `Now I say ${digit} (${share}): the ${ledger.prediction} has become a ${digit}.`
      : digit === ledger.prediction ? `I still say ${digit} (${share}).` : `Now I say ${digit} (${share}).`,
  beforeAfter: "Probabilities before → after",
  curveLabel: "Curves of the promised and the measured change of E over α; the numbers are in the table above",

  // ------------------------------------------------------------------------------- draw
  drawTitle: "Draw a digit",
  padLabel: "Drawing pad. Arrow keys move the pen, Space puts it down and lifts it, Backspace takes the last stroke back.",
  padHint: "Mouse, pen, finger, or arrow keys and Space.",
  penDown: "The pen is down.",
  penUp: "The pen is up.",
  undo: "Undo",
  clear: "Clear",
  file: "Open a picture …",
  fileHint: "or drop or paste a PNG or JPEG of one digit",
  notPicture: "A picture must be a PNG or a JPEG.",
  tooLarge: "A picture may have at most 10 MB.",
  emptyPad: "Draw a digit from 0 to 9.",
  read: "What I read",
  openInside: "Open in Look inside",
  stagesTitle: "What I make of it",
  stagesLead: "Every digit I learned from was prepared like this. Switch a stage off, and see what I say without it.",
  stages: {
    polarity: "Ink is bright, whatever the pen",
    threshold: "Paper becomes 0, ink 255",
    specks: "Specks are removed",
    slant: "What leans is set upright",
    thickness: "Strokes as thick as in MNIST",
    crop: "Cut to the ink",
    fit: "Fitted into 20 × 20",
    centre: "Centred by its mass in 28 × 28",
  },
  afterStage: (digit, share) => `Stopping here, I say ${digit} (${share}).`,
  takenThere: (digit) => `Stopping here, I would say ${digit}.`,
  costs: {
    none: "Its cost is not measured for this network.",
    some: (points) => points > 0
      ? `Without it, ${points.toFixed(points < 0.1 ? 2 : 1)} points of accuracy are lost on the 10,000 test images of MNIST, moved, scaled and turned dark on light.`
      : "Without it, no accuracy is lost on the 10,000 test images of MNIST, moved, scaled and turned dark on light.",
  },
  collectTitle: "Collect",
  collectLead: "Draw, say what it is, add it; save a set that chainrule can train on with --data. Nothing drawn leaves this machine.",
  collectLabel: "It is a",
  add: "Add",
  saveSet: "Save the set",
  collected: (n) => (n === 1 ? "1 drawing" : `${n} drawings`),
  takeOut: (label) => `Take this ${label} out`,
  savedSet: (found) => `Saved in ${found.folder}: ${found.train} to train on, ${found.test} to test.`,
  needTwo: "A set has at least two drawings.",

  // ------------------------------------------------------------------------------- train
  train: {
    heading: "Train a network",
    welcome: "Choose what is to be trained, or leave everything as it is, and start: in half a minute the network reads nine digits of ten. You watch each step of it, can halt it, and go back in time.",
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
      hidden: "Units of each layer between the pixels and the ten answers, parted by commas; none leaves them out. The seed has 10.",
      losses: {
        squared_error: "Half the squared distance to the true label: the seed’s loss. It punishes being sure and wrong only mildly.",
        cross_entropy: "Minus the logarithm of the true label’s probability. Being sure and wrong costs much, and teaches much.",
      },
      optimizers: {
        descent: "Each step goes straight down the gradient: the seed’s rule.",
        momentum: "Steps gather speed where the gradient keeps its direction.",
        adam: "Every weight has a step size of its own, from how its gradient has been.",
      },
      rateOf: (rate, pair, batched) => `How far a step goes. Left empty: ${rate}, which suits ${pair}${batched ? " by batches of about 64" : ""}.`,
      batch: "How many of the 60,000 images a step sees. Left empty: all of them. With fewer, steps are quicker and less certain.",
      lengthOf: (steps, pair) => `How long it trains. Left empty: ${steps} steps, enough for ${pair}. An epoch sees every image once: here, one step.`,
      lengthBatched: (epochs) => `How long it trains. Left empty: ${epochs} epochs; an epoch sees every image once.`,
      seed: "The start is random: this number decides it. The same settings and seed give the same bits again.",
      threads: "How many cores work on it. It changes the speed, and not a bit of what comes out.",
    },
    pair: (loss, optimizer) => `${LOSSES[loss]} with ${OPTIMIZERS[optimizer]}`,
    start: "Start",
    starting: "It begins …",
    reset: "The seed’s own settings",
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
      interrupted: "Stopped on the way. It goes on from here to the same bits, here or with chainrule train --resume.",
      finished: "Finished.",
      failed: "Ended: its loss is no longer a number.",
    },
    figures: { step: "step", loss: "loss E", train: "training images right", test: "test images right", seconds: "time" },
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
      accuracy: `at step ${step} ${test} of the test images${train === "–" ? "" : ` and ${train} of the training images`}`,
    }),
    asTable: "The same as a table",
    columns: ["step", "loss", "training", "test"],
    sheetTitle: "What the units look for",
    sheetLabel: (n) => `The weights of ${many(n, "unit")} of layer 1 as images of 28 × 28`,
    sheetNote: "W1 as images, a unit each: orange speaks for it, blue against.",
    sheetSome: (n, all) => `W1 as images: the first ${n} of ${all.toLocaleString("en-GB")} units. Orange speaks for a unit, blue against.`,
    measuresTitle: "How much moves",
    measuresLead: "Measured at this step of the training.",
    norms: "Size of dW, layer by layer",
    dead: "Units that no image switches on",
    layer: (l) => `layer ${l}`,
  },

  // ------------------------------------------------------------------------------- time
  time: {
    label: "Time machine",
    slider: "Recorded steps of this run",
    earlier: "Earlier record",
    later: "Later record",
    play: "Play",
    pause: "Halt",
    speed: "Speed",
    perSecond: (n) => `${n} a second`,
    latest: "Latest",
    percent: exactly,
    where: (step, length, accuracy, loss, digits) => `Step ${step} of ${length}${loss === null ? "" : `, loss ${loss}`}${accuracy === null ? "" : `, reads ${accuracy} of ${digits} right`}.`,
    following: "Follows the run.",
    waiting: (step) => `Waiting for step ${step}.`,
    offerLabel: "A run that is not here",
    missing: (run, busy) => `This link is to a run that is not on this machine: ${aboutRun(run)}. ${busy ? "When the training that goes on has ended, it can be trained here." : "Its settings and seed say everything: trained here, it is the same to the last bit, on the same kind of processor."}`,
    trainHere: "Train it here",
  },

  // ------------------------------------------------------------------------------- evaluate
  evaluate: {
    heading: "How good is it?",
    headline: (name, share, damaged, { images, digits }) => `The ${name.replace(/^the /, "")} reads ${share} of the ${images.toLocaleString("en-GB")} ${damaged ? "damaged " : ""}test images of ${digits} right.`,
    percent: exactly,
    matrixTitle: "What it takes for what",
    matrixLead: "Row: what it is. Column: what the network says. Blue is right, orange is mistaken. A number opens its images.",
    matrixLabel: "Confusion matrix: rows are true digits, columns what the network says",
    cell: (i, j, n) => (i === j ? `${many(n, `image`)} of ${i} read right` : `${many(n, "image")} of ${i} read as ${j}`),
    cellImages: "The images of this cell",
    shownOf: (shown, n) => `${shown < n ? `The ${shown} it is surest of` : shown ? "All of them, the surest first" : "There is none"}. An image opens in Look inside.`,
    perDigit: "Accuracy, digit by digit",
    unsureTitle: "I don’t know",
    unsureLead: "What if it may keep silent when its largest probability is below a limit?",
    threshold: "Limit",
    unsure: ({ answered, right_of_answered: right }) => answered === 0
      ? "It answers none of the images."
      : `It answers ${share(answered)} of the images, and ${share(right)} of those are right.`,
    damageTitle: "Damage",
    damageLead: "Spoil all test images, and measure again.",
    damage: { noise: "Noise", rotation: "Rotation", shift: "Shift", thickness: "Thickness" },
    amount: (name, value) => ({ noise: `${Math.round(100 * value)} %`, rotation: `${value}°`, shift: `${value} px`, thickness: `${value > 0 ? "+" : ""}${value} px` })[name].replace("-", "−"),
    undamaged: "No damage",
    measureCurves: "Measure the whole range",
    measuring: "Measuring …",
    damageCurve: (name) => `Accuracy over ${name.toLowerCase()}`,
    curveSays: (x, y) => [0, Math.floor(x.length / 2), x.length - 1].map((k) => `${exactly(y[k])} at ${x[k]}`).join(", "),
    accuracy: "read right",
    worst: "The most confident mistakes",
    worstLead: "Sure, and wrong. An image opens in Look inside.",
    mistake: (label, read, share) => `${label} read ${read}, ${share}`,
  },

  // ------------------------------------------------------------------------------- map
  map: {
    heading: "A map of the digits",
    lead: "Every test image is a point: alike for the network, close on the map. Ringed ones are read wrong. Move the slider of a run, and see the classes part.",
    label: "Map of the test images. Arrow keys go from point to point, Enter looks inside.",
    hint: "Point at a digit to see its image; click it to look inside. By keyboard: arrow keys and Enter.",
    of: "Close means alike in",
    ofName: (name) => (name === "pixels" ? "pixels" : name),
    count: "Images",
    onlyMistakes: "mistakes only",
    key: "Colours of the digits",
    ring: "ringed: a mistake",
    explained: (n, wrong, share, of, digits) => `${n} test images of ${digits}, ${wrong.toLocaleString("en-GB")} read wrong. The plane shows ${share} of what varies in ${of}. It is turned as the pixels’ own lies, so that moments of a run can be compared.`,
  },

  // ------------------------------------------------------------------------------- compare
  compare: {
    heading: "Two runs side by side",
    few: "This takes two runs. Train a second one, with another learning rate, loss or seed, and come back.",
    a: "A",
    b: "B",
    headline: ([a, b], [at, to], [first, second], differ, digits) => `${a} after step ${at} reads ${first} of the test images of ${digits} right, ${b} after step ${to} ${second}. Their answers differ on ${many(differ, "image")}.`,
    settingsTitle: "Settings that differ",
    sameSettings: "Their settings are the same.",
    setting: "setting",
    settingName: (name) => ({ learning_rate: "learning rate", batch_size: "batch", changes: "changes of the rate", hidden: "hidden layers", steps: "steps" })[name] ?? name.replaceAll("_", " "),
    settingValue: (name, value) => {
      if (name === "changes") return value?.length ? value.map((each) => `${each.learning_rate} from step ${each.step.toLocaleString("en-GB")}`).join(", ") : "none";
      if (name === "hidden") return value?.length ? value.join(", ") : "none";
      if (name === "batch_size") return value === null ? "all" : String(value);
      if (name.endsWith("digits")) return value ? `SHA-256 ${value.slice(0, 12)}…` : "–";
      return LOSSES[value] ?? OPTIMIZERS[value] ?? (typeof value === "number" ? value.toLocaleString("en-GB", { maximumFractionDigits: 6 }) : String(value));
    },
    curvesTitle: "How both learned",
    testChart: "Share of each run’s test images read right over the steps",
    apartTitle: "Weights apart",
    apartLead: "The size of A − B over the larger of A and B, layer by layer: 0 is the same, about 1.4 has nothing in common, 2 is the opposite.",
    otherSizes: "Networks of other sizes cannot be subtracted.",
    layer: "layer",
    answersTitle: "Where their answers differ",
    kinds: { a_right: "A is right, B is wrong", b_right: "B is right, A is wrong", both_wrong: "Both are wrong, each in its own way" },
    kind: (name, n, shown) => `${{ a_right: "A is right, B is wrong", b_right: "B is right, A is wrong", both_wrong: "Both are wrong, each in its own way" }[name]}: ${many(n, "image")}${shown < n ? `, the first ${shown} here` : ""}`,
  },
};
