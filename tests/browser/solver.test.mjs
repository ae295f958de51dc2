// The worker that does the proof of work, in a real browser: right by another implementation, and
// fast enough for what a phone is taken to do (guard/entrance/challenge.h).
import assert from "node:assert/strict";
import { createHash } from "node:crypto";
import { readdir } from "node:fs/promises";
import { after, before, test } from "node:test";
import { openBrowser } from "./browser.mjs";
import { startFake } from "./fake_gateway.mjs";

// Of a phone, as the difficulty assumes it. A machine that runs tests is slower than this only when
// it is busy with others.
const PHONE_HASHES_PER_S = 5e5;

let browser;
let fake;
let solver;

before(async () => {
  browser = await openBrowser();
  fake = await startFake();
  const assets = await readdir(new URL("../../web/dist/assets/", import.meta.url));
  solver = `/assets/${assets.find((name) => name.startsWith("solver-"))}`;
});
after(async () => {
  await browser?.close();
  await fake?.stop();
});

// Its nonce, and how long it took.
async function solve(seed, bits) {
  const context = await browser.newContext();
  const page = await context.newPage();
  await page.goto(fake.url);
  const found = await page.evaluate(
    ([url, task]) =>
      new Promise((resolve, reject) => {
        const worker = new Worker(url, { type: "module" });
        worker.onerror = () => reject(new Error("the worker failed"));
        const began = performance.now();
        worker.onmessage = ({ data }) => "nonce" in data && resolve({ nonce: data.nonce, ms: performance.now() - began });
        worker.postMessage(task);
      }),
    [solver, { seed, bits }],
  );
  await context.close();
  return found;
}

const zeroBits = (text) => {
  const digest = createHash("sha256").update(text).digest();
  return Math.clz32(digest.readUInt32BE(0));
};

test("finds the first nonce, whatever the length of the seed", async () => {
  for (const length of [1, 50, 54, 55, 56, 58, 62, 63, 64, 70, 130]) {
    const seed = "ab.".repeat(50).slice(0, length);
    const { nonce } = await solve(seed, 12);
    assert.ok(zeroBits(`${seed}:${nonce}`) >= 12, `seed of ${length}`);
    for (let earlier = 0; earlier < Number(nonce); ++earlier) assert.ok(zeroBits(`${seed}:${earlier}`) < 12);
  }
});

test("is as fast as a phone is taken to be", async (t) => {
  // As the gateway's are: the nonce alone is in the last block.
  const seed = `${"5a".repeat(16)}.19.1796000000000.0123456789abcdef`;
  const { nonce, ms } = await solve(seed, 19);
  const rate = Number(nonce) / (ms / 1e3);
  t.diagnostic(`${Math.round(rate)} hashes a second`);
  assert.ok(rate > PHONE_HASHES_PER_S / 4, `${rate} hashes a second`);
});
