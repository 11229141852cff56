// A part of a view under a title of its own, and a table with heads.

import { element } from "./element.js";

export function panel(id, title, attributes, ...content) {
  return element(
    "section",
    { class: "panel", "aria-labelledby": id, ...attributes },
    element("h2", { id }, title),
    ...content,
  );
}

// { node, rows }: rows are lists of cells, of which the first is the head.
export function table(caption, heads) {
  const body = element("tbody");
  const head = heads.map((each) => element("th", { scope: "col" }, each));
  const node = element(
    "table",
    { class: "painted pairs" },
    element("caption", { class: "unseen" }, caption),
    element("thead", {}, element("tr", {}, head)),
    body,
  );

  function show(rows, attributes = {}) {
    body.replaceChildren(
      ...rows.map(([first, ...cells]) =>
        element(
          "tr",
          {},
          element("th", { scope: "row" }, first),
          cells.map((cell) => element("td", attributes, cell)),
        ),
      ),
    );
  }

  return { node, show };
}
