// What several views say in the same words.

export const LOSSES = { squared_error: "squared error", cross_entropy: "cross-entropy" };
export const OPTIMIZERS = { descent: "gradient descent", momentum: "momentum", adam: "Adam" };
const ENGINES = { numpy: "NumPy", compiled: "the compiled engine" };
export const many = (n, what) => `${n.toLocaleString("en-GB")} ${what}${n === 1 ? "" : "s"}`;
export const exactly = (share) => `${(100 * share).toFixed(1)} %`;

const small = (label) => label[0].toLowerCase() + label.slice(1);

const computing = ([step, name]) =>
  `${ENGINES[name] ?? name}${step ? ` from step ${step.toLocaleString("en-GB")}` : ""}`;

// The sizes of a run's layers, inputs first.
export const sizesOf = ({ settings, classes }) => [784, ...settings.hidden, classes?.length ?? 10];

// The names of a run's classes behind the numbers that the page has for them; nothing of digits.
const classesOf = ({ classes }) =>
  classes?.some((name, k) => name !== String(k))
    ? `, classes ${classes.map((name, k) => `${k} ${name}`).join(", ")}`
    : "";

// A run in a line: what decides every bit of it.
export function aboutRun(run) {
  const { settings, length, changes, digits, engines } = run;
  const rate = settings.learning_rate === null ? "" : `, α = ${settings.learning_rate}`;
  const batch = settings.batch_size ? `batches of ${settings.batch_size}` : "all images a step";
  const later = (changes ?? [])
    .slice(-3)
    .map(([step, to]) => `, ${to} from step ${step.toLocaleString("en-GB")}`)
    .join("");
  const more = (settings.more ?? []).map(([label, value]) => `, ${small(label)} ${value}`).join("");
  return (
    `${sizesOf(run).join(" → ")}, ${LOSSES[settings.loss]}, ` +
    `${OPTIMIZERS[settings.optimizer]}${rate}${later}${more}, ${batch}, ` +
    `${many(length, "step")}, seed ${settings.seed}${digits ? `, on ${digits}` : ""}` +
    classesOf(run) +
    (engines ? `, computed by ${engines.map(computing).join(", ")}` : "")
  );
}
