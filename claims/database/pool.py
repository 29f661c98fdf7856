"""`pool-burst`: checks that every request beyond the size of the connection pool is answered or refused with 503 in time."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Final

from harness.drivers.check.calls.together import CallAnswer, CallPlan, counted_by, send_together
from harness.drivers.check.claim import claim
from harness.drivers.check.needs import DATABASE, within
from harness.drivers.facts import FactProbe, FactReading
from harness.errors import ConfigurationError
from harness.model import Quantity
from harness.targets import Target

OVER: Final = 10
"""Number of requests sent at once, as a multiple of the connections of the pool."""
_MOST: Final = 2000
_REFUSED: Final = 503


@claim(
    "every request over the pool's size is answered or refused with 503 within <within:duration> during the burst",
    example="every request over the pool's size is answered or refused with 503 within 5 s during the burst",
    needs=(DATABASE, within("database.pool", "the burst is larger than the pool of connections")),
    seconds=3.0,
    touches=("entry",),
)
def pool_burst(target: Target, params: Mapping[str, str]) -> FactProbe:
    """Ten times as many reads at once as the pods of the primary region have connections to the database; as many as there are connections must be answered.

    A burst that failed counts even if a later burst passes.
    """
    pool = target.database.pool if target.database else None
    if pool is None:
        raise ConfigurationError(
            "does not say how large the connection pool is",
            where=f"{target.file}: database.pool",
            hint="write `pool: {connections: 20, read: PATH}`: the connections of all pods of a region, and the path of a read that needs one",
        )
    within_s, count = Quantity.parse(params["within"]).base, min(OVER * pool.connections, _MOST)
    entry = target.doors.get(target.primary_region) or target.entry
    calls = [CallPlan(method="GET", path=pool.read)] * count
    failures: list[str] = []

    def probe() -> Sequence[FactReading]:
        answers = send_together(target, entry, calls, at_once=count, within_s=within_s)
        bad = [answer for answer in answers if not _as_expected(answer)]
        slowest = max(answer.seconds for answer in answers)
        served = sum(_is_answered(answer) for answer in answers)
        observed = f"{counted_by(answers, _in_words)}; the slowest took {slowest:.2f} s"
        if bad or not served:
            failures.append(observed)
        earlier = f"; {failures[0]} in an earlier burst" if failures and not bad and served else ""
        return [
            FactReading(
                subject=f"{count} requests at once, with {pool.connections} connections to the database",
                expected=f"each answered, or refused with {_REFUSED}, within {within_s:g} s; {pool.connections} answered",
                observed=f"{observed}{earlier}",
                ok=False if failures else served >= pool.connections or None,
            )
        ]

    return probe


def _is_answered(answer: CallAnswer) -> bool:
    return 200 <= answer.status < 300


def _as_expected(answer: CallAnswer) -> bool:
    return _is_answered(answer) or answer.status == _REFUSED


def _in_words(answer: CallAnswer) -> str:
    if _is_answered(answer):
        return "answered"
    return f"refused with {answer.status}" if answer.status else answer.why
