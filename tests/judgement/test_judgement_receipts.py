"""Rule 6: the proofs that watch, fault and restore were there."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import numpy as np
import pytest
from judgement_builders import evidence, experiment, node, ns, plan, pod, reads, recovery, with_experiment

from harness.judgement import judge
from harness.judgement.receipts.faults.attempts import counted_attempt
from harness.judgement.receipts.faults.fault import fault_receipt
from harness.judgement.receipts.faults.restore import restore_receipt
from harness.judgement.receipts.watch import blind_share, watch_receipt
from harness.model import Evidence, FaultWindow, Outcome, Restore, Table, WatchSource

PLAN = plan()


def watched(base: Evidence, rows: Table, limit_s: float = 1e9) -> tuple[bool | None, str]:
    """The receipt of the entry's watcher over the first minute."""
    receipt = watch_receipt(base, "entry", rows.ints["sent_ns"], (0, ns(60)), limit_s=limit_s)
    return receipt.ok, receipt.why


@pytest.mark.parametrize(
    ("source", "trouble"),
    [
        ({}, "the watcher 'entry' wrote no record"),
        (
            {"entry": WatchSource(name="entry", spacing_ms=50, closed=False)},
            "the watcher 'entry': its file is incomplete: the writer did not close it",
        ),
        ({"entry": WatchSource(name="entry", spacing_ms=50, closed=True, why="cut")}, "the watcher 'entry': cut"),
    ],
)
def test_what_spoils_a_watch(source: dict[str, WatchSource], trouble: str) -> None:
    """A watcher that left no complete record has seen nothing."""
    assert watched(replace(evidence(), watchers=source), reads()) == (False, trouble)


@pytest.mark.parametrize(
    ("at_ms", "limit_s", "ok", "said"),
    [
        ([250], 1e9, True, "1 probes, longest gap 250 ms"),
        ([249], 1e9, True, "1 probes, longest gap 251 ms, more than 250 ms, so the resolution is wider"),
        ([249], 2.51, True, "1 probes, longest gap 251 ms, more than 250 ms, so the resolution is wider"),
        ([249], 2.5, False, "the watcher 'entry' sent no probe for 0.251 s, more than a tenth of the limit"),
    ],
)
def test_a_gap_may_be_250_ms_or_a_tenth_of_the_limit(at_ms: list[int], limit_s: float, ok: bool, said: str) -> None:  # noqa: FBT001
    """Both edges included; one look is a look."""
    sent = np.array(at_ms) * 1_000_000
    receipt = watch_receipt(evidence(), "entry", sent, (0, ns(0.5)), limit_s=limit_s)
    assert (receipt.ok, receipt.why) == (ok, said)


def test_a_watch_without_a_look_is_none() -> None:
    """All looks came later."""
    assert watched(evidence(), reads(70, 80)) == (False, "the watcher 'entry' sent no probe in that time")


@pytest.mark.parametrize(("ms", "ok"), [(164, True), (250, True), (251, False)])
def test_a_window_that_is_shorter_than_a_gap_may_be_needs_no_look(ms: int, ok: bool) -> None:  # noqa: FBT001
    """As between two faults: a watcher that looks each 200 ms may have looked before and after it alone."""
    receipt = watch_receipt(evidence(), "entry", np.array([-1, 300]) * 1_000_000, (0, ms * 1_000_000))
    assert receipt.ok is ok


@pytest.mark.parametrize(("gap_ms", "share"), [(250, 0.0), (251, 0.0251)])
def test_a_gap_of_exactly_250_ms_is_not_blind(gap_ms: int, share: float) -> None:
    """Ten seconds from the hundredth on, one gap in them; a span of nothing has no share."""
    due = ns(100) + np.concatenate([np.arange(0, 5000, 50), np.arange(4950 + gap_ms, 10_000, 50)]) * 1_000_000
    assert blind_share(due, (ns(100), ns(110))) == pytest.approx(share)
    assert blind_share(due, (ns(100), ns(100))) == 0


FAULT = experiment("pod-loss", "pod", 70, 100)
UNSENT = replace(FAULT, fault=replace(FAULT.fault, sent_ns=None))


