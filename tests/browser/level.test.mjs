// A service that has stepped down, before a gateway in memory: the page says so in one sentence while
// it lasts, and who is turned away may read, but not ask, until they may again.
import assert from "node:assert/strict";
import { after, afterEach, before, beforeEach, test } from "node:test";
import { assertAxe } from "./axe.mjs";
import { assertCount, openBrowser, openPage, picture } from "./browser.mjs";
import { PASSWORD, addConversation, answerAt, newPerson, startFake } from "./fake_gateway.mjs";

const OPEN = { level: "open", since: null, means: null, answer_tokens_max: null };
const SHORTER = { level: "shorter_answers", since: Date.now(), means: "Answers are shorter for now.", answer_tokens_max: 512 };

let browser;
let fake;

before(async () => (browser = await openBrowser()));
after(() => browser?.close());
beforeEach(async () => (fake = await startFake()));
afterEach(async () => {
  await Promise.all(browser.contexts().map((context) => context.close()));
  await fake.stop();
});

const sentence = (page) => page.getByRole("status").getByText(SHORTER.means);
const turnsAway = (reason, seconds) => (fake.state.refusesNext = [503, reason, "Not now.", {}, { "retry-after": String(seconds) }]);

async function ask(page, question) {
  await page.getByLabel("Message").fill(question);
  await page.keyboard.press("Enter");
}

for (const look of [{ viewport: { width: 375, height: 720 }, colorScheme: "light" }, { viewport: { width: 1180, height: 780 }, colorScheme: "dark" }]) {
  test(`what holds is said while it holds, and no longer (${look.viewport.width} px)`, async () => {
    fake.state.service = SHORTER;
    const page = await openPage(browser, fake.url, look);
    await sentence(page).waitFor();
    await assertAxe(page, `shorter answers, ${look.colorScheme}`);
    await picture(page, `level_${look.viewport.width}`);
    fake.state.service = OPEN;
    await sentence(page).waitFor({ state: "detached", timeout: 30_000 });
    assert.deepEqual(page.problems, []);
  });
}

test("an answer tells of it as soon as it comes", async () => {
  const page = await openPage(browser, fake.url);
  await page.getByLabel("Message").waitFor();
  fake.state.service = SHORTER;
  await ask(page, "What is a fox?");
  const answer = await answerAt(fake.state, 0);
  await sentence(page).waitFor();
  answer.say("A small wild dog.");
  answer.end();
  await page.getByText("A small wild dog.").waitFor();
  assert.deepEqual(page.problems, []);
});

test("a service that is open is asked once", async () => {
  const page = await openPage(browser, fake.url);
  const asked = [];
  page.on("request", (request) => request.url().endsWith("/api/service") && asked.push(request.url()));
  await page.reload();
  await page.getByLabel("Message").waitFor();
  await page.evaluate(() => document.dispatchEvent(new Event("visibilitychange")));
  await ask(page, "What is a fox?");
  (await answerAt(fake.state, 0)).end();
  await page.locator(".message.assistant[data-ending]").waitFor();
  assert.equal(asked.length, 1);
});

test("who is turned away reads on, and asks again when it is over", async () => {
  fake.state.account = fake.state.person = newPerson();
  const conversation = addConversation(fake.state, "About foxes", [["What is a fox?", "A small wild dog."]]);
  const page = await openPage(browser, `${fake.url}/#/c/${conversation.id}`, { viewport: { width: 375, height: 720 } });
  await page.getByText("A small wild dog.").waitFor();
  turnsAway("history_only", 10);
  await ask(page, "And an otter?");
  const note = page.locator(".composer-note");
  await note.getByText(/^You can read, but not ask, until \d/).waitFor();
  assert.ok(await page.getByLabel("Message").isDisabled());
  assert.ok(await page.getByRole("button", { name: "Send" }).isDisabled());
  await page.getByText("Only people who have used it before can ask for now.").waitFor();
  await assertAxe(page, "turned away");
  assert.ok(await page.getByLabel("Message").isDisabled());
  await picture(page, "turned_away");
  await page.getByText("A small wild dog.").waitFor();
  await assertCount(note.getByText("You can read, but not ask"), 0, 30_000);
  assert.ok(await page.getByLabel("Message").isEnabled());
  await ask(page, "And an otter?");
  const answer = await answerAt(fake.state, 0);
  answer.say("A weasel that swims.");
  answer.end();
  await page.getByText("A weasel that swims.").waitFor();
});

test("a guest who is turned away logs in, and may ask", async () => {
  const page = await openPage(browser, fake.url);
  turnsAway("signed_in_only", 60);
  await ask(page, "What is a fox?");
  const note = page.locator(".composer-note");
  await note.getByText("You can read, but not ask, until").waitFor();
  await assertAxe(page, "a guest turned away");
  await note.getByRole("link", { name: "log in" }).click();
  await page.getByLabel("Name or mail address", { exact: true }).fill("Ada");
  await page.getByLabel("Password", { exact: true }).fill(PASSWORD);
  await page.keyboard.press("Enter");
  await page.getByLabel("Message").waitFor();
  await assertCount(page.locator(".composer textarea:enabled"), 1);
});
