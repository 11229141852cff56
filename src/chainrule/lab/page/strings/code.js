// Words of the view of a person's own code.

import { short } from "../parts/numbers.js";
import { LOSSES, many } from "./shared.js";

const SAID = {
  right: "right",
  wrong: "wrong",
  failed: "does not run",
  "not written": "not written yet",
  "not read": "cannot be read",
};

export const code = {
  heading: "My code",
  lead:
    "Write this network yourself: forward, loss, backward, or some of it. Each function is " +
    "judged by itself, a derivative by slopes that are measured with your own loss.",
  editor: "Your file",
  area: "Your code",
  placeholder: "Paste your code here, open a file, or begin with a form.",
  form: "A form to fill in:",
  forms: { columns: "columns", rows: "rows", layers: "lists of layers" },
  open: "Open a file",
  back: "Put back what was here",
  notFile: "That is no file of Python: its name must end in .py or .ipynb.",
  tooLarge: (most) => `That file has more than ${most / 1e6} MB.`,
  loss: "The loss, if your code has none",
  losses: [["", "recognised"], ...Object.entries(LOSSES)],
  check: "Check my code",
  checkHint: "Ctrl+Enter",
  stop: "Stop",
  safe:
    "Your code runs on this computer, in a process of its own with limits on time, memory and " +
    "files. That protects from mistakes; it is no sandbox, so check only code that you trust.",
  closed:
    "Other machines can reach this lab, so it runs no code. Whoever starts it can allow that by " +
    "the option --run-code.",
  empty: "There is no code yet.",
  running: "Your code runs …",
  stopped: "Stopped.",
  verdict: "What is right",
  before: "The verdict stands here, each formula beside yours.",
  count: (right, all) =>
    right === all
      ? `${all === 1 ? "It is" : `All ${all} functions are`} right.`
      : `${right} of ${many(all, "function")} right.`,
  said: (verdict) => SAID[verdict],
  readAs: (reading) => `Read as ${reading}`,
  caption: (name) => `The steps of ${name}`,
  step: "Step",
  yours: "Yours",
  onTheWay: "on the way",
  most: ({ array, row, column, yours, quotient }) =>
    `wrong most in ${array}[${array[1] === "b" ? row : `${row},${column}`}]: ` +
    `yours ${short(yours)}, measured ${short(quotient)}`,
  follows: (other) => `It follows from ${other}.`,
  question: "A question:",
  unknown: "None of the known mistakes gives these numbers. Begin with the last layer.",
  name: "Name the mistake",
  perhaps: "Perhaps: ",
  or: (names) => names.map((name) => `, or ${name}`).join(""),
  train: "See what it does to a training",
  note: (text) => `Note: ${text}.`,
  fragile: "Right here, but not for all numbers:",
  toLine: (line) => `Go to line ${line}`,
  judgedBy: (loss) => `The gradient is judged by slopes of ${loss}.`,
  others: (names) => `Not judged: ${names.join(", ")}.`,
  kept: (name) =>
    `${name}, as it was checked. To check it again, a running lab is needed: a link does not ` +
    `hold the code.`,
};
