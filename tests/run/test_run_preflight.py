"""Every probed path is requested before anything is run: what the file got wrong is told apart from a target that is not well."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler
from itertools import cycle, repeat
from pathlib import Path

import pytest

from harness.drivers.watch.entry.wires import ProbeResponse
from harness.errors import AccessDenied, ConfigurationError, TargetUnreachable, UsageError
from harness.run.start.preflight import PlannedProbe, preflight, refuse_other_release
from harness.targets import Target, load_target
from tests.builders.http_servers import Quiet, serving
from tests.builders.http_servers import answering as serving_answers
from tests.builders.plans import act, fault, plan
from tests.fake_clock import FakeClock
from tests.plain.plain_project import service

FILE = """\
name: shop
environment: staging
entry: https://shop.test
regions:
  eu: {entry: "https://eu.shop.test"}
probes:
  health: /health
  read: {path: /items/1?key=secret, expect: {id: 1}}
  services: {items: /items/2}
release: {path: /version}
ledger: {path: /ledger, read: true}
pipeline: {accept: /events, visible: "/events/{id}"}
prometheus: https://prometheus.test/below
"""
HEAD = "name: shop\nenvironment: staging\nentry: {entry}\n"
GOOD = b'{"id": 1}'
NONE: Mapping[str, ProbeResponse] = {}
Asked = Callable[[Sequence[PlannedProbe]], list[ProbeResponse]]


def shop(directory: Path, text: str = FILE) -> Target:
    """A target with every kind of probe."""
    file = directory / "target.yaml"
    file.write_text(text, encoding="utf-8")
    return load_target(file)


def status(code: int, body: bytes = GOOD) -> ProbeResponse:
    """An answer with this status."""
    return ProbeResponse(sent_ns=0, done_ns=0, status=code, body=body, is_json=True)


def failed(error: str) -> ProbeResponse:
    """No answer."""
    return ProbeResponse(sent_ns=0, done_ns=0, error=error)


def answering(answers: Mapping[str, ProbeResponse], asked: list[str] | None = None) -> Asked:
    """Answers by URL, 200 where nothing else is said."""

    def ask(probes: Sequence[PlannedProbe]) -> list[ProbeResponse]:
        if asked is not None:
            asked.extend(probe.url for probe in probes)
        return [answers.get(probe.url, status(200)) for probe in probes]

    return ask


def test_every_path_that_can_be_asked_harmlessly_is_requested(clock: FakeClock, tmp_path: Path) -> None:
    """At the entry, at each region's, and at Prometheus; no query is shown, and an event that is not there may be 404."""
    asked: list[str] = []
    absent = {"https://shop.test/events/0": status(404)}
    preflight(shop(tmp_path), pytest.fail, ask=answering(absent, asked))
    assert asked == [
        "https://shop.test/health",
        "https://shop.test/items/1",
        "https://eu.shop.test/health",
        "https://eu.shop.test/items/1",
        "https://eu.shop.test/items/2",
        "https://shop.test/ledger",
        "https://shop.test/events/0",
        "https://shop.test/version",
        "https://prometheus.test/below/api/v1/alerts",
    ]


PLACES = {
    "shop.test/health": ":7: probes.health",
    "shop.test/items/1": ":8: probes.read",
    "eu.shop.test/health": ":5: regions.eu.entry",
    "eu.shop.test/items/2": ":9: probes.services.items",
    "shop.test/version": ":10: release.path",
    "shop.test/ledger": ":11: ledger.path",
    "shop.test/events/0": ":12: pipeline.visible",
    "prometheus.test/below/api/v1/alerts": ":13: prometheus",
}
"""Where the file names what is requested there: line and key."""
OTHER = "status 200 with another body than expected, which is "


