// Each mistake of the zoo in words, and the small network trained with it and without it.

import { bug as askBug, zoo as askZoo } from "../../ask/code.js";
import { queue } from "../../ask/queue.js";
import { choice } from "../../parts/choice.js";
import { element } from "../../parts/element.js";
import { panel } from "../../parts/panel.js";
import { accuracyChart, lossChart } from "../../parts/progress.js";
import { change, now } from "../../state.js";
import { words } from "../../strings.js";

const says = words.zoo;

export function zoo({ tell }) {
  let families = null;
  const select = element("select", {
    id: "zoo-mistake",
    onchange: () => change({ bug: select.value || null, bugLoss: null }),
  });
  const losses = choice(says.loss, "zoo-loss", [], (value) => change({ bugLoss: value }));
  const sentence = element("p", { class: "lead", id: "zoo-sentence" });
  const about = element("dl", { class: "facts" });
  const result = element("p", { role: "status", id: "zoo-after" });
  const setting = element("p", { class: "quiet" });
  const [loss, accuracy] = [lossChart(), accuracyChart(says.accuracyChart)];
  const curves = panel(
    "zoo-curves",
    says.curvesTitle,
    {},
    result,
    element("div", { class: "pair" }, loss.node, accuracy.node),
    setting,
  );
  const chooser = element(
    "div",
    { class: "row-of-buttons chooser" },
    element("label", { for: "zoo-mistake" }, says.mistake),
    select,
  );
  const settings = element("div", { class: "row-of-buttons" }, chooser, losses.node);
  const title = element("h2", { id: "zoo-title", tabindex: "-1" }, says.heading);
  const node = element(
    "section",
    { class: "zoo", "aria-labelledby": "zoo-title" },
    title,
    element("p", { class: "quiet" }, says.lead),
    element("div", { class: "panel" }, settings, sentence, about),
    curves,
  );
  const send = queue(show, { node, failed: (failure) => tell(words.failed(failure.message)) });

  const enter = () => send();

  // It is one click away from wherever a mistake is named.
  function reveal() {
    title.scrollIntoView();
    title.focus({ preventScroll: true });
  }

  async function show() {
    families ??= await made();
    const bug = families.flatMap((family) => family.bugs).find(({ name }) => name === now().bug);
    select.value = bug?.name ?? "";
    describe(bug);
    curves.hidden = losses.node.hidden = !bug;
    if (!bug) return;
    const wanted = now().bugLoss;
    const at = bug.losses.includes(wanted) ? wanted : bug.losses[0];
    losses.fill(bug.losses.map((each) => [each, says.losses[each]]));
    losses.value = at;
    curves.hidden = losses.node.hidden = !at;
    if (!at) return;
    result.textContent = says.training;
    draw(await askBug(bug.name, at));
  }

  // The families of mistakes, once; the list is filled with them.
  async function made() {
    const found = (await askZoo()).families;
    const groups = found.map(({ name, bugs }) =>
      element(
        "optgroup",
        { label: name },
        bugs.map((bug) => element("option", { value: bug.name }, bug.name)),
      ),
    );
    select.replaceChildren(element("option", { value: "" }, says.choose), ...groups);
    return found;
  }

  function describe(bug) {
    sentence.textContent = bug?.sentence ?? "";
    const facts = (bug ? ["effect", "where", "seen"] : []).flatMap((name) => [
      element("dt", {}, says[name]),
      element("dd", {}, capital(bug[name])),
    ]);
    about.replaceChildren(...facts);
  }

  function draw(answer) {
    const { right, wrong } = answer;
    const lines = (column) => [
      { name: says.wrong, x: wrong.steps, y: numbers(wrong[column]), colour: "positive" },
      { name: says.right, x: right.steps, y: numbers(right[column]), colour: "accent", dash: true },
    ];
    loss.show(lines("loss"));
    accuracy.show(lines("accuracy"));
    const last = { wrong: wrong.accuracy.at(-1), right: right.accuracy.at(-1) };
    result.textContent = says.after({ ...last, steps: answer.steps });
    setting.textContent = says.setting(answer);
  }

  return { node, enter, reveal };
}

const capital = (text) => `${text[0].toUpperCase()}${text.slice(1)}.`.replace("..", ".");
// What has overflowed is a gap in the curve.
const numbers = (values) => values.map((each) => (typeof each === "number" ? each : null));
