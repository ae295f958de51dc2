// The official OpenAI client, unmodified, against the whole service.
import assert from "node:assert/strict";
import { after, before, test } from "node:test";
import OpenAI from "openai";
import { startService } from "../support/service.mjs";

let service;
let client;

before(async () => {
  service = await startService();
  client = new OpenAI({ baseURL: `${service.url}/v1`, apiKey: "unused", maxRetries: 0 });
});

after(() => service?.stop());

const hello = [{ role: "user", content: "Hello! Who are you?" }];

test("lists the model", async () => {
  const models = await client.models.list();
  assert.deepEqual(models.data.map((m) => m.id), ["starter"]);
});

test("answers a chat", async () => {
  const answer = await client.chat.completions.create({ model: "starter", messages: hello, max_tokens: 24, temperature: 0 });
  assert.equal(answer.object, "chat.completion");
  assert.equal(answer.choices[0].message.role, "assistant");
  assert.ok(answer.choices[0].message.content.length > 0);
  assert.ok(["stop", "length"].includes(answer.choices[0].finish_reason));
  assert.ok(answer.usage.prompt_tokens > 0);
  assert.equal(answer.usage.total_tokens, answer.usage.prompt_tokens + answer.usage.completion_tokens);
});

test("streams the same answer that it gives whole", async () => {
  const request = { model: "starter", messages: hello, max_tokens: 32, temperature: 0 };
  const whole = await client.chat.completions.create(request);
  const stream = await client.chat.completions.create({ ...request, stream: true, stream_options: { include_usage: true } });
  let text = "";
  let chunks = 0;
  let finishReason = null;
  let usage = null;
  for await (const chunk of stream) {
    chunks += 1;
    text += chunk.choices[0]?.delta?.content ?? "";
    finishReason = chunk.choices[0]?.finish_reason ?? finishReason;
    usage = chunk.usage ?? usage;
  }
  assert.equal(text, whole.choices[0].message.content);
  assert.equal(finishReason, whole.choices[0].finish_reason);
  assert.deepEqual(usage.completion_tokens, whole.usage.completion_tokens);
  assert.ok(chunks > 3);
});

test("a seed repeats an answer, another seed need not", async () => {
  const ask = async (seed) =>
    (await client.chat.completions.create({ model: "starter", messages: hello, max_tokens: 24, temperature: 1, seed })).choices[0].message.content;
  const [first, second] = [await ask(11), await ask(11)];
  assert.equal(first, second);
  const others = await Promise.all([12, 13, 14, 15, 16, 17].map(ask));
  assert.ok(others.some((other) => other !== first));
});

test("the stream helper and its events work", async () => {
  const stream = client.chat.completions.stream({ model: "starter", messages: hello, max_tokens: 16, temperature: 0 });
  let deltas = 0;
  stream.on("content", () => (deltas += 1));
  const content = await stream.finalContent();
  assert.ok(deltas > 0);
  assert.ok(content.length > 0);
});

test("gives log probabilities", async () => {
  const answer = await client.chat.completions.create({
    model: "starter", messages: hello, max_tokens: 4, temperature: 0, logprobs: true, top_logprobs: 3,
  });
  const tokens = answer.choices[0].logprobs.content;
  assert.equal(tokens.length, answer.usage.completion_tokens);
  for (const token of tokens) {
    assert.ok(token.logprob <= 0);
    assert.equal(token.top_logprobs.length, 3);
    assert.ok(token.top_logprobs[0].logprob >= token.top_logprobs[2].logprob);
  }
});

test("stops at a stop string and leaves it out", async () => {
  const request = { model: "starter", messages: hello, max_tokens: 32, temperature: 0 };
  const whole = (await client.chat.completions.create(request)).choices[0].message.content;
  const stop = whole.slice(4, 8);
  const cut = await client.chat.completions.create({ ...request, stop });
  assert.equal(cut.choices[0].message.content, whole.slice(0, whole.indexOf(stop)));
  assert.equal(cut.choices[0].finish_reason, "stop");
});

test("completes a plain prompt", async () => {
  const answer = await client.completions.create({ model: "starter", prompt: "Once upon a time", max_tokens: 12, temperature: 0 });
  assert.equal(answer.object, "text_completion");
  assert.ok(answer.choices[0].text.length > 0);
});

test("refuses what is wrong with the client's own error classes", async () => {
  await assert.rejects(client.chat.completions.create({ model: "no-such-model", messages: hello }), OpenAI.NotFoundError);
  await assert.rejects(client.chat.completions.create({ model: "starter", messages: [] }), OpenAI.BadRequestError);
  await assert.rejects(client.chat.completions.create({ model: "starter", messages: hello, temperature: 9 }), (error) => {
    assert.ok(error instanceof OpenAI.BadRequestError);
    assert.equal(error.param, "temperature");
    return true;
  });
});

test("an aborted stream leaves the service answering", async () => {
  const stream = await client.chat.completions.create({ model: "starter", messages: hello, max_tokens: 200, stream: true });
  for await (const _ of stream) break;
  const answer = await client.chat.completions.create({ model: "starter", messages: hello, max_tokens: 4 });
  assert.ok(answer.choices[0].message.content.length > 0);
});

test("twenty clients at once all get their own answer", async () => {
  const ask = (n) => client.chat.completions.create({ model: "starter", messages: [{ role: "user", content: `What is ${n} plus 1?` }], max_tokens: 12, temperature: 0 });
  const alone = [];
  for (let n = 1; n <= 4; n += 1) alone.push((await ask(n)).choices[0].message.content);
  const together = await Promise.all(Array.from({ length: 20 }, (_, i) => ask((i % 4) + 1)));
  together.forEach((answer, i) => assert.equal(answer.choices[0].message.content, alone[i % 4]));
});
