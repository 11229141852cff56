// What is said in passing, and whether the server is there.

import { onStatus } from "../../ask/server.js";
import { element } from "../../parts/element.js";
import { words } from "../../strings.js";

const LONG = 9000; // ms: so long it stays

export const toast = element("div", { class: "toast", role: "status", id: "told" });
export const banner = element("div", {
  class: "banner",
  role: "alert",
  id: "server-status",
  hidden: true,
});
let fading = 0;

export function tell(...content) {
  toast.replaceChildren(...content);
  clearTimeout(fading);
  fading = setTimeout(() => toast.replaceChildren(), LONG);
}

onStatus((status) => {
  banner.hidden = status === "running";
  banner.textContent = status === "running" ? "" : words[status];
  if (status === "running") tell(words.back);
});
