"""The portal and what it links to, over real HTTP."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from harness.drivers.check.registry import CHECKS
from harness.errors import ConfigurationError
from tests.builders.addresses import NET

if TYPE_CHECKING:
    from harness.targets import Target
    from tests.together.check.conftest import Backend

PORTAL_LINKS = CHECKS["portal-links"]
PORTAL = f"http://{NET}1:8080/portal"
PAGE = f"""<a href="/first">1</a> <a href="first#top">1</a> <link href="/style.css"> <img src="http://{NET}2:8080/logo">
<a href="mailto:help@example.test">m</a> <a name="top">t</a> <a href="#top">up</a> <script src="/page.js"></script>
<link rel="preconnect" href="http://{NET}2:8080"> <link rel="DNS-Prefetch" href="//{NET}2:8080">""".encode()


def facts(target: Target) -> dict[str, tuple[bool | None, str]]:
    """Path (or host) of each, whether it is as expected, and what was answered."""
    named = target.model_copy(update={"portal": PORTAL})
    with PORTAL_LINKS.placed(named, {}) as probe:
        return {one.subject.removeprefix(f"http://{NET}"): (one.ok, one.observed) for one in probe()}


def test_what_the_first_page_links_to_is_requested_once(target: Target, backends: list[Backend]) -> None:
    """Relative and absolute; places in a page, addresses of mail and hosts to be connected to are no links to follow."""
    backends[0].body = PAGE
    fine = (True, "status 200")
    assert facts(target) == dict.fromkeys(
        ("1:8080/portal", "1:8080/first", "1:8080/style.css", "2:8080/logo", "1:8080/page.js"), fine
    )
    assert backends[1].paths == ["/logo"]


def test_a_link_that_is_dead_is_named(target: Target, backends: list[Backend]) -> None:
    """By its address and its status; one that hangs up has none."""
    backends[0].body = PAGE
    backends[1].status = 404
    assert facts(target)["2:8080/logo"] == (False, "status 404")
    backends[1].status = 0
    ok, observed = facts(target)["2:8080/logo"]
    assert (ok, observed.partition(":")[0]) == (False, "no answer")


def test_a_portal_that_is_not_there_is_the_one_fact(target: Target, backends: list[Backend]) -> None:
    """Without a first page there is no link."""
    backends[0].status = 404
    assert facts(target) == {"1:8080/portal": (False, "status 404")}
    with pytest.raises(ConfigurationError, match="names no portal"):
        PORTAL_LINKS.placed(target, {})


def test_a_link_that_is_no_address_is_dead_and_ends_nothing(target: Target, backends: list[Backend]) -> None:
    """A placeholder that was never filled in, and a port that there is not; the next link is asked for."""
    backends[
        0
    ].body = f'<a href="http://[your-host]/">1</a> <a href="http://{NET}2:99999/">2</a> <a href="/last">3</a>'.encode()
    found = facts(target)
    assert {link: ok for link, (ok, _) in found.items()} == {
        "1:8080/portal": True,
        "http://[your-host]/": False,
        "2:99999/": False,
        "1:8080/last": True,
    }
    assert found["http://[your-host]/"][1].startswith("no answer: ")


def test_a_portal_that_leads_on_to_its_first_page_is_followed(target: Target, backends: list[Backend]) -> None:
    """Its links are those of the page where it ends."""
    backends[0].routes = {"/portal": (302, {"location": "/portal/login"}, b"")}
    backends[0].body = b'<a href="help">h</a>'
    assert facts(target) == dict.fromkeys(("1:8080/portal", "1:8080/portal/help"), (True, "status 200"))


def test_what_leads_to_another_site_is_not_read(target: Target, backends: list[Backend]) -> None:
    """As to a page to sign in at: neither the portal nor a link of it is known to answer; one that is dead there is dead."""
    login = (302, {"location": f"http://{NET}2:8080/login"}, b"")
    unread = (None, f"redirected to another site, http://{NET}2:8080: not read")
    backends[0].body = b'<a href="/account">a</a> <a href="/help">h</a> <a href="/moved">m</a>'
    backends[0].routes = {"/account": login, "/moved": (301, {"location": "/help"}, b"")}
    fine = (True, "status 200")
    assert facts(target) == {
        "1:8080/portal": fine,
        "1:8080/account": unread,
        "1:8080/help": fine,
        "1:8080/moved": fine,
    }
    backends[1].status = 404
    assert facts(target)["1:8080/account"] == (False, "status 404")
    backends[1].status = 200
    backends[0].routes = {"/portal": login}
    assert facts(target) == {"1:8080/portal": unread}


def test_links_that_were_not_asked_for_are_not_known(target: Target, backends: list[Backend]) -> None:
    """Those after the two hundredth; and a page without a link shows none."""
    backends[0].body = b"".join(b'<a href="/%d">l</a>' % number for number in range(201))
    found = facts(target)
    assert found["1:8080/portal: links"] == (None, "201, of which the first 200 were requested")
    assert len(found) == 202
    backends[0].body = b"<p>welcome</p>"
    assert facts(target) == {"1:8080/portal": (True, "status 200"), "1:8080/portal: links": (None, "none")}
