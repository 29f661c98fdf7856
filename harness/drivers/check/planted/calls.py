"""Makes requests from calls of the target file, each with the credential that it names and an id of its own."""

from __future__ import annotations

import json
import uuid
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from fnmatch import fnmatchcase
from typing import Any, Final

from harness import clock
from harness.drivers.check.calls.together import CallAnswer, CallPlan, send_together
from harness.errors import ConfigurationError, DriverError
from harness.targets import Target
from harness.targets.files.planted import Credential, DeclaredCall
from harness.targets.files.requests import SignIn

FRESH: Final = "{fresh}"
"""In a call of the target file: a number that no other request has."""
TRACE: Final = "traceparent"
SAFE: Final = frozenset({"GET", "HEAD", "OPTIONS"})
"""Methods of operations that change nothing (RFC 9110, section 9.2.1)."""
_AT_ONCE: Final = 8
_WITHIN_S: Final = 10.0
_WORDS: Final[Mapping[Credential, str]] = {
    "user": "the user",
    "none": "no credential",
    "forged": "a forged token",
    "wrong-password": "a wrong password",
}


@dataclass(frozen=True, kw_only=True, slots=True)
class PlantedCall:
    """A request that was sent.

    Attributes:
        declared: call of the target file. number: of the request among all of the check, from 1.
        id: value of its header for ids; of `traceparent` the trace id.
        who: name of the user that sent it; empty: none whose name was proven.
        sent_ns, done_ns: wall-clock time in ns since 1970 before it was sent and after its answer.
        answer: its answer.
    """

    declared: DeclaredCall
    number: int
    id: str
    who: str
    sent_ns: int
    done_ns: int
    answer: CallAnswer

    def __str__(self) -> str:
        return f"call {self.number}, {self.declared.call} by {_WORDS[self.declared.by]}"

    @property
    def got(self) -> str:
        """What it was answered, in words."""
        return self.answer.why or f"status {self.answer.status}"


@dataclass(kw_only=True, slots=True)
class CallMaker:
    """Makes requests with their credentials.

    Attributes:
        target: target whose `sign_in` gives the user's token.
        header: header with the id of each request.
        source: address from which requests are sent; empty: the system chooses it.
        more: further headers of every request.
        entry: address to which requests are sent, but sign-ins; empty: the entry.
        name: user that signs in; empty: the first of `sign_in`.
        access: the user's token; empty: it is got by a sign-in.
        sign_ins: ids of the requests by which tokens were got.
    """

    target: Target
    header: str = TRACE
    source: str = ""
    more: Mapping[str, str] = field(default_factory=dict)
    entry: str = ""
    name: str = ""
    access: str = field(default="", repr=False)
    sign_ins: set[str] = field(default_factory=set)
    _made: int = 0

    def send(self, calls: Sequence[DeclaredCall], *, at_once: int = _AT_ONCE, whole: bool = False) -> list[PlantedCall]:
        """Send the calls, `at_once` at a time, and wait for their answers, which are cut unless `whole`.

        Raises:
            ConfigurationError: a call needs a sign-in that the target file does not name.
            DriverError: the user's sign-in gave no token.
        """
        made = [(call, *self._plan(call)) for call in calls]
        sent: list[PlantedCall] = []
        for begin in range(0, len(made), at_once):
            some = made[begin : begin + at_once]
            sent_ns = clock.wall_ns(clock.wall())
            answers = send_together(
                self.target,
                self.entry or self.target.entry,
                [plan for _, plan, _ in some],
                at_once=at_once,
                within_s=_WITHIN_S,
                source=self.source,
                whole=whole,
            )
            done_ns = clock.wall_ns(clock.wall())
            for (call, _, id_), answer in zip(some, answers, strict=True):
                self._made += 1
                sent.append(
                    PlantedCall(
                        declared=call,
                        number=self._made,
                        id=id_,
                        who=self.user if call.by == "user" else "",
                        sent_ns=sent_ns,
                        done_ns=done_ns,
                        answer=answer,
                    )
                )
        return sent

    @property
    def user(self) -> str:
        """Name of the user that sends calls `by: user`."""
        return self.name or first_user(self.target)

    def token(self) -> str:
        """The user's token, got once.

        Raises:
            DriverError: the sign-in gave no token.
        """
        if not self.access:
            id_, value = self._id()
            self.sign_ins.add(id_)
            more = {**self.more, self.header: value}
            answer = sign_in_answer(self.target, self.user, source=self.source, more=more)
            self.access = token_in(answer, sign_in_of(self.target))
            if not self.access:
                what = f"the sign-in of {self.user} got {answer.why or f'status {answer.status}'} and no token"
                hint = "correct `sign_in`, or wait until the user may sign in"
                raise DriverError(what, where=f"{self.target.file}: sign_in", hint=hint)
        return self.access

    def _id(self) -> tuple[str, str]:
        """A new id, and the value of the header with it."""
        id_ = uuid.uuid4().hex
        return id_, f"00-{id_}-{id_[16:]}-01" if self.header.lower() == TRACE else id_

    def _plan(self, call: DeclaredCall) -> tuple[CallPlan, str]:
        id_, value = self._id()
        fresh = str(uuid.uuid4().int % 10**9)
        headers = {**self.more, self.header: value}
        headers |= {name: secret.resolve() for name, secret in call.headers.items()}
        written: Mapping[str, Any] = {"body": _filled(dict(call.body), fresh) if call.body else None}
        if call.by == "user":
            headers["authorization"] = f"Bearer {self.token()}"
        elif call.by == "forged":
            headers["authorization"] = f"Bearer {forged(self.token())}"
        elif call.by == "wrong-password":
            sign_in = sign_in_of(self.target)
            written = _written(sign_in, wrong_password(sign_in, self.user))
        path = _filled(call.path, fresh)
        return CallPlan(method=call.method, path=path, **written, headers=headers), id_


