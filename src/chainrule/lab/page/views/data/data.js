// The contact sheet of a set of digits: the first images of each class, or many of one.

import { queue } from "../../ask/queue.js";
import { sheet as ask } from "../../ask/sets.js";
import { choice } from "../../parts/choice.js";
import { button, element } from "../../parts/element.js";
import { count } from "../../parts/numbers.js";
import { gallery } from "../../parts/pictures.js";
import { cut, thumbnail } from "../../parts/thumbnails.js";
import { change, networkOf, now } from "../../state.js";
import { words } from "../../strings.js";

const says = words.data;
const PAGE = 200; // images of one class, as the server sends them

export function data({ lab, tell }) {
  let part = "train";
  let chosen = null; // the class of which more is shown
  let start = 0;
  let known = ""; // the set that was shown last
  const heading = element("h1", { id: "data-title" });
  const about = element("p", { class: "quiet", role: "status", id: "data-about" });
  const sets = choice(says.set, "data-set", [], (value) => change({ sheet: value }));
  const parts = choice(says.part, "data-part", [], (value) => {
    part = value;
    open(chosen);
  });
  const all = button(says.all, () => open(null), { class: "small" });
  const earlier = button("‹", () => turn(-PAGE), { "aria-label": words.earlier(says.images) });
  const place = element("span", { class: "number" });
  const later = button("›", () => turn(PAGE), { "aria-label": words.later(says.images) });
  const pages = element("div", { class: "row-of-buttons" }, all, earlier, place, later);
  const list = element("div", { class: "sheet-classes" });
  const tools = element("div", { class: "row-of-buttons" }, sets.node, parts.node);
  const node = element(
    "div",
    { class: "data", id: "view-data" },
    heading,
    tools,
    about,
    pages,
    list,
  );
  const send = queue(show, { node, failed: (failure) => tell(words.failed(failure.message)) });

  // The id of the network whose digits are shown; null: those given to the lab.
  function source() {
    return lab.given_set && now().sheet !== "network" ? null : networkOf().id;
  }

  function open(k) {
    chosen = k;
    start = 0;
    return send();
  }

  function turn(by) {
    start = Math.max(start + by, 0);
    return send();
  }

  async function show() {
    const network = source();
    const found = await ask({ network, part, chosen, start });
    const { name, classes, counts } = found;
    const total = counts.reduce((sum, n) => sum + n, 0);
    heading.textContent = says.heading(name);
    about.textContent = says.about(total, found.part, classes.length);
    parts.fill(found.parts.map((each) => [each, says.parts[each]]));
    parts.value = part;
    pages.hidden = chosen === null;
    if (chosen !== null) turnable(counts[chosen], found.labels.length);
    const shown = chosen === null ? classes.map((_, k) => k) : [chosen];
    list.replaceChildren(...shown.map((k) => ofClass(found, k, network)));
  }

  function turnable(n, shown) {
    const last = start + shown - 1;
    place.textContent = n ? words.range(says.images, start, last, n) : says.none;
    earlier.disabled = start === 0;
    later.disabled = start + PAGE >= n;
  }

  // A class: its name, how many images it has, and some of them.
  function ofClass({ classes, counts, labels, numbers, images }, k, network) {
    const places = labels.flatMap((label, at) => (label === k ? [at] : []));
    const id = `sheet-${k}`;
    const title = element("h2", { id }, classes[k]);
    const many = element("span", { class: "quiet number" }, says.count(counts[k]));
    const more =
      chosen === null && places.length < counts[k]
        ? button("…", () => open(k), { class: "small", "aria-label": says.more(classes[k]) })
        : null;
    const label = says.label(classes[k], places.length, counts[k]);
    const pictures = places.map((at) => ({ index: numbers[at], pixels: cut(images, at) }));
    // Test images of the network open in Look inside.
    const opens = network !== null && part === "test";
    const strip = opens ? gallery(label) : plain(label, pictures);
    if (opens) strip.show(pictures.map((each) => ({ ...each, label: classes[k] })));
    return element(
      "section",
      { class: "sheet-class", "aria-labelledby": id },
      element("div", { class: "sheet-head" }, title, many, more),
      strip.node,
    );
  }

  // Another set begins with all its classes.
  function enter({ sheet }) {
    const given = lab.given_set;
    const key = JSON.stringify([source(), given]);
    if (key !== known) [known, chosen, start, part] = [key, null, 0, given ? part : "train"];
    const { digits } = networkOf();
    const both = [
      ["given", given],
      ["network", digits],
    ];
    sets.node.hidden = !given || digits === given;
    sets.fill(both);
    sets.value = sheet ?? "given";
    send();
  }

  return { node, enter };
}

function plain(label, pictures) {
  const items = pictures.map(({ pixels, index }) =>
    element("li", { title: count(index) }, thumbnail(pixels)),
  );
  return { node: element("ul", { class: "thumbnails", "aria-label": label }, items) };
}
