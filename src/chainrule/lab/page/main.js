// Start: the frame around the views, the keys, and what follows from a change of the state.

import { button, element } from "./parts/element.js";
import { themeChanged } from "./parts/colour.js";
import { compare } from "./views/compare/compare.js";
import { draw } from "./views/draw/draw.js";
import { evaluate } from "./views/evaluate/evaluate.js";
import { enlarge, hides, onOpen, refreshGrids } from "./parts/grid.js";
import { inside, partOf } from "./views/inside/inside.js";
import { map } from "./views/map/map.js";
import {
  lab as askLab,
  ledger as askLedger,
  onStatus,
  recorded,
  save as askSave,
  watch,
} from "./ask/server.js";
import { onRuns, start as startRuns } from "./ask/runs.js";
import {
  BEGINNING,
  PARTS,
  VIEWS,
  change,
  describe,
  isDefaultMoment,
  link,
  moment,
  networkOf,
  now,
  onChange,
  parameters,
  start,
  unknown,
} from "./state.js";
import { words } from "./strings.js";
import { time } from "./views/frame/time.js";
import { train } from "./views/train/train.js";

const wide = matchMedia("(min-width: 60rem)");
const widest = matchMedia("(min-width: 112rem)");
const revealed = new Set();
let lab = null;
let views = {};
let asked = null;

// ----------------------------------------------------------------------------------- the frame

const live = element("div", { class: "toast", role: "status", id: "told" });
const banner = element("div", {
  class: "banner",
  role: "alert",
  id: "server-status",
  hidden: true,
});
let fading = 0;

// Say something in passing.
function tell(...content) {
  live.replaceChildren(...content);
  clearTimeout(fading);
  fading = setTimeout(() => live.replaceChildren(), 9000);
}

function isHidden(part) {
  return part !== null && now().hide.includes(part) && !revealed.has(part);
}

function reveal(part) {
  revealed.add(part);
  hiddenChanged();
}

function frame() {
  const tabs = VIEWS.map((view) =>
    button(words.views[view], () => change({ view }), { "data-view": view, class: "tab" }),
  );
  const projector = button(words.projector, () => change({ projector: !now().projector }), {
    id: "projector",
    title: words.projectorHint,
    "aria-keyshortcuts": "Alt+P",
    "aria-pressed": "false",
  });
  const keys = element(
    "dialog",
    { class: "keys", "aria-labelledby": "keys-title" },
    element(
      "div",
      { class: "dialog-head" },
      element("h2", { id: "keys-title" }, words.keysTitle),
      button("✕", () => keys.close(), { "aria-label": words.close }),
    ),
    element(
      "dl",
      {},
      words.keysList.flatMap(([key, does]) => [
        element("dt", {}, element("kbd", {}, key)),
        element("dd", {}, does),
      ]),
    ),
  );
  const boxes = PARTS.map((part) =>
    element(
      "label",
      {},
      element("input", {
        type: "checkbox",
        value: part,
        onchange: (event) => {
          revealed.delete(part);
          change({
            hide: event.target.checked
              ? [...now().hide, part]
              : now().hide.filter((each) => each !== part),
          });
        },
      }),
      element("span", {}, words.parts[part]),
    ),
  );
  const hide = element(
    "details",
    { class: "menu", id: "hide" },
    element("summary", {}, words.hideMenu),
    element(
      "fieldset",
      {},
      element("legend", {}, words.hideTitle),
      boxes,
      element("p", { class: "quiet" }, words.hideHint),
    ),
  );
  document.addEventListener(
    "pointerdown",
    (event) => hide.open && !hide.contains(event.target) && (hide.open = false),
  );
  hide.addEventListener("keydown", (event) => {
    if (event.key !== "Escape") return;
    event.stopPropagation();
    hide.open = false;
    hide.querySelector("summary").focus();
  });
  const question = element("p", { class: "question", id: "question", hidden: true });
  const header = element(
    "header",
    {},
    element("a", { class: "skip", href: "#main", onclick: skip }, words.skip),
    element("a", { class: "brand", href: recorded ? "#main" : "./" }, words.brand),
    recorded ? null : element("nav", { "aria-label": words.viewsLabel, class: "tabs" }, tabs),
    element(
      "div",
      { class: "tools", role: "group", "aria-label": words.tools },
      hide,
      projector,
      recorded
        ? null
        : [
            button(words.copyLink, copyLink, { id: "copy-link" }),
            button(words.save, saveMoment, { id: "save-moment" }),
          ],
      button(words.keys, () => keys.showModal(), { id: "keys" }),
    ),
  );
  const main = element("main", { id: "main", tabindex: "-1" });
  header.append(
    banner,
    ...(recorded
      ? [
          element(
            "p",
            { class: "recorded" },
            words.recorded(describe(networkOf().id), recorded.ledger.step),
          ),
        ]
      : []),
    question,
  );
  const machine = recorded ? null : time({ tell, busy: () => main.hasAttribute("aria-busy") });
  document.body.append(
    header,
    ...(machine ? [machine.node] : []),
    main,
    element("footer", {}, words.footer(lab)),
    live,
    keys,
  );
  return { tabs, projector, boxes, question, main, machine };
}

