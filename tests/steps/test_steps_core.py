"""The features of profile core: every id by its own scenario, in the file of its section, each saying what its criterion says."""

from __future__ import annotations

from collections import Counter
from pathlib import Path

import pytest

from harness.catalogue import Catalogue, feature_file, load_catalogue
from harness.drivers.chaos import find_experiments
from harness.model import Claim
from harness.steps import compile_scenario, lint_features, read_feature
from tests.builders.core_plan import core_claims

ROOT = Path(__file__).parents[2]
FEATURES = sorted((ROOT / "features").rglob("*.feature"))
KNOWN = find_experiments([ROOT / "experiments"]).domains
"""Every experiment that ships: those that run only by name must add nothing to core."""


@pytest.fixture(scope="module")
def catalogue() -> Catalogue:
    """The bundled one."""
    return load_catalogue()


@pytest.fixture(scope="module")
def claims() -> dict[str, Claim]:
    """By id; a second scenario of an id would be lost here, and is counted in a test."""
    return {claim.requirement: claim for claim in core_claims(KNOWN)[0]}


def test_the_features_are_sound(catalogue: Catalogue) -> None:
    """Every feature that ships."""
    assert lint_features(FEATURES, catalogue, find_experiments([ROOT / "experiments"]).domains, ROOT) == ()


PARTS = ROOT / "sandbox" / "readiness_sandbox" / "platform" / "manifests" / "parts"


def test_every_row_has_a_scenario_or_waits_for_a_part(catalogue: Catalogue) -> None:
    """One scenario claims an id, but for the rows that speak of two and of three rollouts, and those with one of a profile's own; what a row with one needs is a part that the sandbox deploys, but for the row on pods of IPFS, which is of a platform with content: 771 of 771."""
    claimed = Counter(
        one for file in FEATURES for scenario in read_feature(file, ROOT) for one in scenario.requirements
    )
    needed = {row.id: {part.name for part in row.needs} for row in catalogue.requirements.values() if row.needs}
    deployed = {file.parent.name for file in PARTS.glob("*/part.yaml")}
    assert {one: needed[one] for one in claimed.keys() & needed.keys() if not needed[one] <= deployed} == {
        "DA-MON-INFRA-DISK": {"monitor", "content"}
    }
    assert claimed.keys() | needed.keys() == catalogue.requirements.keys()
    assert {one: times for one, times in claimed.items() if times > 1} == {
        "AT-CAN-CRITERIA": 2,
        "AT-PERF-DB": 2,
        "AT-STB-ERRORS": 2,
        "IP-ROAD-AUTONOMOUS": 2,
        "ND-RISK-DATALOSS": 2,
        "ND-KPI-P95": 2,
        "ND-KPI-UPTIME": 2,
        "AT-STB-SLOPE": 2,
        "AT-CAN-ROLLBACK": 3,
    }


def test_a_scenario_is_in_the_file_of_its_section(catalogue: Catalogue) -> None:
    """A folder is a document's, a file a section's: who looks for a row finds it by its source."""
    scenarios = [scenario for feature in FEATURES for scenario in read_feature(feature, ROOT)]
    expected = [feature_file(catalogue.requirement(one)) for scenario in scenarios for one in scenario.requirements]
    assert [scenario.file for scenario in scenarios] == expected


def test_every_id_has_one_scenario(catalogue: Catalogue) -> None:
    """25 of 25."""
    counts = Counter(claim.requirement for claim in core_claims(KNOWN)[0])
    assert counts == Counter(catalogue.profiles["core"])


