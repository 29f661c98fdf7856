"""The trial of a service before a project is written: which paths a run will use, which header names the release, and what is said."""

from __future__ import annotations

import json
import shlex
import ssl
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler
from itertools import chain, count, cycle, repeat
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner

from harness.cli.init import init
from harness.cli.starter.discovery import NamedRelease, discovered, named_release
from harness.cli.starter.journey_reads import DocumentedWrite, unsent_writes
from harness.cli.starter.trial import ServiceTrial
from harness.targets import load_target
from tests.builders.http_servers import Quiet, serving

Route = Callable[[Mapping[str, str]], tuple[Any, ...]]


def route(status: int, body: Any = None, **headers: str) -> Route:
    """Always this answer."""
    return lambda _: (status, body, headers)


def private(body: Any) -> Route:
    """401 without the header that signs in."""
    return lambda sent: (
        (200, body, {}) if sent.get("Authorization") == "Basic dTpw" else (401, {"error": "sign in"}, {})
    )


@contextmanager
def service(**routes: Route) -> Iterator[str]:
    """A service of these paths, in which `_` is `/` and `root` is `/` alone; any other answers 404, and `x_build`-like names are headers."""
    known = {"/" if name == "root" else f"/{name.replace('_', '/')}": answer for name, answer in routes.items()}

    class Handler(Quiet, BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            status, body, headers = known.get(self.path, route(404, {"error": "not found"}))(dict(self.headers))
            data = b"" if body is None else json.dumps(body).encode()
            self.send_response(status)
            for name, value in headers.items():
                self.send_header(name.replace("_", "-"), value)
            self.send_header("Content-Length", str(len(data)))
            self.end_headers()
            self.wfile.write(data)

    with serving(Handler) as entry:
        yield entry


@contextmanager
def tried(**routes: Route) -> Iterator[ServiceTrial]:
    """The trial of such a service."""
    with service(**routes) as entry, ServiceTrial(entry, ssl.create_default_context()) as trial:
        yield trial


OK = route(200, {"ok": True})


def test_a_health_path_that_leads_to_the_slash_is_the_path_with_the_slash() -> None:
    """Probes follow no redirects, and a run with the path that was typed would be refused."""
    with tried(health=route(301, location="/health/"), health_=OK, root=OK) as trial:
        found = discovered(trial)
    assert (found.health, found.read) == ("/health/", "/")
    assert found.said == ("GET /health leads to /health/ (status 301), which is the health path",)
    with tried(health=route(301, location="/health/"), health_=OK, root=OK) as trial:
        assert discovered(trial, health="/health").health == "/health/"


def test_a_service_that_says_that_it_is_not_healthy_is_not_called_healthy_by_another_path() -> None:
    """Its root answers 200, but a run on that would pass over what its own health path says."""
    answers = chain((404,), repeat(503))  # the first one ends the wait for a service that starts
    with tried(health=lambda _: (next(answers), {"database": "down"}, {}), root=OK) as trial:
        found = discovered(trial)
    assert (found.health, found.read) == ("/health", "/")
    assert found.said == (
        "GET /health answers 503, so the service is not healthy now: a run begins when it answers 200",
    )


def test_a_journey_of_the_health_path_alone_is_said() -> None:
    """Else the verdict is about a path that no user requests."""
    with tried(livez=OK) as trial:
        found = discovered(trial)
    assert (found.health, found.read) == ("/livez", "/livez")
    assert found.said[1] == (
        "the read is GET /livez: GET / answers 404, and no other read is known: name one with `--read`, or a document with `--openapi`"
    )


def test_a_private_read_is_for_the_journey_and_a_public_one_for_the_probes(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Probes send no sign-in, so a run with the private path would be refused."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("BASIC", "dTpw")
    sign_in = ["--header", "Authorization: Basic $BASIC"]
    with service(health=OK, me=private({"user": 1})) as entry:
        made = CliRunner().invoke(init, ["shop", "--entry", entry, "--read", "/me", *sign_in])
        without = CliRunner().invoke(init, ["other", "--entry", entry, "--read", "/me"])
        monkeypatch.setenv("BASIC", "wrong")
        wrong = CliRunner().invoke(init, ["third", "--entry", entry, "--read", "/me", *sign_in])
    assert made.exit_code == 0, made.output
    assert load_target(tmp_path / "shop" / "target.yaml").probes.read.path == "/health"
    assert 'request("GET", "/me",' in (tmp_path / "shop" / "loadtests" / "visitors.py").read_text()
    assert (
        "GET /me answers 401: `--header 'Authorization: Bearer $TOKEN'` makes a journey that signs in" in without.output
    )
    assert (
        "GET /me answers 401 with the header that signs in, so the journey does not read it: correct the value"
        in wrong.output
    )


def test_an_address_that_leads_elsewhere_is_said(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A server that answers only with a redirect to https has no path that a run could use."""
    monkeypatch.chdir(tmp_path)
    away = route(301, location="https://127.0.0.1:9/")
    with service(root=away, health=away) as entry:
        made = CliRunner().invoke(init, ["shop", "--entry", entry])
    assert (
        f"GET {entry}/health leads to https://127.0.0.1:9/: begin again in an empty directory with `--entry`"
        in made.output
    )


def release_of(further: tuple[str, ...] = (), **routes: Route) -> NamedRelease:
    """What the headers of `/`, of `/health` and of these paths of the journey name."""
    with tried(**routes) as trial:
        return named_release(trial, ["/", "/health"], [trial.get(path) for path in further])


def test_a_header_of_an_unusual_name_is_named_and_not_used() -> None:
    """It is the user who knows what it says."""
    built = route(200, {}, x_build_tag="2026.11.3-g1a2b3c4")
    found = release_of(root=built, health=built)
    assert (found.header, found.release) == ("", "")
    assert found.said.startswith("the header x-build-tag (2026.11.3-g1a2b3c4) may name the release, or something else")
    framework = route(200, {}, X_AspNet_Version="4.0.30319")
    assert release_of(root=framework, health=framework) == NamedRelease()


@pytest.mark.parametrize("value", ["1", "v2", "10"])
def test_the_version_of_an_api_is_no_release(value: str) -> None:
    """Every release of the service has it."""
    api = route(200, {}, x_version=value)
    found = release_of(root=api, health=api)
    assert (found.header, f"({value}) may name the release, or the version of an API" in found.said) == ("", True)
    build = route(200, {}, x_build_number=value)
    assert release_of(root=build, health=build).header == "x-build-number"


def test_a_header_with_the_revision_of_each_resource_is_no_release() -> None:
    """A run would find answers of other releases, and decide nothing."""
    one, two = (route(200, {}, x_revision=f"rev-{number}") for number in (1, 2))
    for found in (release_of(root=one, health=two), release_of(("/items",), root=one, health=one, items=two)):
        assert (found.header, "another value for each path or answer (GET /: rev-1, " in found.said) == ("", True)
    assert release_of(("/items",), root=one, health=one, items=OK).release == "rev-1"


def test_a_header_with_a_value_for_each_answer_is_no_release() -> None:
    """It is the id of a request, and no roll-out: `end the roll-out first` would be no help."""
    numbers = count()

    def built(_: object) -> tuple[Any, ...]:
        return 200, {}, {"x_build_id": f"req-{next(numbers)}"}

    found = release_of(root=built, health=built)
    assert (found.header, "another value for each path or answer (" in found.said) == ("", True)


def test_two_releases_that_answer_in_turn_are_named() -> None:
    """The roll-out is not over."""
    turn = cycle(("1.0.0", "1.1.0"))
    found = release_of(root=lambda _: (200, {}, {"x_release": next(turn)}), health=route(200, {}, x_release="1.0.0"))
    assert (found.header, {*found.releases}, found.release) == ("x-release", {"1.0.0", "1.1.0"}, "")
    assert "end the roll-out first" in found.said


def test_a_limit_that_the_trial_meets_at_its_end_is_said(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The last requests of the trial are the first ones that are too many."""
    monkeypatch.chdir(tmp_path)
    left: Iterator[tuple[Any, ...]] = chain(repeat((200, {"ok": True}, {}), 5), repeat((429, None, {})))
    with service(root=lambda _: next(left), health=OK) as entry:
        made = CliRunner().invoke(init, ["shop", "--entry", entry])
    assert "the service limits requests (status 429)" in made.output


def test_a_required_header_that_is_missing_is_in_the_hint(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """And an example body with an apostrophe is quoted for the shell."""
    monkeypatch.chdir(tmp_path)
    tenant = [{"name": "X-Tenant", "in": "header", "required": True}]
    Path("openapi.json").write_text(json.dumps({"openapi": "3.0.0", "paths": {"/t": {"get": {"parameters": tenant}}}}))
    with service(root=OK, health=OK) as entry:
        made = CliRunner().invoke(init, ["shop", "--entry", entry, "--openapi", "openapi.json"])
    assert "pass the header, `--header 'X-Tenant: $VALUE'`" in str(made.exception)
    (said,) = unsent_writes([DocumentedWrite(method="POST", path="/o", needs_body=True, example='{"it\'s": 1}')], "")
    assert shlex.split(said.partition("`")[2].partition("`")[0])[3] == '{"it\'s": 1}'
