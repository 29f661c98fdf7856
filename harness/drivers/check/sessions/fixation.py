"""`session-ids`: checks that a sign-in gives a new session id, and that the id before it does not become a signed-in session.

The ids before the sign-in are one that the platform gave to a visitor, the id of a session that was signed out, and a made-up one.
Only the first two prove that the platform replaces its own ids; at least one of them must be had.
"""

from __future__ import annotations

import secrets
from collections.abc import Callable, Iterator, Mapping, Sequence
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

USERS: Final = 3
"""Number of users who sign in, at most."""
_EXPECTED: Final = "another id after the sign-in, and no session with the id before it"


@claim(
    EVERY_SESSION,
    "id after sign-in differs from the one before it",
    needs=SESSION,
    seconds=4.0,
    again=False,
)
def session_ids(target: Target, _params: Mapping[str, str]) -> FactProbe:
    """The session cookie after a sign-in, compared with that of a visitor, of a session that was signed out, and a made-up one."""
    users = [*test_users(target).values()][:USERS]

    def probe() -> Sequence[FactReading]:
        found: list[FactReading] = []
        for region, entry in entries(target).items():
            with browsers(target, entry) as maker:
                found += _of_region(region, maker, users)
        return found

    return probe


def _of_region(region: str, maker: BrowserMaker, users: Sequence[IdentityUser]) -> Iterator[FactReading]:
    closed = maker.new().page()
    if closed.status != REFUSED:
        observed = f"{maker.settings.page} without a session got {closed.words}"
        expected = f"status {REFUSED}, so that the page shows whether a session is valid"
        yield FactReading(subject=f"page of {region}", expected=expected, observed=observed, ok=None)
        return
    own = 0
    for user in users:
        for kind, begin in _BEGINNINGS.items():
            browser, why = begin(maker, user)
            if not why and not browser.session:
                continue  # this platform gives no such id
            own += not why and kind != _MADE_UP
            yield _compared(f"{kind}, {user.user}, {region}", browser, user, why)
    if not own:
        what = (
            "no id of the platform's own could be carried into a sign-in: a visitor gets none, and none was signed out"
        )
        hint = "declare `identity.session.first`, a page that begins a session, or `sign_out`"
        yield FactReading(subject=f"own ids of {region}", expected="at least one", observed=f"{what} ({hint})", ok=None)


def _compared(subject: str, browser: Browser, user: IdentityUser, why: str) -> FactReading:
    """The fact about one sign-in, of a browser that has an id already."""

    def reading(observed: str, *, ok: bool | None) -> FactReading:
        return FactReading(subject=subject, expected=_EXPECTED, observed=observed, ok=ok)

    if why:
        return reading(why, ok=None)
    before = dict(browser.cookies)
    if browser.page(before).status == SERVED:
        return reading("the id before the sign-in is signed in already", ok=None)
    answer = browser.sign_in(user.user, user.password.resolve())
    served = browser.page()
    name = browser.settings.cookie
    others = {key: value for key, value in browser.cookies.items() if key != name}
    what = ""
    if not answer.done:
        what = f"the sign-in got {answer.words}"
    elif served.status != SERVED:
        what = f"the page got {served.words} after the sign-in"
    elif browser.page(others).status == SERVED:
        what = f"the page is served without the cookie `{name}`, so it is not that of the session"
    if what:
        return reading(what, ok=None)
    if browser.session == before[name]:
        return reading("the id is the same after the sign-in", ok=False)
    old = browser.page(before)
    if old.status == SERVED:
        return reading("the id differs, and the id before the sign-in is signed in, too", ok=False)
    return reading(
        f"the id differs, and the page got {old.words} with the old one", ok=True if old.is_evidence else None
    )


def _of_visitor(maker: BrowserMaker, _user: IdentityUser) -> tuple[Browser, str]:
    browser = maker.new()
    answer = browser.first()
    return browser, f"the page before the sign-in got {answer.words}" if not answer.status else ""


def _of_signed_out(maker: BrowserMaker, user: IdentityUser) -> tuple[Browser, str]:
    if maker.settings.sign_out is None:
        return maker.new(), ""
    browser, why = maker.signed_in(user)
    before = dict(browser.cookies)
    if not why and not (answer := browser.sign_out()).done:
        why = f"the sign-out got {answer.words}"
    if not why and browser.page(before).status == SERVED:
        return maker.new(), ""  # its session goes on, which is another requirement's matter
    browser.cookies.update(before)
    return browser, why


def _made_up(maker: BrowserMaker, _user: IdentityUser) -> tuple[Browser, str]:
    browser = maker.new()
    browser.first()
    browser.cookies[maker.settings.cookie] = secrets.token_hex(16)
    return browser, ""


_MADE_UP: Final = "made-up id"
_BEGINNINGS: Final[Mapping[str, Callable[[BrowserMaker, IdentityUser], tuple[Browser, str]]]] = {
    "id of a visitor": _of_visitor,
    "id of a session that was signed out": _of_signed_out,
    _MADE_UP: _made_up,
}
