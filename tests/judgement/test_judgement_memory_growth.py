"""Growth of resident memory after warm-up, extrapolated to the length of a soak."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

import numpy as np
import pytest
from judgement_builders import evidence, measures, ns, objective, observation, plan, pod

from harness.judgement import judge
from harness.judgement.figures.spec import Offered
from harness.judgement.figures.trends.memory_growth import SPEC
from harness.model import Evidence, Figure, Measure, Objective, Observation, Op, Outcome, PodChange, Quantity

PASS, FAIL, INCONCLUSIVE = Outcome.PASS, Outcome.FAIL, Outcome.INCONCLUSIVE
Holds = Callable[[float], float]
MB = 1e6
NAME = "us-east-1/user-service-0/user-service"


def sentence(soak_s: float = 180.0) -> Objective:
    """Less than 10 MB in a soak of three minutes; the fault-free window is one."""
    times = {"soak": Quantity(value=soak_s, unit="s")}
    return objective(Figure.MEMORY_GROWTH, Op.BELOW, "10 MB", times=times)


def reads(holds: Holds, *, name: str = NAME, from_s: float = 0.0, until: float = 60.0) -> tuple[Observation, ...]:
    """A sample each second, read every ten seconds with five seconds that were read before."""
    found = []
    for at in range(10, 61, 10):
        seconds = [s for s in range(at - 15, at) if from_s <= s < until]
        samples = {
            "at_s": [float(s - at) for s in seconds],
            "taken_s": [1.7e9 + s for s in seconds],
            "bytes": [holds(s) for s in seconds],
        }
        fields = {"traffic": "everyday", "workload": "user-service", "at_ns": ns(at), "why": "", **samples}
        found.append(observation("memory.read", name, at, "memory", **fields))
    return tuple(found)


def judged(*read: Observation, one: Objective | None = None, pods: tuple[PodChange, ...] = ()) -> list[Measure]:
    """The measures of the sentence."""
    base: Evidence = replace(evidence(), pods=(*evidence().pods, *pods))
    given = replace(base, observations=(*base.observations, *read))
    return measures(judge(plan({"R": one or sentence()}), given))


def noise(at: float) -> float:
    """A few pages, always the same at the same time."""
    return float(np.random.default_rng(int(at)).integers(0, 16)) * 4096


def leaking(bytes_a_second: float) -> Holds:
    """40 MB and so much more each second."""
    return lambda at: 40 * MB + bytes_a_second * at + noise(at)


@pytest.mark.parametrize(
    ("bytes_a_second", "outcome"),
    [(0.0, PASS), (20e3, PASS), (48e3, PASS), (70e3, FAIL), (300e3, FAIL)],
)
def test_the_slope_is_judged_over_the_whole_soak(bytes_a_second: float, outcome: Outcome) -> None:
    """10 MB in 180 s are 55.6 kB a second, of which 45 s are observed."""
    (found,) = judged(*reads(leaking(bytes_a_second)))
    assert found.outcome is outcome, found.reason
    assert found.unit == "MB"
    if outcome is PASS:
        assert found.value == pytest.approx(bytes_a_second * 180 / MB, abs=1.0)


def test_what_is_filled_once_is_no_growth_unless_it_is_more_than_the_limit() -> None:
    """30 MB in the first quarter, and 3 MB at once after half a minute; 12 MB at once are more than may be."""
    warm = [lambda at: (40 + min(at, 14) * 2) * MB + noise(at), lambda at: (43 if at > 30 else 40) * MB + noise(at)]
    assert [judged(*reads(holds))[0].outcome for holds in warm] == [PASS, PASS]
    (found,) = judged(*reads(lambda at: (52 if at > 30 else 40) * MB + noise(at)))
    assert found.outcome is FAIL
    assert found.value == pytest.approx(12, abs=0.1)


def test_each_container_is_judged_by_itself() -> None:
    """One of them leaks."""
    found = judged(*reads(leaking(0.0)), *reads(leaking(200e3), name="eu-west-1/api-gateway-1/api-gateway"))
    assert {one.scope["of"]: one.outcome for one in found} == {"eu-west-1/api-gateway-1/api-gateway": FAIL, NAME: PASS}


@pytest.mark.parametrize(
    ("read", "why"),
    [
        ((), "Prometheus was not queried for the memory of any container"),
        (reads(leaking(0.0), until=0.0), "the resident memory of this container is not exposed"),
        (reads(leaking(0.0), until=50.0), "the resident memory has no sample for 11 s"),
        (reads(leaking(0.0), from_s=30.0), "the resident memory has no sample for 15 s"),
    ],
)
def test_memory_that_was_not_seen_is_not_known(read: tuple[Observation, ...], why: str) -> None:
    """Of the whole part that is judged, not of a half of it."""
    (found,) = judged(*read)
    assert (found.outcome, why in found.reason) == (INCONCLUSIVE, True), found.reason


def test_a_container_that_was_started_again_is_not_decided() -> None:
    """Its memory began anew."""
    change = replace(pod(30, "restarted", "user-service-0", "u"), workload="user-service")
    (found,) = judged(*reads(leaking(0.0)), pods=(change,))
    assert (found.outcome, "the container was restarted in the window" in found.reason) == (INCONCLUSIVE, True)


def test_a_window_that_is_too_short_says_how_long_it_must_be() -> None:
    """A soak of an hour takes a window of 800 s, sixfold and with its warm-up; the plan says so beforehand."""
    (found,) = judged(*reads(leaking(0.0)), one=sentence(3600.0))
    assert (found.outcome, found.because.hint) == (
        INCONCLUSIVE,
        "let the traffic run for at least 800 s in the fault-free window, then run again",
    )
    offered = Offered(requests=9000, probes=100, window_s=60.0)
    (lack,) = SPEC.lacks(sentence(3600.0), offered)
    assert (lack.window_s, lack.grows) == (800, False)
    assert not list(SPEC.lacks(sentence(), offered))


@pytest.mark.parametrize(
    ("change", "expected"),
    [
        ({}, [PASS, INCONCLUSIVE]),
        ({"workload": "web"}, [PASS]),
        ({"at_ns": ns(30)}, [PASS]),
        ({"ready": False}, [PASS]),
        ({"namespace": "us-east-1"}, [PASS]),
    ],
    ids=["another region", "another workload", "it came later", "not ready", "the same region"],
)
def test_a_workload_is_read_in_each_namespace_where_a_pod_of_it_was(
    change: dict[str, object], expected: list[Outcome]
) -> None:
    """All the time, and ready; a region that was not read may leak."""
    there = replace(pod(0, "present", "far", "far"), workload="user-service", ready=True)
    far = replace(there, namespace="eu-west-1", region="eu-west-1")
    found = judged(*reads(leaking(0.0)), pods=(replace(far, **change),))  # type: ignore[arg-type]
    assert [one.outcome for one in found] == expected
    assert found[-1].outcome is PASS or found[-1].reason == "the resident memory of eu-west-1/user-service was not read"
