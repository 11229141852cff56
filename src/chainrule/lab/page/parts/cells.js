// The names of arrays and cells, and what they mean: W2[3,7], dZ1[4], E, W2[3,:], A1[:].

// "dW2" is { kind: "dW", layer: 2 }; x, y and E are of no layer.
export function kindOf(array) {
  const [, kind, layer] = /^(d?[A-Za-z])(\d*)$/.exec(array);
  return { kind, layer: Number(layer || 0) };
}

// The array and the index of a cell.
export function place(name) {
  const found = /^(\w+?)(?:\[([\d,]+)\])?$/.exec(name);
  return { array: found[1], index: found[2] ? found[2].split(",").map(Number) : [] };
}

const known = new Map();

// A cell or a range of cells, as { array, index }: a null in the index means every one; an index of
// null means the whole array. null if the text is no such name.
export function reference(text) {
  let found = known.get(text);
  if (found === undefined) {
    const parts = /^(\w+)(?:\[([^\]]*)\])?$/.exec(text);
    const number = (each) => (/^\d+$/.test(each) ? Number(each) : null);
    found = parts && {
      array: parts[1],
      index: parts[2] === undefined ? null : parts[2].split(",").map(number),
      text,
    };
    known.set(text, found);
  }
  return found;
}

// Whether two references have a cell in common.
export function meets(one, other) {
  if (one.array !== other.array) return false;
  if (!one.index || !other.index) return true;
  return one.index.every(
    (each, k) => each === null || other.index[k] === null || each === other.index[k],
  );
}

// Whether a ledger has the cell of this name.
export function has(ledger, name) {
  const ref = reference(name);
  const array = ref && ledger.arrays.get(ref.array);
  if (!array) return false;
  const index = ref.index ?? [];
  return (
    index.length === array.shape.length &&
    index.every((each, k) => each !== null && each < array.shape[k])
  );
}

// The cell that a name means in a ledger, or null: W2[3,*] means the number of this row that is
// furthest from 0, the first of equals.
export function meant(ledger, name) {
  const [, array, row] = /^(\w+)\[(\d+),\*\]$/.exec(name) ?? [];
  if (!array) return has(ledger, name) ? name : null;
  if (!has(ledger, `${array}[${row},0]`)) return null;
  const { values, shape } = ledger.arrays.get(array);
  const size = (column) => Math.abs(values[flat([Number(row), column], shape)]);
  let furthest = 0;
  for (let column = 1; column < shape[1]; column += 1) {
    if (size(column) > size(furthest)) furthest = column;
  }
  return `${array}[${row},${furthest}]`;
}

// Where a cell's value stands among the values of its array.
export function flat(index, shape) {
  return index.length === 2 ? index[0] * shape[1] + index[1] : (index[0] ?? 0);
}

// The wording of a cell: the pattern of its array with the index put in for i and j.
export function worded(pattern, index) {
  const put = (text) => text.replace(/\b[ij]\b/g, (letter) => index[letter === "i" ? 0 : 1]);
  return {
    formula: put(pattern.formula),
    comes_from: pattern.comes_from.map(put),
    feeds: pattern.feeds.map(put),
  };
}

// The array that a name of the source code means: W[2] is W2, A[0] is x, Y is y.
export function arrayOf(piece) {
  const found = /^(\w+)(?:\[(\w+)\])?$/.exec(piece);
  if (!found) return null;
  if (found[1] === "Y") return "y";
  if (found[1] === "A" && found[2] === "0") return "x";
  return found[1] + (found[2] ?? "");
}

const CELLS = /\b(?:d?[AZWb]\d+|[xy])\[[\d,]+\]/g;

// The cells that a text names, as data-cells has them.
export function named(text) {
  return (text.match(CELLS) ?? []).join(" ");
}

// The part of the page, as in hide=, that the values of an array belong to; L: the last layer.
export function partOf(array, L) {
  if (array === "y") return "truth";
  if (array.startsWith("d")) return "gradients";
  return array === `A${L}` || array === `Z${L}` ? "probabilities" : null;
}

// The steps of the pass: what is computed, in order, then the update.
export function phasesOf(ledger) {
  const computed = (name) => !["x", "y"].includes(name) && !/^[Wb]/.test(name);
  return [...ledger.arrays.keys()].filter(computed).concat("update");
}
