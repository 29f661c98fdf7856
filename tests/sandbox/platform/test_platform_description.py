"""The API description that every service of NORMALDANCE serves, against what the services answer."""

from __future__ import annotations

import json
import os
from collections.abc import Iterator
from contextlib import ExitStack
from typing import TYPE_CHECKING, Any

import httpx
import pytest
from jsonschema import Draft202012Validator

from harness.clock import Deadline
from readiness_sandbox.platform import parts
from readiness_sandbox.platform.normaldance.api.document import document
from readiness_sandbox.platform.normaldance.defects import Defects
from readiness_sandbox.platform.normaldance.gateway import application
from readiness_sandbox.platform.normaldance.kit.settings import PodSettings
from tests.sandbox.platform.conftest import Services

if TYPE_CHECKING:
    from tests.sandbox.platform.conftest import Postgres

ACCEPTED = parts.directory("api-description") / "accepted.json"
TRACK, USER, GATEWAY = "127.93.17.3", "127.93.17.2", "127.93.17.4"
ASKED: tuple[tuple[str, str, Any, int], ...] = (
    ("POST /sessions", "/sessions", {"user": "listener-1", "password": "listen-listener-1"}, 201),
    ("POST /sessions", "/sessions", {"user": "listener-1", "password": "no"}, 401),
    ("POST /sessions", "/sessions", [1], 400),
    ("GET /users/listener-1", "/users/{name}", None, 200),
    ("GET /users/nobody", "/users/{name}", None, 404),
    ("GET /users/%00", "/users/{name}", None, 404),
    ("GET /tracks/7", "/tracks/{id}", None, 200),
    ("GET /tracks/one", "/tracks/{id}", None, 404),
    ("POST /tracks", "/tracks", {"title": "New", "artist": "Me"}, 201),
    ("POST /tracks", "/tracks", {"title": "New"}, 422),
    ("POST /tracks", "/tracks", {"title": "New", "artist": "\0"}, 422),
    ("POST /tracks/83/plays", "/tracks/{id}/plays", None, 201),
    ("POST /tracks/999999/plays", "/tracks/{id}/plays", None, 404),
    ("POST /ledger", "/ledger", {"client": 7070, "sequence": 1, "checksum": "c"}, 201),
    ("POST /ledger", "/ledger", {"client": 7070, "sequence": 1, "checksum": "c" * 70000}, 413),
    ("GET /ledger?client=7070", "/ledger", None, 200),
    ("GET /ledger?client=7070&sequence=one", "/ledger", None, 422),
    ("POST /events", "/events", {"id": "described", "checksum": "c"}, 202),
    ("GET /events/nothing", "/events/{id}", None, 404),
    ("POST /reports", "/reports", {"severity": "minor", "release": "1.0.0", "text": "slow"}, 202),
    ("POST /reports", "/reports", {"severity": "odd", "release": "1.0.0", "text": "slow"}, 422),
    ("GET /health", "/health", None, 200),
    ("GET /ready", "/ready", None, 200),
    ("GET /version", "/version", None, 200),
    ("GET /routes", "/routes", None, 200),
    ("GET /metrics", "/metrics", None, 200),
    ("GET /debug/pprof/profile?seconds=0", "/debug/pprof/profile", None, 400),
)
"""Method and target, path of the description, body, and the status."""


@pytest.fixture(scope="module")
def started(postgres: Postgres, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Services]:
    """The services of a platform, which serve their descriptions."""
    with ExitStack() as stack:
        services = Services(tmp_path_factory.mktemp("described"), stack)
        start_all(services)
        yield services


def start_all(services: Services) -> None:
    """Start the services behind the gateway, and the gateway."""
    services.start("user", USER, API_DESCRIPTION="served")
    services.start("track", TRACK, API_DESCRIPTION="served")
    services.start(
        "gateway", GATEWAY, API_DESCRIPTION="served", USER_SERVICE_SERVICE_HOST=USER, TRACK_SERVICE_SERVICE_HOST=TRACK
    )


@pytest.fixture(scope="module")
def described(started: Services) -> Iterator[httpx.Client]:
    """The gateway."""
    with httpx.Client(base_url=f"http://{GATEWAY}:8080", trust_env=False, timeout=30) as client:
        yield client


