"""Accounts that a check makes, and removes at its end; the undo log names them before the first one is made."""

from __future__ import annotations

import secrets
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from fnmatch import fnmatchcase
from typing import Any, Final

from harness.drivers.check.sessions.callers import callers
from harness.errors import ConfigurationError, DriverError
from harness.targets import Target, platform_of
from harness.targets.files.sessions import PasswordStatuses, SignUp
from harness.targets.kubernetes import Cluster
from harness.targets.safety.intents import intent_path
from harness.targets.trust.browser import BrowserAnswer, SignedCaller
from harness.targets.undo import undo_now, undoable

_GONE: Final = frozenset({404, 410})
"""Statuses of an account that was never made, or has been removed."""


def _remove(_cluster: Cluster | None, target: Target, *, users: Sequence[str]) -> None:
    """Remove accounts, also those that were never made."""
    sign_up = sign_up_of(target)
    if sign_up.remove is None or sign_up.removed_by is None:
        hint = f"remove these accounts by hand: {', '.join(users)}"
        raise DriverError("the target file does not say how accounts are removed", where=str(target.file), hint=hint)
    with callers(target, target.entry) as signed:
        remover = signed.of(sign_up.removed_by)
        for user in users:
            answer = _removed(remover, sign_up.remove, user)
            if not 200 <= answer.status < 300 and answer.status not in _GONE:
                hint = "may the user `removed_by` remove accounts? Remove it by hand, or try again"
                raise DriverError(f"the removal of {user} got {answer.words}", where=target.entry, hint=hint)


def _removed(remover: SignedCaller, remove: str, user: str) -> BrowserAnswer:
    return remover.ask(remove.replace("{user}", user))


def _require_known(target: Target, sign_up: SignUp, users: Sequence[str]) -> None:
    """Check that the removal knows an account that was made: 404 says that an account is gone, and also that the path is wrong.

    Raises:
        DriverError: it does not.
    """
    if not users or sign_up.remove is None or sign_up.removed_by is None:
        return
    with callers(target, target.entry) as signed:
        answer = _removed(signed.of(sign_up.removed_by), sign_up.remove, users[0])
    if answer.status in _GONE:
        hint = "correct `identity.sign_up.remove`, then run `readiness recover`"
        what = f"the removal of {users[0]}, which was just made, got {answer.words}: {len(users)} accounts stay"
        raise DriverError(what, where=target.entry, hint=hint)


@undoable("make-account", undo=_remove)
def _make(caller: SignedCaller, sign_up: SignUp, user: str, password: str, answers: list[BrowserAnswer]) -> None:
    fields = sign_up.fields
    body = {**filled(sign_up, user), fields.user: user, fields.password: password}
    answers.append(caller.ask(sign_up.call, body, kind=sign_up.body))


def filled(statuses: PasswordStatuses, user: str) -> dict[str, Any]:
    """The further keys of a body, with the name of the user in their values."""
    return {key: one.replace("{user}", user) if isinstance(one, str) else one for key, one in statuses.more.items()}


def sign_up_of(target: Target) -> SignUp:
    """The section `identity.sign_up`. Raises ConfigurationError if the file has none."""
    if target.identity is None or target.identity.sign_up is None:
        hint = "write `sign_up: {call: POST /users, user: 'test-{new}'}`"
        raise ConfigurationError("does not say how an account is made", where=f"{target.file}: identity", hint=hint)
    return target.identity.sign_up


@dataclass(kw_only=True, slots=True)
class NewAccounts:
    """Accounts to be made.

    Attributes:
        caller: sends the sign-ups, without credentials.
        sign_up: section of the target file.
        users: names, none of which had an account before.
        made: those for which a sign-up was sent.
        accepted: those whose sign-up was accepted.
    """

    caller: SignedCaller
    sign_up: SignUp
    users: Sequence[str]
    made: list[str] = field(default_factory=list)
    accepted: list[str] = field(default_factory=list)

    def make(self, password: str) -> tuple[str, BrowserAnswer]:
        """Sign the next user up: its name, and the answer."""
        user, answers = self.users[len(self.made)], list[BrowserAnswer]()
        self.made.append(user)
        _make(self.caller, self.sign_up, user, password, answers)
        if answers[0].status in self.sign_up.accepted:
            self.accepted.append(user)
        return user, answers[0]


@contextmanager
def new_accounts(target: Target, caller: SignedCaller, count: int, check: str) -> Iterator[NewAccounts]:
    """Context of new accounts, which are removed at its end where the target file says how.

    Args:
        target: target with `identity.sign_up`.
        caller: sends the sign-ups.
        count: number of accounts at most.
        check: name of the check, for the undo log.

    Raises:
        ConfigurationError: `may_write` does not allow these users.
        HarnessError: an account could not be removed, or the removal does not know it; its entry stays in the undo log.
    """
    sign_up, token = sign_up_of(target), secrets.token_hex(4)
    users = [sign_up.user.replace("{new}", f"{token}{number:03}") for number in range(count)]
    if not any(fnmatchcase(users[0], one.users) for one in target.may_write if one.users):
        hint = f"write `may_write: [{{users: '{sign_up.user.replace('{new}', '*')}'}}]`"
        what = f"accounts like {users[0]} are not among those that `may_write` allows"
        raise ConfigurationError(what, where=f"{target.file}: may_write", hint=hint)
    intent = None
    if sign_up.remove is not None:
        what = f"make accounts {users[0]} to {users[-1]}"
        intent = _make.intend(platform_of(target), f"check {check}", what, users=users)
    accounts = NewAccounts(caller=caller, sign_up=sign_up, users=users)
    try:
        yield accounts
    finally:
        if intent is not None:
            if intent_path(intent).exists():  # no recovery has removed them meanwhile
                _require_known(target, sign_up, accounts.accepted)
            undo_now(None, target, intent)
