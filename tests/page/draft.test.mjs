// Code that is kept in the browser's store: it comes back, and nothing else does.

import assert from "node:assert/strict";
import { test } from "node:test";

import { draft, keepDraft } from "../../src/chainrule/lab/page/parts/draft.js";

const kept = new Map();
const store = {
  getItem: (key) => kept.get(key) ?? null,
  setItem: (key, text) => kept.set(key, text),
  removeItem: (key) => kept.delete(key),
};
const CODE = { name: "mine.py", text: "def f():\n    pass\n", loss: "cross_entropy" };

test("what is kept comes back, and an empty text is not kept", () => {
  globalThis.localStorage = store;
  assert.equal(draft(), null);
  assert.ok(keepDraft(CODE));
  assert.deepEqual(draft(), CODE);
  assert.ok(keepDraft({ ...CODE, text: "" }));
  assert.equal(kept.size, 0);
});

test("anything else in the store is none", () => {
  globalThis.localStorage = store;
  keepDraft(CODE);
  const [[key, text]] = kept;
  const good = JSON.parse(text);
  const bad = [
    { version: 2 },
    { name: 3 },
    { name: "x".repeat(61) },
    { text: null },
    { text: ["a"] },
    { text: "x".repeat(1_000_001) },
    { loss: "hinge" },
    { loss: undefined },
  ];
  for (const change of bad) {
    kept.set(key, JSON.stringify({ ...good, ...change }));
    assert.equal(draft(), null, JSON.stringify(change).slice(0, 60));
  }
});

test("what is no JSON of an object is none either", () => {
  globalThis.localStorage = store;
  keepDraft(CODE);
  for (const other of ["", "{", "null", "3", "[]"]) {
    kept.set(...kept.keys(), other);
    assert.equal(draft(), null, other);
  }
});

test("a browser without a store loses nothing but the draft", () => {
  globalThis.localStorage = {
    getItem() {
      throw new Error("SecurityError");
    },
    setItem() {
      throw new Error("QuotaExceededError");
    },
  };
  assert.equal(draft(), null);
  assert.equal(keepDraft(CODE), false);
});
