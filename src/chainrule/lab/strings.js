// Every word of the page, in one place, ready for another language.

const list = (shape) => (shape.length ? shape.join(" × ") : "1 number");
const digits = ["zero", "one", "two", "three", "four", "five", "six", "seven", "eight", "nine", "ten", "eleven", "twelve"];

export const words = {
  // ------------------------------------------------------------------------------- the frame
  title: (view) => `${view} · chainrule lab`,
  brand: "chainrule",
  skip: "Skip to the numbers",
  views: { inside: "Look inside", draw: "Draw" },
  viewsLabel: "Views",
  tools: "Tools",
  network: "Network",
  networkHint: (network) =>
    `${network.sizes.join(" → ")}, ${network.loss.replace("_", " ")}, ${network.parameters.toLocaleString("en-GB")} parameters; reads ${(100 * network.accuracy).toFixed(1)} % of the test images right`,
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
  recorded: "This is a saved moment. It shows and opens its numbers without chainrule; for other images, drawings and steps start a lab: chainrule lab.",
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
  itis: (digit) => `It is ${digit === 8 ? "an" : "a"} ${digit}.`,
  assumed: (digit) => `The pass back takes it for ${digit === 8 ? "an" : "a"} ${digit}.`,
  unsaid: { prediction: "I say …", truth: "It is …" },
  image: "The image",
  choices: "Another image, label or network",
  xTest: (number) => `x: test image ${number}`,
  xDrawn: "x: your drawing, as it was prepared",
  imageLabel: "x, the image: 28 × 28 pixels from 0 to 1",
  testImage: "Test image",
  earlierImage: "Previous test image",
  laterImage: "Next test image",
  nextMistake: "Next mistake",
  browse: "Browse …",
  browseTitle: "The test images",
  browseImage: (number, label, read) => `Test image ${number}, a ${label}${read === undefined ? "" : `, read as ${read}`}`,
  misread: (label, read) => `${label} read ${read}`,
  images: "images",
  trueLabel: "True label: go back as if it were a",
  ownLabel: "its own",
  unlike: "This is unlike anything I was trained on.",
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
  costs: {
    none: "Its cost is not measured for this network.",
    some: (points) => points > 0
      ? `Without it, ${points.toFixed(points < 0.1 ? 2 : 1)} points of accuracy are lost on the 10,000 test images, moved, scaled and turned dark on light.`
      : "Without it, no accuracy is lost on the 10,000 test images, moved, scaled and turned dark on light.",
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
};
