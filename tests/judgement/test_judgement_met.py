"""A failover that no request had to go through proves nothing of failing over."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from judgement_builders import (
    SPANS,
    S,
    down,
    evidence,
    experiment,
    failing,
    measures,
    ns,
    plan,
    pod,
    reads,
    recovery,
    with_experiment,
    with_ints,
    with_words,
    writes,
)

from harness.judgement import judge
from harness.judgement.receipts.faults.met import unmet
from harness.model import UNFELT, Evidence, Hit, Outcome, Table

STANDBY = Hit(kind="pod", name="pg-1", namespace="us-east-1", uid="u-standby", region="us-east-1", workload="pg")
SAYS = "database-loss: the fault affected no request: failed and slow requests were as frequent as before the fault, and no hit object had answered a user"


def standby_killed(probes: Table | None = None, written: Table | None = None) -> Evidence:
    """A run in which the member that serves nobody is killed, and every request is answered as before."""
    base = evidence()
    attempt = experiment("database-loss", *SPANS["database-loss"])
    attempt = replace(attempt, fault=replace(attempt.fault, hit=(STANDBY,)))
    gone = replace(pod(111.5, "deleted", "pg-1", "u-standby"), workload="pg")
    run = with_experiment([attempt], base)
    return replace(
        run,
        probes=reads() if probes is None else probes,
        ledger=replace(run.ledger, writes=writes() if written is None else written),
        pods=(*run.pods, gone),
    )


def test_a_standby_that_serves_nobody_was_killed_and_nothing_failed_over() -> None:
    """Reads, writes and users are INCONCLUSIVE, and say why."""
    found = measures(judge(plan({"R": recovery("30 s", "database-loss", params={})}), standby_killed()))
    recovered = [one for one in found if one.name.startswith("recovery")]
    assert {one.outcome for one in recovered} == {Outcome.INCONCLUSIVE}
    assert all(SAYS in one.reason for one in recovered)


def test_an_experiment_that_nobody_met_says_so_whatever_the_sentence() -> None:
    """In its own result."""
    judgement = judge(
        plan({"R": recovery("30 s", "database-loss", params={UNFELT: "or is not felt"})}), standby_killed()
    )
    result = next(one for one in judgement.experiments if one.name == "database-loss")
    assert (result.unmet, result.reason) == (True, "its receipts are ok, and the fault affected no request")
    assert not next(one for one in judge(plan(), evidence()).experiments if one.name == "database-loss").unmet


def test_failures_that_come_anyway_are_no_sign() -> None:
    """One read and one write in a hundred fails, before the fault as under it."""
    read, written = reads(), writes()
    run = standby_killed(
        failing(read, np.arange(7, len(read), 100)),
        with_words(written, np.arange(3, len(written), 100), outcome="unknown"),
    )
    assert unmet(plan(), run, run.experiments["database-loss"][-1])


@pytest.mark.parametrize("what", ["read fails", "read is slow", "write fails", "pod answered", "primary"])
def test_one_request_that_meets_the_fault_is_enough(what: str) -> None:
    """Where none failed or was slow before."""
    read, written = reads(), writes()
    at = int(np.searchsorted(read.ints["sent_ns"], ns(113)))
    match what:
        case "read fails":
            run = standby_killed(failing(read, [at]))
        case "read is slow":
            run = standby_killed(with_ints(read, [at], done_ns=int(read.ints["sent_ns"][at]) + S // 5))
        case "write fails":
            run = standby_killed(written=down(written, 113, 113.05, "outcome", "unknown"))
        case "pod answered":
            run = standby_killed()
            window = run.windows["experiment:pod-loss/fault"]
            samples = with_words(window.samples, slice(-300, None), served_pod="pg-1")
            run = replace(run, windows={**run.windows, window.name: replace(window, samples=samples)})
        case _:
            run = standby_killed()
            change = replace(run.leaders[0], at_ns=ns(112), before="pg-1", after="pg-2")
            run = replace(run, leaders=(*run.leaders, change))
    assert not unmet(plan(), run, run.experiments["database-loss"][-1])


def test_a_region_that_answered_users_was_met() -> None:
    """Its nodes went, and the others took its users over without a failure."""
    run = standby_killed()
    assert not unmet(plan(), run, run.experiments["region-loss"][-1])
    others = {
        name: replace(
            window, samples=with_words(window.samples, slice(None), served_region="eu-west-1", served_pod=None)
        )
        for name, window in run.windows.items()
    }
    attempt = run.experiments["region-loss"][-1]
    assert unmet(plan(), replace(run, windows=others), attempt)
