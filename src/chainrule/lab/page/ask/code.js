// A person's own code, the mistakes of the zoo, and what one of them does to a training.

import { ask } from "./server.js";

export async function zoo() {
  return ask("api/zoo");
}

export async function bug(name, loss) {
  return ask("api/bug", { bug: name, loss });
}

// The forms to fill in, by style.
export async function forms() {
  return (await ask("api/forms")).forms;
}

// The code in a file, as { name, text, notes }; it is not run. file: its bytes, as base64.
export async function openCode(name, file) {
  return ask("api/code", { name, file });
}

// What is right in a file, which is run.
export async function grade(name, text, loss, signal) {
  return ask("api/grade", { name, text, loss }, signal);
}
