"""Steadiness and recovery as asked live: by the judge's rule, the promised latency included."""

from __future__ import annotations

from collections.abc import Callable, Collection
from pathlib import Path
from typing import Any, cast

import pytest

from harness.drivers.watch import LiveView
from harness.evidence import RowWriter
from harness.judgement.recovery import Promise
from harness.model import LEDGER_WRITES, PROBES, SAMPLES
from harness.model.planned.domain import PartsState
from harness.run.health.condition import Condition
from harness.run.health.shares import Shares
from harness.run.health.steady import Steadiness
from tests.fake_clock import FakeClock, S

SENT = 1000


def probed(run: Path, latency_ms: Callable[[float], float]) -> None:
    """Reads and writes every 50 ms from 1000 s to 1040 s, with a latency by their time since 1000 s."""
    reads = RowWriter(run / "watch" / "entry.rows", PROBES)
    writes = RowWriter(run / "watch" / "ledger-writes.rows", LEDGER_WRITES)
    for step in range(800):
        due = SENT * S + step * S // 20
        done = due + round(latency_ms(step / 20) * 1e6)
        sent = {"due_ns": due, "sent_ns": due, "done_ns": done}
        made = {"id": step, "made_ns": due, "accepted_ns": done, "intended_ns": due}
        ints = {**sent, **made, "status": 200}
        words = {"subject": "entry", "kind": "read", "outcome": "accepted"}
        for writer, schema in ((reads, PROBES), (writes, LEDGER_WRITES)):
            writer.put(
                tuple(ints.get(name, 0) for name in schema.ints), tuple(words.get(name) for name in schema.words)
            )
    reads.flush()
    writes.flush()


def looked(run: Path, looks: int, error: Callable[[int], str | None]) -> None:
    """So many reads from 1000 s on, every 50 ms, each with an error or none by its number."""
    reads = RowWriter(run / "watch" / "entry.rows", PROBES)
    for step in range(looks):
        due = SENT * S + step * S // 20
        ints = {"due_ns": due, "sent_ns": due, "done_ns": due, "status": 503 if error(step) else 200}
        words = {"subject": "entry", "kind": "read", "error": error(step)}
        reads.put(tuple(ints.get(name, 0) for name in PROBES.ints), tuple(words.get(name) for name in PROBES.words))
    reads.flush()


