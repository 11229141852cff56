// A table of bars: a name, a bar, a number.

import { element } from "./element.js";
import { DIGITS } from "./sizes.js";

// `unseen`: the caption is for screen readers. `names` may be given later, and change.
export function bars(caption, { names = DIGITS, unseen = false, measures = false } = {}) {
  const body = element("tbody", { role: "rowgroup" });
  const node = element(
    "table",
    { class: measures ? "bars measures" : "bars", role: "table" },
    element("caption", { class: unseen ? "unseen" : null }, caption),
    body,
  );
  let rows = [];
  let known = "";
  name(names);

  function name(next) {
    if (rows.length === next.length && known === next.join("\n")) return;
    known = next.join("\n");
    rows = next.map(row);
    body.replaceChildren(...rows.map((each) => each.node));
  }

  // Row k: a share of the whole width, the number as text, and the share there was before, if any.
  function set(k, share, text, before = null) {
    const { bar, old, number } = rows[k];
    write(number, text);
    widen(bar, share);
    old.hidden = before === null;
    if (before !== null) widen(old, before);
  }

  function mark(k, on) {
    rows[k].node.classList.toggle("truth", on);
  }

  return { node, name, set, mark };
}

function row(name) {
  const old = element("div", { class: "bar before", hidden: true });
  const bar = element("div", { class: "bar after" });
  const number = element("td", { class: "number", role: "cell" });
  const track = element("td", { class: "track", "aria-hidden": "true" }, old, bar);
  const head = element("th", { scope: "row", role: "rowheader" }, name);
  const node = element("tr", { role: "row" }, head, track, number);
  return { bar, old, number, node };
}

// What stays as it is costs nothing: some change ten times a second.
function widen(bar, share) {
  const width = `${Math.round(1000 * Math.min(Number.isFinite(share) ? share : 1, 1)) / 10}%`;
  if (bar.style.width !== width) bar.style.width = width;
}

export function write(node, text) {
  if (node.textContent !== text) node.textContent = text;
}
