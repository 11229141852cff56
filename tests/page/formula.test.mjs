// Formulas as MathML, on elements that only remember what they are made of.

import assert from "node:assert/strict";
import { test } from "node:test";

class Node {
  constructor(name) {
    Object.assign(this, { localName: name, childNodes: [], attributes: {}, dataset: {} });
  }

  append(...children) {
    this.childNodes.push(...children);
  }

  setAttribute(name, value) {
    this.attributes[name] = String(value);
  }

  get textContent() {
    return this.childNodes.map((each) => each.textContent ?? String(each)).join("");
  }

  // As it is nested: mi(x), msub(mi(W)mn(2)).
  get shape() {
    const inner = this.childNodes.map((each) => each.shape ?? String(each)).join("");
    return ["mrow", "math"].includes(this.localName) ? inner : `${this.localName}(${inner})`;
  }

  // What its names mean.
  get cells() {
    const own = this.attributes["data-cells"];
    return [...(own ? [own] : []), ...this.childNodes.flatMap((each) => each.cells ?? [])];
  }
}

globalThis.document = {
  createElement: (name) => new Node(name),
  createElementNS: (_, name) => new Node(name),
};
const { formula, pieces } = await import("../../src/chainrule/lab/page/parts/formula.js");

test("every name carries the cells it means", () => {
  const made = formula("dW2[3,7] = dZ2[3] A1[7]");
  assert.deepEqual(made.cells, ["dW2[3,7]", "dZ2[3]", "A1[7]"]);
  assert.deepEqual(formula("Z1[3] = Σk W1[3,k] x[k] + b1[3]").cells, [
    "Z1[3]",
    "W1[3,:]",
    "x[:]",
    "b1[3]",
  ]);
});

test("names, indices and powers", () => {
  assert.equal(formula("W2").shape, "msub(mi(W)mn(2))");
  assert.equal(formula("‖g‖²").shape, "msup(mo(‖)mi(g)mo(‖)mn(2))");
  assert.equal(formula("dZ1 xᵀ").shape, "msub(mi(d)mi(Z)mn(1))msup(mi(x)mi(T))");
  assert.equal(formula("ReLU′(Z1)").shape, "mi(ReLU′)mo(()msub(mi(Z)mn(1))mo())");
  assert.equal(formula("J dA2 Xᵀ Y").shape, "mi(J)msub(mi(d)mi(A)mn(2))msup(mi(X)mi(T))mi(Y)");
  assert.equal(formula("0 or 1").textContent.replaceAll("\u00a0", " "), "0 or 1");
});

test("weight decay, and nothing is left out", () => {
  const made = formula("dW2[3,7] = dZ2[3] A1[7] + λ W2[3,7]");
  assert.match(made.shape, /mo\(\+\)mi\(λ\)/);
  assert.deepEqual(made.cells.slice(-1), ["W2[3,7]"]);
  assert.match(formula("λ/2 Σ ‖W‖²").shape, /^mfrac\(mi\(λ\)mn\(2\)\)mo\(∑\)msup\(/);
  assert.match(formula("a ★ b").textContent, /★/);
});

test("a fraction takes what stands beside it, as far as the spaces say", () => {
  assert.equal(formula("m + k / h").shape, "mi(m)mo(+)mfrac(mi(k)mi(h))");
  assert.equal(formula("(E(+h) - E(-h)) / (2 h)").shape.slice(0, 6), "mfrac(");
  assert.equal(formula("1/2 k").shape, "mfrac(mn(1)mn(2))mi(k)");
});

test("a long formula is broken after its operators, and loses nothing", () => {
  const text = "dZ2[3] = A2[3] (dA2[3] - Σk A2[k] dA2[k])";
  const whole = formula(text).textContent;
  const broken = pieces(text);
  assert.ok(broken.length > 1);
  assert.equal(broken.map((each) => each.textContent).join(""), whole);
});
