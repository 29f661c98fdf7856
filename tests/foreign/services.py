"""Twenty small services of other people's kinds, and what is true of each: how it is started, what `init` is told, and the right verdict."""

from __future__ import annotations

import os
import signal
import socket
import subprocess
import sys
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from harness import clock

APPS: Final = Path(__file__).parent / "apps"
TOKEN: Final = {"SHOP_TOKEN": "secret-of-a-test", "SHOP_KEY": "key-of-a-test"}
"""The credentials of the services that need one."""
_STARTS_S: Final = 60.0


@dataclass(frozen=True, kw_only=True, slots=True)
class ForeignService:
    """One service, and the truth about it.

    Attributes:
        about: what is special about it.
        command: words of its command; `{port}` is its port, `{python}` and `{node}` the programs of the bed.
        arguments: arguments of `readiness init` after the directory and `--entry`; `{entry}` is the address.
        path: path of the address that `--entry` names.
        scheme: `http` or `https`.
        decision: right decision about it.
        fails: ends of the ids of the requirements that fail.
        says: pieces of what `init` says.
        release: release that `run` is told first, although another one is deployed; empty: the command that `init` names.
        upstream: command of a service behind it.
        packages: distributions of PyPI that must be installed for it.
        modules: packages of npm that must be installed for it.
        program: program that must be there, such as `caddy`.
    """

    about: str
    command: Sequence[str]
    arguments: Sequence[str] = ()
    path: str = ""
    scheme: str = "http"
    decision: str = "GO"
    fails: Sequence[str] = ()
    says: Sequence[str] = ()
    release: str = ""
    upstream: Sequence[str] = ()
    packages: Sequence[str] = ()
    modules: Sequence[str] = ()
    program: str = ""

    @property
    def plain(self) -> bool:
        """Whether nothing must be installed beside what tests have."""
        return not (self.packages or self.modules)


def _kind(name: str) -> tuple[str, ...]:
    return ("{python}", str(APPS / "plain.py"), "{port}", name)


def _app(name: str) -> tuple[str, ...]:
    return ("{python}", str(APPS / name), "{port}")


_OPENAPI: Final = ("--openapi", "{entry}/openapi.json")
SERVICES: Final[Mapping[str, ForeignService]] = {
    "fastapi": ForeignService(
        about="FastAPI, OpenAPI, a bearer token, a POST with a body",
        command=_app("fastapi_bearer.py"),
        arguments=(
            *_OPENAPI,
            "--header",
            "Authorization: Bearer $SHOP_TOKEN",
            "--write",
            "/orders",
            "--body",
            '{"item": 1}',
        ),
        says=("the health path is GET /healthz: GET /health answers 404",),
        packages=("fastapi",),
    ),
    "flask": ForeignService(
        about="Flask, an API key that its document does not mention",
        command=_app("flask_key.py"),
        arguments=(*_OPENAPI, "--header", "X-Api-Key: $SHOP_KEY"),
        says=("the health path is GET /ping",),
    ),
    "wsgi": ForeignService(
        about="WSGI's reference server: HTTP/1.0, HTML only, no HEAD",
        command=_app("wsgi.py"),
        says=("the health path is GET /up",),
    ),
    "starlette": ForeignService(
        about="Starlette below a prefix, redirects to the slash, health of 204",
        command=_app("starlette_prefix.py"),
        path="/music/v2",
        arguments=("--read", "/music/v2/tracks"),
        says=("GET /music/v2/tracks leads to /music/v2/tracks/ (status 307)", "the health path is GET /music/v2/livez"),
    ),
    "aiohttp": ForeignService(
        about="aiohttp, compressed answers in chunks", command=_app("aiohttp_gzip.py"), says=("GET /readyz",)
    ),
    "express": ForeignService(
        about="Express, an API below /api, the release in a header",
        command=("{node}", str(APPS / "express_app.js"), "{port}"),
        arguments=("--health", "/health", "--read", "/api/items/1"),
        says=(
            "GET /health answers 404, so the health path is GET /api/health",
            "the header x-service-version names the release: v4.1.0",
            "readiness run --release v4.1.0",
        ),
        modules=("express",),
    ),
    "node": ForeignService(
        about="Node alone: chunks, a health of 204, no HEAD",
        command=("{node}", str(APPS / "plain_node.js"), "{port}"),
        says=("the health path is GET /livez",),
        program="node",
    ),
    "spring": ForeignService(
        about="Spring-like: a context path, actuator, springdoc",
        command=_kind("spring"),
        arguments=("--openapi", "{entry}/shop/v3/api-docs"),
        says=("the health path is GET /shop/actuator/health", "POST /shop/api/orders: not sent by the trial"),
    ),
    "files": ForeignService(
        about="a static file server, HTTP/1.0",
        command=("{python}", "-m", "http.server", "{port}", "--bind", "127.0.0.1", "--directory", str(APPS)),
        says=("the health path is GET /",),
    ),
    "proxy": ForeignService(
        about="Caddy in front, the prefix /api is cut off, compressed",
        command=("caddy", "run", "--config", str(APPS / "proxy.Caddyfile"), "--adapter", "caddyfile"),
        upstream=_kind("service"),
        arguments=("--health", "/api/health", "--read", "/api/items"),
        program="caddy",
    ),
    "tls": ForeignService(
        about="Caddy with TLS and a CA of its own",
        command=("caddy", "run", "--config", str(APPS / "tls.Caddyfile"), "--adapter", "caddyfile"),
        scheme="https",
        arguments=("--ca", "{ca}"),
        says=(
            "the service answers 200 to any path, such as GET /readiness-path-that-does-not-exist; the health path is GET /healthz",
        ),
        program="caddy",
    ),
    "redirects": ForeignService(
        about="the root leads to a page, paths to the slash",
        command=_kind("redirects"),
        says=("GET / leads to /home (status 302), which is the read",),
    ),
    "slow-start": ForeignService(about="503 in the first 5 s", command=_kind("slowstart")),
    "sluggish": ForeignService(
        about="takes 25 s until it listens", command=_kind("sluggish"), decision="NO-GO", fails=("RESTART",)
    ),
    "limited": ForeignService(
        about="more than 40 requests a second get 429",
        command=_kind("limited"),
        decision="NO-GO",
        fails=("ERRORS",),
        says=("the service limits requests (ratelimit-limit: 40)",),
    ),
    "large": ForeignService(about="an answer of a megabyte", command=_kind("large")),
    "late": ForeignService(about="every read takes 450 ms", command=_kind("late"), decision="NO-GO", fails=("P95",)),
    "failing": ForeignService(
        about="one read of ten fails", command=_kind("failing"), decision="NO-GO", fails=("ERRORS",)
    ),
    "closing": ForeignService(
        about="no keep-alive, everything but the health needs a token",
        command=_kind("closing"),
        arguments=("--header", "Authorization: Bearer $SHOP_TOKEN"),
        says=("the health path is GET /status: GET /health answers 401",),
    ),
    "released": ForeignService(
        about="another release is deployed than the one that is to be judged",
        command=_kind("released"),
        release="3.3.0",
        says=("the header x-app-version names the release: 3.2.1", "readiness run --release 3.2.1"),
    ),
}