def errors_of(document: dict[str, Any], path: str, answer: httpx.Response) -> list[str]:
    """What of an answer is not as its operation's description says."""
    method = str(answer.request.method).lower()
    described = document["paths"][path][method]["responses"].get(str(answer.status_code))
    if described is None:
        return [f"the status {answer.status_code} is not described"]
    missing = [name for name in described["headers"] if name not in answer.headers]
    ((media, content),) = described["content"].items()
    if answer.headers["content-type"].partition(";")[0] != media:
        return [*missing, answer.headers["content-type"]]
    if media != "application/json":
        return missing
    schema = {**content["schema"], "components": document["components"]}
    return missing + [one.message for one in Draft202012Validator(schema).iter_errors(answer.json())]


def test_every_answer_is_as_the_description_says(described: httpx.Client, subtests: pytest.Subtests) -> None:
    """Status, headers, media type and body of each, good and refused."""
    for called, path, body, status in ASKED:
        with subtests.test(called):
            signed_in = described.post("/sessions", json={"user": "listener-1", "password": "listen-listener-1"}).json()
            headers = {"authorization": f"Bearer {signed_in['token']}"}
            method, _, target = called.partition(" ")
            answer = described.request(method, target, json=body, headers=headers)
            assert answer.status_code == status
            assert errors_of(described.get("/openapi.json").json(), path, answer) == []


def test_an_event_that_is_visible_is_as_described(described: httpx.Client) -> None:
    """Its copies and its checksum, once the relay has moved it."""
    described.post("/events", json={"id": "seen", "checksum": "c"})
    for _ in Deadline.after(30).ticks(0.1):
        if (answer := described.get("/events/seen")).status_code == 200:
            assert errors_of(described.get("/openapi.json").json(), "/events/{id}", answer) == []
            return
    pytest.fail("the event never became visible")


@pytest.mark.parametrize(("address", "operations"), [(USER, 9), (TRACK, 14), (GATEWAY, 17)])
def test_each_service_describes_each_route_that_it_serves(started: Services, address: str, operations: int) -> None:
    """Nothing that is served is left out: standard error would name it."""
    document = httpx.get(f"http://{address}:8080/openapi.json", trust_env=False).json()
    assert sum(len(one) for one in document["paths"].values()) == operations
    logs = "".join(started.log(*one) for one in (("user", USER), ("track", TRACK), ("gateway", GATEWAY)))
    assert "served and not described" not in logs


def test_a_service_without_the_part_serves_no_description(platform: httpx.Client) -> None:
    """The core has no such route: 404."""
    assert platform.get("/openapi.json").status_code == 404


def test_a_dropped_field_is_gone_from_the_answer_and_from_the_description(
    services: Services, postgres: Postgres
) -> None:
    """The planted defect: the answers match the description, only the last release's description has the field."""
    services.start("track", "127.93.17.5", API_DESCRIPTION="served", DEFECT_DROPPED_FIELD="artist")
    with httpx.Client(base_url="http://127.93.17.5:8080", trust_env=False, timeout=30) as client:
        document, answer = client.get("/openapi.json").json(), client.get("/tracks/7")
        assert set(answer.json()) == {"id", "title", "plays"}
        assert errors_of(document, "/tracks/{id}", answer) == []
        schemas = document["components"]["schemas"]
        assert "artist" not in schemas["Track"]["properties"]
        assert "artist" in schemas["NewTrack"]["properties"]


def described_here() -> str:
    """The description of the gateway of 1.0.0, as text of a file."""
    settings = PodSettings(service="api-gateway", region="us-east-1", pod="g", address="", port=0, release="1.0.0")
    app = application(settings, {}, Defects.from_env())
    described = document(app, service="api-gateway", release="1.0.0")
    del described["paths"]["/debug/pprof/profile"]  # 404 for all who come from outside
    return json.dumps(described, indent=1) + "\n"


def test_the_accepted_description_is_that_of_the_first_release(monkeypatch: pytest.MonkeyPatch) -> None:
    """Run as a script, this module writes it again: a difference is one that users of the API meet."""
    monkeypatch.setenv("API_DESCRIPTION", "served")
    assert described_here() == ACCEPTED.read_text(encoding="utf-8")


if __name__ == "__main__":
    os.environ["API_DESCRIPTION"] = "served"
    ACCEPTED.write_text(described_here(), encoding="utf-8")
