// One line beside the pointer or the focus: the name and the value of a cell.

import { element } from "./element.js";

const node = element("div", { class: "readout", "aria-hidden": "true", hidden: true });

export function readOut(text, x, y) {
  node.textContent = text;
  if (!node.isConnected) document.body.append(node);
  node.hidden = false;
  const right = x > innerWidth - 260;
  node.style.left = right ? "auto" : `${x + 14}px`;
  node.style.right = right ? `${innerWidth - x + 10}px` : "auto";
  node.style.top = `${Math.max(y - 38, 4)}px`;
}

export function stopReading() {
  node.hidden = true;
}
