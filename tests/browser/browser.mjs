// A real browser for tests of the page. HOLDFAST_CHROMIUM names it. With HOLDFAST_PICTURES=FOLDER the
// tests leave pictures to look at.
import assert from "node:assert/strict";
import path from "node:path";
import { chromium } from "playwright-core";

export function openBrowser() {
  return chromium.launch({
    executablePath: process.env.HOLDFAST_CHROMIUM ?? "/usr/bin/chromium",
    args: ["--no-sandbox", "--disable-gpu", "--disable-background-networking", "--disable-component-update", "--disable-sync", "--no-first-run"],
  });
}

// A page at `url`; `page.problems` gathers what goes wrong on it.
export async function openPage(browser, url, options = {}) {
  const context = await browser.newContext({ viewport: { width: 1180, height: 780 }, ...options });
  const page = await context.newPage();
  page.setDefaultTimeout(60_000);
  page.problems = [];
  page.on("pageerror", (error) => page.problems.push(String(error)));
  page.on("console", (message) => isProblem(message) && page.problems.push(message.text()));
  await page.goto(url);
  return page;
}

// That `locator` finds `count` elements within `within_ms`: a page may not be drawn yet.
export async function assertCount(locator, count, within_ms = 10_000) {
  const end = Date.now() + within_ms;
  while ((await locator.count()) !== count && Date.now() < end) await new Promise((resolve) => setTimeout(resolve, 20));
  assert.equal(await locator.count(), count);
}

const isProblem = (message) => message.type() === "error";

export async function picture(page, name) {
  if (process.env.HOLDFAST_PICTURES) await page.screenshot({ path: path.join(process.env.HOLDFAST_PICTURES, `${name}.png`) });
}
