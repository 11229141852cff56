// Many runs: which of them belong together, their order, and their scale.

import assert from "node:assert/strict";
import { test } from "node:test";

import {
  differing,
  family,
  groups,
  scaleOf,
  spreadOf,
  standing,
} from "../../src/chainrule/lab/page/views/compare/family.js";

const run = (hidden, rate, seed, more = {}) => ({
  settings: { hidden, loss: "squared_error", learning_rate: rate, steps: 9, epochs: null, seed },
  length: 9,
  digits: "MNIST",
  changes: [],
  engines: [[0, "numpy"]],
  ...more,
});
const GRID = [[32], [10], [10, 5], []].flatMap((hidden) =>
  [0.5, 0.1].flatMap((rate) => [1, 0].map((seed) => run(hidden, rate, seed))),
);

test("runs differ in settings, digits, engines, changes and length; the seed is told last", () => {
  assert.deepEqual(differing(GRID), ["hidden", "learning_rate", "seed"]);
  assert.deepEqual(differing([GRID[0], GRID[0]]), []);
  const other = (more) => differing([run([1], 1, 0), run([1], 1, 0, more)]);
  assert.deepEqual(other({ digits: "letters" }), ["digits"]);
  assert.deepEqual(other({ engines: [[0, "compiled"]] }), ["engines"]);
  assert.deepEqual(other({ changes: [[3, 0.1]] }), ["changes"]);
  assert.deepEqual(other({ length: 10 }), ["steps"]);
});

test("a run that its patience has ended is as long as it was to be", () => {
  const patient = (length, steps) => ({
    ...run([1], 1, 0, { length }),
    settings: { ...run([1], 1, 0).settings, patience: 3, steps },
  });
  assert.deepEqual(differing([patient(5, 9), patient(7, 9)]), []);
  assert.deepEqual(differing([patient(5, 9), patient(5, 8)]), ["steps"]);
});

test("a family is what differs from one run in some settings alone", () => {
  const one = run([10], 0.1, 0);
  const all = [...GRID, run([10], 0.1, 0, { length: 10 })];
  const size = (...names) => family(all, one, names).length;
  assert.deepEqual([size(), size("seed"), size("hidden"), size("hidden", "seed")], [1, 2, 4, 8]);
  assert.equal(size("hidden", "learning_rate", "seed"), 16);
  assert.equal(size("hidden", "learning_rate", "seed", "steps"), 17);
});

test("a group is alike but for the seed, and groups are ordered by their values", () => {
  const found = groups(GRID);
  assert.deepEqual(
    found.map(({ values }) => values.map(([, value]) => value)),
    [[], [10], [10, 5], [32]].flatMap((hidden) => [0.1, 0.5].map((rate) => [hidden, rate])),
  );
  for (const { runs } of found) assert.deepEqual(runs.map((each) => each.settings.seed), [0, 1]);
  const batches = [null, 64, 8].map((size) => {
    const one = run([1], 1, 0);
    return { ...one, settings: { ...one.settings, batch_size: size } };
  });
  const order = groups(batches).map(({ values: [[, value]] }) => value);
  assert.deepEqual(order, [8, 64, null]); // all images are the largest batch
});

test("one scale holds every value after the first tenth", () => {
  const long = [0.05, 0.1, ...Array.from({ length: 18 }, (_, k) => 0.5 + k / 100)];
  assert.deepEqual(
    scaleOf([long, [0.9]]).map((each) => each.toFixed(3)),
    ["0.480", "0.920"],
  );
  assert.deepEqual(scaleOf([[null, null]]), [0, 1]);
  const [low, high] = scaleOf([[0.3]]);
  assert.ok(low < 0.3 && high > 0.3);
});

test("a run stands for the step of its network, else for its last row", () => {
  const history = { step: [0, 5, 9], loss: [3, 1, 2] };
  assert.equal(standing({ history, kept: 5 }, "loss"), 1);
  assert.equal(standing({ history, kept: 0 }, "loss"), 3);
  assert.equal(standing({ history, kept: 7 }, "loss"), 2); // a training that goes on
});

test("means and deviations are those worked by hand", () => {
  assert.deepEqual(spreadOf([2, 4, 9]), { mean: 5, deviation: Math.sqrt(13) });
  assert.deepEqual(spreadOf([7]), { mean: 7, deviation: null });
});
