"""The Lease of a run where the API server refuses, fails, or does what was asked and does not say so."""

from __future__ import annotations

import json
import threading
from collections import deque
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler
from typing import TYPE_CHECKING, Any

import pytest
import yaml

from harness.cli.recover import recover
from harness.errors import AccessDenied, ConfigurationError, DriverError, TargetSilent
from harness.targets import ClusterLease, Target, load_target, platform_of
from harness.targets.cluster.leases import DURATION_S
from harness.targets.safety import lease as module
from harness.targets.undo import Recovered
from tests.builders.http_servers import Quiet, serving
from tests.fake_clock import FakeClock

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path


@dataclass
class OneLease:
    """An API server with room for one Lease.

    Attributes:
        refusals: statuses that the next requests are answered with; each after what was asked was done, if `deaf`.
    """

    refusals: deque[int] = field(default_factory=deque)
    deaf: bool = False
    always: int = 0
    lease: dict[str, Any] | None = None
    writes: int = 0

    def answer(self, method: str, body: dict[str, Any]) -> tuple[int, dict[str, Any]]:
        """Status and body of an answer."""
        refused = self.always or (self.refusals.popleft() if self.refusals else 0)
        if refused and not self.deaf:
            return refused, _status(refused)
        answered = self._answered(method, body)
        return (refused, _status(refused)) if refused else answered

    def _answered(self, method: str, body: dict[str, Any]) -> tuple[int, dict[str, Any]]:
        if method == "GET":
            return (200, self.lease) if self.lease else (404, _status(404))
        if method == "POST":
            if self.lease:
                return 409, _status(409)
            self.lease = body
        else:
            if self.lease is None or body["metadata"]["resourceVersion"] != self.lease["metadata"]["resourceVersion"]:
                return 409, _status(409)
            self.lease["spec"] |= body["spec"]
        self.writes += 1
        self.lease["metadata"]["resourceVersion"] = str(self.writes)
        return 200, self.lease


def _status(code: int) -> dict[str, Any]:
    reason = {403: 'leases "readiness-harness" is forbidden', 404: 'namespaces "shop" not found'}.get(code, "try later")
    return {"kind": "Status", "apiVersion": "v1", "status": "Failure", "message": reason, "code": code}


@pytest.fixture
def api() -> OneLease:
    """What the API server does."""
    return OneLease()


@pytest.fixture
def shop(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, api: OneLease) -> Iterator[Target]:
    """A target of that API server."""
    monkeypatch.setenv("READINESS_STATE", str(tmp_path / "state"))

    class Handler(Quiet, BaseHTTPRequestHandler):
        def _serve(self) -> None:
            body = self.rfile.read(int(self.headers.get("Content-Length") or 0))
            status, answer = api.answer(self.command, json.loads(body or b"{}"))
            content = json.dumps(answer).encode()
            self.send_response(status)
            self.send_header("Content-Length", str(len(content)))
            self.end_headers()
            self.wfile.write(content)

        do_GET = do_POST = do_PATCH = _serve  # noqa: N815 - names of the library

    with serving(Handler) as url:
        cluster = {"name": "c", "cluster": {"server": url}}
        context = {"name": "c", "context": {"cluster": "c", "user": "u"}}
        users = [{"name": "u", "user": {"token": "t"}}]
        config = {"apiVersion": "v1", "kind": "Config", "clusters": [cluster], "users": users, "contexts": [context]}
        (tmp_path / "kubeconfig").write_text(yaml.safe_dump(config))
        (tmp_path / "target.yaml").write_text(
            "name: shop\nenvironment: staging\nentry: https://a.test\n"
            f"kubernetes: {{kubeconfig: {tmp_path}/kubeconfig, context: c, namespace: shop}}\n"
        )
        yield load_target(tmp_path / "target.yaml")


def of(target: Target, **options: Any) -> ClusterLease:
    """The Lease of a run."""
    return ClusterLease(target, platform_of(target), "run-1", **options)


def test_a_refused_permission_is_told_with_the_command_that_lists_it(shop: Target, api: OneLease) -> None:
    """Whether the Lease may not be read, or not be created; by a run and by a plan."""
    for refusals in ([403], [0, 403]):
        for ask in (ClusterLease.__enter__, ClusterLease.refuse_if_held):
            api.refusals = deque(refusals)
            with pytest.raises(AccessDenied) as raised:
                ask(of(shop))
            assert raised.value.what == (
                "the Lease shop/readiness-harness cannot be taken: the API server answered 403 "
                'leases "readiness-harness" is forbidden'
            )
            assert "`readiness plan --roles`" in raised.value.hint
            assert raised.value.hint.endswith("; or write `lease: none`")


