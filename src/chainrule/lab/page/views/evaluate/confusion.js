// Which digit is taken for which: a matrix whose numbers open their images.

import { confused } from "../../ask/server.js";
import { colours, css, onTheme, onTop } from "../../parts/colour.js";
import { button, element } from "../../parts/element.js";
import { csvButton } from "../../parts/keeping.js";
import { count, percent } from "../../parts/numbers.js";
import { panel } from "../../parts/panel.js";
import { gallery } from "../../parts/pictures.js";
import { DIGITS } from "../../parts/sizes.js";
import { cut } from "../../parts/thumbnails.js";
import { words } from "../../strings.js";

const says = words.evaluate;
const DARKEST = 0.8; // of the ink, so that a count is read on it

// `asked` says what is measured; `choose` is told the cell that is opened, or null.
export function confusion({ asked, choose, tell }) {
  const cells = DIGITS.map((i) => DIGITS.map((j) => cell(i, j)));
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
  const sideways = element("div", { class: "sideways" }, tableOf(cells, onKey));
  const kept = csvButton("confusion", says.matrixTitle, () => [
    [says.digit, ...DIGITS],
    ...matrix.map((row, i) => [i, ...row]),
  ]);
  const tools = element("div", { class: "row-of-buttons" }, kept);
  const node = panel("matrix-title", says.matrixTitle, {}, lead, sideways, tools, opened);

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
      End: [i, 9],
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
      each.setAttribute("aria-label", says.cell(i, j, n));
      each.classList.toggle("chosen", chosen?.[0] === i && chosen?.[1] === j);
    };
    matrix.forEach((row, i) => row.forEach((n, j) => paintCell(n, i, j)));
  }
  onTheme(paint);

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
    title.textContent = says.cell(i, j, matrix[i][j]);
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
          label: i,
          read: i === j ? undefined : j,
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
    showCell();
  }

  return { node, show, open };
}

function tableOf(cells, onkeydown) {
  const head = (digit) => element("th", { role: "columnheader", scope: "col" }, digit);
  const corner = element("td", { role: "presentation" });
  const line = (row, i) =>
    element("tr", { role: "row" }, element("th", { role: "rowheader", scope: "row" }, i), row);
  return element(
    "table",
    {
      class: "confusion",
      role: "grid",
      "aria-rowcount": 11,
      "aria-colcount": 11,
      "aria-label": says.matrixLabel,
      onkeydown,
    },
    element("thead", {}, element("tr", { role: "row" }, corner, DIGITS.map(head))),
    element("tbody", {}, cells.map(line)),
  );
}
