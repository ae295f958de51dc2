// The official OpenAI client, unmodified, while its request waits for a place behind another one: the
// gateway lets one answer be made at a time, and the engine answers when the test says so.
import assert from "node:assert/strict";
import { after, describe, test } from "node:test";
import OpenAI, { InternalServerError } from "openai";
import { ONE_AT_A_TIME, chat, openHouse } from "../support/house.mjs";
import { openWire } from "../support/wire.mjs";

const houses = [];

after(() => Promise.all(houses.map((house) => house.stop())));

// A house with its one place taken by `other`. `client` is who comes second, `wire` what it is sent.
async function openBusyHouse({ settings = {}, maxRetries = 0 } = {}) {
  const house = await openHouse({ ...ONE_AT_A_TIME, ...settings });
  houses.push(house);
  const wire = openWire();
  const baseURL = `${house.url}/v1`;
  const client = new OpenAI({ baseURL, apiKey: "unused", maxRetries, fetch: wire.fetch });
  const other = new OpenAI({ baseURL, apiKey: "other", maxRetries: 0 });
  const first = other.chat.completions.create(chat("first"));
  return { ...house, client, other, wire, first, firstCall: await house.engine.next() };
}

describe("while it waits", { concurrency: true }, () => {
  test("a stream is told its place in comments, and the client iterates undisturbed", async () => {
    const { engine, client, wire, first, firstCall } = await openBusyHouse();
    const stream = await client.chat.completions.create(chat("second", { stream: true }));
    await wire.until(([response]) => /^: waiting place=1 wait_ms=\d+\n\n/.test(response?.text));
    firstCall.answer("First answer.");
    (await engine.next()).answer("Second answer, in pieces.");
    let text = "";
    for await (const { choices } of stream) text += choices[0].delta.content ?? "";
    assert.equal(text, "Second answer, in pieces.");
    assert.equal((await first).choices[0].message.content, "First answer.");
    assert.equal(wire.responses[0].headers.get("x-queue-place"), "1");
    assert.match(wire.responses[0].headers.get("x-queue-wait-ms"), /^\d+$/);
  });

  test("an answer that is no stream has blank lines before its JSON, and the client reads it", async () => {
    const { engine, client, wire, first, firstCall } = await openBusyHouse();
    const second = client.chat.completions.create(chat("second"));
    await wire.until(([response]) => response?.text.startsWith("\n"));
    firstCall.answer("First answer.");
    (await engine.next()).answer("Second answer.");
    assert.equal((await second).choices[0].message.content, "Second answer.");
    assert.match(wire.responses[0].text, /^\n+\{/);
    await first;
  });

  // The client took the 200 for the answer, so it no longer tries again by itself.
  test("a failure after blank lines reaches the caller as a broken connection, never as an answer", async () => {
    const { engine, client, wire, first, firstCall } = await openBusyHouse({ maxRetries: 2 });
    const second = client.chat.completions.create(chat("second"));
    const failed = assert.rejects(second, (error) => error instanceof TypeError && error.message === "terminated");
    await wire.until(([response]) => response?.text.startsWith("\n"));
    firstCall.answer("First answer.");
    (await engine.next()).send(500, { error: { message: "broken" } });
    await failed;
    assert.ok(wire.responses[0].isCut);
    assert.match(wire.responses[0].text, /^\n+$/);
    assert.equal(wire.responses.length, 1);
    await first;
  });

  test("a failure after comments is an error with its reason", async () => {
    const { engine, client, wire, first, firstCall } = await openBusyHouse();
    const stream = await client.chat.completions.create(chat("second", { stream: true }));
    await wire.until(([response]) => response?.text.startsWith(": waiting"));
    firstCall.answer("First answer.");
    (await engine.next()).send(500, { error: { message: "broken" } });
    await assert.rejects(
      async () => {
        for await (const { choices } of stream) assert.fail(`an answer: ${choices}`);
      },
      (error) => error instanceof OpenAI.APIError && error.code === "upstream_down",
    );
    await first;
  });

  test("who is refused at once waits as long as it was told, and then succeeds", async () => {
    const { engine, untilWaiting, client, other, wire, first, firstCall } = await openBusyHouse({
      settings: { HOLDFAST_GATEWAY_WAITING_MAX: "1" },
      maxRetries: 1,
    });
    const second = other.chat.completions.create(chat("second"));
    await untilWaiting(1);
    const third = client.chat.completions.create(chat("third"));
    await wire.until(([response]) => response !== undefined);
    const [refusal] = wire.responses;
    assert.equal(refusal.status, 503);
    const told_ms = Number(refusal.headers.get("retry-after-ms"));
    assert.ok(told_ms > 0 && told_ms <= 1000 * Number(refusal.headers.get("retry-after")));
    assert.equal(refusal.headers.get("x-should-retry"), null);
    firstCall.answer("First answer.");
    (await engine.next()).answer("Second answer.");
    const thirdCall = await engine.next();
    assert.equal(thirdCall.question, "third");
    thirdCall.answer("Third answer.");
    assert.equal((await third).choices[0].message.content, "Third answer.");
    await wire.until((responses) => responses.length === 2);
    const again = wire.responses[1];
    assert.ok(again.sentAt - refusal.cameAt >= told_ms - 1, `${again.sentAt - refusal.cameAt} ms of ${told_ms}`);
    assert.equal(again.sent.get("x-stainless-retry-count"), "1");
    await Promise.all([first, second]);
  });

  test("who has no retries left is told the reason", async () => {
    const { engine, untilWaiting, client, other, first, firstCall } = await openBusyHouse({ settings: { HOLDFAST_GATEWAY_WAITING_MAX: "1" } });
    const second = other.chat.completions.create(chat("second"));
    await untilWaiting(1);
    for (const stream of [false, true]) {
      await assert.rejects(
        client.chat.completions.create(chat("third", { stream })),
        (error) => error instanceof InternalServerError && error.status === 503 && error.code === "queue_full",
      );
    }
    firstCall.answer("First answer.");
    (await engine.next()).answer("Second answer.");
    await Promise.all([first, second]);
  });

  for (const stream of [true, false]) {
    test(`who gives up leaves the queue (${stream ? "stream" : "whole"})`, async () => {
      const { engine, untilWaiting, client, other, first, firstCall } = await openBusyHouse();
      const leave = new AbortController();
      const second = client.chat.completions.create(chat("second", { stream }), { signal: leave.signal });
      const left = assert.rejects(
        async () => {
          for await (const _ of await second) assert.fail("an answer");
        },
        (error) => error instanceof OpenAI.APIUserAbortError,
      );
      await untilWaiting(1);
      leave.abort();
      await left;
      await untilWaiting(0);
      const third = other.chat.completions.create(chat("third"));
      firstCall.answer("First answer.");
      const nextCall = await engine.next();
      assert.equal(nextCall.question, "third");
      nextCall.answer("Third answer.");
      await Promise.all([first, third]);
      assert.equal(engine.callCount, 2);
    });
  }
});
