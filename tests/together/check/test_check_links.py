"""What the platform publishes, over real HTTP: pages with their assets, documentation, reports and runbooks."""

from __future__ import annotations

import gzip
import json
from datetime import timedelta
from email.utils import format_datetime
from typing import TYPE_CHECKING, Any

import httpx
import pytest

from claims.pages.assets import is_named_by_hash, page_assets
from claims.pages.published import _given_at, documentation, quality_report
from harness import clock
from harness.drivers.check.links.answers import LinkAnswer, _led_to, names_it, period_s, said_age
from harness.drivers.check.links.runbooks import _of_rule
from harness.drivers.check.monitor.prometheus import AlertRule
from harness.errors import ConfigurationError, DriverError
from tests.builders.addresses import NET
from tests.together.objects import deployment

if TYPE_CHECKING:
    from harness.drivers.facts import FactReading
    from harness.targets import Target
    from tests.together.check.conftest import Backend
    from tests.together.conftest import PocketCluster

BASE = f"http://{NET}1:8080"
HTML = {"content-type": "text/html; charset=utf-8"}


def page(*parts: str) -> tuple[int, dict[str, str], bytes]:
    """An answer in HTML."""
    return 200, HTML, "".join(parts).encode()


def asset(size: int = 1000, coding: str = "gzip", kind: str = "text/css") -> tuple[int, dict[str, str], bytes]:
    """An asset that is so large as it is sent."""
    content = b"x" * size
    if coding == "gzip":
        content = gzip.compress(content, compresslevel=0, mtime=0)
    return 200, {"content-type": kind, **({"content-encoding": coding} if coding else {})}, content


def seen(facts: list[FactReading]) -> dict[str, tuple[bool | None, str]]:
    """Whether each is as expected, and what was observed, by its subject."""
    return {one.subject.removeprefix(BASE): (one.ok, one.observed) for one in facts}


def assets(target: Target) -> dict[str, tuple[bool | None, str]]:
    """Of a website that begins at `/`."""
    return seen([*page_assets(target.model_copy(update={"website": f"{BASE}/"}), {"most": "500"})()])


def test_every_page_is_found_by_links_and_its_assets_are_weighed(target: Target, backends: list[Backend]) -> None:
    """Each page by itself; what is on another host is an asset and no page."""
    backends[0].routes = {
        "/": page(f'<link rel="stylesheet" href="/a.3f9a2b1c.css"><a href="/list">l</a><a href="http://{NET}2:8080/x">x</a>'),
        "/list": page('<script src="big.BQx3aZ1c.js"></script><link rel="canonical" href="/list"><a href="/">home</a>'),
        "/a.3f9a2b1c.css": asset(),
        "/big.BQx3aZ1c.js": asset(600_000, kind="text/javascript"),
    }  # fmt: skip
    found = assets(target)
    assert found["/"] == (True, "1 assets, 1.023 kB")
    assert found["/list"] == (False, "1 assets, 600.1 kB")
    assert found["/big.BQx3aZ1c.js: coding"] == (True, "gzip")
    assert found["/a.3f9a2b1c.css: name"] == (True, "named by hash")
    assert f"{NET}2" not in " ".join(found)


def test_what_is_no_page_is_requested_once(target: Target, backends: list[Backend]) -> None:
    """Three pages link to one PDF."""
    links = '<a href="/a">a</a><a href="/b">b</a><a href="/terms.pdf">terms</a>'
    backends[0].routes = {path: page(links) for path in ("/", "/a", "/b")}
    backends[0].routes["/terms.pdf"] = (200, {"content-type": "application/pdf"}, b"%PDF")
    assert "/terms.pdf" not in assets(target)
    assert sorted(backends[0].paths) == ["/", "/a", "/b", "/terms.pdf"]


def test_an_asset_that_is_plain_or_has_no_hash_or_no_answer_is_named(target: Target, backends: list[Backend]) -> None:
    """Pictures are compressed in themselves; of what does not answer the size is not known."""
    backends[0].routes = {
        "/": page('<script src="/app.js"></script><img src="/photo.12345abc.png"><link rel="icon" href="/gone.svg">'),
        "/app.js": asset(coding=""),
        "/photo.12345abc.png": asset(coding="", kind="image/png"),
        "/gone.svg": (404, {}, b""),
    }
    found = assets(target)
    assert found["/"] == (None, "3 assets, 2 kB, 1 without an answer")
    assert found["/app.js: coding"] == (False, "not compressed (text/css)")
    assert found["/app.js: name"] == (False, "no hash")
    assert found["/photo.12345abc.png: coding"] == (True, "not compressed (image/png)")
    assert found["/gone.svg"] == (False, "status 404")


