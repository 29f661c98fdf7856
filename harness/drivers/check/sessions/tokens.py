"""`token-refreshed`: checks that a user signs in, refreshes the token, and is served with the new one.

The page must be refused without a token and with a made-up one, and be served with the first token: a page that everybody
gets is served with any token, and one that is never served refuses every token.
"""

from __future__ import annotations

import secrets
from collections.abc import Iterator, Mapping, Sequence
from typing import Final
from urllib.parse import urlsplit

from harness.drivers.check.claim import claim
from harness.drivers.check.needs import within
from harness.drivers.facts import FactProbe, FactReading
from harness.errors import HarnessError
from harness.model.planned.need import RequiredKey
from harness.targets import Target
from harness.targets.trust.browser import (
    BrowserAnswer,
    SignedCaller,
    client_of,
    entries,
    origin_of,
    test_users,
)
from harness.targets.trust.grants import IdentityTokens, IssuedToken, TokenRefused

_SERVED: Final = 200
_REFUSED: Final = frozenset({401, 403})
_NO_EVIDENCE: Final = frozenset({404, 408, 429})
"""Statuses of a provider that refuse nothing, besides those of 500 and above."""


@claim(
    "a user signs in, refreshes the token and is served with the new one, each with status 200",
    needs=(
        RequiredKey("identity", "users sign in and refresh their tokens"),
        within("identity.issuer", "the provider gives and refreshes tokens"),
        within("identity.users", "test users sign in"),
        RequiredKey("may_write", "test users sign in, and what they change is allowed there"),
    ),
    seconds=5.0,
    again=False,
)
def token_refreshed(target: Target, _params: Mapping[str, str]) -> FactProbe:
    """Each test user signs in by the grant of the target file and refreshes the token; every region's page is asked with the new one."""
    users = test_users(target)

    def probe() -> Sequence[FactReading]:
        tokens = IdentityTokens(target)
        return [fact for name in users for fact in _of_user(target, tokens, name)]

    return probe


def _of_user(target: Target, tokens: IdentityTokens, name: str) -> Iterator[FactReading]:
    try:
        first = tokens.sign_in(name)
    except HarnessError as error:
        yield _fact(f"sign-in of {name}", "status 200 and a token", str(error), ok=None)
        return
    yield _fact(f"sign-in of {name}", "status 200 and a token", "status 200 and a token", ok=True)
    before = {page: _asked(target, page, first.access) for page in _pages(target, tokens)}
    subject, expected = f"refresh of {name}", "status 200 and another token"
    try:
        new = tokens.refreshed(first)
    except TokenRefused as error:
        refused = error.status < 500 and error.status not in _NO_EVIDENCE
        yield _fact(subject, expected, str(error), ok=False if refused else None)
        return
    except HarnessError as error:
        yield _fact(subject, expected, str(error), ok=None)
        return
    same = new.access == first.access
    yield _fact(subject, expected, f"status 200 and {'the same' if same else 'another'} token", ok=not same)
    for page, served in before.items():
        yield _served(target, page, name, served, new)


def _pages(target: Target, tokens: IdentityTokens) -> Sequence[str]:
    """The addresses that are asked for: the page at every region's entry, else the provider's own."""
    path = tokens.identity.page
    return (
        [entry + path for entry in entries(target).values()]
        if path
        else [tokens.provider.endpoint("userinfo_endpoint")]
    )


def _asked(target: Target, url: str, token: str) -> BrowserAnswer:
    parts = urlsplit(url)
    entry = f"{parts.scheme}://{parts.netloc}"
    with client_of(target, entry) as client:
        caller = SignedCaller(client=client, origin=origin_of(target, entry), token=token)
        return caller.ask(f"GET {url.removeprefix(entry)}")


def _served(target: Target, page: str, name: str, first: BrowserAnswer, new: IssuedToken) -> FactReading:
    """The fact about a page that is asked for with the new token."""
    subject, expected = f"{page} with the new token of {name}", f"status {_SERVED}"
    without, made_up = (_asked(target, page, token) for token in ("", secrets.token_urlsafe(32)))
    for answer, what in ((without, "without a token"), (made_up, "with a made-up token")):
        if answer.status not in _REFUSED:
            return _fact(
                subject, expected, f"{what} the page got {answer.words}, so a status 200 proves nothing", ok=None
            )
    if first.status != _SERVED:
        return _fact(subject, expected, f"with the first token the page got {first.words}", ok=None)
    answer = _asked(target, page, new.access)
    ok = True if answer.status == _SERVED else False if answer.status in _REFUSED else None
    return _fact(subject, expected, answer.words, ok=ok)


def _fact(subject: str, expected: str, observed: str, *, ok: bool | None) -> FactReading:
    return FactReading(subject=subject, expected=expected, observed=observed, ok=ok)
