"""Which processes serve an address of this machine."""

from __future__ import annotations

import os
import socket

import pytest

from harness.run.start.listeners import listeners


@pytest.mark.parametrize(("family", "host"), [(socket.AF_INET, "127.0.0.1"), (socket.AF_INET6, "::1")])
def test_the_process_that_listens_is_found(family: socket.AddressFamily, host: str) -> None:
    """This one; and nobody any more once the socket is closed."""
    try:
        server = socket.create_server((host, 0), family=family)
    except OSError:
        pytest.skip(f"this machine has no {host}")
    with server:
        port = server.getsockname()[1]
        address = f"http://[{host}]:{port}/health" if ":" in host else f"http://{host}:{port}/health"
        assert listeners([address]) == {os.getpid()}
    assert listeners([address]) == frozenset()


def test_one_that_listens_everywhere_serves_the_loopback_too() -> None:
    """0.0.0.0 has every address of this machine."""
    with socket.create_server(("0.0.0.0", 0)) as server:
        assert listeners([f"http://127.9.9.9:{server.getsockname()[1]}"]) == {os.getpid()}


@pytest.mark.parametrize("address", ["", "not an address", "http://no-such-host.invalid:1"])
def test_what_is_no_address_has_no_listener(address: str) -> None:
    """Nothing is searched for."""
    assert listeners([address]) == frozenset()
