// What the official OpenAI client sees through the gateway of an engine that misbehaves. The tables
// are the documentation: what the engine does, and what a caller makes of it.
import assert from "node:assert/strict";
import { after, describe, test } from "node:test";
import OpenAI from "openai";
import { DONE, chunk, completion, event } from "../support/engine.mjs";
import { chat, openHouse } from "../support/house.mjs";

const houses = [];

after(() => Promise.all(houses.map((house) => house.stop())));

async function openClient() {
  const house = await openHouse();
  houses.push(house);
  return { ...house, client: new OpenAI({ baseURL: `${house.url}/v1`, apiKey: "unused", maxRetries: 0 }) };
}

const HELLO = event(chunk({ role: "assistant", content: "Hello " }));
const THERE = event(chunk({ content: "there." }));
const STOP = event(chunk({}, "stop"));
const USAGE = event(chunk({}, null, { choices: [], usage: { prompt_tokens: 3, completion_tokens: 2, total_tokens: 5 } }));

// Everything the client gets: text, thoughts, how it finished, and the error that ended it.
async function ask(client, stream) {
  const seen = { text: "", thoughts: "", finish: null };
  const take = (part, finishReason) => {
    seen.text += part.content ?? "";
    seen.thoughts += part.reasoning_content ?? part.reasoning ?? "";
    seen.finish = finishReason ?? seen.finish;
  };
  try {
    const answer = await client.chat.completions.create(chat("Hi", { stream }));
    if (!stream) take(answer.choices[0].message, answer.choices[0].finish_reason);
    else for await (const { choices } of answer) choices.forEach((choice) => take(choice.delta, choice.finish_reason));
  } catch (error) {
    assert.ok(error instanceof OpenAI.APIError, `${error}`);
    seen.error = `${error.status ?? "event"} ${error.code}`;
  }
  return seen;
}

const good = { text: "Hello there.", finish: "stop" };

const streams = [
  { engine: "ends without [DONE]", script: (call) => (call.begin(), call.write(HELLO, THERE, STOP), call.end()), client: good },
  { engine: "breaks off after the finish reason", script: (call) => (call.begin(), call.write(HELLO, THERE, STOP), call.cut()), client: good },
  {
    engine: "sends usage that nobody asked for, and comments",
    script: (call) => (call.begin(), call.write(": ping\n\n", HELLO, ": ping\n\n", THERE, STOP, USAGE, DONE), call.end()),
    client: good,
  },
  {
    engine: "thinks in its own field",
    script: (call) => (call.begin(), call.write(event(chunk({ reasoning_content: "Hm." })), HELLO, THERE, STOP, DONE), call.end()),
    client: { ...good, thoughts: "Hm." },
  },
  {
    engine: "breaks off in the middle",
    script: (call) => (call.begin(), call.write(HELLO), call.cut()),
    client: { text: "Hello ", error: "event engine_restarting" },
  },
  {
    engine: "ends in the middle, in good order",
    script: (call) => (call.begin(), call.write(HELLO), call.end()),
    client: { text: "Hello ", error: "event engine_restarting" },
  },
  {
    engine: "sends an error in the middle",
    script: (call) => (call.begin(), call.write(HELLO, event({ error: { message: "out of memory", code: "oom" } })), call.end()),
    client: { text: "Hello ", error: "event upstream_down" },
  },
  {
    engine: "sends an event that is no JSON",
    script: (call) => (call.begin(), call.write(HELLO, "data: {broken\n\n"), call.end()),
    client: { text: "Hello ", error: "event engine_restarting" },
  },
  {
    engine: "sends an error before its first word",
    script: (call) => (call.begin(), call.write(event({ error: { message: "out of memory", code: "oom" } })), call.end()),
    client: { error: "502 upstream_down" },
  },
  {
    engine: "breaks off before its first word",
    script: (call) => (call.begin(), call.cut()),
    client: { error: "503 engine_restarting" },
  },
  {
    engine: "sends a page in place of events",
    script: (call) => (call.begin({ "content-type": "text/html" }), call.write("<h1>Hi</h1>"), call.end()),
    client: { error: "502 upstream_down" },
  },
];

