"""Which acts share their time, and how long a run of them is expected to take."""

from __future__ import annotations

import pytest

from harness.model import Act
from harness.model.planned.domain import common
from harness.run.acts.sharing import expected_s, together
from tests.builders.plans import act


def shared(name: str, *touches: str, seconds: float = 10.0) -> Act:
    """An act that may share its time."""
    return act(name, touches=touches, shared=True, seconds=seconds)


@pytest.mark.parametrize(
    ("one", "other", "meets"),
    [
        (("workloads",), ("workloads",), True),
        (("workloads/frontend",), ("workloads",), True),
        (("workloads",), ("entry", "workloads/frontend"), True),
        (("workloads/frontend",), ("workloads/frontend-api",), False),
        (("workloads/frontend", "machine/cpu"), ("workloads/gateway", "machine/memory"), False),
        (("workloads/frontend", "machine/cpu"), ("workloads/gateway", "machine/cpu"), True),
        ((), ("workloads",), False),
    ],
)
def test_a_thing_of_a_part_has_that_part_in_common_with_others(
    *, one: tuple[str, ...], other: tuple[str, ...], meets: bool
) -> None:
    """Either way round; a name that only begins alike is another thing."""
    assert (common(one, other), common(other, one)) == (meets, meets)


def test_only_neighbours_without_traffic_share_their_time() -> None:
    """Reads together, then shared loads together; what is not shared, and what has traffic, alone."""
    acts = [
        act("check a"),
        act("check b"),
        shared("hold a", "workloads/a"),
        shared("hold b", "workloads/b"),
        act("check c", touches=("database",)),
        shared("hold d", "workloads/d"),
        shared("hold e", "workloads/e"),
        act("everyday/fault-free", "traffic", traffic="everyday"),
        act("rotation", traffic="everyday"),
    ]
    assert [[one.name for one in group] for group in together(acts)] == [
        ["check a", "check b"],
        ["hold a", "hold b"],
        ["check c"],
        ["hold d", "hold e"],
        ["everyday/fault-free"],
        ["rotation"],
    ]


def test_what_runs_at_the_same_time_is_not_counted_twice() -> None:
    """Five reads of 4 s by four: 8 s. Loads of 72 s and 24 s on a common part: 96 s, with one of 30 s beside them."""

    def seconds_of(*acts: Act) -> float:
        return expected_s(acts, lambda one: one.seconds)

    assert seconds_of(*(act(f"check {at}", seconds=4.0) for at in range(5))) == 8.0
    loads = [
        shared("hold a", "workloads/a", "machine/cpu", seconds=72.0),
        shared("hold b", "workloads/b", "machine/cpu", seconds=24.0),
        shared("hold c", "workloads/c", "machine/memory", seconds=30.0),
    ]
    assert seconds_of(*loads) == 96.0
    assert seconds_of(*loads, act("check a", seconds=5.0), act("check b", touches=("entry",), seconds=6.0)) == 107.0
    assert seconds_of() == 0.0
