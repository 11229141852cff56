// The picker of the network, or of the run, that every view shows.

import { onRuns } from "../ask/runs.js";
import { change, networkOf, now } from "../state.js";
import { words } from "../strings.js";
import { element } from "./element.js";

export function networkPicker(lab) {
  const hint = element("p", { class: "quiet", id: "network-hint" });
  const select = element("select", {
    id: "network",
    "aria-describedby": "network-hint",
    onchange: () => change({ network: select.value, step: null }),
  });
  const label = element("label", { for: "network" }, words.network);
  const node = element("div", { class: "networks" }, label, select, hint);
  let made = "";

  function make() {
    const key = JSON.stringify(lab.networks.map(({ id, name }) => [id, name]));
    if (key === made) return;
    made = key;
    select.replaceChildren(
      ...lab.networks.map((each) => element("option", { value: each.id }, words.option(each))),
    );
  }

  function show() {
    // A run that has no record yet is what Train shows already.
    const network = lab.networks.find(({ id }) => id === now().network) ?? networkOf();
    make();
    select.value = network.id;
    hint.textContent = words.networkHint(network);
    hint.title = hint.textContent;
  }

  onRuns((what) => what !== "frame" && made && show());
  return { node, show };
}
