"""nginx, Caddy and PostgreSQL with TLS, as their own manuals configure them, and the certificates that they and their clients have."""

from __future__ import annotations

import shutil
import signal
import socket
import subprocess
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import timedelta
from pathlib import Path

from harness import clock
from harness.targets import Target, load_target
from readiness_sandbox.cluster.tls import Authority
from tests.builders.database_servers import initialised, postgres
from tests.foreign.services import free_port

HOST = "shop.localhost"
"""A name without an entry in a name server; glibc resolves what is below localhost to this machine."""


@dataclass(frozen=True)
class Certificates:
    """Files of one authority: of servers, and of clients that are right, expired and foreign."""

    directory: Path

    def write(self) -> None:
        """Make all of them."""
        authority, stranger = Authority("a shop"), Authority("a shop")
        for name, own in (("ca", authority), ("other-ca", stranger)):
            (self.directory / f"{name}.crt").write_bytes(own.certificate)
        places = {"addresses": ["127.0.0.1"], "names": [HOST, "localhost"]}
        for name, days in (("server", 90), ("ends-soon", 5), ("ended", -1 / 24)):
            self._issued(authority, name, HOST, lifetime=timedelta(days=days), **places)
        self._issued(authority, "other-name", "mall.localhost", names=["mall.localhost"])
        self._issued(stranger, "unknown-authority", HOST, **places)
        self._issued(authority, "client", "job")
        self._issued(authority, "client-ended", "job", lifetime=timedelta(hours=-1))
        self._issued(stranger, "client-foreign", "job")

    def _issued(self, authority: Authority, file: str, name: str, **more: object) -> None:
        pair = authority.issue(name, **more)  # type: ignore[arg-type]
        pair.write(self.directory / f"{file}.crt", self.directory / f"{file}.key")


@contextmanager
def running(command: Sequence[str | Path], port: int, log: Path) -> Iterator[None]:
    """A server, from when it listens until the end of the context."""
    with log.open("ab") as output, subprocess.Popen(command, stdout=output, stderr=output) as process:
        try:
            assert any(_listens(port) for _ in clock.Deadline.after(30).ticks(0.02)), log.read_text()
            yield
        finally:
            process.send_signal(signal.SIGINT)


def _listens(port: int) -> bool:
    with socket.socket() as tried:
        return tried.connect_ex(("127.0.0.1", port)) == 0


@contextmanager
def nginx(
    directory: Path, certificate: str = "server", settings: str = "ssl_protocols TLSv1.3;", more: str = ""
) -> Iterator[tuple[int, int]]:
    """Run nginx with a certificate: its port with TLS and its plain port, which redirects unless `more` has a server for it."""
    secure, plain = free_port(), free_port()
    places = " ".join(f"{name}_temp_path {directory}/{name};" for name in ("proxy", "fastcgi", "uwsgi", "scgi"))
    redirect = more.replace("PORT", str(plain)) or (
        f"server {{ listen 127.0.0.1:{plain}; return 301 https://$host:{secure}$request_uri; }}"
    )
    (directory / "nginx.conf").write_text(
        f"daemon off; pid {directory}/nginx.pid; error_log stderr; events {{}}\n"
        f"http {{ access_log off; client_body_temp_path {directory}/body; {places}\n"
        f"server {{ listen 127.0.0.1:{secure} ssl default_server; ssl_certificate {directory}/{certificate}.crt;\n"
        f"  ssl_certificate_key {directory}/{certificate}.key; {settings}\n"
        '  add_header x-served-by web-0 always; location / { return 200 "ok\\n"; } }\n'
        f"{redirect} }}\n"
    )
    command: list[str | Path] = [
        shutil.which("nginx") or "nginx",
        "-p",
        directory,
        "-e",
        "stderr",
        "-c",
        directory / "nginx.conf",
    ]
    with running(command, secure, directory / "nginx.log"):
        yield secure, plain


@contextmanager
def caddy(directory: Path, tls: str = "") -> Iterator[int]:
    """Run Caddy with the server's certificate and these lines in its block `tls`; its port."""
    port = free_port()
    (directory / "Caddyfile").write_text(
        "{\n admin off\n auto_https off\n persist_config off\n}\n"
        f"https://:{port} {{\n bind 127.0.0.1\n tls {directory}/server.crt {directory}/server.key {{\n{tls}\n }}\n respond ok\n}}\n"
    )
    command: list[str | Path] = [_caddy(), "run", "--adapter", "caddyfile", "--config", directory / "Caddyfile"]
    with running(command, port, directory / "caddy.log"):
        yield port


def _caddy() -> str:
    import sysconfig

    return shutil.which("caddy") or f"{sysconfig.get_path('scripts')}/caddy"


@contextmanager
def postgresql(directory: Path, settings: dict[str, str], access: str) -> Iterator[int]:
    """Run PostgreSQL with the server's certificate, these settings, and this one line of pg_hba.conf; its port."""
    data, port = directory / "data", free_port()
    initialised(data)
    for file in ("server.crt", "server.key", "ca.crt"):
        shutil.copyfile(directory / file, data / file)
        (data / file).chmod(0o600)
    (data / "pg_hba.conf").write_text(f"{access}\n")
    own = {"listen_addresses": "127.0.0.1", "port": str(port), "unix_socket_directories": "", "fsync": "off"}
    (data / "postgresql.conf").write_text("".join(f"{key} = '{value}'\n" for key, value in (own | settings).items()))
    log = directory / "postgres.log"
    with running([*postgres("postgres", "-D", data)], port, log):
        # it listens before it takes connections
        assert any("ready to accept connections" in log.read_text() for _ in clock.Deadline.after(30).ticks(0.02))
        yield port


def target_of(directory: Path, listeners: str, more: str = "") -> Target:
    """A target with these listeners, whose entry is the first one's."""
    text = (
        "name: shop\nenvironment: staging\nentry: https://127.0.0.1:9\n"
        f"tls:\n  ca_file: ca.crt\n  listeners:\n{listeners}\n{more}"
    )
    (directory / "target.yaml").write_text(text)
    return load_target(directory / "target.yaml")
