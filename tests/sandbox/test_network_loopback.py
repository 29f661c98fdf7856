"""The loopback network with its real forwarder process and real echo servers."""

from __future__ import annotations

import json
import socket
import subprocess
import sys
import threading
from contextlib import contextmanager
from typing import TYPE_CHECKING

import pytest

from harness import clock
from harness.errors import SandboxError
from readiness_sandbox import messages
from readiness_sandbox.network.loopback import Loopback
from readiness_sandbox.network.seam import (
    HOST,
    Disturbance,
    Endpoint,
    Impairment,
    Occupant,
    Pod,
    Seat,
    Service,
    ServicePort,
)

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

OCTET = 92
PORT = 8080


@pytest.fixture
def log(tmp_path: Path) -> Path:
    """Where the forwarder logs connections."""
    return tmp_path / "flows" / "events.log"


@pytest.fixture
def network(log: Path) -> Iterator[Loopback]:
    """A network with a forwarder of its own."""
    ours, theirs = messages.pair()
    argv = [sys.executable, "-m", "readiness_sandbox.network.forwarder", str(theirs.fileno()), str(log)]
    with subprocess.Popen(argv, pass_fds=[theirs.fileno()]) as forwarder:
        theirs.close()
        net = Loopback(OCTET, ours)
        yield net
        net.close()
        assert forwarder.wait(60) == 0


@contextmanager
def echo(address: str) -> Iterator[Endpoint]:
    """A server that answers each line with its own address; closing it breaks its connections."""
    listening = socket.create_server((address, PORT))
    accepted: list[socket.socket] = []

    def serve() -> None:
        while True:
            try:
                connection, _ = listening.accept()
            except OSError:
                return
            accepted.append(connection)
            threading.Thread(target=answer, args=(connection,), daemon=True).start()

    def answer(connection: socket.socket) -> None:
        try:
            while connection.recv(100):
                connection.sendall(address.encode())
        except OSError:
            return
        connection.close()

    thread = threading.Thread(target=serve, daemon=True)
    thread.start()
    yield Endpoint(address=address, port=PORT)
    listening.shutdown(socket.SHUT_RDWR)
    listening.close()
    for connection in accepted:
        connection.close()
    thread.join(30)


def service(*backends: Endpoint, name: str = "web") -> Service:
    """A Service in namespace `shop` with these endpoints."""
    return Service(namespace="shop", name=name, ports=(ServicePort(name="http", port=80, backends=backends),))


def everyone(_seat: Seat, endpoints: tuple[Endpoint, ...]) -> tuple[Endpoint, ...]:
    """No policy."""
    return endpoints


def call(address: str, port: int = 80) -> str:
    """Who answers one connection; '' when it is refused or reset."""
    try:
        with socket.create_connection((address, port), timeout=30) as connection:
            connection.sendall(b"who?")
            return connection.recv(100).decode()
    except ConnectionError:
        return ""


def eventually(address: str, expected: set[str]) -> bool:
    """Whether, within some seconds, the answers of six calls are exactly these."""
    return any({call(address) for _ in range(6)} == expected for _ in clock.Deadline.after(60).ticks(0.02))


def test_connections_take_turns_over_the_endpoints(network: Loopback) -> None:
    """Four connections to two endpoints: two each."""
    with echo("127.92.1.201") as one, echo("127.92.1.202") as two:
        network.serve([service(one, two)], everyone)
        front = network.front(HOST, "shop", "web")
        assert sorted(call(front) for _ in range(4)) == [one.address] * 2 + [two.address] * 2


def test_an_address_that_a_caller_chose_is_seen_by_the_endpoint(network: Loopback) -> None:
    """It calls from 127.0.77.1; who chooses none calls from 127.0.0.1, as all do on this machine."""
    with socket.create_server(("127.92.1.210", PORT)) as listening:
        network.serve([service(Endpoint(address="127.92.1.210", port=PORT))], everyone)
        for source in ("127.0.77.1", "127.0.0.1"):
            at = (network.front(HOST, "shop", "web"), 80)
            with socket.create_connection(at, timeout=30, source_address=(source, 0)):
                connection, peer = listening.accept()
                connection.close()
                assert peer[0] == source


def test_a_dead_endpoint_is_passed_over(network: Loopback) -> None:
    """An endpoint that refuses costs the caller nothing but a moment."""
    with echo("127.92.1.203") as alive:
        network.serve([service(Endpoint(address="127.92.1.204", port=PORT), alive)], everyone)
        front = network.front(HOST, "shop", "web")
        assert [call(front) for _ in range(4)] == [alive.address] * 4


def test_a_policy_that_comes_later_cuts_what_is_established(network: Loopback) -> None:
    """A connection that is no longer allowed is reset."""
    with echo("127.92.1.206") as backend:
        network.serve([service(backend)], everyone)
        with socket.create_connection((network.front(HOST, "shop", "web"), 80), timeout=30) as connection:
            connection.sendall(b"who?")
            assert connection.recv(100).decode() == backend.address
            network.serve([service(backend)], lambda _seat, _endpoints: ())
            with pytest.raises(ConnectionResetError):
                connection.recv(100)


def test_a_connection_to_an_endpoint_that_is_no_longer_ready_stays(network: Loopback) -> None:
    """Only new connections go elsewhere."""
    with echo("127.92.1.207") as old, echo("127.92.1.208") as new:
        network.serve([service(old)], everyone)
        front = network.front(HOST, "shop", "web")
        with socket.create_connection((front, 80), timeout=30) as connection:
            connection.sendall(b"who?")
            assert connection.recv(100).decode() == old.address
            network.serve([service(new)], everyone)
            assert eventually(front, {new.address})
            connection.sendall(b"who?")
            assert connection.recv(100).decode() == old.address