def test_experiments_by_name_are_in_the_plan_of_the_rows_that_name_them(catalogue: Catalogue) -> None:
    """`every experiment of domain …` leaves them out; of each of them a scenario speaks."""
    scenarios = [scenario for feature in FEATURES for scenario in read_feature(feature, ROOT)]
    claims = [compile_scenario(one, catalogue, KNOWN)[0] for one in scenarios]
    users = {
        name: {claim.requirement for claim in claims if f"experiment {name} traffic=everyday" in claim.demands}
        for name in sorted(KNOWN.by_name)
    }
    assert users == {
        "cache-primary-loss": {"IP-DB-REDIS", "IP-DB-REDIS-SESSION"},
        "database-promotion": {"DA-DR-DB-PROMOTE", "DA-DR-DB-VERIFY"},
        "each-pod-loss": {"DA-FT-POD"},
        "errors-10": {"AT-OBS-ERRORS", "DA-ALR-ERRORS", "DA-ALR-TEXT", "DA-MON-APP-ERRORS"},
        "errors-3": {"DA-ALR-ERRORS"},
        "locked-tables": {"AT-OBS-ERRORS"},
        "memory-growth": {"AT-RISK-LEAK", "IP-MONITOR-ALERTS"},
        "frontend-hung": {"DA-K8S-LIVENESS", "DA-MON-INFRA-RESTARTS"},
        "frontend-unready": {"DA-K8S-READINESS"},
        "network-partition": {"IP-PAT-SYNC", "ND-RISK-DATALOSS"},
        "region-loss-secondary": {"DA-GEO-LOSS-SECONDARY", "DA-GEO-RETURN"},
        "region-loss-tertiary": {"DA-GEO-LOSS-TERTIARY", "DA-GEO-RETURN"},
        "service-loss-cache": {"ND-RISK-CACHING"},
        "sign-in-pod-loss": {"IP-DB-REDIS-SESSION"},
        "slow-queries": {"AT-RISK-DBPERF", "IP-MONITOR-ALERTS"},
        "zone-loss-1": {"DA-FT-ZONE"},
        "zone-loss-2": {"DA-FT-ZONE"},
        "zone-loss-3": {"DA-FT-ZONE"},
    }


def test_what_a_claim_is_judged_on(catalogue: Catalogue, claims: dict[str, Claim], subtests: pytest.Subtests) -> None:
    """The experiments that core runs, and those that the row speaks of, that core does not run and does not gate on."""
    for requirement, experiments, left_out in [
        ("ND-KPI-P95", (), ()),
        ("ND-PH1-DISCOVERY", ("pod-loss",), ()),
        ("AT-STB-RECOVERY", ("database-primary-loss", "node-loss", "pod-loss"), ()),
        ("ND-RISK-DATALOSS", ("node-loss", "pod-loss"), ("experiments of domain network",)),
        ("DA-DR-FAILOVER", ("database-primary-loss",), ()),
        ("DA-DR-RTO", ("database-members-loss", "database-primary-loss", "region-loss"), ()),
        ("DA-DR-RPO", ("database-members-loss", "database-primary-loss", "region-loss"), ()),
        ("DA-GEO-LOSS-PRIMARY", ("region-loss",), ()),
    ]:
        with subtests.test(requirement):
            (objective,) = claims[requirement].objectives
            assert objective.scope.traffic == "everyday"
            assert objective.scope.experiments == experiments
            assert (objective.scope.missing_experiments, objective.scope.left_out) == ((), left_out)
            assert objective.at.startswith(f"{feature_file(catalogue.requirement(requirement))}:")


def test_the_document_profile_tries_a_row_whole(catalogue: Catalogue) -> None:
    """In normaldance nothing is left out: the loss of all database members and the network are tried."""
    claims = [
        compile_scenario(one, catalogue, KNOWN)[0]
        for file in FEATURES
        for one in read_feature(file, ROOT)
        if {*one.requirements} & {"DA-DR-RTO", "DA-DR-RPO", "ND-RISK-DATALOSS"} and not one.profiles
    ]
    scopes = {claim.requirement: claim.objectives[0].scope for claim in claims}
    assert {requirement: scope.missing_experiments for requirement, scope in scopes.items()} == {
        "DA-DR-RTO": (),
        "DA-DR-RPO": (),
        "ND-RISK-DATALOSS": (),
    }
    assert scopes["DA-DR-RTO"].experiments == ("database-members-loss", "database-primary-loss", "region-loss")
    assert scopes["ND-RISK-DATALOSS"].experiments == ("network-partition", "node-loss", "pod-loss")
