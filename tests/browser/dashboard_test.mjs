// A reader's way through the dashboard: from nothing loaded to a load, a failure and its retry, charts, a patient.
import assert from "node:assert/strict";
import { readFile } from "node:fs/promises";
import { after, before, test } from "node:test";
import { addFault, clearFaults, expectAccessible, kUrl, openBrowser, openPage, picture, setTheme } from "./rig.mjs";

let browser;
let page;

before(async () => {
  browser = await openBrowser();
  page = await openPage(browser, { acceptDownloads: true });
});
after(async () => {
  await clearFaults();
  await browser?.close();
});

const state = (word) => page.locator("h1 .state", { hasText: word });

async function load(zipcode) {
  await page.goto(`${kUrl}/#/`);
  await page.getByLabel("Zip code", { exact: true }).fill(zipcode);
  await page.getByRole("button", { name: "Load", exact: true }).click();
  await page.waitForURL(/#\/runs\/\d+$/);
}

test("says what to do when nothing is loaded", async () => {
  await page.goto(kUrl);
  await page.getByText("Nothing is loaded yet.").waitFor();
  await expectAccessible(page, "empty overview");
  await page.getByLabel("Zip code", { exact: true }).fill("0213");
  await page.getByRole("button", { name: "Load", exact: true }).click();
  assert.match(page.url(), /#\/$/);
});

test("loads a zip code, live, paused and resumed, to its receipt", async () => {
  await addFault([{ kind: "hold", match: "Observation", after: 8 }]);
  await load("02139");
  await page.getByText("of 400").waitFor();
  await page.getByRole("progressbar").waitFor();
  await page.getByRole("button", { name: "Pause" }).click();
  await state("paused").waitFor();
  await expectAccessible(page, "a run that goes");
  await page.getByRole("button", { name: "Resume" }).click();
  await state("running").waitFor();
  await page.getByRole("button", { name: /Extract observations .*under way/ }).waitFor();
  await picture(page, "run-live");
  await clearFaults();
  await state("complete").waitFor();
  const answer = await page.locator(".answer").textContent();
  assert.match(answer, /^complete as of \d\d:\d\d: 400 patients, 16,000 observations, 1,200 conditions, [\d,]+ in problem, 0 rejected, 0 missing$/);
  await page.getByRole("button", { name: /Extract observations/ }).click();
  await page.locator(".step-row").first().waitFor();
  await expectAccessible(page, "a run that has ended");
});

test("tells why a run failed, and retries it", async () => {
  await addFault([{ kind: "bearer", token: "another" }]);
  await load("02140");
  await state("failed").waitFor();
  await page.locator(".error-text", { hasText: "401" }).waitFor();
  await page.locator(".step-row .bad").first().waitFor();
  await expectAccessible(page, "a run that failed");
  await picture(page, "run-failed");
  await clearFaults();
  await page.getByRole("button", { name: "Retry" }).click();
  await state("complete").waitFor();
  await page.locator(".answer", { hasText: "400 patients" }).waitFor();
});

test("cancels a load, and goes on with it when it is retried", async () => {
  await addFault([{ kind: "hold", match: "Observation", after: 4 }]);
  await load("02143");
  await page.getByRole("progressbar").waitFor();
  await page.getByRole("button", { name: "Cancel" }).click();
  await state("cancelled").waitFor();
  await page.locator(".answer", { hasText: "cancelled" }).waitFor();
  assert.equal(await page.getByRole("button", { name: "Pause" }).count(), 0);
  await expectAccessible(page, "a run that was cancelled");
  await clearFaults();
  await page.getByRole("button", { name: "Retry" }).click();
  await state("complete").waitFor();
  await page.locator(".answer", { hasText: "400 patients, 16,000 observations" }).waitFor();
});

test("shows what was rejected, as it was received", async () => {
  await addFault([{ kind: "malformed", match: "Observation", what: "impossible_date", every: 100 }]);
  await load("02141");
  await page.locator(".answer", { hasText: "rejected" }).waitFor();
  await clearFaults();
  await page.getByRole("heading", { name: "Rejected" }).waitFor();
  const rejected = Number(/([\d,]+) rejected/.exec(await page.locator(".answer").textContent())[1].replace(",", ""));
  assert.ok(rejected > 20, "more than a page of the list");
  await page.getByRole("button", { name: "More", exact: true }).click();
  const rows = page.getByRole("region", { name: "Rejected resources" }).locator("tbody tr");
  await rows.nth(rejected - 1).waitFor();
  assert.equal(await rows.count(), rejected);
  await page.getByRole("button", { name: /^Raw: Reject/ }).first().click();
  await page.locator("dialog .raw", { hasText: "\"resourceType\": \"Observation\"" }).waitFor();
  await expectAccessible(page, "a reject");
  await page.keyboard.press("Escape");
  await page.locator("dialog").waitFor({ state: "detached" });
  await picture(page, "run", { fullPage: true });
});

test("lists runs by zip code and state", async () => {
  await page.goto(`${kUrl}/#/runs`);
  await page.getByRole("link", { name: "02140" }).first().waitFor();
  await page.getByLabel("State").selectOption("failed");
  await page.waitForURL(/state=failed/);
  await page.getByText("There are no such runs.").waitFor();
  await page.getByLabel("State").selectOption("complete");
  await page.getByRole("link", { name: "02139" }).waitFor();
  await expectAccessible(page, "runs");
  await picture(page, "runs");
});

test("draws a zip code and the values of a code", async () => {
  await page.goto(`${kUrl}/#/`);
  await page.getByRole("link", { name: "02139", exact: true }).click();
  await page.locator(".answer", { hasText: "400 patients, 16,000 observations" }).waitFor();
  await page.locator("svg.chart rect.female").first().waitFor({ state: "attached" });
  await page.locator("[aria-label^='Observations by month'] canvas").waitFor();
  const codes = page.getByRole("region", { name: "Codes by how often" });
  await codes.getByRole("link").nth(1).waitFor();
  await page.getByText("Distribution").waitFor();
  await page.locator("[role=img][aria-label*='values from']").waitFor();
  await expectAccessible(page, "a zip code");
  await picture(page, "zipcode-whole", { fullPage: true });
  await picture(page, "zipcode");
  const second = await codes.getByRole("link").nth(1).textContent();
  await codes.getByRole("link").nth(1).click();
  await page.waitForURL(/code=/);
  await page.getByRole("heading", { name: second.trim(), exact: true }).waitFor();
  await page.getByLabel("Find a code").fill("no such code");
  await page.getByText("No code has this in its name.").waitFor();
});

test("takes CSV and the data dictionary along", async () => {
  const save = async (name) => {
    const [file] = await Promise.all([page.waitForEvent("download"), page.getByRole("button", { name }).click()]);
    return { name: file.suggestedFilename(), lines: (await readFile(await file.path(), "utf8")).trimEnd().split("\r\n") };
  };
  const patients = await save("Patients (CSV)");
  assert.equal(patients.name, "patients-02139.csv");
  assert.equal(patients.lines.length, 401);
  const observations = await save("Observations (CSV)");
  assert.equal(observations.lines.length, 16_001);
  const dictionary = await save("Data dictionary (CSV)");
  const described = new Set(dictionary.lines.map((line) => line.split(",").slice(0, 2).join("/")));
  for (const column of patients.lines[0].split(",")) assert.ok(described.has(`patients/${column}`), column);
  for (const column of observations.lines[0].split(",")) assert.ok(described.has(`observations/${column}`), column);
});

test("finds a patient and shows the observations as lines", async () => {
  await page.getByRole("link", { name: "Patients" }).click();
  await page.getByText("400 patients").waitFor();
  const name = await page.getByRole("region", { name: "Patients" }).getByRole("link").first().textContent();
  await page.getByLabel("Last name").fill("zzzz");
  await page.getByRole("button", { name: "Search" }).click();
  await page.getByText("Nobody is found.").waitFor();
  await page.goBack();
  await page.getByRole("link", { name }).first().waitFor();
  await expectAccessible(page, "patients");
  await picture(page, "patients");
  await page.getByRole("link", { name }).first().click();
  await page.getByRole("heading", { level: 1, name }).waitFor();
  await page.locator("svg.sparkline").first().waitFor();
  await expectAccessible(page, "a patient");
  await page.locator(".row-button").first().click();
  await picture(page, "patient", { fullPage: true });
  await page.getByRole("button", { name: /^FHIR: Observation/ }).first().click();
  await page.locator("dialog .raw", { hasText: "\"resourceType\": \"Observation\"" }).waitFor();
  await page.keyboard.press("Escape");
  await page.locator("dialog").waitFor({ state: "detached" });
});

test("is dark when the system is, and fits a phone", async () => {
  await page.goto(`${kUrl}/#/zip/02139`);
  await page.getByText("Distribution").waitFor();
  await setTheme(page, "dark");
  await page.locator("[aria-label^='Observations by month'] canvas").waitFor();
  await expectAccessible(page, "a zip code in the dark");
  await picture(page, "zipcode-dark", { fullPage: true });
  const patient = (await (await fetch(`${kUrl}/v1/condition?limit=1`)).json()).items[0].patient_id;
  const pages = [["", "overview"], ["runs", "runs"], ["runs/1", "run"], ["zip/02139", "zipcode"], ["zip/02139/patients", "patients"],
    [`patients/${patient}`, "patient"], ["tables", "tables"], ["tables/condition", "table"], ["nowhere", "nowhere"]];
  for (const [path, name] of pages) {
    await page.goto(`${kUrl}/#/${path}`);
    await page.waitForFunction(() => !document.querySelector(".loading"));
    for (const theme of ["light", "dark"]) {
      await setTheme(page, theme);
      await expectAccessible(page, `${name}, ${theme}`);
      await picture(page, `${name}-${theme}`, { fullPage: true });
    }
  }
  for (const [path, name] of pages) {
    await page.setViewportSize({ width: 390, height: 800 });
    await page.goto(`${kUrl}/#/${path}`);
    await page.waitForFunction(() => !document.querySelector(".loading"));
    const wide = await page.evaluate(() => document.documentElement.scrollWidth - document.documentElement.clientWidth);
    assert.equal(wide, 0, `${name} is wider than a phone`);
    await picture(page, `phone-${name}`, { fullPage: true });
  }
  await page.setViewportSize({ width: 1200, height: 800 });
  await page.goto(`${kUrl}/#/`);
  await page.getByRole("link", { name: "02139", exact: true }).waitFor();
  await picture(page, "overview-dark");
  await setTheme(page, "light");
  await picture(page, "overview");
  await page.getByRole("button", { name: "Switch to dark colours" }).click();
  assert.equal(await page.evaluate(() => document.documentElement.dataset.theme), "dark");
});

test("complained of nothing, and asked no other server", () => {
  assert.deepEqual(page.complaints, []);
});
