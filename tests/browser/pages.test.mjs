// The pages of accounts, before a gateway in memory: what each says, what its forms do, and that
// nobody is kept out by how it is built (axe finds no violation on any page, wide and narrow, in light
// and dark).
import assert from "node:assert/strict";
import { after, afterEach, before, beforeEach, test } from "node:test";
import { assertAxe } from "./axe.mjs";
import { assertCount, openBrowser, openPage, picture } from "./browser.mjs";
import { CODE, PASSWORD, addConversation, newPerson, startFake } from "./fake_gateway.mjs";

let browser;
let fake;

before(async () => (browser = await openBrowser()));
after(() => browser?.close());
beforeEach(async () => (fake = await startFake()));
afterEach(async () => {
  await Promise.all(browser.contexts().map((context) => context.close()));
  await fake.stop();
});

const open = (hash, options) => openPage(browser, `${fake.url}/${hash}`, options);
const logInAs = (change) => (fake.state.account = fake.state.person = newPerson(change));
const button = (page, name) => page.getByRole("button", { name, exact: true });

async function fill(page, values) {
  for (const [label, value] of Object.entries(values)) await page.getByLabel(label, { exact: true }).fill(value);
}

const LOOKS = [
  { viewport: { width: 375, height: 720 }, colorScheme: "light" },
  { viewport: { width: 1180, height: 780 }, colorScheme: "dark" },
];

test("every page passes axe, and fits a phone", async () => {
  const { state } = fake;
  logInAs({ role: "operator", restriction: { reason: "Many refused prompts.", until: null } });
  const shared = addConversation(state, "About foxes", [["What is a fox?", "A small wild dog."]], { shared: { url: "", at: Date.now() }, folder: "Animals", pinned: true });
  const own = [`c/${shared.id}`, "", "settings", "settings/passkeys", "settings/factor", "settings/devices", "settings/keys", "settings/usage", "settings/data"];
  const operators = ["admin", "admin/invitations", "admin/registration", "admin/guard", "admin/outbox"];
  const strangers = ["", "login", "sign-up", "reset", "reset?token=x", "verify?token=good", "setup", `shared/${shared.id}`];
  for (const look of LOOKS) {
    for (const [account, paths] of [[state.person, [...own, ...operators]], [null, strangers]]) {
      state.account = account;
      state.setup_needed = true;
      const page = await open("", look);
      for (const path of paths) {
        await page.goto(`${fake.url}/#/${path}`);
        await page.locator("h1").first().waitFor();
        await assertCount(page.locator("main .waiting"), 0);
        await assertAxe(page, `${path} ${look.colorScheme}`);
      }
      assert.deepEqual(page.problems, []);
      await page.context().close();
    }
  }
});

test("sign-up says what holds, solves the task, and ties each error to its field", async () => {
  const { state } = fake;
  Object.assign(state.registration, {
    mode: "invitation", by: "guard", why: "Robots made accounts.", needs: ["invitation", "name", "password", "challenge"],
    challenge: { seed: "ab".repeat(16), bits: 12, expires_at: Date.now() + 600_000 },
  });
  const page = await open("#/sign-up?invitation=fox-otter");
  await page.getByText("An account needs an invitation.").waitFor();
  await page.getByText("set by the guard, by itself. Why: Robots made accounts.").waitFor();
  assert.equal(await page.getByLabel("Invitation code").inputValue(), "fox-otter");
  await fill(page, { Name: "Taken", Password: PASSWORD });
  await button(page, "Make the account").click();
  const name = page.getByLabel("Name", { exact: true });
  await page.getByText("This name is taken.").waitFor();
  assert.equal(await name.evaluate((input) => document.activeElement === input), true);
  const described = await name.getAttribute("aria-describedby");
  assert.match(await page.locator(`[id="${described.split(" ")[0]}"]`).innerText(), /taken/);
  await picture(page, "sign_up_error");
  await assertAxe(page, "sign-up with an error");
  await name.fill("Ada");
  await button(page, "Make the account").click();
  await page.getByText("What shall we talk about?").waitFor();
  assert.equal(state.account.name, "Ada");
});

test("a mode that lets nobody in offers no form", async () => {
  Object.assign(fake.state.registration, { mode: "closed", why: "We are full." });
  const page = await open("#/sign-up");
  await page.getByText("No accounts can be made now.").waitFor();
  await assertCount(button(page, "Make the account"), 0);
});

test("log-in asks for the second factor, and goes on to where one wanted to go", async () => {
  fake.state.person = newPerson({ totp: true, recovery_codes_left: 8 });
  const page = await open("#/settings/usage");
  await fill(page, { "Name or mail address": "Ada", Password: "wrong" });
  await button(page, "Log in").click();
  await page.getByRole("alert").getByText("wrong_credentials").waitFor();
  await fill(page, { Password: PASSWORD });
  await page.keyboard.press("Enter");
  await fill(page, { Code: CODE });
  await page.keyboard.press("Enter");
  await page.getByText("18,200 of 100,000 tokens used").waitFor();
});

