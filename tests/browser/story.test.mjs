// A person's story in a real browser: ask, see the answer grow, stop one, ask again, come back later.
import assert from "node:assert/strict";
import { after, before, test } from "node:test";
import { startService } from "../support/service.mjs";
import { assertCount, openBrowser, openPage as openPageAt, picture } from "./browser.mjs";

let service;
let browser;

before(async () => {
  service = await startService();
  browser = await openBrowser();
});

after(async () => {
  await browser?.close();
  await service?.stop();
});

const openPage = (options) => openPageAt(browser, service.url, options);
const finished = (page, count) => page.locator(".message.assistant[data-ending]").nth(count - 1).waitFor({ timeout: 60_000 });

test("a person asks and sees the answer grow", async () => {
  const page = await openPage();
  await page.getByText("starter", { exact: true }).waitFor();
  await picture(page, "welcome");
  await page.evaluate(() => {
    window.lengths = [];
    const note = () => {
      const text = document.querySelector(".growing .markdown")?.textContent ?? "";
      if (text && text.length !== window.lengths.at(-1)) window.lengths.push(text.length);
    };
    new MutationObserver(note).observe(document.body, { subtree: true, childList: true, characterData: true });
  });
  // A busy machine may hand a whole answer to the page at once; a slow line makes it come in pieces.
  const network = await page.context().newCDPSession(page);
  await network.send("Network.emulateNetworkConditions", { offline: false, latency: 0, downloadThroughput: 16_000, uploadThroughput: -1 });
  await page.getByLabel("Message").fill("Tell me a short story about a fox.");
  await page.keyboard.press("Enter");
  await finished(page, 1);
  await network.send("Network.emulateNetworkConditions", { offline: false, latency: 0, downloadThroughput: -1, uploadThroughput: -1 });
  const lengths = await page.evaluate(() => window.lengths);
  assert.ok(lengths.length >= 3, `the answer grew in steps: ${lengths}`);
  assert.ok(lengths.every((length, i) => i === 0 || length > lengths[i - 1]));
  await picture(page, "answer");

  await page.getByLabel("Message").fill("Thank you!");
  await page.keyboard.press("Enter");
  await finished(page, 2);
  await assertCount(page.locator(".message.user"), 2);
  assert.deepEqual(page.problems, []);
});

test("an answer can be regenerated, and the history outlives a reload", async () => {
  const page = await openPage();
  await page.getByRole("button", { name: "Hello! Who are you?" }).click();
  await finished(page, 1);
  await page.getByLabel("Regenerate").click();
  await page.locator(".growing").waitFor({ state: "detached", timeout: 60_000 });
  await finished(page, 1);
  await assertCount(page.locator(".message.assistant"), 1);

  await page.reload();
  await page.locator(".history-pick", { hasText: "Hello! Who are you?" }).click();
  await finished(page, 1);
  await page.getByLabel("Delete “Hello! Who are you?”").click({ force: true });
  await page.getByText("What shall we talk about?").waitFor();
  await assertCount(page.locator(".history-item"), 0);
  assert.deepEqual(page.problems, []);
});

test("a person stops an answer", async () => {
  const page = await openPage();
  // The first word is held back until Stop is pressed, so that the test does not race the model.
  await page.route("**/v1/chat/completions", async (route) => {
    await page.getByLabel("Stop").click();
    await route.abort().catch(() => {});
  });
  await page.getByLabel("Message").fill("Tell me a long story.");
  await page.keyboard.press("Enter");
  await page.getByText("You stopped this answer.").waitFor();
  await page.unroute("**/v1/chat/completions");
  await page.getByLabel("Message").fill("Hello");
  await page.keyboard.press("Enter");
  await finished(page, 2);
});

test("a refusal is told with its reason", async () => {
  const page = await openPage();
  await page.route("**/v1/chat/completions", (route) =>
    route.fulfill({
      status: 503,
      headers: { "retry-after": "3", "content-type": "application/json" },
      body: JSON.stringify({ error: { message: "The engine is starting again.", type: "server_error", reason: "engine_restarting" } }),
    }),
  );
  await page.getByLabel("Message").fill("Hello");
  await page.keyboard.press("Enter");
  await page.getByRole("alert").getByText("engine_restarting").waitFor();
  assert.match(await page.getByRole("alert").innerText(), /try again in 3 s/);
  await picture(page, "refusal");
});

