// Makes a report of one file from a directory of Allure results, by the API of the `allure` package and not by its command: that one
// leaves what was in the output before, lets a file that cannot be read go by, and appends to the history whatever comes out.
//
//   node generate.mjs OPTIONS.json
//
// OPTIONS: packages (directory with node_modules), results, output (must not exist), history (JSON lines, one a run; this run's is
// appended), name, exitCode, categories, expected (how many results and retries there are), decision {fullName, word, go, reasons}.
// Exit code 0: `output`/index.html is there and complete; 1: it is not, and the last line of stderr says why.
import { existsSync, readdirSync, readFileSync, statSync } from "node:fs";
import { join } from "node:path";
import { pathToFileURL } from "node:url";

const options = JSON.parse(readFileSync(process.argv[2], "utf8"));
const wrong = [];
console.error = (...words) => wrong.push(words.map(String).join(" ")); // what Allure only mentions is an error here
const load = (file) => import(pathToFileURL(join(options.packages, "node_modules", "@allurereport", file)));

const ANALYTICS = /<script async src="https:\/\/www\.googletagmanager\.com[^>]*><\/script>\s*<script>\s*window\.dataLayer[\s\S]*?<\/script>/g;

function withoutAnalytics(name, body) {
  if (!name.endsWith(".html")) return body;
  const text = body.toString("utf8").replace(ANALYTICS, "");
  const head = text.replace(/<script[^>]*src="data:[^"]*"[^>]*><\/script>/g, ""); // the application itself, which has words of every kind
  if (/googletagmanager|google-analytics|gtag\(/.test(head)) throw new Error("the analytics of Allure's page could not be removed");
  return Buffer.from(text, "utf8");
}

// What the page's script says otherwise than the harness: [what, text or pattern of it, replacement]. Each is there, or no report is made.
const SCRIPT = [
  [
    "links to the evidence would be text: one without a scheme is shown as text, and ours lead to the files of the run's directory by `../`",
    /(const ([a-z])=[a-z]\.trim\(\);if\(0===\2\.length\)return;const ([a-z])=\2\.match\(\/\^\(\[A-Za-z\]\[A-Za-z0-9\+\.-\]\*\):\/\);if\(!\3\)return);/g,
    '$1 $2.startsWith("../")?$2:void 0;',
  ],
  [
    "INCONCLUSIVE would be called failed: the exit codes are 0 of GO, 1 of NO-GO, and others of a run without a decision",
    /status:0===(\w)\?"passed":"failed"/g,
    'status:0===$1?"passed":1===$1?"failed":"broken"',
  ],
  [
    "a rate would stand for the decision: the ring has the number that passed, and of how many",
    /0===(\w)\.total\?"\?\?\?":`\$\{\w+\(\w\)\}%`/g,
    "`${$1.passed??0}/${$1.total}`",
  ],
  ["the rate", '"successRate":"Success rate: {{rate}}"', '"successRate":"{{rate}} passed"'],
  [
    "the rate",
    /"successRateDescription":"Calculated from passed, failed, and broken[^"]*"/g,
    '"successRateDescription":"The decision is made of the gating requirements, not of this number."',
  ],
  [
    "INCONCLUSIVE and NOT ASSESSED would have the names of Allure's statuses",
    '"failed":"failed","broken":"broken","skipped":"skipped"',
    '"failed":"failed","broken":"inconclusive","skipped":"not assessed"',
  ],
  ["the decision would be a quality gate", '"qualityGates":"Quality Gates"', '"qualityGates":"Decision"'],
  ["the reasons of the decision would be errors", '"globalErrors":"Global Errors"', '"globalErrors":"Reasons"'],
];

function withWords(name, body) {
  if (!name.endsWith(".html")) return body;
  return Buffer.from(
    body.toString("utf8").replace(/(src="data:text\/javascript;base64,)([^"]+)"/g, (_, head, code) => {
      let script = Buffer.from(code, "base64").toString("utf8");
      for (const [what, text, other] of SCRIPT) {
        const found = typeof text === "string" ? script.split(text).length - 1 : (script.match(text)?.length ?? 0);
        if (!found) wrong.push(`a place in the page's script was not found: ${what}`);
        script = script.replaceAll(text, other);
      }
      return `${head}${Buffer.from(script, "utf8").toString("base64")}"`;
    }),
    "utf8",
  );
}

