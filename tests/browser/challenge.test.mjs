// A stranger in the page of a service where strangers pay: the page does the work by itself, says so,
// and goes on.
import assert from "node:assert/strict";
import { after, before, test } from "node:test";
import { openHouse } from "../support/house.mjs";
import { openBrowser, openPage } from "./browser.mjs";

let browser;
let house;

before(async () => {
  browser = await openBrowser();
  house = await openHouse({ HOLDFAST_GATEWAY_STRANGERS_PAY: "always", HOLDFAST_ACCOUNTS_ANONYMOUS: "everyone" });
});
after(async () => {
  await browser?.close();
  await house?.stop();
});

test("whoever is asked for a proof of work sees it done, and gets the answer", async () => {
  const page = await openPage(browser, house.url);
  const words = page.getByText("Your browser solves a small task").waitFor({ state: "attached" });
  await page.getByLabel("Message").fill("Is it free?");
  await page.keyboard.press("Enter");
  await words;
  (await house.engine.next()).answer("Yes, and thank you.");
  await page.locator(".message.assistant[data-ending=stop]").getByText("Yes, and thank you.").waitFor();
  // The pass is good for the next one, too: nothing is asked again.
  await page.getByLabel("Message").fill("And this?");
  await page.keyboard.press("Enter");
  (await house.engine.next()).answer("This, too.");
  await page.locator(".message.assistant[data-ending=stop]").getByText("This, too.").waitFor();
  // The refusal that began it is all that the browser complains of.
  assert.ok(page.problems.length <= 1 && page.problems.every((problem) => problem.includes("403")), page.problems.join("\n"));
});
