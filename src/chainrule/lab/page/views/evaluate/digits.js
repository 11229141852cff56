// Class by class: of its images, how many are read right (recall), and of the images that are read
// as it, how many are it (precision).

import { write } from "../../parts/bars.js";
import { element } from "../../parts/element.js";
import { csvButton } from "../../parts/keeping.js";
import { count } from "../../parts/numbers.js";
import { panel } from "../../parts/panel.js";
import { words } from "../../strings.js";
import { kindOf } from "../../strings/shared.js";

const says = words.evaluate;
const COLUMNS = ["recall", "precision"];

export function digits(names) {
  const kind = kindOf(names);
  const title = says.perDigit(kind);
  let last = null;
  const rows = names.map(row);
  const heads = [kind, says.recall, says.precision, says.images];
  const table = element(
    "table",
    { class: "per-digit", "aria-label": title },
    element(
      "thead",
      {},
      element("tr", {}, heads.map((each) => element("th", { scope: "col" }, each))),
    ),
    element("tbody", {}, rows.map((each) => each.node)),
  );
  const kept = csvButton("digits", title, () => [
    [...heads, says.readAs],
    ...names.map((name, k) => [
      name,
      last.per_digit[k],
      last.precision[k],
      last.counts[k],
      last.read_as[k],
    ]),
  ]);
  const lead = element("p", { class: "quiet" }, says.perDigitLead(kind));
  const tools = element("div", { class: "row-of-buttons" }, kept);
  const node = panel("digits-title", title, {}, lead, table, tools);

  function show(answer) {
    last = answer;
    const { per_digit: recall, precision, counts } = answer;
    rows.forEach((each, k) => each.show([recall[k], precision[k]], counts[k]));
  }

  return { node, show };
}

function row(name) {
  const shares = COLUMNS.map((name) => {
    const bar = element("div", { class: "bar after" });
    const number = element("span", { class: "number" });
    const track = element("div", { class: "track", "aria-hidden": "true" }, bar);
    return { bar, number, node: element("td", { "data-column": name }, track, number) };
  });
  const images = element("td", { class: "number" });
  const head = element("th", { scope: "row" }, name);
  const node = element("tr", {}, head, shares.map((each) => each.node), images);

  function show(values, n) {
    shares.forEach(({ bar, number }, k) => {
      const share = values[k];
      bar.style.width = `${share === null ? 0 : 100 * share}%`;
      write(number, share === null ? "–" : says.percent(share));
    });
    write(images, count(n));
  }

  return { node, show };
}
