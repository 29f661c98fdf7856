"""What services say of themselves, once what they need is gone."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from judgement_builders import down, every, evidence, measures, objective, plan, table

from harness.judgement import judge
from harness.model import PROBES, ClockStep, Evidence, Figure, Measure, Op, Outcome, Phase, Table, WatchSource
from harness.model.records.recorded import SERVICE
from tests.builders.recorder import ns

PASS, FAIL, INCONCLUSIVE = Outcome.PASS, Outcome.FAIL, Outcome.INCONCLUSIVE
FAILING = objective(Figure.SERVICE_HEALTH, Op.BELOW, "10 s", experiments=("database-loss",), phase=Phase.FAULT)


def health(service: str, per_s: float = 2.0) -> Table:
    """Answers of one service about itself, all well."""
    due = every(90, 160, per_s)
    words = {"subject": service, "kind": SERVICE, "connection": "kept", "status": 200}
    return table(PROBES, len(due), due_ns=due, sent_ns=due, done_ns=due + 4_000_000, **words)


def run(*rows: Table) -> Evidence:
    """The primary dies at 111 s and may come back at 145 s."""
    base = evidence()
    services = WatchSource(name="services", spacing_ms=500.0, closed=True)
    watchers = {**base.watchers, "services": services}
    return replace(base, probes=Table.merged(PROBES, [base.probes, *rows]), watchers=watchers)


def judged(given: Evidence) -> dict[str, Measure]:
    """The measures, by service."""
    return {one.scope.get("service", ""): one for one in measures(judge(plan({"R": FAILING}), given))}


def test_every_service_that_says_so_in_time_passes() -> None:
    """One after a second, one after three."""
    found = judged(run(down(health("a"), 112, 140, word="status 503"), down(health("b"), 114, 140, word="timeout")))
    assert {name: one.outcome for name, one in found.items()} == {"a": PASS, "b": PASS}
    assert [one.value for one in found.values()] == [1.004, 3.004]
    assert (
        "a, database-loss: 1.004 s after the fault the service reported that it fails, expected within 10 s"
        in found["a"].reason
    )


@pytest.mark.parametrize("rows", [health("b"), down(health("b"), 112, 112.4), down(health("b"), 130, 140)])
def test_one_that_says_that_it_is_well_fails(rows: Table) -> None:
    """To the end, but for a single answer that was lost, or for too long."""
    found = judged(run(down(health("a"), 112, 140), rows))
    assert {name: one.outcome for name, one in found.items()} == {"a": PASS, "b": FAIL}


@pytest.mark.parametrize(("since", "outcome"), [(120.4, PASS), (120.6, INCONCLUSIVE), (121.1, FAIL)])
def test_a_limit_between_two_answers_is_not_decided(since: float, outcome: Outcome) -> None:
    """Asked every half second: a good answer asked for at 9.5 s and a failing one at 10.004 s leave 10 s open; a good one at 10 s does not."""
    (found,) = judged(run(down(health("a"), since, 140))).values()
    assert found.outcome is outcome
    assert found.low is not None
    assert found.high == pytest.approx(found.low + 0.504)
    assert (found.reason.count("its last healthy answer was requested 9.5 s after the fault") > 0) is (since == 120.6)


def test_one_that_failed_before_proves_nothing() -> None:
    """Its answers say nothing of the fault."""
    assert judged(run(down(health("a"), 108, 140)))["a"].outcome is INCONCLUSIVE


def test_services_that_were_not_asked_prove_nothing() -> None:
    """None at all, for two seconds around the fault, or by a watcher whose record has no end."""
    assert judged(run())[""].outcome is INCONCLUSIVE
    rows = health("a")
    asked = rows.ints["sent_ns"]
    first = asked.min()
    gap = (asked >= first + 20_000_000_000) & (asked < first + 24_000_000_000)
    assert judged(run(rows.where(~gap)))["a"].outcome is INCONCLUSIVE
    torn = run(down(rows, 112, 140))
    torn = replace(torn, watchers={**torn.watchers, "services": replace(torn.watchers["services"], closed=False)})
    assert judged(torn)["a"].outcome is INCONCLUSIVE


def test_a_starved_machine_makes_services_fail_and_none_well() -> None:
    """Failing answers prove nothing there; good ones to the end do."""
    rows = run(down(health("a"), 112, 140), health("b"))
    sent = rows.probes.ints["sent_ns"]
    late = np.where(rows.probes.words["subject"].equals("entry"), 80_000_000, 0)
    ints = {**rows.probes.ints, "sent_ns": sent + late, "done_ns": rows.probes.ints["done_ns"] + late}
    starved = replace(rows, probes=replace(rows.probes, ints=ints))
    found = measures(judge(plan({"R": FAILING}, environment="sandbox"), starved))
    assert {one.scope["service"]: one.outcome for one in found} == {"a": INCONCLUSIVE, "b": FAIL}
    assert "Not decided: the machine was starved" in found[0].reason


def test_a_harness_that_slept_knows_not_how_soon_a_service_failed() -> None:
    """A second by its clock, and 40 s that it did not count; a service that read well to the end did so for longer still."""
    slept = ClockStep(from_ns=ns(112), until_ns=ns(113), ahead_s=40.0, slept=True)
    found = judged(replace(run(down(health("a"), 112, 140), health("b")), clock_steps=(slept,)))
    assert {name: one.outcome for name, one in found.items()} == {"a": INCONCLUSIVE, "b": FAIL}
    assert "Not decided: the machine of the harness slept for 40 s" in found["a"].reason