// The address is the state's: no fragment comes into it.
function skip(event) {
  event.preventDefault();
  parts.main.focus();
}

async function copyLink() {
  const address = link();
  try {
    await navigator.clipboard.writeText(address);
    tell(words.copied);
  } catch {
    tell(words.notCopied, " ", element("a", { href: address }, address));
  }
}

async function saveMoment() {
  tell(words.saving);
  try {
    const label = views.inside.ledger?.label ?? null;
    const { name, content } = await askSave({ ...moment(), label }, parameters());
    const address = URL.createObjectURL(content);
    const link = element("a", { href: address, download: name, hidden: true });
    document.body.append(link);
    link.click();
    link.remove();
    setTimeout(() => URL.revokeObjectURL(address), 10000);
    tell(words.savedAs(name));
  } catch (failure) {
    tell(words.failed(failure.message));
  }
}

// --------------------------------------------------------------------- what follows from a change

let parts = null;

function follow(state, before) {
  if (state.view !== before.view) showView();
  if (state.projector !== before.projector) showProjector();
  if (state.hide !== before.hide) hiddenChanged();
  parts.machine?.show();
  if (enter()) return;
  if (state.view !== "inside") return;
  if (state.cell !== before.cell) {
    views.inside.openCell(state.cell);
    if (!state.cell && before.cell) views.inside.closed(before.cell);
  }
  if (state.phase !== before.phase) views.inside.showPhase(state.phase);
  if (state.scale !== before.scale) views.inside.paint();
}

let entered = ""; // the view and the moment that are shown

// Show what the state says, if it is another moment or view; whether it was.
function enter() {
  const state = now();
  const next = JSON.stringify([state.view, moment(), state.network, state.with, unknown()]);
  if (next === entered) return false;
  entered = next;
  if (state.view === "inside") load();
  else views[state.view].enter(state);
  return true;
}

// Runs come, go on and get other names, with this page or without it.
function followRuns(what, from, to) {
  const state = now();
  if (what === "renamed" && [state.network, state.with].includes(from)) {
    return change(
      {
        network: state.network === from ? to : state.network,
        with: state.with === from ? to : state.with,
      },
      { amend: true },
    );
  }
  if (what === "frame" && parts.main.hasAttribute("aria-busy")) return undefined; // the next one will do
  return enter();
}

// The ledger of the moment, from the last question asked.
async function load() {
  asked?.abort();
  asked = new AbortController();
  const { signal } = asked;
  parts.main.setAttribute("aria-busy", "true");
  try {
    const found = await askLedger(moment(), signal);
    if (signal.aborted) return;
    if (now().view !== "inside") return;
    found.sizes = networkOf().sizes;
    found.loss = networkOf().loss;
    views.inside.show(found);
  } catch (failure) {
    if (failure.name === "AbortError") return;
    tell(words.failed(failure.message));
    // An address that the server refuses: begin where everybody begins.
    if (!views.inside.ledger && !isDefaultMoment())
      change({ image: BEGINNING, network: null, label: null }, { amend: true });
  } finally {
    if (!signal.aborted) parts.main.removeAttribute("aria-busy");
  }
}

function showView() {
  const { view } = now();
  for (const tab of parts.tabs) {
    if (tab.dataset.view === view) tab.setAttribute("aria-current", "page");
    else tab.removeAttribute("aria-current");
  }
  for (const [name, each] of Object.entries(views)) each.node.hidden = name !== view;
  document.title = words.title(words.views[view]);
  scrollTo(0, 0);
}

