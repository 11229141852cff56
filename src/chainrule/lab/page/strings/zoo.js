// Words of the mistakes, and of what one of them does to a training.

import { LOSSES, OPTIMIZERS, many } from "./shared.js";

const share = (value) => `${(100 * value).toFixed(1)} %`;

export const zoo = {
  heading: "What a mistake does",
  lead:
    "Choose a mistake that people make. The small network is trained with it and without it. " +
    "Many mistakes train well: a loss that falls proves nothing.",
  mistake: "Mistake",
  choose: "Choose one …",
  loss: "Loss",
  losses: LOSSES,
  effect: "What it does",
  where: "Where it differs",
  seen: "Seen in",
  curvesTitle: "A training with it, and one without",
  accuracyChart: "Test accuracy, with the mistake and without",
  training: "Both are trained …",
  right: "right",
  wrong: "with the mistake",
  after: ({ wrong, right, steps }) =>
    `After ${many(steps, "step")} it reads ${share(wrong)} right, without the mistake ` +
    `${share(right)}.`,
  setting: ({ loss, optimizer, learning_rate: rate, weight_decay: decay, batch, images }) =>
    `784 → 10 → 10, ${LOSSES[loss]}, ${OPTIMIZERS[optimizer]}, α = ${rate}, ` +
    `${batch} images a step${decay ? `, weight decay ${decay}` : ""}; measured on ` +
    `${many(images, "test image")}, by its own forward pass and its own loss.`,
};
