"""A genuine API server, where `scripts/genuine run` says that one is; else these tests are skipped."""

from __future__ import annotations

import base64
import os
import ssl
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

import httpx
import pytest
import yaml

from harness.chaos.session import session
from harness.targets import Target, load_target
from readiness_sandbox.platform.credentials import Credentials
from readiness_sandbox.platform.render import REGIONS, render
from readiness_sandbox.releases import load_release
from tests.sandbox.pocket import GENUINE

if TYPE_CHECKING:
    from collections.abc import Iterator

WHERE: Final = GENUINE
HERE: Final = Path(__file__).parent


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Skip what needs a genuine cluster where there is none."""
    reason = f"{WHERE} names no kubeconfig: run it by `scripts/genuine run DIRECTORY pytest tests/genuine`"
    for item in items:
        if "genuine" in getattr(item, "fixturenames", ()) and HERE in item.path.parents:
            item.add_marker(pytest.mark.genuine)
            if not os.environ.get(WHERE):
                item.add_marker(pytest.mark.skip(reason=reason))


def connected(kubeconfig: Path) -> httpx.Client:
    """A client with the token and the authority of a kubeconfig."""
    content = yaml.safe_load(kubeconfig.read_text())
    cluster, user = content["clusters"][0]["cluster"], content["users"][0]["user"]
    authority = base64.b64decode(cluster["certificate-authority-data"]).decode()
    return httpx.Client(
        base_url=cluster["server"],
        headers={"Authorization": f"Bearer {user['token']}"},
        verify=ssl.create_default_context(cadata=authority),
        timeout=60,
        trust_env=False,
    )


@pytest.fixture(scope="session")
def genuine() -> Iterator[httpx.Client]:
    """The genuine API server."""
    with connected(Path(os.environ[WHERE])) as client:
        yield client


@pytest.fixture(scope="session")
def applied(genuine: httpx.Client) -> list[tuple[str, httpx.Response]]:
    """What the server answered to each object of the platform, applied strictly."""
    served: dict[str, list[dict[str, Any]]] = {}
    answers = []
    for number in range(3):
        volume = {
            "apiVersion": "v1",
            "kind": "PersistentVolume",
            "metadata": {"name": f"volume-{number}"},
            "spec": {
                "capacity": {"storage": "1Gi"},
                "accessModes": ["ReadWriteOnce"],
                "hostPath": {"path": f"/nowhere/{number}"},
            },
        }
        genuine.post("/api/v1/persistentvolumes", json=volume).raise_for_status()
    for obj in render(load_release("1.0.0"), Credentials.generate()):
        if obj["kind"] == "Node":
            continue  # the kubelets' own
        version = obj["apiVersion"]
        root = f"/apis/{version}" if "/" in version else f"/api/{version}"
        resources = served.setdefault(version, []) or served[version]
        if not resources:
            resources += genuine.get(root).raise_for_status().json()["resources"]
        row = next(one for one in resources if one["kind"] == obj["kind"] and "/" not in one["name"])
        place = f"/namespaces/{obj['metadata'].get('namespace', 'default')}" if row["namespaced"] else ""
        path = f"{root}{place}/{row['name']}"
        name = f"{obj['kind']} {obj['metadata'].get('namespace', '')}/{obj['metadata']['name']}"
        answers.append((name, genuine.post(f"{path}?fieldValidation=Strict", json=obj)))
    return answers


@pytest.fixture
def target(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, applied: object) -> Iterator[Target]:
    """The platform on the genuine cluster."""
    assert applied
    yield from targeted(tmp_path, monkeypatch, os.environ[WHERE])


@pytest.fixture
def reader(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, applied: object) -> Iterator[Target]:
    """The same for a user without any right."""
    assert applied
    yield from targeted(tmp_path, monkeypatch, os.environ["GENUINE_READER"])


def targeted(directory: Path, monkeypatch: pytest.MonkeyPatch, kubeconfig: str) -> Iterator[Target]:
    """A target file, to which this process is bound."""
    content = {
        "name": "genuine",
        "environment": "sandbox",
        "entry": "http://127.0.0.1:1",
        "regions": {name: {"namespace": name} for name in REGIONS},
        "primary_region": REGIONS[0],
        "kubernetes": {"kubeconfig": kubeconfig, "context": "genuine", "namespace": REGIONS[0]},
        "power": {"annotation": "sandbox.readiness/power"},
        "disposable": True,
    }
    file = directory / "target.yaml"
    file.write_text(yaml.safe_dump(content))
    monkeypatch.setenv("READINESS_TARGET", str(file))
    monkeypatch.setenv("READINESS_STATE", str(directory / "state"))
    session.cache_clear()
    yield load_target(file)
    session.cache_clear()
