// Elements from data, never from strings of HTML.

const MATHS = "http://www.w3.org/1998/Math/MathML";
const DRAWN = "http://www.w3.org/2000/svg";

// Attributes that start with "on" are listeners, "class" and the rest are attributes; true means
// present, false, null and undefined mean absent.
export function element(tag, attributes = {}, ...children) {
  return fill(document.createElement(tag), attributes, children);
}

export function maths(tag, attributes = {}, ...children) {
  return fill(document.createElementNS(MATHS, tag), attributes, children);
}

export function drawn(tag, attributes = {}, ...children) {
  return fill(document.createElementNS(DRAWN, tag), attributes, children);
}

function fill(node, attributes, children) {
  for (const [name, value] of Object.entries(attributes)) {
    if (value === false || value === null || value === undefined) continue;
    if (name.startsWith("on")) node.addEventListener(name.slice(2), value);
    else node.setAttribute(name, value === true ? "" : value);
  }
  node.append(...children.flat().filter((child) => child !== null && child !== undefined));
  return node;
}

export function button(words, onclick, attributes = {}) {
  return element("button", { type: "button", onclick, ...attributes }, words);
}
