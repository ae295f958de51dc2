// A history that the server keeps, before a gateway in memory: answers that outlive the page, versions
// of a question, search, sharing, and the history that a browser kept before.
import assert from "node:assert/strict";
import { after, afterEach, before, beforeEach, test } from "node:test";
import { assertAxe } from "./axe.mjs";
import { assertCount, openBrowser, openPage, picture } from "./browser.mjs";
import { addConversation, answerAt, newPerson, startFake } from "./fake_gateway.mjs";

let browser;
let fake;

before(async () => (browser = await openBrowser()));
after(() => browser?.close());
beforeEach(async () => {
  fake = await startFake();
  fake.state.account = newPerson();
});
afterEach(async () => {
  await Promise.all(browser.contexts().map((context) => context.close()));
  await fake.stop();
});

const open = (hash = "", options) => openPage(browser, `${fake.url}/${hash}`, options);
const button = (page, name) => page.getByRole("button", { name, exact: true });
const said = (page, text) => page.locator(".message.assistant").getByText(text);

async function ask(page, question) {
  const count = fake.state.answers.length;
  await page.getByLabel("Message").fill(question);
  await page.keyboard.press("Enter");
  return nextAnswer(page, count);
}

// The answer that the page has asked for, when `count` were asked for before.
async function nextAnswer(page, count) {
  await page.locator(".growing").waitFor();
  return answerAt(fake.state, count);
}

test("an answer grows, is kept, and is there on a second device", async () => {
  const page = await open();
  const answer = await ask(page, "What is a fox?");
  answer.say("A small ");
  await page.locator(".growing").getByText("A small").waitFor();
  const second = await open(new URL(page.url()).hash);
  await second.locator(".growing").getByText("A small").waitFor();
  answer.say("wild dog.");
  answer.end();
  for (const each of [page, second]) {
    await said(each, "A small wild dog.").waitFor();
    await each.locator(".growing").waitFor({ state: "detached" });
    await assertCount(each.locator(".message"), 2);
    assert.deepEqual(each.problems, []);
  }
  assert.equal(await page.locator(".history-pick").innerText(), "What is a fox?");
});

test("a line that breaks is taken up again", async () => {
  const page = await open();
  const answer = await ask(page, "Hello");
  answer.say("One ");
  await page.locator(".growing").getByText("One").waitFor();
  answer.breakOff();
  answer.say("two ");
  await page.locator(".growing").getByText("One two").waitFor();
  answer.end();
  await page.locator(".message.assistant[data-ending=stop]").getByText("One two").waitFor();
});

test("a question that is edited becomes a second version", async () => {
  const { id } = addConversation(fake.state, "Foxes", [["What is a fox?", "A wild dog."]]);
  const page = await open(`#/c/${id}`);
  await button(page, "Edit").click();
  await page.getByLabel("Your question").fill("What is a wolf?");
  await button(page, "Ask this").click();
  (await nextAnswer(page, 0)).say("A larger one.");
  fake.state.answers[0].end();
  await said(page, "A larger one.").waitFor();
  await page.locator(".growing").waitFor({ state: "detached" });
  await page.getByText("2 / 2").waitFor();
  await button(page, "Version before").click();
  await said(page, "A wild dog.").waitFor();
  await assertCount(page.getByText("1 / 2"), 1);
  await button(page, "Regenerate").click();
  (await nextAnswer(page, 1)).say("A cunning dog.");
  fake.state.answers[1].end();
  await page.locator(".message.assistant").getByText("2 / 2").waitFor();
  await picture(page, "versions");
  await assertAxe(page, "versions");
});

test("stop tells where the engine stopped, and Continue goes on from there", async () => {
  const page = await open();
  const answer = await ask(page, "Count");
  answer.say("One, two");
  await page.locator(".growing").getByText("One, two").waitFor();
  await button(page, "Stop").click();
  await page.getByText("The engine stopped after 8 tokens, 12 ms after you asked.").waitFor();
  await picture(page, "stopped");
  await button(page, "Continue").click();
  const rest = await nextAnswer(page, 1);
  rest.say(", three");
  await page.locator(".growing").getByText("One, two, three").waitFor();
  rest.end("interrupted");
  await page.getByText("This answer was interrupted.").waitFor();
  await button(page, "Continue").waitFor();
  await assertCount(page.locator(".message"), 2);
});

