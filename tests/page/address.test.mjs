// The state and its address: there and back, and what a bad address becomes.

import assert from "node:assert/strict";
import { test } from "node:test";

import { DEFAULTS, parameters, read, write } from "../../src/chainrule/lab/page/address.js";

const LAB = {
  networks: [{ id: "small" }, { id: "large" }],
  stages: [{ name: "slant" }, { name: "crop" }],
  limits: { last: 10 ** 12, pad: 280, strokes: 3, points: 6, changes: 4 },
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
  { cut: ["A1[7]", "A2[13]"] },
  {
    set: [
      ["W2[3,7]", 0.25],
      ["b1[4]", -1.5e-7],
      ["W1[0,783]", 1e21],
    ],
    cut: ["A1[0]"],
  },
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

test("people can read what is changed in a network", () => {
  const state = { ...DEFAULTS, cut: ["A1[7]", "A1[3]"], set: [["W2[3,7]", 0.25]] };
  assert.equal(write(state), "?cut=1.7,1.3&set=W2[3,7]:0.25");
});

test("what can be changed is, each thing once and no more than the limit", () => {
  const { cut, set } = parse("cut=1.7,1.07,x,1.2.3,-1.1&set=b1[04]:1,b1[4]:2,A1[7]:1,W2[3]:1");
  assert.deepEqual({ cut, set }, { cut: ["A1[7]"], set: [["b1[4]", 2]] });
  const many = parse("cut=1.1,1.2,1.3&set=b1[0]:-0,b1[1]:1e39,W2[3,7]:1,b2[3]:5");
  assert.deepEqual(many.cut, ["A1[1]", "A1[2]", "A1[3]"]);
  assert.deepEqual(many.set, [["b1[0]", -0]]);
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
