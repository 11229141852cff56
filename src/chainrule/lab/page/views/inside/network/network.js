// The network as one connected picture: the image, the units of the hidden layers, the answers, and
// what flows along the connections, forward or backward.

import { choice } from "../../../parts/choice.js";
import { element } from "../../../parts/element.js";
import { tiny } from "../../../parts/numbers.js";
import { words } from "../../../strings.js";
import { edges as makeEdges } from "./edges.js";
import { answerNodes, imageNode, levelsOf, unitNode } from "./nodes.js";

const narrow = matchMedia("(max-width: 60rem)"); // as in style.css

// `opened` is told the cell of what was clicked; `pad` may stand in the place of the image.
export function network({ isHidden, opened, turned }) {
  const field = element("div", { class: "net-field" });
  const lines = makeEdges(field, (ends) => opened(cellOf(ends, backward)));
  const image = imageNode();
  const place = column("net-x", image.node);
  const answers = answerNodes({
    over: (unit) => over(unit === null ? null : { layer: L(), unit }),
    opened: (unit) => opened(`${backward ? "d" : ""}Z${L()}[${unit}]`),
    covered: () => isHidden("probabilities") || (backward && isHidden("gradients")),
  });
  const { node, says, key, way } = frameOf(field, turned);
  let columns = []; // of each hidden layer: { node, units, more }
  let shape = "";
  let picture = null;
  let [backward, strength] = [false, 1]; // strength: of the colours
  let pinned = null; // the node whose path is followed, if no other is
  let drawn = []; // what the lines show
  new ResizeObserver(() => picture && draw()).observe(field);

  const hidden = () => picture.layers.slice(1, -1);
  const L = () => picture.layers.length - 1; // the number of the last layer

  function build() {
    columns = hidden().map((layer, k) => {
      const units = layer.shown.map(() =>
        unitNode(k + 1, {
          over: (unit) => over(unit === null ? null : { layer: k + 1, unit }),
          opened: (unit) => opened(`${backward ? "d" : ""}A${k + 1}[${unit}]`),
        }),
      );
      const more = element("p", { class: "net-more quiet" });
      const node = column("net-units", [...units.map((unit) => unit.node), more]);
      node.setAttribute("role", "group");
      node.setAttribute("aria-label", words.net.layerLabel(k + 1, layer));
      return { node, units, more };
    });
    field.replaceChildren(lines.node, place, ...columns.map((each) => each.node), answers.node);
    answers.arrange(picture.layers.at(-1).shown, picture.names);
  }

  // --------------------------------------------------------------------------------------- showing

  // The picture as the server told it. `run`: let it run through once.
  function show(next, { back = false, run = false } = {}) {
    picture = next;
    const turnedNow = backward !== back;
    backward = back;
    strength = back ? picture.to_learn : 1; // what flows back is paler where there is less to learn
    way.value = backward ? "backward" : "forward";
    const { names } = picture;
    const wanted = JSON.stringify([
      hidden().map((layer) => layer.shown.length),
      picture.layers.at(-1).shown,
      names,
    ]);
    if (wanted !== shape) {
      shape = wanted;
      build();
    }
    const [seen] = picture.layers;
    image.show(backward ? seen.blame : seen.pixels, {
      signed: backward,
      strength,
      label: backward ? words.net.imageBlame : words.imageLabel,
    });
    columns.forEach((each, k) => showLayer(each, hidden()[k], k + 1));
    answers.show(picture, { backward, hideTruth: isHidden("truth") });
    key.textContent = backward ? words.net.keyBackward(strength) : words.net.keyForward;
    node.classList.toggle("is-backward", backward);
    draw();
    tellPinned();
    if (run || turnedNow) lines.run(wayOf(backward));
  }

  function showLayer({ units, more }, layer, number) {
    const values = backward ? layer.blame : layer.values;
    const most = Math.max(...values.map(Math.abs));
    const pictures = number === 1 ? levelsOf(backward ? layer.steps : layer.stencils) : null;
    const covered = backward && isHidden("gradients");
    units.forEach((made, at) => {
      const unit = layer.shown[at];
      const value = covered ? "?" : tiny(values[at]);
      made.show({
        unit,
        value,
        off: layer.values[at] === 0,
        share: most && !covered ? (strength * values[at]) / most : 0,
        strength,
        picture: covered ? null : pictures?.(at),
        words: words.net.unitLabel(number, unit, value, backward),
      });
    });
    more.textContent = layer.more ? words.net.more(layer.more) : "";
  }

  // The lines between what is shown, from border to border.
  function draw() {
    drawn = [];
    if (!(backward && isHidden("gradients"))) {
      for (let l = 1; l <= L(); l += 1)
        if (!(l === L() && isHidden("probabilities"))) connect(l, listOf(l));
    }
    lines.show(drawn, narrow.matches);
    follow(pinned);
  }

  // What flows into layer l, or back out of it, as [unit above, unit below, value]. All pixels
  // together have one line to each unit: their sum.
  function listOf(l) {
    if (l > 1)
      return (backward ? picture.back : picture.edges).find(({ to, from }) =>
        backward ? from === `dZ${l}` : to === `Z${l}`,
      ).list;
    const [, first] = picture.layers;
    const values = backward ? first.blame : first.sums;
    return first.shown.map((unit, at) => [unit, 0, values[at]]).filter(([, , value]) => value);
  }

  function connect(l, list) {
    const most = Math.max(...list.map(([, , value]) => Math.abs(value)));
    for (const [to, from, value] of list) {
      const ends = [nodeOf(l - 1, from), nodeOf(l, to)];
      const names = [nameOf(l - 1, from), nameOf(l, to)];
      const places = between(...ends, field, narrow.matches);
      drawn.push({ ...places, value, share: (strength * Math.abs(value)) / most, names });
    }
  }

  function nodeOf(layer, unit) {
    if (layer === 0) return place.firstElementChild;
    if (layer === L()) return answers.of(unit);
    return columns[layer - 1].units[picture.layers[layer].shown.indexOf(unit)].node;
  }

  // ------------------------------------------------------------------------------ following a path

  function over(at) {
    follow(at ?? pinned);
    if (at) tell(at);
    else tellPinned();
  }

  // The path through a node both ways: what leads to it, and what it leads to.
  function follow(at) {
    if (!at) return lines.follow(null);
    if (at.to !== undefined)
      return lines.follow(new Set([nameOf(at.layer, at.unit), nameOf(at.layer + 1, at.to)]));
    const name = nameOf(at.layer, at.unit);
    return lines.follow(new Set([...reach(name, 0), ...reach(name, 1)]));
  }

  // The nodes that lines lead to from here, towards the image (0) or towards the answers (1).
  function reach(name, side) {
    const reached = new Set([name]);
    for (const from of reached)
      for (const { names } of drawn) if (names[1 - side] === from) reached.add(names[side]);
    return reached;
  }

  function tell(at) {
    says.textContent =
      at.to !== undefined
        ? ""
        : at.layer === L()
        ? words.net.answerSays(at.unit, picture, backward, isHidden)
        : words.net.unitSays(at, picture, backward, isHidden);
  }

  function tellPinned() {
    if (pinned) tell(pinned);
    else if (!picture.reasons) says.textContent = "";
    else says.textContent = backward ? words.net.saysBackward : words.net.saysForward;
  }

  // What stays followed: a node, or with `to` the one connection to that unit above; null: nothing.
  function pin(at) {
    pinned = at;
    if (!picture) return;
    follow(pinned);
    tellPinned();
  }

  // Something else in the place of the image, or the image again. `waiting`: nothing is there yet
  // that the picture could be of.
  function replaceImage(other, waiting) {
    const next = other ?? image.node;
    if (place.firstElementChild !== next) place.replaceChildren(next);
    field.classList.toggle("waiting", waiting);
  }

  return {
    node,
    show,
    pin,
    replaceImage,
    get picture() {
      return picture;
    },
  };
}

