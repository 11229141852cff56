// The lines between the units: how wide and in which colour says how much flows along each.

import { drawn } from "../../../parts/element.js";

const THINNEST = 0.6; // px
const WIDEST = 9;

// `over` is what the lines lie under: they go from place to place in its coordinates. `opened` is
// told the names of both ends of a line that is clicked.
export function edges(over, opened) {
  const svg = drawn("svg", { class: "edges", "aria-hidden": "true" });
  const paths = [];
  svg.addEventListener("click", ({ target }) => target.ends && opened(target.ends));

  // Each of `list` is { from, to, value, share, names }: two places { x, y }, the value that gives
  // the sign, its share of the largest, and the names of both ends.
  function show(list, upright) {
    const { width, height } = over.getBoundingClientRect();
    svg.setAttribute("viewBox", `0 0 ${width} ${height}`);
    while (paths.length < list.length) paths.push(svg.appendChild(drawn("path")));
    while (paths.length > list.length) paths.pop().remove();
    // The strongest are drawn last, over the others.
    list.sort((a, b) => a.share - b.share);
    list.forEach((edge, k) => {
      const path = paths[k];
      path.setAttribute("d", curve(edge.from, edge.to, upright));
      path.setAttribute("stroke-width", (THINNEST + (WIDEST - THINNEST) * edge.share).toFixed(2));
      path.setAttribute("class", edge.value < 0 ? "edge less" : "edge more");
      path.style.opacity = (0.16 + 0.74 * edge.share).toFixed(2);
      path.ends = edge.names;
    });
  }

  // Only what leads through these nodes stays in full colour; null: all.
  function follow(nodes) {
    svg.classList.toggle("following", nodes !== null);
    for (const path of paths) {
      path.classList.toggle("lit", Boolean(nodes) && path.ends.every((end) => nodes.has(end)));
    }
  }

  // Let it run through once, the way the numbers go.
  function run(way) {
    svg.classList.remove("run", "right", "left", "down", "up");
    svg.getBoundingClientRect(); // so that the same animation begins again
    svg.classList.add("run", way);
  }

  return { node: svg, show, follow, run };
}

function curve(from, to, upright) {
  const [dx, dy] = upright ? [0, (to.y - from.y) / 2] : [(to.x - from.x) / 2, 0];
  const at = (x, y) => `${x.toFixed(1)} ${y.toFixed(1)}`;
  return (
    `M${at(from.x, from.y)} C${at(from.x + dx, from.y + dy)} ${at(to.x - dx, to.y - dy)} ` +
    at(to.x, to.y)
  );
}
