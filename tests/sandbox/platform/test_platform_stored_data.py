"""What the platform stores encrypted, and the password of the database that its services read again."""

from __future__ import annotations

import asyncio
import base64
import os
from pathlib import Path

import aiohttp
import pytest
from aiohttp import web
from aiohttp.test_utils import TestServer

from harness.drivers.check.stored.ciphers import ValueReader, is_cipher
from harness.targets.files.stored import ValueFormat
from readiness_sandbox.cluster.kubelet import environment
from readiness_sandbox.platform.normaldance.atrest.defects import AtRestDefects
from readiness_sandbox.platform.normaldance.atrest.envelope import (
    AES_128,
    AES_256,
    SealError,
    master_key,
    new_data_key,
    unwrapped,
    wrapped,
)
from readiness_sandbox.platform.normaldance.atrest.tables import kept
from readiness_sandbox.platform.normaldance.kit import secret
from readiness_sandbox.platform.normaldance.vault.refresher import answered, seconds
from readiness_sandbox.platform.parts import PARTS

MASTER = master_key(base64.b64encode(os.urandom(32)).decode())


@pytest.mark.parametrize("cipher", [AES_256, AES_128])
def test_a_value_names_its_cipher_and_key_and_is_opened_for_its_column_alone(cipher: str) -> None:
    """The data key goes through the database wrapped; the same text is never stored twice alike."""
    key = new_data_key(1, cipher)
    again = unwrapped(key.id, wrapped(key, MASTER), MASTER)
    value = key.seal("a@example.test", "contacts.email")
    assert value.startswith(f"enc:v1:{cipher}:data-1:")
    assert "example" not in value
    assert value != key.seal("a@example.test", "contacts.email")
    assert again.open(value, "contacts.email") == "a@example.test"
    for spoilt, column in (
        (value, "contacts.phone"),
        (value[:-8] + "AAAAAAA=", "contacts.email"),
        ("clear", "contacts.email"),
    ):
        with pytest.raises(SealError):
            again.open(spoilt, column)
    with pytest.raises(SealError):
        new_data_key(2).open(value, "contacts.email")


def test_the_format_that_the_target_file_declares_is_that_of_the_values() -> None:
    """The harness reads cipher and key from a value, and nothing from one in clear."""
    text = (PARTS / "encryption-at-rest" / "part.yaml").read_text(encoding="utf-8")
    pattern = text.partition('envelope: {pattern: "')[2].partition('"')[0]
    reader = ValueReader({"envelope": ValueFormat(pattern=pattern)})
    found = reader.read(kept("email", "a@example.test", new_data_key(1), AtRestDefects()))
    assert found is not None
    assert (found.key, is_cipher(found.cipher, "AES-256")) == ("data-1", True)
    assert reader.read(kept("phone", "+1 555 0101", new_data_key(1), AtRestDefects(clear_column="phone"))) is None


def written(directory: Path, user: str, password: str) -> None:
    """The two files of the Secret."""
    (directory / "db-user").write_text(user)
    (directory / "db-password").write_text(password)


def test_the_password_is_read_again_and_old_connections_are_given_up_one_after_the_other(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Each at its own moment; one of the user in use never. A release that reads once notices nothing."""
    now = 100.0
    monkeypatch.setattr("time.monotonic", lambda: now)
    written(tmp_path, "a", "first")
    mounted, once = secret.MountedSecret(tmp_path), secret.MountedSecret(tmp_path, once=True)
    assert not mounted.changed()
    written(tmp_path, "b", "second")
    assert mounted.changed()
    assert not once.changed()
    assert (mounted.user.name, once.user.name) == ("b", "a")
    assert "second" not in repr(mounted.user)
    now += secret.SPREAD_S / 2
    assert [mounted.is_given_up("a", share) for share in (0.0, 0.4, 0.6, 1.0)] == [True, True, False, False]
    assert not mounted.is_given_up("b", 0.0)
    (tmp_path / "db-user").unlink()
    assert not mounted.changed()


def test_a_kubelet_writes_a_changed_secret_into_the_volume_and_nothing_else(tmp_path: Path) -> None:
    """A ConfigMap stays as it was when the pod began."""
    volumes = [{"name": "s", "secret": {"secretName": "one"}}, {"name": "c", "configMap": {"name": "two"}}]
    pod = {"metadata": {"name": "p", "namespace": "n"}, "spec": {"volumes": volumes}}
    objects = {
        "one": {"kind": "Secret", "data": {"k": base64.b64encode(b"old").decode()}},
        "two": {"kind": "ConfigMap", "data": {"k": "old"}},
    }
    environment.materialize(pod, tmp_path, tmp_path, lambda _, name: objects[name])
    objects["one"]["data"] = {"k": base64.b64encode(b"new").decode()}
    objects["two"]["data"] = {"k": "new"}
    environment.refresh(pod, tmp_path, lambda _, name: objects[name])
    assert (tmp_path / "s" / "k").read_text() == "new"
    assert (tmp_path / "c" / "k").read_text() == "old"
    assert (tmp_path / "s" / "k").stat().st_mode & 0o777 == 0o600
    assert [one.name for one in (tmp_path / "s").iterdir()] == ["k"]


def test_a_store_is_asked_for_each_key_by_its_name(monkeypatch: pytest.MonkeyPatch) -> None:
    """The address of a SecretStore names the key, and the variables of the pod; what the store does not have is an error."""
    monkeypatch.setenv("STORE_TOKEN", "t")

    async def run() -> None:
        async def read(request: web.Request) -> web.Response:
            return web.json_response({"data": {"of": request.headers["authorization"]}})

        app = web.Application()
        app.router.add_get("/v1/prod/shop/database", read)
        async with TestServer(app) as server:
            monkeypatch.setenv("STORE", str(server.make_url("/v1")))
            webhook = {"url": "$(STORE)/{{ .remoteRef.key }}"}
            assert await answered(webhook, "prod/shop/database") == {"of": "Bearer t"}
            with pytest.raises(aiohttp.ClientResponseError):
                await answered(webhook, "shop/database")

    asyncio.run(run())


@pytest.mark.parametrize(("interval", "length_s"), [("15s", 15.0), ("1h30m", 5400.0), ("2m", 120.0)])
def test_an_interval_is_read_as_go_writes_it(interval: str, length_s: float) -> None:
    """That of an ExternalSecret."""
    assert seconds(interval) == length_s
