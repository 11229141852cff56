// The verdict on a file: each function, its steps beside the right formulas, hints that lead on.

import { button, element } from "../../parts/element.js";
import { display, pieces } from "../../parts/formula.js";
import { words } from "../../strings.js";

const says = words.code;
const MARKS = { right: ["✓", "good"], wrong: ["✗", "bad"], failed: ["✗", "bad"] };
const markOf = (verdict) => MARKS[verdict] ?? ["?", "unsure"];

// `toLine` goes to a line of the code; `train` shows what a mistake does to a training.
export function verdict({ toLine, train }) {
  const status = element("p", { role: "status" });
  const told = element("div", { class: "code-told" });
  const node = element(
    "section",
    { class: "panel", "aria-labelledby": "code-verdict" },
    element("h2", { id: "code-verdict" }, says.verdict),
    element("div", { class: "code-told", id: "code-told" }, status, told),
  );
  say(says.before);

  // One line, which is read out; below it nothing, or all there is to know.
  function say(text, kind = "quiet", more = []) {
    status.className = kind;
    status.textContent = text;
    told.replaceChildren(...more);
  }

  function show(found) {
    const kept = [
      element("p", { class: "kept-code" }, says.kept(found.file)),
      element("pre", { class: "kept-code" }, found.text),
    ];
    if (found.refused !== null) {
      say(`✗ ${found.refused}`, "verdict bad", [...linesIn(found.refused), ...kept]);
      return;
    }
    const { functions, notes, loss, not_judged: others } = found;
    const right = functions.filter((each) => each.verdict === "right").length;
    const [mark, kind] = markOf(right === functions.length ? "right" : "wrong");
    say(`${mark} ${says.count(right, functions.length)}`, `verdict ${kind}`, [
      ...notes.map((note) => trouble(says.note(note), "quiet")),
      ...functions.map((each) => findingOf(each, found.bugs)),
      ...(loss ? [element("p", { class: "quiet" }, says.judgedBy(loss))] : []),
      ...(others.length ? [element("p", { class: "quiet" }, says.others(others))] : []),
      ...kept,
    ]);
  }

  // The way to the line that a sentence names, if it names one.
  function linesIn(text) {
    const line = Number(/\bline (\d+)/.exec(text)?.[1]);
    const attributes = { class: "small code-to-line" };
    return line ? [button(says.toLine(line), () => toLine(line), attributes)] : [];
  }

  function trouble(text, kind = "") {
    return element("p", { class: kind }, `${text} `, linesIn(text));
  }

  function findingOf(finding, bugs) {
    const [mark, kind] = markOf(finding.verdict);
    const { follows, reading } = finding;
    return element(
      "article",
      { class: "code-finding" },
      element("h3", { class: kind }, `${mark} ${finding.function}: ${says.said(finding.verdict)}`),
      reading ? element("p", { class: "quiet" }, says.readAs(reading)) : null,
      finding.trouble ? trouble(finding.trouble) : null,
      finding.steps.length ? stepsOf(finding) : null,
      ...finding.notes.map((note) => element("p", { class: "quiet" }, says.note(note))),
      follows ? element("p", {}, says.follows(follows)) : hintsOf(finding, bugs),
      ...finding.fragile.map((name) => fragileOf(bugs[name])),
    );
  }

  function stepsOf({ function: name, steps, most_in: most }) {
    const head = (text) => element("th", { scope: "col" }, text);
    const rows = steps.flatMap((step) => {
      const [mark, kind] = step.verdict === null ? ["", "quiet"] : markOf(step.verdict);
      const word = step.verdict ? `${mark} ${says.said(step.verdict)}` : says.onTheWay;
      const row = element(
        "tr",
        { "data-step": step.array },
        element("th", { scope: "row" }, pieces(step.formula)),
        element("td", { class: kind }, word),
      );
      const where = () => element("td", { class: "code-most", colspan: 2 }, says.most(most));
      return most?.array === step.array ? [row, element("tr", {}, where())] : [row];
    });
    return element(
      "table",
      { class: "code-steps" },
      element("caption", { class: "unseen" }, says.caption(name)),
      element("thead", { class: "unseen" }, element("tr", {}, head(says.step), head(says.yours))),
      element("tbody", {}, rows),
    );
  }

  // A question first; the name of the mistake for whoever opens it.
  function hintsOf({ verdict: said, questions, mistakes, sure, alike }, bugs) {
    if (said !== "wrong") return null;
    if (!mistakes.length) return element("p", {}, says.unknown);
    const unique = [...new Set(questions)];
    const named = mistakes.map((name) =>
      mistakeOf(bugs[name], `${sure ? "" : says.perhaps}${name}${says.or(alike)}`),
    );
    return element(
      "div",
      { class: "code-hints" },
      ...unique.map(questionOf),
      element("details", { class: "code-named" }, element("summary", {}, says.name), ...named),
    );
  }

  function fragileOf(bug) {
    return element(
      "div",
      { class: "code-hints" },
      element("p", {}, says.fragile),
      questionOf(bug.question),
      element(
        "details",
        { class: "code-named" },
        element("summary", {}, says.name),
        mistakeOf(bug, bug.name),
      ),
    );
  }

  function mistakeOf(bug, title) {
    const see = button(says.train, () => train(bug.name), { class: "small" });
    return element(
      "div",
      { class: "code-mistake" },
      element("p", {}, element("strong", {}, title), `: ${bug.sentence}`),
      ...bug.steps.map((text) => display(text)),
      bug.losses.length ? see : null,
    );
  }

  return { node, show, say };
}

function questionOf(text) {
  return element("p", { class: "code-question" }, element("em", {}, says.question), ` ${text}`);
}