const RATES = ["currentStatus", "successRateDistribution", "stabilityDistribution"]; // charts of shares that passed: none of them is a decision

// The counts at the top are of the requirements' scenarios: the decision is a result among them, and would be one failure more.
function withoutDecision(name, body, { status, transition }, getPieChartValues) {
  if (!name.endsWith(".html")) return body;
  const text = body.toString("utf8");
  const data = (file) => new RegExp(`d\\("widgets/${file}\\.json","([^"]+)"\\)`);
  const code = text.match(data("statistic"))?.[1];
  if (!code || !data("pie_chart").test(text)) {
    wrong.push("the counts of the page were not found: they would count the decision");
    return body;
  }
  const counts = JSON.parse(Buffer.from(code, "base64").toString("utf8"));
  for (const key of ["total", status, ...(transition === "new" ? ["new"] : [])]) counts[key] -= 1;
  const written = (file, value) => `d("widgets/${file}.json","${Buffer.from(JSON.stringify(value), "utf8").toString("base64")}")`;
  const replaced = text
    .replace(data("statistic"), () => written("statistic", counts))
    .replace(data("pie_chart"), () => written("pie_chart", getPieChartValues(counts)));
  return Buffer.from(replaced, "utf8");
}

async function main() {
  if (existsSync(options.output)) throw new Error(`${options.output} is there already`);
  const core = await load("core/dist/index.js");
  const { defaultChartsConfig } = await load("charts-api/dist/index.js");
  const config = await core.resolveConfig(
    {
      name: options.name,
      output: options.output,
      historyPath: options.history,
      categories: options.categories,
      plugins: {
        awesome: {
          options: {
            singleFile: true, // opened from a disk or an artefact; a page of many files is blank there
            groupBy: ["epic", "feature"],
            sections: ["metrics", "charts", "timeline"],
            charts: defaultChartsConfig.filter(({ type }) => !RATES.includes(type)),
            defaultSortBy: "name,asc", // documents and sections by their numbers, the decision before them
          },
        },
        agent: { enabled: false }, // else it is added, with files for language models
      },
    },
    {},
  );
  const { getPieChartValues } = await load("web-commons/dist/index.js");
  const { decision } = options;
  let counted; // the decision as a result
  const add = config.reportFiles.addFile.bind(config.reportFiles);
  config.reportFiles.addFile = (name, body) =>
    add(name, withoutDecision(name, withWords(name, withoutAnalytics(name, body)), counted, getPieChartValues));
  const report = new core.AllureReport(config);
  report.reportName = options.name; // a CI job's name would be put behind it
  await report.start();
  await report.readDirectory(options.results);
  const read = await report.store.allTestResults({ includeRetries: true });
  if (read.length !== options.expected) wrong.push(`${read.length} of ${options.expected} results were read`);
  counted = read.find((result) => result.fullName === decision.fullName);
  const prevents = ({ status, labels }) =>
    status !== "passed" && labels.some(({ name, value }) => name === "tag" && value === "gates");
  report.realtimeDispatcher.sendQualityGateResults([
    {
      success: decision.go,
      rule: decision.word,
      message: decision.reasons,
      expected: "GO",
      actual: decision.word,
      testResults: read.filter((result) => !result.isRetry && prevents(result)).map(({ id }) => id),
    },
  ]);
  report.realtimeDispatcher.sendGlobalExitCode({ original: options.exitCode });
  await report.done();
  const page = join(options.output, "index.html");
  if (!existsSync(page) || statSync(page).size < 100_000) {
    const there = existsSync(options.output) ? readdirSync(options.output).join(", ") : "nothing";
    wrong.push(`no page was written: ${there} in ${options.output}`);
  }
}

try {
  await main();
} catch (error) {
  wrong.push(error.stack ?? String(error));
}
if (wrong.length) {
  process.stderr.write(`${wrong.join("\n")}\n`);
  process.exit(1);
}
process.exit(0);
