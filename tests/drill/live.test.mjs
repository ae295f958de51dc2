// A short live rehearsal: the real gateway before the scripted engine, people and programs in calm.
import assert from "node:assert/strict";
import { execFile } from "node:child_process";
import { mkdtemp, readFile, rm, writeFile } from "node:fs/promises";
import os from "node:os";
import path from "node:path";
import { after, before, test } from "node:test";
import { promisify } from "node:util";
import { freePort, launch } from "../support/process.mjs";
import { startGateway } from "../support/service.mjs";

const binary = process.env.HOLDFAST_BINARY;
const plans = path.join(import.meta.dirname, "../../bench/siege");
const drillLive = (...args) => promisify(execFile)(binary, ["drill", "live", ...args]);

let folder;
let engine;
let gateway;

before(async () => {
  folder = await mkdtemp(path.join(os.tmpdir(), "holdfast-drill-"));
  const address = `127.0.0.1:${await freePort()}`;
  engine = await launch(binary, ["drill", "live", "engine", "--listen", address], { url: `http://${address}/health` });
  gateway = await startGateway(address, {
    HOLDFAST_ACCOUNTS_ANONYMOUS: "everyone",
    HOLDFAST_ACCOUNTS_REGISTRATION: "open",
    HOLDFAST_ACCOUNTS_PASSWORD_MS: "1",
  });
});

after(async () => {
  await gateway?.stop();
  await engine?.stop();
  await rm(folder, { recursive: true, force: true });
});

// The plan of that name; a busy test machine is given time that people would not give.
async function patientPlan(name) {
  const plan = JSON.parse(await readFile(path.join(plans, `${name}.json`), "utf8"));
  plan.slo = { first_token_ms: 20_000, token_interval_ms: 2_000 };
  const file = path.join(folder, `${name}.json`);
  await writeFile(file, JSON.stringify(plan));
  return file;
}

test("in calm everybody is answered, and the score says so", async () => {
  const plan = await patientPlan("calm");
  const out = path.join(folder, "calm");
  await drillLive("--plan", plan, "--out", out, "--target", gateway.url, "--process", `gateway=${gateway.pid}`);
  await drillLive("score", out);

  const score = JSON.parse(await readFile(path.join(out, "score.json"), "utf8"));
  assert.ok(score.honest.wishes > 50, `${score.honest.wishes} wishes`);
  // Whoever is let in is answered in full. A gateway that has just begun may let in a few less.
  assert.equal(score.honest.ends.done + score.honest.ends.refused, score.honest.attempts);
  assert.ok(score.honest.good_share > 0.75, JSON.stringify(score.honest));
  assert.equal(score.honest.ends.failed, 0);
  assert.equal(score.honest.blocked_wishes, 0);
  assert.equal(score.hostile.attempts, 0);
  assert.equal(score.memory[0].process, "gateway");
  assert.match(await readFile(path.join(out, "score.html"), "utf8"), /<svg/);
});

test("people sign up for a plan's file of accounts, and their keys and cookies are good", async () => {
  const file = path.join(folder, "accounts.json");
  await drillLive("accounts", "--target", gateway.url, "--count", "3", "--out", file);
  const { keys, people } = JSON.parse(await readFile(file, "utf8"));
  assert.equal(keys.length, 3);
  for (const { name, cookie } of people) {
    const { account } = await (await fetch(`${gateway.url}/api/me`, { headers: { cookie } })).json();
    assert.equal(account.name, name);
  }
  const models = await fetch(`${gateway.url}/v1/models`, { headers: { authorization: `Bearer ${keys[2]}` } });
  assert.equal(models.status, 200);
});

test("what was observed does not say who is who, and cannot be changed", async () => {
  const out = path.join(folder, "calm");
  const file = path.join(out, "observed.jsonl");
  const observed = await readFile(file, "utf8");
  assert.doesNotMatch(observed, /people|programs|honest|hostile/);
  await writeFile(file, observed.replace('"end":"done"', '"end":"left"'));
  await assert.rejects(drillLive("score", out), /not what was sealed/);
});

test("a target that is not on this machine is refused before anything is sent", async () => {
  const out = path.join(folder, "elsewhere");
  const plan = path.join(plans, "calm.json");
  for (const target of ["http://192.0.2.1:8080", "http://example.org", "http://0.0.0.0:8080"]) {
    await assert.rejects(drillLive("--plan", plan, "--out", out, "--target", target), /one's own machine only/);
  }
  await assert.rejects(readFile(path.join(out, "observed.jsonl")), { code: "ENOENT" });
});
