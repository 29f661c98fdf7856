"""Calls of a declared caller and of a stranger: which refusals show that a policy is there."""

from __future__ import annotations

import json
import os
import socket
import socketserver
import ssl
import subprocess
import sys
import threading
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from typing import TYPE_CHECKING, cast

import pytest

from harness.drivers.check.calling import CALLER, CallerPod
from harness.drivers.check.policies import Backend, CallerPair, refusal
from harness.errors import DriverError
from readiness_sandbox.cluster.tls import Authority
from tests.builders.addresses import NET
from tests.fake_clock import FakeClock

if TYPE_CHECKING:
    from pathlib import Path

    from harness.drivers.facts import FactReading
    from harness.targets.kubernetes import Cluster

HINT = "; hint: name a caller that the backend accepts"
TRACKS = Backend("tracks", 8080)


class Logs:
    """The logs of pods, by name; each has one more round each time that it is read, and the last one goes on."""

    url = "https://pocket"

    def __init__(self, **logs: list[str]) -> None:
        self._logs = logs
        self._read = dict.fromkeys(logs, 0)

    def pod_log(self, namespace: str, name: str) -> str:
        """What came of each round of calls of the one backend."""
        assert namespace == "eu"
        self._read[name] += 1
        own = self._logs[name]
        done = [own[min(n, len(own) - 1)] for n in range(self._read[name] if own else 0)]
        return "".join(f"{json.dumps([n, {str(TRACKS): came}])}\n" for n, came in enumerate(done, 1))


def strangers(declared: list[str], stranger: list[str]) -> FactReading:
    """What is read of the stranger, after these rounds of both."""
    logs = cast("Cluster", Logs(declared=declared, stranger=stranger))
    one, other = (CallerPod(cluster=logs, namespace="eu", name=name) for name in ("declared", "stranger"))
    pair = CallerPair(region="eu", backends=[TRACKS], labels=("frontend", "stranger"), declared=one, stranger=other)
    [seen] = pair.calls()
    return refusal("eu: stranger to tracks", seen)


def test_a_stranger_is_refused_where_the_declared_caller_is_not(
    monkeypatch: pytest.MonkeyPatch, subtests: pytest.Subtests
) -> None:
    """Once accepted is accepted; where both are refused alike, or there is no network yet, nothing is shown."""
    for name, declared, stranger, ok, observed in [
        ("admitted late", ["refused"] * 5 + ["accepted"], ["refused"], True, "refused"),
        ("network late", ["accepted"], ["no network", "refused"], True, "refused"),
        ("behind a proxy", ["accepted"], ["closed"], True, "refused"),
        ("at first", ["accepted"], ["accepted", "refused"], False, "accepted"),
        ("once", ["accepted"], ["refused", "refused", "accepted", "refused"], False, "accepted"),
        ("no network", ["accepted"], ["no network"], None, "no network"),
        ("slow", ["accepted"], ["no answer"], None, "no answer"),
        (
            "nothing listens",
            ["refused"],
            ["refused"],
            None,
            "refused, which proves nothing: the result of the declared caller is `refused`" + HINT,
        ),
        ("another protocol, no connection", ["closed"], ["refused"], True, "refused"),
        ("a stranger alone", ["refused"], ["accepted"], False, "accepted"),
    ]:
        with subtests.test(name):
            FakeClock.installed(monkeypatch)
            seen = strangers(declared, stranger)
            assert (seen.ok, seen.observed, seen.sure) == (ok, observed, ok is False)


def test_a_pod_that_writes_nothing_is_a_reason(monkeypatch: pytest.MonkeyPatch) -> None:
    """Its image may not be there."""
    FakeClock.installed(monkeypatch)
    with pytest.raises(DriverError, match="the pod stranger reported nothing within 15 s") as caught:
        strangers(["accepted"], [])
    assert "does its image exist" in caught.value.hint


@contextmanager
def listening(address: str, handler: type[socketserver.BaseRequestHandler]) -> Iterator[int]:
    """A server at a free port."""
    with socketserver.ThreadingTCPServer((address, 0), handler) as server:
        server.daemon_threads = True
        threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01}, daemon=True).start()
        yield server.server_address[1]
        server.shutdown()


class Hangs(socketserver.BaseRequestHandler):
    """Takes what is sent, and closes without an answer, as a database does that is asked by HTTP."""

    def handle(self) -> None:
        """Read one piece."""
        self.request.recv(1000)


class Speaks(socketserver.BaseRequestHandler):
    """Answers."""

    def handle(self) -> None:
        """Read one piece, and answer."""
        self.request.recv(1000)
        self.request.sendall(b"HTTP/1.0 200 OK\r\n\r\n")


def speaking_tls(directory: Path, verify: ssl.VerifyMode) -> type[socketserver.BaseRequestHandler]:
    """Answers with TLS alone, perhaps only whom it knows by a certificate, and ends without a word what speaks no TLS."""
    Authority("test").issue("db").write(directory / "tls.crt", directory / "tls.key")
    context = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
    context.load_cert_chain(directory / "tls.crt", directory / "tls.key")
    context.verify_mode = verify

    class SpeaksTls(socketserver.BaseRequestHandler):
        """Asks the first byte whether it begins a handshake."""

        def handle(self) -> None:
            if self.request.recv(1, socket.MSG_PEEK) == b"\x16":
                with suppress(ssl.SSLError), context.wrap_socket(self.request, server_side=True) as inside:
                    inside.sendall(inside.recv(1))

    return SpeaksTls


def test_a_caller_tells_what_came_of_each_call(tmp_path: Path) -> None:
    """An answer, a connection without one, and none; an answer with TLS is one, a refusal by it is not; once at least, however late it is."""
    with (
        listening(f"{NET}1", speaking_tls(tmp_path, ssl.CERT_REQUIRED)) as mutual,
        listening(f"{NET}1", Speaks) as spoken,
        listening(f"{NET}1", Hangs) as closed,
        listening(f"{NET}1", speaking_tls(tmp_path, ssl.CERT_NONE)) as secure,
    ):
        places = [f"db:{spoken}", f"db:{closed}", "gone:8080", f"db:{secure}", f"db:{mutual}"]
        env = {**os.environ, "DB_SERVICE_HOST": f"{NET}1", "GONE_SERVICE_HOST": f"{NET}99"}
        done = subprocess.run(
            [sys.executable, "-c", CALLER, "0", "/health", *places],
            env=env,
            capture_output=True,
            text=True,
            check=True,
        )
    number, came = json.loads(done.stdout.splitlines()[0])
    assert (number, came) == (
        1,
        dict(zip(places, ["accepted", "closed", "refused", "accepted", "closed"], strict=True)),
    )
