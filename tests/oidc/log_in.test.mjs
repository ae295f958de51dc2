// A person who comes from a provider: the real service, a real OpenID provider on this machine, and a
// browser, as wide as a desk and as narrow as a phone.
import assert from "node:assert/strict";
import { mkdtemp, rm, writeFile } from "node:fs/promises";
import os from "node:os";
import path from "node:path";
import { after, afterEach, before, test } from "node:test";
import { assertAxe } from "../browser/axe.mjs";
import { assertCount, openBrowser, openPage, picture } from "../browser/browser.mjs";
import { freePort, launch } from "../support/process.mjs";
import { startProvider } from "./provider.mjs";

const PASSWORD = "otter kettle violin marble";
const PHONE = { viewport: { width: 390, height: 800 }, hasTouch: true, isMobile: true };
const PEOPLE = Object.fromEntries(
  ["ada", "bea", "cleo", "dora", "edith", "fay", "gwen", "hal", "ivy", "jo", "kim"].map((name) => [name, { email: `${name}@school.example`, email_verified: name !== "hal", preferred_username: name }]),
);

let browser;
let house;

// The service, and two providers, the second with people of one domain alone.
async function openHouse(registration = "open") {
  const folder = await mkdtemp(path.join(os.tmpdir(), "holdfast-oidc-"));
  const port = await freePort();
  const url = `http://127.0.0.1:${port}`;
  const school = await startProvider({ people: PEOPLE, redirectUris: [`${url}/api/oidc/school/callback`] });
  const office = await startProvider({ people: { ...PEOPLE, lou: { email: "lou@elsewhere.example", email_verified: true } }, redirectUris: [`${url}/api/oidc/office/callback`] });
  await writeFile(path.join(folder, "secret"), `${school.client.secret}\n`);
  const entry = (id, name, provider, more = "") =>
    `[[oidc]]\nid = "${id}"\nname = "${name}"\nissuer = "${provider.url}"\nclient_id = "${provider.client.id}"\nclient_secret_file = "${path.join(folder, "secret")}"\n${more}\n`;
  const config = path.join(folder, "holdfast.toml");
  await writeFile(config, `[accounts]\nregistration = "${registration}"\nanonymous = "off"\npassword_ms = 1\n${entry("school", "School", school)}${entry("office", "Office", office, 'domains = ["school.example"]')}`);
  const env = { ...process.env, HOLDFAST_UP_RUN_DIR: folder, XDG_STATE_HOME: folder };
  const args = ["gateway", "--config", config, "--engine", "127.0.0.1:1", "--listen", `127.0.0.1:${port}`];
  const service = await launch(process.env.HOLDFAST_BINARY, args, { env, url: `${url}/api/me` });
  return {
    url,
    school,
    office,
    log: service.log,
    async stop() {
      await service.stop();
      await Promise.all([school.stop(), office.stop()]);
      await rm(folder, { recursive: true, force: true });
    },
  };
}

before(async () => {
  browser = await openBrowser();
  house = await openHouse();
});
after(async () => {
  await browser?.close();
  await house?.stop();
});
afterEach(() => Promise.all(browser.contexts().map((context) => context.close())));

const open = (hash = "", options = {}) => openPage(browser, `${house.url}/${hash}`, options);
const button = (page, name) => page.getByRole("button", { name, exact: true });
const field = (page, label) => page.getByLabel(label, { exact: true });
const inside = (page) => page.getByText("What shall we talk about?").waitFor();

async function beWho(page, who) {
  await page.getByLabel("Who").fill(who);
  await button(page, "Go on").click();
}

async function agree(page) {
  await button(page, "Yes").click();
}

async function comeFrom(page, name, who) {
  await page.getByRole("link", { name: `Continue with ${name}` }).click();
  await beWho(page, who);
  await agree(page);
}

async function signUpFrom(name, who, options = {}) {
  const page = await open("#/login", options);
  await comeFrom(page, name, who);
  await button(page, "Make the account").click();
  await inside(page);
  return page;
}

async function signUp(name) {
  const page = await open("#/sign-up");
  await field(page, "Name").fill(name);
  await field(page, "Password").fill(PASSWORD);
  await button(page, "Make the account").click();
  await inside(page);
  return page;
}

const me = async (page) => (await page.evaluate(async () => (await fetch("/api/me")).json())).account;
// But that there is no engine, and what the provider's own pages lack.
const assertNoProblems = (page) => assert.deepEqual(page.problems.filter((each) => !/status of (503|404)/.test(each)), []);
const noRawWords = async (page) => assert.equal((await page.content()).includes("raw words"), false);