def test_an_asset_whose_address_is_none_is_named(target: Target, backends: list[Backend]) -> None:
    """A placeholder that was never filled in; a link of that kind is no page of the website."""
    backends[0].routes = {
        "/": page('<a href="http://[your-host]/">x</a><script src="http://[your-host]/a.js"></script>')
    }
    found = assets(target)
    assert found["/"] == (None, "1 assets, 0 kB, 1 without an answer")
    assert found["http://[your-host]/a.js"][0] is False


def test_a_website_without_assets_or_without_an_answer_does_not_pass(target: Target, backends: list[Backend]) -> None:
    """Nothing that is loaded is nothing that was measured."""
    backends[0].routes = {"/": page("plain")}
    assert assets(target) == {"/": (True, "0 assets, 0 kB"), "/: assets": (None, "no page does")}
    backends[0].routes = {"/": (500, HTML, b"")}
    assert (False, "status 500") in assets(target).values()
    with pytest.raises(ConfigurationError, match="names no website"):
        page_assets(target, {"most": "500"})


def test_a_hash_is_told_from_a_word(subtests: pytest.Subtests) -> None:
    """Eight characters or more that are no words; where they may be words, whether the server says that the content never changes decides."""
    for name, hashed, immutable in [
        ("main.3f9a2b1c.js", True, True),
        ("index-BQx3aZ1c.css", True, True),
        ("index-DiwrgTda.js", None, True),
        ("chunk.3f9a2b1c.min.js", True, True),
        ("94fdbc56eafa2039.css", True, True),
        ("c9a5bc6a7c948fb0-s.p.woff2", True, True),
        ("DlAUqK2U.js", False, True),
        ("Inter-SemiBold.woff2", None, True),
        ("app.UserProfile.js", None, True),
        ("app.userProfile2.js", None, True),
        ("site.DarkTheme.css", None, True),
        ("style.css", False, False),
        ("style-overview.css", False, False),
        ("my-component-name.css", False, False),
        ("page1-section2.css", False, False),
        ("page.Dashboard.js", False, False),
        ("app.1a2b.js", False, False),
    ]:
        with subtests.test(name):
            url = f"https://shop.example.test/assets/{name}?v=1"
            assert (is_named_by_hash(url), is_named_by_hash(url, immutable=True)) == (hashed, immutable)


def test_the_server_says_whether_a_name_changes_with_the_content(target: Target, backends: list[Backend]) -> None:
    """By `immutable` in `Cache-Control`; without it a name of words leaves it open."""
    backends[0].routes = {
        "/": page('<link rel="preload" href="/Inter-SemiBold.woff2"><script src="/index-DiwrgTda.js"></script>'),
        "/Inter-SemiBold.woff2": asset(coding="", kind="font/woff2"),
        "/index-DiwrgTda.js": asset(),
    }
    status, headers, body = backends[0].routes["/index-DiwrgTda.js"]
    cached = {**headers, "cache-control": "public, max-age=31536000, Immutable"}
    backends[0].routes["/index-DiwrgTda.js"] = (status, cached, body)
    found = assets(target)
    assert found["/index-DiwrgTda.js: name"] == (True, "named by hash")
    words = "a hash or words: unclear, since `Cache-Control` is not immutable"
    assert found["/Inter-SemiBold.woff2: name"] == (None, words)


def documented(target: Target, **update: str) -> list[tuple[bool | None, str]]:
    """The documentation of a target of release 1.0.0."""
    named = target.model_copy(update={"documentation": f"{BASE}/docs", **update})
    return [(one.ok, one.observed) for one in documentation(named, {"age": "24 h"})()]


def test_documentation_names_this_version_soon_after_the_switch(
    target: Target, backends: list[Backend], cluster: PocketCluster
) -> None:
    """With the day it was published; that of another version fails, one that does not answer says nothing of versions."""
    assert documented(target)[0] == (True, "status 200")
    backends[0].routes["/docs"] = page("Documentation of 1.0.0")
    assert documented(target)[1:] == [(True, "names 1.0.0"), (None, "no ReplicaSet says when that was")]
    cluster.create("ReplicaSet", deployment("till"))
    assert [ok for ok, _ in documented(target)] == [True, True, True]
    late = format_datetime(clock.wall() + timedelta(hours=25), usegmt=True)
    backends[0].routes["/docs"] = (200, {**HTML, "last-modified": late}, b"Documentation of 1.0.0")
    assert documented(target)[2] == (False, "25.0 h after it")
    backends[0].routes["/docs"] = page("Documentation of 0.9.0")
    assert documented(target)[1:] == [(False, "does not name it")]
    backends[0].routes["/docs"] = (404, {}, b"")
    assert documented(target) == [(False, "status 404"), (None, "status 404")]