@pytest.fixture
def clock(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> FakeClock:
    """A clock that moves only when somebody sleeps, and a run whose watch has begun."""
    (tmp_path / "watch").mkdir()
    return FakeClock.installed(monkeypatch)


def steadiness(run: Path, promised: float | None) -> Steadiness:
    """Of reads and writes below a run directory."""
    return Steadiness(LiveView(run), writes=True, promise=Promise(ms=promised))


def test_answers_later_than_promised_are_not_steady(clock: FakeClock, tmp_path: Path) -> None:
    """All succeed in 900 ms: steady where 1 s is promised or nothing is, not where 200 ms are."""
    probed(tmp_path, lambda _: 900.0)
    clock.sleep(20.0)
    assert [steadiness(tmp_path, promised).now().ok for promised in (None, 1000.0, 200.0)] == [True, True, False]
    assert (
        steadiness(tmp_path, 200.0).now().why == "reads: 100 of 100 requests of the last 5 s succeeded, 0 within 200 ms"
    )


def test_a_service_that_answers_late_is_not_back(clock: FakeClock, tmp_path: Path) -> None:
    """The fault is sent at 5 s, answers take 900 ms until 20 s: back there, and known five seconds and a time-out later."""
    probed(tmp_path, lambda at: 900.0 if 5 <= at < 20 else 20.0)
    late = steadiness(tmp_path, 200.0)
    clock.sleep(25.0)
    assert (late.back_since((SENT + 5) * S), steadiness(tmp_path, None).back_since((SENT + 5) * S)) == (False, True)
    clock.sleep(2.5)
    assert late.back_since((SENT + 5) * S)


@pytest.mark.parametrize(("quiet", "steady"), [(False, True), (True, False)])
def test_what_failed_without_a_fault_says_what_is_as_before(
    clock: FakeClock,
    tmp_path: Path,
    quiet: bool,  # noqa: FBT001
    steady: bool,  # noqa: FBT001
) -> None:
    """Three of the last 100 reads failed, as may be where nothing is known; not where none of 600 failed before the fault."""
    looked(tmp_path, 800, lambda step: "status 503" if step in (690, 700, 720) else None)
    here = Steadiness(LiveView(tmp_path), writes=False, promise=Promise())
    clock.sleep(39.0)
    if quiet:
        here.quiet(SENT * S, (SENT + 30) * S)
    assert here.now() == PartsState(ok=steady, why="reads: 97 of 100 requests of the last 5 s succeeded")
    assert here.back_since((SENT + 31) * S) is steady


def test_what_an_act_does_not_touch_is_not_asked(clock: FakeClock, tmp_path: Path) -> None:
    """Nothing is recorded of the entry: an act on a bus need not wait for it, one on the entry must."""
    here = Condition(steadiness(tmp_path, None), Shares([], {}, requests_per_s=1.0), None)
    assert here.now(("bus",)) == PartsState(ok=True, why="")
    state, waited_s = here.wait(("entry",), within_s=3.0)
    assert (state.ok, state.why, round(waited_s)) == (
        False,
        "reads: no request was recorded in 5 of the last 5 s",
        3,
    )


def test_shares_that_are_off_are_not_as_before(clock: FakeClock, tmp_path: Path) -> None:
    """A region that gives no answers is named before anything else is asked."""
    probed(tmp_path, lambda _: 20.0)
    clock.sleep(20.0)
    rows = RowWriter(tmp_path / "samples-1.rows", SAMPLES)
    region = tuple("eu-west-1" if name == "served_region" else None for name in SAMPLES.words)
    for at in range(100):
        rows.put(tuple(at if name == "done_ns" else 0 for name in SAMPLES.ints), region)
    rows.flush()
    shares = Shares([tmp_path / "samples-1.rows"], {"us-east-1": 1.0}, requests_per_s=20.0)
    here = Condition(steadiness(tmp_path, None), shares, None)
    assert here.now(("entry",)).why == "us-east-1 gives 0 % of the latest 100 answers, expected 100 %"


class Restorer:
    """A cluster in which one deployment did not come back."""

    def baseline(self) -> None:
        """It knows."""

    def restored(self, touches: Collection[str]) -> PartsState:
        """The deployment, where workloads are asked about."""
        gone = "workloads" in touches
        why = "Deployment a/b has 1 of 2 replicas ready" if gone else ""
        return PartsState(ok=not gone, why=why, missing=("Deployment a/b",) if gone else ())


def test_what_did_not_come_back_is_named_also_when_the_entry_is_out(clock: FakeClock, tmp_path: Path) -> None:
    """Nothing is recorded of the entry, which is asked first; given up, every part is asked."""
    clock.sleep(20.0)
    away = cast("Any", Restorer())
    here = Condition(steadiness(tmp_path, None), Shares([], {}, requests_per_s=1.0), away)
    assert here.now(("entry", "workloads")).missing == ()
    assert here.in_full(("entry", "workloads", "nodes")) == PartsState(
        ok=False,
        why="reads: no request was recorded in 5 of the last 5 s; Deployment a/b has 1 of 2 replicas ready",
        missing=("Deployment a/b",),
    )


def test_a_target_that_serves_half_of_its_requests_is_judged_and_one_that_serves_fewer_is_down(
    clock: FakeClock, tmp_path: Path
) -> None:
    """A bad release is proven bad; a probe that never succeeds, as of a misspelt path, proves nothing."""
    looked(tmp_path, 400, lambda step: "status 404" if step % 2 == 1 or step >= 200 else None)
    steadiness = Steadiness(LiveView(tmp_path), writes=False, promise=Promise())
    clock.sleep(10.0)
    assert steadiness.down() == ""
    clock.sleep(10.0)
    assert steadiness.down() == "reads: 0 of 100 requests of the last 5 s succeeded"
    clock.sleep(20.0)
    assert steadiness.down() == "reads: 0 of 0 requests of the last 5 s succeeded"
