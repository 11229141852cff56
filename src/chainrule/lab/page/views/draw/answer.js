// What is read of a drawing: the digit, the ten probabilities, and whether it is like any digit.

import { bars } from "../../parts/bars.js";
import { element } from "../../parts/element.js";
import { percent } from "../../parts/numbers.js";
import { DIGITS } from "../../parts/sizes.js";
import { words } from "../../strings.js";

export function answer({ isHidden, openInside }) {
  const says = element("p", { class: "verdict-line", id: "draw-says", role: "status" });
  const unlike = element("p", { class: "unlike", id: "draw-unlike", role: "status", hidden: true });
  const shares = bars(words.parts.probabilities, { unseen: true });
  const node = element(
    "section",
    { class: "answer", "aria-labelledby": "answer-title" },
    element("h2", { id: "answer-title" }, words.read),
    says,
    unlike,
    shares.node,
    openInside,
  );

  // What is answered, but for what is hidden for a question; what can be said after each stage.
  function show(read) {
    const unsaid = isHidden("prediction");
    // A share of 99.9 % would look sure; of what is no digit it says nothing.
    const strange = read.unlike?.unlike;
    const say = (sure, taken, { prediction, probabilities }) =>
      strange ? taken(prediction) : sure(prediction, percent(probabilities[prediction]));
    says.textContent = unsaid ? words.unsaid.prediction : say(words.isay, words.taken, read);
    shares.node.hidden = isHidden("probabilities");
    shares.node.classList.toggle("doubted", Boolean(strange));
    unlike.hidden = !strange;
    unlike.textContent = strange ? words.unlike(read.unlike) : "";
    for (const digit of DIGITS) {
      shares.set(digit, read.probabilities[digit], percent(read.probabilities[digit]));
      shares.mark(digit, !unsaid && !strange && digit === read.prediction);
    }
    return (stage) => (unsaid ? "" : say(words.afterStage, words.takenThere, stage));
  }

  function empty() {
    says.textContent = words.emptyPad;
    unlike.hidden = true;
    for (const digit of DIGITS) {
      shares.set(digit, 0, "");
      shares.mark(digit, false);
    }
  }

  return { node, show, empty };
}
