"""`calls-limited` and `others-unharmed`: check what becomes of calls over the declared rate, and of other clients meanwhile.

Before a burst every client calls at less than the declared rate and must be served. After it, the check ends only once the client that
sent it is served again, so that nothing else meets its limit.
"""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from typing import Final

from harness import clock
from harness.drivers.check.bursts.sending import CallingClient, LimitedAnswer, send_for
from harness.drivers.check.bursts.size import (
    BURST_LEVELS,
    CONFIDENT,
    OVER,
    PROVEN,
    Burst,
    allowed,
    at_most,
    burst_beside,
    burst_over,
)
from harness.drivers.check.claim import claim
from harness.drivers.check.sessions.callers import callers
from harness.drivers.claim import SentenceForm
from harness.drivers.facts import FactProbe, FactReading
from harness.errors import ConfigurationError
from harness.model import FactAmount, Quantity
from harness.model.planned.need import RequiredKey
from harness.targets import Target
from harness.targets.files.sessions import LimitedClient, Limits
from harness.targets.trust.browser import SignedCaller
from harness.units import NS_PER_S

DURING_BURST: Final = SentenceForm(
    "during-burst",
    "<what:noun> during the burst",
    "One client sends more calls than the declared rate allows.",
)
LIMITS: Final = (RequiredKey("limits", "the declared rate, and the clients that call, are needed"),)
_CONTROL_S: Final = 5.0
_AGAIN_S: Final = 60.0
"""Longest time for which the check waits until the client is served again."""


@claim(
    DURING_BURST,
    "at least <share:ratio> of the calls over the declared rate got 429 with Retry-After",
    about="The first client of `limits` sends so much that the calls that a right limit may still serve are few; every answer is counted.",
    example="at least 95 % of the calls over the declared rate got 429 with Retry-After during the burst",
    needs=LIMITS,
    seconds=15.0,
    touches=("entry",),
    again=False,
)
def calls_limited(target: Target, params: Mapping[str, str]) -> FactProbe:
    """The calls of one client over the declared rate, by their answers."""
    limits, share = limits_of(target), Quantity.parse(params["share"]).base

    def probe() -> Sequence[FactReading]:
        burst = burst_over(limits)
        if isinstance(burst, str):
            return [_undecided("calls over the declared rate", f"at least {100 * share:g} % got 429", burst)]
        with _clients(target, limits.clients[:1]) as (client,):
            if unserved := _unserved(target, limits, [client]):
                return unserved
            sender = _at(client, burst.per_s)
            answers = send_for(target, limits.path, [sender], burst.seconds)[client.name]
            _wait_until_served(target, limits, client)
            return [limited_reading(limits, answers, share)]

    return probe


@claim(
    DURING_BURST,
    "the error rate of every other client is below <limit:ratio>",
    about="The first client of `limits` sends a burst, the others call at three quarters of the declared rate; what they get is counted.",
    example="the error rate of every other client is below 1 % during the burst",
    needs=LIMITS,
    seconds=35.0,
    touches=("entry",),
    again=False,
)
def others_unharmed(target: Target, params: Mapping[str, str]) -> FactProbe:
    """The calls of the other clients while one sends a burst: all that are not answered with 2xx are errors."""
    limits, limit = limits_of(target), Quantity.parse(params["limit"]).base
    expected = f"error rate below {100 * limit:g} %"

    def probe() -> Sequence[FactReading]:
        burst = burst_beside(limits, limit)
        if len(limits.clients) < 2:
            burst = "`limits.clients` names one client: name two or more, so that there are others"
        if isinstance(burst, str):
            return [_undecided("calls of the other clients", expected, burst)]
        with _clients(target, limits.clients) as clients:
            if unserved := _unserved(target, limits, clients):
                return unserved
            return _beside(target, limits, clients, burst, limit)

    return probe


def _beside(
    target: Target, limits: Limits, clients: Sequence[CallingClient], burst: Burst, limit: float
) -> list[FactReading]:
    """The facts of a burst; where a few failures leave its answer open, of a second one with it."""
    sender, others = _at(clients[0], burst.per_s), [_at(one, burst.others_per_s) for one in clients[1:]]
    answers, sent, facts = defaultdict[str, list[LimitedAnswer]](list), list[FactReading](), list[FactReading]()
    for level in BURST_LEVELS:
        came = send_for(target, limits.path, [sender, *others], burst.seconds)
        _wait_until_served(target, limits, clients[0])
        sent.append(_sent_reading(limits, came[sender.name]))
        for one in others:
            answers[one.name] += came[one.name]
        facts = [unharmed_reading(one.name, answers[one.name], limit, level) for one in others]
        if all(fact.ok is not None for fact in facts):
            break
    return [*sent, *facts]


def limits_of(target: Target) -> Limits:
    """The section `limits`. Raises ConfigurationError if the file has none."""
    if target.limits is None:
        hint = "write `limits: {calls: 20, in: 1 s, path: /tracks/1, clients: [{user: viewer}, {user: editor}]}`"
        raise ConfigurationError("declares no rate limit", where=f"{target.file}: limits", hint=hint)
    return target.limits


@contextmanager
def _clients(target: Target, named: Iterable[LimitedClient]) -> Iterator[list[CallingClient]]:
    """Context of the clients with their credentials; users are signed in."""
    found: list[CallingClient] = []
    for one in named:
        if one.user is not None:
            with callers(target, target.entry) as signed:
                caller: SignedCaller = signed.of(one.user, signed.kinds[-1])
                headers = caller.headers("GET", caller.cookies)
            found.append(CallingClient(name=one.words, headers=headers))
        else:
            headers = {one.header: one.key.resolve()} if one.key is not None else {}
            found.append(CallingClient(name=one.words, headers=headers, address=one.address or ""))
    yield found


