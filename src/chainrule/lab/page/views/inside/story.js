// The image at the left: what the network says of it and what it is, which image it is, the label
// that the pass back starts from, and one line that leads on.

import { button, element } from "../../parts/element.js";
import { grid } from "../../parts/grid.js";
import { percent } from "../../parts/numbers.js";
import { onRuns } from "../../ask/runs.js";
import { images, mistakes, recorded } from "../../ask/server.js";
import { change, imagesOf, networkAt, networkOf, now } from "../../state.js";
import { words } from "../../strings.js";

const SIDE = 28;
const PAGE = 100; // thumbnails

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
  const number = element("input", {
    type: "number",
    id: "test-number",
    min: 0,
    step: 1,
    inputmode: "numeric",
  });
  const caption = element("figcaption", { "data-cells": "x" });
  const chooser = element(
    "div",
    { class: "chooser", role: "group", "aria-label": words.image },
    element("label", { for: "test-number" }, words.testImage),
    button("‹", () => go(-1), { "aria-label": words.earlierImage, class: "small" }),
    number,
    button("›", () => go(1), { "aria-label": words.laterImage, class: "small" }),
    button(words.nextMistake, nextMistake, { id: "next-mistake", "aria-keyshortcuts": "Alt+N" }),
    button(words.browse, browse, { id: "browse" }),
  );
  const labels = element(
    "fieldset",
    { class: "digits", id: "label" },
    element("legend", {}, words.trueLabel),
    Array.from({ length: 10 }, (_, digit) =>
      element(
        "label",
        {},
        element("input", {
          type: "radio",
          name: "label",
          value: digit,
          onchange: () => change({ label: digit }),
        }),
        element("span", {}, digit),
      ),
    ),
  );
  const networks = networkSwitch(lab, "inside-network");
  const dialog = element("dialog", { class: "browser", "aria-labelledby": "browse-title" });
  const node = element(
    "section",
    { class: "story", "aria-labelledby": "verdict" },
    element("div", { class: "status", role: "status" }, verdict, unlike),
    element("figure", {}, picture.node, caption),
    guide,
  );
  const choices = element(
    "section",
    { class: "choices", "aria-label": words.choices },
    recorded ? null : [chooser, labels, networks.node, dialog],
  );
  let ledger = null;

  number.addEventListener("change", () => {
    if (number.value !== "" && number.validity.valid) open(Number(number.value));
    else number.value = now().image.test ?? "";
  });

  function open(test) {
    const most = imagesOf() || 1; // none if the digits are gone
    change({ image: { test: (test + most) % most }, label: null });
  }

  function go(by) {
    open((now().image.test ?? -1) + by);
  }

  async function nextMistake() {
    const known = await mistakes(networkAt());
    const after = now().image.test ?? -1;
    open(known.indices.find((index) => index > after) ?? known.indices[0]);
  }

  function show(next) {
    ledger = next;
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
    if (ledger.truth === null)
      truth.textContent = ledger.label === answer ? "" : words.assumed(ledger.label);
    else
      covered(
        truth,
        "truth",
        words.itis(ledger.truth) +
          (ledger.label === ledger.truth ? "" : ` ${words.assumed(ledger.label)}`),
      );
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
    number.max = imagesOf() - 1;
    number.value = image.test ?? "";
    caption.textContent =
      "test" in image ? words.xTest(image.test, networkOf().digits) : words.xDrawn;
    for (const input of labels.querySelectorAll("input")) {
      const chosen = Number(input.value) === ledger.label;
      input.checked = chosen && !isHidden("truth");
      input.title =
        Number(input.value) === ledger.truth && !isHidden("truth") ? words.ownLabel : "";
    }
    networks.show();
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

  // --------------------------------------------------------------------------- browsing

  async function browse() {
    let start = Math.floor((now().image.test ?? 0) / PAGE) * PAGE;
    const list = element("div", { class: "thumbnails" });
    const place = element("span", { class: "number", "aria-live": "polite" });
    const turn = async (to) => {
      start = Math.max(Math.min(to, imagesOf() - PAGE), 0);
      const [page, known] = await Promise.all([
        images(networkOf().id, start, PAGE),
        mistakes(networkAt()),
      ]);
      const read = new Map(known.indices.map((index, k) => [index, known.predictions[k]]));
      place.textContent = words.range(
        words.images,
        start,
        start + page.labels.length - 1,
        imagesOf(),
      );
      list.replaceChildren(
        ...page.labels.map((label, k) => {
          const index = start + k;
          const answer = isHidden("truth") || isHidden("prediction") ? undefined : read.get(index);
          return button(
            [
              thumbnail(page.images.subarray(k * SIDE * SIDE, (k + 1) * SIDE * SIDE)),
              answer === undefined ? "" : element("span", {}, words.misread(label, answer)),
            ],
            () => {
              dialog.close();
              open(index);
            },
            {
              class: answer === undefined ? "thumbnail" : "thumbnail misread",
              "aria-label": isHidden("truth")
                ? `${words.testImage} ${index}`
                : words.browseImage(index, label, answer),
            },
          );
        }),
      );
    };
    dialog.replaceChildren(
      element(
        "div",
        { class: "dialog-head" },
        element("h2", { id: "browse-title" }, words.browseTitle(networkOf().digits)),
        button("‹", () => turn(start - PAGE), { "aria-label": words.earlier(words.images) }),
        place,
        button("›", () => turn(start + PAGE), { "aria-label": words.later(words.images) }),
        button("✕", () => dialog.close(), { "aria-label": words.close }),
      ),
      list,
    );
    dialog.showModal();
    await turn(start);
  }

  // The image makes room for an opened cell, unless the cell is its own.
  function compact(on) {
    node.classList.toggle("compact", on);
    picture.scaleTo(on ? 5 : 10);
  }

  return { node, choices, show, lead, nextMistake, compact, picture };
}

