// The official OpenAI client for Python, unmodified, while its request waits for a place, and when the
// answer fails. tests/clients has the same for the one in JavaScript.
import assert from "node:assert/strict";
import { execFile } from "node:child_process";
import { after, describe, test } from "node:test";
import path from "node:path";
import { promisify } from "node:util";
import { ONE_AT_A_TIME, askBarely, openHouse } from "../support/house.mjs";

const python = path.join(process.env.PYTHON_BIN, "python");
const script = new URL("ask.py", import.meta.url).pathname;
const houses = [];

after(() => Promise.all(houses.map((house) => house.stop())));

async function openBusyHouse(settings = {}) {
  const house = await openHouse({ ...ONE_AT_A_TIME, ...settings });
  houses.push(house);
  const first = askBarely(house.url, "first");
  return { ...house, first, firstCall: await house.engine.next() };
}

async function ask(url, { retries = 0, form = "whole", question = "second" } = {}) {
  const { stdout } = await promisify(execFile)(python, [script, url, String(retries), form, question]);
  return JSON.parse(stdout);
}

// Until who asked in this form and waits has been told so: who came later is told later.
async function untilTold({ url, untilWaiting }, form) {
  await untilWaiting(1);
  const witness = askBarely(url, "witness", { stream: form === "stream" });
  await witness.begun;
  witness.leave();
  await witness.over;
  await untilWaiting(1);
}

describe("the client for Python", { concurrency: true }, () => {
  test("iterates undisturbed after comments", async () => {
    const house = await openBusyHouse();
    const asked = ask(house.url, { form: "stream" });
    await untilTold(house, "stream");
    house.firstCall.answer("First answer.");
    (await house.engine.next()).answer("Second answer, in pieces.");
    assert.deepEqual(await asked, { text: "Second answer, in pieces.", chunks: 5 });
  });

  test("reads JSON after blank lines", async () => {
    const house = await openBusyHouse();
    const asked = ask(house.url);
    await untilTold(house, "whole");
    house.firstCall.answer("First answer.");
    (await house.engine.next()).answer("Second answer.");
    assert.deepEqual(await asked, { text: "Second answer.", chunks: 0 });
  });

  for (const [retries, expected] of [
    [0, { text: "", chunks: 0, error: "APIConnectionError", status: null, code: null }],
    [1, { text: "Second answer.", chunks: 0 }],
  ]) {
    test(`takes a failure after blank lines for a lost connection, with ${retries} retries`, async () => {
      const house = await openBusyHouse();
      const asked = ask(house.url, { retries });
      await untilTold(house, "whole");
      house.firstCall.answer("First answer.");
      (await house.engine.next()).send(500, { error: { message: "broken" } });
      if (retries > 0) (await house.engine.next()).answer("Second answer.");
      assert.deepEqual(await asked, expected);
    });
  }

  test("is told the reason of a failure after comments", async () => {
    const house = await openBusyHouse();
    const asked = ask(house.url, { form: "stream" });
    await untilTold(house, "stream");
    house.firstCall.answer("First answer.");
    (await house.engine.next()).send(500, { error: { message: "broken" } });
    assert.deepEqual(await asked, { text: "", chunks: 0, error: "APIError", status: null, code: "upstream_down" });
  });

  test("comes again when it is refused, and then succeeds", async () => {
    const house = await openBusyHouse({ HOLDFAST_GATEWAY_WAITING_MAX: "1" });
    const second = askBarely(house.url, "second");
    await house.untilWaiting(1);
    assert.deepEqual(await ask(house.url), { text: "", chunks: 0, error: "InternalServerError", status: 503, code: "queue_full" });
    const third = ask(house.url, { retries: 5, question: "third" });
    house.firstCall.answer("First answer.");
    (await house.engine.next()).answer("Second answer.");
    await second.over;
    (await house.engine.next()).answer("Third answer.");
    assert.deepEqual(await third, { text: "Third answer.", chunks: 0 });
  });
});
