"""Lets hypothesis draw requests of one operation, send them, and shrink the first that is answered wrongly."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Final

from hypothesis import HealthCheck, Phase, Verbosity, given, seed, settings
from hypothesis.configuration import set_hypothesis_home_dir
from hypothesis.errors import Flaky, HypothesisException
from hypothesis.strategies import SearchStrategy

from harness.clock import Deadline
from harness.drivers.generated.answers import GivenAnswer, Judged
from harness.drivers.generated.drawn import DrawnRequest
from harness.targets.state import state_directory

MOST_SMALLER: Final = 200
"""Maximum number of requests that look for a smaller one, after one was answered wrongly."""
_TRIES: Final = 4
"""Draws for each request that is to be sent: some are drawn twice."""
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
        exchanges: each different request, in the order in which they were sent.
        why: why fewer requests were sent than asked for; empty: enough were sent.
        exhausted: whether fewer were sent because no others are drawn.
    """

    exchanges: list[Exchange] = field(default_factory=list)
    why: str = ""
    exhausted: bool = False

    @property
    def smallest(self) -> Exchange | None:
        """The shortest request that was answered wrongly."""
        wrong = [one for one in self.exchanges if one.judged.ok is False]
        return min(wrong, key=lambda one: (len(one.request.text), one.request.text), default=None)


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
                return
            smaller += wrong
            sent[key] = ask(request)
            silent = 0 if sent[key].answer.status else silent + 1
            done = until(sent[key])
            wrong = wrong or sent[key].judged.ok is False
        if sent[key].judged.ok is False:
            raise _WrongAnswerError

    try:
        _one()
    except _WrongAnswerError:
        pass
    except Flaky:
        pass  # the search for a smaller request ended before hypothesis was done
    except HypothesisException as error:
        found.why = f"no more requests can be drawn ({type(error).__name__})"
    found.exchanges = [*sent.values()]
    if len(sent) < count and not wrong and not done and not found.why:
        found.exhausted = not deadline.over and silent < _SILENT
        reason = (
            "no others are drawn"
            if found.exhausted
            else "no more answers came"
            if silent >= _SILENT
            else "the time was over"
        )
        found.why = f"{len(sent)} of {count} different inputs were sent: {reason}"
    return found
