// The state and its address: there and back, and what a bad address becomes.

import assert from "node:assert/strict";
import { test } from "node:test";

import { DEFAULTS, parameters, read, write } from "../../src/chainrule/lab/page/address.js";

const LAB = {
  networks: [{ id: "small" }, { id: "large" }],
  stages: [{ name: "slant" }, { name: "crop" }],
  limits: {
    last: 10 ** 12,
    pad: 280,
    strokes: 3,
    points: 6,
    damage: { noise: [0, 1], rotation: [-45, 45] },
  },
};
const RUN = "784-10-10.squared_error.descent.1.5.all.1000.seed7.rate20-0.5.rate30-1e-05";

const parse = (query) => read(new URLSearchParams(query), LAB);

test("an empty address is the beginning, which writes nothing", () => {
  assert.deepEqual(parse(""), DEFAULTS);
  assert.equal(write(DEFAULTS), "");
});

for (const changes of [
  { view: "train", network: RUN, step: 40 },
  { view: "compare", network: RUN, with: "large" },
  { image: { test: 0 }, label: 0, step: 0, network: RUN },
  {
    image: {
      strokes: [
        [0, 280, 5, 5],
        [7, 7],
      ],
      off: ["slant", "crop"],
    },
    view: "draw",
  },
  { image: { pixels: Buffer.alloc(784, 251).toString("base64") }, label: 3 },
  { cell: "dW1[3,350]", phase: "dZ2", hide: ["truth", "gradients"], projector: true },
  { cell: "E", scale: "global", phase: "update" },
  { view: "evaluate", damage: { noise: 0.15, rotation: -30 }, limit: 0.9, pair: "3-5" },
  { view: "evaluate", section: "map" },
]) {
  test(`there and back: ${JSON.stringify(changes).slice(0, 60)}`, () => {
    const state = { ...DEFAULTS, ...changes };
    assert.deepEqual(parse(write(state)), { ...state, image: { ...state.image } });
    assert.deepEqual(parse(new URLSearchParams(parameters(state)).toString()), state);
  });
}

test("people can read an address", () => {
  const state = { ...DEFAULTS, cell: "dW1[3,350]", hide: ["truth", "terms"] };
  assert.equal(write(state), "?cell=dW1[3,350]&hide=truth,terms");
});

test("what is not understood becomes the default", () => {
  const bad = [
    "view=nowhere",
    "network=other",
    "step=-1",
    "step=1e3",
    "step=9999999999999",
    "with=x",
    "test=1.5",
    "label=10",
    "cell=W2[3]",
    "cell=<b>",
    "phase=W",
    "hide=everything",
    "projector=2",
    "scale=large",
    "pixels=AAAA",
    "strokes=",
    "strokes=1",
    "strokes=1-2-3",
    "strokes=1-281",
    "strokes=1-x",
    "strokes=1-1~2-2~3-3~4-4",
    "strokes=1-1-1-1-1-1-1-1-1-1-1-1-1-1",
  ];
  for (const query of bad) assert.deepEqual(parse(query), DEFAULTS, query);
});

test("what may be the id of a run is kept: the server knows whether it is", () => {
  for (const id of [RUN, "784-10.cross_entropy.adam.0.001.64.9.seed0", `${RUN}.data-12345678`]) {
    assert.equal(parse(new URLSearchParams({ network: id }).toString()).network, id);
  }
  for (const id of ["784", "784-10", "x" + RUN, RUN + " ", "784-10.<b>.1", "10-10.a.b"]) {
    assert.equal(parse(new URLSearchParams({ network: id }).toString()).network, null, id);
  }
});

test("a link to the map opens it in Evaluate", () => {
  const state = parse("view=map&network=large");
  assert.deepEqual(state, { ...DEFAULTS, view: "evaluate", section: "map", network: "large" });
  assert.equal(write(state), "?view=evaluate&network=large&section=map");
});

test("damage, limit and cell of Evaluate are checked like everything", () => {
  for (const bad of [
    "noise=1.01",
    "noise=-0.1",
    "noise=1e-1",
    "noise=x",
    "rotation=46",
    "rotation=-45.0001",
    "rotation=",
    "shift=3",
    "limit=1",
    "limit=-0.1",
    "limit=0x1",
    "pair=3-10",
    "pair=3",
    "section=top",
    "noise=0",
  ]) {
    assert.deepEqual(parse(`view=evaluate&${bad}`), { ...DEFAULTS, view: "evaluate" }, bad);
  }
});

test("what Evaluate measures is in its own address alone", () => {
  const state = { ...DEFAULTS, damage: { noise: 0.5 }, limit: 0.5, pair: "1-2", section: "map" };
  assert.equal(write(state), "");
});
