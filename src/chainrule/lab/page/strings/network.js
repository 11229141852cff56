// Words of the connected picture: what each unit and each answer has to say.

import { percent, short } from "../parts/numbers.js";
import { one } from "./shared.js";

const signed = (value) => (value < 0 ? short(value) : `+${short(value)}`);

export const network = {
  label: "The network as one picture",
  way: "What flows",
  forward: "Forward",
  backward: "Backward",
  forwardHint: "From the image to the answers: what each connection adds",
  backwardHint: "From the error back: how much each part is to blame",
  keyForward:
    "A line is input × weight. Thick: it counts for much. Full and orange: it adds. " +
    "Dashed and blue: it takes away.",
  keyBackward: (strength) =>
    "A line carries blame back: slope × weight. Full and orange: the error would grow. " +
    "Dashed and blue: it would fall." +
    (strength < 1 ? " All is paler here: from this image there is less to learn." : ""),
  saysForward: "Point at a unit or an answer to follow its path. Click to keep it.",
  saysBackward: "The error goes back along the same connections. Point at a unit to see its share.",
  imageBlame: "How the error changes with each pixel",
  layerLabel: (layer, { units, on, shown }) =>
    `Hidden layer ${layer}: ${on} of its ${units} units are on` +
    (shown.length < units ? `; the ${shown.length} strongest are shown` : ""),
  more: (n) => `and ${n} more`,
  unitLabel: (layer, unit, value, backward) =>
    `unit ${unit} of layer ${layer}, ${backward ? "blame" : "activation"} ${value}`,
  answersLabel: (shown, all) =>
    shown < all ? `The ${shown} most probable of ${all} answers` : "The answers",
  answerLabel: (name, value, backward, { says, truth }) =>
    `answer ${name}, ${backward ? "slope" : "probability"} ${value}` +
    (says ? ", what I say" : "") +
    (truth ? ", what it is" : ""),

  // "The answer 5: unit 4 +6.2, unit 7 −3.1, bias +0.2; sum 8.34."
  answerSays: (unit, { answers, layers, names }, backward, isHidden) => {
    const { push, rest, others, bias, Z, A } = answers[unit];
    const blame = layers.at(-1).blame[unit];
    const name = names[unit];
    if (isHidden("probabilities")) return `The answer ${name} is hidden.`;
    if (backward)
      return isHidden("gradients")
        ? "The gradients are hidden."
        : `The answer ${name}: if its sum grew by a little, the error would change ` +
            `${signed(blame)} times as much. So the sum should ${blame > 0 ? "fall" : "grow"}.`;
    const parts = push
      .filter(([, value]) => value !== 0)
      .map(([unit, value]) => `unit ${unit}: ${signed(value)}`);
    if (others) parts.push(`${others} others together: ${signed(rest)}`);
    return (
      `The answer ${name} is pushed by ${[...parts, `bias: ${signed(bias)}`].join(", ")}. ` +
      `Sum: ${short(Z)}. Softmax makes ${percent(A)} of it.`
    );
  },
  unitSays: ({ layer, unit }, picture, backward, isHidden) => {
    const { name, shown, values, blame } = picture.layers[layer];
    const at = shown.indexOf(unit);
    const where = picture.layers.length > 3 ? ` of layer ${layer}` : "";
    if (backward)
      return isHidden("gradients")
        ? "The gradients are hidden."
        : blame[at] === 0
          ? `Unit ${unit}${where} is off: ReLU lets no blame through, so nothing before it changes.`
          : `Unit ${unit}${where}: if its sum grew by a little, the error would change ` +
            `${signed(blame[at])} times as much.`;
    if (values[at] === 0) return `Unit ${unit}${where} is off: it adds nothing to any answer.`;
    const says = `Unit ${unit}${where} is on: ${name}[${unit}] = ${short(values[at])}.`;
    if (layer < picture.layers.length - 2 || isHidden("probabilities")) return says;
    const pushes = picture.answers
      .map(({ push }, digit) => [digit, push.find(([from]) => from === unit)?.[1] ?? 0])
      .sort((one, other) => other[1] - one[1]);
    const [most, least] = [pushes[0], pushes.at(-1)];
    return (
      `${says} It speaks most for ${one(picture.names[most[0]])} (${signed(most[1])}) and most ` +
      `against ${one(picture.names[least[0]])} (${signed(least[1])}).`
    );
  },
};
