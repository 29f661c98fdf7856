"""Routes that do not need a service, while it is gone."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace

import numpy as np
from judgement_builders import SPANS, errors, evidence, measures, plan, pod, samples, window

from harness.judgement import judge
from harness.model import Evidence, Figure, Measure, Outcome, Phase, Table, fault_name

PASS, FAIL, INCONCLUSIVE = Outcome.PASS, Outcome.FAIL, Outcome.INCONCLUSIVE
ONE = errors("1 %", phase=Phase.FAULT, experiments=("pod-loss",))
SENTENCE = replace(ONE, figure=Figure.COUPLING)
NEEDS = {"sign-in": (), "read-track": ("track",), "create-track": ("track",), "play-track": ("track",)}
_, START, END = SPANS["pod-loss"]


def gone(*failing_routes: str, one_in: int = 1) -> Evidence:
    """The run in which all of `track` was gone for half a minute, while requests of these routes failed."""
    rows: Table = samples(START, START + 30)
    names = rows.words["name"]
    bad = np.logical_or.reduce([names.equals(route) for route in failing_routes or ("none",)])
    bad &= np.arange(len(rows)) % one_in == 0
    error = rows.words["error"]
    codes = np.where(bad, 0, error.codes).astype(np.int8)
    broken = replace(rows, words={**rows.words, "error": replace(error, codes=codes, names=("status 503",))})
    base = evidence()
    (attempt,) = base.experiments["pod-loss"]
    undone_ns = round((START + 28) * 10**9)
    held = replace(attempt, fault=replace(attempt.fault, undone_ns=undone_ns, gone_ns=undone_ns))
    return replace(
        base,
        experiments={**base.experiments, "pod-loss": (held,)},
        windows={**base.windows, fault_name("pod-loss"): window(broken, START, START + 30, "pod-loss")},
        pods=(
            pod(0, "present", "track-old", "u-old"),
            pod(START + 1.5, "deleted", "track-old", "u-old"),
            pod(START + 28.5, "ready", "track-new", "u-new"),
        ),
    )


def judged(given: Evidence, needs: Mapping[str, tuple[str, ...]] = NEEDS) -> list[Measure]:
    """The measures of the sentence."""
    return measures(judge(plan({"R": SENTENCE}, route_needs=needs), given))


def test_a_route_that_fails_as_long_as_the_service_is_gone_fails() -> None:
    """From the fault to its undo, while before and after it all is well: one cluster, which the harness itself has made."""
    given = gone("sign-in")
    rows = given.windows[fault_name("pod-loss")].samples
    (fault,) = [one.fault for one in given.experiments["pod-loss"]]
    assert fault.confirmed_ns is not None
    at_ns = rows.ints["intended_ns"]

    def failing_until(end_s: float) -> Evidence:
        """Failures from the fault to so many seconds after it, and its undo 15 s after it."""
        (attempt,) = given.experiments["pod-loss"]
        undone_ns = (fault.confirmed_ns or 0) + 15 * 10**9
        mine = (at_ns >= (fault.sent_ns or 0)) & (at_ns < (fault.sent_ns or 0) + round(end_s * 10**9))
        error = rows.words["error"]
        codes = np.where(mine, error.codes, -1).astype(np.int8)
        broken = replace(rows, words={**rows.words, "error": replace(error, codes=codes)})
        windows = {**given.windows, fault_name("pod-loss"): window(broken, START, START + 30, "pod-loss")}
        held = replace(attempt, fault=replace(fault, undone_ns=undone_ns, gone_ns=undone_ns + 10**9))
        return replace(given, windows=windows, experiments={**given.experiments, "pod-loss": (held,)})

    (throughout,) = judged(failing_until(16))
    assert throughout.outcome is FAIL
    (passing,) = judged(failing_until(4))
    assert passing.outcome is INCONCLUSIVE, "a stall at the beginning may be one of many"


def test_a_service_that_was_not_gone_as_a_whole_is_no_evidence() -> None:
    """Another pod of it ran on."""
    other = gone()
    other = replace(other, pods=(pod(0, "present", "track-2", "u-2"), *other.pods))
    (found,) = judged(other)
    assert (found.outcome, "the fault did not hit track-2 of track" in found.reason) == (INCONCLUSIVE, True)


def test_each_service_is_taken_in_turn() -> None:
    """Of one that no experiment took nothing is known; where every route needs what is gone, neither."""
    found = judged(gone(), {**NEEDS, "sign-in": ("user",)})
    assert [(one.outcome, one.scope.get("of", "")) for one in found] == [(PASS, ""), (INCONCLUSIVE, "user")]
    (every,) = judged(gone(), {**NEEDS, "sign-in": ("track",)})
    assert (every.outcome, "every route of the target file uses track, expected one that does not" in every.reason) == (
        INCONCLUSIVE,
        True,
    )


def test_a_route_that_is_never_requested_while_the_service_is_gone_is_not_shown_to_do_without_it() -> None:
    """As where journeys end at their first failure: those in progress when the fault strikes send the last requests of it.

    Of 25 requests a second before the fault none was sent in the second half of the 26 s; at half a request a second 6 would be too few to miss.
    """
    given = gone("create-track", "play-track")

    def without(ends_s: float, base: Evidence = given) -> Evidence:
        """No request of read-track from so many seconds after the beginning of the window."""
        own = base.windows[fault_name("pod-loss")]
        rows = own.samples
        mine = rows.words["name"].equals("read-track") & (rows.ints["intended_ns"] >= own.start_ns + ends_s * 10**9)
        changed = replace(own, samples=rows.where(~mine))
        return replace(base, windows={**base.windows, changed.name: changed})

    needs = {**NEEDS, "read-track": ()}
    for ends_s in (0, 5):
        pooled, one = judged(without(ends_s), needs)
        assert (pooled.outcome, one.outcome, one.scope["group"]) == (PASS, INCONCLUSIVE, "route read-track")
        assert (
            "route read-track was not requested in the last 13 s of the fault, expected about 325 requests"
            in one.reason
        )
    (pooled,) = judged(without(25), needs)
    assert pooled.outcome is PASS
    quiet = given.windows["everyday/fault-free"]
    rarely = ~quiet.samples.words["name"].equals("read-track") | (np.arange(len(quiet.samples)) % 200 == 1)
    rare = replace(given, windows={**given.windows, quiet.name: replace(quiet, samples=quiet.samples.where(rarely))})
    (pooled,) = judged(without(5, rare), needs)
    assert pooled.outcome is PASS


def test_a_service_that_came_back_at_an_unknown_moment_shows_no_route_to_do_without_it() -> None:
    """Its pods were deleted, and nothing was undone: the requests of the window may all be of the time after."""
    given = gone("read-track", "create-track", "play-track")
    (attempt,) = given.experiments["pod-loss"]
    alone = replace(attempt, fault=replace(attempt.fault, undone_ns=None, gone_ns=None))
    pooled, unknown = judged(replace(given, experiments={**given.experiments, "pod-loss": (alone,)}))
    assert (pooled.outcome, unknown.outcome) == (PASS, INCONCLUSIVE)
    assert "the time for which track was stopped was not recorded" in unknown.reason


def test_without_a_record_nothing_is_decided() -> None:
    """The experiment left no window."""
    given = gone()
    given = replace(given, windows={name: one for name, one in given.windows.items() if name != fault_name("pod-loss")})
    assert [one.outcome for one in judged(given)] == [INCONCLUSIVE] * 2
