"""Sessions after their expiry: each is used, left alone for its lifetime, and tried once, since a request may lengthen its life."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from itertools import cycle
from typing import Final

from harness import clock
from harness.drivers.check.sessions.signed_out import ending, undecided
from harness.drivers.facts import FactReading
from harness.targets.files.identity import IdentityUser
from harness.targets.trust.browser import REFUSED, SERVED, Browser, BrowserAnswer, BrowserMaker
from harness.units import NS_PER_S

EXPIRING: Final = 4
"""Number of sessions in each region; half of them are tried before the limit, half of them after it."""
EARLY_S: Final = 0.5
"""Time in s before the limit at which the first half is tried."""


@dataclass(frozen=True, kw_only=True, slots=True)
class IdleSession:
    """A session that is left alone.

    Attributes:
        home: its region.
        browser: has its cookies.
        used: answer to its last use.
        due_ns: when it is tried.
    """

    home: str
    browser: Browser = field(repr=False)
    used: BrowserAnswer
    due_ns: int


@dataclass(frozen=True, kw_only=True, slots=True)
class IdleSessions:
    """Sessions that are left alone.

    Attributes:
        makers: of browsers, by region.
        user: test user of the control.
        idle: the sessions.
        undone: facts about sessions that could not be had.
        limit_s: limit in s after the expiry.
        over_ns: lifetime and limit together, in ns.
    """

    makers: Mapping[str, BrowserMaker]
    user: IdentityUser
    idle: Sequence[IdleSession] = ()
    undone: Sequence[FactReading] = ()
    limit_s: float = 0.0
    over_ns: int = 0

    def after_expiry(self) -> list[FactReading]:
        """Wait until the sessions have expired, and try them: the facts, one for each region."""
        tried = list[tuple[IdleSession, BrowserAnswer]]()
        for one in sorted(self.idle, key=lambda each: each.due_ns):
            clock.sleep((one.due_ns - clock.now_ns()) / NS_PER_S)
            tried.append((one, one.browser.page(dict(one.browser.cookies))))
        homes = dict.fromkeys(one.home for one in self.idle)
        controls = {home: self.makers[home].signed_in(self.user)[1] for home in homes}
        own = {home: [(one, answer) for one, answer in tried if one.home == home] for home in homes}
        return [*self.undone, *(self._of(home, own[home], controls[home]) for home in homes)]

    def _of(self, home: str, tried: Sequence[tuple[IdleSession, BrowserAnswer]], control: str) -> FactReading:
        subject = f"{len(tried)} sessions of {home} after their expiry"
        late = [answer for one, answer in tried if answer.sent_ns > one.used.at_ns + self.over_ns]
        early = [answer for one, answer in tried if answer.at_ns < one.used.sent_ns + self.over_ns]
        words = ", ".join(f"{answer.words}" for _, answer in tried)
        if control:
            return undecided(subject, f"afterwards a new session was not served: {control}")
        if any(answer.is_evidence and answer.status != REFUSED for answer in late):
            return ending(subject, self.limit_s, f"{words}, in the order of their times", ok=False)
        proven = early and late and all(answer.status == REFUSED for answer in (*early, *late))
        return ending(subject, self.limit_s, words, ok=True if proven else None)


def begin_idle(makers: Mapping[str, BrowserMaker], users: Sequence[IdentityUser], limit_s: float) -> IdleSessions:
    """Begin sessions that are not used afterwards; none where their lifetime is not declared, or is too long to wait for."""
    settings = next(iter(makers.values())).settings
    life_s, subject = settings.lifetime_s, "sessions after their expiry"
    begun = IdleSessions(makers=makers, user=users[0])
    if life_s is None:
        undone = undecided(subject, "`identity.session.lifetime` is not declared")
        return IdleSessions(makers=makers, user=users[0], undone=[undone])
    if life_s > settings.wait_s:
        what = f"the lifetime is {life_s:g} s, and the check waits {settings.wait_s:g} s at most: a shorter lifetime in this environment, or a longer `identity.session.wait`, decides"
        return IdleSessions(makers=makers, user=users[0], undone=[undecided(subject, what)])
    next_user, idle, undone_each = cycle(users), list[IdleSession](), list[FactReading]()
    over_ns = round((life_s + limit_s) * NS_PER_S)
    for home, maker in makers.items():
        for number in range(EXPIRING):
            browser, why = maker.signed_in(next(next_user))
            used = browser.page()
            if why or used.status != SERVED:
                name = f"session {number + 1} of {home} after its expiry"
                undone_each.append(undecided(name, why or f"{settings.page} got {used.words}"))
                continue
            first_half = number < EXPIRING // 2
            due_ns = used.sent_ns - round(EARLY_S * NS_PER_S) if first_half else used.at_ns + 1
            idle.append(IdleSession(home=home, browser=browser, used=used, due_ns=due_ns + over_ns))
    return IdleSessions(
        makers=begun.makers, user=begun.user, idle=idle, undone=undone_each, limit_s=limit_s, over_ns=over_ns
    )
