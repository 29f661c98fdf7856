"""Signs users in, and gives callers with their credentials: the session of a browser, or an access token."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING, Final

from harness.errors import ConfigurationError, DriverError
from harness.targets import Reference, Target
from harness.targets.files.identity import IdentityUser
from harness.targets.trust.browser import BrowserMaker, SignedCaller, client_of, origin_of
from harness.targets.trust.grants import IdentityTokens

if TYPE_CHECKING:
    import httpx

SESSION: Final = "session"
TOKEN: Final = "token"  # noqa: S105 - a kind of credentials
_NEW: Final = "new"


class SignedCallers:
    """Signs users in at one entry.

    Args:
        target: target with `identity`.
        entry: address of the entry.
        client: connection to it.

    Raises:
        ConfigurationError: the target file has no `identity`, or one without sessions and tokens.
    """

    def __init__(self, target: Target, entry: str, client: httpx.Client) -> None:
        if target.identity is None:
            hint = "write `identity: {users: …, session: …}`"
            raise ConfigurationError("has no users", where=f"{target.file}: identity", hint=hint)
        self._target = target
        self._identity = target.identity
        self._where = entry
        self._client = client
        self._origin = origin_of(target, entry)
        kinds = ((SESSION, self._identity.session is not None), (TOKEN, self._identity.gives_tokens))
        self.kinds = tuple(kind for kind, there in kinds if there)
        if not self.kinds:
            hint = "write `session: …`, `issuer: https://…`, or `grant: sign_in`"
            raise ConfigurationError("gives users no credentials", where=f"{target.file}: identity", hint=hint)

    def of(self, name: str, kind: str = "") -> SignedCaller:
        """A caller with the credentials of a user of the file.

        Args:
            name: user.
            kind: `SESSION` or `TOKEN`; empty: the first of `kinds`.

        Raises:
            DriverError: the user got no credentials.
        """
        user = self._identity.users[name]
        return self._signed_in(user.user, user.password.resolve(), name, kind or self.kinds[0])

    def visitor(self) -> SignedCaller:
        """A caller without credentials, which gets the cookies of a visitor."""
        session = self._identity.session
        if session is None:
            return SignedCaller(client=self._client, origin=self._origin)
        browser = BrowserMaker(client=self._client, settings=session, origin=self._origin).new()
        browser.first()
        return browser

    def of_new(self, user: str, password: str) -> SignedCaller:
        """A caller with the credentials of a user that is not in the file. Raises as `of`."""
        return self._signed_in(user, password, "", self.kinds[0])

    def _signed_in(self, user: str, password: str, name: str, kind: str) -> SignedCaller:
        session = self._identity.session
        if kind == SESSION and session is not None:
            maker = BrowserMaker(client=self._client, settings=session, origin=self._origin)
            browser, why = maker.signed_in_with(user, password)
            if why:
                raise DriverError(why, where=self._where, hint="check `identity.session` and the user's password")
            return browser
        target = self._target
        if not name:
            added = IdentityUser(user=user, password=Reference(env="none: it is given"))
            users = {**self._identity.users, (name := _NEW): added}
            target = target.model_copy(update={"identity": self._identity.model_copy(update={"users": users})})
        token = IdentityTokens(target).sign_in(name, password=password).access
        return SignedCaller(client=self._client, origin=self._origin, token=token)


@contextmanager
def callers(target: Target, entry: str) -> Iterator[SignedCallers]:
    """Context in which users are signed in at an entry. Raises ConfigurationError as `SignedCallers`."""
    with client_of(target, entry) as client:
        yield SignedCallers(target, entry, client)
