// The pad: strokes of whole numbers from 0 to its side, by mouse, pen, finger or keyboard. The
// server turns them into pixels; what is painted here only follows the hand.

import { element } from "./element.js";
import { colours, css, onTheme } from "./colour.js";
import { words } from "../strings.js";

const NEAR = 3; // closer points add nothing

// The pad has `limits`: its side, the width of its pen, the strokes and points of a drawing.
export function pad({ changed, tell, limits, id = "pad" }) {
  const { pad: side, pen: thick } = limits;
  const canvas = element("canvas", { "aria-hidden": "true" });
  const node = element(
    "div",
    { class: "pad", id, role: "application", "aria-label": words.padLabel, tabindex: "0" },
    canvas,
  );
  let strokes = [];
  let picture = null; // a canvas that stands where there are no strokes
  let drawing = null; // the pointer that draws
  let cursor = null; // of the keyboard: { x, y, down }

  function paint() {
    const size = Math.round((canvas.clientWidth || side) * devicePixelRatio);
    canvas.width = canvas.height = size;
    const pen = canvas.getContext("2d");
    const { pixel, accent } = colours();
    pen.scale(size / side, size / side);
    if (picture) {
      pen.imageSmoothingEnabled = false;
      pen.filter = `invert(${getComputedStyle(node).getPropertyValue("--invert")})`;
      pen.drawImage(picture, 0, 0, side, side);
      pen.filter = "none";
    }
    pen.lineCap = pen.lineJoin = "round";
    pen.lineWidth = thick;
    pen.strokeStyle = css(pixel[1]);
    for (const stroke of strokes) {
      pen.beginPath();
      pen.moveTo(stroke[0], stroke[1]);
      for (let k = 0; k < stroke.length; k += 2) pen.lineTo(stroke[k], stroke[k + 1]);
      pen.stroke();
    }
    if (!cursor) return;
    pen.lineWidth = 2;
    pen.strokeStyle = css(accent);
    pen.beginPath();
    pen.arc(cursor.x, cursor.y, cursor.down ? thick / 2 : thick / 2 + 4, 0, 2 * Math.PI);
    pen.moveTo(cursor.x - 6, cursor.y);
    pen.lineTo(cursor.x + 6, cursor.y);
    pen.moveTo(cursor.x, cursor.y - 6);
    pen.lineTo(cursor.x, cursor.y + 6);
    pen.stroke();
  }

  function begin(x, y) {
    picture = null;
    if (strokes.length < limits.strokes) strokes = [...strokes, [x, y]];
  }

  function add(x, y) {
    const stroke = strokes.at(-1);
    const points = strokes.reduce((sum, each) => sum + each.length / 2, 0);
    if (!stroke || points >= limits.points) return false;
    if (Math.hypot(x - stroke.at(-2), y - stroke.at(-1)) < NEAR) return false;
    stroke.push(x, y);
    return true;
  }

  function spot(event) {
    const bounds = canvas.getBoundingClientRect();
    const whole = (at, start, size) =>
      Math.min(Math.max(Math.round(((at - start) / size) * side), 0), side);
    return [
      whole(event.clientX, bounds.left, bounds.width),
      whole(event.clientY, bounds.top, bounds.height),
    ];
  }

  node.addEventListener("pointerdown", (event) => {
    if (drawing !== null || event.button !== 0) return;
    node.setPointerCapture(event.pointerId);
    drawing = event.pointerId;
    cursor = null;
    begin(...spot(event));
    paint();
    changed(false);
  });
  node.addEventListener("pointermove", (event) => {
    if (event.pointerId !== drawing) return;
    const events = event.getCoalescedEvents?.() ?? [];
    let more = false;
    for (const each of events.length ? events : [event]) more = add(...spot(each)) || more;
    if (!more) return;
    paint();
    changed(false);
  });
  for (const end of ["pointerup", "pointercancel"]) {
    node.addEventListener(end, (event) => {
      if (event.pointerId !== drawing) return;
      drawing = null;
      changed(true);
    });
  }

  const ways = { ArrowUp: [0, -1], ArrowDown: [0, 1], ArrowLeft: [-1, 0], ArrowRight: [1, 0] };
  node.addEventListener("keydown", (event) => {
    if (event.altKey || event.ctrlKey || event.metaKey) return;
    const way = ways[event.key];
    if (way) {
      const by = event.shiftKey ? 3 : 10;
      cursor ??= { x: side / 2, y: side / 2, down: false };
      cursor.x = Math.min(Math.max(cursor.x + by * way[0], 0), side);
      cursor.y = Math.min(Math.max(cursor.y + by * way[1], 0), side);
      if (cursor.down && add(cursor.x, cursor.y)) changed(true);
    } else if (event.key === " ") {
      cursor ??= { x: side / 2, y: side / 2, down: false };
      cursor.down = !cursor.down;
      tell(cursor.down ? words.penDown : words.penUp);
      if (cursor.down) {
        begin(cursor.x, cursor.y);
        changed(true);
      }
    } else if (event.key === "Backspace") {
      undo();
    } else return;
    event.preventDefault();
    event.stopPropagation();
    paint();
  });
  node.addEventListener("blur", () => {
    cursor = null;
    paint();
  });

  function undo() {
    set(strokes.slice(0, -1));
    if (cursor) cursor.down = false;
    changed(true);
  }

  function set(next) {
    strokes = next.map((stroke) => [...stroke]);
    picture = null;
    paint();
  }

  function show(canvas) {
    strokes = [];
    picture = canvas;
    paint();
  }

  onTheme(paint);
  new ResizeObserver(paint).observe(canvas);
  return {
    node,
    set,
    show,
    undo,
    get strokes() {
      return strokes.map((stroke) => [...stroke]);
    },
  };
}
