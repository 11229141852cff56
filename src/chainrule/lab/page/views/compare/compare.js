// Compare: two runs side by side: settings that differ, curves on one chart, how far their weights
// are apart, and the images on which their answers differ.

import { element } from "../../parts/element.js";
import { count, short } from "../../parts/numbers.js";
import { gallery, picture } from "../../parts/pictures.js";
import { chart } from "../../parts/plot.js";
import { onRuns, runOf, runs } from "../../ask/runs.js";
import { compare as ask } from "../../ask/server.js";
import { change, networkAt, networkOf, now, unknown } from "../../state.js";
import { words } from "../../strings.js";

const SHOWN = 30; // images of each kind

export function compare({ tell }) {
  const says = words.compare;
  const choose = (name, label, chosen) => {
    const select = element("select", {
      id: `compare-${name}`,
      onchange: () => chosen(select.value),
    });
    const about = element("p", { class: "quiet" });
    return {
      select,
      about,
      node: element(
        "div",
        { class: "panel" },
        element(
          "div",
          { class: "row-of-buttons" },
          element("label", { for: select.id }, label),
          select,
        ),
        about,
      ),
    };
  };
  const a = choose("a", says.a, (id) =>
    change({ network: id, with: id === now().with ? now().network : now().with, step: null }),
  );
  const b = choose("b", says.b, (id) => change({ with: id }));
  const headline = element("p", { class: "says", role: "status", id: "compare-says" });
  const settings = element("tbody");
  const same = element("p", { class: "quiet" }, says.sameSettings);
  const table = element(
    "table",
    { class: "painted pairs" },
    element("caption", { class: "unseen" }, says.settingsTitle),
    element(
      "thead",
      {},
      element(
        "tr",
        {},
        [says.setting, says.a, says.b].map((each) => element("th", { scope: "col" }, each)),
      ),
    ),
    settings,
  );
  const losses = chart({
    label: words.train.lossChart,
    x: words.train.axisStep,
    y: words.train.axisLoss,
  });
  const accuracies = chart({
    label: says.testChart,
    x: words.train.axisStep,
    y: words.train.axisAccuracy,
    percent: true,
  });
  const apart = element("tbody");
  const apartNone = element("p", { class: "quiet" }, says.otherSizes);
  const apartTable = element(
    "table",
    { class: "painted pairs" },
    element("caption", { class: "unseen" }, says.apartTitle),
    element(
      "thead",
      {},
      element(
        "tr",
        {},
        [says.layer, "W", "b"].map((each) => element("th", { scope: "col" }, each)),
      ),
    ),
    apart,
  );
  const kinds = Object.fromEntries(
    ["a_right", "b_right", "both_wrong"].map((name) => {
      const title = element("h3", { id: `compare-${name}` });
      const images = gallery(says.kinds[name]);
      return [
        name,
        {
          title,
          images,
          node: element(
            "section",
            { class: "panel", "aria-labelledby": title.id },
            title,
            images.node,
          ),
        },
      ];
    }),
  );
  const found = element(
    "div",
    { class: "found" },
    headline,
    element(
      "section",
      { class: "curves", "aria-labelledby": "compare-curves" },
      element("h2", { id: "compare-curves" }, says.curvesTitle),
      element("div", { class: "pair" }, losses.node, accuracies.node),
    ),
    element(
      "div",
      { class: "pair" },
      element(
        "section",
        { class: "panel", "aria-labelledby": "compare-settings" },
        element("h2", { id: "compare-settings" }, says.settingsTitle),
        same,
        element("div", { class: "sideways" }, table),
      ),
      element(
        "section",
        { class: "panel", "aria-labelledby": "compare-apart" },
        element("h2", { id: "compare-apart" }, says.apartTitle),
        element("p", { class: "quiet" }, says.apartLead),
        apartNone,
        apartTable,
      ),
    ),
    element(
      "section",
      { class: "panel", "aria-labelledby": "compare-answers" },
      element("h2", { id: "compare-answers" }, says.answersTitle),
      Object.values(kinds).map((each) => each.node),
    ),
  );
  const few = element("p", { class: "lead", id: "compare-few" }, says.few);
  const node = element(
    "div",
    { class: "compare", id: "view-compare" },
    element("h1", { id: "compare-title" }, says.heading),
    few,
    element("div", { class: "pair", id: "compare-choice" }, a.node, b.node),
    found,
  );

  let asking = false;
  let again = false;

  // A is the run that is shown, or the newest; B the one beside it, or the newest other one.
  function pair() {
    const all = runs().filter((each) => each.run.recorded.length);
    const first = all.find((each) => each.id === networkOf().id) ?? all.at(-1);
    const second =
      all.find((each) => each.id === now().with && each !== first) ??
      all.findLast((each) => each !== first);
    return [first, second, all];
  }

  function options({ select, about }, all, chosen) {
    const wanted = all.map((each) => each.id).join();
    if (select.dataset.all !== wanted) {
      select.dataset.all = wanted;
      select.replaceChildren(
        ...all.map((each) => element("option", { value: each.id }, words.option(each))),
      );
    }
    select.value = chosen.id;
    about.textContent = words.train.about(chosen.run);
  }

  async function enter() {
    if (node.hidden) return;
    const [first, second, all] = pair();
    const both = Boolean(first && second) && unknown() === null;
    few.hidden = both;
    found.hidden = !both;
    node.querySelector("#compare-choice").hidden = !both;
    if (!both) return;
    if (now().network !== first.id || now().with !== second.id) {
      change({ network: first.id, with: second.id }, { amend: true }); // the link names both; this is entered again
      return;
    }
    options(a, all, first);
    options(
      b,
      all.filter((each) => each !== first),
      second,
    );
    if (asking) {
      again = true;
      return;
    }
    asking = true;
    node.setAttribute("aria-busy", "true");
    try {
      await show(first, second);
    } catch (failure) {
      tell(words.failed(failure.message));
    }
    asking = false;
    node.removeAttribute("aria-busy");
    if (again) {
      again = false;
      enter();
    }
  }

  // B as far as A, if it has that record; a step chosen by the time machine is both runs'.
  function question(first, second) {
    const one = first.id === networkOf().id ? networkAt() : { network: first.id };
    const has = one.step !== undefined && runOf(second.id).recorded.includes(one.step);
    const latest = second.run.going ? { step: second.run.recorded.at(-1) } : {};
    return [one, { network: second.id, ...(has ? { step: one.step } : latest) }];
  }

  async function show(first, second) {
    const answer = await ask(...question(first, second));
    const [one, two] = [first, second].map((each) => each.name);
    headline.textContent = says.headline(
      [one, two],
      answer.steps.map((step) => count(step)),
      answer.accuracy.map(words.time.percent),
      Object.values(answer.answers).reduce((sum, each) => sum + each.length, 0),
      answer.digits,
    );
    const differing = Object.entries(answer.settings);
    same.hidden = differing.length > 0;
    table.hidden = !differing.length;
    settings.replaceChildren(
      ...differing.map(([name, values]) =>
        element(
          "tr",
          {},
          element("th", { scope: "row" }, says.settingName(name)),
          values.map((value) => element("td", {}, says.settingValue(name, value))),
        ),
      ),
    );
    const curve = (column, k) => {
      const rows = answer.rows.filter((row) => row[column][k] !== null);
      return { x: rows.map((row) => row.step), y: rows.map((row) => row[column][k]) };
    };
    const lines = (column) => [
      { name: `A: ${one}`, ...curve(column, 0), colour: "accent" },
      { name: `B: ${two}`, ...curve(column, 1), colour: "positive", dash: "dash" },
    ];
    losses.show(lines("loss"));
    accuracies.show(lines("test_accuracy"));
    apartNone.hidden = answer.apart !== null;
    apartTable.hidden = answer.apart === null;
    apart.replaceChildren(
      ...(answer.apart ?? []).map(({ W, b: bias }, k) =>
        element(
          "tr",
          {},
          element("th", { scope: "row" }, k + 1),
          element("td", { class: "number" }, short(W)),
          element("td", { class: "number" }, short(bias)),
        ),
      ),
    );
    for (const [name, { title, images, node: part }] of Object.entries(kinds)) {
      const numbers = answer.answers[name];
      title.textContent = says.kind(name, numbers.length, Math.min(numbers.length, SHOWN));
      part.hidden = !numbers.length;
      const list = await Promise.all(
        numbers
          .slice(0, SHOWN)
          .map(async (index) => ({ index, label: (await picture(index)).label })),
      );
      await images.show(list);
    }
  }

  onRuns((what) => (what === "runs" || !few.hidden) && enter()); // a second run begins to have a record
  return { node, enter };
}