test("a question that was unanswered when the page went away can be asked again", async () => {
  const page = await openPage();
  await page.route("**/v1/chat/completions", () => {});
  await page.getByLabel("Message").fill("Hello");
  await page.keyboard.press("Enter");
  await page.locator(".growing").waitFor();
  await page.reload();
  // Not earlier: a request that is held goes on when nobody holds it any more.
  await page.unroute("**/v1/chat/completions");
  await page.locator(".history-pick").click();
  await page.getByText("This answer was interrupted.").waitFor();
  await page.getByLabel("Regenerate").click();
  await page.locator(".message.assistant[data-ending=stop], .message.assistant[data-ending=length]").waitFor();
  await assertCount(page.locator(".message.assistant"), 1);
});

test("two tabs share one history", async () => {
  const first = await openPage();
  const second = await first.context().newPage();
  await second.goto(service.url);
  const ask = async (page, text, count) => {
    await page.getByLabel("Message").fill(text);
    await page.keyboard.press("Enter");
    await finished(page, count);
  };
  await ask(first, "Hello", 1);
  await ask(second, "Good morning", 1);
  await ask(first, "Thank you!", 2);
  await second.reload();
  await assertCount(second.locator(".history-pick"), 2);
  assert.deepEqual((await second.locator(".history-pick").allInnerTexts()).sort(), ["Good morning", "Hello"]);
  await second.locator(".history-pick", { hasText: "Hello" }).click();
  await finished(second, 2);
});

test("a conversation that outgrows the model's context goes on without its beginning", async () => {
  const page = await openPage();
  const questions = [];
  await page.route("**/v1/chat/completions", (route) => {
    const { messages } = route.request().postDataJSON();
    questions.push(messages.map((message) => message.content));
    const isTooLong = messages.length > 3;
    const event = (value) => `data: ${JSON.stringify(value)}\n\n`;
    return route.fulfill({
      status: isTooLong ? 400 : 200,
      headers: { "content-type": isTooLong ? "application/json" : "text/event-stream" },
      body: isTooLong
        ? JSON.stringify({ error: { message: "The prompt is too long.", reason: "context_too_long" } })
        : event({ choices: [{ delta: { content: "Yes." } }] }) + event({ choices: [{ delta: {}, finish_reason: "stop" }] }) + "data: [DONE]\n\n",
    });
  });
  for (const [index, text] of ["One?", "Two?", "Three?"].entries()) {
    await page.getByLabel("Message").fill(text);
    await page.keyboard.press("Enter");
    await finished(page, index + 1);
  }
  assert.deepEqual(questions.at(-1), ["Two?", "Yes.", "Three?"]);
  await assertCount(page.getByRole("alert"), 0);
  await page.getByText("The beginning of the conversation no longer fitted.").waitFor();
});

test("model output cannot run scripts or load anything", async () => {
  const page = await openPage();
  const evil = '<img src=x onerror="window.pwned=1"><script>window.pwned=1</script>[x](javascript:window.pwned=1)<iframe src="/"></iframe> done';
  const event = (value) => `data: ${JSON.stringify(value)}\n\n`;
  await page.route("**/v1/chat/completions", (route) =>
    route.fulfill({
      status: 200,
      headers: { "content-type": "text/event-stream" },
      body: event({ choices: [{ delta: { content: evil } }] }) + event({ choices: [{ delta: {}, finish_reason: "stop" }] }) + "data: [DONE]\n\n",
    }),
  );
  await page.getByLabel("Message").fill("Hello");
  await page.keyboard.press("Enter");
  await finished(page, 1);
  await assertCount(page.locator(".markdown img, .markdown script, .markdown iframe, .markdown a[href^=javascript]"), 0);
  assert.equal(await page.evaluate(() => window.pwned), undefined);
  const response = await page.request.get(service.url);
  assert.match(response.headers()["content-security-policy"], /default-src 'none'|default-src 'self'/);
});

test("it fits a phone, in the dark", async () => {
  const page = await openPage({ viewport: { width: 390, height: 760 }, colorScheme: "dark" });
  await page.getByText("What is the capital of France?").click();
  await finished(page, 1);
  const overflow = await page.evaluate(() => document.documentElement.scrollWidth > window.innerWidth);
  assert.equal(overflow, false);
  await page.getByRole("button", { name: "Conversations", exact: true }).click();
  await page.locator(".history-pick").waitFor();
  await picture(page, "phone");
});
