"""Journals of Chaos Toolkit of known truth."""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import Any

from tests.builders.chaos_reports import writers as w
from tests.builders.chaos_reports.case import BROKEN, FAULT, HOLDS, VIOLATED, CaseRow, ChaosCase, Edits
from tests.builders.chaos_reports.writers import DAY, DROP
from tests.builders.load_cases import Truth

_MET = "steady_states/after/steady_state_met"
_LAST = "steady_states/after/probes/1/tolerance_met"
_DEVIATED: Edits = {_MET: False, _LAST: False, "deviated": True}
_PROCESS: Edits = {"run/0/activity/provider": w.PROCESS, "experiment/method/0/provider": w.PROCESS}
_HTTP = {"type": "http", "url": "http://faults.example.test"}
_NO_ROLLBACK: Edits = {"experiment/rollbacks": [], "rollbacks": []}
_KILLED: Edits = {"keys": {"nothing_to_undo": ["Orders go on without a pod"]}}
JOURNALS: tuple[CaseRow, ...] = (
    ("passed", HOLDS, "", {}),
    ("passed, of a process", HOLDS, "", {**_PROCESS, "run/0/output": {"status": 0, "stdout": "", "stderr": ""}}),
    ("passed, without an output", HOLDS, "", {"run/0/output": None}),
    ("passed, times without a zone", HOLDS, "", json.loads(w.as_json(w.journal()).replace(b"+00:00", b""))),
    ("passed, checked all the time", HOLDS, "", {"steady_states/during": [w.state(2), w.state(12)]}),
    ("passed, a kill that is declared", HOLDS, "", {**_NO_ROLLBACK, **_KILLED}),
    ("deviated", VIOLATED, "not in its tolerance", _DEVIATED),
    ("deviated, a probe without an answer", VIOLATED, "not in its tolerance", {
        **_DEVIATED, "status": "failed", "steady_states/after/probes/1/status": "failed", "rollbacks": [],
    }),
    ("deviated while the fault was in", VIOLATED, "not in its tolerance", {"steady_states/during": [w.state(12, met=False)]}),
    ("deviated, of another commit", BROKEN, "is of commit", {**_DEVIATED, "origin": {"commit": "0" * 40}}),
    ("an action failed", BROKEN, "`lose a pod` failed", {"run/0/status": "failed"}),
    ("an action failed, and the steady state deviated", BROKEN, "`lose a pod` failed", {**_DEVIATED, "run/0/status": "failed"}),
    ("a process failed", BROKEN, "exit status 3", {**_PROCESS, "run/0/output": {"status": 3, "stdout": "", "stderr": "no"}}),
    ("a process without an exit status", BROKEN, "no exit status", {**_PROCESS, "run/0/output": None}),
    ("a request was refused", BROKEN, "HTTP status 403", {
        "run/0/activity/provider": _HTTP, "experiment/method/0/provider": _HTTP, "run/0/output": {"status": 403},
    }),
    ("no target was selected", BROKEN, "hit nothing", {"run/0/output": []}),
    ("no target was selected, as an object", BROKEN, "hit nothing", {"run/0/output": {"terminated": [], "count": 0}}),
    ("the action says no", BROKEN, "hit nothing", {"run/0/output": False}),
    ("the only action waits", BROKEN, "only wait", {
        "run/0/activity/provider": {"type": "python", "module": "time", "func": "sleep"},
    }),
    ("nothing was run", BROKEN, "0 of 2 activities", {"run": []}),
    ("the method is empty", BROKEN, "no action was run", {"run": [], "experiment/method": []}),
    ("only a probe was run", BROKEN, "no action was run", {"run/0": DROP, "experiment/method/0": DROP}),
    ("half of the method was run", BROKEN, "1 of 2 activities", {"run/1": DROP}),
    ("another method was run", BROKEN, "other activities", {"run/0/activity/name": "look"}),
    ("an unknown provider", BROKEN, "`rpc`, which is not known", {"run/0/activity/provider/type": "rpc"}),
    ("a dry run", BROKEN, "dry run", {"experiment/dry": "activities"}),
    ("a dry run of the pauses", BROKEN, "dry run", {"experiment/dry": "pause"}),
    ("a dry action", BROKEN, "dry run", {"run/0/activity/dry": "actions"}),
)  # fmt: skip
JOURNAL_PROBES: tuple[CaseRow, ...] = (
    ("no steady state", BROKEN, "has no probe", {
        "steady_states/before": None, "steady_states/after": None, "experiment/steady-state-hypothesis": DROP,
    }),
    ("checked only before", BROKEN, "only before the fault", {"steady_states/after": None}),
    ("checked again, and before the fault", BROKEN, "only before the fault", {
        "steady_states/after": None, "steady_states/during": [w.state(2)],
    }),
    ("not steady before", BROKEN, "not met before the fault", {
        "steady_states/before": w.state(0, met=False), "steady_states/after": None, "run": [], "rollbacks": [],
    }),
    ("half of the probes", BROKEN, "1 of 2 probes", {"steady_states/after/probes/1": DROP}),
    ("no probe was read", BROKEN, "0 of 2 probes", {"steady_states/after/probes": []}),
    ("the result is missing", BROKEN, "no result", {_MET: DROP}),
    ("met, and a probe is not", BROKEN, "`prices are shown` is not", {_LAST: False}),
    ("met, and a probe failed", BROKEN, "`prices are shown` is not", {"steady_states/after/probes/1/status": "failed"}),
    ("met, and a probe has no result", BROKEN, "`prices are shown` is not", {_LAST: DROP}),
    ("deviated, and the steady state was met", BROKEN, "`deviated` is true", {"deviated": True}),
    ("not met, and not deviated", BROKEN, "`deviated` is false", {_MET: False, _LAST: False}),
    ("the steady state is of another run", BROKEN, "read before it", {"steady_states/after": w.state(1)}),
    ("a probe of the method failed", BROKEN, "could not be read|`count pods` failed", {"run/1/status": "failed"}),
    ("a deviation before the fault", BROKEN, "not met before the first action", {
        "steady_states/during": [w.state(2, met=False)],
    }),
)  # fmt: skip
JOURNAL_ENDS: tuple[CaseRow, ...] = (
    ("interrupted", BROKEN, "was interrupted", {"status": "interrupted", "rollbacks": []}),
    ("aborted", BROKEN, "was aborted", {"status": "aborted"}),
    ("interrupted after it deviated", BROKEN, "was interrupted", {**_DEVIATED, "status": "interrupted"}),
    ("an unknown status", BROKEN, "`mostly` is not known", {"status": "mostly"}),
    ("no status", BROKEN, "no status", {"status": None}),
    ("failed, and no probe did", BROKEN, "no steady state was missed", {"status": "failed"}),
    ("no end", BROKEN, "does not say when it began and ended", {"end": DROP}),
    ("ended before it began", BROKEN, "outside of the run", {"end": f"{DAY}00:00+00:00"}),
    ("an action without an end", BROKEN, "does not say when `lose a pod`", {"run/0/end": DROP}),
    ("a probe without an end", BROKEN, "does not say when `prices are shown`", {"steady_states/after/probes/1/end": DROP}),
    ("an action without a result", BROKEN, "`lose a pod`: no status", {"run/0/status": DROP}),
    ("an action of another day", BROKEN, "outside of the run", {"run/0/start": "2025-02-19T09:30:10+00:00"}),
    ("the rollback failed", BROKEN, "`give it back` failed", {"rollbacks/0/status": "failed"}),
    ("the rollback was not run", BROKEN, "rollbacks were not run", {"rollbacks": []}),
    ("half of the rollbacks", BROKEN, "1 of 2 rollbacks", {
        "experiment/rollbacks": [w.activity("action", one, w.BACK, 30, None)["activity"] for one in ("give it back", "more")],
    }),
    ("a rollback of another run", BROKEN, "did not run after the fault", {
        "rollbacks/0/start": f"{DAY}30:01+00:00", "rollbacks/0/end": f"{DAY}30:02+00:00",
    }),
    ("the rollback only looks", BROKEN, "undo nothing", {"rollbacks/0/activity/type": "probe"}),
    ("a steady state of a later run", BROKEN, "`orders are taken` ran outside", {
        "steady_states/after/probes/0/start": f"{DAY}50:00+00:00", "steady_states/after/probes/0/end": f"{DAY}50:01+00:00",
    }),
    ("probes of another steady state", BROKEN, "other probes than", {"steady_states/after/probes/0/activity/name": "all is well"}),
    ("kubectl found nothing", BROKEN, "No resources found", {
        **_PROCESS, "run/0/output": {"status": 0, "stdout": "No resources found in shop namespace.", "stderr": ""},
    }),
    ("killed by a signal", BROKEN, "exit status -9", {**_PROCESS, "run/0/output": {"status": -9, "stdout": "", "stderr": ""}}),
    ("an empty list of lists", BROKEN, "hit nothing", {"run/0/output": [[], None]}),
    ("an action in other letters", BROKEN, "of the type `Action`", {"run/0/activity/type": "Action"}),
    ("no rollback", BROKEN, "nothing_to_undo", _NO_ROLLBACK),
    ("a kill, and no probe after it", BROKEN, "no probe passed after", {
        **_NO_ROLLBACK, **_KILLED, "steady_states/after": None, "steady_states/during": [w.state(12)],
    }),
    ("a kill by another name", BROKEN, "not there: another", {**_NO_ROLLBACK, "keys": {"nothing_to_undo": ["another"]}}),
    ("of chaoslib 2", BROKEN, "chaoslib `2.0.0`", {"chaoslib-version": "2.0.0"}),
    ("no version", BROKEN, "chaoslib-version", {"chaoslib-version": DROP}),
    ("a decimal comma", BROKEN, "is not a time", {"end": "2025-02-20 09.31,5"}),
    ("`deviated` in words", BROKEN, "deviated", {"deviated": "no"}),
)  # fmt: skip


def several_journals() -> Iterator[ChaosCase]:
    """Reports of two files."""
    one, other = w.journal(), w.changed(w.journal(), {"experiment/title": "Orders go on without a zone"})
    two = FAULT.replace("1 reported fault", "2 reported faults").replace("its", "their")

    def case(what: str, truth: Truth, cause: str, second: Any, sentence: str = "") -> ChaosCase:
        files = {"a.json": w.as_json(one), "b.json": w.as_json(second)}
        return ChaosCase(kind="chaostoolkit", what=what, files=files, truth=truth, cause=cause, sentence=sentence)

    yield case("two passed", HOLDS, "", other, two)
    yield case("three were asked for", BROKEN, "2 of 2", other, two.replace("2", "3", 1))
    yield case("one of two deviated", VIOLATED, "not in its tolerance", w.changed(other, _DEVIATED))
    yield case("one of two was interrupted", BROKEN, "was interrupted", w.changed(other, {"status": "interrupted"}))
    yield case("one run twice", BROKEN, "count twice", w.changed(one, {"node": "another"}))
    yield case("one file twice", BROKEN, "same contents", one)