def test_a_fault_is_proven_by_what_the_target_says(subtests: pytest.Subtests) -> None:
    """In, in time, on something, and held."""
    for attempt, ok, said in [
        (FAULT, True, "pod-loss: the fault was confirmed on the target after 1 s: track-old"),
        (replace(UNSENT, ran=False, why="not steady"), False, "pod-loss: the experiment was not run: not steady"),
        (replace(UNSENT, ran=False), False, "pod-loss: the experiment was not run: no reason was recorded"),
        (
            replace(FAULT, ran=False, why="the experiment did not complete"),
            False,
            "pod-loss: the fault was sent, and the experiment did not complete",
        ),
        (replace(FAULT, journal={}), None, "pod-loss: the experiment wrote no journal"),
        (
            replace(FAULT, fault=replace(FAULT.fault, confirmed_ns=None)),
            None,
            "pod-loss: no probe of the target confirmed that the fault was active",
        ),
        (replace(FAULT, fault=replace(FAULT.fault, sent_ns=None, why="no probe")), None, "pod-loss: no probe"),
        (
            replace(FAULT, fault=replace(FAULT.fault, hit=())),
            False,
            "pod-loss: the fault was confirmed, and no pod's uid was observed to go",
        ),
        (
            replace(FAULT, domain="network", fault=replace(FAULT.fault, hit=())),
            True,
            "pod-loss: the fault was confirmed on the target after 1 s: read by its probe",
        ),
        (
            replace(FAULT, fault=replace(FAULT.fault, confirmed_ns=ns(82))),
            False,
            "pod-loss: the fault was active only after 11 s, expected within 10 s",
        ),
        (
            replace(FAULT, fault=replace(FAULT.fault, undone_ns=ns(90), gone_ns=ns(80))),
            False,
            "pod-loss: the fault had ended before it was undone",
        ),
        (replace(FAULT, fault=replace(FAULT.fault, undone_ns=ns(90), gone_ns=ns(91))), True, None),
        (
            replace(FAULT, fault=replace(FAULT.fault, confirmed_ns=ns(70))),
            None,
            "pod-loss: the recorded times of the fault are out of order, expected sent, active, undone",
        ),
        (
            replace(FAULT, fault=replace(FAULT.fault, undone_ns=ns(71.5), gone_ns=ns(80))),
            None,
            "pod-loss: the recorded times of the fault are out of order, expected sent, active, undone",
        ),
        (replace(FAULT, name="unplanned"), True, None),
    ]:
        with subtests.test(said, attempt=attempt):
            receipt = fault_receipt(PLAN, evidence(), attempt)
            assert receipt.ok is ok
            assert said in (None, receipt.why)


def test_a_file_without_a_block_is_told_what_to_write() -> None:
    """Its chaos.log would not help: the fault may have gone in, and nothing says so."""
    stock = replace(FAULT, domain="unknown", fault=replace(FAULT.fault, confirmed_ns=None))
    receipt = fault_receipt(PLAN, evidence(), stock)
    assert (receipt.ok, receipt.why) == (
        None,
        "pod-loss: the experiment file names no probe that confirms the fault",
    )
    assert receipt.hint == (
        "name the probe as `confirmed_by` in a block `harness` under the file's `extensions` (docs/adding-an-experiment.md), then run again"
    )
    failed = replace(stock, fault=replace(stock.fault, why="the probe failed"))
    assert fault_receipt(PLAN, evidence(), failed).hint == "", "a reason of its own has the hint of its own"


def test_of_a_held_fault_it_must_be_known_when_it_was_undone() -> None:
    """Else what came back on heal could pass for a recovery."""
    held = experiment("database-loss", "database", 110, 150)
    assert fault_receipt(PLAN, evidence(), held).ok
    receipt = fault_receipt(PLAN, evidence(), replace(held, fault=replace(held.fault, undone_ns=None)))
    assert (receipt.ok, receipt.why) == (None, "database-loss: the time at which the fault was undone was not recorded")


