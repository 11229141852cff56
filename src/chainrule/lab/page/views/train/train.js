// Train: what is to be trained, and what goes on: curves, the hidden units as images, the sizes of
// dW and the share of dead units, live. Closing the page stops nothing; every page sees the same.

import { button, element } from "../../parts/element.js";
import { largest, onTheme, signed } from "../../parts/colour.js";
import { curve } from "../../parts/curve.js";
import { count, percent, short } from "../../parts/numbers.js";
import { act, damaged, going, live, onRuns, runOf, runs } from "../../ask/runs.js";
import { bytes, inside, ledger as askLedger } from "../../ask/server.js";
import { BEGINNING, change, networkAt, networkOf, now, stepOf } from "../../state.js";
import { networkSwitch } from "../inside/story.js";
import { words } from "../../strings.js";

const SIDE = 28;
const APART = 30; // pixels from one unit's image to the next; each is two of the screen's
const MOST = 128; // units that are shown

export function train({ lab, tell }) {
  const says = words.train;

  // ------------------------------------------------------------------------------------ the form

  const field = (name, label, attributes) => {
    const input = element("input", {
      id: `train-${name}`,
      name,
      autocomplete: "off",
      "aria-describedby": `train-${name}-why`,
      ...attributes,
    });
    const why = element("p", { class: "quiet", id: `train-${name}-why` }, says.why[name] ?? "");
    return {
      input,
      why,
      node: element(
        "div",
        { class: "setting" },
        element("label", { for: input.id }, label),
        input,
        why,
      ),
    };
  };
  const choice = (name, label, options) => {
    const inputs = Object.entries(options).map(([value, text]) =>
      element(
        "label",
        {},
        element("input", { type: "radio", name: `train-${name}`, value, onchange: suit }),
        element("span", {}, text),
      ),
    );
    const why = element("p", { class: "quiet", id: `train-${name}-why` });
    const node = element(
      "fieldset",
      { class: "setting choice", "aria-describedby": why.id },
      element("legend", {}, label),
      inputs,
      why,
    );
    const all = () => [...node.querySelectorAll("input")];
    return {
      node,
      why,
      get value() {
        return all().find((input) => input.checked)?.value;
      },
      set value(to) {
        for (const input of all()) input.checked = input.value === to;
      },
    };
  };
  const whole = { type: "number", min: 1, step: 1, inputmode: "numeric" };
  const hidden = field("hidden", says.hidden, {
    type: "text",
    pattern: "\\s*(none|\\d{1,4}(\\s*,\\s*\\d{1,4}){0,7})\\s*",
    spellcheck: "false",
    required: true,
    title: says.hiddenTitle,
  });
  const loss = choice("loss", says.loss, says.losses);
  const optimizer = choice("optimizer", says.optimizer, says.optimizers);
  const rate = field("rate", says.rate, {
    type: "number",
    min: 0,
    step: "any",
    inputmode: "decimal",
  });
  const batch = field("batch", says.batch, { ...whole, max: 60000, placeholder: says.allImages });
  const length = field("length", says.length, { ...whole, max: 1000000 });
  const unit = choice("unit", says.unit, says.units);
  const seed = field("seed", says.seed, {
    type: "number",
    min: 0,
    max: 999999999,
    step: 1,
    inputmode: "numeric",
    required: true,
  });
  const threads = field("threads", says.threads, {
    ...whole,
    max: 64,
    placeholder: String(lab.cores ?? ""),
  });
  unit.node.classList.remove("setting");
  length.node.append(unit.node);
  batch.input.addEventListener("input", suit);
  for (const each of [hidden, rate, batch, length, seed, threads])
    each.input.addEventListener("input", () =>
      each.input.setAttribute("aria-invalid", String(!each.input.validity.valid)),
    );

  const objection = element("p", {
    class: "bad",
    role: "alert",
    id: "train-objection",
    hidden: true,
  });
  const startButton = element("button", { class: "primary", id: "train-start" }, says.start);
  const reset = button(says.reset, () => fill(SEED), { id: "train-reset" });
  const busy = element("p", { class: "quiet", id: "train-busy" });
  const form = element(
    "form",
    { class: "settings", onsubmit: begin, novalidate: true, "aria-labelledby": "train-title" },
    element("h2", { id: "train-title" }, says.settingsTitle),
    hidden.node,
    loss.node,
    optimizer.node,
    rate.node,
    batch.node,
    length.node,
    seed.node,
    threads.node,
    objection,
    element("div", { class: "row-of-buttons" }, startButton, reset),
    busy,
  );
  const SEED = {
    hidden: "10",
    loss: "squared_error",
    optimizer: "descent",
    rate: "",
    batch: "",
    length: "",
    unit: "steps",
    seed: "0",
    threads: "",
  };

  function fill(settings) {
    for (const [name, each] of Object.entries({ hidden, rate, batch, length, seed, threads })) {
      each.input.value = settings[name];
      each.input.removeAttribute("aria-invalid");
    }
    loss.value = settings.loss;
    optimizer.value = settings.optimizer;
    unit.value = settings.unit;
    objection.hidden = true;
    suit();
  }

  // The defaults that suit this loss and optimizer, where a field is left empty.
  function suit() {
    const suited = lab.defaults[loss.value][optimizer.value];
    const batched = batch.input.value !== "";
    const pair = says.pair(loss.value, optimizer.value);
    const alpha = batched ? suited.batch_learning_rate : suited.learning_rate;
    rate.input.placeholder = String(alpha);
    rate.why.textContent = says.why.rateOf(String(alpha), pair, batched);
    loss.why.textContent = says.why.losses[loss.value];
    optimizer.why.textContent = says.why.optimizers[optimizer.value];
    length.input.placeholder =
      batched && unit.value === "epochs"
        ? String(lab.batch_epochs)
        : batched
          ? ""
          : String(suited.steps);
    length.why.textContent = batched
      ? says.why.lengthBatched(lab.batch_epochs)
      : says.why.lengthOf(count(suited.steps), pair);
  }

  // What the form says, as the server is asked.
  function settings() {
    const number = ({ input }) => (input.value === "" ? null : Number(input.value));
    const text = hidden.input.value.trim();
    const inEpochs = unit.value === "epochs";
    return {
      hidden: text === "none" ? [] : text.split(",").map(Number),
      loss: loss.value,
      optimizer: optimizer.value,
      learning_rate: number(rate),
      batch_size: number(batch),
      steps: inEpochs ? null : number(length),
      epochs: inEpochs ? number(length) : null,
      seed: number(seed),
      threads: number(threads),
    };
  }

  async function begin(event) {
    event.preventDefault();
    const wrong = [hidden, rate, batch, length, seed, threads].find(
      ({ input }) =>
        !input.validity.valid ||
        (input === rate.input && input.value !== "" && !(Number(input.value) > 0)),
    );
    if (wrong) {
      wrong.input.setAttribute("aria-invalid", "true");
      object(
        says.wrong(
          wrong.node.querySelector("label").textContent,
          wrong.input.title || wrong.input.validationMessage || says.positive,
        ),
      );
      return wrong.input.focus();
    }
    objection.hidden = true;
    beginning = true;
    startButton.disabled = true;
    state.textContent = says.starting;
    await does({ do: "start", settings: settings() });
  }

  function object(why) {
    objection.hidden = false;
    objection.textContent = why;
  }

  // --------------------------------------------------------------------------------- what goes on

  const title = element("h1", { id: "run-title", class: "run-title" });
  const about = element("p", { class: "quiet", id: "run-about" });
  const state = element("p", { class: "run-state", role: "status", id: "run-state" });
  const play = button(says.pause, () => does({ do: live()?.state === "paused" ? "go" : "pause" }), {
    id: "run-play",
    class: "primary",
  });
  const one = button(says.step, () => does({ do: "step" }), {
    id: "run-step",
    title: says.stepHint,
  });
  const epoch = button(says.epoch, () => does({ do: "epoch" }), {
    id: "run-epoch",
    title: says.epochHint,
  });
  const stop = button(says.stop, () => does({ do: "stop" }), {
    id: "run-stop",
    title: says.stopHint,
  });
  const goOn = button(says.resume, () => does({ do: "start", run: chosen().id }), {
    id: "run-resume",
    class: "primary",
  });
  const watchIt = button(says.watch, () => change({ network: going().id, step: null }), {
    id: "run-watch",
  });
  const newRate = element("input", {
    type: "number",
    id: "run-rate",
    min: 0,
    step: "any",
    inputmode: "decimal",
  });
  const rateDo = element("button", { id: "run-rate-do" }, says.rateDo);
  const rates = element(
    "form",
    { class: "run-rate", novalidate: true, onsubmit: setRate },
    element("label", { for: "run-rate" }, says.rateNow),
    newRate,
    rateDo,
  );
  const acts = element(
    "div",
    { class: "row-of-buttons", role: "group", "aria-label": says.acts },
    play,
    one,
    epoch,
    stop,
    goOn,
    watchIt,
  );
  const figures = Object.fromEntries(
    ["step", "loss", "train", "test", "seconds"].map((name) => [
      name,
      element("dd", { class: "number", id: `figure-${name}` }),
    ]),
  );
  const table = element(
    "dl",
    { class: "figures" },
    Object.entries(figures).map(([name, node]) =>
      element("div", {}, element("dt", {}, says.figures[name]), node),
    ),
  );
  const notices = element("ul", {
    class: "notices",
    "aria-label": says.noticesLabel,
    id: "run-notices",
  });
  const aloud = element("p", { class: "unseen", role: "status" }); // which troubles, not each of their numbers
  const losses = curve({
    label: says.lossChart,
    x: says.axisStep,
    y: says.axisLoss,
    write: number,
  });
  const accuracies = curve({
    label: says.accuracyChart,
    x: says.axisStep,
    y: says.axisAccuracy,
    write: share,
    percent: true,
  });
  const sheetCanvas = element("canvas", { "aria-hidden": "true", width: 0, height: 0 });
  const sheet = element("div", { class: "sheet", role: "img" }, sheetCanvas);
  let sheetWidth = 600;
  const sheetNote = element("p", { class: "quiet" });
  const norms = element("table", { class: "bars measures" });
  const dead = element("table", { class: "bars measures" });
  const measures = element(
    "section",
    { "aria-labelledby": "measures-title", class: "panel" },
    element("h2", { id: "measures-title" }, says.measuresTitle),
    element("p", { class: "quiet" }, says.measuresLead),
    norms,
    dead,
  );
  const history = element("tbody");
  const rows = element(
    "details",
    {},
    element("summary", {}, says.asTable),
    element(
      "div",
      {
        class: "sideways table-of-history",
        tabindex: "0",
        role: "region",
        "aria-label": says.asTable,
      },
      element(
        "table",
        { class: "painted" },
        element(
          "thead",
          {},
          element(
            "tr",
            {},
            says.columns.map((each) => element("th", { scope: "col" }, each)),
          ),
        ),
        history,
      ),
    ),
  );
  rows.addEventListener("toggle", () => writeHistory());
  const curves = element(
    "section",
    { class: "curves", "aria-labelledby": "curves-title" },
    element("h2", { id: "curves-title" }, says.curvesTitle),
    element("div", { class: "pair" }, losses.node, accuracies.node),
    rows,
  );
  const units = element(
    "section",
    { class: "panel", "aria-labelledby": "sheet-title" },
    element("h2", { id: "sheet-title" }, says.sheetTitle),
    sheetNote,
    sheet,
  );
  const board = element(
    "div",
    { class: "board", id: "run-board" },
    table,
    notices,
    aloud,
    curves,
    element("div", { class: "pair" }, units, measures),
  );
  const networks = networkSwitch(lab, "train-network");
  const unread = element("ul", { class: "quiet", id: "runs-damaged", hidden: true });
  const welcome = element("p", { class: "lead", id: "train-welcome" }, says.welcome);
  const node = element(
    "div",
    { class: "train", id: "view-train" },
    element(
      "section",
      { class: "run", "aria-labelledby": "run-title" },
      title,
      about,
      state,
      acts,
      rates,
      welcome,
      board,
      networks.node,
      unread,
    ),
    form,
  );

  async function does(what) {
    try {
      const run = await act(what);
      if (run && now().network !== run.id && (what.do === "start" || what.do === "rate"))
        change({ network: run.id, step: null }, { amend: true });
      if (what.settings) scrollTo({ top: 0 }); // to what happens now
      objection.hidden = true;
    } catch (failure) {
      beginning = false;
      enter();
      if (what.do === "start" && what.settings) object(failure.message);
      else tell(words.failed(failure.message));
    }
  }

  async function setRate(event) {
    event.preventDefault();
    if (!(Number(newRate.value) > 0)) {
      newRate.setAttribute("aria-invalid", "true");
      return tell(says.positive);
    }
    newRate.removeAttribute("aria-invalid");
    const wanted = Number(newRate.value);
    await does(
      going() ? { do: "rate", rate: wanted } : { do: "start", run: chosen().id, rate: wanted },
    );
    newRate.value = "";
  }

  // The run that is shown: the chosen network if it is one, else the one that goes on.
  function chosen() {
    return runOf(now().network) ?? networkOf().run ?? (live() && runOf(live().id));
  }

  let beginning = false; // the focus goes from Start to Pause
  let shownId = null;
  let drawn = ""; // the moment whose units are painted

  function enter() {
    if (node.hidden) return;
    const frame = going();
    if (frame && now().network === null) {
      change({ network: frame.id }, { amend: true }); // what goes on is watched; this is entered again
      return;
    }
    const run = chosen();
    networks.show();
    networks.node.hidden = !runs().length;
    unread.hidden = !damaged().length;
    unread.replaceChildren(
      ...damaged().map(({ name, why }) => element("li", {}, says.unread(name, why))),
    );
    const goes = Boolean(run && run.id === frame?.id);
    const paused = frame?.state === "paused";
    const elsewhere = Boolean(frame && !goes);
    startButton.disabled = beginning || frame !== null;
    busy.textContent = frame ? says.busy(runOf(frame.id)?.name ?? frame.id) : "";
    welcome.hidden = Boolean(run);
    board.hidden = !run;
    about.hidden = !run;
    title.textContent = run ? says.title(run) : says.heading;
    state.textContent =
      beginning && !goes
        ? says.starting
        : elsewhere
          ? says.elsewhere(runOf(frame.id)?.name ?? frame.id)
          : run
            ? stateOf(run)
            : "";
    show(play, goes);
    show(one, goes);
    show(epoch, goes);
    show(stop, goes);
    const waits = !frame && run && ["new", "running", "interrupted"].includes(run.state);
    show(goOn, waits);
    show(watchIt, elsewhere);
    acts.hidden = ![...acts.children].some((each) => !each.hidden);
    rates.hidden = !goes && !waits;
    rateDo.textContent = goes ? says.rateDo : says.rateResume;
    play.textContent = paused ? says.go : says.pause;
    if (beginning && goes) {
      beginning = false;
      play.focus({ preventScroll: true });
    }
    if (!run) return;
    about.textContent = says.about(run);
    if (shownId !== run.id) {
      shownId = run.id;
      drawn = "";
      painted = null;
      sheetCanvas.width = 0;
      notices.replaceChildren();
      told = "";
    }
    numbers();
  }

  function stateOf(run) {
    const frame = live()?.id === run.id ? live() : null;
    return frame?.error ? says.failed(frame.error) : (says.states[frame?.state ?? run.state] ?? "");
  }

  // A button that goes while it has the focus gives it to the next one.
  function show(each, on) {
    const focused = each === document.activeElement;
    each.hidden = !on;
    if (focused && !on)
      [play, goOn, watchIt, startButton].find((other) => !other.hidden && !other.disabled)?.focus();
  }

  // Everything that moves.
  function numbers() {
    const run = chosen();
    if (node.hidden || !run) return;
    const frame = live()?.id === run.id ? live() : null;
    const step = run === networkOf().run && now().step !== null ? stepOf() : null;
    const looking = step !== null; // back at a recorded step
    const { history: past } = run;
    const k = looking ? past.step.indexOf(step) : past.step.length - 1;
    const at = {
      step: past.step[k] ?? 0,
      loss: past.loss[k],
      train: past.train_accuracy[k],
      test: past.test_accuracy[k],
    };
    if (frame && !looking)
      Object.assign(at, {
        step: frame.step,
        loss: frame.loss,
        train: frame.train_accuracy ?? at.train,
        test: frame.test_accuracy ?? at.test,
      });
    write(figures.step, says.stepOf(count(at.step), count(run.length)));
    write(figures.loss, number(at.loss));
    write(figures.train, share(at.train));
    write(figures.test, share(at.test));
    figures.train.parentElement.hidden = typeof at.train !== "number"; // by batches it is not measured
    write(figures.seconds, frame && !looking ? says.seconds(frame.seconds) : "–");
    if (frame && newRate.placeholder !== String(frame.rate))
      newRate.placeholder = String(frame.rate); // costly even if it stays the same
    plot(past, looking ? step : null, at);
    if (frame && !looking) {
      looked = "";
      showInside(frame);
    } else askInside(run);
    if (frame?.units && !looking) {
      drawn = "";
      paintUnits(bytes(frame.units.u8), frame.units.shape[0], run.settings.hidden[0]);
    } else paintRecorded();
    if (rows.open && history.childElementCount !== past.step.length) writeHistory();
  }

  function write(node, text) {
    if (node.textContent !== text) node.textContent = text;
  }

  // The rows of the history, and how it stands now after them.
  function plot(past, mark, at) {
    const ahead = mark === null && at.step > (past.step.at(-1) ?? -1);
    const column = (name, now) => (ahead ? [...past[name], now] : past[name]);
    const x = column("step", at.step);
    const told = says.chartSays(count(at.step), number(at.loss), share(at.train), share(at.test));
    losses.show(x, [{ name: says.axisLoss, y: column("loss", at.loss), colour: "accent" }], {
      mark,
      says: `${says.lossChart}: ${told.loss}`,
    });
    const lines = [{ name: says.test, y: column("test_accuracy", null), colour: "accent" }];
    if (typeof at.train === "number")
      lines.unshift({
        name: says.training,
        y: column("train_accuracy", at.train),
        colour: "positive",
        dash: true,
      });
    accuracies.show(x, lines, { mark, says: `${says.accuracyChart}: ${told.accuracy}` });
  }

  function writeHistory() {
    const run = chosen();
    if (!rows.open || !run) return;
    const { history: past } = run;
    history.replaceChildren(
      ...past.step.map((step, k) =>
        element(
          "tr",
          {},
          [
            count(step),
            number(past.loss[k]),
            share(past.train_accuracy[k]),
            share(past.test_accuracy[k]),
          ].map((text) => element("td", { class: "number" }, text)),
        ),
      ),
    );
  }

  // -------------------------------------------------------------------- sizes of dW, dead units

  const made = { norms: [], dead: [] };
  let looked = ""; // the recorded step that was asked about last

  // A recorded step is looked into by the server; runs on other digits only while they go on.
  async function askInside(run) {
    const at = networkAt();
    const key = JSON.stringify(at);
    if (networkOf().run !== run || run.settings.data !== "mnist") return showInside({});
    if (key === looked) return;
    looked = key;
    try {
      const found = await inside(at);
      if (looked === key) showInside(found);
    } catch {
      if (looked === key) looked = "";
    }
  }

  function showInside({ norms = [], dead = [], troubles = [] }) {
    measure({ norms, dead });
    trouble(troubles);
  }

  function measure(frame) {
    measures.hidden = !frame.norms.length;
    bars(
      norms,
      made.norms,
      says.norms,
      frame.norms.map((value, k) => ({
        name: `dW${k + 1}`,
        text: number(value),
        share: value / Math.max(...frame.norms, 1e-300),
      })),
    );
    bars(
      dead,
      made.dead,
      says.dead,
      frame.dead.map((value, k) => ({
        name: says.layer(k + 1),
        text: percent(value),
        share: value,
      })),
    );
  }

  function bars(table, rows, caption, values) {
    table.hidden = !values.length;
    if (rows.length !== values.length) {
      rows.splice(
        0,
        rows.length,
        ...values.map(({ name }) => {
          const bar = element("div", { class: "bar after" });
          const text = element("td", { class: "number" });
          return {
            bar,
            text,
            name,
            node: element(
              "tr",
              {},
              element("th", { scope: "row" }, name),
              element("td", { class: "track", "aria-hidden": "true" }, bar),
              text,
            ),
          };
        }),
      );
      table.replaceChildren(
        element("caption", {}, caption),
        element(
          "tbody",
          {},
          rows.map((row) => row.node),
        ),
      );
    }
    values.forEach(({ text, share: wide }, k) => {
      write(rows[k].text, text);
      const width = `${Math.round(100 * Math.min(Number.isFinite(wide) ? wide : 1, 1))}%`;
      if (rows[k].bar.style.width !== width) rows[k].bar.style.width = width;
    });
  }

  let told = "";

  function trouble(troubles) {
    const names = troubles.map(({ name }) => name).join();
    if (names !== told) {
      told = names;
      notices.replaceChildren(
        ...troubles.map(({ name }) =>
          element(
            "li",
            { class: "notice", "data-trouble": name },
            element("strong", {}, says.troubles[name] ?? name),
            " ",
            element("span"),
            " ",
            element("span", { class: "remedy" }),
          ),
        ),
      );
      aloud.textContent = troubles
        .map(({ name, remedy }) => `${says.troubles[name] ?? name} ${remedy}`)
        .join(" ");
    }
    troubles.forEach(({ shows, remedy }, k) => {
      const [what, todo] = notices.children[k].querySelectorAll("span");
      write(what, shows);
      write(todo, remedy);
    });
  }

  // --------------------------------------------------------------------------- the hidden units

  const sheetPen = sheetCanvas.getContext("2d");
  let painted = null; // { levels, n, all }

  // levels: of each unit 784 bytes, 128 for 0. One canvas has them all, in as many columns as fit.
  function paintUnits(levels, n, all = n) {
    painted = { levels, n, all };
    const shown = Math.min(n, MOST);
    const columns = Math.min(shown, Math.max(1, Math.floor(sheetWidth / (2 * APART))));
    const [width, height] = [columns * APART, Math.ceil(shown / columns) * APART];
    if (sheetCanvas.width !== width || sheetCanvas.height !== height)
      Object.assign(sheetCanvas, { width, height });
    const label = says.sheetLabel(shown);
    if (sheet.getAttribute("aria-label") !== label) sheet.setAttribute("aria-label", label);
    write(sheetNote, shown < all ? says.sheetSome(shown, all) : says.sheetNote);
    const palette = colouring();
    const image = sheetPen.createImageData(width, height);
    const pixels = new Uint32Array(image.data.buffer);
    for (let unit = 0, from = 0; unit < shown; unit += 1) {
      const corner = Math.floor(unit / columns) * APART * width + (unit % columns) * APART;
      for (let row = 0; row < SIDE; row += 1) {
        const to = corner + row * width;
        for (let k = 0; k < SIDE; k += 1, from += 1) pixels[to + k] = palette[levels[from]];
      }
    }
    sheetPen.putImageData(image, 0, 0);
  }

  new ResizeObserver(([{ contentRect }]) => {
    sheetWidth = contentRect.width;
    if (painted) paintUnits(painted.levels, painted.n, painted.all);
  }).observe(sheet);

  let palette = null;
  onTheme(() => {
    palette = null;
    drawn = "";
    numbers();
  });

  function colouring() {
    palette ??= Uint32Array.from({ length: 256 }, (_, level) => {
      const [r, g, b] = signed((level - 128) / 127, 1);
      return (255 << 24) | (b << 16) | (g << 8) | r;
    });
    return palette;
  }

  // Of a recorded step: W1 as Look inside has it.
  async function paintRecorded() {
    const at = networkAt();
    if (networkOf().run !== chosen()) return;
    const key = JSON.stringify(at);
    if (key === drawn) return;
    drawn = key;
    try {
      const found = await askLedger({ ...at, image: BEGINNING, label: null });
      if (drawn !== key) return;
      const { values, shape } = found.arrays.get("W1");
      const most = largest(values) || 1;
      paintUnits(
        Uint8Array.from(values, (value) => 128 + Math.round((127 * value) / most)),
        shape[0],
      );
    } catch (failure) {
      if (failure.name !== "AbortError") drawn = "";
    }
  }

  onRuns((what) => (what === "frame" ? numbers() : enter()));
  fill(SEED);
  return { node, enter };
}

const number = (value) => (typeof value === "number" ? short(value) : "–");
const share = (value) => (typeof value === "number" ? words.train.percent(value) : "–");