def test_a_namespace_that_is_missing_is_told(shop: Target, api: OneLease) -> None:
    """A Lease is an object of a namespace."""
    api.refusals = deque([0, 404])
    with pytest.raises(ConfigurationError) as raised:
        of(shop).__enter__()
    assert raised.value.what.endswith(
        '/readiness-harness cannot be created: the API server answered 404 namespaces "shop" not found'
    )
    assert "`kubernetes: {lease: {namespace: …}}`" in raised.value.hint


def test_an_api_server_that_fails_is_asked_again_for_ten_seconds(
    shop: Target, api: OneLease, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Then nothing is run."""
    time = FakeClock.installed(monkeypatch)
    began_ns = time.now_ns
    api.always = 503
    with pytest.raises(TargetSilent, match="cannot be taken: the API server answered 503 try later"):
        of(shop).__enter__()
    assert 10 <= (time.now_ns - began_ns) / 1e9 < 12
    api.always, api.refusals = 0, deque([503, 503])
    with of(shop):
        assert api.lease is not None


def test_a_write_whose_answer_is_lost_is_found_again(
    shop: Target, api: OneLease, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The Lease names this process, so it is not waited for as another's."""
    time = FakeClock.installed(monkeypatch)
    began_ns = time.now_ns
    api.deaf, api.refusals = True, deque([0, 504])
    with of(shop):
        assert api.lease is not None
        assert api.lease["spec"]["holderIdentity"].startswith("run-1@")
    assert (time.now_ns - began_ns) / 1e9 < 3


@pytest.mark.parametrize("status", [403, 503])
def test_a_lease_that_cannot_be_renewed_is_lost_before_it_expires(
    shop: Target, api: OneLease, monkeypatch: pytest.MonkeyPatch, status: int
) -> None:
    """The holder gives up before another run may take it; a short failure changes nothing."""
    assert module.LOST_AFTER_S < DURATION_S
    monkeypatch.setattr(module, "RENEW_S", 0.01)
    monkeypatch.setattr(module, "LOST_AFTER_S", 0.5)
    lost = threading.Event()
    with of(shop, lost=lost.set) as held:
        before = api.writes
        api.refusals = deque([status] * 3)
        while api.refusals or api.writes <= before:
            assert not lost.wait(0.01)
        api.always = status
        assert lost.wait(60)
    assert held.why_lost.startswith(f"the Lease shop/readiness-harness was lost: the API server answered {status} ")


def test_a_lease_whose_renewal_ends_by_an_error_of_the_harness_is_lost(
    shop: Target, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The run would go on, and another take the Lease beside it."""
    monkeypatch.setattr(module, "RENEW_S", 0.01)
    monkeypatch.setattr(threading, "excepthook", lambda _: None)
    lost = threading.Event()
    with of(shop, lost=lost.set) as held:
        monkeypatch.setattr(held, "_write", lambda *_: 1 / 0)
        assert lost.wait(60)
    assert held.why_lost == "the Lease shop/readiness-harness was lost: an error of the harness ended its renewal"


def test_changes_are_undone_where_the_lease_has_no_place(
    shop: Target, api: OneLease, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """For example after its namespace was deleted: `readiness recover` says so, and goes on."""
    undone: list[str] = []

    def undo(found: Target, _: object) -> Recovered:
        undone.append(found.name)
        return Recovered()

    monkeypatch.setattr("harness.targets.undo.recover", undo)
    api.refusals = deque([0, 404])
    assert recover.main(["--target", str(shop.file)], standalone_mode=False) == 0
    assert undone == ["shop"]
    assert "cannot be created: the API server answered 404" in capsys.readouterr().err


def test_what_the_undo_log_needs_is_written_or_nothing_is_changed(shop: Target, api: OneLease) -> None:
    """A run that cannot say where its undo log is must not begin."""
    with of(shop) as held:
        api.always = 503
        with pytest.raises(DriverError, match="answered 503"):
            held.will_change()
        api.always = 0
