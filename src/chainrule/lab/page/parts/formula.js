// A formula as explain/rules.py writes it, as MathML: "dZ2[3] = A2[3] (dA2[3] - Σk A2[k] dA2[k])".
// Every name of an array or cell in it carries the cells it means in data-cells.

import { element, maths } from "./element.js";

const KINDS = [
  /Σ[a-z]?|ReLU′|∂/,
  /[A-Za-z]+\d*(?:\[[^\]]*\])?[²ᵀ]?/, // names
  /[αλ]|h\b/,
  /\d+(?:\.\d+)?(?:e[-+]?\d+)?/, // numbers
  /:=|‖|[-−+=/(),·⊙²ᵀ]/,
];
const TOKEN = new RegExp(`\\s*(${KINDS.map((kind) => kind.source).join("|")})`, "uy");
const ARRAY = /^(d?[AZWb]\d+|[xyE]|d?[AZWb])(?:\[([^\]]*)\])?$/;
const FUNCTIONS = new Set(["exp", "log", "max", "softmax", "ReLU", "ReLU′"]);
const SYMBOLS = new Set(["J", "X", "Y", "M", "k", "i", "j", "h", "α", "λ", "m", "E", "g", "s"]);

export function formula(text) {
  return maths("math", {}, maths("mrow", {}, ...sequence(tokenise(text), () => false)));
}

const LONG = 32; // characters

// A formula on a line of its own; a long one is broken, and scrolls sideways where that is not
// enough.
// Its names take the focus, and light up what they mean.
export function display(text, attributes = {}) {
  const shown = text.length > LONG ? pieces(text) : formula(text);
  const node = element(
    "div",
    { class: "formula", role: "group", "aria-label": text, ...attributes },
    shown,
  );
  const names = node.querySelectorAll("[data-cells]");
  for (const each of names) each.setAttribute("tabindex", "0");
  if (!names.length) node.tabIndex = 0;
  return node;
}

// The same in pieces that a line may end between: after each = + − ⊙ and comma outside brackets.
export function pieces(text) {
  const rows = [[]];
  for (const node of sequence(tokenise(text), () => false)) {
    rows.at(-1).push(node);
    if (
      node.localName === "mo" &&
      /^([=+−⊙,]|:=)$/.test(node.textContent) &&
      rows.at(-1).length > 1
    )
      rows.push([]);
  }
  rows[0][0]?.setAttribute("lspace", "0");
  return rows
    .filter((row) => row.length)
    .map((row) => maths("math", {}, maths("mrow", {}, ...row)));
}

function tokenise(text) {
  const tokens = [];
  TOKEN.lastIndex = 0;
  let at = 0;
  while (at < text.length) {
    TOKEN.lastIndex = at;
    const found = TOKEN.exec(text);
    if (!found) {
      // Nothing that a formula says may be left out, also what is not known here.
      if (text[at].trim()) tokens.push({ text: text[at], word: true });
      at += 1;
      continue;
    }
    tokens.push({ text: found[1], spaced: /^\s/.test(found[0]) });
    at = TOKEN.lastIndex;
  }
  return words(tokens);
}

// Runs of words that are not symbols become one piece of text.
function words(tokens) {
  const out = [];
  for (const token of tokens) {
    const isWord =
      /^[a-z]{1,}$/i.test(token.text) &&
      !FUNCTIONS.has(token.text) &&
      !SYMBOLS.has(token.text) &&
      !ARRAY.test(token.text);
    const last = out.at(-1);
    if (isWord && last?.word) last.text += ` ${token.text}`;
    else out.push(isWord ? { ...token, word: true } : token);
  }
  return out;
}

// Items until `stop` or the end; "/" binds what stands beside it.
function sequence(tokens, stop) {
  const items = [];
  while (tokens.length && !stop(tokens[0].text)) {
    const token = tokens[0];
    if (token.text === "/") {
      tokens.shift();
      // " / " divides everything since the last + − = by everything up to the next; "1/2" only its
      // neighbours.
      let from = items.length - 1;
      if (token.spaced) while (from > 0 && !operator(items[from - 1])) from -= 1;
      const above = items.splice(Math.max(from, 0));
      const below = token.spaced
        ? sequence(tokens, (text) => stop(text) || ["+", "-", "−", "=", ",", ")"].includes(text))
        : [item(tokens)];
      items.push(
        maths("mfrac", {}, maths("mrow", {}, ...bare(above)), maths("mrow", {}, ...bare(below))),
      );
      continue;
    }
    items.push(item(tokens));
  }
  return items;
}

