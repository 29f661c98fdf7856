"""What docs/identity.md, docs/call-matrix.md and docs/sent-twice.md tell to write is read, planned, run against a shop, and judged."""

from __future__ import annotations

import json
import re
from pathlib import Path
from typing import Final

import pytest

from harness.cli.starter.writing import ProjectAnswers, write_project
from harness.drivers.check.calls.matrix.classes import CLASSES
from harness.drivers.check.calls.matrix.declared import MatrixFile
from harness.drivers.check.calls.matrix.refused import NOUNS
from harness.extras import TRUST, install
from harness.targets import load_target
from harness.validation import validated
from tests.builders.guarded_shop import FILE, description, guarded_shop
from tests.builders.preloaded import command
from tests.page_blocks import blocks

DOCS: Final = Path(__file__).parents[1] / "docs"
MATRIX: Final = (DOCS / "call-matrix.md").read_text(encoding="utf-8")
TWICE: Final = (DOCS / "sent-twice.md").read_text(encoding="utf-8")
IDENTITY: Final = (DOCS / "identity.md").read_text(encoding="utf-8")


def test_the_target_file_and_the_matrix_of_the_page_are_right(tmp_path: Path) -> None:
    """Every key that they show is known."""
    target, matrix = blocks(IDENTITY, "yaml")
    (tmp_path / "target.yaml").write_text(
        f"name: shop\nenvironment: staging\nentry: http://localhost\n{target}", "utf-8"
    )
    (tmp_path / "matrix.yaml").write_text(matrix, "utf-8")
    read = load_target(tmp_path / "target.yaml")
    assert read.identity is not None
    assert {*read.identity.tokens} == {"expired", "foreign-audience", "foreign-issuer"}
    ((_, file),) = validated([tmp_path / "matrix.yaml"], MatrixFile)
    assert file.operations["DELETE /orders/{id}"]["editor"] == 404


def test_the_page_names_the_extra_every_case_and_every_class() -> None:
    """As the code has them."""
    assert install(TRUST).replace("'", '"') in MATRIX
    assert [name for name in CLASSES if f"*{name}*" not in MATRIX] == []
    several = [one.words for one in NOUNS if len(one.cases) > 1]
    assert [words for words in several if f"*{words}*" not in MATRIX] == []


@pytest.mark.slow
@pytest.mark.parametrize(("open_", "decided"), [("", "PASS"), ("token", "FAIL")])
def test_the_page_decides_and_keeps_no_secret(
    open_: str, decided: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The run directory, and what is printed, have no token, key or password; an order that is sent twice is there twice."""
    here = tmp_path / "shop"
    with guarded_shop(monkeypatch) as shop:
        shop.open = open_
        write_project(here, ProjectAnswers(name="shop", entry=shop.url, health="/health", read="/health"))
        own = FILE.format(entry=shop.url, issuer=shop.issuer.url)
        target = here / "target.yaml"
        target.write_text(target.read_text("utf-8") + own[own.index("api:") :], "utf-8")
        (here / "openapi.json").write_text(json.dumps(description()), "utf-8")
        calls = blocks(MATRIX, "gherkin")[0] + "\n" + blocks(TWICE, "gherkin")[0]
        (here / "features" / "calls.feature").write_text(f"Feature: Calls\n\n{calls}", "utf-8")
        only = [f"--only={row}" for row in ("SHOP-AUTH", "SHOP-ROLES", "SHOP-ONCE")]
        ran = command("harness", "run", *only, "--no-decision", cwd=here)
    run = here / "reports" / "runs" / "latest"
    verdict = json.loads((run / "verdict.json").read_text(encoding="utf-8"))
    found = {one["id"]: one["verdict"] for one in verdict["requirements"]}
    assert (found["SHOP-AUTH"], found["SHOP-ROLES"]) == (decided, decided), ran.stdout + ran.stderr
    assert found["SHOP-ONCE"] == "FAIL"  # it knows no keys
    assert "POST /orders: status 201, then status 201: the first call made" in ran.stdout
    written = b"".join(one.read_bytes() for one in run.resolve().rglob("*") if one.is_file()) + ran.stdout.encode()
    assert re.search(rb"eyJ[\w-]{8,}\.eyJ[\w-]{8,}", written) is None  # header and claims of a token
    secrets = [b"open sesame", b"the-right-api-key", b"secret of a client"]
    assert [secret for secret in secrets if secret in written] == []
