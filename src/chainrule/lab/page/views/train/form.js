// What is to be trained: Start, and the settings of a run, each with what it means on demand.

import { button, element } from "../../parts/element.js";
import { count } from "../../parts/numbers.js";
import { words } from "../../strings.js";
import { chosen, field, setting } from "./fields.js";

const says = words.train;
const IMAGES = 60000; // of MNIST, to train on
// Settings that wait behind "More".
const RARE = ["weight_decay", "momentum_decay", "validation_share", "patience"];
const LENGTHS = new Set(["steps", "epochs"]); // one field has both
const wide = matchMedia("(min-width: 60rem)"); // there is room for the settings beside the rest

// The rows of the form: `usual` are seen at once, the others behind "More".
function rowsOf(lab) {
  const of = Object.fromEntries(lab.settings.map((each) => [each.name, each]));
  const loss = chosen(of.loss, says.losses);
  const optimizer = chosen(of.optimizer, says.optimizers);
  const engine = chosen(of.engine, says.engines);
  engine.why.textContent = says.why.engine(of.engine.missing);
  for (const option of engine.input.options) {
    option.disabled = option.value === "compiled" && of.engine.missing !== null;
  }
  const deform = chosen(of.deform, says.deforms);
  const schedule = chosen(of.schedule, says.schedules);
  deform.why.textContent = says.why.deform;
  schedule.why.textContent = says.why.schedule;
  const units = Object.entries(says.units);
  const unit = element(
    "select",
    { id: "train-unit", "aria-label": says.unit },
    units.map(([value, text]) => element("option", { value }, text)),
  );
  const whole = { ...of.steps, name: "length", label: says.length };
  const length = field(whole, lab.limits, {}, unit);
  const threads = field({ ...whole, name: "threads", label: says.threads }, lab.limits, {
    max: lab.limits.threads,
    placeholder: String(lab.cores ?? ""),
  });
  const measured = setting("measured", says.measured, {
    input: element("input", { type: "checkbox", id: "train-measured" }),
    why: says.why.measured,
  });
  const plain = lab.settings.filter(({ kind, name }) => kind !== "choice" && !LENGTHS.has(name));
  const fields = Object.fromEntries(plain.map((each) => [each.name, field(each, lab.limits)]));
  const { hidden, learning_rate: rate, batch_size: batch, ...others } = fields;
  batch.input.max = IMAGES;
  batch.input.placeholder = says.allImages;
  const some = (rare) =>
    Object.entries(others).flatMap(([name, each]) => (RARE.includes(name) === rare ? [each] : []));
  return {
    ...{ fields, loss, optimizer, engine, unit, length, threads, measured, rate, batch },
    ...{ deform, schedule },
    usual: [hidden, loss, optimizer, rate, batch, length, ...some(false)],
    others: [deform, schedule, ...some(true), engine, threads, measured],
    choices: [
      [loss, of.loss.default],
      [optimizer, of.optimizer.default],
      [engine, of.engine.default],
      [deform, of.deform.default],
      [schedule, of.schedule.default],
    ],
  };
}

// `begin` is told the settings once they can be meant; `changed` that they are others.
export function form({ lab, begin, changed }) {
  const rows = rowsOf(lab);
  const { fields, loss, optimizer, engine, unit, length, threads, measured, rate, batch } = rows;
  const { deform, schedule } = rows;
  const objection = element("p", {
    class: "bad",
    role: "alert",
    id: "train-objection",
    hidden: true,
  });
  const start = element("button", { class: "primary start", id: "train-start" }, says.start);
  const reset = button(says.reset, fill, { id: "train-reset", class: "small" });
  const busy = element("p", { class: "quiet", id: "train-busy" });
  const nodes = (all) => all.map((each) => each.node);
  const more = element(
    "details",
    { class: "more-settings", id: "train-more" },
    element("summary", {}, says.more),
    element("div", { class: "fields" }, nodes(rows.others)),
  );
  const settings = element(
    "details",
    { class: "all-settings", id: "train-settings", open: wide.matches },
    element("summary", {}, says.settings),
    element("div", { class: "fields" }, nodes(rows.usual), more, reset),
  );
  wide.addEventListener("change", () => (settings.open = wide.matches));
  const node = element(
    "form",
    { class: "settings", onsubmit: submit, novalidate: true, "aria-label": says.settingsTitle },
    element("div", { class: "start-row" }, element("h1", {}, says.heading), start),
    busy,
    objection,
    settings,
  );
  const typed = [...Object.values(fields), length, threads];
  node.addEventListener("input", suit);
  fill();

  // The settings of the small network.
  function fill() {
    for (const { input, usual: value } of typed) {
      input.value = value;
      input.removeAttribute("aria-invalid");
    }
    for (const [each, value] of rows.choices) each.input.value = value;
    unit.value = "steps";
    measured.input.checked = false;
    object(null);
    suit();
  }

  // The defaults that suit this loss and optimizer, where a field is left empty.
  function suit() {
    const suited = lab.defaults[loss.input.value][optimizer.input.value];
    const batched = batch.input.value !== "";
    const pair = says.pair(loss.input.value, optimizer.input.value);
    const alpha = String(batched ? suited.batch_learning_rate : suited.learning_rate);
    const epochs = unit.value === "epochs" ? String(lab.batch_epochs) : "";
    rate.input.placeholder = alpha;
    rate.why.textContent = says.why.rateOf(alpha, pair, batched);
    loss.why.textContent = says.why.losses[loss.input.value];
    optimizer.why.textContent = says.why.optimizers[optimizer.input.value];
    length.input.placeholder = batched ? epochs : String(suited.steps);
    length.why.textContent = batched
      ? says.why.lengthBatched(lab.batch_epochs)
      : says.why.lengthOf(count(suited.steps), pair);
    fields.patience.input.disabled = fields.validation_share.input.value === "";
    measured.input.disabled = !batched; // all images a step: it is known anyway
    changed();
  }

  // What the form says, as the server is asked.
  function asked() {
    const inEpochs = unit.value === "epochs";
    return {
      ...Object.fromEntries(Object.entries(fields).map(([name, each]) => [name, each.meant()])),
      patience: fields.patience.input.disabled ? null : fields.patience.meant(),
      loss: loss.input.value,
      optimizer: optimizer.input.value,
      steps: inEpochs ? null : length.meant(),
      epochs: inEpochs ? length.meant() : null,
      threads: threads.meant(),
      engine: engine.input.value,
      deform: deform.input.value,
      schedule: schedule.input.value,
      train_accuracy: !measured.input.disabled && measured.input.checked,
    };
  }

  function submit(event) {
    event.preventDefault();
    const wrong = typed.find((each) => !each.valid());
    if (wrong) {
      wrong.input.setAttribute("aria-invalid", "true");
      object(says.wrong(wrong.label, wrong.input.title || wrong.objection()));
      settings.open = true;
      more.open ||= more.contains(wrong.input);
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

  // What could be started now; null: nothing.
  const meant = () => (typed.every((each) => each.valid()) ? asked() : null);

  return { node, start, object, meant, say: (text) => (busy.textContent = text) };
}
