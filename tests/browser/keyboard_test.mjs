// The main way by keyboard alone, and what a screen reader is told of it: roles, names, announcements, charts as tables.
import assert from "node:assert/strict";
import { after, before, test } from "node:test";
import { accessible, accessibleNodes, addFault, clearFaults, focused, hear, kUrl, listen, openBrowser, openPage, tabTo } from "./rig.mjs";

let browser;
let page;

before(async () => {
  browser = await openBrowser();
  page = await openPage(browser);
});
after(async () => {
  await clearFaults();
  await browser?.close();
});

const press = (key) => page.keyboard.press(key);
const onHeading = () => page.waitForFunction(() => document.activeElement?.tagName === "H1");

async function beginLoad(zipcode) {
  await page.goto(`${kUrl}/#/`);
  await page.reload();
  await accessible(page, "textbox", "Zip code");
  await listen(page);
  await tabTo(page, "Zip code");
  await page.keyboard.type(zipcode);
  await press("Enter");
  await page.waitForURL(/#\/runs\/\d+$/);
  await onHeading();
}

test("passes by the navigation", async () => {
  await page.goto(`${kUrl}/#/`);
  await page.reload();
  await accessible(page, "heading", "Zip codes");
  await press("Tab");
  assert.equal(await focused(page), "Skip to the content");
  await press("Enter");
  await page.waitForFunction(() => document.activeElement?.id === "content");
  const nodes = await accessibleNodes(page);
  for (const role of ["banner", "navigation", "main"]) assert.equal(nodes.filter((node) => node.role === role).length, 1, role);
});

test("begins a load, pauses and resumes it, and is told how far it is and how it ends", async () => {
  await addFault([{ kind: "hold", match: "Observation", after: 8 }]);
  await beginLoad("02142");
  await accessible(page, "progressbar", "Load of 02142");
  await hear(page, /^Load of 02142: \d+%$/);
  const status = await accessible(page, "status", "Progress");
  assert.equal(status.live, "polite");
  await tabTo(page, "Pause");
  await press("Enter");
  await hear(page, /^Load of 02142: paused at \d+%$/);
  await onHeading();
  await tabTo(page, "Resume");
  await press("Enter");
  await page.getByRole("button", { name: "Pause" }).waitFor();
  await clearFaults();
  await hear(page, /^Load of 02142: complete as of \d\d:\d\d: 400 patients, 16,000 observations, .*0 rejected, 0 missing$/);
  assert.notEqual(await focused(page), "body");
  // The steps open and close.
  await page.getByRole("button", { name: /^Extract patients/ }).waitFor();
  const name = await page.getByRole("button", { name: /^▸?Extract patients/ }).evaluate((button) => button.textContent.trim());
  await tabTo(page, name);
  await press("Space");
  assert.equal((await accessible(page, "button", /Extract patients/)).expanded, true);
});

test("reads the charts of the zip code, as tables too, and follows one", async () => {
  await page.evaluate(() => document.querySelector("main h1").focus());
  await press("Shift+Tab");
  assert.equal(await focused(page), "02142");
  await press("Enter");
  await page.waitForURL(/#\/zip\/02142$/);
  await onHeading();
  await accessible(page, "image", /^Patients by age and sex: \d+ female, \d+ male; the largest age group is /);
  await accessible(page, "image", /^Observations by month, from \d{4}-\d\d to \d{4}-\d\d; the most were /);
  await accessible(page, "image", /^[\d,]+ values from .*; half of them between .*, median /);
  await tabTo(page, "As a table");
  await press("Enter");
  await accessible(page, "region", "Patients by age and sex");
  await accessible(page, "columnheader", "Female");
  await accessible(page, "rowheader", "0–9");
  await tabTo(page, "As a table");
  await press("Space");
  await accessible(page, "columnheader", "Month");
  const second = await page.getByRole("region", { name: "Codes by how often" }).getByRole("link").nth(1).textContent();
  await tabTo(page, second);
  await press("Enter");
  await page.waitForURL(/code=/);
  await accessible(page, "heading", second);
  assert.equal(await focused(page), second, "one reads on from there");
});

test("opens a resource and comes back to where it was", async () => {
  await page.goto(`${kUrl}/#/zip/02142/patients`);
  await page.locator("tbody tr").first().waitFor();
  const name = await page.getByRole("button", { name: /^FHIR: / }).first().getAttribute("aria-label");
  await tabTo(page, name);
  await press("Enter");
  await accessible(page, "dialog", name.replace("FHIR: ", ""));
  assert.ok(await page.evaluate(() => document.querySelector("dialog").contains(document.activeElement)));
  await press("Escape");
  await page.locator("dialog").waitFor({ state: "detached" });
  assert.equal(await focused(page), name);
});

test("is told that a load failed, and retries it", async () => {
  await addFault([{ kind: "bearer", token: "another" }]);
  await beginLoad("02142");
  await hear(page, /^Load of 02142 failed at /);
  await clearFaults();
  await tabTo(page, "Retry");
  await press("Enter");
  await hear(page, /^Load of 02142: complete as of /);
  assert.notEqual(await focused(page), "body");
  assert.deepEqual(page.complaints, []);
});
