"""`role-taken-away`: checks that calls which need a role are refused in every region soon after the role was taken away.

The user signs in before, with every kind of credentials that the platform gives, and its calls are served. Then an administrator takes
the role away, and the calls are sent again and again with the credentials from before. At the end the role is given back, and the calls
must be served once more: else the refusals may have another cause.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field
from functools import partial
from typing import Any, Final

from harness import clock
from harness.drivers.check.claim import claim
from harness.drivers.check.needs import within
from harness.drivers.check.sessions.callers import SignedCallers, callers
from harness.drivers.facts import FactProbe, FactReading
from harness.errors import ConfigurationError, DriverError, HarnessError
from harness.model import Quantity
from harness.model.planned.need import RequiredKey
from harness.targets import Target, platform_of
from harness.targets.files.sessions import Administration, RoleCall
from harness.targets.kubernetes import Cluster
from harness.targets.trust.browser import BrowserAnswer, SignedCaller, entries, test_users
from harness.targets.undo import undo_now, undoable
from harness.units import NS_PER_S

EVERY_S: Final = 0.2
HELD: Final = 25
"""Number of last answers in a row that refuse a call: with fewer, a replica that still knows the role may not have answered yet."""
HELD_S: Final = 5.0
"""Minimum time in s that these answers must cover."""
AFTER_S: Final = 3.0
"""Time in s for which calls are sent beyond the limit."""
_REFUSED: Final = 403
_SIGNED_OUT: Final = 401


def administration_of(target: Target) -> Administration:
    """The section `identity.administration`. Raises ConfigurationError if the file has none."""
    if target.identity is None or target.identity.administration is None:
        hint = "write `administration: {by: …, of: …, take: {call: …}, give: {call: …}, calls: [PATH]}`"
        raise ConfigurationError("does not say how a role is taken away", where=f"{target.file}: identity", hint=hint)
    return target.identity.administration


def _changed(target: Target, change: RoleCall) -> BrowserAnswer:
    """The answer to an operation that changes the role, sent by the administrator. Raises DriverError if it is not carried out."""
    own, identity = administration_of(target), target.identity
    assert identity is not None  # noqa: S101 - for the type checker: it has the administration
    names = {"{user}": identity.users[own.of].user, "{role}": own.role or identity.role_of(own.of)}

    def named(value: Any) -> Any:
        if isinstance(value, str):
            for key, name in names.items():
                value = value.replace(key, name)
        return [named(one) for one in value] if isinstance(value, tuple) else value

    body = {key: named(value) for key, value in change.body.items()} or None
    with callers(target, target.entry) as signed:
        answer = signed.of(own.by).ask(named(change.call), body)
    if not 200 <= answer.status < 300:
        hint = f"may {own.by} change roles? Give {names['{user}']} the role {names['{role}']} by hand if it lacks it"
        raise DriverError(f"`{named(change.call)}` got {answer.words}", where=target.entry, hint=hint)
    return answer


def _give_back(_cluster: Cluster | None, target: Target) -> None:
    _changed(target, administration_of(target).give)


@undoable("take-role", undo=_give_back)
def _take(target: Target, answers: list[BrowserAnswer]) -> None:
    answers.append(_changed(target, administration_of(target).take))


@dataclass(kw_only=True, slots=True)
class RoleHolder:
    """The user with one kind of credentials in one region.

    Attributes:
        region, kind: where, and which credentials.
        signed: signs the user in again when its credentials end.
        caller: has the credentials.
        answers: answers since the role was taken away, by call.
        renewed: how often it signed in again.
        why: why it could not be had; empty: it could.
    """

    region: str
    kind: str
    signed: SignedCallers
    caller: SignedCaller | None = None
    answers: dict[str, list[BrowserAnswer]] = field(default_factory=dict)
    renewed: int = 0
    why: str = ""

    def sign_in(self, name: str, calls: Sequence[str]) -> None:
        """Sign in, and make each call once; `why` says what was not served."""
        try:
            self.caller = self.signed.of(name, self.kind)
        except HarnessError as error:
            self.why = str(error)
            return
        for path in calls:
            if (answer := self.caller.ask(f"GET {path}")).status != 200:
                self.why = f"{path} got {answer.words} with the role"

    def try_until(self, name: str, calls: Sequence[str], taken: BrowserAnswer, limit_s: float) -> None:
        """Make the calls until they are refused for long enough, or the limit is over."""
        for _ in clock.Deadline.after(limit_s + AFTER_S).ticks(EVERY_S):
            if self.caller is None:
                return
            for path in calls:
                self.answers.setdefault(path, []).append(self.caller.ask(f"GET {path}"))
            if any(own[-1].status == _SIGNED_OUT for own in self.answers.values()):
                self._renew(name)
            if all(_held(own) for own in self.answers.values()) or self._is_late(taken, limit_s):
                return

    def _is_late(self, taken: BrowserAnswer, limit_s: float) -> bool:
        late_ns = taken.at_ns + round(limit_s * NS_PER_S)
        return any(own[-1].status == 200 and own[-1].sent_ns > late_ns for own in self.answers.values())

    def _renew(self, name: str) -> None:
        self.renewed += 1
        try:
            self.caller = self.signed.of(name, self.kind)
        except HarnessError as error:
            self.caller, self.why = None, str(error)


def _held(answers: Sequence[BrowserAnswer]) -> bool:
    since = _since(answers)
    return len(since) >= HELD and since[-1].sent_ns - since[0].sent_ns >= HELD_S * NS_PER_S


def _since(answers: Sequence[BrowserAnswer]) -> list[BrowserAnswer]:
    """The refusals after the last call that was let in."""
    last_ns = max((one.sent_ns for one in answers if one.status == 200), default=-1)
    return [one for one in answers if one.status == _REFUSED and one.sent_ns > last_ns]


@claim(
    "every call with a role taken away was refused with 403 in every region within <within:duration>",
    example="every call with a role taken away was refused with 403 in every region within 60 s",
    needs=(
        RequiredKey("identity", "a role is taken away from a test user"),
        within("identity.administration", "an administrator takes the role away and gives it back"),
        RequiredKey("may_write", "the role of a test user is changed"),
    ),
    seconds=25.0,
    again=False,
)
@contextmanager
def role_taken_away(target: Target, params: Mapping[str, str]) -> Iterator[FactProbe]:
    """Calls that need a role, with a session and a token from before the role was taken away, at the entry of every region."""
    own, limit_s = administration_of(target), Quantity.parse(params["within"]).in_unit("s")
    if own.of not in test_users(target):
        hint = "add its name to `may_write: [{users: …}]` if the role of this user may change for a minute"
        what = f"the user `{own.of}` is not among those that `may_write` allows"
        raise ConfigurationError(what, where=f"{target.file}: may_write", hint=hint)
    facts: list[FactReading] = []
    with ExitStack() as stack:
        holders = []
        for region, entry in entries(target).items():
            signed = stack.enter_context(callers(target, entry))
            holders += [RoleHolder(region=region, kind=kind, signed=signed) for kind in signed.kinds]
        for one in holders:
            one.sign_in(own.of, own.calls)
        able = [one for one in holders if not one.why]
        taken, back = _taken_and_back(target, own, able, limit_s) if able else (None, "")
        for one in holders:
            facts += _readings(one, own.calls, taken, limit_s, back)
    yield lambda: facts


def _taken_and_back(
    target: Target, own: Administration, able: Sequence[RoleHolder], limit_s: float
) -> tuple[BrowserAnswer, str]:
    """Take the role away, make the calls, and give it back: the answer to the taking, and why the calls were not served again."""
    answers: list[BrowserAnswer] = []
    intent = _take.intend(platform_of(target), "check role-taken-away", f"take the role of {own.of} away")
    try:
        _take(target, answers)
        with ThreadPoolExecutor(len(able)) as pool:
            list(pool.map(partial(_try, own=own, taken=answers[0], limit_s=limit_s), able))
    finally:
        undo_now(None, target, intent)
    return answers[0], _not_served_again(own, able, limit_s)


def _not_served_again(own: Administration, able: Sequence[RoleHolder], limit_s: float) -> str:
    """Why a call was not served after the role was given back, in any region; empty: each was."""
    deadline = clock.Deadline.after(limit_s)
    for one in able:
        for _ in deadline.ticks(EVERY_S):
            again = RoleHolder(region=one.region, kind=one.kind, signed=one.signed)
            again.sign_in(own.of, own.calls)
            if not again.why:
                break
        if again.why:
            return f"after the role was given back, {again.why} in {one.region}: the refusals may have another cause"
    return ""


def _try(one: RoleHolder, own: Administration, taken: BrowserAnswer, limit_s: float) -> None:
    one.try_until(own.of, own.calls, taken, limit_s)


def _readings(
    one: RoleHolder, calls: Sequence[str], taken: BrowserAnswer | None, limit_s: float, back: str
) -> Iterator[FactReading]:
    for path in calls:
        subject = f"{path} in {one.region}, by {one.kind}"
        answers = one.answers.get(path, [])
        if taken is None or one.why or back:
            expected = f"{_REFUSED} within {limit_s:g} s"
            yield FactReading(subject=subject, expected=expected, observed=one.why or back, ok=None)
        else:
            yield refused_reading(subject, taken, answers, limit_s)


def refused_reading(
    subject: str, taken: BrowserAnswer, answers: Sequence[BrowserAnswer], limit_s: float
) -> FactReading:
    """The fact about one call in one region.

    It failed if a request that was sent later than the limit was served. It passed if a request that was answered before the limit
    was refused with 403, and every later one for `HELD_S`. Else it is not known.

    Args:
        subject: the call.
        taken: answer to the operation that took the role away, which took effect between its request and its answer.
        answers: answers to the call afterwards.
        limit_s: limit in s.
    """
    limit_ns, since = round(limit_s * NS_PER_S), _since(answers)
    served = [one for one in answers if one.status == 200]
    late = [one for one in served if one.sent_ns > taken.at_ns + limit_ns]
    last_s = (served[-1].sent_ns - taken.at_ns) / NS_PER_S if served else 0.0
    words = [f"served until {last_s:.1f} s after it" if served else "not served after it"]
    if since:
        words.append(f"{_REFUSED} since {(since[0].at_ns - taken.at_ns) / NS_PER_S:.1f} s, in all {len(since)} answers")
    others = sorted({one.words for one in answers if one.status not in {200, _REFUSED, _SIGNED_OUT}})
    if others:
        words.append(f"also {', '.join(others)}")
    proven = _held(answers) and since[0].at_ns < taken.sent_ns + limit_ns
    expected = f"{_REFUSED} within {limit_s:g} s"
    return FactReading(
        subject=subject, expected=expected, observed="; ".join(words), ok=False if late else proven or None
    )
