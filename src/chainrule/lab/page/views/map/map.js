// A map of the digits: test images as points on a plane, by PCA of their pixels or of what a layer
// makes of them. Each point is its digit, in the digit's colour; mistakes wear a ring.

import { element } from "../../parts/element.js";
import { colours, css, onTheme } from "../../parts/colour.js";
import { count, percent } from "../../parts/numbers.js";
import { lookInside, picture } from "../../parts/pictures.js";
import { map as ask } from "../../ask/server.js";
import { networkAt, networkOf } from "../../state.js";
import { networkSwitch, paintPixels } from "../inside/story.js";
import { words } from "../../strings.js";

const COUNT = 2000; // points, to begin with
const COUNTS = [1000, 2000, 5000, 10000];
const NEAR = 14; // px that a pointer may miss a point by

export function map({ lab, tell }) {
  const says = words.map;
  const networks = networkSwitch(lab, "map-network");
  const canvas = element("canvas", { "aria-hidden": "true" });
  const plane = element(
    "div",
    {
      class: "plane",
      id: "map",
      role: "application",
      tabindex: "0",
      "aria-label": says.label,
      "aria-describedby": "map-hint",
    },
    canvas,
  );
  const thumb = element("canvas", { class: "thumb", width: 28, height: 28 });
  const caption = element("p");
  const card = element(
    "div",
    { class: "card", hidden: true, "aria-hidden": "true" },
    thumb,
    caption,
  );
  const told = element("p", { class: "unseen", role: "status" });
  const title = element("h1", { id: "map-title" }, says.heading);
  const explained = element("p", { class: "quiet", id: "map-explained", role: "status" });
  const options = element("fieldset", { class: "choice", id: "map-of" });
  const counts = element(
    "select",
    { id: "map-count", onchange: send },
    COUNTS.map((n) => element("option", { value: n, selected: n === COUNT }, count(n))),
  );
  const only = element("input", { type: "checkbox", id: "map-mistakes", onchange: paint });
  const key = element("ul", { class: "map-key", "aria-label": says.key });
  plane.append(card);
  const node = element(
    "div",
    { class: "map", id: "view-map" },
    element(
      "section",
      { class: "map-side", "aria-labelledby": "map-title" },
      title,
      element("p", {}, says.lead),
      networks.node,
      options,
      element(
        "div",
        { class: "row-of-buttons" },
        element("label", { for: "map-count" }, says.count),
        counts,
      ),
      element("label", { class: "row-of-buttons" }, only, element("span", {}, says.onlyMistakes)),
      key,
      explained,
      element("p", { class: "quiet", id: "map-hint" }, says.hint),
      told,
    ),
    plane,
  );

  let found = null;
  let of = null; // null: the last hidden layer
  let asking = false;
  let again = false;
  let at = -1; // the point under the pointer or the keyboard
  let places = []; // [x, y] in CSS pixels

  const sides = () => [plane.clientWidth, plane.clientHeight];
  const wrong = (k) => found.labels[k] !== found.predictions[k];

  // --------------------------------------------------------------------------------- painting

  function hues() {
    const style = getComputedStyle(document.documentElement);
    return Array.from({ length: 10 }, (_, digit) =>
      style.getPropertyValue(`--digit-${digit}`).trim(),
    );
  }

  // Each digit as a small picture, painted once and stamped.
  function stamps(size) {
    return hues().map((colour, digit) => {
      const stamp = element("canvas", { width: size, height: size });
      const pen = stamp.getContext("2d");
      pen.fillStyle = colour;
      pen.font = `600 ${size * 0.92}px system-ui, sans-serif`;
      pen.textAlign = "center";
      pen.textBaseline = "middle";
      pen.fillText(digit, size / 2, size / 2 + size * 0.05);
      return stamp;
    });
  }

  function paint() {
    const [width, height] = sides();
    if (!found || !width) return;
    const ratio = devicePixelRatio;
    canvas.width = Math.round(width * ratio);
    canvas.height = Math.round(height * ratio);
    const pen = canvas.getContext("2d");
    const n = found.labels.length;
    const size = Math.round((n > 5000 ? 8 : n > 1500 ? 10 : 12) * ratio);
    const made = stamps(size);
    places = arrange(width, height);
    const { ink } = colours();
    pen.strokeStyle = css(ink);
    pen.lineWidth = 1.25 * ratio;
    for (let pass = 0; pass < 2; pass += 1) {
      for (let k = 0; k < n; k += 1) {
        if (wrong(k) !== (pass === 1)) continue;
        const [x, y] = places[k];
        pen.globalAlpha = pass === 0 ? (only.checked ? 0.12 : 0.75) : 1;
        pen.drawImage(
          made[found.labels[k]],
          Math.round(x * ratio - size / 2),
          Math.round(y * ratio - size / 2),
        );
        if (pass === 0) continue;
        pen.beginPath();
        pen.arc(x * ratio, y * ratio, size * 0.68, 0, 2 * Math.PI);
        pen.stroke();
      }
    }
    pen.globalAlpha = 1;
    if (at >= 0 && at < n) {
      pen.lineWidth = 3 * ratio;
      pen.strokeStyle = css(colours().accent);
      pen.beginPath();
      pen.arc(places[at][0] * ratio, places[at][1] * ratio, size, 0, 2 * Math.PI);
      pen.stroke();
    }
  }

  // The plane fills the place it has, both axes by the same measure.
  function arrange(width, height) {
    const ends = (values) =>
      values.reduce(
        ([low, high], value) => [Math.min(low, value), Math.max(high, value)],
        [Infinity, -Infinity],
      );
    const [[left, right], [low, high]] = [ends(found.x), ends(found.y)];
    const room = 16;
    const scale = Math.min(
      (width - 2 * room) / (right - left || 1),
      (height - 2 * room) / (high - low || 1),
    );
    const [x0, y0] = [
      width / 2 - (scale * (left + right)) / 2,
      height / 2 + (scale * (low + high)) / 2,
    ];
    return Array.from(found.x, (x, k) => [x0 + scale * x, y0 - scale * found.y[k]]);
  }

  onTheme(() => {
    paint();
    showKey();
  });
  new ResizeObserver(paint).observe(plane);

  function showKey() {
    key.replaceChildren(
      ...hues().map((colour, digit) => {
        const mark = element("li", {}, digit);
        mark.style.color = colour;
        return mark;
      }),
      element("li", { class: "ring" }, says.ring),
    );
  }

  // ------------------------------------------------------------------------ pointer and keys

  function nearest(x, y) {
    let best = -1;
    let least = NEAR ** 2;
    places.forEach(([px, py], k) => {
      if (only.checked && !wrong(k)) return;
      const apart = (px - x) ** 2 + (py - y) ** 2;
      if (apart < least) [best, least] = [k, apart];
    });
    return best;
  }

  async function point(k, aloud = false) {
    if (k === at) return;
    at = k;
    paint();
    card.hidden = k < 0;
    if (k < 0) return;
    const text = words.browseImage(
      found.index(k),
      found.labels[k],
      wrong(k) ? found.predictions[k] : undefined,
    );
    caption.textContent = text;
    if (aloud) told.textContent = text;
    const [x, y] = places[k];
    const [width, height] = sides();
    card.style.left = x > width / 2 ? "auto" : `${x + 18}px`;
    card.style.right = x > width / 2 ? `${width - x + 18}px` : "auto";
    card.style.top = y > height / 2 ? "auto" : `${y + 12}px`;
    card.style.bottom = y > height / 2 ? `${height - y + 12}px` : "auto";
    const mine = found;
    const { pixels } = await picture(found.index(k));
    if (at === k && found === mine) paintPixels(thumb, pixels, 28, 28);
  }

  const spot = (event) => {
    const bounds = canvas.getBoundingClientRect();
    return [event.clientX - bounds.left, event.clientY - bounds.top];
  };
  plane.addEventListener("pointermove", (event) => found && point(nearest(...spot(event))));
  plane.addEventListener("pointerleave", () => document.activeElement !== plane && point(-1));
  plane.addEventListener("blur", () => point(-1));
  plane.addEventListener("click", (event) => {
    const k = found ? nearest(...spot(event)) : -1;
    if (k >= 0) lookInside(found.index(k));
  });
  plane.addEventListener("keydown", (event) => {
    const way = { ArrowUp: [0, -1], ArrowDown: [0, 1], ArrowLeft: [-1, 0], ArrowRight: [1, 0] }[
      event.key
    ];
    if (event.altKey || event.ctrlKey || event.metaKey || !found) return;
    if (way) {
      event.preventDefault();
      const [width, height] = sides();
      point(next(at < 0 ? [width / 2, height / 2] : places[at], at < 0 ? [0, 0] : way), true);
    } else if (event.key === "Enter" && at >= 0) {
      event.preventDefault();
      lookInside(found.index(at));
    } else if (event.key === "Escape") point(-1);
  });

  // The nearest point in a direction: as far aside as ahead at most.
  function next([x, y], [dx, dy]) {
    let best = at;
    let least = Infinity;
    places.forEach(([px, py], k) => {
      if (k === at || (only.checked && !wrong(k))) return;
      const ahead = (px - x) * dx + (py - y) * dy;
      const aside = Math.abs((px - x) * dy) + Math.abs((py - y) * dx);
      if ((dx || dy) && (ahead <= 0 || aside > ahead)) return;
      const apart = (px - x) ** 2 + (py - y) ** 2;
      if (apart < least) [best, least] = [k, apart];
    });
    return best;
  }

  // --------------------------------------------------------------------------------- asking

  function layers() {
    const names = Array.from({ length: networkOf().sizes.length - 1 }, (_, l) => `A${l + 1}`);
    const all = ["pixels", ...names];
    const chosen = all.includes(of) ? of : (names.at(-2) ?? names.at(-1));
    if (options.dataset.all !== all.join()) {
      options.dataset.all = all.join();
      options.replaceChildren(
        element("legend", {}, says.of),
        ...all.map((name) =>
          element(
            "label",
            {},
            element("input", {
              type: "radio",
              name: "map-of",
              value: name,
              onchange: () => {
                of = name;
                send();
              },
            }),
            element("span", {}, says.ofName(name)),
          ),
        ),
      );
    }
    for (const input of options.querySelectorAll("input")) input.checked = input.value === chosen;
    return chosen;
  }

  async function send() {
    if (asking) {
      again = true;
      return;
    }
    asking = true;
    node.setAttribute("aria-busy", "true");
    const source = layers();
    try {
      const answer = await ask({ ...networkAt(), of: source, count: Number(counts.value) });
      found = { ...answer, index: (k) => answer.indices?.[k] ?? k };
      if (at >= found.labels.length) at = -1;
      const misread = found.labels.filter((_, k) => wrong(k)).length;
      explained.textContent = says.explained(
        count(found.labels.length),
        misread,
        percent(answer.explained),
        says.ofName(source),
        networkOf().digits,
      );
      paint();
      if (at >= 0) {
        const k = at;
        at = -1;
        point(k);
      }
    } catch (failure) {
      tell(words.failed(failure.message));
    }
    asking = false;
    node.removeAttribute("aria-busy");
    if (again && !node.hidden) {
      again = false;
      send();
    }
  }

  function enter() {
    networks.show();
    showKey();
    send();
  }

  return { node, enter };
}
