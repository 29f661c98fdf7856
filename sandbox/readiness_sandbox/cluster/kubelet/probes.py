"""Probes: one attempt (`attempt`), and the loop to a verdict (`watch`)."""

from __future__ import annotations

import asyncio
import socket
import ssl
import subprocess
from dataclasses import dataclass
from typing import TYPE_CHECKING, Protocol

from harness import clock

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence

    from readiness_sandbox.cluster.store import Object

FIRST_S = 0.1
"""Seconds from the start of a container to the first attempt.

A stated deviation: Kubernetes waits up to a period.
"""
EAGER_S = 0.2
"""Seconds between the readiness probes of a container that was never ready.

A stated deviation: Kubernetes waits a period.
"""
_LONGEST_HEAD = 65536


class ProbePlace(Protocol):
    """Where a container is: its address, its named ports, and how to run a command beside it."""

    @property
    def address(self) -> str:
        """Its IP address."""
        ...

    @property
    def ports(self) -> Mapping[str, int]:
        """Its named ports."""
        ...

    def run(self, argv: Sequence[str]) -> subprocess.Popen[bytes]:
        """Start a command in the container's environment."""
        ...


@dataclass(frozen=True, slots=True)
class Result:
    """Whether one attempt succeeded, and what it saw."""

    ok: bool
    saw: str


async def attempt(action: Object, place: ProbePlace, within_s: float) -> Result:
    """One httpGet, tcpSocket, exec or sleep; never raises, a failure is a result."""
    try:
        return await clock.within(within_s, _act(action, place))
    except TimeoutError:
        return Result(ok=False, saw=f"no answer within {within_s:g} s")
    except (OSError, asyncio.IncompleteReadError, ValueError) as error:
        return Result(ok=False, saw=str(error) or type(error).__name__)


async def watch(
    probe: Object,
    place: ProbePlace,
    tell: Callable[[Result], bool],
    *,
    first_s: float = FIRST_S,
    eager_s: float | None = None,
) -> None:
    """Probe for ever, or until `tell` ends it.

    It gets the first verdict, and each later change of it.
    The first attempt is after `first_s` or the initial delay, whichever is longer; until the first success the next is after
    `eager_s` if that is given and shorter than the period. Defaults are Kubernetes': period 10 s, timeout 1 s, one success, three failures.
    """
    successes = failures = 0
    verdict: bool | None = None
    ever = False
    await clock.asleep(max(first_s, probe.get("initialDelaySeconds", 0)))
    while True:
        result = await attempt(probe, place, probe.get("timeoutSeconds", 1))
        successes, failures = (successes + 1, 0) if result.ok else (0, failures + 1)
        turned = (result.ok and verdict is not True and successes >= probe.get("successThreshold", 1)) or (
            not result.ok and verdict is not False and failures >= probe.get("failureThreshold", 3)
        )
        if turned:
            verdict = result.ok
            if tell(result):
                return
        period_s = probe.get("periodSeconds", 10)
        ever = ever or result.ok
        await clock.asleep(period_s if ever or eager_s is None else min(period_s, eager_s))


async def _act(action: Object, place: ProbePlace) -> Result:
    match action:
        case {"httpGet": dict(request)}:
            return await _http_get(request, place)
        case {"tcpSocket": dict(request)}:
            _, writer = await asyncio.open_connection(
                request.get("host") or place.address, _port(request["port"], place)
            )
            writer.close()
            return Result(ok=True, saw="connected")
        case {"exec": {"command": list(argv)}}:
            return await _execute(argv, place)
        case {"sleep": {"seconds": seconds}}:
            await clock.asleep(float(seconds))
            return Result(ok=True, saw="slept")
        case _:
            return Result(ok=False, saw="only httpGet, tcpSocket and exec probes are served here")


async def _http_get(request: Object, place: ProbePlace) -> Result:
    host, port = request.get("host") or place.address, _port(request["port"], place)
    context = None
    if request.get("scheme") == "HTTPS":
        context = ssl.create_default_context()
        context.check_hostname = False
        context.verify_mode = ssl.CERT_NONE
    headers = {"Host": f"{host}:{port}", "User-Agent": "kube-probe/1.33", "Accept": "*/*", "Connection": "close"}
    headers |= {each["name"]: each["value"] for each in request.get("httpHeaders") or ()}
    head = "".join(f"{name}: {value}\r\n" for name, value in headers.items())
    asked = f"GET {request.get('path') or '/'} HTTP/1.1\r\n{head}\r\n".encode()
    line = (
        await (_asked_plainly(host, port, asked) if context is None else _asked(host, port, asked, context))
    ).split()
    status = int(line[1]) if len(line) > 1 else 0
    return Result(ok=200 <= status < 400, saw=f"HTTP probe got statuscode: {status}")


async def _asked(host: str, port: int, request: bytes, context: ssl.SSLContext) -> bytes:
    """The first line of the answer."""
    reader, writer = await asyncio.open_connection(host, port, ssl=context, limit=_LONGEST_HEAD)
    try:
        writer.write(request)
        return await reader.readuntil(b"\r\n")
    finally:
        writer.close()


async def _asked_plainly(host: str, port: int, request: bytes) -> bytes:
    """As `_asked`, without TLS: on the socket itself, for half of the work of a stream. Twenty pods are asked each second."""
    loop, found = asyncio.get_running_loop(), b""
    with socket.socket() as connection:
        connection.settimeout(0)
        await loop.sock_connect(connection, (host, port))
        await loop.sock_sendall(connection, request)
        while b"\r\n" not in found and len(found) < _LONGEST_HEAD:
            piece = await loop.sock_recv(connection, _LONGEST_HEAD)
            if not piece:
                raise asyncio.IncompleteReadError(found, None)
            found += piece
    return found.partition(b"\r\n")[0]


async def _execute(argv: Sequence[str], place: ProbePlace) -> Result:
    try:
        process = place.run(argv)
    except OSError as error:
        return Result(ok=False, saw=str(error))
    try:
        while process.poll() is None:
            await clock.asleep(0.02)
        return Result(ok=process.returncode == 0, saw=f"command ended with {process.returncode}")
    finally:
        if process.poll() is None:
            process.kill()
            process.wait()


def _port(port: int | str, place: ProbePlace) -> int:
    if isinstance(port, int):
        return port
    return place.ports[port] if port in place.ports else int(port)
