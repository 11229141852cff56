// Words of Compare.

import { LOSSES, OPTIMIZERS, exactly, many } from "./shared.js";
import { short } from "../parts/numbers.js";

const KINDS = {
  a_right: "A is right, B is wrong",
  b_right: "B is right, A is wrong",
  both_wrong: "Both are wrong, with different answers",
};

const figure = (column, value) => (column === "loss" ? short(value) : exactly(value));

export const compare = {
  heading: "Runs side by side",
  how: "Compare",
  hows: { two: "two runs", many: "many runs" },
  manyTitle: "Many runs on one scale",
  free: "Runs that differ from A only in",
  measure: "Shown",
  measures: { test: "test images right", loss: "loss" },
  manySays: (runs, charts) =>
    `${many(runs, "run")} in ${many(charts, "chart")}. Runs that differ only in their seed are ` +
    `thin lines in one chart; A is the thick one.`,
  groupTitle: (values) =>
    values
      .map(([name, value]) => `${compare.settingName(name)} ${compare.settingValue(name, value)}`)
      .join(", ") || "the same settings",
  groupChart: (title, column) =>
    `${column === "loss" ? "Loss" : "Share of test images read right"} over the steps, ${title}`,
  groupSays: (column, { mean, deviation }, runs) =>
    [mean, ...(deviation === null ? [] : [deviation])]
      .map((value) => figure(column, value))
      .join(" ± ")
      .replace(" % ±", " ±") + `, ${many(runs, "run")}`,
  groupNone: "nothing measured yet",
  groupOfA: (told) => `A: ${told}`,
  withA: "Compare with A",
  withAOf: (title) => `Compare with A: ${title}`,
  seed: (seed) => `seed ${seed}`,
  few:
    "To compare, you need two runs. Train a second one, with another learning rate, loss or " +
    "seed, and come back.",
  unlike: (n) =>
    `Runs are compared that tell as many classes apart. No other run here tells ${n}.`,
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
    if (name === "engines") return value?.map(([, engine]) => engine).join(", then ") ?? "–";
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
