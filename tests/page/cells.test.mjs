// The names of cells, the pattern of each array's wording, and formulas as MathML.

import assert from "node:assert/strict";
import { test } from "node:test";

import {
  arrayOf,
  has,
  kindOf,
  meant,
  meets,
  named,
  partOf,
  phasesOf,
  place,
  reference,
  worded,
} from "../../src/chainrule/lab/page/parts/cells.js";

const ledger = {
  arrays: new Map(
    Object.entries({
      x: [784],
      W1: [10, 784],
      Z1: [10],
      y: [10],
      E: [],
      dZ1: [10],
      dW1: [10, 784],
    }).map(([name, shape]) => [name, { name, shape }]),
  ),
};

test("a name is an array and an index", () => {
  assert.deepEqual(kindOf("dW12"), { kind: "dW", layer: 12 });
  assert.deepEqual(kindOf("E"), { kind: "E", layer: 0 });
  assert.deepEqual(place("dW2[3,7]"), { array: "dW2", index: [3, 7] });
  assert.deepEqual(place("E"), { array: "E", index: [] });
  assert.deepEqual(reference("W2[3,:]"), { array: "W2", index: [3, null], text: "W2[3,:]" });
  assert.equal(reference("W2["), null);
});

test("references meet where they have a cell in common", () => {
  const meet = (one, other) => meets(reference(one), reference(other));
  assert.ok(meet("W2[3,:]", "W2[3,7]"));
  assert.ok(meet("W2", "W2[3,7]"));
  assert.ok(meet("A1[:]", "A1[4]"));
  assert.ok(!meet("W2[3,:]", "W2[4,7]"));
  assert.ok(!meet("W2[3,7]", "dW2[3,7]"));
});

test("a ledger has the cells of its arrays and no others", () => {
  for (const name of ["E", "W1[9,783]", "x[0]", "dZ1[9]"]) assert.ok(has(ledger, name), name);
  for (const name of ["W1[10,0]", "W1[3]", "E[0]", "Z2[0]", "Z1[:]", "", "Z1["]) {
    assert.ok(!has(ledger, name), name);
  }
});

test("a star in a row of weights means the number that is furthest from 0", () => {
  const rows = [
    [0, 0, 0],
    [2, -9, 9],
    [1, 5, -Infinity],
  ];
  const arrays = new Map([
    ["dW2", { name: "dW2", shape: [3, 3], values: Float64Array.from(rows.flat()) }],
    ["b2", { name: "b2", shape: [3], values: Float64Array.of(1, 2, 3) }],
  ]);
  const wanted = {
    "dW2[0,*]": "dW2[0,0]",
    "dW2[1,*]": "dW2[1,1]", // the first of equals
    "dW2[2,*]": "dW2[2,2]",
    "dW2[2,1]": "dW2[2,1]",
    "b2[1]": "b2[1]",
  };
  for (const [name, cell] of Object.entries(wanted)) assert.equal(meant({ arrays }, name), cell);
  for (const name of ["dW2[3,*]", "dW2[*,1]", "dW2[0,3]", "dW3[0,*]", "b2[*]", "b2[1,*]", "*"]) {
    assert.equal(meant({ arrays }, name), null, name);
  }
});

test("a pattern becomes the wording of a cell: only i and j by themselves are put in", () => {
  const pattern = {
    formula: "W1[i,j] := dZ1[i] x[j] in k",
    comes_from: ["dZ1[i]", "x[j]"],
    feeds: ["Z1[i]", "A1[:]"],
  };
  assert.deepEqual(worded(pattern, [3, 350]), {
    formula: "W1[3,350] := dZ1[3] x[350] in k",
    comes_from: ["dZ1[3]", "x[350]"],
    feeds: ["Z1[3]", "A1[:]"],
  });
  assert.equal(worded({ formula: "E = i", comes_from: [], feeds: [] }, [0]).formula, "E = 0");
});

test("names of the source code mean arrays", () => {
  const table = { "W[2]": "W2", "A[0]": "x", Y: "y", E: "E", "dZ[1]": "dZ1", "A[l]": "Al" };
  for (const [piece, array] of Object.entries(table)) assert.equal(arrayOf(piece), array);
  assert.equal(named("dZ2[3] · A1[7] + x[2] − 1"), "dZ2[3] A1[7] x[2]");
});

test("what belongs to a question, and the steps of the pass", () => {
  assert.equal(partOf("y", 2), "truth");
  assert.equal(partOf("dA1", 2), "gradients");
  assert.equal(partOf("A2", 2), "probabilities");
  assert.equal(partOf("A1", 2), null);
  assert.deepEqual(phasesOf(ledger), ["Z1", "E", "dZ1", "dW1", "update"]);
});
