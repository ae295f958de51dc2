// Passkeys before the real service, with an authenticator that Chromium plays: added, used to log in,
// removed; refused for pages and accounts that they are not of; and shown again for what could do
// harm. The service is asked for as localhost, since passkeys are of names.
import assert from "node:assert/strict";
import { readFile } from "node:fs/promises";
import path from "node:path";
import { after, afterEach, before, test } from "node:test";
import { assertAxe } from "./axe.mjs";
import { assertCount, openBrowser, openPage, picture } from "./browser.mjs";
import { startService } from "../support/service.mjs";

const PASSWORD = "otter kettle violin marble";
const SETTINGS = { HOLDFAST_ACCOUNTS_REGISTRATION: "open", HOLDFAST_ACCOUNTS_ANONYMOUS: "off", HOLDFAST_ACCOUNTS_PASSWORD_MS: "1" };
const PHONE = { viewport: { width: 375, height: 720 }, colorScheme: "light" };

let browser;
let service;
let url;

before(async () => {
  browser = await openBrowser();
  service = await startService(SETTINGS);
  url = service.url.replace("127.0.0.1", "localhost");
});
after(async () => {
  await browser?.close();
  await service?.stop();
});
afterEach(() => Promise.all(browser.contexts().map((context) => context.close())));

const button = (page, name) => page.getByRole("button", { name, exact: true });
const field = (page, label) => page.getByLabel(label, { exact: true });
const inside = (page) => page.getByText("What shall we talk about?").waitFor();

// A page with a device that has passkeys.
async function open(hash, options) {
  const page = await openPage(browser, "about:blank", options);
  page.devtools = await page.context().newCDPSession(page);
  await page.devtools.send("WebAuthn.enable");
  const { authenticatorId } = await page.devtools.send("WebAuthn.addVirtualAuthenticator", {
    options: { protocol: "ctap2", transport: "internal", hasResidentKey: true, hasUserVerification: true, isUserVerified: true, automaticPresenceSimulation: true },
  });
  page.authenticatorId = authenticatorId;
  await page.goto(`${url}/${hash}`);
  return page;
}

async function signUp(name, options) {
  const page = await open("#/sign-up", options);
  await field(page, "Name").fill(name);
  await field(page, "Password").fill(PASSWORD);
  await button(page, "Make the account").click();
  await inside(page);
  return page;
}

async function addPasskey(page, name) {
  await page.goto(`${url}/#/settings/passkeys`);
  await field(page, "Name").fill(name);
  await button(page, "Add a passkey").click();
  await page.getByText(`${name} is added.`).waitFor();
}

async function pressPasskey(page) {
  await button(page, "Log in with a passkey").waitFor();
  await attend(page, true);
  await button(page, "Log in with a passkey").click();
}

const send = (page, method, path, body) =>
  page.evaluate(
    async ([method, path, body]) => {
      const response = await fetch(path, { method, headers: { "content-type": "application/json" }, body: body && JSON.stringify(body) });
      const text = await response.text();
      return { status: response.status, body: text === "" ? null : JSON.parse(text) };
    },
    [method, path, body],
  );

// Whether somebody is there who touches the device whenever it asks.
const attend = (page, enabled) => page.devtools.send("WebAuthn.setAutomaticPresenceSimulation", { authenticatorId: page.authenticatorId, enabled });

async function logOut(page) {
  assert.equal((await send(page, "DELETE", "/api/session")).status, 204);
  await attend(page, false);
  await page.goto("about:blank");
  await page.goto(`${url}/#/login`);
}

async function logInByPassword(page, name) {
  await page.getByLabel("Name or mail address").fill(name);
  await field(page, "Password").fill(PASSWORD);
  await button(page, "Log in").click();
  await inside(page);
}

// What a page's script gets of the device for `options`, as the page of Holdfast sends it.
const shown = (page, publicKey) =>
  page.evaluate(async (publicKey) => {
    const bytes = (text) => Uint8Array.from(atob(text.replaceAll("-", "+").replaceAll("_", "/")), (letter) => letter.charCodeAt(0));
    const found = await navigator.credentials.get({ publicKey: { ...publicKey, challenge: bytes(publicKey.challenge), allowCredentials: [] } });
    return found.toJSON();
  }, publicKey);

test("a passkey is added, logs in alone, is renamed, and lets nobody in once it is removed", async () => {
  const page = await signUp("ada");
  await addPasskey(page, "My laptop");
  await assertAxe(page, "passkeys");
  await picture(page, "passkeys_desktop");
  const { credentials } = await page.devtools.send("WebAuthn.getCredentials", { authenticatorId: page.authenticatorId });
  assert.equal(credentials.length, 1);
  assert.equal(credentials[0].isResidentCredential, true);
  assert.equal(credentials[0].rpId, "localhost");

  await logOut(page);
  await button(page, "Log in with a passkey").waitFor();
  await assertAxe(page, "log-in with passkeys");
  await picture(page, "passkeys_log_in");
  await pressPasskey(page);
  await inside(page);
  assert.equal((await send(page, "GET", "/api/me")).body.account.name, "ada");

  await page.goto(`${url}/#/settings/passkeys`);
  await page.getByText(/last used/).waitFor();
  await button(page, "Rename My laptop").click();
  await field(page, "New name").fill("Old laptop");
  await button(page, "Change the name").click();
  await page.getByText("Old laptop", { exact: true }).waitFor();
  await button(page, "Remove Old laptop").click();
  await button(page, "Remove").click();
  await page.getByText("You have no passkeys yet.").waitFor();

  await logOut(page);
  await pressPasskey(page);
  await page.getByRole("alert").getByText("wrong_credentials").waitFor();
  await assertAxe(page, "a passkey that was removed");
});

