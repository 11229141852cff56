// The axis of a chart: its range, its round numbers, and how they are written.

import { count, minus } from "./numbers.js";

const RAISED = "⁰¹²³⁴⁵⁶⁷⁸⁹";

// Round numbers that reach from `low` to at least `high`: 1, 2 or 5 and noughts apart, and `about`
// so many.
export function ticks(low, high, about = 5, whole = false) {
  const step = stepOf(high - low || 1, about, whole);
  const first = Math.floor(low / step + 1e-9);
  const last = Math.ceil(high / step - 1e-9);
  return Array.from({ length: last - first + 1 }, (_, k) => (first + k) * step);
}

function stepOf(span, about, whole) {
  const rough = span / about;
  const size = 10 ** Math.floor(Math.log10(rough));
  const step = [1, 2, 5, 10].find((each) => each * size >= rough * 0.999) * size;
  return whole ? Math.max(step, 1) : step;
}

// The round numbers from `low` to `high`: about so many, but three at least.
export function within(low, high, about, whole) {
  const found = ticks(low, high, about, whole).filter((tick) => tick >= low && tick <= high);
  return found.length < 3 && about < 20 ? within(low, high, 2 * about, whole) : found;
}

// The powers of ten from `low` to `high`, both above 0.
export function powers(low, high) {
  const [first, last] = [Math.ceil(Math.log10(low) - 1e-9), Math.floor(Math.log10(high) + 1e-9)];
  return Array.from({ length: Math.max(last - first + 1, 0) }, (_, k) => 10 ** (first + k));
}

// As many places as the step from one number of the axis to the next has.
export function plain(value, step) {
  const places = Math.max(0, -Math.floor(Math.log10(step) + 1e-9));
  return places ? minus((value || 0).toFixed(places)) : minus(count(Math.round(value) || 0));
}

export function percents(value, step) {
  return `${plain(100 * value, 100 * step)} %`;
}

// 0.001 as 10⁻³; 1 and 10 as they are.
export function power(value) {
  const exponent = Math.round(Math.log10(value));
  if (exponent === 0 || exponent === 1) return String(10 ** exponent);
  const digits = [...String(Math.abs(exponent))].map((digit) => RAISED[digit]).join("");
  return `10${exponent < 0 ? "⁻" : ""}${digits}`;
}

// Where the finite ones of these numbers begin and end; [Infinity, -Infinity] of none.
export function ends(lists) {
  let [low, high] = [Infinity, -Infinity];
  for (const list of lists) {
    for (const value of list) {
      if (value === null || !Number.isFinite(value)) continue;
      if (value < low) low = value;
      if (value > high) high = value;
    }
  }
  return [low, high];
}

// The indices of each stretch of a line without a gap.
export function stretches(y) {
  const found = [[]];
  for (let k = 0; k < y.length; k += 1) {
    if (Number.isFinite(y[k])) found.at(-1).push(k);
    else if (found.at(-1).length) found.push([]);
  }
  return found.filter((part) => part.length);
}

// The numbers of all of these growing lists, each once, growing.
export function merged(lists) {
  if (lists.every((list) => list === lists[0])) return lists[0] ?? [];
  return [...new Set(lists.flat())].sort((a, b) => a - b);
}

// The index of the number in a growing list that is closest to this one; -1 of none.
export function closest(list, value) {
  let [low, high] = [0, list.length - 1];
  while (high - low > 1) {
    const middle = (low + high) >> 1;
    if (list[middle] <= value) low = middle;
    else high = middle;
  }
  return list.length && value - list[low] > list[high] - value ? high : list.length ? low : -1;
}