test("the fields tell a password manager what they are", async () => {
  const page = await open("#/login");
  await page.getByLabel("Password", { exact: true }).waitFor();
  const autocomplete = (label) => page.getByLabel(label, { exact: true }).getAttribute("autocomplete");
  assert.equal(await autocomplete("Name or mail address"), "username");
  assert.equal(await autocomplete("Password"), "current-password");
  const password = page.getByLabel("Password", { exact: true });
  assert.equal(await password.getAttribute("type"), "password");
  // As a password manager or the clipboard puts it in: nothing keeps a paste from the field.
  const isTaken = await password.evaluate((input) => {
    input.focus();
    const paste = new ClipboardEvent("paste", { clipboardData: new DataTransfer(), bubbles: true, cancelable: true });
    return input.dispatchEvent(paste) && document.execCommand("insertText", false, "pasted words");
  });
  assert.equal(isTaken, true);
  assert.equal(await password.inputValue(), "pasted words");
  await page.goto(`${fake.url}/#/sign-up`);
  await button(page, "Make the account").waitFor();
  assert.equal(await autocomplete("Password"), "new-password");
});

test("over plain HTTP from elsewhere the page says how to get encryption", async () => {
  Object.assign(fake.state, { login: "needs_https", anonymous: false });
  const page = await open("");
  await page.getByText("holdfast certificate self-signed").waitFor();
  await assertCount(button(page, "Log in"), 0);
});

test("a second factor is set up with a picture, and its recovery codes are shown once", async () => {
  logInAs({});
  const page = await open("#/settings/factor");
  await fill(page, { "Your password": PASSWORD });
  await button(page, "Set it up").click();
  const qr = page.getByRole("img", { name: /QR code/ });
  await qr.waitFor();
  assert.equal(await qr.evaluate(async (image) => (await image.decode(), image.naturalWidth > 0)), true);
  await picture(page, "totp");
  await assertAxe(page, "totp");
  await fill(page, { "The code that it shows now": "000000" });
  await button(page, "Confirm").click();
  await page.locator(".field-error").waitFor();
  await fill(page, { "The code that it shows now": CODE });
  await button(page, "Confirm").click();
  await assertCount(page.locator(".codes li"), 8);
  await picture(page, "recovery_codes");
  await assertAxe(page, "recovery codes");
  await button(page, "I have kept them").click();
  await page.getByText("8 recovery codes are left.").waitFor();
  await assertCount(page.locator(".codes"), 0);
});

test("what could do harm asks again who it is, and goes on when that is shown", async () => {
  for (const [account, label, right] of [[{}, "Your password", PASSWORD], [{ totp: true }, "A code from the app, or a recovery code", CODE]]) {
    logInAs({ role: "operator", ...account });
    fake.state.asks_who = true;
    const page = await open("#/admin/outbox", LOOKS[0]);
    const dialog = page.getByRole("dialog", { name: "Is it you?" });
    await dialog.waitFor();
    await assertAxe(page, `who it is, by ${label}`);
    await picture(page, `who_it_is_${right === CODE ? "code" : "password"}`);
    await fill(page, { [label]: "wrong" });
    await button(page, "Confirm").click();
    await dialog.locator(".field-error").waitFor();
    await fill(page, { [label]: right });
    await button(page, "Confirm").click();
    await page.getByText("Verify your mail address").waitFor();
    await assertCount(dialog, 0);
    await page.context().close();
  }
});

test("who would not show it again reads why nothing was done", async () => {
  logInAs({ role: "operator" });
  fake.state.asks_who = true;
  const page = await open("#/admin/outbox");
  await button(page, "Leave it").click();
  await page.getByRole("alert").getByText("Type your password again for this.").waitFor();
  await button(page, "Try again").click();
  await page.getByRole("dialog").waitFor();
});

test("passkeys of another address send one there", async () => {
  logInAs({ passkeys: 2 });
  fake.state.passkey_origin = "https://chat.example.org";
  const page = await open("#/settings/passkeys", LOOKS[0]);
  await page.getByRole("link", { name: "https://chat.example.org" }).waitFor();
  await page.getByText("The key in the drawer").waitFor();
  await assertCount(button(page, "Add a passkey"), 0);
  await assertAxe(page, "passkeys of another address");
  await picture(page, "passkeys_elsewhere");
});

