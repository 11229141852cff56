// Words of Look inside: an opened cell, the closer look at softmax, and one step of learning.

import { one } from "./shared.js";

const NUMERALS = [
  ...["zero", "one", "two", "three", "four", "five", "six"],
  ...["seven", "eight", "nine", "ten", "eleven", "twelve"],
];

export const cell = {
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
    const value =
      ledger.arrays.get(array).values[
        index.length === 2
          ? index[0] * ledger.arrays.get(array).shape[1] + index[1]
          : (index[0] ?? 0)
      ];
    if (kind.startsWith("d")) {
      if (value === 0)
        return array === "dW1" && ledger.arrays.get("x").values[index[1]] === 0
          ? `No ink at x[${index[1]}]: E does not depend on ${of} for this image.`
          : `E does not change with ${of}.`;
      const moves = value > 0 ? "E rises with it" : "E falls as it rises";
      return kind === "dW" || kind === "db"
        ? `How ${of} should change: ${value > 0 ? "down" : "up"}, since ${moves}.`
        : `How E changes with ${of}: ${moves}.`;
    }
    return {
      x: "How dark this pixel is: its byte, 0 to 255, divided by 255 and rounded to 32 bits.",
      y: "What we want the network to say.",
      W: `How strongly input ${index[1]} acts on unit ${index[0]} of layer ${layer}.`,
      b: `What unit ${index[0]} of layer ${layer} starts from.`,
      Z: `The weighted sum of unit ${index[0]} in layer ${layer}.`,
      A: last
        ? `How probable the network finds ${one(ledger.names[index[0]])}.`
        : value > 0
          ? `Unit ${index[0]} of layer ${layer} is on.`
          : `Unit ${index[0]} of layer ${layer} is off.`,
      E: "How wrong the network is about this one image (m = 1).",
    }[kind];
  },
  proofTitle: "Is it right?",
  proofOnlyGradients: "A gradient can be proven: open one that begins with d.",
  proofHow: (nudged) =>
    `Nudge ${nudged} up and down by h, run the network again, and see how E really changes.`,
  prove: "Prove it",
  proofOf: (name) => `Proof of ${name}`,
  above: (name) => `E with ${name} + h`,
  below: (name) => `E with ${name} − h`,
  slope: "the slope between, ",
  ours: (name) => `ours, ${name}`,
  proven: (n) => `✓ The first ${NUMERALS[n] ?? n} digits agree.`,
  provenZero: "✓ Both are exactly 0.",
  unproven: "✗ They do not agree.",
  untold:
    "Rounding hides the measured slope here, so it proves nothing: try this derivative on an " +
    "image of which the network is less sure.",
  atKink: "There is no slope to measure here.",
  difference: (difference, h) => `They differ by ${difference}; h = ${h}.`,
  evidence: "Evidence: the loss, measured",
  certainty: "Proof: the true digits",
  truthHow:
    "The whole pass once more in whole numbers of Python, without floating point: this is what " +
    "the number truly is, whatever program computes it.",
  truthAsking: "Working out the true digits …",
  truthOf: (name) => `The true digits of ${name}`,
  truth: "the truth",
  oursDigits: "ours, all that float64 holds",
  within: "Proven: off by no more than rounding in float64 can come to.",
  outside: "✗ Further from the truth than rounding can explain.",
  undecided: "Float64 cannot decide on which side of ReLU this is.",
  truthUntold: "Whether ours is near enough cannot be told.",
  noTruth: "There is no truth to compare with.",
  apart: ({ ulps, bound }, same) => {
    const first = ["No digit agrees", "The first digit agrees"][same];
    return (
      `${first ?? `The first ${same} digits agree`}. Ours is off by ${ulps} units in the last ` +
      `place; by rounding it may be off by ${bound}.`
    );
  },
  trueZero: "Both are exactly 0.",
  digits: "Its true digits",
  valueHow:
    "This is a value, not a derivative, so there is no slope to measure. What it truly is can " +
    "be said all the same.",
  truthElsewhere: "The true digits of this number are in a running lab: chainrule lab.",
  proofElsewhere: "This proof is in a running lab: chainrule lab.",

  // ------------------------------------------------------------------------------- closer
  closerTitle: (L) => `A closer look at dZ${L}`,
  impostorsTitle: "The impostors",
  impostorsLead: (L, loss) =>
    loss === "squared_error"
      ? `Many programs use dZ${L} = A${L} − Y, or s(1 − s), which belongs to the sigmoid. Test ` +
        `them and ours: what does E really do?`
      : `With cross-entropy dZ${L} = A${L} − Y is right. Is s(1 − s), which belongs to the ` +
        `sigmoid, right too? Is the formula of squared error? Test all three: what does E ` +
        `really do?`,
  tryImpostors: "Test all three",
  impostorsCaption: (array) => `${array} by three formulas, beside the measured quotients`,
  quotient: "measured",
  account: (name) => (name === "chainrule" ? "ours" : name.replaceAll("-", "−")),
  verdict: "verdict",
  agrees: "✓ agrees",
  differs: (by) => `✗ off by ${by}`,
  agreementUnknown: "cannot be told",
  why: (name) =>
    ({
      chainrule: "Ours is derived from this loss, and agrees with what is measured.",
      "A - Y":
        "A − Y is the gradient of cross-entropy. With squared error the Jacobian of softmax " +
        "does not cancel.",
      "s(1 - s)":
        "s(1 − s) keeps only the diagonal of the Jacobian: it forgets that raising one " +
        "probability lowers the others.",
      "A ⊙ (dA - Σ A dA)": "A ⊙ (dA − Σ A dA), with dA = A − Y, is the gradient of squared error.",
    })[name] ?? "",

  // ------------------------------------------------------------------------------- one step
  stepTitle: "Learn from this once",
  stepLead:
    "Move every weight and bias a little against its gradient. The gradient promises by how much " +
    "E will fall; then we measure it.",
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
  afterStep: ({ label, prediction, names }, answer, share) =>
    answer === label && prediction !== label
      ? `Now I say ${names[answer]} (${share}): the ${names[prediction]} has become ` +
        `${one(names[answer])}.`
      : answer === prediction
        ? `I still say ${names[answer]} (${share}).`
        : `Now I say ${names[answer]} (${share}).`,
  beforeAfter: "Probabilities before → after",
  curveLabel:
    "Curves of the promised and the measured change of E over α; the numbers are in the " +
    "table above",
};
