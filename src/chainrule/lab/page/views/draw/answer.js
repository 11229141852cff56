// What is read of a drawing: the digit, the ten probabilities, and whether it is like any digit.

import { bars } from "../../parts/bars.js";
import { element } from "../../parts/element.js";
import { percent } from "../../parts/numbers.js";
import { DIGITS } from "../../parts/sizes.js";
import { words } from "../../strings.js";

export function answer({ isHidden, openInside }) {
  const says = element("p", { class: "verdict-line", id: "draw-says", role: "status" });
  const unlike = element("p", { class: "unlike", id: "draw-unlike", role: "status" });
  const place = element("div", { class: "unlike-place" }, unlike);
  const shares = bars(words.parts.probabilities, { unseen: true });
  const node = element(
    "section",
    { class: "answer", "aria-labelledby": "answer-title" },
    element("h2", { id: "answer-title" }, words.read),
    says,
    shares.node,
    openInside,
    place,
  );

  // What is answered, but for what is hidden for a question; what can be said after each stage.
  // While the pen moves it is not judged whether it is a digit: no share is said either way.
  function show(read, resting) {
    const unsaid = isHidden("prediction");
    // A share of 99.9 % would look sure; of what is no digit it says nothing.
    const strange = resting && read.unlike?.unlike;
    const say = (sure, taken, { prediction, probabilities }) =>
      strange || !resting
        ? taken(prediction)
        : sure(prediction, percent(probabilities[prediction]));
    const soFar = () => words.soFar(read.prediction);
    const answered = () => (resting ? say(words.isay, words.taken, read) : soFar());
    says.textContent = unsaid ? words.unsaid.prediction : answered();
    shares.node.hidden = isHidden("probabilities");
    if (resting) shares.node.classList.toggle("doubted", Boolean(strange));
    if (resting) warn(strange ? words.unlike(read.unlike) : "");
    else unlike.classList.add("past");
    for (const digit of DIGITS) {
      shares.set(digit, read.probabilities[digit], percent(read.probabilities[digit]));
      shares.mark(digit, !unsaid && !strange && digit === read.prediction);
    }
    return (stage) => (unsaid ? "" : say(words.afterStage, words.takenThere, stage));
  }

  // The notice has a place of its own, so that nothing moves when it comes.
  function warn(text) {
    unlike.textContent = text;
    unlike.hidden = !text;
    unlike.classList.remove("past");
  }

  function empty() {
    says.textContent = words.emptyPad;
    warn("");
    for (const digit of DIGITS) {
      shares.set(digit, 0, "");
      shares.mark(digit, false);
    }
  }

  return { node, show, empty };
}
