"""The right credentials of a target's users, and the requests that they send."""

from __future__ import annotations

import math
import secrets
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any, Final
from urllib.parse import quote, urlencode

from harness import clock
from harness.drivers.check.calls.matrix.judging import may_have_acted
from harness.drivers.check.calls.matrix.operations import STANDARD, CredentialKind, GuardedOperation, why_forbidden
from harness.drivers.check.calls.together import CallAnswer, CallPlan, send_together
from harness.errors import HarnessError
from harness.targets import Target
from harness.targets.files.identity import Authorisation
from harness.targets.trust.browser import browsers, test_users
from harness.targets.trust.grants import IdentityTokens, IssuedToken

AT_ONCE: Final = 8
WITHIN_S: Final = 5.0
"""Time that one answer may take."""
MOST_AGAIN_S: Final = 5.0
"""Longest wait before a call whose answer is no evidence is sent again."""
_LEAST_S: Final = 45.0
"""A token that is valid for less time is got again."""


class NotMadeError(Exception):
    """A call that cannot be made; the message says why."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Credential:
    """What a request carries.

    Attributes:
        words: what it is, without a secret.
        headers: headers that carry it; they are not printed.
        kind: kind of the credential.
        user: user of the target file; empty: it is of no user.
        token: access token; None: it has none.
        scopes: scopes that it has.
    """

    words: str
    headers: Mapping[str, str] = field(repr=False)
    kind: CredentialKind = CredentialKind.TOKEN
    user: str = ""
    token: IssuedToken | None = None
    scopes: frozenset[str] = frozenset()

    @property
    def expires_s(self) -> float:
        """Time on the wall clock at which it expires, in s since 1970; infinite if it does not say."""
        expires = self.token.claims.get("exp") if self.token is not None else None
        return float(expires) if isinstance(expires, int | float) else math.inf


def bearer(token: str) -> Mapping[str, str]:
    """The header with an access token. Source: RFC 6750, section 2.1."""
    return {"authorization": f"Bearer {token}"}


class RightCallers:
    """The users of a target, each with the credential that it has got.

    Args:
        target: target.

    Raises:
        ConfigurationError: the target file has no `identity`.
    """

    def __init__(self, target: Target) -> None:
        self.target = target
        self.tokens = IdentityTokens(target)
        self.declared = target.authorisation or Authorisation()
        self._made: dict[str, Credential | str] = {}

    @property
    def ahead_s(self) -> float:
        """By how many seconds the provider's clock is ahead of this machine's; 0 where there is no provider."""
        return self.tokens.provider.ahead_s if self.tokens.identity.issuer else 0.0

    def expired(self, until_s: float) -> bool:
        """Whether a token has expired that is valid until this time, by this machine's clock or the provider's."""
        return math.isfinite(until_s) and until_s <= clock.wall().timestamp() + max(self.ahead_s, 0.0)

    def user(self, name: str) -> Credential:
        """The credential of a user of the file, got again before it expires. Raises NotMadeError: it got none."""
        known = self._made.get(name)
        if known is None or (isinstance(known, Credential) and known.expires_s < clock.wall().timestamp() + _LEAST_S):
            try:
                self._made[name] = self.credential_of(self.tokens.sign_in(name), user=name)
            except HarnessError as error:
                self._made[name] = error.what
        found = self._made[name]
        if isinstance(found, str):
            raise NotMadeError(found)
        return found

    def credential_of(self, token: IssuedToken, *, user: str = "") -> Credential:
        """A token as a credential; where the token does not name its scopes, they are those that the file declares for the user."""
        scopes = token.scopes if token.scopes is not None else self._declared_of(user)
        return Credential(
            words=token.of, headers=bearer(token.access), user=user, token=token, scopes=scopes - STANDARD
        )

    def scopes_of(self, name: str) -> frozenset[str]:
        """The scopes of a user of the file: of its token, or, where users have sessions alone, those that the file declares. Raises NotMadeError."""
        return self.user(name).scopes if self.tokens.identity.gives_tokens else self._declared_of(name)

    def _declared_of(self, user: str) -> frozenset[str]:
        named = self.tokens.identity.users.get(user)
        if named is None:
            return frozenset()
        own = named.scopes if named.scopes is not None else self.declared.roles.get(named.role or user, ())
        return frozenset(own)

    def fresh(self, credential: Credential) -> Credential:
        """The credential, got again if it expires soon or another call may have ended it. Raises NotMadeError."""
        if credential.user and credential.kind is CredentialKind.TOKEN:
            return self.user(credential.user)
        return self.session(of=credential.user) if credential.kind is CredentialKind.SESSION else credential

    def session(self, *, of: str = "", scopes: frozenset[str] = frozenset()) -> Credential:
        """The cookies of a user, or of one who has scopes, who has just signed in, as an own page sends them. Raises NotMadeError."""
        whys = list[str]()
        try:
            with browsers(self.target, self.target.entry) as maker:
                for name, user in test_users(self.target).items():
                    if (of and name != of) or (scopes and not scopes <= self.scopes_of(name)):
                        continue
                    browser, why = maker.signed_in(user)
                    if not why:
                        headers = browser.headers("POST", browser.cookies)
                        words = f"the session of the user `{name}`"
                        return Credential(words=words, headers=headers, kind=CredentialKind.SESSION, user=name)
                    whys.append(why)
        except HarnessError as error:
            whys.append(error.what)
        raise NotMadeError("; ".join(["no user has a session", *dict.fromkeys(whys)]))

    def key(self) -> Credential:
        """The right API key. Raises NotMadeError: there is none."""
        keys = self.tokens.identity.api_keys
        if keys is None:
            raise NotMadeError("the target file has no `identity.api_keys`")
        try:
            return Credential(
                words="the right API key", headers={keys.header: keys.right.resolve()}, kind=CredentialKind.KEY
            )
        except HarnessError as error:
            raise NotMadeError(error.what) from error

    def right(self, one: GuardedOperation, *, kinds: Iterable[CredentialKind] = tuple(CredentialKind)) -> Credential:
        """A credential that an operation must let in: of a user with its scopes, who owns the objects in its path if one does.

        Raises:
            NotMadeError: there is none.
        """
        usable, whys = one.kinds & {*kinds}, list[str]()
        if CredentialKind.TOKEN in usable:
            for name in self._by_ownership(one):
                try:
                    found = self.user(name)
                except NotMadeError as error:
                    whys.append(str(error))
                    continue
                if one.scopes <= found.scopes:
                    return found
            asked = f" with scope {' and '.join(sorted(one.scopes))}" if one.scopes else ""
            whys.append(f"no user of `identity.users` has a token{asked}")
        if CredentialKind.KEY in usable:
            try:
                return self.key()
            except NotMadeError as error:
                whys.append(str(error))
        if usable == {CredentialKind.SESSION}:
            return self.session(scopes=one.scopes)
        raise NotMadeError("; ".join(dict.fromkeys(whys)) or f"it takes only a {' or '.join(sorted(one.kinds))}")

    def _by_ownership(self, one: GuardedOperation) -> list[str]:
        """The users of the file, first those who own every object in the path of the operation."""
        users = self.tokens.identity.users
        return sorted(users, key=lambda name: not self.owns(one, name))

    def owns(self, one: GuardedOperation, user: str) -> bool:
        """Whether a user owns an object in the path of an operation."""
        return any(self._object(one, param, user) is not None for param in one.inside)

    def administers(self, one: GuardedOperation) -> bool:
        """Whether an operation needs the scope of administrators, who may call it on the objects of all."""
        admin = self.declared.operations.get("admin")
        return admin is not None and admin in one.scopes

    def _object(self, one: GuardedOperation, param: str, user: str) -> Any:
        named = self.tokens.identity.users.get(user)
        if named is None:
            return None
        path = one.name.partition(" ")[2]
        upto = path[: path.index(f"{{{param}}}") + len(param) + 2]
        return named.objects.get(upto, named.objects.get(param))

    def _any_object(self, one: GuardedOperation, param: str, owner: str) -> Any:
        """The object of a user; where only administrators call an operation, that of any user."""
        others = self.tokens.identity.users if self.administers(one) else ()
        found = (self._object(one, param, user) for user in (owner, *others))
        return next((each for each in found if each is not None), None)

    def both_own(self, one: GuardedOperation, user: str, other: str) -> bool:
        """Whether the file names the same objects in the path of an operation for two users."""
        return self.owns(one, user) and all(
            self._object(one, param, user) == self._object(one, param, other) for param in one.inside
        )

    def any_user(self) -> Credential:
        """The credential of some user. Raises NotMadeError: none has got one."""
        whys = list[str]()
        for name in self.tokens.identity.users:
            try:
                return self.user(name)
            except NotMadeError as error:
                whys.append(str(error))
        raise NotMadeError("; ".join(dict.fromkeys(whys)) or "the target file has no `identity.users`")

    def plan(
        self, one: GuardedOperation, headers: Mapping[str, str], *, owner: str = "", values: Mapping[str, Any] = {}
    ) -> CallPlan:
        """A request of an operation.

        Args:
            one: operation.
            headers: headers with a credential, or without one.
            owner: user whose objects are in the path.
            values: values of parameters, before those of the owner and of the file.

        Raises:
            NotMadeError: a parameter has no value, or the operation cannot be called.
        """
        if one.why:
            raise NotMadeError(one.why)
        known = self.target.api.values if self.target.api is not None else {}
        found = dict(values)
        for name in (*one.inside, *one.query, *one.headers):
            if name not in found:
                own = self._any_object(one, name, owner) if name in one.inside else None
                listed = known.get(name, ())
                found[name] = own if own is not None else listed[0] if listed else one.given.get(name)
            if found[name] is None:
                raise NotMadeError(f"its parameter `{name}` has no value: write `api: {{values: {{{name}: […]}}}}`")
        path = one.path
        for name in one.inside:
            path = path.replace(f"{{{name}}}", quote(_text(found[name]), safe=""))
        if query := urlencode({name: _text(found[name]) for name in one.query}):
            path += f"?{query}"
        more = {name: _text(found[name]) for name in one.headers}
        more |= {"content-type": one.media} if one.media else {}
        body = self._filled(one.body, owner)
        return CallPlan(method=one.method, path=path, body=body, headers={**more, **headers})

    def _filled(self, value: Any, name: str) -> Any:
        """A value of `api.bodies` with what is new in each request, and name and password of a user of the file."""
        if isinstance(value, Mapping):
            return {key: self._filled(one, name) for key, one in value.items()}
        if isinstance(value, list | tuple):
            return [self._filled(one, name) for one in value]
        if not isinstance(value, str) or "{" not in value:
            return value
        user = self.tokens.identity.users.get(name)
        if user is not None:
            value = value.replace("{user}", user.user)
            value = value.replace("{password}", user.password.resolve()) if "{password}" in value else value
        return value.replace("{new}", secrets.token_hex(5))

    def may_call(self, one: GuardedOperation) -> str:
        """Why an operation may not be called; empty if it may."""
        return why_forbidden(self.target, one)

    def sent(self, calls: list[CallPlan], *, door: str = "") -> list[CallAnswer]:
        """The answers to calls; one without evidence (429, 502 to 504, none) is sent again, unless it would be carried out twice.

        They are sent to the entry of a region, or of the target.
        """
        answers = self._sent(calls, door)
        again = [
            number
            for number, (call, answer) in enumerate(zip(calls, answers, strict=True))
            if answer.status in {0, 429, 502, 503, 504}
            and not (call.method in {"POST", "PATCH"} and may_have_acted(answer))
        ]
        if again:
            asked = max((_retry_after(answers[number]) for number in again), default=0.0)
            clock.sleep(min(max(asked, 1.0), MOST_AGAIN_S))
            for number, answer in zip(again, self._sent([calls[number] for number in again], door), strict=True):
                answers[number] = answer
        return answers

    def _sent(self, calls: list[CallPlan], door: str) -> list[CallAnswer]:
        if not calls:
            return []
        target, rate = self.target, self.declared.rate
        return send_together(target, door or target.entry, calls, at_once=AT_ONCE, within_s=WITHIN_S, per_s=rate)


def _retry_after(answer: CallAnswer) -> float:
    value = {name.lower(): text for name, text in answer.headers.items()}.get("retry-after", "")
    return float(value) if value.isascii() and value.isdigit() else 0.0


def _text(value: Any) -> str:
    return str(value).lower() if isinstance(value, bool) else str(value)