test("a passkey among the suggestions for the name logs in", async () => {
  const page = await signUp("ida");
  await addPasskey(page, "Phone");
  await send(page, "DELETE", "/api/session");
  await page.goto("about:blank");
  await page.goto(`${url}/#/login`);
  await inside(page);
  assert.equal((await send(page, "GET", "/api/me")).body.account.name, "ida");
});

test("a device that has one already makes no second, and a device left alone makes none", async () => {
  const page = await signUp("grace", PHONE);
  await addPasskey(page, "My phone");
  await assertAxe(page, "passkeys on a phone");
  await picture(page, "passkeys_phone");
  await field(page, "Name").fill("Again");
  await button(page, "Add a passkey").click();
  await page.getByText("This device has a passkey of your account already.").waitFor();
  await page.devtools.send("WebAuthn.setUserVerified", { authenticatorId: page.authenticatorId, isUserVerified: false });
  await logOut(page);
  await pressPasskey(page);
  await page.getByRole("alert").getByText("passkey_left").waitFor();
});

test("an answer is good for its page, its challenge and its account alone, and once", async () => {
  const page = await signUp("joan");
  await addPasskey(page, "Phone");
  const logIn = (credential) => send(page, "POST", "/api/session/passkey", { credential });
  const options = async (path = "/api/session/passkey/options") => (await send(page, "POST", path, {})).body.publicKey;

  const good = await shown(page, await options());
  const changed = (change) => ({ ...good, response: { ...good.response, ...change } });
  const client = JSON.parse(Buffer.from(good.response.clientDataJSON, "base64url"));
  const said = (change) => changed({ clientDataJSON: Buffer.from(JSON.stringify({ ...client, ...change })).toString("base64url") });
  for (const [about, credential] of Object.entries({
    "another origin": said({ origin: "https://evil.example" }),
    "another challenge": said({ challenge: "AAAA" }),
    "another act": said({ type: "webauthn.create" }),
    "another account": changed({ userHandle: Buffer.from("somebody else").toString("base64url") }),
    "nobody's signature": changed({ signature: Buffer.alloc(70).toString("base64url") }),
    "an answer to confirm": await shown(page, await options("/api/me/confirm/options")),
  })) {
    const refused = await logIn(credential);
    assert.equal(refused.status, 401, about);
    assert.equal(refused.body.error.reason, "wrong_credentials", about);
  }
  assert.equal((await logIn(good)).status, 200);
  assert.equal((await logIn(good)).status, 401, "it was sent before");
  assert.equal((await send(page, "POST", "/api/session/passkey", { credential: {} })).status, 400);

  // Another person at the same device: their session is confirmed by their own passkey alone.
  await send(page, "DELETE", "/api/session");
  await send(page, "POST", "/api/accounts", { name: "eve", password: PASSWORD });
  const { body } = await send(page, "POST", "/api/session/passkey/options", {});
  const refused = await send(page, "POST", "/api/me/confirm", { credential: await shown(page, body.publicKey) });
  assert.equal(refused.status, 401);
  assert.equal((await send(page, "POST", "/api/me/confirm/options", {})).status, 409, "she has none");
});

test("by its number the service offers no passkeys", async () => {
  const page = await openPage(browser, `${service.url}/#/login`);
  await button(page, "Log in").waitFor();
  await assertCount(button(page, "Log in with a passkey"), 0);
  const response = await fetch(`${service.url}/api/session/passkey/options`, { method: "POST", headers: { "content-type": "application/json" }, body: "{}" });
  assert.equal((await response.json()).error.reason, "unsupported");
});

test("an operator who came by a password shows a passkey for what could do harm, once", async () => {
  const link = (await readFile(path.join(service.stateDir, "setup-link"), "utf8")).trim();
  const page = await open(new URL(link).hash);
  await field(page, "Name").fill("boss");
  await field(page, "Password").fill(PASSWORD);
  await button(page, "Become the operator").click();
  await page.getByText("Only a password protects your account").waitFor();
  await assertAxe(page, "an operator with a password alone");
  await addPasskey(page, "Key");
  await logOut(page);
  await logInByPassword(page, "boss");

  await page.goto(`${url}/#/admin/registration`);
  await page.getByLabel(/Who may/).first().waitFor();
  await assertCount(page.getByText("Only a password protects your account"), 0);
  const change = () => send(page, "PUT", "/api/admin/registration", { mode: "approval", domains: [] });
  const refused = await change();
  assert.equal(refused.status, 401);
  assert.equal(refused.body.error.reason, "second_factor_required");
  assert.equal(refused.body.error.message, "Show a passkey again for this.");
  assert.equal((await send(page, "POST", "/api/me/confirm", { password: PASSWORD })).body.error.reason, "second_factor_required");
  assert.equal((await send(page, "GET", "/api/admin/outbox")).status, 401);
  assert.equal((await send(page, "GET", "/api/admin/accounts")).status, 200);

  await page.goto(`${url}/#/admin/outbox`);
  await page.getByRole("dialog").getByText("Show a passkey again for this.").waitFor();
  await assertAxe(page, "who it is");
  await picture(page, "passkeys_dialog");
  await attend(page, true);
  await button(page, "Use a passkey").click();
  await page.getByText("The outbox is empty.").waitFor();
  await assertCount(page.getByRole("dialog"), 0);
  assert.equal((await change()).status, 200, "for a while nothing more is asked");
});
