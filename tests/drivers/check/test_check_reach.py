"""Pods that are not on this machine are asked through the API server's proxy: path, query, token, refusals."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import closing
from http.server import BaseHTTPRequestHandler
from pathlib import Path

import pytest

from harness.drivers.check.calls.together import CallPlan
from harness.drivers.check.reach import PodReach, of_each
from harness.targets import Target
from tests.builders.http_servers import serving
from tests.drivers.check.check_builders import Answers, cluster_at, shop_of

POD = {
    "metadata": {"name": "till-0", "namespace": "north"},
    "spec": {"containers": [{"name": "till", "ports": [{"name": "http", "containerPort": 8080}]}]},
    "status": {"podIP": "10.1.2.3"},
}


class _ApiServer(Answers, BaseHTTPRequestHandler):
    """Answers what it was asked for as the pod would, and refuses a path."""

    def do_GET(self) -> None:
        body, code = f"{self.path} {self.headers['authorization']}".encode() + b"\x00\xff", 200
        if self.path.endswith("/secret"):
            body, code = b'{"kind": "Status", "message": "pods \\"till-0:8080\\" is forbidden"}', 403
        if self.path.endswith("/down"):
            body, code = b'{"kind": "Status", "message": "error trying to reach service: connection refused"}', 503
        self.say(code, body, **{"x-release": "1.0.0"})

    def do_POST(self) -> None:
        body = self.sent()
        self.send_response(302)
        for name in ("sid", "csrf"):
            self.send_header("Set-Cookie", f"{name}=1")
        self.send_header("Location", "/elsewhere")
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)


@pytest.fixture
def target(tmp_path: Path) -> Iterator[Target]:
    """A target whose cluster is the server above."""
    with serving(_ApiServer) as url:
        yield shop_of(tmp_path, kubernetes=cluster_at(tmp_path, url, "north"))


def test_a_pod_elsewhere_is_asked_through_the_api_server(target: Target) -> None:
    """The query stays one, bytes stay bytes, and a refusal is told with its message."""
    with closing(PodReach(target, 20.0)) as reach:
        answer = reach.get(POD, "/debug/pprof/profile?seconds=1")
        path = b"/api/v1/namespaces/north/pods/till-0:8080/proxy/debug/pprof/profile?seconds=1"
        assert (answer.status, answer.headers["x-release"]) == (200, "1.0.0")
        assert answer.content == path + b" Bearer t0\x00\xff"
        refused = reach.get(POD, "/secret")
        assert (refused.status, refused.words) == (
            403,
            'the API server answered 403 pods "till-0:8080" is forbidden',
        )
        why = "the API server answered 503 error trying to reach service: connection refused"
        assert reach.get(POD, "/down").why == why


def test_a_body_and_every_cookie_pass_the_api_server(target: Target) -> None:
    """A sign-in is posted as JSON or as a form; its redirect is not followed, and none of its cookies is lost."""
    with closing(PodReach(target, 20.0)) as reach:
        answer = reach.send(POD, CallPlan(method="POST", path="/login", body={"user": "a"}))
        assert (answer.status, answer.body, answer.headers["set-cookie"]) == (302, '{"user": "a"}', "sid=1, csrf=1")
        assert reach.send(POD, CallPlan(method="POST", path="/login", form={"user": "a b"})).body == "user=a+b"


def test_an_api_server_that_is_not_there_is_no_answer(target: Target, tmp_path: Path) -> None:
    """Words instead of an exception."""
    text = (tmp_path / "kubeconfig").read_text(encoding="utf-8")
    (tmp_path / "kubeconfig").write_text(
        text.replace("server: http://127.0.0.1:", "server: http://127.0.0.1:1 #"), encoding="utf-8"
    )
    with closing(PodReach(target, 5.0)) as reach:
        assert reach.ask(POD, "/metrics").startswith("no answer: ")


def test_every_pod_is_asked_and_the_connections_are_closed(target: Target, monkeypatch: pytest.MonkeyPatch) -> None:
    """The answers are in the order of the pods, also of more than are asked at once; one that fails closes them too."""
    closed: list[float] = []
    monkeypatch.setattr(PodReach, "close", lambda reach: closed.append(reach.within_s))
    pods = [{**POD, "number": number} for number in range(9)]
    assert of_each(target, pods, lambda _reach, pod: pod["number"], within_s=3.0) == [*range(9)]
    with pytest.raises(KeyError):
        of_each(target, pods, lambda _reach, pod: pod["none"])
    assert closed == [3.0, 2.0]
