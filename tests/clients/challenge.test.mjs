// The official OpenAI client, unmodified, where strangers pay with a proof of work: it is told no
// once, in words, and goes on with a pass in a header.
import assert from "node:assert/strict";
import { after, before, test } from "node:test";
import OpenAI from "openai";
import { solve } from "../support/challenge.mjs";
import { chat, openHouse } from "../support/house.mjs";
import { openWire } from "../support/wire.mjs";

let house;

before(async () => (house = await openHouse({ HOLDFAST_GATEWAY_STRANGERS_PAY: "always", HOLDFAST_ACCOUNTS_ANONYMOUS: "everyone" })));
after(() => house?.stop());

const newClient = (more) => new OpenAI({ baseURL: `${house.url}/v1`, apiKey: "unused", maxRetries: 2, ...more });

const post = (solution) =>
  fetch(`${house.url}/api/challenge`, { method: "POST", headers: { "content-type": "application/json" }, body: JSON.stringify(solution) });

async function earnPass() {
  const task = await (await fetch(`${house.url}/api/challenge`)).json();
  const solution = solve(task);
  const response = await post(solution);
  assert.equal(response.status, 200);
  return { ...(await response.json()), solution };
}

test("a client that cannot pay is told so once, by a class of its own, and does not try again", async () => {
  const wire = openWire();
  await assert.rejects(newClient({ fetch: wire.fetch }).chat.completions.create(chat("hello")), (error) => {
    assert.ok(error instanceof OpenAI.PermissionDeniedError);
    assert.equal(error.code, "challenge_required");
    assert.match(error.message, /\/api\/challenge/);
    return true;
  });
  assert.equal(wire.responses.length, 1);
  assert.equal(wire.responses[0].headers.get("x-should-retry"), "false");
});

test("a pass in a header is good for its requests, and no more", async () => {
  const { pass, requests, expires_at } = await earnPass();
  assert.ok(expires_at > Date.now());
  const client = newClient({ defaultHeaders: { "x-holdfast-pass": pass } });
  for (let i = 0; i < requests; ++i) {
    const asked = client.chat.completions.create(chat(`question ${i}`));
    (await house.engine.next()).answer("Gladly.");
    assert.equal((await asked).choices[0].message.content, "Gladly.");
  }
  await assert.rejects(client.chat.completions.create(chat("one more")), OpenAI.PermissionDeniedError);
});

test("a proof is taken once, and a pass is of no use to another address", async () => {
  const { pass, solution } = await earnPass();
  const again = await post(solution);
  assert.equal(again.status, 403);
  assert.equal((await again.json()).error.reason, "challenge_required");
  const { ask } = await import("../support/crowd.mjs");
  const other = await ask(house.url, { from: "127.0.0.9", method: "POST", path: "/v1/chat/completions", body: chat("hello"), headers: { "x-holdfast-pass": pass } });
  assert.equal(other.status, 403);
  assert.equal(other.body.error.reason, "challenge_required");
});