function showProjector() {
  const { projector } = now();
  document.documentElement.classList.toggle("projector", projector);
  parts.projector.setAttribute("aria-pressed", String(projector));
  enlarge(!wide.matches ? 1 : projector ? 1.35 : widest.matches ? 1.2 : 1);
  themeChanged();
}

function hiddenChanged() {
  const shut = now().hide.filter(isHidden);
  document.documentElement.classList.toggle("hide-formulas", shut.includes("formulas"));
  for (const label of parts.boxes) {
    const box = label.querySelector("input");
    box.checked = now().hide.includes(box.value);
  }
  parts.question.hidden = !shut.length;
  parts.question.replaceChildren(
    words.isHidden(shut.map((part) => words.parts[part])),
    " ",
    button(words.revealAll, revealAll, { id: "reveal-all", "aria-keyshortcuts": "Alt+R" }),
  );
  if (views.inside.ledger) views.inside.show(views.inside.ledger);
  views.draw?.refresh();
  refreshGrids();
}

function revealAll() {
  for (const part of now().hide) revealed.add(part);
  hiddenChanged();
}

// -------------------------------------------------------------------------------------- keys

function onKey(event) {
  const typing = event.target.closest?.(
    "input:not([type=radio]):not([type=checkbox]), select, textarea, dialog, [role=grid], " +
      "[role=application]",
  );
  if (event.altKey && !event.ctrlKey && !event.metaKey) {
    const does = {
      KeyP: () => change({ projector: !now().projector }),
      KeyN: () => !recorded && now().view === "inside" && views.inside.nextMistake(),
      KeyR: revealAll,
    }[event.code];
    if (does) {
      event.preventDefault();
      does();
    }
    return;
  }
  if (event.ctrlKey || event.metaKey || event.shiftKey) return;
  if (
    event.key === "Escape" &&
    !event.target.closest?.("dialog") &&
    now().cell &&
    now().view === "inside"
  ) {
    change({ cell: null });
    return;
  }
  if (typing || event.target.closest?.("input") || now().view !== "inside" || !views.inside.ledger)
    return;
  if (
    event.target.matches?.("[tabindex='0']") &&
    event.target.scrollWidth > event.target.clientWidth
  )
    return; // it scrolls
  if (event.key === "ArrowRight" || event.key === "ArrowLeft") {
    event.preventDefault();
    views.inside.walk(event.key === "ArrowRight" ? 1 : -1);
  }
}

function onServer(status) {
  banner.hidden = status === "running";
  banner.textContent = status === "running" ? "" : words[status];
  if (status === "running") tell(words.back);
}

// -------------------------------------------------------------------------------------- start

async function begin() {
  document.body.append(banner, live);
  onStatus(onServer);
  watch();
  lab = await askLab();
  const seen = new URLSearchParams(
    recorded ? Object.entries(recorded.view ?? {}) : location.search,
  );
  startRuns(lab);
  start(lab, seen);
  if (recorded) change({ view: "inside" }, { amend: true });
  parts = frame();
  hides((array) => isHidden(partOf(array, networkOf().sizes.length - 1)));
  views = {
    inside: inside({
      lab,
      isHidden,
      reveal,
      toDraw: () => change({ view: "draw", cell: null }),
      tell,
    }),
    ...(recorded
      ? {}
      : {
          train: train({ lab, tell }),
          evaluate: evaluate({ lab, tell }),
          map: map({ lab, tell }),
          compare: compare({ tell }),
          draw: draw({
            lab,
            tell,
            isHidden,
            toInside: (image) =>
              change({ view: "inside", image, label: null, cell: null, phase: null }),
          }),
        }),
  };
  parts.main.append(...Object.values(views).map((view) => view.node));
  change({}); // the address without what was not understood
  onOpen((cell, byKey) => {
    change({ cell });
    if (byKey) views.inside.focusCell();
  });
  onChange(follow);
  onRuns(followRuns);
  addEventListener("keydown", onKey);
  for (const each of [wide, widest]) each.addEventListener("change", showProjector);
  showView();
  showProjector();
  hiddenChanged();
  parts.machine?.show();
  enter();
}

begin();
