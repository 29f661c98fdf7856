"""A request that is on its way when a fault is sent tells of the fault, and not of the time before it."""

from __future__ import annotations

from dataclasses import replace
from typing import Final

import numpy as np
import pytest

from harness.judgement import judge
from harness.judgement.decisions.quiet_harm import quiet_harm
from harness.judgement.receipts.faults.attempts import spared_ns
from harness.model import DecisionOutcome, Evidence, Table, fault_free_name
from harness.model.judged.harm import Harm
from harness.model.records.table import Bools
from tests.builders.core_plan import core_plan
from tests.builders.core_run import core_evidence
from tests.honesty.edits import changed, probes, requests

FIRST: Final = fault_free_name("everyday")
FAULT_S: Final = core_evidence().windows[FIRST].end_ns / 1e9
"""When the first fault is sent, on the builder's clock."""


def failing(rows: Table, column: str, *, since_s: float, until_s: float, done_s: float) -> Table:
    """The rows that were due in a span before the first fault, failed, and done at a moment."""

    def there(all_of: Table) -> Bools:
        at_ns = all_of.ints[column]
        reads = (
            all_of.words["name"].equals("read-track")
            if "name" in all_of.words
            else np.ones(len(all_of), dtype=np.bool_)
        )
        return np.asarray(reads & (at_ns >= round(since_s * 1e9)) & (at_ns < round(until_s * 1e9)), dtype=np.bool_)

    return changed(rows, there, status=503, error="status 503", done_ns=round(done_s * 1e9))


def failed(*, since_s: float, until_s: float, done_s: float) -> Evidence:
    """The healthy run, some of whose users' reads of tracks failed, as no other record tells of them; seconds before and after the first fault."""
    times = {"since_s": FAULT_S + since_s, "until_s": FAULT_S + until_s, "done_s": FAULT_S + done_s}
    return requests(core_evidence(), lambda rows: failing(rows, "intended_ns", **times))


@pytest.mark.parametrize(
    ("since_s", "until_s", "done_s", "decision"),
    [
        pytest.param(-0.2, 0.0, 1.4, DecisionOutcome.GO, id="on their way when the fault was sent"),
        pytest.param(-0.2, -0.1, -0.05, DecisionOutcome.INCONCLUSIVE, id="done before it"),
        pytest.param(-3.2, -3.0, 1.4, DecisionOutcome.INCONCLUSIVE, id="in trouble long before it"),
    ],
)
def test_what_was_on_its_way_when_a_fault_was_sent_is_the_fault_s(
    since_s: float, until_s: float, done_s: float, decision: DecisionOutcome
) -> None:
    """Five reads fail that were sent in the last moments before a pod is killed; in any other moment they keep the run from GO."""
    judged = judge(core_plan(), failed(since_s=since_s, until_s=until_s, done_s=done_s))
    assert judged.decision.outcome is decision


def test_a_probe_that_was_on_its_way_is_no_harm_of_the_time_before() -> None:
    """Of health probes a tenth may fail for a moment without harm; a whole second of them may not."""
    run, plan = core_evidence(), core_plan()
    spared = spared_ns(plan, run)
    run = replace(run, windows={name: replace(w, spared_ns=spared.get(name, 0)) for name, w in run.windows.items()})
    times = {"since_s": FAULT_S - 0.9, "until_s": FAULT_S}

    def harm(done_s: float) -> int:
        edited = probes(run, lambda rows: failing(rows, "due_ns", **times, done_s=FAULT_S + done_s))
        return dict(quiet_harm(plan, edited))[Harm.HEALTH_FAILED]

    assert harm(done_s=1.0) == 0
    assert harm(done_s=-0.01) > 0


def test_only_windows_that_a_fault_or_a_candidate_ended_spare_requests() -> None:
    """The last one ends with the load, which is told to stop, and spares none."""
    spared = spared_ns(core_plan(), core_evidence())
    assert FIRST in spared
    assert "everyday/after-faults" not in spared
    assert set(spared.values()) == {1_000_000_000}
