"""`session-cookies`: checks the attributes of every cookie by which a session is known.

Besides the cookie that the target file names, these are all cookies with which alone, or without which not, the page of a signed-in
user is served.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Final

from harness.drivers.check.claim import claim
from harness.drivers.check.sessions.needs import EVERY_SESSION, SESSION
from harness.drivers.facts import FactProbe, FactReading
from harness.targets import Target
from harness.targets.files.identity import IdentityUser
from harness.targets.trust.browser import (
    REFUSED,
    SERVED,
    Browser,
    BrowserMaker,
    browsers,
    entries,
    test_users,
)

_EXPECTED: Final = "Secure, HttpOnly and SameSite"


@claim(
    EVERY_SESSION,
    "cookie is Secure, HttpOnly and SameSite",
    needs=SESSION,
    seconds=3.0,
    again=False,
)
def session_cookies(target: Target, _params: Mapping[str, str]) -> FactProbe:
    """Every cookie that is set by a sign-in of each test user, and by the page after it."""
    users = [*test_users(target).values()]

    def probe() -> Sequence[FactReading]:
        found: list[FactReading] = []
        for region, entry in entries(target).items():
            with browsers(target, entry) as maker:
                for user in users:
                    found += _of_user(region, maker, user)
        return found

    return probe


def _of_user(region: str, maker: BrowserMaker, user: IdentityUser) -> Iterator[FactReading]:
    browser, why = maker.signed_in(user)
    place = f"{user.user}, {region}"
    if why:
        yield FactReading(subject=f"cookies of {place}", expected=_EXPECTED, observed=why, ok=None)
        return
    for name in browser.cookies:
        known = name == maker.settings.cookie or _is_of_session(browser, name)
        if known is None:
            what = f"the page answered neither {SERVED} nor {REFUSED} with it alone and without it"
            subject = f"cookie {name} of {place}"
            yield FactReading(subject=subject, expected="known whether it is a session's", observed=what, ok=None)
        elif known:
            yield _protected(f"cookie {name} of {place}", browser, name)


def _is_of_session(browser: Browser, name: str) -> bool | None:
    """Whether the page is served with this cookie alone, or not without it; None: the answers do not say."""
    alone = browser.page({name: browser.cookies[name]})
    without = browser.page({key: value for key, value in browser.cookies.items() if key != name})
    if {alone.status, without.status} <= {SERVED, REFUSED}:
        return alone.status == SERVED or without.status == REFUSED
    return None


def _protected(subject: str, browser: Browser, name: str) -> FactReading:
    """The fact about a cookie: every time that it was set counts."""
    times = [one for one in browser.given if one.name == name and not one.removes]
    lacking = {what: None for one in times for what in one.lacking}
    observed = f"lacks {', '.join(lacking)}" if lacking else f"all three, each of {len(times)} times"
    return FactReading(subject=subject, expected=_EXPECTED, observed=observed, ok=not lacking if times else None)