def of_till(made: str, image: str, replicas: int = 0, **pod: str) -> dict[str, Any]:
    """A ReplicaSet of one Deployment."""
    owner = {"kind": "Deployment", "name": "till", "uid": "u-1", "controller": True}
    spec = {"containers": [{"name": "till", "image": image}], **pod}
    metadata = {"name": f"till-{made}", "creationTimestamp": f"2026-01-{made}T00:00:00Z", "ownerReferences": [owner]}
    return {"metadata": metadata, "spec": {"replicas": replicas, "template": {"spec": spec}}}


@pytest.mark.parametrize(
    ("own", "day"),
    [
        ([of_till("01", "a:0.9.0"), of_till("02", "a:1.0.0", 2)], 2),
        ([of_till("01", "a:0.9.0"), of_till("02", "a:1.0.0"), of_till("03", "a:1.0.0", 2)], 2),
        ([of_till("01", "a:1.0.0"), of_till("02", "a:0.9.0"), of_till("03", "a:1.0.0", 2)], 3),
        ([of_till("01", "a:1.0.0"), of_till("02", "a:1.0.0", 2), of_till("03", "a:1.1.0")], 1),
        ([of_till("01", "a:latest"), of_till("02", "a:latest"), of_till("03", "a:latest", 2)], 1),
        ([of_till("01", "a:x", nodeName="n"), of_till("02", "a:x", 2)], 2),
        ([of_till("01", "a:1.0.0")], None),
    ],
)
def test_a_restart_is_no_switch_of_the_release(own: list[dict[str, Any]], day: int | None) -> None:
    """The oldest ReplicaSet of the release that has pods, back to another release; where no tag names it, of the same pods."""
    given = _given_at(own, "1.0.0")
    assert (None if given is None else given.day) == day


def test_without_a_release_nobody_knows_what_to_look_for(target: Target) -> None:
    """That is an error with its key."""
    release = target.release.model_copy(update={"version": ""})
    nameless = target.model_copy(update={"documentation": f"{BASE}/docs", "release": release})
    with pytest.raises(DriverError, match="the release under test is not known"):
        documentation(nameless, {"age": "24 h"})
    with pytest.raises(ConfigurationError, match="names no quality report"):
        quality_report(target, {"age": "24 h"})


def reported(target: Target) -> list[tuple[bool | None, str]]:
    """The newest report of a target whose version path answers 1.0.0."""
    named = target.model_copy(update={"quality_report": f"{BASE}/newest"})
    return [(one.ok, one.observed) for one in quality_report(named, {"age": "24 h"})()]


def test_the_newest_report_is_young_and_of_the_running_release(target: Target, backends: list[Backend]) -> None:
    """By its own key or by the header; one without a date has no age, one that is not there is dead."""
    backends[0].routes["/version"] = (200, {}, b'{"version": "1.0.0"}')

    def answer(age: timedelta | None, releases: list[str], headers: dict[str, str]) -> None:
        written = {} if age is None else {"written_at": (clock.wall() - age).isoformat()}
        backends[0].routes["/newest"] = (200, headers, json.dumps({**written, "releases": releases}).encode())

    answer(timedelta(hours=3), ["1.0.0"], {})
    assert reported(target) == [(True, "status 200"), (True, "3.0 h"), (True, "names 1.0.0")]
    answer(timedelta(hours=24), ["0.9.0"], {})
    assert reported(target)[1:] == [(False, "24.0 h"), (False, "does not name it")]
    answer(None, ["1.0.0"], {})
    assert reported(target)[1] == (None, "the report has no date")
    answer(None, ["1.0.0"], {"last-modified": format_datetime(clock.wall() - timedelta(days=3), usegmt=True)})
    assert reported(target)[1] == (False, "3.0 d")
    answer(-timedelta(seconds=1), ["1.0.0"], {})
    assert reported(target)[1][0] is True
    answer(-timedelta(days=30), ["1.0.0"], {})
    assert reported(target)[1] == (None, "the clocks disagree: the report is dated 30.0 d in the future")
    backends[0].routes["/newest"] = (404, {}, b"")
    assert reported(target) == [(False, "status 404")]


