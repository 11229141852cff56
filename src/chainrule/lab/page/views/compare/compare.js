// Compare: two runs side by side: settings that differ, curves on one chart, how far their weights
// are apart, and the images on which their answers differ. Or many runs, in small charts.

import { queue } from "../../ask/queue.js";
import { onRuns, runOf, runs } from "../../ask/runs.js";
import { compare as ask } from "../../ask/server.js";
import { choice as oneOf } from "../../parts/choice.js";
import { button, element } from "../../parts/element.js";
import { count, short } from "../../parts/numbers.js";
import { panel, table } from "../../parts/panel.js";
import { gallery, picture } from "../../parts/pictures.js";
import { accuracyChart, lossChart } from "../../parts/progress.js";
import { change, classesOf, networkAt, networkOf, now, unknown } from "../../state.js";
import { words } from "../../strings.js";
import { differing } from "./family.js";
import { many as makeMany } from "./many.js";

const SHOWN = 30; // images of each kind
const says = words.compare;

export function compare({ tell }) {
  const a = chooser("a", says.a, (id) =>
    change({ network: id, with: id === now().with ? now().network : now().with, step: null }),
  );
  const b = chooser("b", says.b, (id) => change({ with: id }));
  const headline = element("p", { class: "says", role: "status", id: "compare-says" });
  const parts = [curves(), settings(), apart(), answers()];
  const found = element(
    "div",
    { class: "found" },
    headline,
    parts[0].node,
    element("div", { class: "pair" }, parts[1].node, parts[2].node),
    parts[3].node,
  );
  const few = element("p", { class: "lead", id: "compare-few" }, says.few);
  const choice = element("div", { class: "pair", id: "compare-choice" }, a.node, b.node);
  const many = makeMany();
  const how = oneOf(says.how, "compare-how", Object.entries(says.hows), chosen, {
    id: "compare-how",
  });
  const toRuns = button(says.toRuns, () => change({ view: "train" }), { id: "compare-runs" });
  const heading = element(
    "div",
    { class: "heading-row" },
    toRuns,
    element("h1", { id: "compare-title" }, says.heading),
  );
  const node = element(
    "div",
    { class: "compare", id: "view-compare" },
    heading,
    few,
    how.node,
    choice,
    found,
    many.node,
  );
  const send = queue(show, { node, failed: (failure) => tell(words.failed(failure.message)) });

  // Many runs begin with all that are on the digits of the one that is shown.
  function chosen(value) {
    const [first, , all] = pair();
    const alike = all.filter((each) => each.run.digits === first.run.digits);
    change({ many: value === "many" ? differing(alike.map((each) => each.run)) : null });
  }

  async function enter() {
    if (node.hidden) return;
    const [first, second, all] = pair();
    const both = Boolean(first && second) && unknown() === null;
    const several = both && now().many !== null;
    few.hidden = both;
    few.textContent = all.length > 1 ? says.unlike(first.classes.length) : says.few;
    choice.hidden = how.node.hidden = !both;
    found.hidden = !both || several;
    many.node.hidden = !several;
    b.node.hidden = several;
    if (!both) return;
    how.value = several ? "many" : "two";
    if (several) {
      a.show(all, first);
      many.show(
        all.map((each) => each.run),
        first.run,
      );
      return;
    }
    if (now().network !== first.id || now().with !== second.id) {
      // The link names both; this is entered again.
      change({ network: first.id, with: second.id }, { amend: true });
      return;
    }
    a.show(all, first);
    b.show(
      all.filter((each) => each !== first && alike(each, first)),
      second,
    );
    await send();
  }

  async function show() {
    const [first, second] = pair();
    if (!first || !second) return;
    const answer = await ask(...question(first, second));
    headline.textContent = says.headline(
      answer.steps.map((step) => count(step)),
      answer.accuracy.map(words.time.percent),
      Object.values(answer.answers).reduce((sum, each) => sum + each.length, 0),
      answer.digits,
    );
    for (const each of parts) await each.show(answer);
  }

  // A second run may begin to have a record.
  onRuns((what) => (what === "runs" || !few.hidden) && enter());
  return { node, enter };
}

// A is the run that is shown, or the newest; B the one beside it, or the newest other one.
function pair() {
  const all = runs().filter((each) => each.run.recorded.length);
  const first = all.find((each) => each.id === networkOf().id) ?? all.at(-1);
  const others = all.filter((each) => each !== first && alike(each, first));
  const second = others.find((each) => each.id === now().with) ?? others.at(-1);
  return [first, second, all];
}

