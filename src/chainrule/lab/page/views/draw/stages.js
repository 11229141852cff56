// What is made of a drawing, stage by stage; each can be switched off.

import { bytes } from "../../ask/server.js";
import { element } from "../../parts/element.js";
import { SIDE } from "../../parts/sizes.js";
import { paintPixels } from "../../parts/thumbnails.js";
import { words } from "../../strings.js";

// `turn` is told the name of a stage and whether it is on.
export function stages(all, turn) {
  const cards = new Map(all.map((stage) => [stage.name, card(stage, turn)]));
  const lead = element("p");
  const list = element(
    "ol",
    { class: "stages" },
    [...cards.values()].map((each) => each.node),
  );
  const node = element(
    "section",
    { class: "making", "aria-labelledby": "stages-title" },
    element("h2", { id: "stages-title" }, words.stagesTitle),
    lead,
    list,
  );

  // The stages of an answer; `say` is what is read after one of them.
  function show(answered, say) {
    for (const stage of answered) {
      const { canvas, told } = cards.get(stage.name);
      paintPixels(canvas, bytes(stage.pixels), stage.width, stage.height);
      told.textContent = say(stage);
    }
  }

  function empty() {
    for (const { canvas, told } of cards.values()) {
      canvas.width = canvas.height = SIDE;
      told.textContent = "";
    }
  }

  // Which are off, and what each is worth for this network.
  function set(off, network, names) {
    lead.textContent = words.stagesLead(names);
    for (const [name, { on, cost, stage }] of cards) {
      const points = stage.costs?.[network];
      on.checked = !off.includes(name);
      cost.textContent = typeof points === "number" ? words.costs.some(points) : words.costs.none;
    }
  }

  return { node, show, empty, set };
}

function card(stage, turn) {
  const { name } = stage;
  const id = `stage-${name}`;
  const onchange = () => turn(name, on.checked);
  const canvas = element("canvas", { class: "thumb", "aria-hidden": "true" });
  const on = element("input", { type: "checkbox", id, checked: true, onchange });
  const told = element("p", { class: "number" });
  const cost = element("p", { class: "quiet" });
  const label = element("label", { for: id }, on, element("span", {}, words.stages[name] ?? name));
  const node = element("li", { class: "stage" }, canvas, label, told, cost);
  return { stage, canvas, on, told, cost, node };
}
