// What the numbers say of how a training goes: the sizes of dW, dead units, and troubles.

import { inside } from "../../ask/server.js";
import { bars, write } from "../../parts/bars.js";
import { element } from "../../parts/element.js";
import { percent } from "../../parts/numbers.js";
import { panel } from "../../parts/panel.js";
import { number } from "../../parts/progress.js";
import { words } from "../../strings.js";

const says = words.train;

export function measures() {
  const norms = bars(says.norms, { names: [], measures: true });
  const dead = bars(says.dead, { names: [], measures: true });
  const lead = element("p", { class: "quiet" }, says.measuresLead);
  const node = panel("measures-title", says.measuresTitle, {}, lead, norms.node, dead.node);
  const notices = troublesOf();
  let looked = ""; // the recorded moment that was asked about last

  function show({ norms: sizes = [], dead: shares = [], troubles = [] }) {
    looked = "";
    node.hidden = !sizes.length;
    const most = Math.max(...sizes, 1e-300);
    norms.name(sizes.map((_, k) => `dW${k + 1}`));
    sizes.forEach((size, k) => norms.set(k, size / most, number(size)));
    dead.node.hidden = !shares.length;
    dead.name(shares.map((_, k) => says.layer(k + 1)));
    shares.forEach((share, k) => dead.set(k, share, percent(share)));
    notices.show(troubles);
  }

  // Of a recorded moment, into which the server looks; `seen` shows what it found.
  async function showRecorded(at, seen) {
    const key = JSON.stringify(at);
    if (key === looked) return;
    looked = key;
    try {
      const found = await inside(at);
      if (looked !== key) return;
      seen(found);
      looked = key;
    } catch {
      if (looked === key) looked = "";
    }
  }

  return { node, notices: notices.nodes, show, showRecorded, empty: notices.empty };
}

// Troubles, each with what shows it and what may help.
function troublesOf() {
  const list = element("ul", {
    class: "notices",
    "aria-label": says.noticesLabel,
    id: "run-notices",
  });
  const aloud = element("p", { class: "unseen", role: "status" }); // which, without their numbers
  const title = (name) => says.troubles[name] ?? name;
  let told = "";

  function show(troubles) {
    const names = troubles.map(({ name }) => name).join();
    if (names !== told) {
      told = names;
      list.replaceChildren(...troubles.map(({ name }) => notice(name, title(name))));
      aloud.textContent = troubles.map(({ name, remedy }) => `${title(name)} ${remedy}`).join(" ");
    }
    troubles.forEach(({ shows, remedy }, k) => {
      const [what, todo] = list.children[k].querySelectorAll("span");
      write(what, shows);
      write(todo, remedy);
    });
  }

  function empty() {
    list.replaceChildren();
    told = "";
  }

  return { nodes: [list, aloud], show, empty };
}

function notice(name, title) {
  const remedy = element("span", { class: "remedy" });
  const attributes = { class: "notice", "data-trouble": name };
  return element("li", attributes, element("strong", {}, title), " ", element("span"), " ", remedy);
}