def test_another_name_leads_to_the_service_of_another_namespace(network: Loopback) -> None:
    """What an ExternalName Service stands for is found under its own name."""
    with echo("127.92.1.209") as backend:
        alias = Service(namespace="office", name="shop-web", alias_of=("shop", "web"))
        network.serve([service(backend), alias], everyone)
        clerk = network.attach(Pod(namespace="office", name="clerk"))
        assert call(clerk.env["SHOP_WEB_SERVICE_HOST"], int(clerk.env["SHOP_WEB_SERVICE_PORT"])) == backend.address
        assert "WEB_SERVICE_HOST" not in clerk.env


@pytest.mark.parametrize(("kind", "least_s"), [(Disturbance.RESET, 0.0), (Disturbance.BLACKHOLE, 0.25)])
def test_an_impaired_pair_cannot_connect_and_heals(network: Loopback, kind: Disturbance, least_s: float) -> None:
    """The receipt counts what it hit; afterwards all is as before."""
    with echo("127.92.1.210") as backend:
        network.serve([service(backend)], everyone)
        pod = network.attach(Pod(namespace="shop", name="caller"))
        callee = Seat(key="shop/web", namespace="shop", address=backend.address)
        receipt = network.impair([(pod, callee)], Impairment(kind=kind))
        began = clock.now_s()
        assert call(pod.env["WEB_SERVICE_HOST"]) == ""
        assert clock.now_s() - began >= least_s
        assert call(network.front(HOST, "shop", "web")) == backend.address
        assert network.heal(receipt).hits == 1
        assert call(pod.env["WEB_SERVICE_HOST"]) == backend.address


def test_delay_is_added_one_way_and_keeps_the_order_of_bytes(network: Loopback) -> None:
    """An answer takes at least the delay; after healing nothing overtakes."""
    with echo("127.92.1.211") as backend:
        network.serve([service(backend)], everyone)
        pod = network.attach(Pod(namespace="shop", name="caller"))
        callee = Seat(key="shop/web", namespace="shop", address=backend.address)
        with socket.create_connection((pod.env["WEB_SERVICE_HOST"], 80), timeout=30) as connection:
            connection.sendall(b"who?")
            connection.recv(100)
            receipt = network.impair([(pod, callee)], Impairment(kind=Disturbance.DELAY, delay_s=0.2))
            began = clock.now_s()
            connection.sendall(b"who?")
            assert connection.recv(100).decode() == backend.address
            assert 0.2 <= clock.now_s() - began < 20  # one way, once: no endless delay
            assert network.heal(receipt).hits >= 1


def test_an_address_in_use_is_said(network: Loopback) -> None:
    """The message names the address and the way out."""
    at = Endpoint(address="127.92.0.1", port=6443)
    with (
        network.listen(at),
        pytest.raises(SandboxError, match=r"127\.92\.0\.1:6443: the sandbox cannot listen at this address: EADDRINUSE"),
    ):
        network.listen(at)


def test_a_detached_pod_leaves_no_address_behind(network: Loopback) -> None:
    """Its front refuses, and a stateful pod gets its own address back."""
    network.serve([service()], everyone)
    seat = network.attach(Pod(namespace="shop", name="db-0", keeps_address=True))
    network.detach(seat)
    network.detach(seat)
    assert network.attach(Pod(namespace="shop", name="db-0", keeps_address=True)).address == seat.address


def test_connections_and_refusals_are_logged_with_who_called_whom(network: Loopback, log: Path) -> None:
    """As Hubble exports them: callers by pod and workload, the host by its reserved label.

    A pod has its own address of a Service and is known by it: policy refuses one and takes the other, though both call from 127.0.0.1.
    """
    with echo("127.92.1.212") as backend:
        network.serve([service(backend)], lambda seat, endpoints: () if seat.key == "shop/stranger" else endpoints)
        friend = network.attach(Pod(namespace="shop", name="friend"))
        stranger = network.attach(Pod(namespace="shop", name="stranger"))
        for seat, app in (
            (friend, "friend"),
            (stranger, "stranger"),
            (Seat(key="", namespace="", address=backend.address), "web"),
        ):
            labels, workload = {"app": app}, ("Deployment", app)
            network.name(
                [Occupant(address=seat.address, namespace="shop", pod=f"{app}-1", labels=labels, workload=workload)]
            )
        assert call(friend.env["WEB_SERVICE_HOST"], int(friend.env["WEB_SERVICE_PORT_HTTP"])) == backend.address
        assert call(stranger.env["WEB_SERVICE_HOST"]) == ""
        assert call(network.front(HOST, "shop", "web")) == backend.address
        assert friend.env["WEB_SERVICE_HOST"] != stranger.env["WEB_SERVICE_HOST"]
        assert friend.address != stranger.address
        flows = [json.loads(line)["flow"] for line in log.read_text().splitlines()]
    assert [flow["verdict"] for flow in flows] == ["FORWARDED", "DROPPED", "FORWARDED"]
    assert [flow["source"].get("pod_name", "") for flow in flows] == ["friend-1", "stranger-1", ""]
    assert flows[2]["source"]["labels"] == ["reserved:host"]
    assert flows[0]["source"]["workloads"] == [{"name": "friend", "kind": "Deployment"}]
    assert "k8s:app=web" in flows[0]["destination"]["labels"]
    assert flows[0]["l4"]["TCP"]["destination_port"] == PORT
    assert flows[0]["destination_service"] == {"name": "web", "namespace": "shop"}
    assert flows[1]["drop_reason_desc"] == "POLICY_DENIED"
