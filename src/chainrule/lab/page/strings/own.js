// Words of Look inside: the backward step of the last layer as a product, and what a person worked
// out: a formula, or the number of one cell.

import { cell } from "./cell.js";
import { LOSSES, many, one } from "./shared.js";

const sized = (shape) => (shape.length ? shape.join(" × ") : "one number");
const bracketed = (text) => (text.startsWith("−") ? `(${text})` : text);
const listed = (texts) =>
  texts.length < 2 ? texts.join("") : `${texts.slice(0, -1).join(", ")} and ${texts.at(-1)}`;
const few = (value) =>
  typeof value === "number" ? String(Number(value.toPrecision(4))).replace("-", "−") : value;
const cases = (failed, names) => {
  const tests = failed.flatMap(([test]) => (test === null ? [] : [String(test)]));
  const labels = failed.flatMap(([test, label]) => (test === null ? [one(names[label])] : []));
  const images = `test image${tests.length === 1 ? "" : "s"} ${listed(tests)}`;
  const relabelled = `this image, taken for ${labels.join(" or ")}`;
  return [...(tests.length ? [images] : []), ...(labels.length ? [relabelled] : [])].join(
    ", and for ",
  );
};

const mistake = (found) => found.says ?? cell.why(found.mistake);

const factorOf = ({ factor, factor_name: name }) => (name ? name.replace("-", "−") : few(factor));
const times = (found) => {
  if (found.factor_name === "-1")
    return "Right but for the sign, which is wrong in every cell.";
  return `Right up to a factor: yours is ${factorOf(found)} times what is measured, in every cell.`;
};