def first_user(target: Target) -> str:
    """Name of the first user of `sign_in`. Raises ConfigurationError: the target file names no sign-in."""
    return sign_in_of(target).user.replace("{n}", "1")


def sign_in_answer(target: Target, user: str, *, source: str = "", more: Mapping[str, str] | None = None) -> CallAnswer:
    """The answer to a right sign-in of a user."""
    sign_in = sign_in_of(target)
    body = {sign_in.fields.user: user, sign_in.fields.password: sign_in.password.resolve().replace("{user}", user)}
    plan = CallPlan(method="POST", path=sign_in.path, **_written(sign_in, body), headers=more or {})
    return send_together(target, target.entry, [plan], at_once=1, within_s=_WITHIN_S, source=source)[0]


def _written(sign_in: SignIn, body: Mapping[str, str]) -> Mapping[str, Any]:
    """The body of a sign-in as the platform reads it."""
    return {"form": body} if sign_in.body == "form" else {"body": body}


def token_in(answer: CallAnswer, sign_in: SignIn) -> str:
    """The token of an answer to a sign-in; empty: it has none."""
    try:
        body = json.loads(answer.body)
    except ValueError:
        return ""
    token = body.get(sign_in.token) if isinstance(body, dict) else None
    return token if 200 <= answer.status < 300 and isinstance(token, str) else ""


def forged(token: str) -> str:
    """The token with another signature: every letter and digit of its last part is another one."""
    head, dot, tail = token.rpartition(".")
    other = "".join(chr(ord(one) ^ 1) if one.isalnum() and chr(ord(one) ^ 1).isalnum() else "Q" for one in tail)
    return f"{head}{dot}{other if other != tail else tail[::-1] + 'Q'}"


def wrong_password(sign_in: SignIn, user: str) -> dict[str, str]:
    """The body of a sign-in of a user with a password that no user has."""
    return {
        sign_in.fields.user: user,
        sign_in.fields.password: f"wrong-{uuid.uuid4().hex}",
    }


def sign_in_of(target: Target) -> SignIn:
    """How users sign in. Raises ConfigurationError: the target file does not say it."""
    if target.sign_in is None:
        raise ConfigurationError(
            "does not say how users sign in",
            where=f"{target.file}: sign_in",
            hint="write `sign_in: {path: /sessions, user: 'test-{n}', users: 100, password: {file: …}}`",
        )
    return target.sign_in


def require_allowed(target: Target, calls: Sequence[DeclaredCall], user: str = "") -> None:
    """Raise ConfigurationError unless the target file allows what the calls may change.

    Calls that change something need a `disposable` target or `may_write` with the operation. Wrong passwords may lock an account, so its
    user must be in `may_write`.
    """
    for call in calls:
        if call.by == "wrong-password":
            user = user or first_user(target)
            if not any(fnmatchcase(user, one.users) for one in target.may_write if one.users):
                raise ConfigurationError(
                    f"the user {user} is not among those that `may_write` allows",
                    where=f"{target.file}: may_write",
                    hint=f"write `may_write: [{{users: '{user}'}}]` if failed sign-ins do no harm to it",
                )
        elif call.method not in SAFE and not _may_write(target, call):
            raise ConfigurationError(
                f"`{call.call}` may write, and neither `disposable` nor `may_write` allows it",
                where=f"{target.file}: may_write",
                hint=f"write `may_write: [{{operations: '{call.call}'}}]` if it does no harm",
            )


def _may_write(target: Target, call: DeclaredCall) -> bool:
    allowed = (one.operations for one in target.may_write if one.operations)
    return target.breakable or any(fnmatchcase(call.call, pattern) for pattern in allowed)


def _filled(value: Any, fresh: str) -> Any:
    if isinstance(value, str):
        return value.replace(FRESH, fresh)
    if isinstance(value, Mapping):
        return {key: _filled(one, fresh) for key, one in value.items()}
    return [_filled(one, fresh) for one in value] if isinstance(value, list | tuple) else value