def free_port() -> int:
    """A port on which nothing listens now."""
    with socket.create_server(("127.0.0.1", 0)) as probe:
        return int(probe.getsockname()[1])


@contextmanager
def started(
    service: ForeignService, directory: Path, programs: Mapping[str, str], environment: Mapping[str, str]
) -> Iterator[dict[str, str]]:
    """Start a service: the words that stand for its address and its files in its arguments.

    It may be killed and started again by others, so what listens on its port at the end is ended, too.

    Args:
        service: service.
        directory: directory of its certificates.
        programs: `python` and `node`.
        environment: variables of the service, beside those of this process.
    """
    port, behind = free_port(), free_port()
    words = {"port": str(port), "entry": f"{service.scheme}://127.0.0.1:{port}", **programs}
    own = {**os.environ, **environment, "PORT": str(port), "UPSTREAM": str(behind)}
    if service.scheme == "https":
        words["ca"], own["CERTIFICATE"], own["KEY"] = _certificates(directory)
    with ExitStack() as stack:
        if service.upstream:
            stack.enter_context(_running(service.upstream, {**words, "port": str(behind)}, behind, own))
        stack.enter_context(_running(service.command, words, port, own))
        yield words


@contextmanager
def _running(
    command: Sequence[str], words: Mapping[str, str], port: int, environment: Mapping[str, str]
) -> Iterator[None]:
    typed = [word.format(**words) if "{" in word else word for word in command]
    with subprocess.Popen(
        typed, env=environment, cwd="/", stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL, start_new_session=True
    ) as process:
        try:
            _wait_for(port, process.poll)
            yield
        finally:
            process.kill()
            for pid in _processes_with(f"PORT={environment['PORT']}"):
                os.kill(pid, signal.SIGKILL)


def _processes_with(variable: str) -> list[int]:
    """The processes with this variable: also one that an experiment started again, and that does not listen yet."""
    found = Path("/proc").glob("[0-9]*/environ")
    return [int(one.parent.name) for one in found if variable.encode() in _content(one).split(b"\0")]


def _content(file: Path) -> bytes:
    try:
        return file.read_bytes()
    except OSError:  # the process has ended
        return b""


def _wait_for(port: int, ended: Callable[[], int | None]) -> None:
    for _ in clock.Deadline.after(_STARTS_S).ticks(0.05):
        if ended() is not None:
            raise RuntimeError(f"the service ended with {ended()} before it listened")
        try:
            socket.create_connection(("127.0.0.1", port), timeout=1).close()
        except OSError:
            continue
        return
    raise TimeoutError(f"nothing listens on port {port} after {_STARTS_S:g} s")


def _certificates(directory: Path) -> tuple[str, str, str]:
    """The files of a CA, and of a certificate for 127.0.0.1 and its key."""
    ca, ca_key, key, request, certificate, names = (
        str(directory / name) for name in ("ca.pem", "ca.key", "host.key", "host.csr", "host.pem", "host.cnf")
    )
    Path(names).write_text("subjectAltName = IP:127.0.0.1\n", encoding="utf-8")
    new = ["openssl", "req", "-newkey", "rsa:2048", "-nodes"]
    sign = ["openssl", "x509", "-req", "-days", "2", "-CAcreateserial", "-extfile", names]
    for command in (
        [*new, "-x509", "-days", "2", "-subj", "/CN=CA of a test", "-keyout", ca_key, "-out", ca],
        [*new, "-subj", "/CN=127.0.0.1", "-keyout", key, "-out", request],
        [*sign, "-in", request, "-CA", ca, "-CAkey", ca_key, "-out", certificate],
    ):
        subprocess.run(command, check=True, capture_output=True)
    return ca, certificate, key


def arguments_of(service: ForeignService, words: Mapping[str, str]) -> list[str]:
    """The arguments of `readiness init` after the directory."""
    given = [word.replace("{entry}", words["entry"]).replace("{ca}", words.get("ca", "")) for word in service.arguments]
    return ["--entry", f"{words['entry']}{service.path}", *given]


def programs() -> dict[str, str]:
    """The programs of this environment that start services."""
    return {"python": sys.executable, "node": "node"}
