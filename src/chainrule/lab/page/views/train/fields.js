// The fields of the form: a name, a control, and a button that opens what it means.

import { button, element } from "../../parts/element.js";
import { words } from "../../strings.js";

const says = words.train;
// Ids of fields that are shorter than the names of their settings.
const SHORT = { learning_rate: "rate", batch_size: "batch" };

// A row of the form. `why` can be changed later; it is heard with the control, and seen on demand.
export function setting(name, label, { input, why: text, beside = null }) {
  const why = element("p", { class: "quiet why", id: `train-${name}-why`, hidden: true }, text);
  const ask = button("?", turn, {
    class: "ask",
    "aria-label": says.explain(label),
    "aria-expanded": "false",
    "aria-controls": why.id,
  });
  input.setAttribute("aria-describedby", why.id);
  const control = element("div", { class: "control" }, input, beside);
  const head = element("label", { for: input.id }, label);
  const node = element("div", { class: "setting" }, head, control, ask, why);

  function turn() {
    why.hidden = !why.hidden;
    ask.setAttribute("aria-expanded", String(!why.hidden));
  }

  return { node, input, why, label };
}

// A field for a setting as the server describes it. An empty one means what suits the others.
export function field({ name, label, kind, help, optional, ...rest }, limits, more = {}, beside) {
  const short = SHORT[name] ?? name;
  const input = element("input", {
    id: `train-${short}`,
    name: short,
    autocomplete: "off",
    required: !optional,
    ...KINDS[kind](rest, limits),
    ...more,
  });
  const made = setting(short, label, { input, why: says.why[short] ?? help, beside });
  const above = () => !rest.above || input.value === "" || Number(input.value) > rest.least;
  const valid = () => input.validity.valid && above();
  const objection = () => input.validationMessage || says.above(rest.least);
  const text = () => input.value.trim();
  const meant = () => (kind === "widths" ? widths(text()) : text() === "" ? null : Number(text()));
  input.addEventListener("input", () => input.setAttribute("aria-invalid", String(!valid())));
  return { ...made, valid, objection, meant, usual: String(rest.default ?? "") };
}

// A setting that is one of a few.
export function chosen({ name, label, choices }, said) {
  const options = choices.map((each) => element("option", { value: each }, said[each] ?? each));
  return setting(name, label, { input: element("select", { id: `train-${name}` }, options) });
}

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