test("whoever is limited by a decision reads the rule, its end and where to object", async () => {
  const page = await open();
  const decision = { decision: "dec_2a", rule: "hostile_cluster", expires_at: Date.UTC(2030, 0, 2, 12), objection: "guard@example.org" };
  fake.state.refusesNext = [403, "under_attack", "The service defends itself.", decision];
  await page.getByLabel("Message").fill("Hello");
  await page.keyboard.press("Enter");
  const alert = page.getByRole("alert");
  await alert.getByText("This is decision dec_2a by the rule hostile_cluster, until").waitFor();
  await alert.getByText("2030").waitFor();
  await alert.getByText("If you think it is wrong, write to guard@example.org and name it.").waitFor();
});

test("a question that follows a refused one stands where that one stood", async () => {
  const conversation = addConversation(fake.state, "About foxes", [["What is a fox?", "A small wild dog."]]);
  const page = await open(`#/c/${conversation.id}`);
  await said(page, "A small wild dog.").waitFor();
  fake.state.refusesNext = [503, "queue_full", "Full."];
  await page.getByLabel("Message").fill("And an otter?");
  await page.keyboard.press("Enter");
  await page.locator("code", { hasText: "queue_full" }).waitFor();
  const answer = await ask(page, "And a lark?");
  answer.say("A bird.");
  answer.end();
  await said(page, "A bird.").waitFor();
  const [, told, asked] = conversation.messages;
  assert.deepEqual([asked.content, asked.parent], ["And a lark?", told.id]);
});

test("a question that is refused can be asked again", async () => {
  const page = await open();
  fake.state.refusesNext = [429, "your_quota", "They come back at midnight."];
  await page.getByLabel("Message").fill("Hello");
  await page.keyboard.press("Enter");
  await page.getByRole("alert").getByText("your_quota").waitFor();
  await page.getByText("They come back at midnight.").waitFor();
  await button(page, "Regenerate").click();
  (await nextAnswer(page, 0)).say("Hi.");
  fake.state.answers[0].end();
  await said(page, "Hi.").waitFor();
  await assertCount(page.getByRole("alert"), 0);
  await assertCount(page.locator(".message.user"), 1);
});

test("a search leads to its message", async () => {
  addConversation(fake.state, "Foxes", [["What is a fox?", "A wild dog."], ["And a wolf?", "A larger one."]]);
  const page = await open();
  await page.getByLabel("Search in all conversations").fill("larger");
  await page.locator(".found", { hasText: "Foxes" }).click();
  await said(page, "A larger one.").waitFor();
});

test("a conversation is renamed, pinned, filed, shared and deleted", async () => {
  const conversation = addConversation(fake.state, "Foxes", [["What is a fox?", "A wild dog."]]);
  const page = await open();
  const options = () => page.getByRole("button", { name: /^Options of/ }).click({ force: true });
  await options();
  await page.getByLabel("Title").fill("Dogs");
  await page.getByLabel("Folder (optional)").fill("Animals");
  await page.getByLabel("Pinned to the top").check();
  await picture(page, "options");
  await assertAxe(page, "options");
  await button(page, "Save").click();
  await page.locator(".history-pick", { hasText: "Dogs" }).waitFor();
  assert.equal(conversation.pinned && conversation.folder, "Animals");
  await options();
  await button(page, "Make a link").click();
  const url = await page.locator(".dialog .secret code").innerText();
  await picture(page, "share");
  const stranger = await openPage(browser, url);
  await said(stranger, "A wild dog.").waitFor();
  await assertCount(button(stranger, "Edit"), 0);
  await button(page, "Revoke the link").click();
  await button(page, "Make a link").waitFor();
  await stranger.reload();
  await stranger.getByRole("alert").getByText("not_found").waitFor();
  await button(page, "Delete").click();
  await page.locator(".confirm").getByRole("button", { name: "Delete" }).click();
  await page.locator(".history-item").waitFor({ state: "detached" });
});

test("a question that the page left unanswered can be asked again", async () => {
  const conversation = addConversation(fake.state, "Foxes", [["What is a fox?", ""]]);
  conversation.messages.pop();
  const page = await open(`#/c/${conversation.id}`);
  await page.getByText("This answer was interrupted.").waitFor();
  await button(page, "Regenerate").click();
  const answer = await nextAnswer(page, 0);
  answer.say("A wild dog.");
  answer.end();
  await page.locator(".message.assistant[data-ending=stop]").getByText("A wild dog.").waitFor();
  await assertCount(page.locator(".message"), 2);
});

