// A moment for others: its link, and the page that holds it.

import { save } from "../../ask/server.js";
import { element } from "../../parts/element.js";
import { download } from "../../parts/keeping.js";
import { snapshot } from "../../parts/snapshot.js";
import { link, moment, networkOf, now, parameters } from "../../state.js";
import { words } from "../../strings.js";
import { tell } from "./telling.js";

export async function copyLink() {
  const address = link();
  try {
    await navigator.clipboard.writeText(address);
    tell(words.copied);
  } catch {
    tell(words.notCopied, " ", element("a", { href: address }, address));
  }
}

// What is seen as one file. A moment that is looked into keeps all its numbers, and opens them; any
// other view is kept as it is seen. label: of the ledger that is shown, or null.
export async function saveShown(label, version) {
  tell(words.saving);
  try {
    const { name, content } =
      now().view === "inside"
        ? await save({ ...moment(), label }, parameters())
        : await keepView(version);
    download(name, content);
    tell(words.savedAs(name));
  } catch (failure) {
    tell(words.failed(failure.message));
  }
}

async function keepView(version) {
  const { view } = now();
  const shown = document.querySelector("main > :not([hidden])");
  const address = new URL(link()).search;
  const content = await snapshot(shown, { name: words.views[view], version, address });
  return { name: `chainrule-${view}-${networkOf().id.slice(0, 150)}.html`, content };
}
