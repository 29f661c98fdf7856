"""The program that asks copies in turns, and which readings of their CPU belong to a turn."""

from __future__ import annotations

import json
import math
import ssl
import subprocess
import sys
import threading
from collections import Counter
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from itertools import pairwise
from typing import TYPE_CHECKING, ClassVar

import pytest
from hypothesis import given
from hypothesis import strategies as st
from kubernetes.client import ApiClient

from harness.drivers.scale.asking import PROGRAM, Asking, PlacedCopy, asking, first_turn_s, used_in
from harness.drivers.scale.copies import PodCopy
from harness.drivers.scale.scaled import CpuReading, Scaled, cpu_reading
from harness.targets.files.parts import Callers
from harness.targets.kubernetes import Cluster
from readiness_sandbox.cluster.tls import Authority
from tests.builders.http_servers import Quiet

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

TURN = {"began": 1000.5, "seconds": 6.2}
FAILS = "127.95.3.12"


def copy(name: str) -> PodCopy:
    """A copy of that name with half a core."""
    return PodCopy(body={"metadata": {"name": name}}, cores=0.5)


def reading(pod: str, cores: float, until_s: float, window_s: float = 3.0) -> CpuReading:
    """Of one window."""
    return CpuReading(pod=pod, cores=cores, until_s=until_s, window_s=window_s)


@pytest.mark.parametrize(
    ("seen", "used"),
    [
        ([reading("a", 0.5, 1004), reading("b", 0.4, 1005)], [0.5, 0.4]),
        ([reading("a", 0.5, 1004), reading("a", 0.6, 1005), reading("b", 0.4, 1005)], [0.6, 0.4]),
        ([reading("a", 0.5, 1003), reading("b", 0.4, 1005)], [0.4]),
        ([reading("a", 0.5, 1006), reading("b", 0.4, 1005)], [0.4]),
        ([reading("a", 0.5, 1005, window_s=5.0), reading("c", 0.4, 1005)], []),
    ],
    ids=["both", "the most", "began before", "may have ended after", "none"],
)
def test_only_windows_inside_of_a_turn_tell_what_a_copy_used_in_it(seen: list[CpuReading], used: list[float]) -> None:
    """The turn is from 1000.5 to 1006.7; a moment that says 1006 may be one up to 1007."""
    assert used_in(seen, [copy("a"), copy("b")], TURN) == used


@given(window_s=st.floats(0.5, 60), phase=st.floats(0, 1), began=st.floats(1000, 1001))
def test_a_window_of_each_copy_is_inside_of_the_first_turn(window_s: float, phase: float, began: float) -> None:
    """Wherever the windows begin, and though the metrics API cuts off what is below a second."""
    turn = {"began": began, "seconds": first_turn_s([reading("before", 0.1, 900, window_s)])}
    ends = [began + (phase + number) * window_s for number in range(20)]
    assert used_in([reading("a", 0.5, math.floor(end), window_s) for end in ends], [copy("a")], turn) == [0.5]


def test_a_reading_is_of_the_window_that_the_metrics_api_names() -> None:
    """All containers of the pod together."""
    containers = [{"name": name, "usage": {"cpu": "250000000n", "memory": "1Ki"}} for name in ("web", "beside")]
    measured = {"metadata": {"name": "a"}, "timestamp": "1970-01-01T00:20:00Z", "containers": containers}
    for window, seconds in [("3.001s", 3.001), ("1m0.5s", 60.5), ("1h2m", 3720.0), ("900ms", 0.9)]:
        found = cpu_reading({**measured, "window": window})
        assert (found.pod, found.cores, found.until_s) == ("a", 0.5, 1200)
        assert found.window_s == pytest.approx(seconds)