for (const [size, options, who] of [["desktop", {}, "ada"], ["phone", PHONE, "bea"]]) {
  test(`who is new chooses a name, and comes back as the same, on a ${size}`, async () => {
    const page = await open("#/login", options);
    await page.getByRole("link", { name: "Continue with School" }).waitFor();
    await picture(page, `oidc_log_in_${size}`);
    await assertAxe(page, "the log-in with providers");
    await comeFrom(page, "School", who);
    await button(page, "Make the account").waitFor();
    assert.equal(await field(page, "Name").inputValue(), who, "what they are called there is proposed");
    assert.equal(page.url(), `${house.url}/#/provider`, "the address holds nothing");
    await picture(page, `oidc_new_${size}`);
    await assertAxe(page, "choosing a name");
    await button(page, "Make the account").click();
    await inside(page);
    const made = await me(page);
    assert.equal(made.password, false);
    assert.equal(made.email, null, "an address that nobody asks for is not kept");

    const again = await open("#/login", options);
    await comeFrom(again, "School", who);
    await inside(again);
    assert.equal((await me(again)).id, made.id);
    for (const each of [page, again]) assertNoProblems(each);
  });
}

test("a provider is linked and unlinked in the settings, with the password", async () => {
  const page = await signUp("carla");
  await page.goto(`${house.url}/#/settings/log-ins`);
  await button(page, "Link School").click();
  await field(page, "Your password").fill(PASSWORD);
  await page.locator("form").getByRole("button", { name: "Link School" }).click();
  await beWho(page, "cleo");
  await agree(page);
  await page.getByText("Linked", { exact: true }).waitFor();
  await picture(page, "oidc_linked");
  await assertAxe(page, "a linked provider");

  const other = await open("#/login");
  await comeFrom(other, "School", "cleo");
  await inside(other);
  assert.equal((await me(other)).name, "carla");

  await button(page, "Unlink School").click();
  await field(page, "Your password").fill(PASSWORD);
  await page.locator("form").getByRole("button", { name: "Unlink School" }).click();
  await assertCount(page.getByText("Linked", { exact: true }), 0);
  const stranger = await open("#/login");
  await comeFrom(stranger, "School", "cleo");
  await button(stranger, "Make the account").waitFor();
  assertNoProblems(page);
});

test("a log-in of one account is not linked with another, and a wrong password links nothing", async () => {
  await signUpFrom("School", "dora");
  const page = await signUp("donna");
  await page.goto(`${house.url}/#/settings/log-ins`);
  await button(page, "Link School").click();
  await field(page, "Your password").fill("not the password, surely");
  await page.locator("form").getByRole("button", { name: "Link School" }).click();
  await page.locator(".field-error").waitFor();
  await field(page, "Your password").fill(PASSWORD);
  await page.locator("form").getByRole("button", { name: "Link School" }).click();
  await beWho(page, "dora");
  await agree(page);
  await page.getByText("belongs to an account already").waitFor();
  await picture(page, "oidc_conflict");
  await assertAxe(page, "a refused link");
});

test("without a password, the last way in stays, and a fresh log-in lets one leave", async () => {
  const page = await signUpFrom("School", "edith", PHONE);
  const remove = () =>
    page.evaluate(async () => {
      const response = await fetch("/api/me/identities/school/remove", { method: "POST", headers: { "content-type": "application/json" }, body: "{}" });
      return (await response.json()).error.reason;
    });
  assert.equal(await remove(), "second_factor_required");
  await page.goto(`${house.url}/#/settings/data`);
  await button(page, "Log in anew at School").waitFor();
  await picture(page, "oidc_fresh_phone");
  await assertAxe(page, "a fresh log-in is asked for");
  await button(page, "Log in anew at School").click();
  await beWho(page, "edith");
  await button(page, "Delete my account").waitFor();
  assert.equal(await remove(), "conflict");
  await button(page, "Delete my account").click();
  await page.getByText("receipt", { exact: false }).first().waitFor();
  const again = await open("#/login");
  await comeFrom(again, "School", "edith");
  await button(again, "Make the account").waitFor();
});

test("a fresh log-in of somebody else's is refused", async () => {
  await signUpFrom("School", "fay");
  const page = await signUpFrom("School", "gwen");
  await page.goto(`${house.url}/#/settings/data`);
  await button(page, "Log in anew at School").click();
  await beWho(page, "fay");
  await agree(page).catch(() => {});
  await page.getByText("Not logged in").waitFor();
  await page.goto(`${house.url}/#/settings/data`);
  await button(page, "Log in anew at School").waitFor();
});

test("who says no there reads it in our words, and who may not come in reads why", async () => {
  const page = await open("#/login");
  await page.getByRole("link", { name: "Continue with School" }).click();
  await button(page, "Call it off").click();
  await page.getByText("The log-in at School was called off there.").waitFor();
  await noRawWords(page);
  await picture(page, "oidc_called_off");
  await assertAxe(page, "a log-in that was called off");
  for (const who of ["lou", "hal"]) {
    const other = await open("#/login");
    await comeFrom(other, "Office", who);
    await other.getByText("vouches for no mail address").waitFor();
  }
});

