// A gateway before a scripted engine: the house of a test that is about who waits, and about what an
// engine may do to its callers.
import assert from "node:assert/strict";
import { startEngine } from "./engine.mjs";
import { startGateway } from "./service.mjs";

const PATIENCE_MS = 30_000;

// Settings of a house that makes one answer at a time.
export const ONE_AT_A_TIME = { HOLDFAST_GATEWAY_CONCURRENCY_MAX: "1", HOLDFAST_GATEWAY_WAITING_SECONDS_MAX: "60" };

export const chat = (question, more = {}) => ({ model: "scripted", messages: [{ role: "user", content: question }], ...more });

export async function openHouse(settings = {}) {
  const engine = await startEngine();
  const gateway = await startGateway(engine.address, settings).catch(async (error) => {
    await engine.stop();
    throw error;
  });

  const untilCount = async (what, count, countOf) => {
    for (const deadline = Date.now() + PATIENCE_MS; ; ) {
      const { guard } = await (await fetch(`${gateway.url}/health`)).json();
      if (countOf(guard) === count) return;
      assert.ok(Date.now() < deadline, `${countOf(guard)} ${what}, not ${count}`);
    }
  };

  return {
    engine,
    gateway,
    url: gateway.url,
    // Until so many wait, or wait or are answered, as the gateway's health says.
    untilWaiting: (count) => untilCount("wait", count, (guard) => guard.waiting),
    untilInside: (count) => untilCount("are inside", count, (guard) => guard.waiting + guard.running),
    async stop() {
      await gateway.stop();
      await engine.stop();
    },
  };
}

// A bare request of somebody else, for a short answer, so that the wait behind it is a short one. It
// gathers `text` until it is `over`; `leave` gives it up, which is no failure.
export function askBarely(url, question, more = {}) {
  const leaving = new AbortController();
  const asked = { text: "", leave: () => leaving.abort() };
  let began;
  asked.begun = new Promise((resolve) => (began = resolve));
  const run = async () => {
    const response = await fetch(`${url}/v1/chat/completions`, {
      method: "POST",
      headers: { "content-type": "application/json" },
      body: JSON.stringify(chat(question, { max_tokens: 8, ...more })),
      signal: leaving.signal,
    });
    for await (const piece of response.body.pipeThrough(new TextDecoderStream())) {
      asked.text += piece;
      began();
    }
  };
  asked.over = run().catch((error) => {
    if (!leaving.signal.aborted) throw error;
  });
  return asked;
}