def test_what_only_the_file_can_explain_is_its_mistake(
    clock: FakeClock, tmp_path: Path, subtests: pytest.Subtests
) -> None:
    """Method, URL without the query, answer, file and line; exit code 4."""
    for url, answer, what, hint in [
        ("shop.test/items/1", status(404), "status 404", "correct `read`: the path must answer GET"),
        ("shop.test/health", status(404), "status 404", "correct `health`"),
        ("shop.test/items/1", status(401), "status 401", "name a path that needs no sign-in"),
        ("shop.test/health", status(405), "status 405", "is requested with GET"),
        ("shop.test/health", status(301), "status 301", "redirects are not followed"),
        (
            "shop.test/items/1",
            status(200, b'{"id": 2}'),
            f"{OTHER}the keys id",
            "correct the path or the expected body of",
        ),
        ("shop.test/version", status(200, b""), f"{OTHER}a body", "correct the path or the expected body of"),
        ("eu.shop.test/health", status(404), "status 404", "correct `entry`"),
        ("eu.shop.test/items/2", status(404), "status 404", "correct `items`"),
        ("shop.test/ledger", status(404), "status 404", "correct `path`"),
        ("shop.test/events/0", status(403), "status 403", "needs no sign-in"),
        ("shop.test/version", status(404), "status 404", "correct `path`"),
        ("prometheus.test/below/api/v1/alerts", status(404), "status 404", "correct `prometheus`"),
        ("shop.test/health", failed("tls"), "the TLS handshake failed", "tls: {ca_file: …}"),
    ]:
        with subtests.test(url, what=what):
            with pytest.raises(ConfigurationError) as caught:
                preflight(shop(tmp_path), pytest.fail, ask=answering({f"https://{url}": answer}))
            assert f"target.yaml{PLACES[url]}: GET https://{url} never succeeded: {what}" in str(caught.value)
            assert hint in caught.value.hint
            assert ("secret" in str(caught.value), caught.value.exit_code) == (False, 4)


def test_a_health_path_may_answer_with_nothing_but_its_status(tmp_path: Path) -> None:
    """Status 200 and no body, as many frameworks have it; an `error` in the body is none."""
    preflight(shop(tmp_path), pytest.fail, ask=answering({"https://shop.test/health": status(200, b"")}))
    said = status(200, b'{"error": "no database"}')
    with pytest.raises(ConfigurationError, match="status 200 with another body"):
        preflight(shop(tmp_path), pytest.fail, ask=answering({"https://shop.test/health": said}))


def test_a_404_is_given_five_seconds_to_become_a_success(clock: FakeClock, tmp_path: Path) -> None:
    """A gateway that has no route yet answers 404 as well."""
    at_ns = clock.now_ns
    late = answering(NONE)

    def ask(probes: Sequence[PlannedProbe]) -> list[ProbeResponse]:
        return late(probes) if clock.now_ns - at_ns > 4e9 else [status(404)] * len(probes)

    preflight(shop(tmp_path), pytest.fail, ask=ask)
    assert 4 < (clock.now_ns - at_ns) / 1e9 < 5


@pytest.mark.parametrize(
    ("answer", "within_s", "said"),
    [
        (status(503), 20, ":7: probes.health: INCONCLUSIVE: GET https://shop.test/health did not succeed within 20 s"),
        (status(429), 20, "status 429; nothing was run"),
        (failed("refused"), 5, ":3: entry: no answer from https://shop.test/health within 5 s: refused"),
        (failed("timeout"), 5, "hint: start the platform, or correct `entry`"),
    ],
)
def test_a_target_that_is_not_well_is_waited_for_and_not_judged(
    clock: FakeClock, tmp_path: Path, answer: ProbeResponse, within_s: float, said: str
) -> None:
    """Exit code 10: it is nobody's mistake, and no verdict on the release."""
    began_ns = clock.now_ns
    with pytest.raises(TargetUnreachable) as caught:
        preflight(shop(tmp_path), lambda _: None, ask=answering({"https://shop.test/health": answer}))
    assert said in str(caught.value)
    assert caught.value.exit_code == 10
    assert abs((clock.now_ns - began_ns) / 1e9 - within_s) <= 0.5


def test_a_region_that_is_not_well_stops_nothing(clock: FakeClock, tmp_path: Path) -> None:
    """It is the release's own fault, perhaps, and is judged; it is said."""
    said: list[str] = []
    preflight(shop(tmp_path), said.append, ask=answering({"https://eu.shop.test/health": failed("refused")}))
    assert said == [f"{tmp_path}/target.yaml:5: regions.eu.entry: GET https://eu.shop.test/health: refused"]


