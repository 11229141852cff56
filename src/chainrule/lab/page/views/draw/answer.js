// What is read of a drawing: the class, the probabilities, and whether it is like any digit. Of
// many classes the most probable are shown, the largest first, and the others together.

import { bars } from "../../parts/bars.js";
import { areShort } from "../../parts/classes.js";
import { element } from "../../parts/element.js";
import { largestOf, percent } from "../../parts/numbers.js";
import { words } from "../../strings.js";

const SHOWN = 10; // classes

export function answer({ isHidden, openInside }) {
  const says = element("p", { class: "verdict-line", id: "draw-says", role: "status" });
  const unlike = element("p", { class: "unlike", id: "draw-unlike", role: "status" });
  const place = element("div", { class: "unlike-place" }, unlike);
  const shares = bars(words.parts.probabilities, { unseen: true, names: [] });
  const others = element("p", { class: "quiet number", hidden: true });
  const node = element(
    "section",
    { class: "answer", "aria-labelledby": "answer-title" },
    element("h2", { id: "answer-title" }, words.read),
    says,
    shares.node,
    others,
    openInside,
    place,
  );

  // What is answered, but for what is hidden for a question; what can be said after each stage.
  // While the pen moves it is not judged whether it is a digit: no share is said either way.
  function show(read, resting, names) {
    const unsaid = isHidden("prediction");
    // A share of 99.9 % would look sure; of what is no digit it says nothing.
    const strange = resting && read.unlike?.unlike;
    const say = (sure, taken, { prediction, probabilities }) =>
      strange || !resting
        ? taken(names[prediction])
        : sure(names[prediction], percent(probabilities[prediction]));
    const soFar = () => words.soFar(names[read.prediction]);
    const answered = () => (resting ? say(words.isay, words.taken, read) : soFar());
    says.textContent = unsaid ? words.unsaid.prediction : answered();
    shares.node.hidden = others.hidden = isHidden("probabilities");
    if (resting) shares.node.classList.toggle("doubted", Boolean(strange));
    if (resting) warn(strange ? words.unlike(read.unlike) : "");
    else unlike.classList.add("past");
    fill(read.probabilities, names, unsaid || strange ? null : read.prediction);
    return (stage) => (unsaid ? "" : say(words.afterStage, words.takenThere, stage));
  }

  // The notice has a place of its own, so that nothing moves when it comes.
  function warn(text) {
    unlike.textContent = text;
    unlike.hidden = !text;
    unlike.classList.remove("past");
  }

  // `marked` is the class that is said, or null.
  function fill(A, names, marked) {
    const shown = largestOf(A, SHOWN);
    shares.node.classList.toggle("named", !areShort(names));
    shares.name(shown.map((k) => names[k]));
    shown.forEach((k, row) => {
      shares.set(row, A[k] ?? 0, A[k] === null ? "" : percent(A[k]));
      shares.mark(row, k === marked);
    });
    const left = names.length - shown.length;
    const rest = Math.max(1 - shown.reduce((sum, k) => sum + A[k], 0), 0);
    others.hidden ||= !left;
    others.textContent = A[0] === null ? "" : words.others(left, percent(rest));
  }

  function empty(names) {
    says.textContent = words.emptyPad(names);
    warn("");
    fill(names.map(() => null), names, null);
  }

  return { node, show, empty };
}
