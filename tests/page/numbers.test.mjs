// How numbers are written, along axes too.

import assert from "node:assert/strict";
import { test } from "node:test";

import {
  closest,
  ends,
  merged,
  percents,
  plain,
  power,
  powers,
  stretches,
  ticks,
  within,
} from "../../src/chainrule/lab/page/parts/axis.js";
import {
  alike,
  count,
  full,
  percent,
  short,
  six,
  tiny,
  largestOf,
} from "../../src/chainrule/lab/page/parts/numbers.js";
import { aboutRun, kindOf, one, sizesOf } from "../../src/chainrule/lab/page/strings/shared.js";

const table = (write, rows) => {
  for (const [value, text] of rows) assert.equal(write(value), text, `${write.name}(${value})`);
};

test("every digit: the text reads back as the same number", () => {
  for (const value of [0.1 + 0.2, 1e-300, 12345.678, 5e-324, 1 / 3]) {
    assert.equal(Number(full(value).replace("−", "-")), value);
  }
  table(full, [
    [-0, "0"],
    [-1.5, "−1.5"],
    [Infinity, "∞"],
    [-Infinity, "−∞"],
    [NaN, "NaN"],
  ]);
});

test("a few digits", () => {
  table(short, [
    [0, "0"],
    [0.5, "0.50"],
    [-0.066, "−0.066"],
    [12.34, "12.3"],
    [123.4, "123"],
    [1e5, "1.0e+5"],
    [0.00001, "1.0e−5"],
    [Infinity, "∞"],
    [NaN, "NaN"],
  ]);
  table(tiny, [
    [0, "0"],
    [0.05, "0.05"],
    [0.001, "1e−3"],
    [-0.0004, "−4e−4"],
    [2.345, "2.35"],
  ]);
  table(six, [
    [0.123456789, "0.123457"],
    [-2, "−2"],
    [Infinity, "∞"],
  ]);
  assert.equal(count(1234567), "1,234,567");
});

test("a share is 100 % only if it is all", () => {
  table(percent, [
    [1, "100 %"],
    [0.9999, "> 99.9 %"],
    [0.998, "99.8 %"],
    [0.95, "95 %"],
    [0.05, "5.0 %"],
    [0, "0.0 %"],
  ]);
});

test("two numbers are alike as far as their digits are", () => {
  const { texts, equal, digits } = alike(-0.6662986, -0.6662983, 7);
  assert.deepEqual(texts, ["−0.6662986", "−0.6662983"]);
  assert.equal(texts[0].slice(0, equal), "−0.666298");
  assert.equal(digits, 6);
  assert.equal(alike(NaN, 1).digits, 0);
  assert.equal(alike(2, 2).texts[0], alike(2, 2).texts[1]);
});

test("the numbers of an axis are round and reach as far as is needed", () => {
  assert.deepEqual(ticks(0, 0.9), [0, 0.2, 0.4, 0.6000000000000001, 0.8, 1]);
  assert.deepEqual(ticks(-45, 45), [-60, -40, -20, 0, 20, 40, 60]);
  assert.deepEqual(ticks(0, 3, 5, true), [0, 1, 2, 3]);
  for (const [low, high] of [
    [0, 1e-7],
    [-3, 7],
    [0, 12345],
    [-0.2, 0.1],
  ]) {
    const found = ticks(low, high);
    assert.ok(found[0] <= low && found.at(-1) >= high * (1 - 1e-8), `${low} to ${high}`);
    assert.ok(found.length >= 3 && found.length <= 9, `${low} to ${high}: ${found}`);
  }
  assert.deepEqual(within(-45, 45, 4, false), [-40, -20, 0, 20, 40]);
  assert.deepEqual(within(0, 2, 4, true), [0, 1, 2]);
  assert.deepEqual(within(0, 1, 4, true), [0, 1]); // there are no more whole ones
  const texts = powers(1e-5, 100).map(power);
  assert.deepEqual(texts, ["10⁻⁵", "10⁻⁴", "10⁻³", "10⁻²", "10⁻¹", "1", "10", "10²"]);
  assert.equal(plain(0.2, 0.05), "0.20");
  assert.equal(plain(-20, 20), "−20");
  assert.equal(plain(-0, 1), "0");
  assert.equal(plain(2000, 500), "2,000");
  assert.equal(percents(0.005, 0.005), "0.5 %");
  assert.equal(percents(1, 0.2), "100 %");
});

test("a line is read in stretches, at its own numbers", () => {
  assert.deepEqual(stretches([1, null, 2, 3, NaN, NaN, 4]), [[0], [2, 3], [6]]);
  assert.deepEqual(
    ends([
      [3, null, 1],
      [NaN, 7],
    ]),
    [1, 7],
  );
  assert.deepEqual(
    merged([
      [0, 3, 6],
      [0, 2, 4],
    ]),
    [0, 2, 3, 4, 6],
  );
  const list = [0, 10, 20, 100];
  for (const [value, k] of [
    [-5, 0],
    [4, 0],
    [6, 1],
    [59, 2],
    [61, 3],
    [1000, 3],
  ]) {
    assert.equal(closest(list, value), k, String(value));
  }
  assert.equal(closest([], 1), -1);
  assert.equal(closest([7], 1), 0);
});

const run = {
  settings: { hidden: [12], loss: "squared_error", optimizer: "descent", seed: 0 },
  length: 20,
};

test("a run's last layer has a unit for each of its classes", () => {
  assert.deepEqual(sizesOf(run), [784, 12, 10]);
  assert.deepEqual(sizesOf({ ...run, classes: ["no", "yes"] }), [784, 12, 2]);
});

test("classes with names are told, digits are not", () => {
  const digits = Array.from({ length: 10 }, (_, k) => String(k));
  assert.ok(!aboutRun({ ...run, classes: digits }).includes("classes"));
  assert.ok(!aboutRun(run).includes("classes"));
  const said = aboutRun({ ...run, classes: ["Bag", "Coat"], digits: "fashion" });
  assert.ok(said.startsWith("784 → 12 → 2, "));
  assert.ok(said.endsWith("seed 0, on fashion, 2 classes: Bag, Coat"));
  const many = aboutRun({ ...run, classes: [..."ABCDEFGHIJKLMNOPQRSTUVWXYZ"] });
  assert.ok(many.endsWith(", 26 classes: A, B, C … Z"));
});

test("a thing of a class has its article", () => {
  const said = [7, "8", "11", "18", "80", "12", "A", "B", "F", "U", "x", "Ankle boot", "Coat"];
  assert.deepEqual(said.map(one), [
    ...["a 7", "an 8", "an 11", "an 18", "an 80", "a 12", "an A", "a B", "an F", "a U", "an x"],
    ...["an Ankle boot", "a Coat"],
  ]);
  assert.equal(one("お"), "お");
});

test("of many values the largest are shown, the first of equals first", () => {
  assert.deepEqual(largestOf([0.1, 0.9, 0], 3), [0, 1, 2]);
  assert.deepEqual(largestOf([0.1, 0.5, 0.1, 0.5, 0.7], 3), [4, 1, 3]);
});

test("ten digits are digits, ten other names are classes", () => {
  assert.equal(kindOf([..."0123456789"]), "digit");
  assert.equal(kindOf([..."1234567890"]), "class");
  assert.equal(kindOf([..."01234567"]), "class");
});
