// Drawings that are not saved yet, in the browser's own store: a reload does not lose them. What is
// read from there is checked like anything that comes from outside.

const KEY = "chainrule-collected";
const LARGEST = 4_000_000; // characters
const PIXELS = /^[A-Za-z0-9+/]{1046}==$/; // 784 bytes

// The drawings that are kept: { image, label, pixels } each; [] if there are none that can be read.
export function stored(limits) {
  try {
    const text = localStorage.getItem(KEY);
    if (text === null || text.length > LARGEST) return [];
    const { version, drawings } = JSON.parse(text);
    const fine = version === 1 && Array.isArray(drawings) && drawings.length <= limits.drawings;
    return fine ? drawings.filter((each) => isDrawing(each, limits)) : [];
  } catch {
    return []; // no store, or something else in it
  }
}

// Keep these drawings in place of those before; whether the browser did.
export function store(drawings) {
  try {
    if (!drawings.length) localStorage.removeItem(KEY);
    else localStorage.setItem(KEY, JSON.stringify({ version: 1, drawings }));
    return true;
  } catch {
    return false;
  }
}

const whole = (value, most) => Number.isInteger(value) && value >= 0 && value <= most;

function isDrawing(each, { pad, strokes: most, points }) {
  const { image, label, pixels } = each ?? {};
  if (!whole(label, 9) || !PIXELS.test(pixels) || typeof image !== "object") return false;
  if (PIXELS.test(image.pixels)) return Object.keys(image).length === 1;
  const { strokes, off } = image;
  if (!Array.isArray(strokes) || !Array.isArray(off) || strokes.length > most) return false;
  if (!off.every((name) => typeof name === "string" && name.length <= 40)) return false;
  const good = (stroke) =>
    Array.isArray(stroke) &&
    stroke.length >= 2 &&
    stroke.length % 2 === 0 &&
    stroke.every((at) => whole(at, pad));
  return strokes.every(good) && strokes.flat().length <= 2 * points;
}
