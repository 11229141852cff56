// The hidden units as images, on one canvas: of the training that goes on, or of a recorded step.

import { bytes, ledger as askLedger } from "../../ask/server.js";
import { write } from "../../parts/bars.js";
import { largest, onTheme, signed } from "../../parts/colour.js";
import { element } from "../../parts/element.js";
import { panel } from "../../parts/panel.js";
import { SIDE } from "../../parts/sizes.js";
import { words } from "../../strings.js";

const APART = SIDE + 2; // pixels from one unit's image to the next
const FEW = 20; // units that are shown larger: a pixel is three of the screen's, else two
const says = words.train;

// `limit`: units that are shown at most.
export function sheet({ limit }) {
  const canvas = element("canvas", { "aria-hidden": "true", width: 0, height: 0 });
  const plane = element("div", { class: "sheet", role: "img" }, canvas);
  const note = element("p", { class: "quiet" });
  const node = panel("sheet-title", says.sheetTitle, {}, note, plane);
  const pen = canvas.getContext("2d");
  let width = 600;
  let painted = null; // { levels, n, all }
  let drawn = ""; // the recorded moment whose units are painted
  let palette = null;

  // levels: of each unit 784 bytes, 128 for 0. The canvas has as many columns as fit.
  function paint(levels, n, all = n) {
    painted = { levels, n, all };
    const shown = Math.min(n, limit);
    const zoom = shown > FEW ? 2 : 3;
    plane.classList.toggle("large", zoom === 3);
    const most = Math.min(shown, Math.max(1, Math.floor(width / (zoom * APART))));
    const columns = Math.ceil(shown / Math.ceil(shown / most)); // rows of one length
    const [across, down] = [columns * APART, Math.ceil(shown / columns) * APART];
    if (canvas.width !== across || canvas.height !== down) {
      Object.assign(canvas, { width: across, height: down });
    }
    const label = says.sheetLabel(shown);
    if (plane.getAttribute("aria-label") !== label) plane.setAttribute("aria-label", label);
    write(note, shown < all ? says.sheetSome(shown, all) : says.sheetNote);
    palette ??= paletteOf();
    const image = pen.createImageData(across, down);
    const pixels = new Uint32Array(image.data.buffer);
    for (let unit = 0, from = 0; unit < shown; unit += 1) {
      const corner = Math.floor(unit / columns) * APART * across + (unit % columns) * APART;
      for (let row = 0; row < SIDE; row += 1) {
        const to = corner + row * across;
        for (let k = 0; k < SIDE; k += 1, from += 1) pixels[to + k] = palette[levels[from]];
      }
    }
    pen.putImageData(image, 0, 0);
  }

  new ResizeObserver(([{ contentRect }]) => {
    ({ width } = contentRect);
    repaint();
  }).observe(plane);
  onTheme(() => {
    palette = null;
    repaint();
  });

  function repaint() {
    if (painted) paint(painted.levels, painted.n, painted.all);
  }

  // As a frame of the training has them.
  function show({ u8, shape }, all) {
    drawn = "";
    paint(bytes(u8), shape[0], all);
  }

  // Of a recorded moment: W1 as Look inside has it.
  async function showRecorded(at) {
    const key = JSON.stringify(at);
    if (key === drawn) return;
    drawn = key;
    try {
      const found = await askLedger({ ...at, image: { test: 0 }, label: null });
      if (drawn !== key) return;
      const { values, shape } = found.arrays.get("W1");
      const darkest = largest(values) || 1;
      paint(
        Uint8Array.from(values, (value) => 128 + Math.round((127 * value) / darkest)),
        shape[0],
      );
    } catch (failure) {
      if (failure.name !== "AbortError") drawn = "";
    }
  }

  function empty() {
    drawn = "";
    painted = null;
    canvas.width = 0;
  }

  return { node, show, showRecorded, empty };
}

// The colour of each level, as the four bytes of a pixel.
function paletteOf() {
  return Uint32Array.from({ length: 256 }, (_, level) => {
    const [r, g, b] = signed((level - 128) / 127, 1);
    return (255 << 24) | (b << 16) | (g << 8) | r;
  });
}
