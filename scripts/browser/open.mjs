// Opens pages from the disk in a real browser, keeps a log of what they ask the network for, lets axe look at them, and takes pictures.
//
//   node open.mjs OPTIONS.json
//
// OPTIONS: packages (directory with node_modules), browser (program), pages: [{file, picture, axe, wait, unfold, width, height}]. Prints JSON:
// a list of {file, requests, errors, findings}, in the order of the pages. `requests` are those that are for no file given here.
import { readFileSync } from "node:fs";
import { createRequire } from "node:module";
import { join } from "node:path";
import { pathToFileURL } from "node:url";

const options = JSON.parse(readFileSync(process.argv[2], "utf8"));
const require = createRequire(join(options.packages, "package.json"));
const { chromium } = require("playwright-core");
const axe = readFileSync(require.resolve("axe-core/axe.min.js"), "utf8");

async function findings(page) {
  await page.evaluate(axe);
  const { violations } = await page.evaluate(() => window.axe.run(document, { resultTypes: ["violations"] }));
  return violations.map(({ id, impact, help, nodes }) => ({ id, impact, help, nodes: nodes.slice(0, 5).map(({ html, failureSummary }) => ({ html, failureSummary })) }));
}

// a page that axe looks at is opened three times: in light and dark, and as wide as a phone, each with everything unfolded
function ways({ axe: look, width, height }) {
  const wide = { colorScheme: "light", viewport: { width, height } };
  const others = [{ ...wide, colorScheme: "dark" }, { colorScheme: "light", viewport: { width: 390, height: 844 } }];
  return look ? [wide, ...others] : [wide];
}

async function opened(browser, asked) {
  const { file, picture, axe: look, wait, unfold } = asked;
  const url = pathToFileURL(file).href;
  const told = { file, requests: [], errors: [], findings: [] };
  for (const [number, way] of ways(asked).entries()) {
    const context = await browser.newContext({ ...way, deviceScaleFactor: 1 });
    const page = await context.newPage();
    page.on("request", (request) => {
      if (request.url() !== url && !/^(data|blob):/.test(request.url())) told.requests.push(request.url());
    });
    page.on("websocket", (socket) => told.requests.push(socket.url()));
    page.on("pageerror", (error) => told.errors.push(String(error)));
    await page.goto(url, { waitUntil: "load" });
    if (wait) await page.getByText(wait).first().waitFor({ timeout: 120_000 });
    if (unfold && !(await page.getByText(unfold).first().isVisible())) await page.getByText(wait).first().click(); // what passed is folded
    if (unfold) await page.getByText(unfold).first().waitFor({ timeout: 60_000 });
    await page.waitForLoadState("networkidle");
    await page.evaluate(() => document.fonts.ready);
    await page.evaluate(() => { // Allure scrolls to the first test, within a part of its page
      for (const part of document.querySelectorAll("*")) if (part.scrollTop) part.scrollTop = 0;
    });
    if (picture && number === 0) await page.screenshot({ path: picture, animations: "disabled" });
    if (look) {
      await page.evaluate(() => document.querySelectorAll("details").forEach((part) => { part.open = true; }));
      const found = await findings(page);
      told.findings.push(...found.map((finding) => ({ ...finding, way: `${way.colorScheme}, ${way.viewport.width} wide` })));
    }
    await context.close();
  }
  return told;
}

// the browser's own services are off, so that what is logged is of the pages
const browser = await chromium.launch({
  executablePath: options.browser,
  args: ["--no-sandbox", "--disable-gpu", "--disable-dev-shm-usage", "--disable-background-networking", "--disable-component-update"],
});
try {
  const all = [];
  for (const page of options.pages) all.push(await opened(browser, page));
  process.stdout.write(JSON.stringify(all));
} finally {
  await browser.close();
}