@pytest.mark.parametrize(
    ("restore", "said"),
    [
        (Restore(ok=True), "pod-loss: restored"),
        (Restore(ok=False, why="a pod is missing"), "pod-loss: a pod is missing"),
        (Restore(ok=None), "pod-loss: the restore of the target was not verified"),
    ],
)
def test_a_restore_is_proven_by_the_target_as_before(restore: Restore, said: str) -> None:
    """Nobody looked is not yes."""
    receipt = restore_receipt(evidence(), replace(FAULT, restore=restore))
    assert (receipt.ok, receipt.why) == (restore.ok, said)


def test_a_restore_that_names_what_did_not_come_back_proves_nothing() -> None:
    """It says that all is as before, too: one of the two is wrong."""
    contradicted = Restore(ok=True, missing=("eu/web-1",))
    receipt = restore_receipt(evidence(), replace(FAULT, restore=contradicted))
    said = "pod-loss: the record says both that the target was restored and that eu/web-1 is missing"
    assert (receipt.ok, receipt.why) == (None, said)


@pytest.mark.parametrize(
    ("changes", "steps", "ok", "said"),
    [
        ({}, 0, True, "restored"),
        ({"gone_by": "home-again"}, 0, True, "restored"),
        ({"gone_by": "home-again", "gone_ns": None, "stays": "home-again"}, 0, False, "home-again: the end of the fault was not observed"),
        ({"gone_by": "home-again", "gone_ns": None}, 0, None, "home-again: it was not recorded whether the fault had ended"),
        ({"gone_ns": None}, 0, True, "restored"),
        ({}, 1, False, "an undo step was left to a person"),
        ({}, 2, False, "2 undo steps were left to a person"),
    ],
)  # fmt: skip
def test_a_fault_that_is_not_out_is_no_restore(changes: dict[str, Any], steps: int, ok: bool | None, said: str) -> None:  # noqa: FBT001
    """Entry and workloads are as before, and the database still leads from elsewhere: only `gone_by` sees that."""
    base = experiment("database-loss", "database", 110, 150, manual_steps=steps)
    attempt = replace(base, fault=replace(base.fault, **changes))
    receipt = restore_receipt(with_experiment([attempt]), attempt)
    assert (receipt.ok, receipt.why) == (ok, f"database-loss: {said}")
    asked = plan({"R": recovery("4 h", "database-loss")})
    (verdict,) = judge(asked, with_experiment([attempt])).verdicts
    assert verdict.outcome is (Outcome.PASS if ok else Outcome.INCONCLUSIVE)


@pytest.mark.parametrize(
    ("journal", "again", "ok", "said"),
    [
        ({"steady_after": "met"}, False, True, "restored"),
        ({"steady_after": "not asked"}, False, True, "restored"),
        ({"steady_after": "not met", "unmet": "consistent"}, True, True, "restored"),
        ({"steady_after": "not met", "unmet": "consistent"}, False, None, "consistent of the steady-state hypothesis was not met after the method, and no record shows that it was met after the rollbacks"),
    ],
)  # fmt: skip
def test_a_hypothesis_that_stays_lost_is_no_restore(
    journal: dict[str, str], said: str, *, again: bool, ok: bool | None
) -> None:
    """Reads and workloads are as before; what the file's own probe asks for is not."""
    base = experiment("database-loss", "database", 110, 150)
    attempt = replace(base, journal={**base.journal, **journal}, steady_again=again)
    receipt = restore_receipt(with_experiment([attempt]), attempt)
    assert (receipt.ok, receipt.why) == (ok, f"database-loss: {said}")
    asked = plan({"R": recovery("4 h", "database-loss")})
    (verdict,) = judge(asked, with_experiment([attempt])).verdicts
    assert verdict.outcome is (Outcome.PASS if ok else Outcome.INCONCLUSIVE)


