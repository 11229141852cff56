// A view as one HTML file: what is seen, black on white, with its numbers as text and its pictures
// in it, and without what can only be operated in a running lab.

import { words } from "../strings.js";
import { pictures } from "./chart.js";
import { onPaper } from "./colour.js";
import { element } from "./element.js";

const POLICY = "default-src 'none'; style-src 'unsafe-inline'; img-src data:";
// What is operated, and says nothing.
const CONTROLS =
  "button:not(.thumbnail), input, textarea, form, fieldset, nav, dialog, details:not([open]), " +
  ".zooms, .kept-out, .unasked, label:has(input[type=checkbox], input[type=radio])";

const STYLE = "chainrule-style"; // where it goes

const frame = () => new Promise((done) => requestAnimationFrame(done));

// The text of the file: `view` is the node, `name` what it is called, `address` its own parameters.
export async function snapshot(view, { name, version, address }) {
  // A document that nobody sees, and that loads nothing.
  const page = document.implementation.createHTMLDocument(words.keep.title(name));
  const copy = await onPaper(async () => {
    await frame();
    await frame(); // charts are painted by then
    const made = page.importNode(view, true);
    const mine = made.querySelectorAll("canvas");
    view.querySelectorAll("canvas").forEach((canvas, k) => {
      mine[k].replaceWith(pictured(canvas, page.createElement("img")));
    });
    return made;
  });
  still(copy);
  page.documentElement.lang = "en";
  page.documentElement.className = "paper kept";
  const meta = (attributes) => page.head.append(element("meta", attributes));
  meta({ charset: "utf-8" });
  meta({ name: "viewport", content: "width=device-width, initial-scale=1" });
  meta({ "http-equiv": "Content-Security-Policy", content: POLICY });
  meta({ name: STYLE });
  const link = element("code", {}, address || "/");
  const said = element("p", { class: "recorded" }, `${words.keep.from(name, version)} `, link, ".");
  const brand = element("span", { class: "brand" }, words.brand);
  page.body.append(element("header", {}, brand, said), element("main", {}, copy));
  const text = page.documentElement.outerHTML;
  return `<!doctype html>\n${text.replace(`<meta name="${STYLE}">`, () => styled())}\n`;
}

// The image of a canvas, of the size that it has now.
function pictured(canvas, image) {
  const svg = pictures.get(canvas)?.();
  const src = svg
    ? `data:image/svg+xml,${encodeURIComponent(svg)}`
    : canvas.toDataURL();
  Object.assign(image, { src, alt: "", className: canvas.className });
  if (!canvas.classList.contains("thumb")) {
    const { width } = canvas.getBoundingClientRect();
    Object.assign(image.style, { position: "static", width: `${width}px`, height: "auto" });
    image.style.maxWidth = "100%";
  }
  return image;
}

// Nothing in it can be operated.
function still(copy) {
  for (const select of copy.querySelectorAll("select")) {
    const chosen = document.getElementById(select.id) ?? select;
    select.replaceWith(element("strong", {}, chosen.selectedOptions[0]?.textContent ?? ""));
  }
  for (const node of copy.querySelectorAll("[hidden]")) node.remove();
  for (const node of copy.querySelectorAll(CONTROLS)) node.remove();
  for (const node of copy.querySelectorAll("button")) {
    node.replaceWith(element("div", { class: node.className }, ...node.childNodes));
  }
  for (const node of copy.querySelectorAll("[tabindex]")) node.removeAttribute("tabindex");
  for (const node of copy.querySelectorAll("[role=grid], [role=application], [role=status]")) {
    node.removeAttribute("role");
  }
  for (const node of copy.querySelectorAll("[role=gridcell], [role=row], [role=columnheader]")) {
    node.removeAttribute("role");
  }
  for (const node of copy.querySelectorAll("[role=rowheader]")) node.removeAttribute("role");
}

// The style sheet, but for the font, which is a file of its own. It is put in as text, because the
// policy of the page that writes it allows no style of this kind.
function styled() {
  const all = [...document.styleSheets].flatMap((sheet) => [...sheet.cssRules]);
  const kept = all.filter((rule) => !(rule instanceof CSSFontFaceRule));
  return `<style>\n${kept.map((rule) => rule.cssText).join("\n")}\n</style>`;
}
