// Curves, by Plotly: loaded from this machine when the first one is wanted.

import { element } from "./element.js";
import { colours, css, onTheme } from "./colour.js";

let loading = null;

// As it starts it adds the style of its maps, which the page's policy refuses, loudly; it needs no
// maps, so what it makes in place of a style element does nothing.
export function plotly() {
  loading ??= new Promise((resolve, reject) => {
    document.createElement = (tag, options) =>
      Document.prototype.createElement.call(document, tag === "style" ? "template" : tag, options);
    const done = (then) => () => {
      delete document.createElement;
      then(window.Plotly);
    };
    document.head.append(
      element("link", {
        rel: "stylesheet",
        href: "/plotly/plotly.css",
        id: "plotly.js-style-global",
        class: "no-inline-styles",
      }),
      element("script", {
        src: "/plotly/plotly.min.js",
        onload: done(resolve),
        onerror: done(reject),
      }),
    );
  }).catch((failure) => {
    loading = null; // the next one tries again
    throw failure;
  });
  return loading;
}

// What all charts have in common, in the colours of now.
export function looks() {
  const { ink, muted, line } = colours();
  return {
    axis: {
      gridcolor: css(line),
      zerolinecolor: css(muted),
      linecolor: css(line),
      tickfont: { color: css(ink) },
    },
    layout: {
      paper_bgcolor: "rgba(0,0,0,0)",
      plot_bgcolor: "rgba(0,0,0,0)",
      font: { color: css(ink), family: "system-ui, sans-serif", size: 13 },
      margin: { l: 56, r: 12, t: 8, b: 44 },
      legend: { orientation: "h", y: 1.15 },
    },
    settings: { displayModeBar: false, responsive: true },
  };
}

// A chart of lines over x that may be shown again and again: a few times a second at most.
// line: { name, x, y, colour, dash }, colour the name of one of the style sheet's.
export function chart({ label, x, y, height = 230, range, percent = false, every = 350 }) {
  const node = element("div", { class: "chart", role: "img", "aria-label": label });
  let wanted = null;
  let timer = 0;
  let last = 0;

  function show(lines, { mark = null, label: says } = {}) {
    wanted = { lines, mark };
    if (says) node.setAttribute("aria-label", says);
    if (timer) return;
    timer = setTimeout(draw, Math.max(0, last + every - performance.now()));
  }

  async function draw() {
    let Plotly;
    try {
      Plotly = await plotly();
    } catch {
      node.hidden = true; // what it shows stands in numbers too
      return;
    } finally {
      timer = 0;
      last = performance.now();
    }
    if (!wanted || !node.isConnected || !node.clientWidth) return;
    const palette = colours();
    const { axis, layout, settings } = looks();
    Plotly.react(
      node,
      wanted.lines.map((line) => ({
        x: line.x,
        y: line.y,
        name: line.name,
        mode: line.x.length > 1 ? "lines" : "markers",
        line: { color: css(palette[line.colour]), dash: line.dash ?? "solid", width: 2.5 },
        marker: { color: css(palette[line.colour]), size: 7 },
        hovertemplate: `${x} %{x}: %{y:${percent ? ".2%" : ".4g"}}`,
      })),
      {
        ...layout,
        height,
        showlegend: wanted.lines.length > 1,
        xaxis: { ...axis, title: { text: x } },
        yaxis: {
          ...axis,
          title: { text: y },
          ...(range ? { range } : { rangemode: "tozero" }),
          ...(percent ? { tickformat: ".0%" } : {}),
        },
        shapes:
          wanted.mark === null
            ? []
            : [
                {
                  type: "line",
                  x0: wanted.mark,
                  x1: wanted.mark,
                  yref: "paper",
                  y0: 0,
                  y1: 1,
                  line: { color: css(palette.muted), width: 2, dash: "dot" },
                },
              ],
      },
      settings,
    );
  }

  onTheme(() => wanted && show(wanted.lines, wanted));
  new ResizeObserver(() => wanted && !node.firstChild && show(wanted.lines, wanted)).observe(node);
  return { node, show };
}
