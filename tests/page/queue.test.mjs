// One question at a time; of those that come meanwhile the newest is asked.

import assert from "node:assert/strict";
import { test } from "node:test";

import { queue } from "../../src/chainrule/lab/page/ask/queue.js";

// A view, and questions that are answered when the test says so.
function setUp() {
  const view = {
    hidden: false,
    busy: false,
    setAttribute: (name) => assert.equal(name, "aria-busy") ?? (view.busy = true),
    removeAttribute: () => (view.busy = false),
  };
  const asked = [];
  const failures = [];
  let wanted = null;
  const work = () => new Promise((answer, refuse) => asked.push({ wanted, answer, refuse }));
  const send = queue(work, { node: view, failed: (failure) => failures.push(failure.message) });
  return { view, asked, failures, send: (what) => ((wanted = what), send()) };
}

const turn = () => new Promise((go) => setTimeout(go));

test("what comes while a question is under way waits, and only the newest is asked", async () => {
  const { view, asked, send } = setUp();
  for (const what of ["first", "second", "third"]) send(what);
  assert.deepEqual(
    asked.map((each) => each.wanted),
    ["first"],
  );
  assert.ok(view.busy);
  asked[0].answer();
  await turn();
  assert.deepEqual(
    asked.map((each) => each.wanted),
    ["first", "third"],
  );
  assert.ok(view.busy);
  asked[1].answer();
  await turn();
  assert.ok(!view.busy);
  assert.equal(asked.length, 2);
});

test("what is asked after an answer is asked at once", async () => {
  const { asked, send } = setUp();
  send("first");
  asked[0].answer();
  await turn();
  send("second");
  assert.equal(asked.length, 2);
});

test("a question that fails is told, and hinders no other", async () => {
  const { asked, failures, view, send } = setUp();
  send("first");
  send("second");
  asked[0].refuse(new Error("why"));
  await turn();
  assert.deepEqual(failures, ["why"]);
  assert.equal(asked.length, 2);
  asked[1].answer();
  await turn();
  assert.ok(!view.busy);
});

test("for a view that is left nothing more is asked", async () => {
  const { view, asked, send } = setUp();
  send("first");
  send("second");
  view.hidden = true;
  asked[0].answer();
  await turn();
  assert.equal(asked.length, 1);
  assert.ok(!view.busy);
});