def test_probes_are_sent_as_the_watch_sends_them(tmp_path: Path) -> None:
    """On a real service: a good file passes, a misspelt path is named within seconds."""
    with service() as entry:
        text = f"name: plain\nenvironment: staging\nentry: {entry}\nprobes: {{health: /health, read: /items/1}}\n"
        preflight(shop(tmp_path, text), pytest.fail)
        typo = shop(tmp_path, text.replace("/items/1", "{path: /items/1, expect: {id: 2}}"))
        with pytest.raises(
            ConfigurationError, match=rf"target.yaml:4: probes.read: GET {entry}/items/1 never succeeded"
        ):
            preflight(typo, pytest.fail)


def test_a_cluster_that_may_not_be_read_is_known_before_the_load(clock: FakeClock, tmp_path: Path) -> None:
    """Where an act needs the target as before; otherwise nothing is asked of the cluster."""
    with serving_answers(repeat((403, {"kind": "Status", "code": 403, "message": "nodes is forbidden"}))) as (
        server,
        asked,
    ):
        config = {
            "clusters": [{"name": "a", "cluster": {"server": server}}],
            "users": [{"name": "u", "user": {"token": "t"}}],
            "contexts": [{"name": "a", "context": {"cluster": "a", "user": "u"}}],
        }
        (tmp_path / "kubeconfig").write_text(json.dumps(config), encoding="utf-8")
        named = f"kubernetes: {{kubeconfig: {tmp_path}/kubeconfig, context: a, namespace: shop}}\n"
        target = shop(tmp_path, FILE + named)
        preflight(target, pytest.fail, ask=answering(NONE), acts=[act("check a")])
        assert asked == []
        with pytest.raises(AccessDenied) as raised:
            preflight(target, pytest.fail, ask=answering(NONE), acts=[act("check a"), fault("pod-loss")])
    assert "answered 403 nodes is forbidden; nothing was run" in str(raised.value)
    assert "readiness plan --roles" in raised.value.hint


def test_another_release_is_refused_before_the_load(tmp_path: Path, subtests: pytest.Subtests) -> None:
    """Ninety seconds of load and a kill would prove nothing: what answers is named, and the command that judges it. No command overrules the file."""
    one = "the release 1.4.2"
    judge = "judge the release that runs there: readiness run --target target.yaml --release 1.4.2 --seed 1; or deploy 1.0.0"
    correct = f"correct `version` of `release` in {tmp_path}/target.yaml, which is 1.0.0; or deploy 1.0.0"
    complete = "complete the roll-out or take it back, so that one release answers; then name it with `--release`"
    again = ("--target", "target.yaml", "--release", "1.0.0", "--seed", "1")
    for releases, source, named, hint in [
        (("1.4.2",), "header: x-release", one, judge),
        (("1.4.2",), "path: /version", one, judge),
        (("1.4.2",), "version: 1.0.0, header: x-release", one, correct),
        (("1.0.0", "1.4.2"), "header: x-release", "2 releases, 1.0.0 and 1.4.2", complete),
    ]:
        with subtests.test(releases=releases, source=source), serving_release(*releases) as entry:
            target = shop(tmp_path, f"{HEAD.format(entry=entry)}release: {{{source}}}\n")
            with pytest.raises(UsageError) as raised:
                refuse_other_release(target, plan(release="1.0.0", again=again))
            assert raised.value.what == f"the target shop names {named}, expected 1.0.0; nothing was run"
            assert raised.value.hint == hint


def test_the_release_that_is_judged_and_a_target_that_names_none_are_not_refused(tmp_path: Path) -> None:
    """Whether answers name it is the verdict's to say."""
    for release, source in (
        ("1.4.2", "release: {header: x-release}\n"),
        ("1.4.2", "release: {path: /version}\n"),
        ("", "release: {header: x-other}\n"),
        ("", ""),
    ):
        with serving_release(release) as entry:
            refuse_other_release(shop(tmp_path, HEAD.format(entry=entry) + source), plan(release="1.4.2"))


@contextmanager
def serving_release(*releases: str) -> Iterator[str]:
    """A service that names its releases in a header, and as plain text, one after the other."""
    turn = cycle(releases)

    class Handler(Quiet, BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            release = next(turn)
            self.send_response(200)
            self.send_header("x-release", release)
            self.send_header("Content-Length", str(len(release)))
            self.end_headers()
            self.wfile.write(release.encode())

    with serving(Handler) as entry:
        yield entry