function column(name, nodes) {
  return element("div", { class: `net-column ${name}` }, nodes);
}

// What the ends of the lines are called.
function nameOf(layer, unit) {
  return layer === 0 ? "x" : `${layer}.${unit}`;
}

// The weight of a line that is clicked; null: the line from the image has that of no one pixel.
function cellOf([from, to], backward) {
  if (from === "x") return null;
  const [[, unit], [layer, above]] = [from, to].map((name) => name.split("."));
  return `${backward ? "d" : ""}W${layer}[${above},${unit}]`;
}

// Where the numbers go to.
function wayOf(backward) {
  if (narrow.matches) return backward ? "up" : "down";
  return backward ? "left" : "right";
}

// The picture with what stands above and below it.
function frameOf(field, turned) {
  const says = element("p", { class: "net-says", role: "status" });
  const ways = [
    ["forward", words.net.forward, words.net.forwardHint],
    ["backward", words.net.backward, words.net.backwardHint],
  ];
  const way = choice(words.net.way, "way", ways, (value) => turned(value === "backward"), {
    class: "choice net-way",
  });
  const key = element("p", { class: "net-key quiet" });
  const head = element("div", { class: "net-head" }, way.node, key);
  const attributes = { class: "net", id: "network", "aria-label": words.net.label };
  return { node: element("section", attributes, head, field, says), says, key, way };
}

// From the border of one node to that of another, within a frame.
function between(one, other, field, upright) {
  const [frame, a, b] = [field, one, other].map((each) => each.getBoundingClientRect());
  const place = (x, y) => ({ x: x - frame.left, y: y - frame.top });
  return upright
    ? {
        from: place(middle(a.left, a.right), a.bottom),
        to: place(middle(b.left, b.right), b.top),
      }
    : {
        from: place(a.right, middle(a.top, a.bottom)),
        to: place(b.left, middle(b.top, b.bottom)),
      };
}

function middle(one, other) {
  return (one + other) / 2;
}
