"""From a cause to its effect: what decides whether it came within a limit."""

from __future__ import annotations

from harness.model import Outcome


def within(limit: float, *, low: float | None, high: float | None, watched: float) -> Outcome:
    """The outcome of an effect that must come within a limit; all in one unit, from the cause on.

    PASS: it had come before the limit. FAIL: it had not come when the limit was over. INCONCLUSIVE: the limit is between the last
    observation without the effect and the first with it, or the watch ended before the limit.

    Args:
        limit: of the sentence.
        low: the last moment known to be without the effect; None: `high`, as what is pushed is known when it changes.
        high: the first moment with the effect; None: it was not seen.
        watched: until when the effect was watched for; used where it was not observed.
    """
    if high is None:
        return Outcome.FAIL if watched >= limit else Outcome.INCONCLUSIVE
    if high < limit:
        return Outcome.PASS
    return Outcome.FAIL if (high if low is None else low) >= limit else Outcome.INCONCLUSIVE
