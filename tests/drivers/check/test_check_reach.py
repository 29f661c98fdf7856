"""Pods that are not on this machine are asked through the API server's proxy: path, query, token, refusals."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import pytest
import yaml

from harness.drivers.check.calls.together import CallPlan
from harness.drivers.check.reach import PodReach, of_each
from harness.targets import Target, load_target

POD = {
    "metadata": {"name": "till-0", "namespace": "north"},
    "spec": {"containers": [{"name": "till", "ports": [{"name": "http", "containerPort": 8080}]}]},
    "status": {"podIP": "10.1.2.3"},
}


class _ApiServer(BaseHTTPRequestHandler):
    """Answers what it was asked for as the pod would, and refuses a path."""

    def do_GET(self) -> None:
        body, code = f"{self.path} {self.headers['authorization']}".encode() + b"\x00\xff", 200
        if self.path.endswith("/secret"):
            body, code = b'{"kind": "Status", "message": "pods \\"till-0:8080\\" is forbidden"}', 403
        if self.path.endswith("/down"):
            body, code = b'{"kind": "Status", "message": "error trying to reach service: connection refused"}', 503
        self.send_response(code)
        self.send_header("X-Release", "1.0.0")
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def do_POST(self) -> None:
        body = self.rfile.read(int(self.headers["content-length"]))
        self.send_response(302)
        for name in ("sid", "csrf"):
            self.send_header("Set-Cookie", f"{name}=1")
        self.send_header("Location", "/elsewhere")
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, format: str, *args: object) -> None:  # noqa: A002 - the base class's name
        """Quiet."""


@pytest.fixture
def target(tmp_path: Path) -> Iterator[Target]:
    """A target whose cluster is the server above."""
    server = ThreadingHTTPServer(("127.0.0.1", 0), _ApiServer)
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.05})
    thread.start()
    kubeconfig = {
        "clusters": [{"name": "far", "cluster": {"server": f"http://127.0.0.1:{server.server_port}"}}],
        "users": [{"name": "me", "user": {"token": "t0"}}],
        "contexts": [{"name": "far", "context": {"cluster": "far", "user": "me"}}],
    }
    (tmp_path / "kubeconfig").write_text(yaml.safe_dump(kubeconfig), encoding="utf-8")
    (tmp_path / "target.yaml").write_text(
        "name: far\nenvironment: staging\nentry: http://127.0.0.1:9\n"
        f"kubernetes: {{context: far, namespace: north, kubeconfig: {tmp_path / 'kubeconfig'}}}\n",
        encoding="utf-8",
    )
    yield load_target(tmp_path / "target.yaml")
    server.shutdown()
    thread.join()
    server.server_close()


def test_a_pod_elsewhere_is_asked_through_the_api_server(target: Target) -> None:
    """The query stays one, bytes stay bytes, and a refusal is told with its message."""
    reach = PodReach(target, 20.0)
    try:
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
    finally:
        reach.close()


def test_a_body_and_every_cookie_pass_the_api_server(target: Target) -> None:
    """A sign-in is posted as JSON or as a form; its redirect is not followed, and none of its cookies is lost."""
    reach = PodReach(target, 20.0)
    try:
        answer = reach.send(POD, CallPlan(method="POST", path="/login", body={"user": "a"}))
        assert (answer.status, answer.body, answer.headers["set-cookie"]) == (302, '{"user": "a"}', "sid=1, csrf=1")
        assert reach.send(POD, CallPlan(method="POST", path="/login", form={"user": "a b"})).body == "user=a+b"
    finally:
        reach.close()


def test_an_api_server_that_is_not_there_is_no_answer(target: Target, tmp_path: Path) -> None:
    """Words instead of an exception."""
    text = (tmp_path / "kubeconfig").read_text(encoding="utf-8")
    (tmp_path / "kubeconfig").write_text(
        text.replace("server: http://127.0.0.1:", "server: http://127.0.0.1:1 #"), encoding="utf-8"
    )
    reach = PodReach(target, 5.0)
    try:
        assert reach.ask(POD, "/metrics").startswith("no answer: ")
    finally:
        reach.close()


def test_every_pod_is_asked_and_the_connections_are_closed(target: Target, monkeypatch: pytest.MonkeyPatch) -> None:
    """The answers are in the order of the pods, also of more than are asked at once; one that fails closes them too."""
    closed: list[float] = []
    monkeypatch.setattr(PodReach, "close", lambda reach: closed.append(reach.within_s))
    pods = [{**POD, "number": number} for number in range(9)]
    assert of_each(target, pods, lambda _reach, pod: pod["number"], within_s=3.0) == [*range(9)]
    with pytest.raises(KeyError):
        of_each(target, pods, lambda _reach, pod: pod["none"])
    assert closed == [3.0, 2.0]
