// How closely one looks at the plane: buttons and keys zoom, dragging moves what is zoomed.

import { button, element } from "../../parts/element.js";
import { words } from "../../strings.js";

const STEP = 1.6;
const MOST = 16;
const STILL = 4; // px that a click may move
const EDGE = 20; // px from the edge, inside which a point is seen
const says = words.map;

// `node` is what is zoomed; `changed` is called after each change of the view.
export function zoomed(node, changed) {
  let view = { zoom: 1, dx: 0, dy: 0 };
  let held = null; // where the pointer went down: { x, y, dx, dy }
  let moved = false; // since it went down

  const more = button("+", () => by(STEP), { "aria-label": says.zoomIn, title: says.zoomIn });
  const less = button("−", () => by(1 / STEP), { "aria-label": says.zoomOut, title: says.zoomOut });
  const all = button("⤢", whole, { "aria-label": says.whole, title: says.whole });
  const tools = element(
    "div",
    { class: "zooms", role: "group", "aria-label": says.tools },
    more,
    less,
    all,
  );
  told();

  function set(next) {
    // Something of the map always stays in sight.
    const [width, height] = [node.clientWidth, node.clientHeight];
    const zoom = Math.min(Math.max(next.zoom, 1), MOST);
    const far = (side) => ((zoom - 1) * side) / 2;
    const within = (value, most) => Math.min(Math.max(value, -most), most);
    view = { zoom, dx: within(next.dx, far(width)), dy: within(next.dy, far(height)) };
    told();
    changed();
  }

  function told() {
    less.disabled = all.disabled = view.zoom === 1;
    more.disabled = view.zoom === MOST;
    node.classList.toggle("zoomed", view.zoom > 1);
  }

  function by(factor) {
    const zoom = Math.min(Math.max(view.zoom * factor, 1), MOST);
    const real = zoom / view.zoom;
    set({ zoom, dx: view.dx * real, dy: view.dy * real });
  }

  function whole() {
    set({ zoom: 1, dx: 0, dy: 0 });
  }

  // Move so that a point is seen; whether that was needed. The point is moved with the map.
  function bring(place) {
    const sides = [node.clientWidth, node.clientHeight];
    const out = (value, side) => value < EDGE || value > side - EDGE;
    if (view.zoom === 1 || !place.some((value, k) => out(value, sides[k]))) return false;
    const { dx, dy } = view;
    view = { ...view, dx: dx + sides[0] / 2 - place[0], dy: dy + sides[1] / 2 - place[1] };
    [place[0], place[1]] = [sides[0] / 2, sides[1] / 2];
    return true;
  }

  node.addEventListener("pointerdown", ({ clientX: x, clientY: y, button: which }) => {
    moved = false;
    held = which === 0 && view.zoom > 1 ? { x, y, dx: view.dx, dy: view.dy } : null;
  });
  node.addEventListener("pointermove", (event) => {
    if (!held) return;
    const [x, y] = [event.clientX - held.x, event.clientY - held.y];
    if (!moved && Math.hypot(x, y) < STILL) return;
    if (!moved) node.setPointerCapture(event.pointerId);
    moved = true;
    set({ zoom: view.zoom, dx: held.dx + x, dy: held.dy + y });
  });
  for (const end of ["pointerup", "pointercancel"])
    node.addEventListener(end, () => (held = null));
  node.addEventListener("keydown", (event) => {
    const acts = { "+": () => by(STEP), "=": () => by(STEP), "-": () => by(1 / STEP), 0: whole };
    if (event.altKey || event.ctrlKey || event.metaKey || !(event.key in acts)) return;
    event.preventDefault();
    acts[event.key]();
  });

  return {
    tools,
    bring,
    get view() {
      return view;
    },
    get moving() {
      return held !== null && moved;
    },
    get moved() {
      return moved;
    },
  };
}
