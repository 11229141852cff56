// A pen that writes SVG: it takes the calls of a canvas that a chart is painted with.

const ANCHORS = { left: "start", center: "middle", right: "end" };
const BASES = { middle: "central", top: "text-before-edge", alphabetic: "alphabetic" };
const round = (value) => String(Math.round(100 * value) / 100);
const escape = (text) =>
  String(text).replace(/[&<>"]/g, (each) => `&#${each.charCodeAt(0)};`);

// { pen, svg }: `svg` gives the picture so far, of this size in CSS pixels, on white.
export function svgPen(width, height) {
  const parts = [];
  let path = []; // since beginPath
  let shapes = []; // circles and rectangles of it
  let clips = 0;
  const open = []; // groups to close, one number for each save
  const put = (tag, attributes, text) =>
    parts.push(
      `<${tag} ${Object.entries(attributes)
        .map(([name, value]) => `${name}="${escape(value)}"`)
        .join(" ")}${text === undefined ? "/>" : `>${escape(text)}</${tag}>`}`,
    );
  const pen = {
    fillStyle: "#000",
    strokeStyle: "#000",
    lineWidth: 1,
    font: "13px sans-serif",
    textAlign: "left",
    textBaseline: "alphabetic",
    dash: [],
    fillRect: (x, y, w, h) =>
      put("rect", {
        x: round(x),
        y: round(y),
        width: round(w),
        height: round(h),
        fill: pen.fillStyle,
      }),
    fillText: (text, x, y) =>
      put(
        "text",
        {
          x: round(x),
          y: round(y),
          fill: pen.fillStyle,
          "text-anchor": ANCHORS[pen.textAlign],
          "dominant-baseline": BASES[pen.textBaseline],
          "font-size": parseFloat(pen.font),
          "font-family": "system-ui, sans-serif",
        },
        text,
      ),
    beginPath() {
      path = [];
      shapes = [];
    },
    moveTo: (x, y) => path.push(`M${round(x)} ${round(y)}`),
    lineTo: (x, y) => path.push(`${path.length ? "L" : "M"}${round(x)} ${round(y)}`),
    arc: (x, y, r) => shapes.push(["circle", { cx: round(x), cy: round(y), r: round(r) }]),
    rect: (x, y, w, h) =>
      shapes.push(["rect", { x: round(x), y: round(y), width: round(w), height: round(h) }]),
    setLineDash: (dash) => (pen.dash = dash),
    stroke: () =>
      put("path", {
        d: path.join(""),
        fill: "none",
        stroke: pen.strokeStyle,
        "stroke-width": pen.lineWidth,
        "stroke-linejoin": "round",
        ...(pen.dash.length ? { "stroke-dasharray": pen.dash.join(" ") } : {}),
      }),
    fill: () => {
      for (const [tag, attributes] of shapes) put(tag, { ...attributes, fill: pen.fillStyle });
    },
    save: () => open.push(0),
    restore: () => parts.push("</g>".repeat(open.pop())),
    clip() {
      clips += 1;
      parts.push(`<clipPath id="clip-${clips}">`);
      for (const [tag, attributes] of shapes) put(tag, attributes);
      parts.push(`</clipPath><g clip-path="url(#clip-${clips})">`);
      open[open.length - 1] += 1;
    },
  };
  const head =
    `<svg xmlns="http://www.w3.org/2000/svg" width="${width}" height="${height}" ` +
    `viewBox="0 0 ${width} ${height}"><rect width="100%" height="100%" fill="#fff"/>`;
  return { pen, svg: () => `${head}${parts.join("")}</svg>\n` };
}
