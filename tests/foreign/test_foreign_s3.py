"""Backups in a bucket of s3rver, an S3 server that nobody here wrote: listed in pages, read, and without rules.

`FOREIGN_S3=DIR` names the environment that `scripts/foreign-s3` makes.
"""

from __future__ import annotations

import hashlib
import json
import os
import socket
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any, Final

import httpx
import pytest

from harness.clock import Deadline
from harness.drivers.check.backups.place import backup_place
from harness.drivers.check.backups.retention import backup_retention
from harness.errors import AccessDenied
from harness.targets import Target, load_target
from harness.targets.stores import s3
from harness.targets.stores.asking import asked
from harness.targets.stores.s3 import S3Place, listed
from tests.builders.addresses import NET

FOREIGN: Final = os.environ.get("FOREIGN_S3", "")
BUCKET: Final = "shop-backups"
KEY: Final = "S3RVER"
"""Id and secret of the one key that it knows."""
pytestmark = pytest.mark.skipif(not FOREIGN, reason="FOREIGN_S3 names no environment of scripts/foreign-s3")


@contextmanager
def started(directory: Path) -> Iterator[str]:
    """The server with an empty bucket, at its address."""
    with socket.create_server((f"{NET}78", 0)) as free:
        port = free.getsockname()[1]
    program = Path(FOREIGN) / "node_modules" / ".bin" / "s3rver"
    words = [str(program), "-d", str(directory), "-a", f"{NET}78", "-p", str(port), "--configure-bucket", BUCKET]
    # the server makes its tokens of further pages with DES, which OpenSSL 3 has among its old ciphers only
    own = {**os.environ, "NODE_OPTIONS": "--openssl-legacy-provider"}
    child = subprocess.Popen(words, env=own, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    try:
        endpoint = f"http://{NET}78:{port}"
        for _ in Deadline.after(60).ticks(0.1):
            try:
                httpx.get(endpoint, trust_env=False)
                break
            except httpx.HTTPError:
                continue
        yield endpoint
    finally:
        child.kill()
        child.wait()


@pytest.fixture(scope="module")
def endpoint(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """One server for this module, with 25 backups; the newest has its checksum beside it and in its metadata."""
    import obstore
    from obstore.store import S3Store

    with started(tmp_path_factory.mktemp("s3")) as endpoint:
        store = S3Store(
            BUCKET,
            endpoint=endpoint,
            region="us-east-1",
            access_key_id=KEY,
            secret_access_key=KEY,
            client_options={"allow_http": True},
        )
        for n in range(25):
            content = b"x" * (n + 1)
            digest = hashlib.sha256(content).hexdigest()
            obstore.put(store, f"database/{n:02} ü+.dump", content, attributes={"sha256": digest})
        obstore.put(store, "database-old/1.dump", b"x")
        yield endpoint


def target_of(directory: Path, endpoint: str, **more: Any) -> Target:
    """A target whose backups are in the bucket."""
    (directory / "key").write_text(more.pop("key", KEY), encoding="utf-8")
    keys = {name: {"file": str(directory / "key")} for name in ("access_key", "secret_key")}
    section = {"at": f"s3://{BUCKET}/database", "endpoint": endpoint, "files": ["*.dump"], **keys, **more}
    content = {"name": "shop", "environment": "staging", "entry": "https://shop.example.test"}
    file = directory / "target.yaml"
    file.write_text(json.dumps({**content, "backups": {"database": section}}), encoding="utf-8")
    return load_target(file)


@pytest.mark.parametrize("page", [1000, 10])
def test_it_is_listed_page_by_page(endpoint: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, page: int) -> None:
    """With names of any characters, and its own time."""
    monkeypatch.setattr(s3, "PAGE", page)
    place = S3Place.of(target_of(tmp_path, endpoint).backups["database"])
    found = asked(target_of(tmp_path, endpoint), place, listed(place), Deadline.after(20))
    assert sorted((one.name, one.size) for one in found.objects) == [(f"{n:02} ü+.dump", n + 1) for n in range(25)]


def test_a_key_that_it_does_not_know_is_refused(endpoint: str, tmp_path: Path) -> None:
    """With its code."""
    target = target_of(tmp_path, endpoint, key="another")
    place = S3Place.of(target.backups["database"])
    with pytest.raises(AccessDenied, match="status 403"):
        asked(target, place, listed(place), Deadline.after(20))


def test_the_checksum_in_the_metadata_is_that_of_the_content(endpoint: str, tmp_path: Path) -> None:
    """Of the newest backup."""
    target = target_of(tmp_path, endpoint, checksum={"metadata": "sha256"})
    probe = backup_place(target, {"backup": "database", "place": f"s3://{BUCKET}/database/"})
    assert callable(probe)
    assert [(one.subject[:12], one.ok) for one in probe()] == [("newest backu", True), ("checksum of ", True)]


def test_a_server_without_rules_decides_nothing(endpoint: str, tmp_path: Path) -> None:
    """It has no lifecycle rules, so no days are known."""
    probe = backup_retention(target_of(tmp_path, endpoint), {"backup": "database", "keep": "30 d"})
    assert callable(probe)
    assert next(one.ok for one in probe()) is None