@pytest.mark.parametrize(
    ("back_at", "said"), [(164.5, "us-east-1a was Ready again 30.5 s before the fault was undone"), (195.0, ""), (195.5, "")]
)  # fmt: skip
def test_a_node_that_comes_back_by_itself_was_not_held(back_at: float, said: str) -> None:
    """Power was back after 3 s, and users were served by the very region that should have been lost."""
    run = evidence()
    (attempt,) = run.experiments["region-loss"]
    run = replace(run, nodes=(node(0, "present"), node(161.5, "unready"), node(back_at, "ready")))
    receipt = fault_receipt(PLAN, run, attempt)
    assert (receipt.ok, receipt.why.endswith(said)) == (not said, True)


@pytest.mark.parametrize(
    ("name", "uid", "back_at", "said"),
    [
        ("pg-0", "u-new", 114.0, "pg-0 was Ready again 21 s before the fault was undone"),
        ("pg-0", "u-new", 136.0, ""),
        ("pg-0", "u-pg", 114.0, ""),
        ("pg-1", "u-new", 114.0, ""),
    ],
)
def test_a_primary_that_is_started_anew_has_not_failed_over(name: str, uid: str, back_at: float, said: str) -> None:
    """An autoscaler of nodes gave its pod another place while the fault was to keep it away: what was measured is a restart."""
    run = evidence()
    (attempt,) = run.experiments["database-loss"]
    attempt = replace(attempt, fault=replace(attempt.fault, undone_ns=ns(135)))
    run = replace(run, pods=(*run.pods, pod(back_at, "ready", name, uid)))
    receipt = fault_receipt(PLAN, run, attempt)
    assert (receipt.ok, receipt.why.endswith(said)) == (not said, True)


@pytest.mark.parametrize(("held", "ok"), [(True, True), (None, None), (False, False)])
def test_a_fault_that_ends_within_its_hold_was_not_held(
    held: bool | None,  # noqa: FBT001
    ok: bool | None,  # noqa: FBT001
) -> None:
    """Its confirming probe is asked once more at the end; a record without that answer does not tell."""
    (attempt,) = evidence().experiments["database-loss"]
    attempt = replace(attempt, fault=replace(attempt.fault, held=held))
    assert fault_receipt(PLAN, with_experiment([attempt]), attempt).ok is ok


def test_a_restart_by_the_files_own_action_is_named() -> None:
    """The receipt is ok, and says what was measured."""
    (attempt,) = evidence().experiments["pod-loss"]
    attempt = replace(attempt, fault=replace(attempt.fault, restarted_ns=(attempt.fault.sent_ns or 0) + 3_000_000_000))
    receipt = fault_receipt(PLAN, with_experiment([attempt]), attempt)
    assert receipt.ok
    assert receipt.why.endswith("; the experiment itself restarted the hit object after 3 s, so a restart was measured")


def test_a_restore_by_the_platforms_procedure_is_named_with_what_it_restored() -> None:
    """As far as the procedure said it."""
    (attempt,) = evidence().experiments["database-loss"]
    procedure = replace(attempt.fault, restarted_ns=(attempt.fault.sent_ns or 0) + 3_000_000_000)
    for restored, what in (("", "a restore"), ("base/3", "a restore from base/3")):
        lost = replace(attempt, domain="members", fault=replace(procedure, domain="members", restored_from=restored))
        why = fault_receipt(PLAN, with_experiment([lost]), lost).why
        assert f"; the platform's procedure was started after 3 s, so {what} was measured" in why


def test_the_last_attempt_with_its_receipts_counts() -> None:
    """Then the last with a fault, then the last; of none, none."""
    good = experiment("pod-loss", "pod", 70, 100)
    broken = replace(good, attempt=2, restore=Restore(ok=False))
    skipped = replace(good, attempt=3, ran=False, fault=FaultWindow(experiment="pod-loss", domain="pod"))

    def counted(*attempts: object) -> object:
        found = counted_attempt(PLAN, with_experiment(attempts), "pod-loss")  # type: ignore[arg-type]
        return found and found.attempt

    assert counted(good, broken, skipped) == 1
    assert counted(broken, skipped) == 2
    assert counted(skipped) == 3
    assert counted(good, replace(good, attempt=2)) == 2
    assert counted_attempt(PLAN, evidence(), "nothing") is None
