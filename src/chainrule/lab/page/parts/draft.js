// Code that is being written, in the browser's own store: a reload does not lose it. What is read
// from there is checked like anything that comes from outside.

const KEY = "chainrule-code";
const LONGEST = 1_000_000; // characters
const LOSSES = ["", "squared_error", "cross_entropy"];

// The code that is kept: { name, text, loss }; null if there is none that can be read.
export function draft() {
  try {
    const { version, name, text, loss } = JSON.parse(localStorage.getItem(KEY));
    const texts = [name, text].every((each) => typeof each === "string");
    const fine = version === 1 && texts && name.length <= 60 && text.length <= LONGEST;
    return fine && LOSSES.includes(loss) ? { name, text, loss } : null;
  } catch {
    return null; // no store, or something else in it
  }
}

// Keep this code in place of what was kept before; whether the browser did.
export function keepDraft({ name, text, loss }) {
  try {
    if (!text) localStorage.removeItem(KEY);
    else localStorage.setItem(KEY, JSON.stringify({ version: 1, name, text, loss }));
    return true;
  } catch {
    return false;
  }
}
