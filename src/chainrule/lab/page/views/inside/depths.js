// The depths of Look inside: the story, the picture, the numbers.

import { recorded } from "../../ask/server.js";
import { button, element } from "../../parts/element.js";
import { change } from "../../state.js";
import { words } from "../../strings.js";

export function depths() {
  // A saved moment cannot be learned from, so it has no story.
  const all = recorded ? ["network", "numbers"] : ["story", "network", "numbers"];
  const tabs = all.map((depth) =>
    button(words.depths[depth], () => change({ depth }), {
      class: "depth",
      "data-depth": depth,
      title: words.depthHints[depth],
    }),
  );
  const node = element("nav", { class: "depths", "aria-label": words.depthsLabel }, tabs);

  function show({ depth }) {
    for (const tab of tabs) {
      const here = tab.dataset.depth === (depth === "number" ? "numbers" : depth);
      if (here) tab.setAttribute("aria-current", "page");
      else tab.removeAttribute("aria-current");
    }
  }

  return { node, show };
}