// Runs are compared that tell as many classes apart.
function alike(one, other) {
  return one.classes.length === other.classes.length;
}

// B as far as A, if it has that record; a step chosen by the time machine is both runs'.
function question(first, second) {
  const one = first.id === networkOf().id ? networkAt() : { network: first.id };
  const has = one.step !== undefined && runOf(second.id).recorded.includes(one.step);
  const latest = second.run.going ? { step: second.run.recorded.at(-1) } : {};
  return [one, { network: second.id, ...(has ? { step: one.step } : latest) }];
}

function chooser(name, label, chosen) {
  const id = `compare-${name}`;
  const select = element("select", { id, onchange: () => chosen(select.value) });
  const about = element("p", { class: "quiet" });
  const line = element(
    "div",
    { class: "row-of-buttons chooser" },
    element("label", { for: id }, label),
    select,
  );

  function show(all, one) {
    const wanted = all.map((each) => each.id).join();
    if (select.dataset.all !== wanted) {
      select.dataset.all = wanted;
      const options = all.map((each) => element("option", { value: each.id }, words.option(each)));
      select.replaceChildren(...options);
    }
    select.value = one.id;
    about.textContent = words.train.about(one.run);
  }

  return { node: element("div", { class: "panel" }, line, about), show };
}

function curves() {
  const [losses, accuracies] = [lossChart(), accuracyChart(says.testChart)];
  const both = element("div", { class: "pair" }, losses.node, accuracies.node);
  const node = panel("compare-curves", says.curvesTitle, { class: "curves" }, both);

  function show({ rows }) {
    const curve = (column, k) => {
      const own = rows.filter((row) => row[column][k] !== null);
      return { x: own.map((row) => row.step), y: own.map((row) => row[column][k]) };
    };
    const lines = (column) => [
      { name: says.a, ...curve(column, 0), colour: "accent" },
      { name: says.b, ...curve(column, 1), colour: "positive", dash: true },
    ];
    losses.show(lines("loss"));
    accuracies.show(lines("test_accuracy"));
  }

  return { node, show };
}

function settings() {
  const same = element("p", { class: "quiet" }, says.sameSettings);
  const differing = table(says.settingsTitle, [says.setting, says.a, says.b]);
  const sideways = element("div", { class: "sideways" }, differing.node);
  const node = panel("compare-settings", says.settingsTitle, {}, same, sideways);

  function show(answer) {
    const found = Object.entries(answer.settings);
    same.hidden = found.length > 0;
    differing.node.hidden = !found.length;
    differing.show(
      found.map(([name, values]) => [
        says.settingName(name),
        ...values.map((value) => says.settingValue(name, value)),
      ]),
    );
  }

  return { node, show };
}

function apart() {
  const lead = element("p", { class: "quiet" }, says.apartLead);
  const none = element("p", { class: "quiet" }, says.otherSizes);
  const layers = table(says.apartTitle, [says.layer, "W", "b"]);
  const node = panel("compare-apart", says.apartTitle, {}, lead, none, layers.node);

  function show(answer) {
    none.hidden = answer.apart !== null;
    layers.node.hidden = answer.apart === null;
    const rows = (answer.apart ?? []).map(({ W, b }, k) => [k + 1, short(W), short(b)]);
    layers.show(rows, { class: "number" });
  }

  return { node, show };
}

function answers() {
  const kinds = ["a_right", "b_right", "both_wrong"].map((name) => {
    const title = element("h3", { id: `compare-${name}` });
    const images = gallery(says.kinds[name]);
    const attributes = { class: "panel", "aria-labelledby": title.id };
    return { name, title, images, node: element("section", attributes, title, images.node) };
  });
  const nodes = kinds.map((each) => each.node);
  const node = panel("compare-answers", says.answersTitle, {}, nodes);

  async function show(answer) {
    const names = classesOf();
    for (const { name, title, images, node: part } of kinds) {
      const numbers = answer.answers[name];
      const shown = numbers.slice(0, SHOWN);
      title.textContent = says.kind(name, numbers.length, shown.length);
      part.hidden = !numbers.length;
      const named = (each) => names[each];
      const labelled = async (index, k) => ({
        index,
        label: named((await picture(index)).label),
        text: says.bothRead(answer.read[name][k].map(named)),
        aloud: says.bothReadAloud(answer.read[name][k].map(named)),
      });
      await images.show(await Promise.all(shown.map(labelled)));
    }
  }

  return { node, show };
}