test("on a phone the history slides over, with its search and the way to the settings", async () => {
  addConversation(fake.state, "Foxes", [["What is a fox?", "A wild dog."]]);
  const page = await open("", { viewport: { width: 375, height: 720 }, colorScheme: "dark" });
  await button(page, "Conversations").click();
  await page.getByRole("link", { name: "Ada" }).waitFor();
  await picture(page, "kept_phone");
  await assertAxe(page, "history on a phone");
  await page.getByRole("button", { name: "Options of “Foxes”" }).click();
  await page.getByRole("heading", { name: "Foxes" }).waitFor();
  await picture(page, "options_phone");
  await assertAxe(page, "options on a phone");
});

test("who logs out leaves nothing in the page", async () => {
  addConversation(fake.state, "Foxes", [["What is a fox?", "A wild dog."]]);
  const page = await open();
  await page.locator(".history-pick", { hasText: "Foxes" }).click();
  await said(page, "A wild dog.").waitFor();
  await button(page, "Log out").click();
  await page.getByRole("link", { name: "Log in" }).waitFor();
  await assertCount(page.getByText("Foxes"), 0);
});

test("code is coloured, by what is loaded with the first block of it", async () => {
  const { id } = addConversation(fake.state, "Code", [["Add", "```python\ndef add(a, b):\n    return a + b\n```"]]);
  const page = await open();
  const names = () => page.evaluate(() => performance.getEntriesByType("resource").filter((each) => each.name.endsWith(".js")).length);
  await page.getByText("What shall we talk about?").waitFor();
  await page.waitForLoadState("networkidle"); // The page's own parts may come after its first words.
  const before = await names();
  await page.goto(`${fake.url}/#/c/${id}`);
  await page.locator(".hljs-keyword", { hasText: "def" }).waitFor();
  assert.equal(await names(), before + 1);
});

test("a temporary conversation is kept nowhere", async () => {
  const page = await open();
  await page.getByLabel(/^Temporary/).check();
  const answer = await ask(page, "A secret");
  answer.say("Hush.");
  answer.end();
  await said(page, "Hush.").waitFor();
  assert.equal(fake.state.conversations.size, 0);
  assert.equal(await page.evaluate(() => JSON.stringify(localStorage).includes("secret")), false);
  await page.getByRole("button", { name: "New conversation" }).click();
  await page.getByText("What shall we talk about?").waitFor();
  await assertCount(page.getByText("Hush."), 0);
  assert.equal(await page.getByLabel(/^Temporary/).isChecked(), false);
});

test("what this browser kept is offered once to the account", async () => {
  const page = await open();
  const kept = [{ id: "a", title: "Old talk", touchedAt: 5, messages: [{ id: "m", role: "user", content: "Hi" }, { id: "n", role: "assistant", content: "Hello", ending: "stop" }] }];
  await page.evaluate((value) => localStorage.setItem("holdfast.conversations.v1", JSON.stringify(value)), kept);
  await page.reload();
  await button(page, "Leave here").waitFor();
  await picture(page, "take_over");
  await assertAxe(page, "take over");
  await button(page, "Move to my account").click();
  await page.locator(".history-pick", { hasText: "Old talk" }).waitFor();
  assert.deepEqual(fake.state.imported, [
    { format: "holdfast-conversations", version: 1, conversations: [{ title: "Old talk", created_at: 5, messages: [{ id: "m", parent: null, role: "user", content: "Hi" }, { id: "n", parent: "m", role: "assistant", content: "Hello" }] }] },
  ]);
  await page.reload();
  await page.locator(".history-pick", { hasText: "Old talk" }).waitFor();
  await assertCount(button(page, "Leave here"), 0);
});

test("an export of another service is brought in, and the page says what came or what is wrong", async () => {
  const page = await open("#/settings/data");
  const file = page.getByLabel("File of conversations");
  const choose = (name, text) => file.setInputFiles({ name, mimeType: "application/x-zip-compressed", buffer: Buffer.from(text) });
  await choose("export.ZIP", "PK");
  await page.getByText("12 conversations were brought in, with 340 messages.").waitFor();
  await picture(page, "import");
  await assertAxe(page, "import");
  await choose("export.zip", "broken");
  await page.getByText("The ZIP is damaged: no end.").waitFor();
  await assertCount(page.getByText("12 conversations"), 0);
  await choose("conversations.json", JSON.stringify({ conversations: [{ title: "From elsewhere" }] }));
  await page.getByText("One conversation was brought in, with 0 messages.").waitFor();
  await page.goto(`${fake.url}/#/`);
  await page.locator(".history-pick", { hasText: "From elsewhere" }).waitFor();
  assert.deepEqual(page.problems.filter((problem) => !problem.includes("400")), []);
});
