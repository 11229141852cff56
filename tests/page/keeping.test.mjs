// What is kept as a file: tables as CSV, and the pen that writes SVG.

import assert from "node:assert/strict";
import { test } from "node:test";

import { svgPen } from "../../src/chainrule/lab/page/parts/drawn.js";
import { csv } from "../../src/chainrule/lab/page/parts/keeping.js";
import { store, stored } from "../../src/chainrule/lab/page/parts/stored.js";

test("a table is written so that a spreadsheet reads it", () => {
  const rows = [
    ["digit", "a, b", 'say "no"', "two\nlines"],
    [3, 0.1, null, undefined],
  ];
  assert.equal(csv(rows), 'digit,"a, b","say ""no""","two\nlines"\r\n3,0.1,,\r\n');
});

test("numbers keep every digit", () => {
  const value = 0.1 + 0.2;
  assert.equal(Number(csv([[value]])), value);
});

test("the pen writes lines, circles and text, and clips what is to be clipped", () => {
  const { pen, svg } = svgPen(100, 50);
  pen.save();
  pen.beginPath();
  pen.rect(1, 2, 3, 4);
  pen.clip();
  pen.strokeStyle = "rgb(1 2 3)";
  pen.lineWidth = 2;
  pen.setLineDash([9, 5]);
  pen.beginPath();
  for (const [x, y] of [
    [0, 0],
    [1.005, 2],
  ])
    pen.lineTo(x, y);
  pen.stroke();
  pen.restore();
  pen.beginPath();
  pen.arc(5, 6, 7, 0, 2 * Math.PI);
  pen.fill();
  pen.fillText("a < b & c", 1, 2);
  const text = svg();
  assert.match(text, /^<svg xmlns="http:\/\/www.w3.org\/2000\/svg" width="100" height="50"/);
  assert.match(text, /<path d="M0 0L1 2" .*stroke="rgb\(1 2 3\)".*stroke-dasharray="9 5"\/>/);
  assert.match(text, /<circle cx="5" cy="6" r="7"/);
  assert.match(text, />a &#60; b &#38; c<\/text>/);
  const count = (pattern) => [...text.matchAll(pattern)].length;
  assert.equal(count(/<g /g), count(/<\/g>/g));
  assert.equal(count(/<clipPath/g), 1);
});

test("drawings are kept, read back, and left out where they cannot be", () => {
  const kept = new Map();
  globalThis.localStorage = {
    getItem: (key) => kept.get(key) ?? null,
    setItem: (key, text) => kept.set(key, text),
    removeItem: (key) => kept.delete(key),
  };
  const limits = { drawings: 3, pad: 280, strokes: 2, points: 3 };
  const pixels = `${"A".repeat(1046)}==`;
  const good = { image: { strokes: [[0, 280, 5, 5]], off: ["slant"] }, label: 9, pixels };
  assert.equal(store([good]), true);
  assert.deepEqual(stored(limits), [good]);
  for (const bad of [
    { ...good, label: "9" },
    { ...good, pixels: pixels.slice(1) },
    { ...good, image: { pixels, more: 1 } },
    { ...good, image: { strokes: [[0, 281]], off: [] } },
    { ...good, image: { strokes: [[0, 1, 2, 3, 4, 5, 6, 7]], off: [] } },
    { ...good, image: { strokes: [[0, 1], [2, 3], [4, 5]], off: [] } },
    { ...good, image: { strokes: [[0, 1]], off: [3] } },
  ]) {
    store([bad, good]);
    assert.deepEqual(stored(limits), [good]);
  }
  store([good, good, good, good]);
  assert.deepEqual(stored(limits), []);
  store([]);
  assert.equal(kept.size, 0);
});
