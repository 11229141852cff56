// The switch between networks: radio buttons, or a list where there are many.

import { onRuns } from "../ask/runs.js";
import { change, networkOf } from "../state.js";
import { words } from "../strings.js";
import { element } from "./element.js";

export function networkSwitch(lab, name, chosen = networkOf) {
  const hint = element("p", { class: "quiet" });
  const options = element("div", { class: "options" });
  const node = element(
    "fieldset",
    { class: "networks" },
    element("legend", {}, words.network),
    options,
    hint,
  );
  let made = "";

  function make() {
    const key = JSON.stringify(lab.networks.map(({ id, name }) => [id, name]));
    if (key === made) return;
    made = key;
    const choose = (id) => change({ network: id, step: null });
    if (lab.networks.length > 3) {
      options.replaceChildren(
        element(
          "select",
          {
            "aria-label": words.network,
            id: name,
            onchange: (event) => choose(event.target.value),
          },
          lab.networks.map((each) => element("option", { value: each.id }, words.option(each))),
        ),
      );
    } else {
      options.replaceChildren(
        ...lab.networks.map((each) =>
          element(
            "label",
            { title: words.networkHint(each) },
            element("input", {
              type: "radio",
              name,
              value: each.id,
              onchange: () => choose(each.id),
            }),
            element("span", {}, each.name),
          ),
        ),
      );
    }
  }

  function show() {
    const network = chosen();
    make();
    for (const input of node.querySelectorAll("input")) input.checked = input.value === network.id;
    for (const select of node.querySelectorAll("select")) select.value = network.id;
    hint.textContent = words.networkHint(network);
  }

  onRuns((what) => what !== "frame" && made && show());
  return { node, show };
}
