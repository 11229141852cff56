// What several views say in the same words.

export const LOSSES = { squared_error: "squared error", cross_entropy: "cross-entropy" };
export const OPTIMIZERS = { descent: "gradient descent", momentum: "momentum", adam: "Adam" };
const ENGINES = { numpy: "NumPy", compiled: "the compiled engine" };
export const many = (n, what) => `${n.toLocaleString("en-GB")} ${what}${n === 1 ? "" : "s"}`;
// The names as one list, or of many the first and the last.
export const listed = (names) =>
  names.length > 10 ? `${names.slice(0, 3).join(", ")} … ${names.at(-1)}` : names.join(", ");

export const counted = (n) => (n === 10 ? "ten" : String(n));

// The ten digits need no names.
export const areDigits = (names) =>
  names.length === 10 && names.every((name, k) => name === String(k));

// What the classes of a network are called together.
export const kindOf = (names) => (areDigits(names) ? "digit" : "class");

// A thing of this class: a 3, an 8, an A, a Coat. Where no Latin letter begins there is no article.
export function one(name) {
  const text = String(name);
  if (!/^[0-9a-z]/i.test(text)) return text;
  const alone = /^([aefhilmnorsx]|8\d?|11|18)$/i;
  return `${alone.test(text) || /^[aeiou]./i.test(text) ? "an" : "a"} ${text}`;
}

export const exactly = (share) => `${(100 * share).toFixed(1)} %`;

const small = (label) => label[0].toLowerCase() + label.slice(1);

const computing = ([step, name]) =>
  `${ENGINES[name] ?? name}${step ? ` from step ${step.toLocaleString("en-GB")}` : ""}`;

// The sizes of a run's layers, inputs first.
export const sizesOf = ({ settings, classes }) => [784, ...settings.hidden, classes?.length ?? 10];

// The classes of a run; nothing of digits.
const classesOf = ({ classes }) =>
  classes && !areDigits(classes) ? `, ${classes.length} classes: ${listed(classes)}` : "";

// A run in a line: what decides every bit of it.
export function aboutRun(run) {
  const { settings, length, changes, digits, engines } = run;
  const rate = settings.learning_rate === null ? "" : `, α = ${settings.learning_rate}`;
  const batch = settings.batch_size ? `batches of ${settings.batch_size}` : "all images a step";
  const later = (changes ?? [])
    .slice(-3)
    .map(([step, to]) => `, ${to} from step ${step.toLocaleString("en-GB")}`)
    .join("");
  const said = (value) => String(value).replace("_", "-");
  const more = (settings.more ?? [])
    .map(([label, value]) => `, ${small(label)} ${said(value)}`)
    .join("");
  return (
    `${sizesOf(run).join(" → ")}, ${LOSSES[settings.loss]}, ` +
    `${OPTIMIZERS[settings.optimizer]}${rate}${later}${more}, ${batch}, ` +
    `${many(length, "step")}, seed ${settings.seed}${digits ? `, on ${digits}` : ""}` +
    classesOf(run) +
    (engines ? `, computed by ${engines.map(computing).join(", ")}` : "")
  );
}