export function thumbnail(pixels) {
  const canvas = element("canvas", {
    width: SIDE,
    height: SIDE,
    "aria-hidden": "true",
    class: "thumb",
  });
  paintPixels(canvas, pixels, SIDE, SIDE);
  return canvas;
}

// Bytes (ink bright) as they are seen in this theme.
export function paintPixels(canvas, pixels, width, height) {
  canvas.width = width;
  canvas.height = height;
  const pen = canvas.getContext("2d");
  const image = pen.createImageData(width, height);
  for (let k = 0; k < pixels.length; k += 1) image.data.set([255, 255, 255, pixels[k]], 4 * k);
  pen.putImageData(image, 0, 0);
}

// The switch between networks: radio buttons, or a list where there are many.
export function networkSwitch(lab, name, chosen = networkOf) {
  const hint = element("p", { class: "quiet" });
  const options = element("div", { class: "options" });
  const node = element(
    "fieldset",
    { class: "networks" },
    element("legend", {}, words.network),
    options,
    hint,
  );
  let made = "";

  function make() {
    const key = JSON.stringify(lab.networks.map(({ id, name }) => [id, name]));
    if (key === made) return;
    made = key;
    const choose = (id) => change({ network: id, step: null });
    if (lab.networks.length > 3) {
      options.replaceChildren(
        element(
          "select",
          {
            "aria-label": words.network,
            id: name,
            onchange: (event) => choose(event.target.value),
          },
          lab.networks.map((each) => element("option", { value: each.id }, words.option(each))),
        ),
      );
    } else {
      options.replaceChildren(
        ...lab.networks.map((each) =>
          element(
            "label",
            { title: words.networkHint(each) },
            element("input", {
              type: "radio",
              name,
              value: each.id,
              onchange: () => choose(each.id),
            }),
            element("span", {}, each.name),
          ),
        ),
      );
    }
  }

  function show() {
    const network = chosen();
    make();
    for (const input of node.querySelectorAll("input")) input.checked = input.value === network.id;
    for (const select of node.querySelectorAll("select")) select.value = network.id;
    hint.textContent = words.networkHint(network);
  }

  onRuns((what) => what !== "frame" && made && show());
  return { node, show };
}
