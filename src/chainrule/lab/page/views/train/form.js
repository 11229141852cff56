// What is to be trained: the settings of a run, each with what it means.

import { choice } from "../../parts/choice.js";
import { button, element } from "../../parts/element.js";
import { count } from "../../parts/numbers.js";
import { words } from "../../strings.js";

const says = words.train;
const IMAGES = 60000; // of MNIST, to train on
// Ids of fields that are shorter than the names of their settings.
const SHORT = { learning_rate: "rate", batch_size: "batch" };

// `begin` is told the settings once they can be meant.
export function form({ lab, begin }) {
  const of = Object.fromEntries(lab.settings.map((each) => [each.name, each]));
  const loss = chosen(of.loss, says.losses, suit);
  const optimizer = chosen(of.optimizer, says.optimizers, suit);
  const whole = { ...of.steps, name: "length", label: says.length };
  const length = field(whole, lab.limits);
  const unit = choice(says.unit, "train-unit", Object.entries(says.units), suit);
  length.node.append(unit.node);
  const threads = field({ ...whole, name: "threads", label: says.threads }, lab.limits, {
    max: lab.limits.threads,
    placeholder: String(lab.cores ?? ""),
  });
  const engine = chosen(of.engine, says.engines);
  engine.why.textContent = says.why.engine(of.engine.missing);
  for (const input of engine.inputs()) {
    input.disabled = input.value === "compiled" && of.engine.missing !== null;
  }
  const plain = lab.settings.filter(({ kind, name }) => kind !== "choice" && !LENGTHS.has(name));
  const fields = Object.fromEntries(plain.map((each) => [each.name, field(each, lab.limits)]));
  const { hidden, learning_rate: rate, batch_size: batch, ...rest } = fields;
  batch.input.max = IMAGES;
  batch.input.placeholder = says.allImages;
  batch.input.addEventListener("input", suit);

  const objection = element("p", {
    class: "bad",
    role: "alert",
    id: "train-objection",
    hidden: true,
  });
  const start = element("button", { class: "primary", id: "train-start" }, says.start);
  const reset = button(says.reset, fill, { id: "train-reset" });
  const busy = element("p", { class: "quiet", id: "train-busy" });
  const others = [...Object.values(rest), engine, threads];
  const all = [hidden, loss, optimizer, rate, batch, length, ...others];
  const node = element(
    "form",
    { class: "settings", onsubmit: submit, novalidate: true, "aria-labelledby": "train-title" },
    element("h2", { id: "train-title" }, says.settingsTitle),
    all.map((each) => each.node),
    objection,
    element("div", { class: "row-of-buttons" }, start, reset),
    busy,
  );
  const typed = [...Object.values(fields), length, threads];
  fill();

  // The settings of the small network.
  function fill() {
    for (const { input, usual } of typed) {
      input.value = usual;
      input.removeAttribute("aria-invalid");
    }
    loss.value = of.loss.default;
    optimizer.value = of.optimizer.default;
    engine.value = of.engine.default;
    unit.value = "steps";
    object(null);
    suit();
  }

  // The defaults that suit this loss and optimizer, where a field is left empty.
  function suit() {
    const suited = lab.defaults[loss.value][optimizer.value];
    const batched = batch.input.value !== "";
    const pair = says.pair(loss.value, optimizer.value);
    const alpha = String(batched ? suited.batch_learning_rate : suited.learning_rate);
    const epochs = unit.value === "epochs" ? String(lab.batch_epochs) : "";
    rate.input.placeholder = alpha;
    rate.why.textContent = says.why.rateOf(alpha, pair, batched);
    loss.why.textContent = says.why.losses[loss.value];
    optimizer.why.textContent = says.why.optimizers[optimizer.value];
    length.input.placeholder = batched ? epochs : String(suited.steps);
    length.why.textContent = batched
      ? says.why.lengthBatched(lab.batch_epochs)
      : says.why.lengthOf(count(suited.steps), pair);
  }

  // What the form says, as the server is asked.
  function asked() {
    const inEpochs = unit.value === "epochs";
    return {
      ...Object.fromEntries(Object.entries(fields).map(([name, each]) => [name, each.meant()])),
      loss: loss.value,
      optimizer: optimizer.value,
      steps: inEpochs ? null : length.meant(),
      epochs: inEpochs ? length.meant() : null,
      threads: threads.meant(),
      engine: engine.value,
    };
  }

  function submit(event) {
    event.preventDefault();
    const wrong = typed.find((each) => !each.valid());
    if (wrong) {
      wrong.input.setAttribute("aria-invalid", "true");
      object(says.wrong(wrong.label, wrong.input.title || wrong.objection()));
      return wrong.input.focus();
    }
    object(null);
    return begin(asked());
  }

  // Why it cannot be trained; null: it can.
  function object(why) {
    objection.hidden = why === null;
    objection.textContent = why;
  }

  return { node, start, object, say: (text) => (busy.textContent = text) };
}

// A field for a setting as the server describes it. An empty one means what suits the others.
function field(setting, limits, more = {}) {
  const { name, label, kind, help, optional } = setting;
  const id = `train-${SHORT[name] ?? name}`;
  const whyId = `${id}-why`;
  const attributes = { ...KINDS[kind](setting, limits), ...more };
  const input = element("input", {
    id,
    name: SHORT[name] ?? name,
    autocomplete: "off",
    "aria-describedby": whyId,
    required: !optional,
    ...attributes,
  });
  const above = () => !setting.above || input.value === "" || Number(input.value) > setting.least;
  const valid = () => input.validity.valid && above();
  const objection = () => input.validationMessage || says.above(setting.least);
  const text = () => input.value.trim();
  const meant = () => (kind === "widths" ? widths(text()) : text() === "" ? null : Number(text()));
  input.addEventListener("input", () => input.setAttribute("aria-invalid", String(!valid())));
  const why = element("p", { class: "quiet", id: whyId }, says.why[SHORT[name] ?? name] ?? help);
  const head = element("label", { for: id }, label);
  const node = element("div", { class: "setting" }, head, input, why);
  const usual = String(setting.default ?? "");
  return { input, why, label, valid, objection, meant, usual, node };
}

const LENGTHS = new Set(["steps", "epochs"]); // one field has both

const widths = (text) => (text === "none" ? [] : text.split(",").map(Number));

const KINDS = {
  widths(_, { layers, width }) {
    const one = `\\d{1,${String(width).length}}`;
    return {
      type: "text",
      pattern: `\\s*(none|${one}(\\s*,\\s*${one}){0,${layers - 1}})\\s*`,
      spellcheck: "false",
      title: says.hiddenTitle,
    };
  },
  whole: ({ least }, { last }) => ({
    type: "number",
    min: least,
    max: last,
    step: 1,
    inputmode: "numeric",
  }),
  number: ({ least, most }) => ({
    type: "number",
    min: least,
    ...(typeof most === "number" ? { max: most } : {}),
    step: "any",
    inputmode: "decimal",
  }),
};

function chosen({ name, label, choices }, said, suit) {
  const why = element("p", { class: "quiet", id: `train-${name}-why` });
  const options = choices.map((each) => [each, said[each] ?? each]);
  const found = choice(label, `train-${name}`, options, suit, {
    class: "setting choice",
    "aria-describedby": why.id,
  });
  found.node.append(why);
  return Object.defineProperty(found, "why", { value: why });
}
