// The sets of drawings that the lab has saved, and what is in a set of digits.

import { ask, bytes } from "./server.js";

// The sets of drawings that were saved, and the folders that cannot be read.
export async function sets() {
  return ask("api/sets");
}

export async function nameSet(set, name) {
  return ask("api/name-set", { set, name });
}

// What a network at a moment reads in the drawings of a set.
export async function readSet(set, at) {
  return ask("api/read-set", { set, ...at });
}

// Images of a part of a set, class by class, or with `chosen` a page of one class. The set is that
// of a network, or with null the one given to the lab.
export async function sheet({ network, part, chosen, start }) {
  const asked = { part, ...(network === null ? {} : { network }) };
  if (chosen !== null) Object.assign(asked, { class: chosen, start });
  const answer = await ask(`api/sheet?${new URLSearchParams(asked)}`);
  return { ...answer, images: bytes(answer.images) };
}

// The first images of the step that led to this one, deformed as the training saw them.
export async function seen({ network, step }, signal) {
  const asked = { network, ...(step === null ? {} : { step }) };
  const answer = await ask(`api/seen?${new URLSearchParams(asked)}`, undefined, signal);
  return { ...answer, images: bytes(answer.images) };
}
