// The official OpenAI client, unmodified, before a gateway that has stepped down to shorter answers:
// it lets one answer be made at a time, and more is asked for than that. The engine answers when the
// test says so.
import assert from "node:assert/strict";
import { after, test } from "node:test";
import OpenAI, { InternalServerError } from "openai";
import { chunk, completion, event, DONE } from "../support/engine.mjs";
import { ONE_AT_A_TIME, askBarely, chat, openHouse } from "../support/house.mjs";
import { openWire } from "../support/wire.mjs";

const SHORT = 64;
const PATIENCE_MS = 30_000;
const houses = [];

after(() => Promise.all(houses.map((house) => house.stop())));

// Two short requests to a house with one place: little, but several times what a service can do that
// has not ended one yet. They are let go in the end.
async function openPressedHouse() {
  const house = await openHouse({ ...ONE_AT_A_TIME, HOLDFAST_GATEWAY_WAITING_SECONDS_MAX: "86400", HOLDFAST_GATEWAY_SHORT_ANSWER_TOKENS: String(SHORT) });
  houses.push(house);
  const others = [askBarely(house.url, "one"), askBarely(house.url, "two")];
  const wire = openWire();
  const client = new OpenAI({ baseURL: `${house.url}/v1`, apiKey: "unused", maxRetries: 0, fetch: wire.fetch });
  await untilLevel(house, "shorter_answers");
  return { ...house, client, wire, letGo: () => Promise.all(others.map((other) => (other.leave(), other.over))) };
}

async function levelOf(house) {
  return (await fetch(`${house.url}/api/service`)).json();
}

async function untilLevel(house, level) {
  for (const deadline = Date.now() + PATIENCE_MS; ; ) {
    const service = await levelOf(house);
    if (service.level === level) return service;
    assert.ok(Date.now() < deadline, `it is ${service.level}, not ${level}`);
  }
}

// The call of the engine that is about `question`; others are let go by their askers.
async function callAbout(engine, question) {
  for (;;) {
    const call = await engine.next();
    if (call.question === question) return call;
  }
}

test("an open service says so", async () => {
  const house = await openHouse();
  houses.push(house);
  const service = await levelOf(house);
  assert.deepEqual(service, {
    level: "open", since: null, means: null, answer_tokens_max: null, registration: { level: "open", since: null, means: null },
  });
});

test("a shortened answer ends by its length, and a limit that is too high is an error with its reason", async () => {
  const { engine, client, wire, letGo, ...house } = await openPressedHouse();
  const service = await levelOf(house);
  assert.equal(service.answer_tokens_max, SHORT);
  assert.match(service.means, /Answers are shorter/);
  assert.ok(service.since <= Date.now());

  const refused = client.chat.completions.create(chat("long", { max_tokens: SHORT + 1 }));
  const whole = client.chat.completions.create(chat("whole", { max_tokens: null }));
  await assert.rejects(refused, (error) => {
    assert.ok(error instanceof InternalServerError);
    assert.equal(error.status, 503);
    assert.equal(error.code, "shorter_answers");
    assert.equal(error.param, "max_tokens");
    assert.match(error.message, /at most 64 tokens/);
    assert.ok(Number(error.headers.get("retry-after")) >= 5);
    assert.equal(error.headers.get("x-holdfast-level"), "shorter_answers");
    return true;
  });
  await house.untilWaiting(2);
  await letGo();
  const call = await callAbout(engine, "whole");
  assert.equal(call.body.max_tokens, SHORT);
  const short = completion({ content: "As far as it" });
  short.choices[0].finish_reason = "length";
  call.send(200, short);
  const answer = await whole;
  assert.equal(answer.choices[0].finish_reason, "length");
  assert.equal(answer.choices[0].message.content, "As far as it");
  const head = wire.responses.find(({ status }) => status === 200).headers;
  assert.equal(head.get("x-holdfast-level"), "shorter_answers");
  assert.equal(head.get("x-holdfast-tokens-max"), String(SHORT));
});

test("a stream begins with a comment, and the client iterates undisturbed", async () => {
  const { engine, client, wire, letGo, ...house } = await openPressedHouse();
  const asked = client.chat.completions.create(chat("stream", { stream: true }));
  await house.untilWaiting(2);
  await letGo();
  const call = await callAbout(engine, "stream");
  assert.equal(call.body.max_tokens, SHORT);
  call.begin();
  call.write(event(chunk({ content: "As far " })), event(chunk({ content: "as it" })), event(chunk({}, "length")), DONE);
  call.end();
  let text = "";
  let finishReason = null;
  for await (const { choices } of await asked) {
    text += choices[0].delta.content ?? "";
    finishReason = choices[0].finish_reason ?? finishReason;
  }
  assert.equal(text, "As far as it");
  assert.equal(finishReason, "length");
  assert.match(wire.responses[0].text, /^: level shorter_answers tokens_max=64$/m);
});
