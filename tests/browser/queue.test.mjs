// A person waits: sees the place and the wait in words, gets the answer in the end, or leaves; and is
// told why when there is no place to wait at. The gateway lets one answer be made at a time, and the
// engine answers when the test says so.
import assert from "node:assert/strict";
import { after, afterEach, before, test } from "node:test";
import { ONE_AT_A_TIME, askBarely, openHouse } from "../support/house.mjs";
import { assertCount, openBrowser, openPage, picture } from "./browser.mjs";

let browser;
let house;

before(async () => (browser = await openBrowser()));
after(() => browser?.close());
afterEach(() => house?.stop());

const openBusyHouse = async (settings = {}) => (house = await openHouse({ ...ONE_AT_A_TIME, ...settings }));

// Others take the place, and then the first ones of the queue.
async function letOthersAsk(count) {
  const others = [];
  while (others.length < count) {
    others.push(askBarely(house.url, `other ${others.length + 1}`));
    await house.untilInside(others.length);
  }
  return others;
}

async function askOnPage(page, question) {
  await page.getByLabel("Message").fill(question);
  await page.keyboard.press("Enter");
}

test("who waits sees the place come nearer, and then the answer", async () => {
  await openBusyHouse();
  const page = await openPage(browser, house.url);
  const others = await letOthersAsk(3);
  await askOnPage(page, "Is it my turn?");
  const queue = page.locator(".queue");
  await queue.getByText("You are number 3 in the queue").waitFor();
  assert.match(await queue.innerText(), /about \d+ s to go|any moment now/);
  await picture(page, "queue");
  (await house.engine.next()).answer("First.");
  await queue.getByText("You are number 2 in the queue").waitFor();
  (await house.engine.next()).answer("Second.");
  await queue.getByText("You are next").waitFor();
  (await house.engine.next()).answer("Third.");
  (await house.engine.next()).answer("Now it is.");
  await page.locator(".message.assistant[data-ending=stop]").getByText("Now it is.").waitFor();
  await assertCount(queue, 0);
  assert.deepEqual(page.problems, []);
  await Promise.all(others.map((other) => other.over));
});

test("who waits can leave the queue, and ask again", async () => {
  await openBusyHouse();
  const page = await openPage(browser, house.url);
  const [other] = await letOthersAsk(1);
  await askOnPage(page, "Is it my turn?");
  await page.locator(".queue").getByText("You are next").waitFor();
  await house.untilInside(2);
  await page.getByRole("button", { name: "Leave the queue" }).click();
  await page.getByText("You left the queue.").waitFor();
  await house.untilInside(1);
  (await house.engine.next()).answer("First.");
  await other.over;
  await page.getByLabel("Regenerate").click();
  (await house.engine.next()).answer("Now it is.");
  await page.locator(".message.assistant[data-ending=stop]").getByText("Now it is.").waitFor();
  assert.equal(house.engine.callCount, 2);
});

test("who finds the queue full is told so, and when to come again", async () => {
  await openBusyHouse({ HOLDFAST_GATEWAY_WAITING_MAX: "1" });
  const page = await openPage(browser, house.url);
  const others = await letOthersAsk(2);
  await askOnPage(page, "Is there a place?");
  const alert = page.getByRole("alert");
  await alert.locator("code", { hasText: "queue_full" }).waitFor();
  assert.match(await alert.innerText(), /try again in \d+ s/);
  await assertCount(page.getByRole("button", { name: "Leave the queue" }), 0);
  await picture(page, "queue_full");
  others.forEach((other) => other.leave());
  await Promise.all(others.map((other) => other.over));
});
