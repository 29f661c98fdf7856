"""Which acts of a plan run at the same time, and how long they take.

Acts without traffic share their time if they touch nothing, or if each is `shared` and no two of them touch a common part. An act is
`shared` only where the others cannot change what it measures: a window that is shared could otherwise convict a good release. An act
under traffic never is: the windows of a traffic follow each other, and each fault, rollout and figure has its own.
"""

from __future__ import annotations

from itertools import groupby
from typing import TYPE_CHECKING, Final

from harness.model.planned.domain import common

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator, Sequence

    from harness.model import Act

SIDE_BY_SIDE: Final = 4
"""Largest number of acts that run at the same time."""


def together(acts: Iterable[Act]) -> Iterator[list[Act]]:
    """The acts in groups, in their order: neighbours that may run at the same time, any other act alone."""
    for alone, some in groupby(acts, key=_alone):
        neighbours = list(some)
        if alone:
            yield from ([act] for act in neighbours)
        else:
            yield from (list(each) for _, each in groupby(neighbours, key=lambda act: act.shared))


def _alone(act: Act) -> bool:
    return bool(act.traffic or (act.touches and not act.shared))


def longest_first(acts: Iterable[Act]) -> list[Act]:
    """The acts of one group in the order in which they are begun, each once it is `startable`."""
    return sorted(acts, key=lambda act: -act.seconds)


def startable(waiting: Sequence[Act], running: Iterable[Act]) -> Act | None:
    """The first waiting act that may begin now; None while all must wait for one of those that run."""
    now = list(running)
    if len(now) >= SIDE_BY_SIDE:
        return None
    return next((act for act in waiting if not any(common(act.touches, one.touches) for one in now)), None)


def expected_s(acts: Iterable[Act], seconds: Callable[[Act], float]) -> float:
    """Expected duration of acts in s, with those that run at the same time counted as they are begun and end."""
    return sum(_group_s(group, seconds) for group in together(acts))


def _group_s(acts: Sequence[Act], seconds: Callable[[Act], float]) -> float:
    """Time in s until the last act of a group has ended."""
    waiting, now_s = longest_first(acts), 0.0
    running: list[tuple[float, Act]] = []
    while waiting or running:
        while (act := startable(waiting, (one for _, one in running))) is not None:
            waiting.remove(act)
            running.append((now_s + seconds(act), act))
        first = min(running, key=lambda each: each[0])
        running.remove(first)
        now_s = first[0]
    return now_s
