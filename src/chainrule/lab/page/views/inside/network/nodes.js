// What the lines of the picture connect: the image, the units of each hidden layer, the answers.

import { colours, css, inked, onTop, signed } from "../../../parts/colour.js";
import { button, element } from "../../../parts/element.js";
import { areShort } from "../../../parts/classes.js";
import { percent, tiny } from "../../../parts/numbers.js";
import { PIXELS, SIDE } from "../../../parts/sizes.js";
import { words } from "../../../strings.js";

// The image itself, or in its place whatever is put there.
export function imageNode() {
  const canvas = canvasOf();
  const node = element("figure", { class: "net-image" }, canvas);
  canvas.setAttribute("role", "img");
  canvas.removeAttribute("aria-hidden");

  // 784 bytes: ink, or signed levels, whose colours are as strong as `strength`, 0 to 1, says.
  function show(levels, { signed: isSigned, strength, label }) {
    paint(canvas, (k) => (isSigned ? level(levels[k], strength) : inked(levels[k] / 255)));
    canvas.setAttribute("aria-label", label);
  }

  return { node, show };
}

// A unit of the first layer is shown as what it looks for; deeper ones as a square in their colour.
export function unitNode(layer, { over, opened }) {
  const canvas = layer === 1 ? canvasOf() : element("span", { class: "net-square" });
  const number = element("span", { class: "net-number", "aria-hidden": "true" });
  const value = element("span", { class: "net-value number", "aria-hidden": "true" });
  let unit = 0;
  const node = button([canvas, number, value], () => opened(unit), { class: "net-unit" });
  listen(node, (on) => over(on ? unit : null));

  // shown: { unit, value, off, share, strength, picture, words }: the value as text, its share of
  // the largest of its layer, and 784 levels, or null, in colours of this strength.
  function show(shown) {
    unit = shown.unit;
    number.textContent = unit;
    value.textContent = shown.value;
    if (layer > 1) {
      const colour = signed(shown.share, 1);
      canvas.style.background = css(colour);
      number.style.color = css(onTop(colour));
    } else {
      paint(canvas, (k) => level(shown.picture ? shown.picture[k] : 128, shown.strength));
    }
    node.classList.toggle("off", shown.off);
    node.setAttribute("aria-label", shown.words);
  }

  return { node, show };
}

// The answers: all of them, or of many those that the server chose.
export function answerNodes({ over, opened, covered }) {
  const node = element("div", { class: "net-column net-answers", role: "group" });
  let rows = new Map(); // by unit

  function arrange(shown, names) {
    rows = new Map(shown.map((unit) => [unit, row(unit, names[unit])]));
    node.classList.toggle("named", !areShort(names));
    node.setAttribute("aria-label", words.net.answersLabel(shown.length, names.length));
    const more = names.length - shown.length;
    const rest = more ? [element("p", { class: "net-more quiet" }, words.net.more(more))] : [];
    node.replaceChildren(...[...rows.values()].map((each) => each.node), ...rest);
  }

  function row(unit, text) {
    const bar = element("span", { class: "net-bar" });
    const track = element("span", { class: "net-track" }, bar);
    const value = element("span", { class: "net-value number" });
    const name = element("span", { class: "net-digit", title: text }, text);
    const node = button([name, track, value], () => opened(unit), { class: "net-answer" });
    listen(node, (on) => over(on ? unit : null));
    return { node, bar, value };
  }

  // Forward the probability of each class, backward how E changes with its Z.
  function show(picture, { backward, hideTruth }) {
    const { answers, layers, label: own, prediction, to_learn, names } = picture;
    const { blame } = layers.at(-1);
    const most = Math.max(...blame.map(Math.abs));
    for (const [unit, { node, bar, value }] of rows) {
      const { A } = answers[unit];
      const shut = covered();
      const share = backward ? (most ? (to_learn * Math.abs(blame[unit])) / most : 0) : A;
      const text = shut ? "?" : backward ? tiny(blame[unit]) : percent(A);
      bar.style.setProperty("--share", `${shut ? 0 : Math.round(1000 * share) / 10}%`);
      bar.classList.toggle("less", backward && blame[unit] < 0);
      bar.classList.toggle("more", backward && blame[unit] > 0);
      value.textContent = text;
      const says = !shut && unit === prediction;
      const truth = !hideTruth && unit === own;
      node.classList.toggle("is-said", says);
      node.classList.toggle("truth", truth);
      const label = words.net.answerLabel(names[unit], text, backward, { says, truth });
      node.setAttribute("aria-label", label);
    }
  }

  return { node, arrange, show, of: (unit) => rows.get(unit)?.node };
}

// 784 signed levels of each unit, as the server sends them in one piece; 128 is 0.
export function levelsOf(all) {
  return (k) => all.subarray(k * PIXELS, (k + 1) * PIXELS);
}

function level(value, strength) {
  return signed((strength * (value - 128)) / 127, 1);
}

function canvasOf() {
  return element("canvas", { width: SIDE, height: SIDE, "aria-hidden": "true" });
}

function paint(canvas, colourOf) {
  colours();
  const pen = canvas.getContext("2d");
  const image = pen.createImageData(SIDE, SIDE);
  for (let k = 0; k < PIXELS; k += 1) {
    const [r, g, b] = colourOf(k);
    image.data.set([r, g, b, 255], 4 * k);
  }
  pen.putImageData(image, 0, 0);
}

// Pointer and keyboard follow a path alike.
function listen(node, heard) {
  for (const [event, on] of [
    ["pointerenter", true],
    ["pointerleave", false],
    ["focus", true],
    ["blur", false],
  ])
    node.addEventListener(event, () => heard(on));
}
