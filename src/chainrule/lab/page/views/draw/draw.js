// Draw: one's own digit, by hand or from a file; what is made of it stage by stage; and a set of
// drawings collected for training.

import { button, element } from "../../parts/element.js";
import { percent } from "../../parts/numbers.js";
import { pad as makePad } from "./pad.js";
import {
  bytes,
  collect as askCollect,
  drawing as ask,
  ledger as askLedger,
} from "../../ask/server.js";
import { BEGINNING, change, networkAt, networkOf, now } from "../../state.js";
import { networkSwitch, paintPixels, thumbnail } from "../inside/story.js";
import { words } from "../../strings.js";

const LARGEST = 10e6; // bytes of a file

export function draw({ lab, tell, isHidden, toInside }) {
  let file = null; // base64 of a picture that stands in place of the strokes
  let off = [];
  let read = null; // the last answer
  let asking = false;
  let again = false;
  const set = []; // collected: { image, label, pixels }

  const pad = makePad({ changed: handMoved, tell });
  const picker = element("input", {
    type: "file",
    accept: "image/png,image/jpeg",
    hidden: true,
    tabindex: "-1",
    "aria-hidden": "true",
    onchange: () => take(picker.files[0]),
  });
  const networks = networkSwitch(lab, "draw-network", network);
  const says = element("p", { class: "verdict-line", id: "draw-says", role: "status" });
  const unlike = element("p", { class: "unlike", id: "draw-unlike", role: "status", hidden: true });
  const bars = element("table", { class: "bars" });
  const openInside = button(words.openInside, () => toInside(drawn()), {
    id: "open-inside",
    class: "primary",
  });
  const stages = element("ol", { class: "stages" });
  const cards = new Map();
  const node = element(
    "div",
    { class: "draw", id: "view-draw" },
    element(
      "section",
      { class: "drawing", "aria-labelledby": "draw-title" },
      element("h1", { id: "draw-title" }, words.drawTitle),
      pad.node,
      element("p", { class: "quiet" }, words.padHint),
      element(
        "div",
        { class: "row-of-buttons" },
        button(words.undo, pad.undo, { id: "undo" }),
        button(words.clear, clear, { id: "clear" }),
        button(words.file, () => picker.click(), { id: "open-file" }),
        picker,
      ),
      element("p", { class: "quiet" }, words.fileHint),
      networks.node,
    ),
    element(
      "section",
      { class: "answer", "aria-labelledby": "answer-title" },
      element("h2", { id: "answer-title" }, words.read),
      says,
      unlike,
      bars,
      openInside,
    ),
    element(
      "section",
      { class: "making", "aria-labelledby": "stages-title" },
      element("h2", { id: "stages-title" }, words.stagesTitle),
      element("p", {}, words.stagesLead),
      stages,
    ),
    collecting(),
  );

  const rows = Array.from({ length: 10 }, (_, digit) => {
    const bar = element("div", { class: "bar after" });
    const text = element("td", { class: "number" });
    return {
      bar,
      text,
      node: element(
        "tr",
        {},
        element("th", { scope: "row" }, digit),
        element("td", { class: "track", "aria-hidden": "true" }, bar),
        text,
      ),
    };
  });
  bars.append(
    element("caption", { class: "unseen" }, words.parts.probabilities),
    element(
      "tbody",
      {},
      rows.map((row) => row.node),
    ),
  );

  for (const stage of lab.stages) {
    const canvas = element("canvas", { class: "thumb", "aria-hidden": "true" });
    const on = element("input", {
      type: "checkbox",
      id: `stage-${stage.name}`,
      checked: true,
      onchange: () => turn(stage.name, on.checked),
    });
    const told = element("p", { class: "number" });
    const cost = element("p", { class: "quiet" });
    cards.set(stage.name, { canvas, on, told, cost, stage });
    stages.append(
      element(
        "li",
        { class: "stage" },
        canvas,
        element(
          "label",
          { for: on.id },
          on,
          element("span", {}, words.stages[stage.name] ?? stage.name),
        ),
        told,
        cost,
      ),
    );
  }

  // ------------------------------------------------------------------------------ what comes in

  function handMoved(whole) {
    file = null;
    if (whole) remember();
    else send();
  }

  function clear() {
    file = null;
    pad.set([]);
    remember();
  }

  // The drawing goes into the address, so that a link shows the same.
  function remember() {
    const { strokes } = pad;
    change({ image: strokes.length ? { strokes, off } : BEGINNING, label: null, phase: null });
  }

  function turn(name, on) {
    off = on ? off.filter((each) => each !== name) : [...off, name];
    if (pad.strokes.length) remember();
    else send();
  }

  async function take(chosen) {
    picker.value = "";
    if (!chosen) return;
    if (!["image/png", "image/jpeg"].includes(chosen.type)) return tell(words.notPicture);
    if (chosen.size > LARGEST) return tell(words.tooLarge);
    const reader = new FileReader();
    reader.onload = () => {
      pad.set([]);
      file = reader.result.split(",")[1];
      send();
    };
    reader.readAsDataURL(chosen);
  }

  node.addEventListener("dragover", (event) => event.preventDefault());
  node.addEventListener("drop", (event) => {
    event.preventDefault();
    take(event.dataTransfer.files[0]);
  });
  document.addEventListener("paste", (event) => {
    if (now().view === "draw" && event.clipboardData.files.length)
      take(event.clipboardData.files[0]);
  });

  // ---------------------------------------------------------------------------- what is answered

  function network() {
    return networkOf({ ...now(), image: { strokes: [] } });
  }

  function at() {
    return networkAt({ ...now(), image: { strokes: [] } });
  }

  // One question at a time; while it is under way the newest drawing waits.
  async function send() {
    if (asking) {
      again = true;
      return;
    }
    if (!something()) return empty();
    asking = true;
    try {
      show(await question());
    } catch (failure) {
      tell(words.failed(failure.message));
    }
    asking = false;
    if (again) {
      again = false;
      send();
    }
  }

  // The drawing as the rest of the lab knows it.
  function drawn() {
    return pad.strokes.length ? { strokes: pad.strokes, off } : { pixels: read.pixels };
  }

  function something() {
    return file !== null || pad.strokes.length > 0 || "pixels" in now().image;
  }

  // The pixels of a link were prepared before: they have no stages, and the ledger says what is read.
  async function question() {
    if (file) return ask(at(), { file, off });
    if (pad.strokes.length) return ask(at(), { strokes: pad.strokes, off });
    const { image } = now();
    const found = await askLedger({ ...at(), image, label: null });
    const A = [...found.arrays.keys()].findLast((name) => /^A\d/.test(name));
    return {
      ...image,
      stages: [],
      prediction: found.prediction,
      probabilities: found.arrays.get(A).values,
      unlike: found.unlike,
    };
  }

  function show(answer) {
    if (!something()) return empty();
    read = answer;
    if (file) change({ image: { pixels: answer.pixels }, label: null, phase: null });
    if (!pad.strokes.length) pad.show(thumbnail(bytes(answer.pixels)));
    write(answer);
    openInside.disabled = false;
  }

  // What is answered, but for what is hidden for a question.
  function write(answer) {
    const unsaid = isHidden("prediction");
    // A share of 99.9 % would look sure; of what is no digit it says nothing.
    const strange = answer.unlike?.unlike;
    const say = (sure, taken, { prediction, probabilities }) =>
      strange ? taken(prediction) : sure(prediction, percent(probabilities[prediction]));
    says.textContent = unsaid ? words.unsaid.prediction : say(words.isay, words.taken, answer);
    bars.hidden = isHidden("probabilities");
    bars.classList.toggle("doubted", Boolean(strange));
    unlike.hidden = !strange;
    unlike.textContent = strange ? words.unlike(answer.unlike) : "";
    rows.forEach((row, digit) => {
      row.bar.style.width = `${100 * answer.probabilities[digit]}%`;
      row.text.textContent = percent(answer.probabilities[digit]);
      row.node.classList.toggle("truth", !unsaid && !strange && digit === answer.prediction);
    });
    for (const stage of answer.stages) {
      const card = cards.get(stage.name);
      if (!card) continue;
      paintPixels(card.canvas, bytes(stage.pixels), stage.width, stage.height);
      card.told.textContent = unsaid ? "" : say(words.afterStage, words.takenThere, stage);
    }
  }

  function empty() {
    read = null;
    says.textContent = words.emptyPad;
    unlike.hidden = true;
    for (const row of rows) {
      row.bar.style.width = "0";
      row.text.textContent = "";
      row.node.classList.remove("truth");
    }
    for (const { canvas, told } of cards.values()) {
      canvas.width = canvas.height = 28;
      told.textContent = "";
    }
    openInside.disabled = true;
  }

  // What the state says: the drawing of a link, its stages, its network.
  function enter(state) {
    const { image } = state;
    networks.show();
    off = image.off ?? off;
    for (const [name, card] of cards) {
      card.on.checked = !off.includes(name);
      card.cost.textContent = costOf(card.stage);
    }
    if ("strokes" in image && JSON.stringify(image.strokes) !== JSON.stringify(pad.strokes)) {
      file = null;
      pad.set(image.strokes);
    }
    send();
  }

  function costOf(stage) {
    const points = stage.costs?.[network().id];
    return typeof points === "number" ? words.costs.some(points) : words.costs.none;
  }

  // ------------------------------------------------------------------------------------- collect

  function collecting() {
    const list = element("ul", { class: "collected" });
    const total = element("p", { class: "quiet", role: "status", id: "collected" });
    const labels = element(
      "fieldset",
      { class: "digits" },
      element("legend", {}, words.collectLabel),
      Array.from({ length: 10 }, (_, digit) =>
        element(
          "label",
          {},
          element("input", { type: "radio", name: "collect-label", value: digit }),
          element("span", {}, digit),
        ),
      ),
    );
    const add = button(
      words.add,
      () => {
        const label = labels.querySelector("input:checked")?.value;
        if (!read || label === undefined) return tell(words.emptyPad);
        set.push({ image: drawn(), label: Number(label), pixels: bytes(read.pixels) });
        refresh();
        clear();
      },
      { id: "collect-add" },
    );
    const save = button(
      words.saveSet,
      async () => {
        if (set.length < 2) return tell(words.needTwo);
        try {
          const found = await askCollect(set.map(({ image, label }) => ({ image, label })));
          set.length = 0;
          refresh();
          total.textContent = words.savedSet(found);
        } catch (failure) {
          tell(words.failed(failure.message));
        }
      },
      { id: "collect-save" },
    );

    function refresh() {
      total.textContent = words.collected(set.length);
      list.replaceChildren(
        ...set.map((each, k) =>
          element(
            "li",
            {},
            button(
              [thumbnail(each.pixels), element("span", {}, each.label)],
              () => {
                set.splice(k, 1);
                refresh();
              },
              {
                class: "thumbnail",
                "aria-label": words.takeOut(each.label),
                title: words.takeOut(each.label),
              },
            ),
          ),
        ),
      );
    }
    refresh();
    return element(
      "section",
      { class: "collect", "aria-labelledby": "collect-title" },
      element("h2", { id: "collect-title" }, words.collectTitle),
      element("p", {}, words.collectLead),
      labels,
      element("div", { class: "row-of-buttons" }, add, save),
      total,
      list,
    );
  }

  return { node, enter, refresh: () => read && write(read) };
}
