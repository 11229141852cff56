// The interface of chainrule lab. In a saved page the answers come from the block in the page.

const block = document.getElementById("moment");
export const recorded = block ? JSON.parse(block.textContent) : null;

const listeners = new Set();
// "running", "stopped" (nobody answers) or "locked" (it wants the address it printed).
let status = "running";
let wake = [];

class Refused extends Error {}
export class NotRecorded extends Error {}

export function onStatus(listener) {
  listeners.add(listener);
}

function become(next) {
  if (next === status) return;
  status = next;
  if (status === "running") {
    for (const go of wake) go();
    wake = [];
  }
  for (const listener of listeners) listener(status);
}

// Answers wait while the server is away, and come when it is back.
export async function ask(path, body, signal) {
  for (;;) {
    let answer;
    try {
      answer = await fetch(
        path,
        body === undefined
          ? { signal }
          : {
              method: "POST",
              headers: { "Content-Type": "application/json" },
              body: JSON.stringify(body),
              signal,
            },
      );
      if (answer.status !== 403) {
        become("running");
        if (answer.ok) return path === "api/save" ? answer : await answer.json();
        const told = await answer.json().catch(() => ({}));
        throw new Refused(told.error ?? `${path}: ${answer.status}`);
      }
      become("locked");
    } catch (failure) {
      if (failure instanceof Refused || failure.name === "AbortError") throw failure;
      become("stopped");
    }
    await new Promise((go) => wake.push(go));
    signal?.throwIfAborted();
  }
}

async function look() {
  if (!document.hidden || status !== "running") await peek();
  setTimeout(look, status === "running" ? 4000 : 1000);
}

async function peek() {
  try {
    const answer = await fetch("api/lab", { cache: "no-store" });
    become(answer.status === 403 ? "locked" : "running");
  } catch {
    become("stopped");
  }
}

export function watch() {
  if (!recorded) setTimeout(look, 4000);
}

// A socket's own address of what the server answers at this path.
function address(path) {
  const found = new URL(path, location.href);
  found.protocol = found.protocol.replace("http", "ws");
  return found.href;
}

// What is going on, as the server pushes it: each frame, and whether it is the first of its
// connection. A connection that ends is made again as soon as the server is there. A page that
// nobody sees has none: it takes nothing from the training, and hears how that stands when it is
// seen again.
export async function listen(listener) {
  if (recorded) return;
  while (document.hidden)
    await new Promise((go) => document.addEventListener("visibilitychange", go, { once: true }));
  let first = true;
  const socket = new WebSocket(address("api/live"));
  // While it connects it is left alone: browsers complain of a connection that is closed then.
  const leave = () => document.hidden && socket.readyState === WebSocket.OPEN && socket.close();
  document.addEventListener("visibilitychange", leave);
  socket.addEventListener("open", leave);
  socket.addEventListener("message", ({ data }) => {
    listener(JSON.parse(data), first);
    first = false;
  });
  socket.addEventListener("close", async () => {
    document.removeEventListener("visibilitychange", leave);
    await new Promise((go) => setTimeout(go, 500));
    await peek();
    if (status !== "running") await new Promise((go) => wake.push(go));
    listen(listener);
  });
}

// ------------------------------------------------------------------------------------- numbers

export function bytes(base64) {
  const text = atob(base64);
  const found = new Uint8Array(text.length);
  // Ten times as fast as from().
  for (let k = 0; k < found.length; k += 1) found[k] = text.charCodeAt(k);
  return found;
}

export function base64(bytes) {
  return btoa(String.fromCharCode(...bytes));
}

// Little-endian float64, as NumPy wrote them.
function floats(base64) {
  const view = new DataView(bytes(base64).buffer);
  return Float64Array.from({ length: view.byteLength / 8 }, (_, k) => view.getFloat64(8 * k, true));
}

// JSON has no infinity: it travels as a string.
function number(value) {
  return { inf: Infinity, "-inf": -Infinity, nan: NaN }[value] ?? value;
}

function openLedger(answer) {
  const arrays = new Map(
    answer.arrays.map((each) => [each.name, { ...each, values: floats(each.f8) }]),
  );
  const { jacobian, weighted } = answer;
  return {
    ...answer,
    arrays,
    jacobian: jacobian && {
      ...jacobian,
      values: floats(jacobian.f8),
      terms: floats(jacobian.terms),
    },
    weighted: floats(weighted),
  };
}

