// My code: what a person wrote and the verdict on it, and below it what a mistake does.

import { grade as ask } from "../../ask/code.js";
import { element } from "../../parts/element.js";
import { change, now } from "../../state.js";
import { words } from "../../strings.js";
import { editor } from "./editor.js";
import { verdict } from "./verdict.js";
import { zoo } from "./zoo.js";

const says = words.code;

export function code({ lab, tell }) {
  const mistakes = zoo({ tell });
  const mine = editor({ allowed: lab.runs_code, check, stop: () => asked?.abort(), tell });
  const result = verdict({ toLine: mine.toLine, train });
  const node = element(
    "div",
    { class: "my-code", id: "view-code" },
    element("h1", {}, says.heading),
    element("p", { class: "quiet" }, says.lead),
    element("div", { class: "code-and-verdict" }, mine.node, result.node),
    mistakes.node,
  );
  let asked = null;
  let opened = false;

  async function check() {
    const { name, text, loss } = mine.code();
    if (!text.trim()) return result.say(says.empty);
    asked = new AbortController();
    result.say(says.running);
    mine.busy(true);
    try {
      const found = await ask(name, text, loss || null, asked.signal);
      if (mine.code().text === text) mine.become(found.text);
      result.show(found);
    } catch (failure) {
      result.say(failure.name === "AbortError" ? says.stopped : failure.message);
    }
    return mine.busy(false);
  }

  function train(bug) {
    change({ bug, bugLoss: null });
    mistakes.reveal();
  }

  async function enter() {
    const shown = mistakes.enter();
    if (!opened && now().bug) mistakes.node.scrollIntoView(); // a link to a mistake
    opened = true;
    await shown;
  }

  return { node, enter };
}
