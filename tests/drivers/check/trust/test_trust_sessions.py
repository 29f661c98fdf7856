"""Sessions of an Express service with express-session: healthy, and spoilt in one way at a time."""

from __future__ import annotations

from contextlib import suppress
from http.server import BaseHTTPRequestHandler
from pathlib import Path
from typing import ClassVar

import pytest

from harness.errors import ConfigurationError
from harness.targets import load_target
from harness.targets.trust.browser import SignedCaller, client_of
from tests.builders.foreign_trust import express, facts_of, starlette
from tests.builders.http_servers import Quiet, serving

ENDS, IDS, COOKIES = "sessions-end", "session-ids", "session-cookies"
SHORT = (("lifetime: 600 s", "lifetime: 2 s"),)


def test_a_healthy_service_passes_all_three(tmp_path: Path) -> None:
    """Its sessions live for two seconds, and every refusal has a session beside it that is served."""
    with express(tmp_path, changes=SHORT, LIFETIME="2000") as target:
        assert facts_of(target, ENDS, within="1 s") == (True, [])
        assert facts_of(target, IDS) == (True, [])
        assert facts_of(target, COOKIES) == (True, [])


@pytest.mark.parametrize(
    ("spoilt", "fails", "words"),
    [
        ("cookie-only", ENDS, "answers later than 1 s are not 401"),
        ("immortal", ENDS, "status 200, in the order"),
        ("kept-id", IDS, "the id is the same after the sign-in"),
        ("not-secure", COOKIES, "lacks Secure"),
        ("not-http-only", COOKIES, "lacks HttpOnly"),
        ("not-same-site", COOKIES, "lacks SameSite"),
    ],
)
def test_each_defect_fails_exactly_one_of_them(spoilt: str, fails: str, words: str, tmp_path: Path) -> None:
    """The other two pass."""
    with express(tmp_path, spoilt, changes=SHORT, LIFETIME="2000") as target:
        found = {
            ENDS: facts_of(target, ENDS, within="1 s"),
            IDS: facts_of(target, IDS),
            COOKIES: facts_of(target, COOKIES),
        }
    assert {check: ok for check, (ok, _) in found.items()} == {check: check != fails for check in found}
    assert any(words in one for one in found[fails][1]), found[fails][1]


@pytest.mark.parametrize(
    ("spoilt", "change", "words"),
    [
        ("no-sign-out", (), "the sign-out got status 404"),
        ("nobody", (), "the sign-in of test-viewer got status 401"),
        ("open-page", (), "/account without a session, north: status 200"),
        ("", ("cookie: sid", "cookie: session"), "the sign-in set no cookie `session`; cookies that were set: sid"),
        ("", ("lifetime: 600 s", "lifetime: 1 h"), "the lifetime is 3600 s, and the check waits 60 s at most"),
        ("", (", lifetime: 600 s", ""), "`identity.session.lifetime` is not declared"),
        ("", ("page: /account", "page: /nothing"), "/nothing without a session, north: status 404"),
    ],
)
def test_what_could_not_be_tried_is_named_and_undecided(
    spoilt: str, change: tuple[str, str], words: str, tmp_path: Path
) -> None:
    """A sign-in that always fails makes every refusal a refusal of nobody."""
    with express(tmp_path, spoilt, changes=[change] if change else [], LIFETIME="2000") as target:
        ok, found = facts_of(target, ENDS, within="1 s")
        others = [facts_of(target, check)[0] for check in (IDS, COOKIES)]
    assert (ok, any(words in one for one in found)) == (None, True), found
    assert False not in others


def test_users_that_may_write_does_not_name_are_refused(tmp_path: Path) -> None:
    """Before anything is sent."""
    with (
        express(tmp_path, changes=[('users: "test-*"', 'users: "robot-*"')]) as target,
        pytest.raises(ConfigurationError, match=r"none of the 4 users of `identity\.users` may sign in and out"),
    ):
        facts_of(target, COOKIES)


def test_no_secret_is_in_a_fact(tmp_path: Path) -> None:
    """Neither passwords nor ids of sessions."""
    with express(tmp_path, "kept-id", "cookie-only", changes=SHORT, LIFETIME="2000") as target:
        every = [*facts_of(target, ENDS, within="1 s")[1], *facts_of(target, IDS)[1]]
    assert every
    assert not [one for one in every if "open-" in one or "s%3A" in one]


def test_a_sign_out_that_a_signed_cookie_survives_is_found_in_starlette(tmp_path: Path) -> None:
    """Its sessions expire, its cookies are protected, and a sign-in gives another one; no server remembers a sign-out."""
    with starlette(tmp_path) as target:
        ok, found = facts_of(target, ENDS, within="2 s")
        assert (ok, [one for one in found if "after its sign-out" not in one]) == (False, [])
        assert facts_of(target, IDS) == (True, [])
        assert facts_of(target, COOKIES) == (True, [])


class _Endless(Quiet, BaseHTTPRequestHandler):
    """Answers with a stream that does not end, and sets cookies with odd letters and an odd age."""

    cookies: ClassVar[list[str | None]] = []

    def do_GET(self) -> None:
        self.cookies.append(self.headers["cookie"])
        self.send_response(200)
        self.send_header("Set-Cookie", "name=Zo\xeb; Max-Age=--1")
        self.end_headers()
        with suppress(OSError):
            while True:
                self.wfile.write(b"event: nothing\n" * 10_000)


def test_a_page_that_does_not_end_is_answered_and_its_cookies_are_kept(tmp_path: Path) -> None:
    """A stream of events, as many pages have: its status counts, and what follows is not waited for."""
    with serving(_Endless) as url:
        (tmp_path / "target.yaml").write_text(f"name: shop\nenvironment: staging\nentry: {url}\n", encoding="utf-8")
        with client_of(load_target(tmp_path / "target.yaml"), url) as client:
            caller = SignedCaller(client=client, origin=url)
            assert [caller.ask("GET /").words for _ in range(2)] == ["status 200", "status 200"]
    assert _Endless.cookies[0] is None
    assert str(_Endless.cookies[1]).startswith("name=Zo")
