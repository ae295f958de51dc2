// A person's story with an account, before the real service: she signs up, asks, reloads, looks on a
// second device, makes a key for a program, turns on a second factor, searches, and takes her data
// along. And the operator's: the first one comes by the link in the file.
import assert from "node:assert/strict";
import { createHmac } from "node:crypto";
import { readFile } from "node:fs/promises";
import path from "node:path";
import { after, afterEach, before, test } from "node:test";
import { assertAxe } from "./axe.mjs";
import { assertCount, openBrowser, openPage, picture } from "./browser.mjs";
import { startService } from "../support/service.mjs";

const PASSWORD = "otter kettle violin marble";
const SETTINGS = { HOLDFAST_ACCOUNTS_REGISTRATION: "open", HOLDFAST_ACCOUNTS_ANONYMOUS: "off", HOLDFAST_ACCOUNTS_PASSWORD_MS: "1" };

let browser;
let service;

before(async () => {
  browser = await openBrowser();
  service = await startService(SETTINGS);
});
after(async () => {
  await browser?.close();
  await service?.stop();
});
afterEach(() => Promise.all(browser.contexts().map((context) => context.close())));

const open = (hash = "") => openPage(browser, `${service.url}/${hash}`);
const button = (page, name) => page.getByRole("button", { name, exact: true });
const field = (page, label) => page.getByLabel(label, { exact: true });

async function signUp(name) {
  const page = await open("#/sign-up");
  await field(page, "Name").fill(name);
  await field(page, "Password").fill(PASSWORD);
  await button(page, "Make the account").click();
  await page.getByText("What shall we talk about?").waitFor();
  return page;
}

async function logIn(name) {
  const page = await open("#/login");
  await page.getByLabel("Name or mail address").fill(name);
  await field(page, "Password").fill(PASSWORD);
  await button(page, "Log in").click();
  return page;
}

async function ask(page, question) {
  const before = await page.locator(".message.assistant[data-ending]").count();
  await page.getByLabel("Message").fill(question);
  await page.keyboard.press("Enter");
  await page.locator(".message.assistant[data-ending]").nth(before).waitFor({ timeout: 60_000 });
}

// RFC 6238, for the authenticator app that a test has not got.
function codeOf(secret) {
  const bits = [...secret].map((c) => "ABCDEFGHIJKLMNOPQRSTUVWXYZ234567".indexOf(c).toString(2).padStart(5, "0")).join("");
  const key = Buffer.from(bits.match(/.{8}/g).map((byte) => parseInt(byte, 2)));
  const step = Buffer.alloc(8);
  step.writeBigUInt64BE(BigInt(Math.floor(Date.now() / 30_000)));
  const hash = createHmac("sha1", key).update(step).digest();
  const offset = hash[19] & 15;
  return String((hash.readUInt32BE(offset) & 0x7fffffff) % 1_000_000).padStart(6, "0");
}

test("a history follows its owner to a second device, and nobody else", async () => {
  const page = await signUp("ada");
  await ask(page, "Hello! Who are you?");
  const answer = await page.locator(".message.assistant").first().innerText();
  await page.reload();
  await page.locator(".message.assistant").first().waitFor();
  assert.equal(await page.locator(".message.assistant").first().innerText(), answer);
  await picture(page, "account_history");
  await assertAxe(page, "a history of the server");

  const second = await logIn("ADA");
  await second.locator(".history-pick").first().click();
  await second.locator(".message.assistant").first().waitFor();

  const other = await signUp("eve");
  await assertCount(other.locator(".history-pick"), 0);
  for (const each of [page, second, other]) assert.deepEqual(each.problems, []);
});

test("a program uses a key of its own, and what it used is shown", async () => {
  const page = await signUp("grace");
  const made = await page.evaluate(async () => {
    const response = await fetch("/api/me/keys", { method: "POST", headers: { "content-type": "application/json" }, body: JSON.stringify({ name: "laptop" }) });
    return response.json();
  });
  const response = await fetch(`${service.url}/v1/chat/completions`, {
    method: "POST",
    headers: { "content-type": "application/json", authorization: `Bearer ${made.key}` },
    body: JSON.stringify({ model: "starter", max_tokens: 3, messages: [{ role: "user", content: "Hi" }] }),
  });
  assert.equal(response.status, 200);
  await page.goto(`${service.url}/#/settings/keys`);
  await page.getByText("laptop").first().waitFor();
  assert.equal((await page.content()).includes(made.key), false, "it is told once");
});

test("a second factor is asked for once it is on", async () => {
  const page = await signUp("joan");
  const send = (path, body) =>
    page.evaluate(
      async ([path, body]) => {
        const response = await fetch(path, { method: "POST", headers: { "content-type": "application/json" }, body: JSON.stringify(body) });
        return { status: response.status, body: await response.json() };
      },
      [path, body],
    );
  const begun = await send("/api/me/totp", { password: PASSWORD });
  assert.equal(begun.status, 200);
  assert.match(begun.body.qr_svg, /^<svg/);
  const confirmed = await send("/api/me/totp/confirm", { code: codeOf(begun.body.secret) });
  assert.equal(confirmed.body.recovery_codes.length, 10);
  const second = await logIn("joan");
  await second.getByLabel("Code").fill(confirmed.body.recovery_codes[0]);
  await second.keyboard.press("Enter");
  await second.getByText("What shall we talk about?").waitFor();
});

test("who is asked for a task solves it, and gets in", async () => {
  await signUp("ida");
  const guess = () =>
    fetch(`${service.url}/api/session`, { method: "POST", headers: { "content-type": "application/json" }, body: JSON.stringify({ name: "ida", password: "a guess that is wrong" }) });
  let reason;
  for (let i = 0; i < 200 && reason !== "challenge_required"; ++i) reason = (await (await guess()).json()).error.reason;
  assert.equal(reason, "challenge_required", "guesses are priced");
  const page = await logIn("ida");
  await page.getByText("What shall we talk about?").waitFor();
});

test("what one takes along is a ZIP, and who leaves is gone", async () => {
  const page = await signUp("mary");
  await ask(page, "Hello!");
  const archive = await page.evaluate(async () => {
    const response = await fetch("/api/me/export");
    return [response.headers.get("content-type"), [...new Uint8Array(await response.arrayBuffer()).slice(0, 4)]];
  });
  assert.deepEqual(archive, ["application/zip", [0x50, 0x4b, 3, 4]]);
  const receipt = await page.evaluate(async (password) => {
    const response = await fetch("/api/me/delete", { method: "POST", headers: { "content-type": "application/json" }, body: JSON.stringify({ password }) });
    return response.json();
  }, PASSWORD);
  assert.ok(receipt.receipt.deleted_at > 0);
  const back = await logIn("mary");
  await back.getByText(/wrong/i).first().waitFor();
});

test("the first operator comes by the link, and sees who is there", async () => {
  const link = await readFile(path.join(service.stateDir, "setup-link"), "utf8");
  const page = await open(new URL(link.trim()).hash);
  await field(page, "Name").fill("boss");
  await field(page, "Password").fill(PASSWORD);
  await button(page, "Become the operator").click();
  await page.getByText("Who may make an account").waitFor();
  await signUp("nora");
  await page.goto(`${service.url}/#/admin`);
  await page.getByText("nora").first().waitFor();
  await picture(page, "account_operators");
  await assertAxe(page, "the list of accounts");
});