function openCell(answer) {
  const open = (term) => term && { ...term, value: number(term.value) };
  return {
    ...answer,
    value: number(answer.value),
    total: number(answer.total),
    numerator: open(answer.numerator),
    terms: answer.terms.map(open),
  };
}

// ------------------------------------------------------------------------------------- answers

export async function lab() {
  return recorded ? recorded.lab : ask("api/lab");
}

const ledgers = new Map(); // the last few, so that going back is at once

export async function ledger(moment, signal) {
  if (recorded) return openLedger(recorded.ledger);
  const key = JSON.stringify(moment);
  if (!ledgers.has(key)) {
    const opened = openLedger(await ask("api/ledger", moment, signal));
    ledgers.set(key, opened);
    if (ledgers.size > 8) ledgers.delete(ledgers.keys().next().value);
  }
  return ledgers.get(key);
}

export async function cell(moment, name, signal) {
  if (!recorded) return openCell(await ask("api/cell", { ...moment, cell: name }, signal));
  if (recorded.cells?.[name]) return openCell(recorded.cells[name]);
  throw new NotRecorded(name);
}

export async function proof(moment, name) {
  if (!recorded) return ask("api/proof", { ...moment, cell: name });
  if (recorded.proofs?.[name]) return recorded.proofs[name];
  throw new NotRecorded(name);
}

// The true digits of a cell, and ours beside them; of a large network they take a second.
export async function truth(moment, name) {
  if (!recorded) return ask("api/truth", { ...moment, cell: name });
  if (recorded.truths?.[name]) return recorded.truths[name];
  throw new NotRecorded(name);
}

export async function impostors(moment) {
  if (!recorded) return ask("api/impostors", moment);
  if (recorded.impostors) return recorded.impostors;
  throw new NotRecorded("impostors");
}

export async function step(moment) {
  if (!recorded) return ask("api/step", moment);
  if (recorded.step) return recorded.step;
  throw new NotRecorded("step");
}

export async function mistakes({ network, step, changes }) {
  if (recorded) return null;
  const query = new URLSearchParams({ network });
  if (step !== undefined) query.set("step", step);
  if (changes) query.set("changes", JSON.stringify(changes));
  return ask(`api/mistakes?${query}`);
}

// Some of the test images of a network, one after the other.
export async function images(network, start, count) {
  const answer = await ask(
    `api/images?network=${encodeURIComponent(network)}&start=${start}&count=${count}`,
  );
  return { ...answer, images: bytes(answer.images) };
}

export async function drawing(network, image, signal) {
  return ask("api/drawing", { ...network, image }, signal);
}

export async function collect(drawings, name) {
  return ask("api/collect", name ? { drawings, name } : { drawings });
}

// Start, pause, go on, step, stop, or another learning rate: the run that goes on then, or null.
export async function train(what) {
  return (await ask("api/train", what)).live;
}

// What the id of a run says of it that is not here: its settings, length and changes of the rate.
export async function described(id) {
  return ask("api/described", { run: id });
}

export async function evaluate(question, signal) {
  const answer = await ask("api/evaluate", question, signal);
  return { ...answer, mistakes: { ...answer.mistakes, images: bytes(answer.mistakes.images) } };
}

// The images of one cell of the confusion matrix.
export async function confused(question, signal) {
  const answer = await ask("api/confused", question, signal);
  return { ...answer, images: bytes(answer.images) };
}

// What a training of these settings begins with.
export async function preview(settings, signal) {
  return ask("api/preview", { settings }, signal);
}

// Another name for a run; null: the one made of its settings.
export async function rename(run, name) {
  return ask("api/rename", { run, name });
}

// What a recorded step of a run looks like from inside.
export async function inside(at) {
  return ask("api/inside", at);
}

export async function compare(a, b, signal) {
  return ask("api/compare", { a, b }, signal);
}

export async function map(question, signal) {
  const answer = await ask("api/map", question, signal);
  return { ...answer, x: floats(answer.x), y: floats(answer.y) };
}

// The saved page, as { name, content }.
export async function save(moment, view) {
  const answer = await ask("api/save", { ...moment, view });
  const name = /filename="?([^";]+)/.exec(answer.headers.get("Content-Disposition") ?? "")?.[1];
  return { name: name ?? "chainrule-moment.html", content: await answer.blob() };
}
