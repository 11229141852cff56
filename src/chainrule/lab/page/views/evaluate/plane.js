// The plane of the map: each point is its class, in the class's colour; mistakes stand on a disc. A
// point shows its image under the pointer or the keyboard, and opens it. It zooms.

import { colours, css, onPaper, onTheme } from "../../parts/colour.js";
import { element } from "../../parts/element.js";
import { lookInside, picture } from "../../parts/pictures.js";
import { SIDE } from "../../parts/sizes.js";
import { paintPixels } from "../../parts/thumbnails.js";
import { words } from "../../strings.js";
import { arrange, hues, marks, next, nearest, stamps } from "./points.js";
import { zoomed } from "./zoom.js";

// `told` hears which point the keyboard is at; `only` says whether only mistakes count.
export function plane({ told, only }) {
  const canvas = element("canvas", { "aria-hidden": "true" });
  const thumb = element("canvas", { class: "thumb", width: SIDE, height: SIDE });
  const caption = element("p");
  const attributes = { class: "card", hidden: true, "aria-hidden": "true" };
  const card = element("div", attributes, thumb, caption);
  const node = element(
    "div",
    {
      class: "plane",
      id: "map",
      role: "application",
      tabindex: "0",
      "aria-label": words.map.label,
      "aria-describedby": "map-hint",
    },
    canvas,
    card,
  );
  let found = null;
  let at = -1; // the point under the pointer or the keyboard
  let places = []; // [x, y] in CSS pixels
  const zoom = zoomed(node, () => {
    point(-1);
    paint();
  });
  const frame = element("div", { class: "plane-frame" }, node, zoom.tools);

  const sides = () => [node.clientWidth, node.clientHeight];
  const wrong = (k) => found.labels[k] !== found.predictions[k];
  const counts = (k) => !only() || wrong(k);

  // Larger where there are few, or where one looks closer.
  function sizeOf(n) {
    const size = n > 5000 ? 9 : n > 2000 ? 11 : n > 1000 ? 13 : 16;
    return Math.round(size * Math.min(Math.sqrt(zoom.view.zoom), 2) * devicePixelRatio);
  }

  function paint() {
    const [width, height] = sides();
    if (!found || !width) return;
    const ratio = devicePixelRatio;
    canvas.width = Math.round(width * ratio);
    canvas.height = Math.round(height * ratio);
    const pen = canvas.getContext("2d");
    const n = found.labels.length;
    const size = sizeOf(n);
    const { accent, surface } = colours();
    const { names } = found;
    const [plain, discs] = [stamps(names, size), stamps(names, size, css(surface))];
    places = arrange(found, width, height, zoom.view);
    const stamp = (k, made) => {
      const side = made[0].width;
      const [left, top] = places[k].map((each) => Math.round(each * ratio - side / 2));
      pen.drawImage(made[found.labels[k]], left, top);
    };
    pen.globalAlpha = only() ? 0.12 : 0.8;
    for (let k = 0; k < n; k += 1) if (!wrong(k)) stamp(k, plain);
    pen.globalAlpha = 1;
    for (let k = 0; k < n; k += 1) if (wrong(k)) stamp(k, discs);
    if (at < 0 || at >= n) return;
    pen.lineWidth = 3 * ratio;
    pen.strokeStyle = css(accent);
    pen.beginPath();
    pen.arc(places[at][0] * ratio, places[at][1] * ratio, size * 0.8, 0, 2 * Math.PI);
    pen.stroke();
  }
  onTheme(paint);
  new ResizeObserver(paint).observe(node);

  async function point(k, aloud = false) {
    if (k === at) return;
    at = k;
    paint();
    card.hidden = k < 0;
    if (k < 0) return;
    const { names } = found;
    const read = wrong(k) ? names[found.predictions[k]] : undefined;
    caption.textContent = words.browseImage(k, names[found.labels[k]], read);
    if (aloud) {
      told(caption.textContent);
      if (zoom.bring(places[k])) paint();
    }
    const [x, y] = places[k];
    const [width, height] = sides();
    card.style.left = x > width / 2 ? "auto" : `${x + 18}px`;
    card.style.right = x > width / 2 ? `${width - x + 18}px` : "auto";
    card.style.top = y > height / 2 ? "auto" : `${y + 12}px`;
    card.style.bottom = y > height / 2 ? `${height - y + 12}px` : "auto";
    const mine = found;
    const { pixels } = await picture(k);
    if (at === k && found === mine) paintPixels(thumb, pixels, SIDE, SIDE);
  }

  const under = (event) => {
    const { left, top } = canvas.getBoundingClientRect();
    return found ? nearest(places, counts, event.clientX - left, event.clientY - top) : -1;
  };
  node.addEventListener("pointermove", (event) => found && !zoom.moving && point(under(event)));
  node.addEventListener("pointerleave", () => document.activeElement !== node && point(-1));
  node.addEventListener("blur", () => point(-1));
  node.addEventListener("click", (event) => {
    const k = under(event);
    if (k >= 0 && !zoom.moved) lookInside(k);
  });
  node.addEventListener("keydown", (event) => {
    const ways = { ArrowUp: [0, -1], ArrowDown: [0, 1], ArrowLeft: [-1, 0], ArrowRight: [1, 0] };
    const way = ways[event.key];
    if (event.altKey || event.ctrlKey || event.metaKey || !found) return;
    if (way) {
      event.preventDefault();
      const middle = sides().map((side) => side / 2);
      const [from, to] = at < 0 ? [middle, [0, 0]] : [places[at], way];
      point(next(places, (k) => k !== at && counts(k), from, to) ?? at, true);
    } else if (event.key === "Enter" && at >= 0) {
      event.preventDefault();
      lookInside(at);
    } else if (event.key === "Escape") point(-1);
  });

  function show(answer) {
    found = answer;
    const k = at < found.labels.length ? at : -1;
    at = -1;
    paint();
    if (k >= 0) point(k);
  }

  // The canvas with what it shows now, black on white.
  function painted() {
    return onPaper(() => {
      const copy = element("canvas", { width: canvas.width, height: canvas.height });
      const pen = copy.getContext("2d");
      pen.fillStyle = css(colours().surface);
      pen.fillRect(0, 0, copy.width, copy.height);
      pen.drawImage(canvas, 0, 0);
      return copy;
    });
  }

  return { frame, show, paint, picture: painted };
}

// The classes in their colours, and what the disc means.
export function key() {
  const node = element("ul", { class: "map-key", "aria-label": words.map.key });
  let names = [];

  function show(next = names) {
    names = next;
    const texts = marks(names);
    const items = hues(names.length).map((colour, k) => {
      const mark = element("b", {}, texts[k]);
      mark.style.color = colour;
      return element("li", {}, mark, texts[k] === names[k] ? null : ` ${names[k]}`);
    });
    node.replaceChildren(...items, element("li", { class: "ring" }, words.map.ring));
  }

  onTheme(() => show());
  return { node, show };
}