const wholes = [
  {
    engine: "thinks in its own field",
    script: (call) => call.send(200, completion({ content: "Hello there.", reasoning_content: "Hm." })),
    client: { ...good, thoughts: "Hm." },
  },
  { engine: "tells no usage", script: (call) => call.send(200, completion({ content: "Hello there." }, { usage: undefined })), client: good },
  {
    engine: "breaks off in the middle",
    script: (call) => (call.begin({ "content-type": "application/json" }), call.write('{"id": "chat'), call.cut()),
    client: { error: "503 engine_restarting" },
  },
  { engine: "sends what is no JSON", script: (call) => call.send(200, "{broken"), client: { error: "502 upstream_down" } },
  {
    engine: "sends a page",
    script: (call) => call.send(200, "<h1>Hi</h1>", { "content-type": "text/html" }),
    client: { error: "502 upstream_down" },
  },
];

const both = [
  {
    engine: "fails",
    script: (call) => call.send(500, { error: { message: "out of memory", code: "oom" } }),
    client: { error: "502 upstream_down" },
  },
  {
    engine: "is busy",
    script: (call) => call.send(429, { error: { message: "busy" } }, { "retry-after": "7" }),
    client: { error: "503 queue_full" },
  },
  {
    engine: "does not know us",
    script: (call) => call.send(401, { error: { message: "your key is sk-1234" } }),
    client: { error: "502 upstream_down" },
  },
  {
    engine: "refuses what was asked",
    script: (call) => call.send(422, { error: { message: "temperature is too high", param: "temperature", code: "too_hot" } }),
    client: { error: "422 too_hot" },
  },
  { engine: "hangs up", script: (call) => call.cut(), client: { error: "503 engine_restarting" } },
];

const nothing = { text: "", thoughts: "", finish: null };

describe("an engine that", { concurrency: 4 }, () => {
  const rows = [
    ...streams.map((row) => ({ ...row, stream: true })),
    ...wholes.map((row) => ({ ...row, stream: false })),
    ...both.flatMap((row) => [true, false].map((stream) => ({ ...row, stream }))),
  ];
  for (const { engine: does, script, client: expected, stream } of rows) {
    test(`${does} (${stream ? "stream" : "whole"})`, async () => {
      const { engine, client } = await openClient();
      const asked = ask(client, stream);
      script(await engine.next());
      assert.deepEqual(await asked, { ...nothing, ...expected });
    });
  }

  for (const stream of [true, false]) {
    test(`answers well is said to have (${stream ? "stream" : "whole"})`, async () => {
      const { engine, client, url } = await openClient();
      const asked = ask(client, stream);
      (await engine.next()).answer("Hello there.");
      assert.deepEqual(await asked, { ...nothing, ...good });
      const { engines } = await (await fetch(`${url}/api/engines`)).json();
      assert.deepEqual(engines.map(({ answers, failures, breaker }) => [answers, failures, breaker]), [[1, 0, "closed"]]);
    });

    test(`stalls is let go when the client leaves (${stream ? "stream" : "whole"})`, async () => {
      const { engine, client } = await openClient();
      const leave = new AbortController();
      const asked = client.chat.completions.create(chat("Hi", { stream }), { signal: leave.signal });
      asked.catch(() => {});
      const call = await engine.next();
      if (stream) {
        call.begin();
        call.write(HELLO);
        const iterator = (await asked)[Symbol.asyncIterator]();
        assert.equal((await iterator.next()).value.choices[0].delta.content, "Hello ");
        leave.abort();
        assert.equal((await iterator.next()).done, true);
      } else {
        leave.abort();
        await assert.rejects(asked, OpenAI.APIUserAbortError);
      }
      await call.left;
    });
  }
});
