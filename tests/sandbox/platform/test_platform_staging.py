"""The sandbox as staging: its target file, the dates of the samples, and what the decision says of it."""

from __future__ import annotations

import hashlib
import re
from datetime import date, timedelta
from glob import glob
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest
import yaml

from claims.database.staging import schema_digest
from harness import clock
from harness.drivers.ingest.formats.records import plain_record
from harness.errors import ConfigurationError
from harness.targets import load_target
from harness.targets.files.reference import Reference
from harness.targets.files.target import MARKER
from readiness_sandbox import marker
from readiness_sandbox.platform.describe import MEMBERS, SHARES, Addresses, describe
from readiness_sandbox.platform.repository import examples
from readiness_sandbox.platform.staging import SAMPLES, copy_samples, standing_for

if TYPE_CHECKING:
    from tests.sandbox.platform.conftest import Postgres


def described(root: Path) -> dict[str, Any]:
    """The content of the sandbox's own target file."""
    nowhere = "http://127.0.0.1"
    addresses = Addresses(
        entry=nowhere, regions=dict.fromkeys(SHARES, nowhere), members=dict.fromkeys(MEMBERS, "127.0.0.1")
    )
    kubeconfig, secrets, flows = root / "kubeconfig", root / "secrets", root / "flows" / "events.log"
    return describe(addresses, release="1.0.0", kubeconfig=kubeconfig, secrets=secrets, flows=flows)


def staged(root: Path) -> Path:
    """Its target file as staging, with the samples and the sandbox's marker beside it."""
    copy_samples(root / SAMPLES, "sandbox-as-staging")
    content = standing_for(described(root), "staging", root / SAMPLES, root / "repository")
    file = root / "target.yaml"
    file.write_text(yaml.safe_dump(content))
    (root / MARKER).touch()
    return file


def test_it_is_the_same_platform_under_another_environment(tmp_path: Path) -> None:
    """Name, environment, what production is like, and the commit of the samples."""
    target, own = load_target(staged(tmp_path)), described(tmp_path)
    assert (target.name, target.environment, target.time_scale) == ("sandbox-as-staging", "staging", 60)
    assert (target.entry, target.release.version) == (own["entry"], "1.0.0")
    assert target.release.commit
    assert target.database is not None
    assert target.database.production is not None


def test_a_scaled_staging_needs_the_marker_of_a_sandbox(tmp_path: Path) -> None:
    """The same file elsewhere is refused: a real staging has no time scale; production never has one."""
    file = staged(tmp_path)
    (tmp_path / MARKER).unlink()
    with pytest.raises(
        ConfigurationError, match="allowed only in `environment: sandbox`, or if the sandbox simulates staging"
    ):
        load_target(file)
    (tmp_path / MARKER).touch()
    file.write_text(file.read_text().replace("environment: staging", "environment: production"))
    with pytest.raises(ConfigurationError, match="allowed only in"):
        load_target(file)


def test_the_marker_is_the_one_that_the_sandbox_writes() -> None:
    """Two rooms know its name."""
    assert MARKER == marker.NAME


def test_every_report_is_there_and_none_is_of_the_future(tmp_path: Path) -> None:
    """Each path or pattern of the target file finds a file; days end yesterday, as they did in the samples."""
    evidence = yaml.safe_load(staged(tmp_path).read_text())["evidence"]
    patterns = [one for kind, named in evidence.items() if kind != "prometheus" for one in named.values()]
    assert [pattern for pattern in patterns if not glob(str(pattern))] == []  # noqa: PTH207 - absolute patterns
    sampled = tmp_path / "samples" / "reports" / "junit"
    found = [
        date.fromisoformat(day)
        for file in sampled.glob("*.xml")
        for day in re.findall(r"20[0-9]{2}-[0-9]{2}-[0-9]{2}", file.read_text())
    ]
    assert found
    assert max(found) < clock.wall().date()
    assert max(found) > clock.wall().date() - timedelta(days=30)


def test_days_are_moved_all_by_as_many(tmp_path: Path) -> None:
    """What lay two days apart in a sample lies two days apart in its copy."""
    source = examples()
    assert source is not None
    staged(tmp_path)

    def days(file: Path) -> list[date]:
        return [date.fromisoformat(day) for day in re.findall(r"20[0-9]{2}-[0-1][0-9]-[0-3][0-9]", file.read_text())]

    own, copied = (days(root / "records" / "deployments.yaml") for root in (source, tmp_path / "samples"))
    assert own
    assert len({there - here for here, there in zip(own, copied, strict=True)}) == 1


def test_what_names_its_target_names_this_one(tmp_path: Path) -> None:
    """The records and the files beside the reports: a report of another target is no evidence for this one."""
    source = examples()
    assert source is not None
    target = load_target(staged(tmp_path))
    named = [
        file.relative_to(source)
        for file in [*source.glob("reports/**/*.origin.yaml"), *source.glob("records/*.yaml")]
        if plain_record(file).origin.target
    ]
    assert {file.name for file in named} >= {"audits.yaml", "terraform-plan.json.origin.yaml"}
    assert {plain_record(tmp_path / SAMPLES / file).origin.target for file in named} == {target.name}


def test_the_register_of_production_has_the_schema_of_the_platform(postgres: Postgres, tmp_path: Path) -> None:
    """Counted from the real schema, as the check counts it; none of its people is a listener."""
    source = examples()
    assert source is not None
    register = yaml.safe_load((source / "files" / "registers" / "production.yaml").read_text())
    (tmp_path / "dsn").write_text(f"{postgres.conninfo} dbname=normaldance")
    digest = schema_digest(Reference(file=str(tmp_path / "dsn")))
    assert register["schema"] == digest
    assert hashlib.sha256(b"listener-1").hexdigest() not in register["personal"]