// A fraction's bar already groups: (a) / (b) loses its brackets when they are all of it.
function bare(items) {
  if (items.length !== 1 || !items[0].fenced) return items;
  return [...items[0].childNodes].slice(1, -1);
}

function operator(node) {
  return node.localName === "mo" && !node.dataset?.tight && /^[+−=,]$/.test(node.textContent);
}

function item(tokens) {
  const token = tokens.shift();
  const { text } = token;
  if (token.word) return maths("mtext", {}, `\u00a0${text}\u00a0`);
  if (text.startsWith("Σ")) {
    const sign = maths("mo", { largeop: "true", movablelimits: "false" }, "∑");
    return text.length > 1 ? maths("munder", {}, sign, maths("mi", {}, text[1])) : sign;
  }
  if (text === "∂") return maths("mrow", {}, maths("mi", {}, "∂"), item(tokens));
  if (text === "(") {
    const inside = sequence(tokens, (next) => next === ")");
    tokens.shift();
    const row = maths("mrow", {}, bracket("("), ...inside, bracket(")"));
    row.fenced = true;
    return power(row, tokens);
  }
  if (text === "‖") {
    const inside = sequence(tokens, (next) => next === "‖");
    tokens.shift();
    return power(maths("mrow", {}, bracket("‖"), ...inside, bracket("‖")), tokens);
  }
  if (FUNCTIONS.has(text)) return maths("mi", { mathvariant: "normal" }, text);
  if (/^\d/.test(text)) return maths("mn", {}, text);
  if (text === "-" || text === "−") return maths("mo", {}, "−");
  if (text === "·" || text === "⊙") return maths("mo", {}, text);
  if (text === ",") return maths("mo", { separator: "true", rspace: "0.6em" }, ",");
  if (["+", "=", ":="].includes(text)) return maths("mo", {}, text);
  return name(text, tokens);
}

function bracket(text) {
  return maths(
    "mo",
    { stretchy: "true", lspace: "0", rspace: "0", form: text === ")" ? "postfix" : "prefix" },
    text,
  );
}

function power(base, tokens) {
  const next = tokens[0]?.text;
  if (next !== "²" && next !== "ᵀ") return base;
  tokens.shift();
  return raised(base, next);
}

function raised(base, sign) {
  return maths(
    "msup",
    {},
    base,
    sign === "²" ? maths("mn", {}, "2") : maths("mi", { mathvariant: "normal" }, "T"),
  );
}

// dW2[3,k] reads d W₂ [3,k]; it means the cells dW2[3,:].
function name(text, tokens) {
  const end = /[²ᵀ]$/.exec(text)?.[0];
  const plain = end ? text.slice(0, -1) : text;
  const array = ARRAY.exec(plain);
  let node;
  if (
    array &&
    (array[1].length > 1 || array[2] !== undefined || ["x", "y", "E"].includes(array[1]))
  ) {
    const [, kind, layer] = /^(d?[A-Za-z])(\d*)$/.exec(array[1]);
    const letters =
      kind.length > 1
        ? maths("mrow", {}, maths("mi", { mathvariant: "normal" }, "d"), maths("mi", {}, kind[1]))
        : maths("mi", {}, kind);
    const parts = [layer ? maths("msub", {}, letters, maths("mn", {}, layer)) : letters];
    if (array[2] !== undefined) parts.push(...index(array[2]));
    const cells = array[1] + (array[2] === undefined ? "" : `[${array[2].replace(/[a-z]/g, ":")}]`);
    node = maths("mrow", { "data-cells": cells, class: "name" }, ...parts);
  } else if (plain.length > 1 && !/\d/.test(plain)) {
    node = maths("mtext", {}, plain);
  } else {
    node = maths("mi", {}, plain);
  }
  return end ? raised(node, end) : power(node, tokens);
}

function index(text) {
  const parts = text
    .split(",")
    .flatMap((each, k) => [
      ...(k ? [maths("mo", { separator: "true", lspace: "0", rspace: "0.1em" }, ",")] : []),
      /^\d+$/.test(each) ? maths("mn", {}, each) : maths("mi", {}, each),
    ]);
  const fence = { stretchy: "false", lspace: "0", rspace: "0" };
  return [maths("mo", fence, "["), ...parts, maths("mo", fence, "]")];
}
