// What the browser's tests share: a browser, a page that collects what goes wrong, fhirsim's faults, axe, pictures.
import assert from "node:assert/strict";
import { readFileSync, writeFileSync } from "node:fs";
import { createRequire } from "node:module";
import { join } from "node:path";
import { chromium } from "playwright-core";

const require = createRequire(import.meta.url);
const kAxe = readFileSync(require.resolve("axe-core/axe.min.js"), "utf8");
export const kUrl = process.env.DASHBOARD_URL;
export const kPatience = 120_000;  // for what takes as long as it takes; nothing is asserted of time

export async function openBrowser() {
  return chromium.launch({ executablePath: process.env.DASHBOARD_CHROMIUM, args: ["--no-sandbox", "--disable-gpu"] });
}

// bypassCSP stays off: the policy is a part of what is tested. Everything that the page complains of is kept.
export async function openPage(browser, options = {}) {
  const context = await browser.newContext({ viewport: { width: 1200, height: 800 }, colorScheme: "light", ...options });
  const page = await context.newPage();
  page.setDefaultTimeout(kPatience);
  page.complaints = [];
  page.on("pageerror", (error) => page.complaints.push(String(error)));
  page.on("console", (message) => {
    // A status that is no success is said by the browser too; the tests look at what the page makes of it.
    if (message.type() === "error" && !message.text().startsWith("Failed to load resource")) page.complaints.push(message.text());
  });
  page.on("request", (request) => {
    const url = request.url();
    if (!url.startsWith(kUrl) && !url.startsWith("blob:") && !url.startsWith("data:")) page.complaints.push(`asked another server: ${url}`);
    if (/wellhead_[0-9a-f]{12}/.test(url)) page.complaints.push("a key in an address");
  });
  return page;
}

export async function addFault(rule) {
  const response = await fetch(new URL("/admin/faults", process.env.FHIRSIM_URL), { method: "POST", body: JSON.stringify(rule) });
  assert.ok(response.ok, await response.text());
}

export async function clearFaults() {
  const response = await fetch(new URL("/admin/faults", process.env.FHIRSIM_URL), { method: "DELETE" });
  assert.ok(response.ok, await response.text());
}

// WCAG 2.2 AA and what else axe calls good practice, as far as a program can tell. Evaluated by the debugger's protocol, which the
// page's policy lets pass.
export async function expectAccessible(page, where) {
  await page.evaluate(kAxe);
  // A colour that is on its way to another one has the contrast of neither.
  await page.evaluate(() => Promise.allSettled(document.getAnimations().filter((one) => one instanceof CSSTransition).map((one) => one.finished)));
  const { violations } = await page.evaluate(() => window.axe.run(document, { runOnly: ["wcag2a", "wcag2aa", "wcag21a", "wcag21aa", "wcag22aa", "best-practice"] }));
  const found = violations.map((one) => `${one.id}: ${one.help}: ${one.nodes.slice(0, 3).map((node) => node.html).join(" | ")}`);
  assert.deepEqual(found, [], where);
}

// What README shows; all others are for who looks at a failure, or at what has changed.
const kReadme = ["zipcode", "run-live", "run-failed"];

export async function picture(page, name, options = {}) {
  const image = await page.screenshot({ path: join("screenshots", `${name}.png`), animations: "disabled", ...options });
  if (process.env.DASHBOARD_PICTURES && kReadme.includes(name)) writeFileSync(join(process.env.DASHBOARD_PICTURES, `${name}.png`), image);
}

export async function setTheme(page, scheme) {
  await page.emulateMedia({ colorScheme: scheme });
  await page.waitForFunction((wanted) => document.documentElement.dataset.theme === wanted, scheme);
}

// What has the focus, by its name; "body" is a focus that was lost.
export async function focused(page) {
  return page.evaluate(() => {
    const one = document.activeElement;
    return (one === document.body ? "body" : one.getAttribute("aria-label") ?? one.labels?.[0]?.querySelector("span")?.textContent ?? one.textContent).trim();
  });
}

// By keyboard alone: Tab until what is focused has this name.
export async function tabTo(page, name, most = 100) {
  for (let i = 0; i < most; ++i) {
    await page.keyboard.press("Tab");
    if ((await focused(page)) === name) return;
  }
  assert.fail(`Tab does not come to "${name}"`);
}

// The browser's accessibility tree, which is what a screen reader reads: roles and names, and of live regions how they speak.
export async function accessibleNodes(page) {
  const session = await page.context().newCDPSession(page);
  const { nodes } = await session.send("Accessibility.getFullAXTree");
  await session.detach();
  return nodes.filter((node) => !node.ignored).map((node) => ({
    role: node.role?.value ?? "", name: node.name?.value ?? "",
    ...Object.fromEntries((node.properties ?? []).map((property) => [property.name, property.value.value])),
  }));
}

// Waits for a node of this role whose name fits.
export async function accessible(page, role, name) {
  for (const end = Date.now() + kPatience; Date.now() < end;) {
    const nodes = await accessibleNodes(page);
    const found = nodes.find((node) => node.role === role && (name instanceof RegExp ? name.test(node.name) : node.name === name));
    if (found) return found;
  }
  return assert.fail(`there is no ${role} "${name}"`);
}

// Keeps what live regions say, from now on.
export async function listen(page) {
  await page.evaluate(() => {
    window.said = [];
    const last = new WeakMap();
    new MutationObserver(() => {
      for (const region of document.querySelectorAll("[role=status], [role=alert], [aria-live]")) {
        const words = region.textContent.trim();
        if (words && last.get(region) !== words) window.said.push(words);
        last.set(region, words);
      }
    }).observe(document.body, { childList: true, subtree: true, characterData: true });
  });
}

export async function hear(page, words) {
  await page.waitForFunction((source) => window.said.some((one) => new RegExp(source).test(one)), words.source);
}
