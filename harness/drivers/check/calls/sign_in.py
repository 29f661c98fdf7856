"""`sign-ins`: checks that every correct sign-in gets a token, and every wrong sign-in gets status 401.

Wrong sign-ins are those of known users with a wrong password (other case, a letter more, a letter less, another user's password)
and those of unknown users. A single wrong sign-in that succeeds is a failure, even if later ones are refused.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from fnmatch import fnmatchcase
from typing import Final

from harness.drivers.check.calls.together import CallAnswer, CallPlan, counted_by, send_together
from harness.drivers.check.claim import claim
from harness.drivers.facts import FactProbe, FactReading
from harness.errors import ConfigurationError
from harness.model.planned.need import RequiredKey
from harness.targets import Target
from harness.targets.files.requests import SignIn

_AT_ONCE: Final = 8
_WITHIN_S: Final = 5.0
_REFUSED: Final = 401


@dataclass(frozen=True, kw_only=True, slots=True)
class Attempt:
    """One sign-in.

    Attributes:
        user, password: what is sent.
        kind: what is wrong with the sign-in; empty: it is correct.
    """

    user: str
    password: str
    kind: str = ""


@claim(
    "every right sign-in got a token and every wrong one 401, at least <count> of each",
    example="every right sign-in got a token and every wrong one 401, at least 1000 of each",
    needs=(
        RequiredKey("sign_in", "users sign in"),
        RequiredKey("may_write", "failed sign-ins may lock the accounts of users"),
    ),
    seconds=8.0,
    touches=("entry",),
)
def sign_ins(target: Target, params: Mapping[str, str]) -> FactProbe:
    """Right and wrong sign-ins of test users: another case, a letter more or less, another user's password, an unknown user.

    The users are those that `sign_in` names and `may_write` allows.
    """
    sign_in, count = target.sign_in, int(params["count"])
    if sign_in is None:
        raise ConfigurationError(
            "does not say how users sign in",
            where=f"{target.file}: sign_in",
            hint="write `sign_in: {path: /sessions, user: 'test-{n}', users: 100, password: {file: …}}`",
        )
    _guard(target, sign_in)
    secret = sign_in.password.resolve()
    right = [attempt for attempt, _ in zip(_right(sign_in, secret), range(count), strict=False)]
    wrong = [attempt for attempt, _ in zip(_wrong(sign_in, secret), range(count), strict=False)]
    let_in: dict[str, int] = {}

    def probe() -> Sequence[FactReading]:
        answers = _sent(target, sign_in, right)
        good = sum(_is_token(answer, sign_in) for answer in answers)
        refused = _sent(target, sign_in, wrong)
        for attempt, answer in zip(wrong, refused, strict=True):
            if _is_in(answer):
                let_in[attempt.kind] = let_in.get(attempt.kind, 0) + 1
        return [_right_fact(sign_in, answers, good), _wrong_fact(refused, let_in)]

    return probe


def _guard(target: Target, sign_in: SignIn) -> None:
    """Raise ConfigurationError unless `may_write` names these users: many failed sign-ins may lock an account."""
    allowed = [entry.users for entry in target.may_write]
    if not any(fnmatchcase(sign_in.user.replace("{n}", "1"), pattern) for pattern in allowed):
        raise ConfigurationError(
            f"the users {sign_in.user} are not among those that `may_write` allows",
            where=f"{target.file}: may_write",
            hint=f"write `may_write: [{{users: '{sign_in.user.replace('{n}', '*')}'}}]` if failed sign-ins do no harm to them",
        )


def _right(sign_in: SignIn, secret: str) -> Iterator[Attempt]:
    number = 0
    while True:
        user = _user(sign_in, number)
        yield Attempt(user=user, password=secret.replace("{user}", user))
        number += 1


def _wrong(sign_in: SignIn, secret: str) -> Iterator[Attempt]:
    """Wrong sign-ins: every kind in turn, each with another user."""
    number = 0
    while True:
        user, other = _user(sign_in, number), _user(sign_in, number + 1)
        password = secret.replace("{user}", user)
        kinds = {
            "the password in another case": (user, password.swapcase()),
            "a letter more": (user, f"{password}x"),
            "a letter less": (user, password[:-1]),
            "the first letter alone": (user, password[:1]),
            "the password of another user": (user, secret.replace("{user}", other)),
            "an unknown user": (f"unknown-{user}", password),
        }
        same = {"the password of another user"} if other == user or "{user}" not in secret else set()
        for kind, (name, given) in kinds.items():
            if given and kind not in same and (name, given) != (user, password):
                yield Attempt(user=name, password=given, kind=kind)
        number += 1


def _user(sign_in: SignIn, number: int) -> str:
    return sign_in.user.replace("{n}", str(1 + number % sign_in.users))


def _sent(target: Target, sign_in: SignIn, attempts: Sequence[Attempt]) -> list[CallAnswer]:
    names, is_form = sign_in.fields, sign_in.body == "form"
    bodies = [{names.user: one.user, names.password: one.password} for one in attempts]
    calls = [
        CallPlan(method="POST", path=sign_in.path, body=None if is_form else body, form=body if is_form else None)
        for body in bodies
    ]
    return send_together(target, target.entry, calls, at_once=_AT_ONCE, within_s=_WITHIN_S)


def _is_in(answer: CallAnswer) -> bool:
    return 200 <= answer.status < 300


def _is_token(answer: CallAnswer, sign_in: SignIn) -> bool:
    """Whether the answer has a token: a non-empty text under the key that the target file names."""
    try:
        body = json.loads(answer.body)
    except ValueError:
        return False
    token = body.get(sign_in.token) if isinstance(body, dict) else None
    return _is_in(answer) and isinstance(token, str) and bool(token)


def _right_fact(sign_in: SignIn, answers: Sequence[CallAnswer], good: int) -> FactReading:
    def words(answer: CallAnswer) -> str:
        if _is_token(answer, sign_in):
            return "got a token"
        return "got none" if _is_in(answer) else answer.why or f"got status {answer.status}"

    return FactReading(
        subject=f"{len(answers)} right sign-ins",
        expected="each gets a token",
        observed=counted_by(answers, words),
        ok=good == len(answers),
    )


def _wrong_fact(answers: Sequence[CallAnswer], let_in: Mapping[str, int]) -> FactReading:
    def words(answer: CallAnswer) -> str:
        return "let in" if _is_in(answer) else answer.why or f"got status {answer.status}"

    harm = ", ".join(f"{n} with {kind}" for kind, n in let_in.items())
    return FactReading(
        subject=f"{len(answers)} wrong sign-ins",
        expected=f"each gets {_REFUSED}",
        observed=f"let in: {harm}" if harm else counted_by(answers, words),
        ok=not harm and all(answer.status == _REFUSED for answer in answers),
    )