def _at(client: CallingClient, per_s: float) -> CallingClient:
    return CallingClient(name=client.name, headers=client.headers, address=client.address, per_s=per_s)


def _unserved(target: Target, limits: Limits, clients: Sequence[CallingClient]) -> list[FactReading]:
    """A fact for each client that is not served at less than the declared rate: its refusals would prove nothing."""
    per_s = limits.per_s / 2
    number = max(min(limits.calls // 2, 20), 1)
    seconds = min(max(number / per_s, 0.5), _CONTROL_S)
    answers: dict[str, list[LimitedAnswer]] = {}
    for one in clients:  # one after the other, since together they may be over a limit that they share
        answers |= send_for(target, limits.path, [_at(one, min(per_s, number / seconds))], seconds)
    return [
        _undecided(f"calls of {name} before the burst", "each served at less than the declared rate", _counted(own))
        for name, own in answers.items()
        if not all(one.is_served for one in own)
    ]


def _wait_until_served(target: Target, limits: Limits, client: CallingClient) -> None:
    for _ in clock.Deadline.after(min(2 * limits.within_s + 1, _AGAIN_S)).ticks(0.5):
        if send_for(target, limits.path, [_at(client, 1.0)], 1.0)[client.name][0].is_served:
            return


def limited_reading(limits: Limits, answers: Sequence[LimitedAnswer], share: float) -> FactReading:
    """The fact about a burst of one client.

    A right limit serves a number of calls between `least` and `most` in the time of the burst. The sentence holds if so many calls are
    429 with Retry-After that it holds with `least`; it does not hold if it does not even with `most`, where each call without an answer
    counts as refused. In between it is not known.

    Args:
        limits: section of the target file.
        answers: answers to the burst.
        share: share that must be refused, 0 to 1.
    """
    sent_s = (max(one.sent_ns for one in answers) - min(one.sent_ns for one in answers)) / NS_PER_S
    took_s = (max(one.at_ns for one in answers) - min(one.sent_ns for one in answers)) / NS_PER_S
    calls, rate = len(answers), len(answers) / max(sent_s, 1e-9)
    least, most = allowed(limits, sent_s)[0], allowed(limits, took_s)[1]
    refused, silent = sum(one.is_limited for one in answers), sum(one.status == 0 for one in answers)
    over_most, over_least = calls - least, calls - most
    words = f"{refused} of the {over_most:.0f} calls over it, of {calls} sent in {sent_s:.1f} s: {_counted(answers)}"
    subject = f"calls over {limits.calls} in {limits.within_s:g} s"
    expected = f"at least {100 * share:g} % got 429 with Retry-After"
    if rate < OVER * limits.per_s * 0.8 or over_least <= 0:
        what = f"{rate:.0f} calls/s were sent, {OVER:g} times the declared rate is needed: use a machine with more processor time"
        return _undecided(subject, expected, what)
    amount = FactAmount(value=min(refused / over_most, 1.0), unit="ratio", at_least=True)
    ok = True if refused >= share * over_most else False if refused + silent < share * over_least else None
    return FactReading(subject=subject, expected=expected, observed=words, ok=ok, amount=amount)


def _sent_reading(limits: Limits, answers: Sequence[LimitedAnswer]) -> FactReading:
    """The fact that the burst was one."""
    sent_s = (max(one.sent_ns for one in answers) - min(one.sent_ns for one in answers)) / NS_PER_S
    rate = len(answers) / max(sent_s, 1e-9)
    expected = f"at least {OVER * limits.per_s * 0.8:g} calls/s, which is over the declared {limits.per_s:g}/s"
    enough = rate >= OVER * limits.per_s * 0.8
    observed = f"{rate:.0f} calls/s for {sent_s:.0f} s: {_counted(answers)}"
    return FactReading(subject="the burst", expected=expected, observed=observed, ok=True if enough else None)


def unharmed_reading(name: str, answers: Sequence[LimitedAnswer], limit: float, level: float = 1.0) -> FactReading:
    """The fact about one other client: its error rate, with the bounds of a binomial distribution.

    Args:
        name: client.
        answers: its answers during the burst.
        limit: error rate that must not be reached, 0 to 1.
        level: share of the probabilities of an error that the answers may use.
    """
    calls = len(answers)
    failed = sum(not one.is_served for one in answers)
    sure = at_most(failed, calls, limit) <= level * CONFIDENT
    proven = failed > 0 and 1 - at_most(failed - 1, calls, limit) <= level * PROVEN
    enough = "" if sure or proven else f"; {calls} calls prove neither with 95 % confidence"
    amount = FactAmount(value=failed / max(calls, 1), unit="ratio")
    return FactReading(
        subject=f"calls of {name} during the burst",
        expected=f"error rate below {100 * limit:g} %",
        observed=f"{failed} of {calls} failed ({100 * failed / max(calls, 1):.3g} %): {_counted(answers)}{enough}",
        ok=False if proven else True if sure else None,
        amount=amount,
    )


def _counted(answers: Sequence[LimitedAnswer]) -> str:
    """The number of answers of each kind: `100 status 200, 900 status 429 with Retry-After`."""
    kinds = Counter(f"{one.words}{' with Retry-After' if one.is_limited else ''}" for one in answers)
    return ", ".join(f"{n} {kind}" for kind, n in kinds.most_common())


def _undecided(subject: str, expected: str, why: str) -> FactReading:
    return FactReading(subject=subject, expected=expected, observed=why, ok=None)
