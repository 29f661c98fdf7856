"""`readiness init` says what is special about a foreign service, and writes a project that can be planned at once."""

from __future__ import annotations

import json
import shutil
import subprocess
import sys
from pathlib import Path
from typing import Final

import pytest
from click.testing import CliRunner

from harness.cli.init import init
from harness.targets import load_target
from tests.builders.preloaded import command
from tests.foreign.services import SERVICES, TOKEN, arguments_of, programs, started

BENCHMARK: Final = Path(__file__).parents[2] / "benchmarks" / "foreign_services.py"
PLAIN: Final = {name: service for name, service in SERVICES.items() if service.plain and name != "sluggish"}


@pytest.mark.parametrize("name", PLAIN)
def test_what_init_says_of_a_foreign_service(name: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Its trial finds the paths, the sign-in, the release and the limits; the project is in order."""
    service = PLAIN[name]
    if service.program and shutil.which(service.program) is None:
        pytest.skip(f"{service.program} is not installed")
    monkeypatch.chdir(tmp_path)
    for variable, value in TOKEN.items():
        monkeypatch.setenv(variable, value)
    with started(service, tmp_path, programs(), {}) as words:
        made = CliRunner().invoke(init, ["shop", *arguments_of(service, words)])
    assert made.exit_code == 0, made.output
    assert [piece for piece in service.says if piece not in made.output] == []
    assert "correct `probes`" not in made.output
    assert load_target(tmp_path / "shop" / "target.yaml").entry == words["entry"]
    planned = command("harness", "plan", "--json", cwd=tmp_path / "shop")
    decided = {one["requirement"] for one in json.loads(planned.stdout)["sentences"] if one["can_be_decided"]}
    assert decided == {"SHOP-P95", "SHOP-ERRORS", "SHOP-RESTART"}
    journey = (tmp_path / "shop" / "loadtests" / "visitors.py").read_text(encoding="utf-8")
    assert not [secret for secret in TOKEN.values() if secret in journey]


def test_the_bed_has_twenty_services() -> None:
    """Four of them must be refused a release."""
    assert len(SERVICES) == 20
    assert sum(service.decision == "NO-GO" for service in SERVICES.values()) == 4


@pytest.mark.slow
@pytest.mark.alone
def test_the_first_verdict_on_nine_of_ten_foreign_services_is_right() -> None:
    """Half an hour; FastAPI and Express are installed for it. The table is on its output."""
    subprocess.run([sys.executable, str(BENCHMARK)], check=True)
