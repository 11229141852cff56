// What the picture of the network is drawn from, and what it costs to operate on it.

import { ask, bytes, NotRecorded, recorded } from "./server.js";

// The network as a picture, its images as bytes; a saved page has one of the usual size.
export async function picture(moment, more, signal) {
  if (recorded && !recorded.picture) throw new NotRecorded("picture");
  const answer = recorded?.picture ?? (await ask("api/picture", { ...moment, ...more }, signal));
  const open = (layer) => {
    const images = ["pixels", "blame", "stencils", "steps"].filter(
      (name) => typeof layer[name] === "string",
    );
    return { ...layer, ...Object.fromEntries(images.map((name) => [name, bytes(layer[name])])) };
  };
  return { ...answer, layers: answer.layers.map(open) };
}

// E of a moment while one parameter moves.
export async function curve(moment, name, signal) {
  if (recorded) throw new NotRecorded(name);
  return ask("api/curve", { ...moment, cell: name }, signal);
}

// The number of the test image of a class from which a network would learn most.
export async function subject(asked) {
  return ask("api/subject", asked);
}

// What changes of a network cost on all its test images.
export async function operate(network, changes, signal) {
  return ask("api/operate", { ...network, changes }, signal);
}

// What each hidden unit of a layer is worth, in a network that may be changed.
export async function matters(network, layer, signal) {
  return ask("api/matters", { ...network, layer }, signal);
}
