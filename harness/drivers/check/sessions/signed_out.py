"""Sessions after their sign-out: the cookies that they had before are sent again to every region that had served them."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from functools import partial
from itertools import cycle
from typing import Final

from harness import clock
from harness.drivers.facts import FactReading
from harness.targets.files.identity import IdentityUser
from harness.targets.trust.browser import REFUSED, SERVED, BrowserAnswer, BrowserMaker
from harness.units import NS_PER_S

ENDED: Final = 2
"""Number of sessions that are signed out, in each region."""
EVERY_S: Final = 0.25
AFTER_S: Final = 2.5
MOST_S: Final = 15.0
"""Time in s for which a session is tried beyond the limit; and longer, up to `MOST_S`, until there are `LEAST` answers."""
LEAST: Final = 8
"""Minimum number of answers after the limit: a replica that still knows the session may answer only some of them."""


@dataclass(frozen=True, kw_only=True, slots=True)
class EndedSession:
    """A session that was signed out, and a region that had served it.

    Attributes:
        subject: what it is called.
        place: region that is asked.
        maker: makes browsers there.
        cookies: those that the session had before its sign-out.
        out: answer to the sign-out.
    """

    subject: str
    place: str
    maker: BrowserMaker
    cookies: Mapping[str, str]
    out: BrowserAnswer


def after_sign_out(
    makers: Mapping[str, BrowserMaker], users: Sequence[IdentityUser], limit_s: float
) -> list[FactReading]:
    """Facts about sessions that are signed out.

    Args:
        makers: of browsers, by region.
        users: test users, who sign in by turns.
        limit_s: limit in s.
    """
    next_user, ended, undone = cycle(users), list[EndedSession](), list[FactReading]()
    for home, maker in makers.items():
        for number in range(1, ENDED + 1):
            found = _ended(makers, home, f"session {number} of {home} after its sign-out", maker, next(next_user))
            if isinstance(found, FactReading):
                undone.append(found)
            else:
                ended += found
    with ThreadPoolExecutor(max(len(ended), 1)) as pool:
        answers = list(pool.map(partial(_tried, limit_s=limit_s), ended))
    controls = {region: maker.signed_in(users[0])[1] for region, maker in makers.items()}
    judged = [
        ended_reading(one.subject, one.out, own, limit_s, controls[one.place])
        for one, own in zip(ended, answers, strict=True)
    ]
    return [*undone, *judged]


def _ended(
    makers: Mapping[str, BrowserMaker], home: str, subject: str, maker: BrowserMaker, user: IdentityUser
) -> list[EndedSession] | FactReading:
    """A session that was signed out, once for each region that had served it; or the fact that there is none."""
    browser, why = maker.signed_in(user)
    if why:
        return undecided(subject, why)
    cookies = dict(browser.cookies)
    served = [place for place, there in makers.items() if there.new().page(cookies).status == SERVED]
    out = browser.sign_out()
    if not out.done or home not in served:
        return undecided(
            subject, f"the sign-out got {out.words}" if home in served else "its page was not served twice"
        )
    return [
        EndedSession(
            subject=subject if place == home else f"{subject}, asked in {place}",
            place=place,
            maker=makers[place],
            cookies=cookies,
            out=out,
        )
        for place in served
    ]


def _tried(one: EndedSession, limit_s: float) -> list[BrowserAnswer]:
    browser, limit_ns = one.maker.new(), one.out.at_ns + round(limit_s * NS_PER_S)
    answers, late = list[BrowserAnswer](), 0
    for _ in clock.Deadline.after((limit_ns - clock.now_ns()) / NS_PER_S + MOST_S).ticks(EVERY_S):
        answer = browser.page(one.cookies)
        answers.append(answer)
        late += answer.is_evidence and answer.sent_ns > limit_ns
        if late >= LEAST and answer.at_ns > limit_ns + round(AFTER_S * NS_PER_S):
            break
    return answers


def ended_reading(
    subject: str, out: BrowserAnswer, answers: Sequence[BrowserAnswer], limit_s: float, control: str
) -> FactReading:
    """The fact about a session that was signed out and is asked for in one region.

    It failed if a request that was sent later than the limit was not refused with 401. It passed if a request that was answered
    before the limit was refused, and every later one, too. In between, the answers are too far apart to tell.

    Args:
        subject: the session.
        out: answer to its sign-out, which took effect between its request and its answer.
        answers: answers to the session's cookies afterwards.
        limit_s: limit in s.
        control: why a new session was not served afterwards; empty: it was.
    """
    limit_ns = round(limit_s * NS_PER_S)
    known = [one for one in answers if one.is_evidence]
    late = [one for one in known if one.sent_ns > out.at_ns + limit_ns]
    wrong = [one for one in late if one.status != REFUSED]
    if control:
        return undecided(subject, f"afterwards a new session was not served: {control}")
    if wrong:
        late_s = (wrong[-1].sent_ns - out.at_ns) / NS_PER_S
        what = f"{wrong[-1].words} after {late_s:.1f} s; {len(wrong)} of {len(late)} answers later than {limit_s:g} s are not {REFUSED}"
        return ending(subject, limit_s, what, ok=False)
    if len(late) < LEAST:
        others = ", ".join(sorted({one.words for one in answers if not one.is_evidence})) or "none"
        what = f"{len(late)} answers later than {limit_s:g} s, at least {LEAST} are needed; without evidence: {others}"
        return ending(subject, limit_s, what, ok=None)
    last_ns = max((one.sent_ns for one in known if one.status != REFUSED), default=-1)
    since = [one for one in known if one.sent_ns > last_ns]
    took_s = max(since[0].at_ns - out.at_ns, 0) / NS_PER_S
    what = f"{REFUSED} after {took_s:.1f} s, in all {len(since)} answers since"
    return ending(subject, limit_s, what, ok=True if since[0].at_ns < out.sent_ns + limit_ns else None)


def ending(subject: str, limit_s: float, observed: str, *, ok: bool | None) -> FactReading:
    """The fact that a session has ended."""
    return FactReading(subject=subject, expected=f"{REFUSED} within {limit_s:g} s", observed=observed, ok=ok)


def undecided(subject: str, why: str) -> FactReading:
    """The fact about a session whose end could not be tried."""
    return FactReading(subject=subject, expected=f"{REFUSED}", observed=why, ok=None)
