// Beside the numbers: what the network says of the image, and the image.

import { element } from "../../parts/element.js";
import { grid } from "../../parts/grid.js";
import { SIDE } from "../../parts/sizes.js";
import { networkOf, now } from "../../state.js";
import { words } from "../../strings.js";

// `head` is what the network says, of whichever depth is shown.
export function subject({ head }) {
  const picture = grid({
    array: "x",
    rows: SIDE,
    columns: SIDE,
    index: (r, c) => [r * SIDE + c],
    label: words.imageLabel,
    width: 10,
    height: 10,
    draw: "ink",
  });
  const caption = element("figcaption", { "data-cells": "x" });
  const node = element(
    "section",
    { class: "subject", "aria-labelledby": "verdict" },
    head.node,
    element("figure", {}, picture.node, caption),
  );

  function show(ledger) {
    const { values, shape } = ledger.arrays.get("x");
    picture.show(values, shape);
    const A = ledger.arrays.get(`A${ledger.sizes.length - 1}`).values;
    head.show({ ...ledger, share: A[ledger.prediction] });
    const { image } = now();
    caption.textContent =
      "test" in image ? words.xTest(image.test, networkOf().digits) : words.xDrawn;
  }

  // The image makes room for an opened cell, unless the cell is its own.
  function compact(on) {
    node.classList.toggle("compact", on);
    picture.scaleTo(on ? 5 : 10);
  }

  return { node, show, compact, picture };
}
