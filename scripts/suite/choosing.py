"""Chooses the tests of a commit: `choose` says which tests are kept, and why each.

A greedy cover by what a second buys. First what must be there (tests of frozen runs and of bugs that were once found, one test of each seam), then the
changes that tests notice, then every line that some test runs, then a case of each function, until the suite's time or size is used up.
"""

from __future__ import annotations

import heapq
from collections.abc import Collection, Mapping
from dataclasses import dataclass, field
from typing import Final

from scripts.suite.records import Ran

CHANGE: Final = 40.0
"""What it is worth that one more change is noticed, beside a line that is run for the first time."""
AGAIN: Final = 0.25
"""What it is worth that a second function runs a line, or notices a change."""
FUNCTION: Final = 4.0
"""What the first case of a function is worth."""
LEAST: Final = 0.03
"""What the smallest test costs, with what pytest does around it."""


@dataclass(kw_only=True)
class Need:
    """What a test offers: lines as bits of a number, and changes that it notices."""

    lines: int
    changes: frozenset[str]


@dataclass(kw_only=True)
class Chosen:
    """The tests that are kept, each with the reason."""

    why: dict[str, str] = field(default_factory=dict)
    cost: float = 0.0


def choose(
    ran: Mapping[str, Ran],
    needs: Mapping[str, Need],
    always: Collection[str],
    *,
    most: int,
    within: float,
) -> Chosen:
    """The tests of a commit.

    Args:
        ran: all tests.
        needs: what each offers; a test without lines of the harness is missing.
        always: functions (`file::name`) whose every case is kept.
        most: so many cases at most.
        within: what they may cost together, in seconds.
    """
    chosen = Chosen()
    state = _State(ran, needs, chosen)
    for one in ran.values():
        if one.function in always:
            state.take(one.test, "always")
    for seam, test in sorted(_cheapest_of_seams(ran).items()):
        state.take(test, seam)
    heap = [(-state.worth(test), test) for test in ran]
    heapq.heapify(heap)
    while heap and len(chosen.why) < most and chosen.cost < within:
        _, test = heapq.heappop(heap)
        worth = state.worth(test)
        if worth <= 0 or test in chosen.why:
            continue
        if heap and worth < -heap[0][0]:
            heapq.heappush(heap, (-worth, test))
        elif chosen.cost + ran[test].cost <= within:
            state.take(test, "strength")
    return chosen


def _cheapest_of_seams(ran: Mapping[str, Ran]) -> dict[str, str]:
    found = dict[str, str]()
    for one in sorted(ran.values(), key=lambda one: (one.cost, one.test)):
        for seam in one.seams:
            found.setdefault(seam, one.test)
    return found


class _State:
    """What is covered so far."""

    def __init__(self, ran: Mapping[str, Ran], needs: Mapping[str, Need], chosen: Chosen) -> None:
        self._ran, self._needs, self._chosen = ran, needs, chosen
        self._once = self._twice = 0
        self._noticed: dict[str, int] = {}
        self._functions: set[str] = set()

    def worth(self, test: str) -> float:
        """By second; 0: it offers nothing that is not there."""
        one = self._ran[test]
        found = 0.0 if one.function in self._functions else FUNCTION
        if need := self._needs.get(test):
            found += (need.lines & ~self._once).bit_count() + AGAIN * (
                need.lines & self._once & ~self._twice
            ).bit_count() * (one.function not in self._functions)
            found += CHANGE * sum({0: 1.0, 1: AGAIN}.get(self._noticed.get(change, 0), 0.0) for change in need.changes)
        return found / (one.cost + LEAST)

    def take(self, test: str, why: str) -> None:
        """Keep it."""
        if test in self._chosen.why:
            return
        one = self._ran[test]
        self._chosen.why[test] = why
        self._chosen.cost += one.cost
        if need := self._needs.get(test):
            if one.function not in self._functions:
                self._twice |= self._once & need.lines
            self._once |= need.lines
            for change in need.changes:
                self._noticed[change] = self._noticed.get(change, 0) + 1
        self._functions.add(one.function)
