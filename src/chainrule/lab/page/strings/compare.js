// Words of Compare.

import { LOSSES, OPTIMIZERS, many } from "./shared.js";

const KINDS = {
  a_right: "A is right, B is wrong",
  b_right: "B is right, A is wrong",
  both_wrong: "Both are wrong, with different answers",
};

export const compare = {
  heading: "Two runs side by side",
  few:
    "To compare, you need two runs. Train a second one, with another learning rate, loss or " +
    "seed, and come back.",
  a: "A",
  b: "B",
  toRuns: "‹ Runs",
  headline: ([at, to], [first, second], differ, digits) =>
    `A after step ${at} reads ${first} of the test images of ${digits} right, and B ` +
    `after step ${to} reads ${second}. Their answers differ on ${many(differ, "image")}.`,
  settingsTitle: "Settings that differ",
  sameSettings: "Their settings are the same.",
  setting: "setting",
  settingName: (name) =>
    ({
      learning_rate: "learning rate",
      batch_size: "batch",
      changes: "changes of the rate",
      hidden: "hidden layers",
      steps: "steps",
    })[name] ?? name.replaceAll("_", " "),
  settingValue: (name, value) => {
    if (name === "changes")
      return value?.length
        ? value
            .map((each) => `${each.learning_rate} from step ${each.step.toLocaleString("en-GB")}`)
            .join(", ")
        : "none";
    if (name === "hidden") return value?.length ? value.join(", ") : "none";
    if (name === "batch_size") return value === null ? "all" : String(value);
    if (name.endsWith("digits")) return value ? `SHA-256 ${value.slice(0, 12)}…` : "–";
    return (
      LOSSES[value] ??
      OPTIMIZERS[value] ??
      (typeof value === "number"
        ? value.toLocaleString("en-GB", { maximumFractionDigits: 6 })
        : String(value))
    );
  },
  curvesTitle: "How both learned",
  testChart: "Share of each run’s test images read right over the steps",
  apartTitle: "Weights apart",
  apartLead:
    "The size of A − B divided by the larger size of A and B, layer by layer: 0 means the same, " +
    "about 1.4 nothing in common, 2 the opposite.",
  otherSizes: "Networks of other sizes cannot be subtracted.",
  layer: "layer",
  answersTitle: "Where their answers differ",
  kinds: KINDS,
  bothRead: ([a, b]) => `A ${a} · B ${b}`,
  bothReadAloud: ([a, b]) => `read as ${a} by A and as ${b} by B`,
  kind: (name, n, shown) =>
    `${KINDS[name]}: ${many(n, "image")}${shown < n ? `, the first ${shown} here` : ""}`,
};
