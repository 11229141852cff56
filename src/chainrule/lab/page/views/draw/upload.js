// A picture of a digit: chosen as a file, dropped on the view, or pasted.

import { button, element } from "../../parts/element.js";
import { now } from "../../state.js";
import { words } from "../../strings.js";

const KINDS = ["png", "jpeg", "webp", "bmp", "gif", "tiff", "heic"].map((k) => `image/${k}`);

// `node` takes what is dropped; `taken` is told the bytes of a picture, as base64; `most`: of them.
export function upload({ node, most, taken, tell }) {
  const picker = element("input", {
    type: "file",
    accept: KINDS.join(),
    hidden: true,
    tabindex: "-1",
    "aria-hidden": "true",
    onchange: () => take(picker.files[0]),
  });

  function take(chosen) {
    picker.value = "";
    if (!chosen) return undefined;
    if (!KINDS.includes(chosen.type)) return tell(words.notPicture);
    if (chosen.size > most) return tell(words.tooLarge(most));
    const reader = new FileReader();
    reader.onload = () => taken(reader.result.split(",")[1]);
    return reader.readAsDataURL(chosen);
  }

  node.addEventListener("dragover", (event) => event.preventDefault());
  node.addEventListener("drop", (event) => {
    event.preventDefault();
    take(event.dataTransfer.files[0]);
  });
  document.addEventListener("paste", ({ clipboardData }) => {
    if (now().view === "draw" && clipboardData.files.length) take(clipboardData.files[0]);
  });
  return [button(words.file, () => picker.click(), { id: "open-file" }), picker];
}
