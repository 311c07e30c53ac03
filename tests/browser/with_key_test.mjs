// A server that wants a key: the page asks for one, keeps it in the tab alone, and puts it into no address.
import assert from "node:assert/strict";
import { execFile } from "node:child_process";
import { after, before, test } from "node:test";
import { promisify } from "node:util";
import { expectAccessible, kUrl, openBrowser, openPage, picture } from "./rig.mjs";

const wellhead = (...words) => promisify(execFile)(process.env.DASHBOARD_PROGRAM, words);

let browser;
let key;

before(async () => {
  browser = await openBrowser();
  key = JSON.parse((await wellhead("keys", "create", "--role", "reader", "--json")).stdout).key;
  assert.match(key, /^wellhead_/);
  while ((await fetch(`${kUrl}/v1/runs`)).status !== 401);
});
after(() => browser?.close());

test("asks for a key and keeps it in the tab", async () => {
  const page = await openPage(browser);
  await page.goto(kUrl);
  const field = page.getByLabel("Key", { exact: true });
  await field.fill("wellhead_000000000000_wrong");
  await expectAccessible(page, "asking for a key");
  await picture(page, "key");
  await page.getByRole("button", { name: "Use this key" }).click();
  await page.getByText("The server does not take this key").waitFor();
  await field.fill(key);
  await page.getByRole("button", { name: "Use this key" }).click();
  await page.getByRole("link", { name: "02139", exact: true }).click();
  await page.locator("svg.chart rect.female").first().waitFor({ state: "attached" });
  const kept = await page.evaluate(() => [JSON.stringify({ ...sessionStorage }), JSON.stringify({ ...localStorage }), document.cookie, location.href]);
  assert.ok(kept[0].includes(key));
  for (const place of kept.slice(1)) assert.ok(!place.includes("wellhead_"), place);
  await page.reload();
  await page.locator("svg.chart rect.female").first().waitFor({ state: "attached" });
  assert.deepEqual(page.complaints, []);
});

test("says what the key may not do", async () => {
  const page = await openPage(browser);
  await page.goto(kUrl);
  await page.getByLabel("Key", { exact: true }).fill(key);
  await page.getByRole("button", { name: "Use this key" }).click();
  await page.getByLabel("Zip code", { exact: true }).fill("02139");
  await page.getByRole("button", { name: "Load", exact: true }).click();
  await page.getByRole("alert").filter({ hasText: "This needs a key of the role operator" }).waitFor();
});

test("saves a list with the key", async () => {
  const page = await openPage(browser, { acceptDownloads: true });
  await page.goto(`${kUrl}/#/zip/02139/patients`);
  await page.getByLabel("Key", { exact: true }).fill(key);
  await page.getByRole("button", { name: "Use this key" }).click();
  await page.getByText("400 patients").waitFor();
  const [file] = await Promise.all([page.waitForEvent("download"), page.getByRole("button", { name: "These as CSV" }).click()]);
  assert.equal(file.suggestedFilename(), "patients-02139.csv");
  assert.deepEqual(page.complaints, []);
});
