// What a person worked out: a formula, a number, the answer to the question of a lesson.

import { NotRecorded, ask, recorded } from "./server.js";

// A formula for an array, or the number of a cell, as a person worked it out.
export async function tryFormula(moment, target, text) {
  if (recorded) throw new NotRecorded("formula");
  return ask("api/formula", { ...moment, target, formula: text });
}

export async function tryNumber(moment, cell, text) {
  if (recorded) throw new NotRecorded("number");
  return ask("api/number", { ...moment, cell, number: text });
}

let known = null;

export async function lessons() {
  known ??= (await ask("api/lessons")).lessons;
  return known;
}

// What becomes of an answer to the question of a lesson, at this moment.
export async function answer(moment, lesson, given) {
  return ask("api/answer", { ...moment, lesson, answer: given });
}
