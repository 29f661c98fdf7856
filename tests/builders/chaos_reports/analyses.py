"""AnalysisRuns of Argo Rollouts of known truth."""

from __future__ import annotations

from tests.builders.chaos_reports import writers as w
from tests.builders.chaos_reports.case import BROKEN, FAULT, HOLDS, VIOLATED, CaseRow, Edits
from tests.builders.chaos_reports.writers import DAY, DROP

_STATUS = "status"
_ERRORS = "status/metricResults/0"
_SMOKE = "status/metricResults/1"
_FAILED: Edits = {
    f"{_STATUS}/phase": "Failed", f"{_ERRORS}/phase": "Failed", f"{_ERRORS}/failed": 1, f"{_ERRORS}/successful": 2,
    f"{_ERRORS}/measurements/2/phase": "Failed", f"{_STATUS}/runSummary": {"count": 2, "successful": 1, "failed": 1},
}  # fmt: skip
ANALYSES: tuple[CaseRow, ...] = (
    ("passed", HOLDS, "", {}),
    ("passed, without `completedAt`", HOLDS, "", {f"{_STATUS}/completedAt": DROP}),
    ("passed after enough in a row", HOLDS, "", {"spec/metrics/0/count": 9, "spec/metrics/0/consecutiveSuccessLimit": 3}),
    ("a metric failed", VIOLATED, "`errors`", _FAILED),
    ("both metrics failed", VIOLATED, "`smoke`", {
        **_FAILED, f"{_SMOKE}/phase": "Failed", f"{_SMOKE}/failed": 1, f"{_SMOKE}/successful": 0,
        f"{_SMOKE}/measurements/0/phase": "Failed", f"{_STATUS}/runSummary": {"count": 2, "failed": 2},
    }),
    ("a metric failed, and is terminated", BROKEN, "was terminated", {**_FAILED, "spec/terminate": True}),
    ("a metric failed, of another commit", BROKEN, "is of commit", {**_FAILED, "origin": {"commit": "0" * 40}}),
    ("no metric", BROKEN, "has no metric", {"spec/metrics": [], f"{_STATUS}/metricResults": [], f"{_STATUS}/runSummary": {}}),
    ("no result", BROKEN, "`runSummary`", {f"{_STATUS}/metricResults": DROP}),
    ("a metric has no result", BROKEN, "`smoke` was not measured", {_SMOKE: DROP, f"{_STATUS}/runSummary": DROP}),
    ("running", BROKEN, "`Running`", {f"{_STATUS}/phase": "Running"}),
    ("in error", BROKEN, "`Error`", {f"{_STATUS}/phase": "Error", f"{_ERRORS}/phase": "Error"}),
    ("inconclusive", BROKEN, "`Inconclusive`", {f"{_STATUS}/phase": "Inconclusive", f"{_ERRORS}/phase": "Inconclusive"}),
    ("an unknown phase", BROKEN, "`Fine` is not known", {f"{_STATUS}/phase": "Fine"}),
    ("no phase", BROKEN, "no phase", {f"{_STATUS}/phase": DROP}),
    ("terminated", BROKEN, "was terminated", {"spec/terminate": True}),
    ("terminated, by its message", BROKEN, "was terminated", {f"{_STATUS}/message": "Run Terminated"}),
    ("no start", BROKEN, "does not say when", {f"{_STATUS}/startedAt": DROP}),
    ("measured after its end", BROKEN, "measured after its end", {f"{_STATUS}/completedAt": f"{DAY}30:20Z"}),
    ("all dry", BROKEN, "dry runs", {f"{_ERRORS}/dryRun": True, f"{_SMOKE}/dryRun": True, f"{_STATUS}/runSummary": {}}),
    ("a dry metric failed", BROKEN, "`errors` is Failed", {
        f"{_ERRORS}/dryRun": True, f"{_ERRORS}/phase": "Failed", f"{_ERRORS}/failed": 3, f"{_ERRORS}/successful": 0,
        **{f"{_ERRORS}/measurements/{number}/phase": "Failed" for number in range(3)},
        f"{_STATUS}/runSummary": {"count": 1, "successful": 1},
    }),
    ("measured before it began", BROKEN, "measured before it began", {f"{_ERRORS}/measurements/0/finishedAt": f"{DAY}29:00Z"}),
    ("dry by what was asked for", BROKEN, "`dryRun` names", {"spec/dryRun": [{"metricName": "*"}]}),
    ("a metric that cannot fail", BROKEN, "no condition", {"spec/metrics/0/successCondition": DROP}),
    ("an empty condition", BROKEN, "no condition", {"spec/metrics/0/successCondition": " "}),
    ("ended before it began", BROKEN, "measured after its end|does not say when", {f"{_STATUS}/completedAt": f"{DAY}00:00Z"}),
    ("successful, and a metric is not", BROKEN, "one of its metrics is not", {f"{_ERRORS}/phase": "Failed"}),
    ("failed, and no metric did", BROKEN, "none of its metrics is", {f"{_STATUS}/phase": "Failed"}),
    ("a summary of other metrics", BROKEN, "`runSummary`", {f"{_STATUS}/runSummary/count": 5}),
    ("a Rollout", BROKEN, "`Rollout`", {"kind": "Rollout"}),
    ("asked for a fault", BROKEN, "inject no fault", {"sentence": FAULT}),
)  # fmt: skip
MEASUREMENTS: tuple[CaseRow, ...] = (
    ("no measurement", BROKEN, "no measurement", {
        f"{_SMOKE}/measurements": DROP, f"{_SMOKE}/count": DROP, f"{_SMOKE}/successful": DROP,
    }),
    ("no measurement is listed", BROKEN, "and lists 0", {f"{_SMOKE}/measurements": []}),
    ("fewer than asked for", BROKEN, "1 of 3 times", {_ERRORS: w.metric_result("errors", "30:10")}),
    ("without a count", BROKEN, "only a termination ends it", {"spec/metrics/0/count": DROP}),
    ("a measurement whose end is empty", BROKEN, "is not a time", {f"{_ERRORS}/measurements/2/finishedAt": ""}),
    ("a count that is no number", BROKEN, "which is not a number", {"spec/metrics/0/count": "{{args.many}}"}),
    ("a failure within the limit", BROKEN, "1 failed measurement, within", {
        f"{_ERRORS}/failed": 1, f"{_ERRORS}/successful": 2, f"{_ERRORS}/measurements/2/phase": "Failed",
    }),
    ("an inconclusive measurement", BROKEN, "1 inconclusive measurement", {
        f"{_ERRORS}/inconclusive": 1, f"{_ERRORS}/successful": 2, f"{_ERRORS}/measurements/2/phase": "Inconclusive",
    }),
    ("an error within the limit", BROKEN, "1 erroneous measurement", {
        f"{_ERRORS}/error": 1, f"{_ERRORS}/measurements": [
            {"phase": "Error", "finishedAt": f"{DAY}30:05Z"}, *w.metric_result("errors", "30:10 30:30 30:50")["measurements"],
        ],
    }),
    ("counts that do not add up", BROKEN, "do not add up", {f"{_ERRORS}/successful": 2}),
    ("more failures listed than counted", BROKEN, "lists 1 measurements that are Failed", {
        f"{_ERRORS}/measurements/1/phase": "Failed",
    }),
    ("fewer listed than counted", BROKEN, "and lists 2", {f"{_ERRORS}/measurements/2": DROP}),
    ("a measurement that runs", BROKEN, "phase `Running`", {f"{_ERRORS}/measurements/2/phase": "Running"}),
    ("a measurement without an end", BROKEN, "without an end", {f"{_ERRORS}/measurements/2/finishedAt": DROP}),
    ("a count with a decimal comma", BROKEN, "count", {f"{_ERRORS}/count": "3,0"}),
)  # fmt: skip