def test_a_period_is_divided_by_the_time_scale(target: Target) -> None:
    """Unless the sentence says that it is not."""
    scaled = target.model_copy(update={"time_scale": 60.0})
    assert [period_s("24 h", scaled), period_s("24 h (not scaled)", scaled), period_s("24 h", target)] == [
        1440.0,
        86400.0,
        86400.0,
    ]
    assert [said_age(seconds) for seconds in (3.0, 180.0, 7200.0, 200_000.0)] == ["3.0 s", "3.0 min", "2.0 h", "2.3 d"]


def runbook(target: Target, annotations: dict[str, str], release: str) -> list[tuple[bool | None, str]]:
    """What is read of the runbook of one rule."""
    rule = AlertRule.model_validate({"name": "Down", "health": "ok", "annotations": annotations})
    return [(one.ok, one.observed) for one in _of_rule(target, rule, release)]


def test_a_runbook_is_named_answers_and_is_of_the_release(target: Target, backends: list[Backend]) -> None:
    """A rule without one, a dead one, and one of another release are not."""
    url = {"runbook_url": f"{BASE}/runbooks/Down"}
    backends[0].routes["/runbooks/Down"] = (200, {}, b"# Down\nFor release 1.0.0 of the shop.")
    assert runbook(target, url, "") == [(True, "status 200")]
    assert runbook(target, url, "1.0.0") == [(True, "status 200"), (True, "names 1.0.0")]
    assert runbook(target, url, "1.1.0") == [(True, "status 200"), (False, "does not name it")]
    assert runbook(target, {}, "") == [(False, "no annotation `runbook_url`")]
    assert runbook(target, {"runbook_url": "see the wiki"}, "") == [(False, "`see the wiki` is not an address")]
    backends[0].routes["/runbooks/Down"] = (404, {}, b"")
    assert runbook(target, url, "1.0.0") == [(False, "status 404"), (None, "status 404")]


def test_a_runbook_that_leads_to_another_site_is_not_read(target: Target, backends: list[Backend]) -> None:
    """A page to sign in at answers 200, and may have a version of its own; a redirect within the site is followed."""
    url = {"runbook_url": f"{BASE}/runbooks/Down"}
    backends[0].routes["/runbooks/Down"] = (302, {"location": f"http://{NET}2:8080/login"}, b"")
    backends[1].routes["/login"] = page("Sign in. Wiki 1.0.0")
    unread = (None, f"redirected to another site, http://{NET}2:8080: not read")
    assert runbook(target, url, "1.0.0") == [unread, unread]
    backends[0].routes["/runbooks/Down"] = (302, {"location": "/runbooks/down.md"}, b"")
    backends[0].routes["/runbooks/down.md"] = page("For release 1.0.0")
    assert runbook(target, url, "1.0.0") == [(True, "status 200"), (True, "names 1.0.0")]


@pytest.mark.parametrize(
    ("asked", "answered", "led_to"),
    [
        ("http://shop.example.test/a", "https://shop.example.test/a", ""),
        ("https://Shop.example.test:443/a", "https://shop.example.test/b", ""),
        ("https://shop.example.test/a", "https://login.example.test/", "https://login.example.test"),
        ("https://shop.example.test/a", "http://shop.example.test/a", "http://shop.example.test"),
        ("https://shop.example.test/a", "https://shop.example.test:8443/", "https://shop.example.test:8443"),
    ],
)
def test_a_site_is_scheme_host_and_port(asked: str, answered: str, led_to: str) -> None:
    """From http to https of the same host is no other one."""
    assert _led_to(httpx.URL(asked), httpx.URL(answered)) == led_to


@pytest.mark.parametrize(
    ("text", "ok"),
    [
        ('{"schema": "1.1.0", "release": "1.0.0"}', False),
        ('{"schema": "2", "release": "v1.1.0", "replaces": "1.0.0"}', True),
        ('{"version": "1.0.0", "next": "1.1.0"}', False),
        ('{"release": "1.1.0", "version": "2.0"}', True),
        ('{"releases": ["1.1.0"]}', True),
        ('{"version": 2, "of": "1.1.0"}', True),
        ("{release 1.1.0", True),
    ],
)
def test_the_release_of_a_json_object_is_its_own_key(text: str, *, ok: bool) -> None:
    """`release`, or `version`, where one is a text; another number in it names none. Any other text is searched."""
    answered = LinkAnswer(url=BASE, words="status 200", status=200, text=text)
    assert names_it(answered, "x", "1.1.0").ok is ok
