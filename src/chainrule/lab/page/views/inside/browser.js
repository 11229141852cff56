// The test images, a page of thumbnails at a time; what the network misreads is marked.

import { images, mistakes } from "../../ask/server.js";
import { button, element } from "../../parts/element.js";
import { cut, thumbnail } from "../../parts/thumbnails.js";
import { changedAt, classesOf, imagesOf, networkOf, now } from "../../state.js";
import { words } from "../../strings.js";

const PAGE = 100; // thumbnails

// `open` is told the number of the image that is chosen.
export function browser({ isHidden, open }) {
  const node = element("dialog", { class: "browser", "aria-labelledby": "browse-title" });
  const list = element("div", { class: "thumbnails" });
  const place = element("span", { class: "number", "aria-live": "polite" });
  let start = 0;

  async function turn(to) {
    start = Math.max(Math.min(to, imagesOf() - PAGE), 0);
    const asked = [images(networkOf().id, start, PAGE), mistakes(changedAt())];
    const [page, known] = await Promise.all(asked);
    const read = new Map(known.indices.map((index, k) => [index, known.predictions[k]]));
    const last = start + page.labels.length - 1;
    place.textContent = words.range(words.images, start, last, imagesOf());
    const names = classesOf();
    const unsaid = isHidden("truth") || isHidden("prediction");
    list.replaceChildren(
      ...page.labels.map((label, k) => {
        const index = start + k;
        const answer = unsaid ? undefined : names[read.get(index)];
        return item(index, names[label], answer, cut(page.images, k));
      }),
    );
  }

  function item(index, label, answer, pixels) {
    const misread = answer !== undefined;
    const name = words.browseImage(index, label, answer);
    const choose = () => {
      node.close();
      open(index);
    };
    const content = [
      thumbnail(pixels),
      misread ? element("span", {}, words.misread(label, answer)) : "",
    ];
    return button(content, choose, {
      class: misread ? "thumbnail misread" : "thumbnail",
      "aria-label": isHidden("truth") ? `${words.testImage} ${index}` : name,
    });
  }

  async function show() {
    const head = element(
      "div",
      { class: "dialog-head" },
      element("h2", { id: "browse-title" }, words.browseTitle(networkOf().digits)),
      button("‹", () => turn(start - PAGE), { "aria-label": words.earlier(words.images) }),
      place,
      button("›", () => turn(start + PAGE), { "aria-label": words.later(words.images) }),
      button("✕", () => node.close(), { "aria-label": words.close }),
    );
    node.replaceChildren(head, list);
    node.showModal();
    await turn(Math.floor((now().image.test ?? 0) / PAGE) * PAGE);
  }

  return { node, show };
}
