// Words of operating on the network.

import { count, percent } from "../parts/numbers.js";

// All of a class: the 3s, Coat.
const all = (name) => (name.length === 1 ? `the ${name}s` : name);
const change = (share) => {
  const points = (100 * Math.abs(share)).toFixed(1);
  return share < 0 ? `${points} points fewer` : `${points} points more`;
};

export const knife = {
  title: "What if?",
  hint:
    "Click a unit, and switch it off. Click a line, and move its weight. See what the whole " +
    "network then reads.",
  done: "What is changed",
  nothing: "Nothing is changed.",
  off: (name) => `${name} off`,
  set: (name, value) => `${name} = ${value}`,
  takeBack: (text) => `Take back: ${text}`,
  undo: "Undo",
  whole: "As it was",
  unit: (name) => `The unit of ${name}`,
  turnOff: "Switch it off",
  turnOn: "Switch it on",
  parameter: (name, value) => `${name} = ${value}`,
  cost: ({ images, accuracy, gained, lost }) =>
    `Reads ${percent(accuracy.after)} of the ${count(images)} test images right, before ` +
    `${percent(accuracy.before)}: ${count(lost.count)} are lost, ${count(gained.count)} won.`,
  matters: "What matters most?",
  worth: ({ unit, cost, digit }, names) =>
    cost > 0
      ? `unit ${unit}: without it ${change(-cost)}` +
        (digit === null ? "" : `, most of all ${all(names[digit])}`)
      : cost < 0
        ? `unit ${unit}: without it ${change(-cost)}`
        : `unit ${unit}: without it nothing changes`,
};
