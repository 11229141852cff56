// Words of the frame around the views, of hiding for a question, and of the time machine.

import { LOSSES, OPTIMIZERS, aboutRun, exactly, sizesOf } from "./shared.js";

export const frame = {
  // ------------------------------------------------------------------------------- the frame
  title: (view) => `${view} · chainrule lab`,
  brand: "chainrule",
  skip: "Skip to the numbers",
  views: {
    inside: "Look inside",
    draw: "Draw",
    train: "Train",
    evaluate: "Evaluate",
    compare: "Compare",
    data: "Images",
    code: "My code",
  },
  viewsLabel: "Views",
  tools: "Tools",
  network: "Network",
  option: ({ name, run }) =>
    run
      ? `${run.named ? `${name}: ` : ""}${sizesOf(run).join("-")}, ` +
        `${LOSSES[run.settings.loss]}, ` +
        `${OPTIMIZERS[run.settings.optimizer]}, α = ${run.settings.learning_rate}, seed ` +
        `${run.settings.seed}`
      : name,
  renamed: (old, name) =>
    `This link names the network ${old}, which is called ${name} now. Choose it under Network.`,
  networkHint: ({ run, sizes, loss, parameters, accuracy, digits }) => {
    if (run) return aboutRun(run);
    if (digits === null) return `${sizes.join(" → ")}, ${loss.replace("_", " ")}`;
    const reads =
      accuracy === null
        ? "its numbers overflow, so it reads nothing"
        : `reads ${exactly(accuracy)} of the test images of ${digits} right`;
    return (
      `${sizes.join(" → ")}, ${loss.replace("_", " ")}, ` +
      `${parameters.toLocaleString("en-GB")} parameters; ${reads}`
    );
  },
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
    ["← →", "previous and next step of the pass, while no matrix or field has the focus"],
    ["Tab", "from one matrix or control to the next"],
    ["arrow keys, Home, End", "move inside a matrix, and from value to value of a chart"],
    ["Enter", "opens a number"],
    ["Esc", "closes it"],
    ["Alt+N", "next mistake"],
    ["Alt+P", "projector"],
    ["Alt+R", "reveals all that is hidden"],
    ["Ctrl+Enter", "checks your code, while you write it"],
  ],
  close: "Close",
  closeHint: "Close (Esc)",
  stopped:
    "chainrule lab has stopped. Start it again in the terminal with chainrule lab; this page " +
    "goes on by itself when it is back.",
  locked:
    "chainrule lab was started again. Open the address that it printed in the terminal; this " +
    "page then goes on by itself.",
  back: "chainrule lab is back.",
  failed: (why) => `That did not work: ${why}`,
  recorded: (run, step) => {
    const after = typeof step === "number" ? `, after step ${step.toLocaleString("en-GB")}` : "";
    const training = run ? ` of a training (${aboutRun(run)})${after}` : "";
    return (
      `This is a saved moment${training}. It shows and opens its numbers without chainrule; for ` +
      `other images, drawings and steps start a lab: chainrule lab.`
    );
  },
  footer: (lab) =>
    `chainrule ${lab.version}. Every number here is computed by its Python on this machine; the ` +
    `page only shows it.`,

  // ------------------------------------------------------------------------------- a doubted label
  doubt: ({ label, guess, for_label: given, for_guess: other }) =>
    `Is it a${label === 8 ? "n" : ""} ${label}? Of five people ${given || "none"} took it for ` +
    `${label}, ${other || "none"} for ${guess}`,
  doubtedBy: (judged) => `${frame.doubt(judged)} (labelerrors.com).`,
  doubted: (n) =>
    (n === 1 ? "One image here has a label" : `${n} images here have labels`) +
    ` that people doubt: of five who were asked, fewer than three agreed with it (Northcutt, ` +
    `Athalye and Mueller, Pervasive Label Errors in Test Sets, 2021, labelerrors.com).`,

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
    best: "Best",
    percent: exactly,
    where: (step, length, accuracy, loss, digits) =>
      [
        `Step ${step} of ${length}`,
        ...(loss === null ? [] : [`loss ${loss}`]),
        ...(accuracy === null ? [] : [`reads ${accuracy} of ${digits} right`]),
      ].join(", ") + ".",
    following: "Follows the run.",
    waiting: (step) => `Waiting for step ${step}.`,
    offerLabel: "A run that is not here",
    missing: (run, busy) =>
      `This link is to a run that is not on this machine: ${aboutRun(run)}. ` +
      (busy
        ? "When the training that is running now has ended, it can be trained here."
        : "Its settings and seed decide everything: trained here, it is the same to the last " +
          "bit, on the same kind of processor."),
    trainHere: "Train it here",
  },
};
