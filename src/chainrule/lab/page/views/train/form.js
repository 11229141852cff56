// What is to be trained: the settings of a run, each with what it means.

import { choice } from "../../parts/choice.js";
import { button, element } from "../../parts/element.js";
import { count } from "../../parts/numbers.js";
import { words } from "../../strings.js";

const says = words.train;
const IMAGES = 60000; // of MNIST, to train on
const SEED = {
  hidden: "10",
  loss: "squared_error",
  optimizer: "descent",
  rate: "",
  batch: "",
  length: "",
  unit: "steps",
  seed: "0",
  threads: "",
};

// `begin` is told the settings once they can be meant.
export function form({ lab, begin }) {
  const fields = fieldsOf(lab);
  const { hidden, rate, batch, length, seed, threads } = fields;
  const loss = chosen("loss", says.loss, says.losses, suit);
  const optimizer = chosen("optimizer", says.optimizer, says.optimizers, suit);
  const unit = choice(says.unit, "train-unit", Object.entries(says.units), suit);
  length.node.append(unit.node);
  batch.input.addEventListener("input", suit);

  const objection = element("p", {
    class: "bad",
    role: "alert",
    id: "train-objection",
    hidden: true,
  });
  const start = element("button", { class: "primary", id: "train-start" }, says.start);
  const reset = button(says.reset, () => fill(SEED), { id: "train-reset" });
  const busy = element("p", { class: "quiet", id: "train-busy" });
  const settings = [hidden, loss, optimizer, rate, batch, length, seed, threads];
  const node = element(
    "form",
    { class: "settings", onsubmit: submit, novalidate: true, "aria-labelledby": "train-title" },
    element("h2", { id: "train-title" }, says.settingsTitle),
    settings.map((each) => each.node),
    objection,
    element("div", { class: "row-of-buttons" }, start, reset),
    busy,
  );
  fill(SEED);

  function fill(settings) {
    for (const [name, { input }] of Object.entries(fields)) {
      input.value = settings[name];
      input.removeAttribute("aria-invalid");
    }
    loss.value = settings.loss;
    optimizer.value = settings.optimizer;
    unit.value = settings.unit;
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
    const number = ({ input }) => (input.value === "" ? null : Number(input.value));
    const text = hidden.input.value.trim();
    const inEpochs = unit.value === "epochs";
    return {
      hidden: text === "none" ? [] : text.split(",").map(Number),
      loss: loss.value,
      optimizer: optimizer.value,
      learning_rate: number(rate),
      batch_size: number(batch),
      steps: inEpochs ? null : number(length),
      epochs: inEpochs ? number(length) : null,
      seed: number(seed),
      threads: number(threads),
    };
  }

  function submit(event) {
    event.preventDefault();
    const wrong = Object.values(fields).find((each) => !each.valid());
    if (wrong) {
      wrong.input.setAttribute("aria-invalid", "true");
      object(
        says.wrong(
          wrong.label,
          wrong.input.title || wrong.input.validationMessage || says.positive,
        ),
      );
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

function fieldsOf({ limits, cores }) {
  const { layers, width, last, threads } = limits;
  const one = `\\d{1,${String(width).length}}`;
  const whole = { type: "number", min: 1, max: last, step: 1, inputmode: "numeric" };
  const fields = {
    hidden: field("hidden", says.hidden, {
      type: "text",
      pattern: `\\s*(none|${one}(\\s*,\\s*${one}){0,${layers - 1}})\\s*`,
      spellcheck: "false",
      required: true,
      title: says.hiddenTitle,
    }),
    rate: field("rate", says.rate, { type: "number", min: 0, step: "any", inputmode: "decimal" }),
    batch: field("batch", says.batch, { ...whole, max: IMAGES, placeholder: says.allImages }),
    length: field("length", says.length, whole),
    seed: field("seed", says.seed, { ...whole, min: 0, required: true }),
    threads: field("threads", says.threads, {
      ...whole,
      max: threads,
      placeholder: String(cores ?? ""),
    }),
  };
  const { rate } = fields;
  const plain = rate.valid;
  rate.valid = () => plain() && (rate.input.value === "" || Number(rate.input.value) > 0);
  return fields;
}

function field(name, label, attributes) {
  const id = `train-${name}`;
  const whyId = `${id}-why`;
  const input = element("input", {
    id,
    name,
    autocomplete: "off",
    "aria-describedby": whyId,
    ...attributes,
  });
  const valid = () => input.validity.valid;
  input.addEventListener("input", () => input.setAttribute("aria-invalid", String(!valid())));
  const why = element("p", { class: "quiet", id: whyId }, says.why[name] ?? "");
  const head = element("label", { for: id }, label);
  return { input, why, label, valid, node: element("div", { class: "setting" }, head, input, why) };
}

function chosen(name, label, options, suit) {
  const why = element("p", { class: "quiet", id: `train-${name}-why` });
  const found = choice(label, `train-${name}`, Object.entries(options), suit, {
    class: "setting choice",
    "aria-describedby": why.id,
  });
  found.node.append(why);
  return Object.defineProperty(found, "why", { value: why });
}
