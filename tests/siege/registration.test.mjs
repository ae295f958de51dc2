// A flood of sign-ups over sockets, from many addresses: registration restricts itself, people still
// come in, those who have an account notice nothing, and the fakes get nothing. HOLDFAST_FLOOD_SECONDS
// makes it as long as it is meant (tests/slow); it then also sees registration open again.
import assert from "node:assert/strict";
import { readFile } from "node:fs/promises";
import path from "node:path";
import { after, before, test } from "node:test";
import { solve } from "../support/challenge.mjs";
import { PROXIES, ask, logIn, registration, signUp, startFlood } from "../support/crowd.mjs";
import { chat, openHouse } from "../support/house.mjs";

const SECONDS = Number(process.env.HOLDFAST_FLOOD_SECONDS ?? 4);
const IS_LONG = SECONDS > 10;
const RATE = IS_LONG ? 167 : 300;
// Of those who had an account before.
const OWNERS = 6;

let house;

before(async () => {
  house = await openHouse({
    ...PROXIES,
    HOLDFAST_ACCOUNTS_REGISTRATION: "open",
    HOLDFAST_ACCOUNTS_PASSWORD_MS: "5",
    HOLDFAST_ACCOUNTS_PASSWORD_MEMORY_MIB: "19",
  });
});
after(() => house?.stop());

const pause = (ms) => new Promise((resolve) => setTimeout(resolve, ms));

// The milliseconds until `isSo`, looked at often.
async function until(isSo, patienceMs, what) {
  const began = performance.now();
  while (!(await isSo())) {
    assert.ok(performance.now() - began < patienceMs, `${what} within ${patienceMs} ms`);
    await pause(100);
  }
  return performance.now() - began;
}

// A person with a browser: does the task that is asked for, and comes again when told to.
async function signUpHonestly(number) {
  const from = `127.200.${number}.1`;
  const name = `person-${number}`;
  for (let attempt = 0; attempt < 8; ++attempt) {
    const { challenge } = await registration(house.url, from);
    const made = await signUp(house.url, from, name, challenge === null ? {} : { challenge: solve(challenge) });
    if (made.status === 201) return { cookies: made.cookies, from };
    await pause(1000 * Number(made.headers["retry-after"] ?? 0));
  }
  return null;
}

const askForAnswer = ({ cookies, from }) =>
  ask(house.url, { from, method: "POST", path: "/v1/chat/completions", body: chat("Is this free?"), headers: { cookie: cookies.join("; "), origin: house.url } });

test("a flood of sign-ups restricts registration, and nobody else", { timeout: 300_000 }, async (t) => {
  const owners = [];
  // As slowly as people come: an ordinary day must not look like a flood.
  for (let i = 0; i < OWNERS; ++i) {
    const { status, body } = await signUp(house.url, `127.201.${i}.1`, `owner-${i}`);
    assert.equal(status, 201, JSON.stringify(body));
    owners.push(`owner-${i}`);
    await pause(100);
  }
  assert.equal((await registration(house.url)).by, "operator");

  const flood = startFlood(house.url, { rate: RATE, seconds: SECONDS });
  const restricted_ms = await until(async () => (await registration(house.url)).by === "guard", 5000, "restricted");
  const now = await registration(house.url);
  assert.ok(now.needs.includes("challenge"));
  assert.notEqual(now.guard, "open");
  assert.match(now.why, /more than usual/);
  assert.ok(Math.abs(now.since - Date.now()) < 10_000);

  const people = [];
  const ends = performance.now() + 1000 * (IS_LONG ? SECONDS - 5 : 1);
  let log_ins = 0;
  do {
    const number = people.length;
    people.push(await signUpHonestly(number));
    // From a place where they never were.
    const { status } = await logIn(house.url, `127.202.${number}.1`, owners[number % OWNERS]);
    assert.equal(status, 200);
    ++log_ins;
  } while (performance.now() < ends);
  assert.ok(people.every((person) => person !== null), "honest sign-ups go on");

  // Whoever came with it has no answers while it goes on.
  let answered = 0;
  for (const fake of flood.made.slice(0, 50)) {
    const { status, body } = await askForAnswer(fake);
    if (status === 200) ++answered;
    else assert.equal(body.error.reason, "account_paused");
  }
  assert.equal(answered, 0);
  const { status, body } = await askForAnswer(people[0]);
  assert.equal(status, 403);
  assert.match(body.error.message, /more registered than usual/);

  await flood.over;
  t.diagnostic(`restricted after ${Math.round(restricted_ms)} ms; ${flood.sent} sent, ${JSON.stringify(flood.reasons)}, ${people.length} people in, ${log_ins} log-ins`);
  assert.ok(flood.made.length <= 0.01 * flood.sent + 15, `${flood.made.length} accounts of fakes`);

  const audit = await readFile(path.join(house.gateway.stateDir, "audit.log"), "latin1");
  assert.match(audit, /registration_mode_changed/);

  if (!IS_LONG) return;
  const lifted_ms = await until(async () => (await registration(house.url)).by === "operator", 60_000, "lifted");
  t.diagnostic(`lifted after ${Math.round(lifted_ms)} ms`);
  assert.equal((await signUp(house.url, "127.203.0.1", "somebody-after-it")).status, 201);
});
