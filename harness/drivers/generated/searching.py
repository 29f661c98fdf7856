"""Lets hypothesis draw requests of one operation, send them, and shrink the first that is answered wrongly."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Final
from unittest import SkipTest

from hypothesis import HealthCheck, Phase, Verbosity, given, seed, settings
from hypothesis.configuration import set_hypothesis_home_dir
from hypothesis.errors import Flaky, HypothesisException
from hypothesis.strategies import SearchStrategy

from harness.clock import Deadline
from harness.drivers.generated.drawn import DrawnRequest
from harness.targets.openapi.answers import GivenAnswer, Judged
from harness.targets.state import state_directory

MOST_SMALLER: Final = 200
"""Maximum number of further requests after a wrong answer, which search for a smaller request."""
_TRIES: Final = 4
"""Draws for each request that is to be sent: some are drawn twice."""
_NO_OTHERS: Final = "no others are drawn"
_SILENT: Final = 3
"""Requests in a row without an answer, after which no more are sent."""


class _WrongAnswerError(Exception):
    """Tells hypothesis that a request was answered wrongly."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Exchange:
    """A request, its answer, and whether that is as expected."""

    request: DrawnRequest
    answer: GivenAnswer
    judged: Judged


@dataclass(kw_only=True, slots=True)
class Search:
    """What was sent for one operation.

    Attributes:
        exchanges: each different request that was drawn, in the order in which they were sent.
        smallest: the shortest request that was answered wrongly; None: none was.
        further: number of requests that searched for a smaller one than the first that was answered wrongly.
        why: why fewer requests were sent than asked for; empty: enough were sent.
        exhausted: whether fewer were sent because no others are drawn.
    """

    exchanges: list[Exchange] = field(default_factory=list)
    why: str = ""
    exhausted: bool = False
    smallest: Exchange | None = None
    further: int = 0


def search(
    requests: SearchStrategy[DrawnRequest],
    ask: Callable[[DrawnRequest], Exchange],
    *,
    count: int,
    number: int,
    deadline: Deadline,
    until: Callable[[Exchange], bool] = lambda _: False,
) -> Search:
    """Send drawn requests until `count` different ones were answered.

    Args:
        requests: what is drawn.
        ask: sends a request.
        count: number of different requests.
        number: seed of the draws: equal seeds draw equal requests, as long as the answers are equal.
        deadline: no request is sent after it.
        until: whether an exchange is the last.
    """
    set_hypothesis_home_dir(state_directory() / "hypothesis")  # else it writes into the project
    found = Search()
    sent: dict[str, Exchange] = {}
    silent = smaller = 0
    done = wrong = False

    @seed(number)
    @settings(
        max_examples=_TRIES * count,
        database=None,
        deadline=None,
        phases=(Phase.generate, Phase.shrink),
        suppress_health_check=tuple(HealthCheck),
        verbosity=Verbosity.quiet,
        report_multiple_bugs=False,
        print_blob=False,
    )
    @given(requests)
    def _one(request: DrawnRequest) -> None:
        nonlocal silent, smaller, done, wrong
        key = repr(request)
        if key not in sent:
            enough = smaller >= MOST_SMALLER if wrong else len(sent) >= count
            if done or enough or deadline.over or silent >= _SILENT:
                raise SkipTest("enough was drawn")  # hypothesis passes it on, which ends the draws
            smaller += wrong
            sent[key] = ask(request)
            silent = 0 if sent[key].answer.status else silent + 1
            done = until(sent[key])
            wrong = wrong or sent[key].judged.ok is False
        if sent[key].judged.ok is False:
            raise _WrongAnswerError

    try:
        _one()
    except (_WrongAnswerError, SkipTest, Flaky):
        pass  # what was found is in `sent`
    except HypothesisException as error:
        found.why = f"no more requests can be drawn ({type(error).__name__})"
    every = [*sent.values()]
    drawn = len(every) - smaller
    found.exchanges, found.further = every[:drawn], smaller
    shortest = sorted(every, key=lambda one: (len(one.request.text), one.request.text))
    found.smallest = next((one for one in shortest if one.judged.ok is False), None)
    if len(sent) < count and not wrong and not done and not found.why:
        reason = _why_fewer(silent=silent, over=deadline.over)
        found.exhausted = reason == _NO_OTHERS
        found.why = f"{len(sent)} of {count} different inputs were sent: {reason}"
    return found


def _why_fewer(*, silent: int, over: bool) -> str:
    """Why the draws ended early."""
    if silent >= _SILENT:
        return "no more answers came"
    return "the time was over" if over else _NO_OTHERS
