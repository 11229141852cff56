// Start: what there is, the views, and what follows from a change of the state.

import { onRuns, start as startRuns } from "./ask/runs.js";
import { lab as askLab, ledger as askLedger, recorded, watch } from "./ask/server.js";
import { partOf } from "./parts/cells.js";
import { themeChanged } from "./parts/colour.js";
import { enlarge, hides, onOpen, refreshGrids } from "./parts/grid.js";
import {
  beginning,
  change,
  isDefaultMoment,
  isPicture,
  moment,
  networkOf,
  now,
  onChange,
  start,
  unknown,
} from "./state.js";
import { words } from "./strings.js";
import { code } from "./views/code/code.js";
import { compare } from "./views/compare/compare.js";
import { data } from "./views/data/data.js";
import { draw } from "./views/draw/draw.js";
import { evaluate } from "./views/evaluate/evaluate.js";
import { frame as makeFrame } from "./views/frame/frame.js";
import { hiding } from "./views/frame/hiding.js";
import { listenToKeys } from "./views/frame/keys.js";
import { banner, tell, toast } from "./views/frame/telling.js";
import { inside } from "./views/inside/inside.js";
import { lessons as makeLessons, withStep } from "./views/lessons/lessons.js";
import { train } from "./views/train/train.js";

const wide = matchMedia("(min-width: 60rem)");
const widest = matchMedia("(min-width: 112rem)");
const hide = hiding({ changed: hiddenChanged });
const lessons = makeLessons({ tell, cover: hide.cover });
let frame = null;
let views = {};
let asked = null;
let entered = ""; // the view and the moment that are shown

function follow(state, before) {
  if (state.view !== before.view) showView();
  if (state.projector !== before.projector) showProjector();
  if (state.hide !== before.hide) hiddenChanged();
  frame.showNetwork();
  if (state.lesson !== before.lesson || state.at !== before.at) lessons.show();
  if (enter()) return;
  if (state.view !== "inside") return;
  if (isPicture()) {
    views.inside.refreshFront();
    return;
  }
  if (state.cell !== before.cell) {
    views.inside.openCell(state.cell);
    // The next step of a lesson leaves the focus where it is.
    if (!state.cell && before.cell && state.at === before.at) views.inside.closed(before.cell);
  }
  if (state.phase !== before.phase) views.inside.showPhase(state.phase);
  if (state.scale !== before.scale) views.inside.paint();
}

// Show what the state says, if it is another moment or view; whether it was.
function enter() {
  const state = now();
  const { view, network, with: beside, many, damage, limit, pair, section, sheet } = state;
  const measured = view === "evaluate" && [damage, limit, pair, section];
  const chosen = [sheet, state.bug, state.bugLoss];
  const what = [view, isPicture(), moment(), network, beside, many, unknown(), measured, chosen];
  const next = JSON.stringify(what);
  if (next === entered) return false;
  entered = next;
  if (state.view === "inside" && views.inside.showDepth()) views.inside.enterFront();
  else if (state.view === "inside") load();
  else views[state.view].enter(state);
  return true;
}

// Runs come, go on and get other names, with this page or without it.
function followRuns(what, from, to) {
  const { network, with: beside } = now();
  if (what === "renamed" && [network, beside].includes(from)) {
    const renamed = (id) => (id === from ? to : id);
    change({ network: renamed(network), with: renamed(beside) }, { amend: true });
  } else if (what !== "frame" || !frame.main.hasAttribute("aria-busy")) {
    enter(); // of a frame that comes too early the next one will do
  }
}

// The ledger of the moment, from the last question asked.
async function load() {
  asked?.abort();
  asked = new AbortController();
  const { signal } = asked;
  frame.main.setAttribute("aria-busy", "true");
  try {
    const found = await askLedger(moment(), signal);
    if (signal.aborted || now().view !== "inside" || isPicture()) return;
    const { sizes, loss, classes: names } = networkOf();
    views.inside.show(Object.assign(found, { sizes, loss, names }));
  } catch (failure) {
    if (failure.name === "AbortError") return;
    tell(words.failed(failure.message));
    // An address that the server refuses: begin where everybody begins.
    if (!views.inside.ledger && !isDefaultMoment()) {
      change(
        { image: beginning(), network: null, label: null, cut: [], set: [] },
        { amend: true },
      );
    }
  } finally {
    if (!signal.aborted) frame.main.removeAttribute("aria-busy");
  }
}

function showView() {
  const { view } = now();
  for (const [name, each] of Object.entries(views)) each.node.hidden = name !== view;
  frame.showView(view, views[view].bar);
}

function showProjector() {
  const { projector } = now();
  frame.showProjector(projector);
  enlarge(!wide.matches ? 1 : projector ? 1.35 : widest.matches ? 1.2 : 1);
  themeChanged();
}

function hiddenChanged() {
  hide.show();
  if (views.inside.ledger) views.inside.show(views.inside.ledger);
  views.inside.refreshFront();
  views.draw?.refresh();
  refreshGrids();
}

// Another image is looked at where the last one was; the story is told of its own.
function deep() {
  return now().depth === "story" ? "network" : now().depth;
}

function makeViews(lab) {
  const { isHidden, reveal } = hide;
  const toInside = (image, label = null) =>
    change({ view: "inside", depth: deep(), image, label, cell: null, phase: null });
  const first = { inside: inside({ lab, isHidden, reveal, tell }) };
  if (recorded) return first;
  return {
    ...first,
    train: train({ lab, tell }),
    evaluate: evaluate({ lab, tell }),
    compare: compare({ tell }),
    data: data({ lab, tell }),
    code: code({ lab, tell }),
    draw: draw({ lab, tell, isHidden, toInside }),
  };
}

async function begin() {
  document.body.append(banner, toast);
  watch();
  const lab = await askLab();
  const seen = recorded ? Object.entries(recorded.view ?? {}) : await withStep(location.search);
  startRuns(lab);
  start(lab, new URLSearchParams(seen));
  if (recorded) change({ view: "inside", depth: deep() }, { amend: true });
  frame = makeFrame({ lab, hide, lessons, label: () => views.inside.ledger?.label ?? null });
  hides((array) => hide.isHidden(partOf(array, networkOf().sizes.length - 1)));
  views = makeViews(lab);
  frame.main.append(...Object.values(views).map((view) => view.node));
  change({}); // the address without what was not understood
  onOpen((cell, byKey) => {
    change({ cell });
    if (byKey) views.inside.focusCell();
  });
  onChange(follow);
  onRuns(followRuns);
  listenToKeys({ inside: views.inside, revealAll: hide.revealAll });
  for (const each of [wide, widest]) each.addEventListener("change", showProjector);
  showView();
  showProjector();
  hiddenChanged();
  frame.showNetwork();
  if (!recorded) lessons.show();
  enter();
  const old = new URLSearchParams(seen).get("network");
  if (lab.renamed[old]) tell(words.renamed(old, lab.renamed[old]));
}

begin();
