// The sets of drawings that the lab has saved.

import { ask } from "./server.js";

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
