// The mistakes of the zoo, and what one of them does to a training.

import { ask } from "./server.js";

export async function zoo() {
  return ask("api/zoo");
}

export async function bug(name, loss) {
  return ask("api/bug", { bug: name, loss });
}
