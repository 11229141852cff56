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
  limits: {
    last: 10 ** 12,
    pad: 280,
    strokes: 3,
    points: 6,
    changes: 4,
    damage: { noise: [0, 1], rotation: [-45, 45] },
  },
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
  { cut: ["A1[7]", "A2[13]"] },
  {
    set: [
      ["W2[3,7]", 0.25],
      ["b1[4]", -1.5e-7],
      ["W1[0,783]", 1e21],
    ],
    cut: ["A1[0]"],
  },
  { cell: "dW2[3,*]", phase: "dZ2" },
  { depth: "network", cell: "A1[7]" },
  { depth: "story", story: "right" },
  { depth: "numbers" },
  { view: "evaluate", damage: { noise: 0.15, rotation: -30 }, limit: 0.9, pair: "3-5" },
  { view: "evaluate", section: "map" },
  { view: "compare", network: RUN, many: ["hidden", "learning_rate", "seed"] },
  { view: "compare", many: [] },
  { lesson: "softmax", at: 2, phase: "A2" },
]) {
  test(`there and back: ${JSON.stringify(changes).slice(0, 60)}`, () => {
    const state = { ...BEGINNING, ...changes };
    assert.deepEqual(parse(write(state, LAB)), { ...state, image: { ...state.image } });
    assert.deepEqual(parse(new URLSearchParams(parameters(state, LAB)).toString()), state);
  });
}

test("people can read an address", () => {
  const state = { ...BEGINNING, depth: "number", cell: "dW1[3,350]", hide: ["truth", "terms"] };
  assert.equal(write(state, LAB), "?cell=dW1[3,350]&hide=truth,terms");
});

test("people can read what is changed in a network", () => {
  const state = { ...BEGINNING, cut: ["A1[7]", "A1[3]"], set: [["W2[3,7]", 0.25]] };
  assert.equal(write(state, LAB), "?cut=1.7,1.3&set=W2[3,7]:0.25");
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
    "many=hidden,,seed",
    "many=Hidden",
    "many=hidden%26x",
    "many=",
    "test=1.5",
    "test=3as3",
    "test=3as10",
    "test=as5",
    "test=3AS5",
    "test=3as5 ",
    "test=-3as5",
    "test=33as5",
    "label=62",
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

test("a link to the zoo opens it in My code, at a mistake", () => {
  const first = { view: "code", bug: "one db for all units" };
  assert.deepEqual(parse("view=zoo"), { ...BEGINNING, ...first });
  assert.deepEqual(parse("view=zoo&bug=uphill"), { ...BEGINNING, ...first, bug: "uphill" });
  assert.equal(write(parse("view=zoo&bug=uphill"), LAB), "?view=code&bug=uphill");
  assert.equal(parse("view=code").bug, null);
});

test("a link to the map opens it in Evaluate", () => {
  const state = parse("view=map&network=large");
  assert.deepEqual(state, { ...BEGINNING, view: "evaluate", section: "map", network: "large" });
  assert.equal(write(state, LAB), "?view=evaluate&network=large&section=map");
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
    "pair=3-100",
    "pair=3",
    "section=top",
    "noise=0",
  ]) {
    assert.deepEqual(parse(`view=evaluate&${bad}`), { ...BEGINNING, view: "evaluate" }, bad);
  }
});

test("what Evaluate measures is in its own address alone", () => {
  const state = { ...BEGINNING, damage: { noise: 0.5 }, limit: 0.5, pair: "1-2", section: "map" };
  assert.equal(write(state, LAB), "");
});

test("a lab with digits alone begins with their images", () => {
  const alone = { ...LAB, given_set: "letters" };
  const own = (query) => read(new URLSearchParams(query), alone);
  assert.equal(own("").view, "data");
  assert.equal(write(own(""), alone), "");
  assert.deepEqual(parameters(own("view=inside"), alone), { view: "inside" });
  assert.equal(read(new URLSearchParams(""), { ...alone, given: "small" }).view, "inside");
  assert.equal(write(own("view=data&sheet=network"), alone), "?sheet=network");
  assert.equal(own("sheet=elsewhere").sheet, null);
});

test("a run on other digits takes no subject of the first network", () => {
  const [small, large, run] = LAB.networks;
  const networks = [
    { ...small, digits: "MNIST" },
    large,
    { ...run, digits: "letters" },
    { id: "784-9-10.other.run", digits: "MNIST", subjects: null },
  ];
  const at = (id) => read(new URLSearchParams(`network=${id}&test=7as`), { ...LAB, networks }).image;
  assert.deepEqual(at("784-9-10.other.run"), { test: 77 });
  assert.deepEqual(at(run.id), BEGINNING.image);
});

test("a class may have a number up to 61", () => {
  assert.equal(parse("label=61").label, 61);
  assert.equal(parse("view=evaluate&pair=40-61").pair, "40-61");
});
