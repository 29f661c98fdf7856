// Makes a report of one file from a directory of Allure results, by the API of the `allure` package and not by its command: that one
// leaves what was in the output before, lets a file that cannot be read go by, and appends to the history whatever comes out.
//
//   node generate.mjs OPTIONS.json
//
// OPTIONS: packages (directory with node_modules), results, output (must not exist), history (JSON lines, one a run; this run's is
// appended), name, exitCode, categories, expected (how many results and retries there are). Exit code 0: `output`/index.html is there
// and complete; 1: it is not, and the last line of stderr says why.
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

// Allure shows a link without a scheme as text. Those of ours lead from the report to the files of the run's directory, all by `../`.
const NO_SCHEME =
  /(const ([a-z])=[a-z]\.trim\(\);if\(0===\2\.length\)return;const ([a-z])=\2\.match\(\/\^\(\[A-Za-z\]\[A-Za-z0-9\+\.-\]\*\):\/\);if\(!\3\)return);/g;

function withRelativeLinks(name, body) {
  if (!name.endsWith(".html")) return body;
  return Buffer.from(
    body.toString("utf8").replace(/(src="data:text\/javascript;base64,)([^"]+)"/g, (_, head, code) => {
      const script = Buffer.from(code, "base64").toString("utf8");
      const found = script.match(NO_SCHEME)?.length ?? 0;
      if (!found) wrong.push("the page's rule for links was not found: links to the evidence would be text");
      return `${head}${Buffer.from(script.replace(NO_SCHEME, '$1 $2.startsWith("../")?$2:void 0;'), "utf8").toString("base64")}"`;
    }),
    "utf8",
  );
}

async function main() {
  if (existsSync(options.output)) throw new Error(`${options.output} is there already`);
  const core = await load("core/dist/index.js");
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
            defaultSortBy: "name,asc", // documents and sections by their numbers, the decision before them
          },
        },
        agent: { enabled: false }, // else it is added, with files for language models
      },
    },
    {},
  );
  const add = config.reportFiles.addFile.bind(config.reportFiles);
  config.reportFiles.addFile = (name, body) => add(name, withRelativeLinks(name, withoutAnalytics(name, body)));
  const report = new core.AllureReport(config);
  report.reportName = options.name; // a CI job's name would be put behind it
  await report.start();
  await report.readDirectory(options.results);
  const read = await report.store.allTestResults({ includeRetries: true });
  if (read.length !== options.expected) wrong.push(`${read.length} of ${options.expected} results were read`);
  report.realtimeDispatcher.sendGlobalExitCode({ original: options.exitCode, actual: options.exitCode });
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