export const own = {
  product: {
    title: (L) => `The Jacobian × dA${L} = dZ${L}`,
    where: (L, loss) =>
      loss === "squared_error"
        ? `E is ½ Σ (A${L} − y)². Its slope by one probability is A${L}[k] − y[k]: so A${L} − y ` +
          `is dA${L}. (For m images it is divided by m; here m = 1.)`
        : `E is −log A${L}[t], where t is the true label. Its slope by this probability is ` +
          `−1/A${L}[t], and 0 by all others: that is dA${L}.`,
    why: (L, loss) =>
      loss === "squared_error"
        ? `But no probability moves alone. Raise one Z${L}, and its own probability rises while ` +
          `all others fall; the Jacobian says how fast. A row of it times dA${L}, added up, is ` +
          `one number of dZ${L}.`
        : `So in each row only the term of t is left: A${L}[t] ((t = i) − A${L}[i]), times ` +
          `−1/A${L}[t]. A${L}[t] cancels, and what remains is A${L}[i] − y[i].`,
    how: (L) =>
      `Row: the Z${L} that is raised. Column: the probability that changes. (i = j) is 1 on the ` +
      `diagonal, else 0. Point at a row to see its terms, or press the button in front of it.`,
    endless: (L, t) =>
      `A${L}[${t}] has become 0, so dA${L}[${t}] is infinite. In dZ${L} it has cancelled: dZ${L} ` +
      `is computed without it.`,
    caption: (L) => `∂A${L}/∂Z${L}, the Jacobian of softmax, times dA${L} is dZ${L}`,
    row: (L, i) => `The terms of dZ${L}[${i}]`,
    terms: (L, i) => `Row Z${L}[${i}], each number times that of dA${L}:`,
    term: (a, b, both) => `${bracketed(a)} × ${bracketed(b)} = ${both}`,
    // small: terms that are left out, of which so many are exactly 0
    sum: (small, zeros) => {
      if (!small) return "Added up, ";
      return small === zeros
        ? "All others are exactly 0: "
        : `With ${many(small, "term")} too small to be seen, `;
    },
  },

  title: "Test my formula",
  lead:
    "Type how you would compute it. It is computed for this image, and compared with slopes that " +
    "are measured without any formula.",
  target: "My formula for",
  formula: "is",
  formulaName: "My formula ",
  test: "Test it",
  yours: "yours",
  hints: ({ sizes, loss, arrays }) => {
    const L = sizes.length - 1;
    const decay = arrays.get("dW1").formula.includes("λ") ? ", λ (the weight decay)" : "";
    const layer = L > 1 ? ", W1, b1, Z1, A1 and so on" : "";
    return [
      `Names: x, y, m${decay}${layer}; without a number, W, b, Z, A, dA, dZ, dW and db are those ` +
        `of layer ${L}. Vectors are columns.`,
      "Signs: + − * / cell by cell, @ for a product of matrices, .T to transpose, ** for a " +
        "power, < <= > >= == for 1 or 0. Functions: sum, mean, max, abs, exp, log, relu.",
      `Such as: W @ A${L - 1 || 0} + b, (Z1 > 0) * A1, sum(${
        loss === "squared_error" ? "(A - y) ** 2" : "y * log(A)"
      }).`,
    ];
  },
  caption: (target) => `Your ${target} beside the measured slopes`,
  some: (shown, compared, cells) =>
    `The ${shown} largest of ${
      compared < cells
        ? `${compared.toLocaleString("en-GB")} cells that were compared, of ` +
          `${cells.toLocaleString("en-GB")}`
        : `${cells.toLocaleString("en-GB")} cells, all compared`
    }.`,
  verdict: (found) => {
    const { target, kind } = found;
    return {
      unread: () => `I cannot read this: ${found.why}.`,
      right: () => `Right: this is ${target}.`,
      lucky: () => "Right on this image, but only by luck.",
      factor: () => times(found),
      transposed: () =>
        found.then_right
          ? "Right, but it lies on its side: transpose it with .T."
          : `It lies on its side: yours is ${sized(found.shape)}, ${target} is ` +
            `${sized(found.wanted)}. Transposed it is not right either.`,
      known: () =>
        found.factor === null
          ? "Wrong, and many people write it."
          : `Wrong. Many people write it without the factor ${factorOf(found)}.`,
      wrong: () => "Wrong.",
      hidden: () => "On this image rounding hides the measured slopes, so nothing can be told.",
      shape: () =>
        `The shape does not fit: yours is ${sized(found.shape)}, ${target} is ` +
        `${sized(found.wanted)}.`,
      infinite: () => "Somewhere it gives no number.",
    }[kind]();
  },
  // What else there is to say; `secret`: without numbers, because gradients are hidden.
  more: (found, secret, names) => {
    if (found.kind === "unread") return [];
    const { kind, held, failed, worst, kinks } = found;
    const told = [`Read as ${found.read.replaceAll("-", "−")}.`];
    if (kind === "shape" && found.read.includes(" * "))
      told.push("* goes cell by cell; a product of matrices is @.");
    if (kind === "known") told.push(mistake(found));
    else if (found.other_loss) told.push(`It is right for ${LOSSES[found.other_loss]}.`);
    if (failed.length) told.push(`It is wrong for ${cases(failed, names)}.`);
    else if (held)
      told.push(`It is so on ${held === 1 ? "one other image or label" : `${held} others`} too.`);
    if (worst.length && !secret) {
      const each = worst.map((row) => `${row.cell} (${few(row.yours)}, not ${few(row.measured)})`);
      told.push(`${kind === "infinite" ? "Here" : "Most of all"}: ${each.join(", ")}.`);
    }
    if (kinks)
      told.push(`Left out: ${many(kinks, "cell")} at a corner of ReLU, where E has no slope.`);
    return told;
  },

  numberTitle: "My number",
  numberAsked: (name) => `What did you get for ${name}?`,
  numberHint: "such as −0.25 or 1/3",
  check: "Check",
  number: (found, name) =>
    ({
      unread: () => `I cannot read this: ${found.why}.`,
      right: () =>
        found.typed === 0 ? "Right: it is exactly 0." : `Right, to ${many(found.digits, "digit")}.`,
      close: () =>
        found.digits
          ? `Close: right to ${many(found.digits, "digit")}, then it differs.`
          : "Close: off by less than 5 %.",
      coarse: () => "Rounded so far, nothing can be told: give one digit more.",
      "not zero": () => "It is not 0.",
      zero: () => "Not this. One of its factors is special: look at them one by one.",
      sign: () => "The size is right, the sign is wrong.",
      factor: () => {
        const wrong = found.negative ? ", and its sign is wrong" : "";
        const m = found.m?.toLocaleString("en-GB");
        if (found.factor === "1/m")
          return (
            `Yours is ${name} divided by ${m}${wrong}. Did you divide by m = ${m}? Here E is of ` +
            `this one image, so m = 1.`
          );
        if (found.factor === "m") return `Yours is ${m} times too large${wrong}: m = 1 here.`;
        if (found.factor.startsWith("10^"))
          return `The digits are right, but the decimal point is in another place${wrong}.`;
        return found.factor === "2"
          ? `Yours is twice as large as it should be${wrong}.`
          : `Yours is half as large as it should be${wrong}.`;
      },
      mistake: () => `This is what a known mistake gives. ${mistake(found)}`,
      cell: () => `This is the number of ${found.cell}, not of ${name}.`,
      wrong: () => "Not right.",
      infinite: () => "This cell has no finite number.",
    })[found.kind](),

  closerDo: "why?",
  closerName: (L) => `Why? A closer look at dZ${L}`,
};