def test_each_set_of_copies_has_its_turn_in_each_round() -> None:
    """Two and then four, four times; the pod's image and labels are those of the callers, and it ends by itself."""
    placed = [PlacedCopy(copy(name), f"127.0.0.1:300{number}") for number, name in enumerate("abcd")]
    here = Scaled(cluster=Cluster(ApiClient()), namespace="north", name="web", requests={}, labels={})
    callers = Callers(image="python:3", accepted={"app": "gateway"}, refused={"app": "nobody"})
    made: Asking = asking(here, callers, "/cart", [placed[:2], placed], 6.0)
    assert [len(each) for each in made.turns] == [2, 4] * 4
    assert [one.name for one in made.turns[1]] == ["a", "b", "c", "d"]
    (container,) = made.body["spec"]["containers"]
    assert (container["image"], made.body["metadata"]["labels"]["app"]) == ("python:3", "gateway")
    assert container["command"][-2:] == [
        "127.0.0.1:3000,127.0.0.1:3001",
        "127.0.0.1:3000,127.0.0.1:3001,127.0.0.1:3002,127.0.0.1:3003",
    ]
    assert made.within_s == 2 * (1.5 + 6 + 3 * 3) + 30
    assert made.body["spec"]["activeDeadlineSeconds"] == 63


class Served(Quiet, BaseHTTPRequestHandler):
    """Counts who was asked; one address fails always."""

    protocol_version = "HTTP/1.1"
    counts: ClassVar[Counter[str]] = Counter()

    def do_GET(self) -> None:
        """An answer without a body."""
        address = str(self.connection.getsockname()[0])
        self.counts[address] += 1
        self.send_response(503 if address == FAILS else 200)
        self.send_header("content-length", "0")
        self.end_headers()


@pytest.fixture
def servers() -> Iterator[list[str]]:
    """Addresses and ports of two that answer, and one that fails."""
    made = [ThreadingHTTPServer((address, 0), Served) for address in ("127.95.3.10", "127.95.3.11", FAILS)]
    for each in made:
        threading.Thread(target=each.serve_forever, daemon=True).start()
    yield [f"{each.server_address[0]!s}:{each.server_address[1]}" for each in made]
    for each in made:
        each.shutdown()
        each.server_close()


def test_the_program_counts_what_every_turn_served(servers: list[str]) -> None:
    """Sets are asked together, failures are counted as such, and what is asked before the first turn is not counted.

    However late it is, everyone is asked once in each turn.
    """
    Served.counts.clear()
    one, two, fails = servers
    words = ["/", "0.2", "0.3", "0", "2", "2", one, f"{one},{two}", fails, "127.95.3.13:9"]
    done = subprocess.run(
        [sys.executable, "-c", PROGRAM, *words], capture_output=True, text=True, check=True, timeout=60
    )
    turns = json.loads(done.stdout)
    assert len(turns) == 8
    assert [
        turn["seconds"] >= (0.3 if first else 0.0) for first, turn in zip([True] * 4 + [False] * 4, turns, strict=True)
    ]
    assert [(turn["answers"] > 0, turn["failed"] > 0) for turn in turns] == [
        (True, False), (True, False), (False, True), (False, True)
    ] * 2  # fmt: skip
    counted = sum(turn["answers"] for turn in turns)
    asked = Served.counts["127.95.3.10"] + Served.counts["127.95.3.11"]
    assert 0 < counted < asked
    assert all(turn["busy"] >= 0 for turn in turns)
    assert all(turn["began"] < later["began"] for turn, later in pairwise(turns))


def test_a_copy_that_speaks_tls_is_asked_with_it(tmp_path: Path) -> None:
    """By its address, which no certificate names, and of any authority: it is what it serves that counts; asked without TLS it serves nothing."""
    Authority("test").issue("pages").write(tmp_path / "tls.crt", tmp_path / "tls.key")
    context = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
    context.load_cert_chain(tmp_path / "tls.crt", tmp_path / "tls.key")
    with ThreadingHTTPServer(("127.95.3.14", 0), Served) as server:
        server.socket = context.wrap_socket(server.socket, server_side=True)
        server.handle_error = lambda *_: None  # type: ignore[method-assign]  # what is asked without TLS is one
        threading.Thread(target=server.serve_forever, daemon=True).start()
        place = f"127.95.3.14:{server.server_port}"
        words = ["/", "0", "0.2", "0", "2", "1", f"https://{place}", place]
        done = subprocess.run(
            [sys.executable, "-c", PROGRAM, *words], capture_output=True, text=True, check=True, timeout=60
        )
        server.shutdown()
    assert [(turn["answers"] > 0, turn["failed"] > 0) for turn in json.loads(done.stdout)] == [
        (True, False),
        (False, True),
    ]
