// How numbers are written; their values come from the server.

const MINUS = "\u2212";

// Every digit: the shortest text that reads back as the same float64.
export function full(value) {
  return minus(Object.is(value, -0) ? "0" : String(value).replace("Infinity", "∞"));
}

// A few digits, for a cell or a sentence.
export function short(value) {
  if (typeof value !== "number" || !Number.isFinite(value)) return full(value);
  const size = Math.abs(value);
  if (size === 0) return "0";
  if (size >= 1e5 || size < 1e-4) return minus(value.toExponential(1));
  if (size >= 100) return minus(value.toFixed(0));
  if (size >= 10) return minus(value.toFixed(1));
  if (size >= 0.1) return minus(value.toFixed(2));
  return minus(value.toPrecision(2));
}

// As few as a cell has room for.
export function tiny(value) {
  if (typeof value !== "number" || !Number.isFinite(value)) return full(value);
  const size = Math.abs(value);
  if (size !== 0 && size < 0.00995) return minus(value.toExponential(0));
  if (size !== 0 && size < 0.0995) return minus(value.toFixed(2));
  return short(value);
}

// As explain/terms.py writes numbers: six digits.
export function six(value) {
  return typeof value === "number" && Number.isFinite(value)
    ? minus(String(Number(value.toPrecision(6))))
    : full(value);
}

// Never 100 % for less than 1.
export function percent(share) {
  if (share > 0.999 && share < 1) return "> 99.9 %";
  return `${(100 * share).toFixed((share > 0.9949 && share < 1) || share < 0.0995 ? 1 : 0)} %`;
}

const grouped = new Intl.NumberFormat("en-GB"); // made once: it is slow to make

export function count(value) {
  return grouped.format(value);
}

export function minus(text) {
  return String(text).replace(/-/g, MINUS);
}

// Two numbers written alike, to `digits` digits of the larger, and how much of both texts is equal.
export function alike(first, second, digits = 12) {
  const numbers = [first, second].map((value) => (typeof value === "number" ? value : NaN));
  if (!numbers.every(Number.isFinite))
    return { texts: [full(first), full(second)], equal: 0, digits: 0 };
  const largest = Math.max(...numbers.map(Math.abs));
  const exponent = largest ? Math.floor(Math.log10(largest)) : 0;
  const places = Math.min(Math.max(digits - 1 - exponent, 0), 60);
  const texts = numbers.map((value) => value.toFixed(places));
  let equal = 0;
  while (equal < texts[0].length && texts[0][equal] === texts[1][equal]) equal += 1;
  const same = texts[0]
    .slice(0, equal)
    .replace(/[^0-9]/g, "")
    .replace(/^0+/, "");
  return { texts: texts.map(minus), equal, digits: same.length };
}

// The places of the values that are shown: all of them in their order, or of more than `most` the
// largest, the first of equals first.
export function largestOf(values, most) {
  const order = Array.from(values, (_, k) => k);
  if (order.length <= most) return order;
  return order.sort((a, b) => values[b] - values[a]).slice(0, most);
}
