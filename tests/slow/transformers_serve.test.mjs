// A foreign engine that is not of our making: `transformers serve` with the starter model, converted
// to a Hugging Face directory, behind the gateway. Its ids are paths, its streams end without [DONE].
import assert from "node:assert/strict";
import { execFile } from "node:child_process";
import { mkdtemp, rm, writeFile } from "node:fs/promises";
import { after, before, test } from "node:test";
import os from "node:os";
import path from "node:path";
import { promisify } from "node:util";
import OpenAI from "../clients/client.mjs";
import { freePort, launch } from "../support/process.mjs";
import { startGatewayOf } from "../support/service.mjs";

// Its packages alone take a minute to load on a busy machine.
const READY_MS_MAX = 600_000;

let folder;
let engine;
let gateway;
let client;
let model;

before(async () => {
  folder = await mkdtemp(path.join(os.tmpdir(), "holdfast-foreign-"));
  model = path.join(folder, "starter");
  await promisify(execFile)(process.env.HOLDFAST_BINARY, ["convert", path.join(process.env.HOLDFAST_MODEL, "holdfast-starter.gguf"), model]);
  const port = await freePort();
  const url = `http://127.0.0.1:${port}`;
  const env = { ...process.env, HF_HOME: folder, HF_HUB_OFFLINE: "1" };
  engine = await launch(
    path.join(process.env.PYTHON_BIN, "transformers"),
    ["serve", model, "--host", "127.0.0.1", "--port", String(port), "--device", "cpu"],
    { env, url: `${url}/v1/models`, readyMsMax: READY_MS_MAX },
  );
  const config = path.join(folder, "holdfast.toml");
  await writeFile(config, `[[engine]]\nurl = "${url}"\n`);
  gateway = await startGatewayOf(config);
  client = new OpenAI({ baseURL: `${gateway.url}/v1`, apiKey: "unused", maxRetries: 0, timeout: READY_MS_MAX });
});

after(async () => {
  await gateway?.stop();
  await engine?.stop();
  await rm(folder, { recursive: true, force: true });
});

const ask = (more) => ({ model, messages: [{ role: "user", content: "Hello! Who are you?" }], max_tokens: 24, temperature: 0, ...more });

test("its model is listed, and found, by an id with slashes", async () => {
  const models = await client.models.list();
  assert.deepEqual(models.data.map(({ id }) => id), [model]);
  assert.equal((await client.models.retrieve(model)).id, model);
  // Not every client writes a slash as %2F.
  const plain = await fetch(`${gateway.url}/v1/models/${model}`);
  assert.equal((await plain.json()).id, model);
});

test("it answers whole, with usage", async () => {
  const answer = await client.chat.completions.create(ask());
  assert.ok(answer.choices[0].message.content.length > 0);
  assert.ok(["stop", "length"].includes(answer.choices[0].finish_reason));
  assert.ok(answer.usage.prompt_tokens > 0);
  assert.ok(answer.usage.completion_tokens > 0);
});

test("it streams the same answer, with usage", async () => {
  const whole = await client.chat.completions.create(ask());
  const stream = await client.chat.completions.create(ask({ stream: true, stream_options: { include_usage: true } }));
  let text = "";
  let finish = null;
  let usage = null;
  for await (const chunk of stream) {
    text += chunk.choices[0]?.delta?.content ?? "";
    finish = chunk.choices[0]?.finish_reason ?? finish;
    usage = chunk.usage ?? usage;
  }
  assert.equal(text, whole.choices[0].message.content);
  assert.equal(finish, whole.choices[0].finish_reason);
  assert.ok(usage.prompt_tokens > 0);
});

test("its stream ends with [DONE], and with no error", async () => {
  const response = await fetch(`${gateway.url}/v1/chat/completions`, {
    method: "POST",
    headers: { "content-type": "application/json" },
    body: JSON.stringify(ask({ stream: true })),
  });
  assert.equal(response.status, 200);
  const text = await response.text();
  assert.ok(text.endsWith("data: [DONE]\n\n"), text.slice(-200));
  assert.ok(!text.includes('"error"'));
});
