// Which class is taken for which: a matrix whose numbers open their images; of many classes the
// most frequent mistakes as a list, too.

import { confused } from "../../ask/server.js";
import { colours, css, onTheme, onTop } from "../../parts/colour.js";
import { button, element } from "../../parts/element.js";
import { csvButton } from "../../parts/keeping.js";
import { count, percent } from "../../parts/numbers.js";
import { panel } from "../../parts/panel.js";
import { gallery } from "../../parts/pictures.js";
import { areShort } from "../../parts/classes.js";
import { cut } from "../../parts/thumbnails.js";
import { words } from "../../strings.js";
import { kindOf } from "../../strings/shared.js";

const says = words.evaluate;
const DARKEST = 0.8; // of the ink, so that a count is read on it
const MANY = 20; // classes: with more, cells are smaller and the table scrolls
const LISTED = 20; // mistakes

// `names` are the classes; `asked` says what is measured; `choose` is told the cell that is opened,
// or null.
export function confusion({ names, asked, choose, tell }) {
  const many = names.length > MANY;
  const heading = says.matrixTitle(kindOf(names));
  const cells = names.map((_, i) => names.map((_, j) => cell(i, j)));
  let matrix = null; // of the last answer
  let roving = [0, 0];
  let chosen = null; // [true digit, read as]
  let opening = ""; // the cell that was asked for last

  const title = element("h3", { id: "cell-title", "aria-live": "polite" });
  const note = element("p", { class: "quiet" });
  const images = gallery(says.cellImages);
  const shut = button("✕", close, { "aria-label": words.close, class: "small" });
  const opened = element(
    "section",
    { class: "of-cell", id: "of-cell", "aria-labelledby": "cell-title", hidden: true },
    element("div", { class: "dialog-head" }, title, shut),
    note,
    images.node,
  );
  const lead = element("p", { class: "quiet" }, says.matrixLead);
  const frame = { class: many ? "sideways matrix-frame" : "sideways" };
  const sideways = element("div", frame, tableOf(names, cells, onKey, many));
  const kept = csvButton("confusion", heading, () => [
    [kindOf(names), ...names],
    ...matrix.map((row, i) => [names[i], ...row]),
  ]);
  const tools = element("div", { class: "row-of-buttons" }, kept);
  const often = element("ol", { class: "often", "aria-labelledby": "often-title" });
  const oftenTitle = element("h3", { id: "often-title" }, says.oftenTitle);
  const list = many ? [oftenTitle, often] : [];
  const size = { class: many ? "panel wide" : "panel" };
  const node = panel("matrix-title", heading, size, lead, sideways, tools, ...list, opened);

  function cell(i, j) {
    return element("td", {
      role: "gridcell",
      class: i === j ? "right" : null,
      tabindex: i + j === 0 ? 0 : -1,
      "data-confusion": `${i},${j}`,
      onclick: () => choose(`${i}-${j}`),
      onfocus: () => (roving = [i, j]),
    });
  }

  function onKey(event) {
    const [i, j] = roving;
    const to = {
      ArrowUp: [i - 1, j],
      ArrowDown: [i + 1, j],
      ArrowLeft: [i, j - 1],
      ArrowRight: [i, j + 1],
      Home: [i, 0],
      End: [i, names.length - 1],
    }[event.key];
    if (event.altKey || event.ctrlKey || event.metaKey) return;
    if (to) {
      event.preventDefault();
      if (!cells[to[0]]?.[to[1]]) return;
      rove(...to);
      cells[to[0]][to[1]].focus();
    } else if (event.key === "Enter" || event.key === " ") {
      event.preventDefault();
      choose(`${i}-${j}`);
    }
  }

  function rove(i, j) {
    cells[roving[0]][roving[1]].tabIndex = -1;
    roving = [i, j];
    cells[i][j].tabIndex = 0;
  }

  // The more frequent a mistake, the darker; what is read right stands in a frame.
  function paint() {
    if (!matrix) return;
    const shades = colours().shades.count;
    const most = Math.max(1, ...matrix.flatMap((row, i) => row.filter((_, j) => j !== i)));
    const paintCell = (n, i, j) => {
      const colour = shades[i === j ? 0 : Math.round(((shades.length - 1) * DARKEST * n) / most)];
      const each = cells[i][j];
      each.textContent = n ? count(n) : "·";
      each.style.background = css(colour);
      each.style.color = css(onTop(colour));
      each.setAttribute("aria-label", cellSays(i, j));
      each.classList.toggle("chosen", chosen?.[0] === i && chosen?.[1] === j);
    };
    matrix.forEach((row, i) => row.forEach((n, j) => paintCell(n, i, j)));
  }
  onTheme(paint);

  function cellSays(i, j) {
    return says.cell(names[i], names[j], matrix[i][j]);
  }

  // Of many classes the mistakes that are made most often.
  function listOften() {
    const all = matrix.flatMap((row, i) => row.map((n, j) => [n, i, j]));
    const wrong = all.filter(([n, i, j]) => n && i !== j).sort((a, b) => b[0] - a[0]);
    often.replaceChildren(
      ...wrong.slice(0, LISTED).map(([n, i, j]) => {
        const text = says.often(names[i], names[j], n);
        return element("li", {}, button(text, () => choose(`${i}-${j}`), { class: "small" }));
      }),
    );
  }

  function close() {
    const [i, j] = chosen;
    choose(null);
    cells[i][j].focus();
  }

  // The cell that is open, as the address says it, or null.
  function open(pair) {
    chosen = pair && pair.split("-").map(Number);
    opened.hidden = !chosen;
    if (chosen) rove(...chosen);
    else opening = "";
    paint();
    return showCell();
  }

  async function showCell() {
    if (!chosen || !matrix) return;
    const [i, j] = chosen;
    title.textContent = cellSays(i, j);
    const of = asked();
    const wanted = JSON.stringify([of, i, j]);
    if (wanted === opening) return; // it is shown, or on its way
    opening = wanted;
    try {
      const answer = await confused({ ...of, truth: i, read: j });
      if (!chosen || opening !== wanted) return;
      await images.show(
        answer.indices.map((index, k) => ({
          index,
          label: names[i],
          read: i === j ? undefined : names[j],
          truth: i,
          text: percent(answer.confidence[k]),
          pixels: cut(answer.images, k),
          own: Boolean(of.damage),
          doubt: answer.doubts[k],
        })),
      );
      note.textContent = says.shownOf(answer.indices.length, answer.count);
    } catch (failure) {
      opening = "";
      tell(words.failed(failure.message));
    }
  }

  function show(next) {
    matrix = next;
    paint();
    if (many) listOften();
    showCell();
  }

  return { node, show, open };
}

function tableOf(names, cells, onkeydown, many) {
  const head = (name) =>
    element("th", { role: "columnheader", scope: "col" }, element("span", {}, name));
  const corner = element("td", { role: "presentation" });
  const line = (row, i) =>
    element(
      "tr",
      { role: "row" },
      element("th", { role: "rowheader", scope: "row" }, names[i]),
      row,
    );
  const size = names.length + 1;
  const kinds = ["confusion", many && "many", !areShort(names) && "named"];
  return element(
    "table",
    {
      class: kinds.filter(Boolean).join(" "),
      role: "grid",
      "aria-rowcount": size,
      "aria-colcount": size,
      "aria-label": says.matrixLabel(kindOf(names)),
      onkeydown,
    },
    element("thead", {}, element("tr", { role: "row" }, corner, names.map(head))),
    element("tbody", {}, cells.map(line)),
  );
}
