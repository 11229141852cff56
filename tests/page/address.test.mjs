// The state and its address: there and back, and what a bad address becomes.

import assert from "node:assert/strict";
import { test } from "node:test";

import { beginning, DEFAULTS, parameters, read, write } from "../../src/chainrule/lab/page/address.js";

// Of each digit d, image 10 d + r is read as r; what is never misread, or never so, is null.
const table = (first, without) =>
  Array.from({ length: 10 }, (_, d) =>
    Array.from({ length: 10 }, (_, r) => (without.includes(`${d}${r}`) ? null : first + 10 * d + r)),
  );
const LAB = {
  networks: [
    { id: "small", subjects: table(0, ["41"]) },
    { id: "large", subjects: table(1000, ["90", "99"]) },
    { id: "784-9-10.given.run", subjects: null },
  ],
  first: { test: "small", drawing: "large" },
  given: null,
  stages: [{ name: "slant" }, { name: "crop" }],
  limits: { last: 10 ** 12, pad: 280, strokes: 3, points: 6 },
};
const RUN = "784-10-10.squared_error.descent.1.5.all.1000.seed7.rate20-0.5.rate30-1e-05";

const BEGINNING = { ...DEFAULTS, image: { test: 35 } };

const parse = (query) => read(new URLSearchParams(query), LAB);

test("an empty address is the beginning, which writes nothing", () => {
  assert.deepEqual(beginning(LAB), { test: 35 });
  assert.deepEqual(parse(""), BEGINNING);
  assert.equal(write(BEGINNING, LAB), "");
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
  { cell: "dW2[3,*]", phase: "dZ2" },
  { lesson: "softmax", at: 2, phase: "A2" },
]) {
  test(`there and back: ${JSON.stringify(changes).slice(0, 60)}`, () => {
    const state = { ...BEGINNING, ...changes };
    assert.deepEqual(parse(write(state, LAB)), { ...state, image: { ...state.image } });
    assert.deepEqual(parse(new URLSearchParams(parameters(state, LAB)).toString()), state);
  });
}

test("people can read an address", () => {
  const state = { ...BEGINNING, cell: "dW1[3,350]", hide: ["truth", "terms"] };
  assert.equal(write(state, LAB), "?cell=dW1[3,350]&hide=truth,terms");
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
    "test=3as3",
    "test=3as10",
    "test=as5",
    "test=3AS5",
    "test=3as5 ",
    "test=-3as5",
    "test=33as5",
    "label=10",
    "cell=W2[3]",
    "cell=<b>",
    "cell=dW2[*,3]",
    "cell=dW2[*]",
    "cell=A2[*]",
    "cell=dW2[3,**]",
    "phase=W",
    "hide=everything",
    "projector=2",
    "scale=large",
    "lesson=Softmax",
    "lesson=../x",
    "at=0.5",
    "at=100",
    "pixels=AAAA",
    "strokes=",
    "strokes=1",
    "strokes=1-2-3",
    "strokes=1-281",
    "strokes=1-x",
    "strokes=1-1~2-2~3-3~4-4",
    "strokes=1-1-1-1-1-1-1-1-1-1-1-1-1-1",
  ];
  for (const query of bad) assert.deepEqual(parse(query), BEGINNING, query);
});

test("an image is named by what a network reads, and becomes its number", () => {
  const image = (query, lab = LAB) => read(new URLSearchParams(query), lab).image.test;
  assert.equal(image("test=3as5"), 35);
  assert.equal(image("test=0as9"), 9);
  assert.equal(image("test=7as"), 77);
  assert.equal(image("test=4as1"), 44); // none is read so: the misread 4
  assert.equal(image("test=3as5&network=large"), 1035);
  assert.equal(image("test=9as1&network=large"), 1091);
  assert.equal(image("test=9as0&network=large"), 35); // it has no 9: the beginning
  for (const id of [RUN, "784-9-10.given.run", "nobody"]) {
    assert.equal(image(`test=2as7&network=${id}`), 27, id);
  }
  // Without a name it is the network that was given to the lab.
  assert.equal(image("test=3as5", { ...LAB, given: "large" }), 1035);
  assert.equal(image("", { ...LAB, given: "large" }), 35);
  assert.equal(write({ ...BEGINNING, image: { test: 1035 } }, LAB), "?test=1035");
});

test("a lab whose first network has no subjects begins with its first image", () => {
  const lab = { ...LAB, networks: [{ id: "small", subjects: null }] };
  assert.deepEqual(beginning(lab), { test: 0 });
  assert.deepEqual(read(new URLSearchParams("test=3as5"), lab).image, { test: 0 });
});

test("what may be the id of a run is kept: the server knows whether it is", () => {
  for (const id of [RUN, "784-10.cross_entropy.adam.0.001.64.9.seed0", `${RUN}.data-12345678`]) {
    assert.equal(parse(new URLSearchParams({ network: id }).toString()).network, id);
  }
  for (const id of ["784", "784-10", "x" + RUN, RUN + " ", "784-10.<b>.1", "10-10.a.b"]) {
    assert.equal(parse(new URLSearchParams({ network: id }).toString()).network, null, id);
  }
});
