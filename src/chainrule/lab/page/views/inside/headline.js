// What the network says of the image, and what it is.

import { button, element } from "../../parts/element.js";
import { percent } from "../../parts/numbers.js";
import { words } from "../../strings.js";

export function headline({ isHidden, reveal }) {
  const says = element("span", { id: "says", "data-part": "prediction" });
  const truth = element("span", { id: "truth", "data-part": "truth" });
  const verdict = element("h1", { class: "verdict-line", id: "verdict" }, says, " ", truth);
  const unlike = element("p", { class: "unlike", id: "unlike", hidden: true });
  const doubted = element("p", { class: "quiet", hidden: true });
  const node = element("div", { class: "status", role: "status" }, verdict, unlike, doubted);

  // `share`: the probability of the answer. A network whose numbers overflow gives none.
  function show(found) {
    const { prediction, share, label, truth: own, unlike: strangeness, names } = found;
    const { overflows, doubt } = found;
    const strange = strangeness?.unlike;
    const answer = names[prediction];
    const said = () => (strange ? words.taken(answer) : words.isay(answer, percent(share)));
    covered(says, "prediction", prediction === null ? words.overflows(overflows) : said());
    const assumed = words.assumed(names[label]);
    if (own === null) truth.textContent = label === prediction ? "" : assumed;
    else covered(truth, "truth", words.itis(names[own]) + (label === own ? "" : ` ${assumed}`));
    const told = !isHidden("prediction") && !isHidden("truth");
    verdict.classList.toggle("wrong", told && own !== null && prediction !== own);
    unlike.hidden = !strange;
    unlike.textContent = strange ? words.unlike(strangeness) : "";
    doubted.hidden = !doubt || isHidden("truth");
    doubted.textContent = doubt ? words.doubtedBy(doubt) : "";
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

  return { node, show };
}
