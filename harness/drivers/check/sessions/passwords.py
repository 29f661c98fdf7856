"""`weak-passwords`: checks that weak passwords are refused at sign-up and at change, where a good one is accepted.

Each attempt at sign-up is a new account; the change is tried with an account that the check made, so that no test user of the file is
changed.
"""

from __future__ import annotations

import secrets
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import Final

from harness.drivers.check.claim import claim
from harness.drivers.check.needs import within
from harness.drivers.check.sessions.accounts import NewAccounts, filled, new_accounts
from harness.drivers.check.sessions.callers import SignedCallers, callers
from harness.drivers.check.sessions.weak_passwords import WeakPassword, good_password, weak_passwords
from harness.drivers.facts import FactProbe, FactReading
from harness.errors import ConfigurationError, HarnessError
from harness.model.planned.need import RequiredKey
from harness.targets import Target
from harness.targets.files.sessions import PasswordChange, PasswordStatuses
from harness.targets.trust.browser import BrowserAnswer, SignedCaller
from harness.words import some

_AGAIN: Final = frozenset({401, 403})
"""Statuses of a session that ended with a change of the password."""


@claim(
    "every password under 12 characters or on the common list was refused at sign-up and at change",
    needs=(
        RequiredKey("identity", "passwords are set"),
        within("identity.sign_up", "accounts are made with weak passwords"),
        within("identity.change", "passwords are changed to weak ones"),
        RequiredKey("may_write", "accounts are made, where it allows them"),
    ),
    seconds=20.0,
    again=False,
)
def weak_passwords_refused(target: Target, _params: Mapping[str, str]) -> FactProbe:
    """A password of each length under 12, and sixty common ones, at the sign-up of a new account each, and at the change of one's.

    A good password must be accepted at both. The common ones are those of `common_passwords.txt`, twenty of them shorter than 12.
    """
    drawn = secrets.SystemRandom()  # an account that stays must not have a password that can be drawn again
    change, weak = target.identity.change if target.identity is not None else None, [*weak_passwords(drawn)]
    if change is None:
        hint = "write `change: {call: POST /password}`"
        raise ConfigurationError("does not say how passwords change", where=f"{target.file}: identity", hint=hint)

    def probe() -> Sequence[FactReading]:
        with (
            callers(target, target.entry) as signed,
            new_accounts(target, signed.visitor(), len(weak) + 2, "weak-passwords-refused") as accounts,
        ):
            password = good_password(drawn)
            user, answer = accounts.make(password)
            rules = accounts.sign_up
            facts = [_accepted("a good password at sign-up", rules, answer)]
            facts += _refused("at sign-up", rules, ((one, accounts.make(one.text)[1]) for one in weak))
            last = accounts.make(good_password(drawn))[1]  # so that no limit of sign-ups refused the others
            facts.append(_accepted("a good password at sign-up, after the weak ones", rules, last))
            if answer.status in rules.accepted:
                facts += _at_change(_PasswordChanges(signed, change, user, password), weak, good_password(drawn))
            else:
                facts.append(_untried("at change", "there is no account whose password could be changed"))
            facts.append(_left(accounts))
            return facts

    return probe


class _PasswordChanges:
    """Changes the password of one account, again and again; signs in anew where a change, or its refusal, ended the session."""

    def __init__(self, signed: SignedCallers, change: PasswordChange, user: str, password: str) -> None:
        self._signed = signed
        self._change = change
        self._user = user
        self._password = password
        self._caller: SignedCaller | None = None

    def __call__(self, new: str) -> BrowserAnswer:
        """Try to change it. Raises DriverError if the user cannot sign in with the password that was set last."""
        fields, answer = self._change.fields, None
        for _ in range(2):
            if self._caller is None:
                self._caller = self._signed.of_new(self._user, self._password)
            body = {**filled(self._change, self._user), fields.old: self._password, fields.new: new}
            answer = self._caller.ask(self._change.call, body, kind=self._change.body)
            if answer.status not in _AGAIN:
                break
            self._caller = None
        assert answer is not None  # noqa: S101 - for the type checker: there are two rounds
        if answer.status in self._change.accepted:
            self._password, self._caller = new, None
        return answer

    @property
    def rules(self) -> PasswordStatuses:
        """What its statuses mean."""
        return self._change


def _at_change(change: _PasswordChanges, weak: Sequence[WeakPassword], good: str) -> Iterator[FactReading]:
    try:
        yield from _refused("at change", change.rules, [(one, change(one.text)) for one in weak])
        accepted = change(good)
        yield _accepted("a good password at change", change.rules, accepted)
        change(good)  # it signs in with the new password, or raises
    except HarnessError as error:
        yield _untried("at change", str(error))


def _accepted(subject: str, rules: PasswordStatuses, answer: BrowserAnswer) -> FactReading:
    """The control: without a password that is accepted, refusals prove nothing."""
    ok = True if answer.status in rules.accepted else None
    expected = f"accepted with status {' or '.join(map(str, rules.accepted))}"
    return FactReading(subject=subject, expected=expected, observed=answer.words, ok=ok)


def _refused(
    where: str, rules: PasswordStatuses, tried: Iterable[tuple[WeakPassword, BrowserAnswer]]
) -> list[FactReading]:
    """Facts about short passwords and about common ones."""
    attempts = list(tried)
    common = [one for one in attempts if one[0].why.startswith("`")]
    short = [one for one in attempts if not one[0].why.startswith("`")]
    return [
        _of_group(f"{len(own)} {kind} {where}", rules, own)
        for kind, own in (("short passwords", short), ("common passwords", common))
    ]


def _of_group(
    subject: str, rules: PasswordStatuses, attempts: Sequence[tuple[WeakPassword, BrowserAnswer]]
) -> FactReading:
    let_in = [weak.why for weak, answer in attempts if answer.status in rules.accepted]
    unclear = Counter(answer.words for _, answer in attempts if answer.status not in {*rules.accepted, *rules.refused})
    refused = len(attempts) - len(let_in) - sum(unclear.values())
    words = [f"{refused} refused"]
    if let_in:
        words.append(f"{len(let_in)} accepted: {some(let_in)}")
    words += [f"{n} got {what}, which is neither of `accepted` nor of `refused`" for what, n in unclear.items()]
    expected = f"each refused with status {' or '.join(map(str, rules.refused))}"
    ok = False if let_in else None if unclear else True
    return FactReading(subject=subject, expected=expected, observed="; ".join(words), ok=ok)


def _untried(subject: str, why: str) -> FactReading:
    return FactReading(subject=f"passwords {subject}", expected="each tried", observed=why, ok=None)


def _left(accounts: NewAccounts) -> FactReading:
    """What becomes of the accounts."""
    removed = accounts.sign_up.remove is not None
    named = f"{len(accounts.made)} accounts, {accounts.made[0]} to {accounts.made[-1]}"
    observed = (
        f"{named}: {'removed at the end' if removed else '`identity.sign_up.remove` is not declared, so they stay'}"
    )
    return FactReading(subject="accounts that were made", expected="removed, or named here", observed=observed, ok=True)
