// Pages of what is too much for one: "rows 0–19 of 100" with buttons to turn.

import { words } from "../strings.js";
import { button, element } from "./element.js";

// show(start) shows a page.
export function pager({ what, total, size, show }) {
  let start = 0;
  const place = element("span", { class: "number", "aria-live": "polite" });
  const back = button("‹", () => turn(start - size), {
    "aria-label": words.earlier(what),
    class: "small",
  });
  const on = button("›", () => turn(start + size), {
    "aria-label": words.later(what),
    class: "small",
  });
  const node = element(
    "div",
    { class: "pager", role: "group", "aria-label": words.page(what) },
    back,
    place,
    on,
  );
  function turn(to) {
    start = Math.min(Math.max(to, 0), Math.floor((total - 1) / size) * size);
    place.textContent = words.range(what, start, Math.min(start + size, total) - 1, total);
    back.disabled = start === 0;
    on.disabled = start + size >= total;
    show(start);
  }
  return {
    node,
    turn,
    reach: (index) =>
      (index < start || index >= start + size) && turn(Math.floor(index / size) * size),
    get start() {
      return start;
    },
  };
}
