// One question at a time: while one is under way, only the newest of all others waits, and is asked
// when the answer is there.

// A function that has `work` done: now, or once more after what is under way. `node` is marked as
// busy meanwhile; nothing more is asked for one that is hidden. `failed` is told what went wrong.
export function queue(work, { node, failed }) {
  let busy = false;
  let again = false;

  return async function ask() {
    again = busy;
    if (busy) return;
    busy = true;
    node.setAttribute("aria-busy", "true");
    try {
      await work();
    } catch (failure) {
      failed(failure);
    }
    busy = false;
    node.removeAttribute("aria-busy");
    if (again && !node.hidden) await ask();
  };
}
