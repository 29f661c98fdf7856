"""Services that nobody here wrote a description for: FastAPI and Express write it, healthy and spoilt, and schemathesis agrees with ours."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from harness.drivers.generated.served import served_facts
from harness.targets import load_target
from tests.foreign.contracts import FOREIGN, SHOPS, SPOILS, ours, schemathesis, started

pytestmark = [
    pytest.mark.slow,
    pytest.mark.skipif(FOREIGN not in os.environ, reason=f"{FOREIGN} is not set: scripts/foreign-api build DIRECTORY"),
]


@pytest.fixture(autouse=True)
def _state(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Nothing is written outside the test's directory."""
    monkeypatch.setenv("READINESS_STATE", str(tmp_path / "state"))


@pytest.mark.parametrize("shop", SHOPS)
@pytest.mark.parametrize("spoil", SPOILS)
def test_a_service_is_as_described_or_its_defect_is_found(shop: str, spoil: str, tmp_path: Path) -> None:
    """No false alarm of a healthy service, and each spoilt one is found: another type, a missing key, another status, another media type, a crash."""
    with started(shop, spoil, Path(os.environ[FOREIGN])) as address:
        found = ours(address, tmp_path)
    assert found.wrong is bool(spoil), found.words


@pytest.mark.parametrize("shop", SHOPS)
@pytest.mark.parametrize("spoil", ["", "type"])
def test_schemathesis_says_the_same(shop: str, spoil: str) -> None:
    """With positive inputs and chains, in a child: it changes hypothesis for its process."""
    foreign = Path(os.environ[FOREIGN])
    with started(shop, spoil, foreign) as address:
        found = schemathesis(address, foreign)
    assert found.wrong is bool(spoil), found.words


def test_a_route_that_fastapi_serves_without_describing_it_is_named(tmp_path: Path) -> None:
    """Its own `/docs` and `/openapi.json` are served, and in no document: the list of routes says so."""
    with started("orders", "", Path(os.environ[FOREIGN])) as address:
        (tmp_path / "served").write_text("GET /orders/{order_id}\nPOST /orders\nGET /docs\n")
        file = tmp_path / "target.yaml"
        file.write_text(
            f"name: foreign\nenvironment: staging\nentry: {address}\n"
            f"api: {{description: {address}/openapi.json, served: served}}\n"
        )
        facts = served_facts(load_target(file), lambda: "no metrics", lambda _: "")
    assert [one.subject for one in facts if one.ok is False] == ["GET /docs"]