test("a key is shown once, and revoking asks again", async () => {
  logInAs({});
  const page = await open("#/settings/keys");
  await fill(page, { Name: "Robot", "Tokens a day (optional)": "1000", "Requests at once (optional)": "2" });
  await button(page, "Make the key").click();
  await page.getByText("sk-new0-secret-shown-once").waitFor();
  await picture(page, "key");
  await assertAxe(page, "a new key");
  await button(page, "I have kept it").click();
  await assertCount(page.getByText("sk-new0-secret-shown-once"), 0);
  assert.equal(fake.state.keys.at(-1).tokens_per_day, 1000);
  await page.getByText("at most 2 requests at once").waitFor();
  await button(page, "Revoke the key Robot").click();
  await button(page, "Revoke").click();
  await page.getByText("Robot").waitFor({ state: "detached" });
});

test("deleting the account leaves a receipt, and nothing else", async () => {
  logInAs({});
  const page = await open("#/settings/data");
  await fill(page, { "Your password": "wrong" });
  await button(page, "Delete my account").click();
  await page.locator(".field-error").waitFor();
  await fill(page, { "Your password": PASSWORD });
  await button(page, "Delete my account").click();
  await page.getByText("R-7Q2K").waitFor();
  await picture(page, "receipt");
  await assertAxe(page, "receipt");
  await button(page, "Close").click();
  await page.getByRole("link", { name: "Log in" }).waitFor();
});

test("a session that ended elsewhere leads to the log-in page", async () => {
  logInAs({});
  const page = await open("#/settings");
  await page.getByRole("heading", { name: "Profile" }).waitFor();
  fake.state.account = null;
  await page.getByRole("link", { name: "Devices" }).click();
  await page.getByRole("heading", { name: "Log in" }).waitFor();
});

test("an operator pauses an account with a reason, and lifts it", async () => {
  logInAs({ role: "operator" });
  const page = await open("#/admin");
  await page.getByLabel("Search by name or mail address").fill("bo");
  await page.getByText("Cy", { exact: true }).waitFor({ state: "detached" });
  await button(page, "Approve Bo").click();
  await button(page, "Approve").click();
  await page.getByText("Active").waitFor();
  await button(page, "Pause Bo").click();
  await fill(page, { Reason: "Too loud." });
  await picture(page, "pause");
  await assertAxe(page, "pause");
  await button(page, "Pause the account").click();
  await page.getByText("Too loud.").waitFor();
  await button(page, "Lift the pause of Bo").click();
  await button(page, "Lift the pause").click();
  await page.getByText("Too loud.").waitFor({ state: "detached" });
});

test("an operator sets how many tokens and how many requests at once an account may have", async () => {
  logInAs({ role: "operator" });
  const page = await open("#/admin");
  await button(page, "Quota of Bo").click();
  await fill(page, { "Tokens a day (optional)": "5000", "Requests at once (optional)": "3" });
  await assertAxe(page, "quota");
  await button(page, "Set the quota").click();
  await page.getByLabel("Requests at once (optional)").waitFor({ state: "detached" });
  const row = fake.state.accounts.find((each) => each.name === "Bo");
  assert.deepEqual([row.tokens_per_day, row.requests_at_once], [5000, 3]);
  await button(page, "Quota of Bo").click();
  await fill(page, { "Requests at once (optional)": "" });
  await button(page, "Set the quota").click();
  await page.getByLabel("Requests at once (optional)").waitFor({ state: "detached" });
  assert.deepEqual([row.tokens_per_day, row.requests_at_once], [5000, null]);
});

test("the page of usage says how many requests may be under way", async () => {
  logInAs({});
  const page = await open("#/settings/usage");
  await page.getByText("At most 2 requests at once.").waitFor();
});

test("an operator reads what the guard decided and why, and takes it back with one button", async () => {
  logInAs({ role: "operator" });
  for (const look of LOOKS) {
    const page = await open("#/admin/guard", look);
    await page.getByText("In shadow: it is counted and does nothing.").waitFor();
    await page.getByText("refusals: 1.20e+3").waitFor();
    await page.getByText("payload_similarity: 0.920, weighs 2.10").waitFor();
    await assertAxe(page, `guard ${look.colorScheme}`);
    await picture(page, `guard_${look.colorScheme}`);
    await page.context().close();
  }
  const page = await open("#/admin/guard");
  await button(page, "Undo dec_2a").click();
  await button(page, "Undo").click();
  await page.getByText("Nobody is limited by a decision.").waitFor();
  const undone = fake.state.decisions.find((each) => each.id === "dec_2a");
  assert.deepEqual([undone.state, undone.ended_by], ["undone", fake.state.account.id]);
});

test("a person who is no operator is told so", async () => {
  logInAs({});
  const page = await open("#/admin");
  await page.getByText("Your account is not an operator's.").waitFor();
});
