// What several views say in the same words.

export const LOSSES = { squared_error: "squared error", cross_entropy: "cross-entropy" };
export const OPTIMIZERS = { descent: "gradient descent", momentum: "momentum", adam: "Adam" };
const ENGINES = { numpy: "NumPy", compiled: "the compiled engine" };
export const many = (n, what) => `${n.toLocaleString("en-GB")} ${what}${n === 1 ? "" : "s"}`;
export const exactly = (share) => `${(100 * share).toFixed(1)} %`;

const small = (label) => label[0].toLowerCase() + label.slice(1);

const computing = ([step, name]) =>
  `${ENGINES[name] ?? name}${step ? ` from step ${step.toLocaleString("en-GB")}` : ""}`;

// A run in a line: what decides every bit of it.
export function aboutRun({ settings, length, changes, digits, engines }) {
  const rate = settings.learning_rate === null ? "" : `, α = ${settings.learning_rate}`;
  const batch = settings.batch_size ? `batches of ${settings.batch_size}` : "all images a step";
  const later = (changes ?? [])
    .slice(-3)
    .map(([step, to]) => `, ${to} from step ${step.toLocaleString("en-GB")}`)
    .join("");
  const more = (settings.more ?? []).map(([label, value]) => `, ${small(label)} ${value}`).join("");
  return (
    `${[784, ...settings.hidden, 10].join(" → ")}, ${LOSSES[settings.loss]}, ` +
    `${OPTIMIZERS[settings.optimizer]}${rate}${later}${more}, ${batch}, ` +
    `${many(length, "step")}, seed ${settings.seed}${digits ? `, on ${digits}` : ""}` +
    (engines ? `, computed by ${engines.map(computing).join(", ")}` : "")
  );
}
