// Tables of other resource types and of a user's own view: the pages know them from the OpenAPI document alone.
import assert from "node:assert/strict";
import { readFile } from "node:fs/promises";
import { after, before, test } from "node:test";
import { expectAccessible, kUrl, openBrowser, openPage, picture } from "./rig.mjs";

let browser;
let page;

before(async () => {
  browser = await openBrowser();
  page = await openPage(browser, { acceptDownloads: true });
});
after(() => browser?.close());

const counted = async (path) => (await (await fetch(`${kUrl}/v1/${path}`)).json()).count;
const rows = () => page.getByRole("region", { name: "Conditions" }).locator("tbody tr");

test("lists what loads fill, users' own views too", async () => {
  await page.goto(`${kUrl}/#/`);
  await page.getByRole("navigation", { name: "Main" }).getByRole("link", { name: "Tables" }).click();
  const table = page.getByRole("region", { name: "Tables" });
  for (const name of ["Patients", "Observations", "Conditions", "problem"]) await table.getByRole("link", { name, exact: true }).waitFor();
  const conditions = await counted("condition?limit=1&count=exact");
  await table.getByText(new Intl.NumberFormat("en-US").format(conditions), { exact: true }).waitFor();
  await expectAccessible(page, "the tables");
});

test("shows a table's rows, by filter and order, and what its columns mean", async () => {
  await page.getByRole("region", { name: "Tables" }).getByRole("link", { name: "Conditions" }).click();
  await page.getByRole("heading", { level: 1, name: "Conditions" }).waitFor();
  await rows().nth(49).waitFor();
  await page.getByRole("region", { name: "Columns" }).getByText("Code of the condition").waitFor();
  const active = await counted("condition?limit=1&count=exact&clinical_status=active");
  await page.getByRole("combobox", { name: "Filter by" }).selectOption("clinical_status");
  await page.getByText("Clinical status: active, recurrence").first().waitFor();
  await page.getByRole("textbox", { name: "Value" }).fill("active");
  await page.getByRole("button", { name: "Filter", exact: true }).click();
  await page.waitForURL(/tables\/condition\?clinical_status=active$/);
  await page.getByText(`${new Intl.NumberFormat("en-US").format(active)} rows`).waitFor();
  await page.getByRole("combobox", { name: "Order" }).selectOption("-onset");
  await page.waitForURL(/sort=-onset$/);
  await rows().nth(49).waitFor();
  await expectAccessible(page, "a table");
  await picture(page, "table");
  await page.getByRole("button", { name: "More", exact: true }).click();
  await rows().nth(99).waitFor();
  const [file] = await Promise.all([page.waitForEvent("download"), page.getByRole("button", { name: "These as CSV" }).click()]);
  assert.equal(file.suggestedFilename(), "condition.csv");
  assert.equal((await readFile(await file.path(), "utf8")).trimEnd().split("\r\n").length, active + 1);
  await page.getByRole("button", { name: "Remove the filter clinical status active" }).click();
  await page.waitForURL(/tables\/condition\?sort=-onset$/);
});

test("shows the columns that are wanted", async () => {
  const head = (name) => page.getByRole("region", { name: "Conditions" }).getByRole("columnheader", { name, exact: true });
  await head("code display").waitFor();
  assert.equal(await head("last seen run").count(), 0);
  await page.getByText(/^Columns \(/).click();
  await page.getByLabel("last seen run").check();
  await head("last seen run").waitFor();
  await page.getByRole("button", { name: "As at first" }).click();
  await head("last seen run").waitFor({ state: "detached" });
});

test("leads from a row to its resource and to its patient", async () => {
  await page.getByRole("button", { name: /^FHIR: condition/ }).first().click();
  await page.locator("dialog .raw", { hasText: "\"resourceType\": \"Condition\"" }).waitFor();
  await page.keyboard.press("Escape");
  await page.locator("dialog").waitFor({ state: "detached" });
  await rows().first().getByRole("link").click();
  await page.waitForURL(/#\/patients\//);
  await page.getByRole("region", { name: "Rows: Conditions" }).locator("tbody tr").nth(2).waitFor();
  await expectAccessible(page, "a patient with conditions");
});

test("says what it cannot find", async () => {
  await page.goto(`${kUrl}/#/tables/problem?patient_id=nobody`);
  await page.getByText("No row is found.").waitFor();
  await page.goto(`${kUrl}/#/tables/nothing`);
  await page.getByText("There is no table of this name.").waitFor();
  await page.goto(`${kUrl}/#/tables/problem?patient_id=a%20b`);
  await page.getByRole("alert").waitFor();
  await expectAccessible(page, "a filter that the API does not take");
  assert.deepEqual(page.complaints, []);
});
