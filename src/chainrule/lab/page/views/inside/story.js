// The image at the left: what the network says of it and what it is, which image it is, the label
// that the pass back starts from, and one line that leads on.

import { recorded } from "../../ask/server.js";
import { button, element } from "../../parts/element.js";
import { grid } from "../../parts/grid.js";
import { percent } from "../../parts/numbers.js";
import { SIDE } from "../../parts/sizes.js";
import { imagesOf, networkOf, now } from "../../state.js";
import { words } from "../../strings.js";
import { choices as makeChoices } from "./choices.js";

export function story({ lab, isHidden, reveal, act }) {
  const says = element("span", { id: "says", "data-part": "prediction" });
  const truth = element("span", { id: "truth", "data-part": "truth" });
  const verdict = element("h1", { class: "verdict-line", id: "verdict" }, says, " ", truth);
  const unlike = element("p", { class: "unlike", id: "unlike", hidden: true });
  const guide = element("div", { class: "guide", id: "guide" });
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
    { class: "story", "aria-labelledby": "verdict" },
    element("div", { class: "status", role: "status" }, verdict, unlike),
    element("figure", {}, picture.node, caption),
    guide,
  );
  const choices = makeChoices({ lab, isHidden });

  function show(ledger) {
    const L = ledger.sizes.length - 1;
    const { values, shape } = ledger.arrays.get("x");
    picture.show(values, shape);
    const answer = ledger.prediction;
    const strange = ledger.unlike?.unlike;
    const said = () =>
      strange
        ? words.taken(answer)
        : words.isay(answer, percent(ledger.arrays.get(`A${L}`).values[answer]));
    covered(says, "prediction", answer === null ? words.overflows(ledger.overflows) : said());
    const assumed = words.assumed(ledger.label);
    if (ledger.truth === null) truth.textContent = ledger.label === answer ? "" : assumed;
    else {
      const also = ledger.label === ledger.truth ? "" : ` ${assumed}`;
      covered(truth, "truth", words.itis(ledger.truth) + also);
    }
    verdict.classList.toggle(
      "wrong",
      ledger.truth !== null &&
        answer !== ledger.truth &&
        !isHidden("prediction") &&
        !isHidden("truth"),
    );
    unlike.hidden = !strange;
    unlike.textContent = strange ? words.unlike(ledger.unlike) : "";
    const { image } = now();
    caption.textContent =
      ("test" in image ? words.xTest(image.test, networkOf().digits) : words.xDrawn) +
      (ledger.doubt && !isHidden("truth") ? words.doubtedBy(ledger.doubt) : "");
    choices.show(ledger);
  }

  function covered(node, part, text) {
    if (isHidden(part))
      node.replaceChildren(
        `${words.unsaid[part]} `,
        button(words.reveal, () => reveal(part), {
          class: "small",
          "aria-label": `${words.reveal}: ${words.parts[part]}`,
        }),
      );
    else
      node.replaceChildren(
        ...text
          .split(/( )(?=\()/)
          .map((piece) => (piece === " " ? piece : element("span", { class: "together" }, piece))),
      );
  }

  // One line and one button; `act` knows what the button does.
  function lead(step, text, doText) {
    guide.dataset.step = step;
    guide.replaceChildren(
      element("p", {}, text),
      ...(doText ? [button(doText, () => act(step), { class: "primary", id: "guide-do" })] : []),
    );
  }

  // The image makes room for an opened cell, unless the cell is its own.
  function compact(on) {
    node.classList.toggle("compact", on);
    picture.scaleTo(on ? 5 : 10);
  }

  const { node: chosen, nextMistake } = choices;
  return { node, choices: chosen, show, lead, nextMistake, compact, picture };
}