test("a callback is good once, in the browser that began, and with its own state", async () => {
  const page = await open("#/login");
  const held = house.school.holdNext();
  await comeFrom(page, "School", "ivy");
  let callback = await held;
  const bent = new URL(callback);
  bent.searchParams.set("state", "x".repeat(43));
  const thief = await open();
  for (const url of [bent.href, callback]) {
    await thief.goto(url);
    await thief.getByText("This log-in is not known here.").waitFor();
    assert.equal(await me(thief), null);
  }
  await page.goto(callback);
  await page.getByText("This log-in is not known here.").waitFor();
  assert.equal(await me(page), null, "a state that was stolen is of no use to anybody");

  const second = await open("#/login");
  second.on("request", (request) => request.url().includes("/callback?") && (callback = request.url()));
  await comeFrom(second, "School", "ivy");
  await button(second, "Make the account").waitFor();
  await second.goto(callback);
  await button(second, "Make the account").waitFor();
  assert.equal(await me(second), null, "coming again with it logs nobody in");
});

test("an answer that names another provider is refused before its code is used", async () => {
  const page = await open("#/login");
  house.school.divertNext((to) => {
    const url = new URL(to);
    url.searchParams.set("iss", house.office.url);
    return url.href;
  });
  await comeFrom(page, "School", "jo");
  await page.getByText("could not be verified").waitFor();
  assert.match(house.log(), /the answer is not of provider school/);
});

test("the start leads to the provider alone, and nothing of it is kept by others", async () => {
  const response = await fetch(`${house.url}/api/oidc/school/start?next=https://evil.example&redirect_uri=https://evil.example`, { redirect: "manual", headers: { "x-forwarded-host": "evil.example" } });
  assert.ok([303, 403].includes(response.status));
  const plain = await fetch(`${house.url}/api/oidc/school/start?next=https://evil.example`, { redirect: "manual" });
  assert.equal(plain.status, 303);
  assert.equal(plain.headers.get("cache-control"), "no-store");
  const to = new URL(plain.headers.get("location"));
  assert.equal(to.origin, house.school.url);
  assert.equal(to.searchParams.get("redirect_uri"), `${house.url}/api/oidc/school/callback`);
  assert.equal(plain.headers.get("location").includes("evil"), false);
  assert.match(plain.headers.get("set-cookie"), /^holdfast-login=[\w-]{43}; Path=\/; HttpOnly; SameSite=Lax; Max-Age=600$/);
  assert.equal((await fetch(`${house.url}/api/oidc/none/start`, { redirect: "manual" })).status, 404);
  const { paths } = await (await fetch(`${house.url}/openapi.json`)).json();
  for (const each of ["/api/oidc/{provider}/start", "/api/oidc/{provider}/callback", "/api/oidc/accounts"]) assert.ok(each in paths, each);
});

test("where registration is closed nobody new gets in", async () => {
  const closed = await openHouse("closed");
  try {
    const page = await openPage(browser, `${closed.url}/#/login`);
    await comeFrom(page, "School", "kim");
    await page.getByText("nobody can make one now").waitFor();
    await picture(page, "oidc_closed");
    await assertAxe(page, "a closed registration");
    const refused = await page.evaluate(async () => {
      const response = await fetch("/api/oidc/accounts", { method: "POST", headers: { "content-type": "application/json" }, body: JSON.stringify({ name: "kim" }) });
      return response.status;
    });
    assert.equal(refused, 404, "the form itself is not there to be sent");
  } finally {
    await closed.stop();
  }
});

test("where an invitation is needed, it is asked for with the name", async () => {
  const invited = await openHouse("invitation");
  try {
    const page = await openPage(browser, `${invited.url}/#/login`);
    await comeFrom(page, "School", "kim");
    await field(page, "Invitation code").fill("a guess");
    await button(page, "Make the account").click();
    await page.locator(".field-error").waitFor();
    assert.equal(await me(page), null);
  } finally {
    await invited.stop();
  }
});

test("a provider that goes away is said so, at the start and at the end", async () => {
  const away = await openHouse();
  try {
    const page = await openPage(browser, `${away.url}/#/login`);
    const held = away.school.holdNext();
    await comeFrom(page, "School", "kim");
    const callback = await held;
    await Promise.all([away.school.stop(), away.office.stop()]);
    await page.goto(callback);
    await page.getByText("School cannot be reached now").waitFor();
    await page.goto(`${away.url}/#/login`);
    await page.getByRole("link", { name: "Continue with Office" }).click();
    await page.getByText("Office cannot be reached now").waitFor();
    await picture(page, "oidc_away");
    await assertAxe(page, "a provider that is away");
  } finally {
    await away.stop();
  }
});
