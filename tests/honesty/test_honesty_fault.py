"""No fault: a recovery is only one when the fault was seen on the target to go in. Each on a recorded run, sealed anew."""

from __future__ import annotations

import shutil
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any, Final

import pytest

from harness.evidence import RunDirectory
from harness.evidence.seal import seal
from harness.model import (
    UNFELT,
    Claim,
    DecisionOutcome,
    ExperimentPlan,
    Figure,
    Objective,
    Op,
    Outcome,
    Phase,
    Quantity,
    Scope,
)
from harness.run.deciding import decide
from tests.builders.scenarios import scenario
from tests.plain.scenes import Stage

NAME: Final = "pod-loss"
S: Final = 1_000_000_000
Observed = dict[str, dict[str, Any]]
"""What the chaos child put on record, by kind; times are seconds after the start of the window."""

IN_ORDER: Final[Observed] = {
    "fault.sent": {"at": 1, "activity": "kill a pod"},
    "fault.confirmed": {"at": 2, "probe": "the pod is gone", "hit": [{"kind": "pod", "name": "a", "uid": "u"}]},
}


def _without(kind: str) -> Observed:
    return {key: fields for key, fields in IN_ORDER.items() if key != kind}


class Recorded:
    """A copy of the run that was a GO, in which an experiment is said to have run."""

    def __init__(self, run: Path, *, unfelt: str = "or is not felt") -> None:
        self._directory = RunDirectory(run)
        plan = self._directory.read_plan()
        objective = Objective(
            figure=Figure.RECOVERY,
            op=Op.BELOW,
            limit=Quantity.parse("30 s"),
            scope=Scope(operations=("reads",), experiments=(NAME,), phase=Phase.FAULT),
            sentence=f"reads are served again within 30 s {unfelt}".strip(),
            at="a.feature:3",
            params={UNFELT: unfelt} if unfelt else {},
        )
        row = replace(plan.requirements[0], id="PL-RECOVERY")
        claim = Claim(scenario=scenario("back soon"), requirement=row.id, objectives=(objective,), demands=())
        experiment = ExperimentPlan(name=NAME, file="", domain="pod", within_s=10, hold_s=0, observe_s=30, seconds=10)
        self._plan = replace(
            plan,
            requirements=(*plan.requirements, row),
            claims=(*plan.claims, claim),
            experiments={NAME: experiment},
        )
        self._start_ns = min(
            decide(self._directory).evidence.windows["browse/fault-free"].samples.ints["intended_ns"].tolist()
        )

    def put(self, observed: Observed, *, started: bool = True, journal: dict[str, str] | None = None) -> None:
        """Put an attempt on record."""
        run, child = self._directory.history("run"), self._directory.history(f"chaos-{NAME}")
        if started:
            run.put("experiment.started", NAME, attempt=1, domain="pod", observed_from_ns=self._start_ns)
        for kind, fields in observed.items():
            at_ns = self._start_ns + fields["at"] * S
            child.put(kind, NAME, at_ns=at_ns, **{key: value for key, value in fields.items() if key != "at"})
        if started:
            run.put("restore", NAME, attempt=1, ok=True, at_ns=self._start_ns + 9 * S, why="")
            kept = {"status": "completed"} if journal is None else journal
            until_ns = self._start_ns + 10 * S
            run.put("experiment.ended", NAME, attempt=1, observed_until_ns=until_ns, exit=0, journal=kept, why="")
        pods = self._directory.history("pods")
        if observed:
            gone = {"namespace": "n", "uid": "u", "workload": "w", "region": ""}
            pods.put("pod.deleted", "a", at_ns=self._start_ns + 2 * S, **gone)
        for history in (run, child, pods):
            history.close()

    def judged(self) -> tuple[Outcome, str, DecisionOutcome]:
        """Verdict and reason of the recovery, and the decision."""
        self._directory.write_plan(self._plan)
        seal(self._directory, self._plan)
        judgement = decide(self._directory).judgement
        verdict = next(v for v in judgement.verdicts if v.requirement == "PL-RECOVERY")
        return verdict.outcome, verdict.reason, judgement.decision.outcome


@pytest.fixture
def recorded(scenes: Stage, tmp_path: Path) -> Recorded:
    """A copy of the run that was a GO."""
    return Recorded(Path(shutil.copytree(scenes["go"].run, tmp_path / "run")))


def test_a_fault_that_was_seen_and_not_felt_is_a_pass(recorded: Recorded) -> None:
    """The control of this file: with the fault on record the very same evidence is a GO, recovery 0 s."""
    recorded.put(IN_ORDER)
    outcome, reason, decision = recorded.judged()
    assert (outcome, decision) == (Outcome.PASS, DecisionOutcome.GO), reason


def test_a_fault_that_no_request_met_is_no_pass_of_a_sentence_that_does_not_allow_it(
    scenes: Stage, tmp_path: Path
) -> None:
    """The same evidence without the words: a recovery of 0 s that no request can have shown."""
    felt = Recorded(Path(shutil.copytree(scenes["go"].run, tmp_path / "run")), unfelt="")
    felt.put(IN_ORDER)
    outcome, reason, decision = felt.judged()
    assert (outcome, decision) == (Outcome.INCONCLUSIVE, DecisionOutcome.INCONCLUSIVE)
    assert "the fault affected no request" in reason


Put = Callable[[Recorded], None]


@pytest.mark.parametrize(
    ("put", "why"),
    [
        (lambda run: None, "no record"),
        (lambda run: run.put({}), "no probe of the target confirmed that the fault was active"),
        (lambda run: run.put(_without("fault.sent")), "no probe of the target confirmed that the fault was active"),
        (
            lambda run: run.put(_without("fault.confirmed")),
            "no probe of the target confirmed that the fault was active",
        ),
        (lambda run: run.put({**IN_ORDER, "fault.confirmed": {"at": 2, "hit": []}}), "no pod's uid was observed to go"),
        (lambda run: run.put({**IN_ORDER, "fault.confirmed": {"at": 15, "hit": [{"name": "a"}]}}), "only after 14 s"),
        (lambda run: run.put(IN_ORDER, journal={}), "the experiment wrote no journal"),
        (lambda run: run.put(IN_ORDER, started=False), "no record"),
    ],
    ids=["nothing", "silent", "not sent", "not seen", "hit nothing", "too late", "no journal", "not started"],
)
def test_without_a_fault_there_is_no_verdict(recorded: Recorded, put: Put, why: str) -> None:
    """INCONCLUSIVE with the reason, although every answer was right and in time; never a GO."""
    put(recorded)
    outcome, reason, decision = recorded.judged()
    assert outcome is Outcome.INCONCLUSIVE, reason
    assert decision is DecisionOutcome.INCONCLUSIVE
    assert why in reason
