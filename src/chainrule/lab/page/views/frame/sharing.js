// A moment for others: its link, and the page that holds it.

import { save } from "../../ask/server.js";
import { element } from "../../parts/element.js";
import { link, moment, parameters } from "../../state.js";
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

// label: of the ledger that is shown, or null.
export async function saveMoment(label) {
  tell(words.saving);
  try {
    const { name, content } = await save({ ...moment(), label }, parameters());
    const address = URL.createObjectURL(content);
    const anchor = element("a", { href: address, download: name, hidden: true });
    document.body.append(anchor);
    anchor.click();
    anchor.remove();
    setTimeout(() => URL.revokeObjectURL(address), 10000);
    tell(words.savedAs(name));
  } catch (failure) {
    tell(words.failed(failure.message));
  }
}
