"""The bundled catalogue holds every row of the five documents, and a project's own files are read strictly."""

from __future__ import annotations

from collections import Counter
from pathlib import Path

import pytest

from harness.catalogue import Catalogue, load_catalogue
from harness.errors import ConfigurationError
from harness.model import EvidenceKind, Gate

GOOD = """\
profile: shop
title: A shop
sections:
  - source: "contract: availability"
    requirements:
      - id: SHOP-1
        title: quick
        criterion: the response time p95 of every route is below 300 ms
        kinds: [L]
        gate: critical
        falsified_by: one route sleeps
      - id: SHOP-2
        title: signed off
        criterion: release-manager vouches for it, for this release, not longer than 90 d ago
        kinds: [A]
        gate: major
        environments: [production]
profiles:
  counter: [SHOP-1, ND-KPI-P95]
"""


@pytest.fixture(scope="module")
def catalogue() -> Catalogue:
    """The bundled one."""
    return load_catalogue()


def test_every_row_is_there(catalogue: Catalogue) -> None:
    """771 rows, by document; profile core has 25."""
    rows = {name: len(ids) for name, ids in catalogue.profiles.items()}
    assert len(catalogue.requirements) == 771
    assert rows == {
        "normaldance": 239,
        "atomos": 169,
        "feature-integration": 171,
        "integration-platform": 192,
        "quick": 4,
        "core": 25,
        "checklist": 75,
        "rollout": 27,
        "security": 58,
        "disaster": 14,
    }


def test_first_kinds(catalogue: Catalogue) -> None:
    """How many rows prefer which means."""
    first = Counter(row.kinds[0] for row in catalogue.requirements.values())
    assert first == {
        EvidenceKind.CHECK: 274,
        EvidenceKind.EXPERIMENT: 180,
        EvidenceKind.DERIVED: 108,
        EvidenceKind.ATTESTED: 62,
        EvidenceKind.INGESTED: 59,
        EvidenceKind.LOAD: 53,
        EvidenceKind.STATIC: 35,
    }


def test_the_order_of_core(catalogue: Catalogue) -> None:
    """The first gate is judged in this order."""
    ids = [row.id for row in catalogue.profile(["core"])]
    assert ids[:3] == ["ND-KPI-P95", "ND-KPI-ERRORS", "ND-KPI-UPTIME"]
    assert ids[-1] == "IP-Q-CONSISTENCY"


def test_a_row_is_gated_in_part_where_no_chosen_profile_has_it_whole(catalogue: Catalogue) -> None:
    """Core gates it on two of three disasters, its document's profile on all."""
    whole, part = (), ("loss of the primary", "loss of a region")
    for names, expected in ((["core"], part), (["normaldance"], whole), (["core", "normaldance"], whole)):
        assert {row.id: row.in_part for row in catalogue.profile(names)}["DA-DR-RTO"] == expected


def test_the_parts_of_two_profiles_are_added(tmp_path: Path) -> None:
    """Who runs both runs the parts of both."""
    text = "profiles:\n  a: [DA-DR-RTO: [loss of the primary]]\n  b: [DA-DR-RTO: [loss of a region], ND-KPI-P95]\n"
    (tmp_path / "mine.yaml").write_text(text)
    rows = load_catalogue([tmp_path / "mine.yaml"]).profile(["a", "b"])
    assert [(row.id, row.in_part) for row in rows] == [
        ("DA-DR-RTO", ("loss of the primary", "loss of a region")),
        ("ND-KPI-P95", ()),
    ]


@pytest.mark.parametrize("row", ["{DA-DR-RTO: []}", "{DA-DR-RTO: [a], ND-KPI-P95: [b]}", "{}", "{dr-rto: [a]}"])
def test_a_row_in_part_is_one_id_with_its_parts(tmp_path: Path, row: str) -> None:
    """No part, two ids, none, or a word that is no id."""
    (tmp_path / "mine.yaml").write_text(f"profiles:\n  a: [{row}]\n")
    with pytest.raises(ConfigurationError, match=r"mine\.yaml"):
        load_catalogue([tmp_path / "mine.yaml"])


def test_a_row(catalogue: Catalogue) -> None:
    """One row in full."""
    row = catalogue.requirement("DA-DR-RPO")
    assert row.title == "RPO 1 h"
    assert row.criterion == "no acknowledged write older than 1 h is lost in any disaster experiment"
    assert (row.kinds, row.gate) == ((EvidenceKind.EXPERIMENT,), Gate.CRITICAL)
    assert row.environments == ("sandbox", "staging", "production")
    assert row.source == "003 deployment architecture: Disaster recovery"
    assert row.falsified_by == "restore takes the backup of two hours ago"
    assert row.profile == "normaldance"


def test_what_is_known_of_the_documents(catalogue: Catalogue) -> None:
    """84 contradictions, 30 interpretations, 17 deviations."""
    assert [entry.id for entry in catalogue.contradictions] == list(range(1, 85))
    assert [entry.id for entry in catalogue.interpretations] == [f"I{number}" for number in range(1, 31)]
    assert [entry.id for entry in catalogue.deviations] == [f"V{number}" for number in range(1, 18)]
    assert [entry.name for entry in catalogue.deviations_of("DA-NET-POLICY")] == ["policy-callers"]


def test_two_profiles_are_one_list_without_doubles(catalogue: Catalogue) -> None:
    """A row of both stands once."""
    assert len(catalogue.profile(["core", "normaldance"])) == 239 + 6


def test_where_a_row_stands(catalogue: Catalogue) -> None:
    """A message can name file and line of a criterion."""
    file, _, line = catalogue.where("ND-KPI-P95", "criterion").rpartition(":")
    assert Path(file).name == "normaldance.yaml"
    text = Path(file).read_text(encoding="utf-8").splitlines()[int(line) - 1]
    assert text.strip().startswith("criterion: the response time p95 of every route")


def test_a_project_adds_its_own(tmp_path: Path) -> None:
    """A file, or a directory of files."""
    (tmp_path / "shop.yml").write_text(GOOD, encoding="utf-8")
    for path in (tmp_path, tmp_path / "shop.yml"):
        catalogue = load_catalogue([path])
        assert [row.id for row in catalogue.profile(["counter"])] == ["SHOP-1", "ND-KPI-P95"]
        assert catalogue.requirement("SHOP-2").environments == ("production",)


WRONG_FILES = [
    (
        "criterion: release-manager vouches for it, for this release, not longer than 90 d ago",
        "criterion: ' '",
        "14: sections[0].requirements[1].criterion",
        "this must not be empty",
        "write some text",
    ),
    ("id: SHOP-2", "id: ND-KPI-P95", "12: sections[0].requirements[1].id", "the id ND-KPI-P95 is defined twice: ", ""),
    ("profile: shop", "profile: shop+till", "1: profile", "the profile 'shop+till' has a `+`", "a hyphen"),
    ("counter:", "counter+till:", "19: profiles.counter+till", "the profile 'counter+till' has a `+`", "a hyphen"),
    (
        "title: signed off",
        "title: signed off\n        title: again",
        "14: sections[0].requirements[1].title",
        "the key `title` is defined twice",
        "keep one",
    ),
    ("kinds: [A]", "kinds: [A", "16", "is not plain YAML", ""),
]


def test_a_wrong_file_is_refused_with_line_and_key(tmp_path: Path, subtests: pytest.Subtests) -> None:
    """File, line, key, and how to fix it."""
    for old, new, where, what, hint in WRONG_FILES:
        with subtests.test(new):
            file = tmp_path / "shop.yaml"
            file.write_text(GOOD.replace(old, new, 1), encoding="utf-8")
            with pytest.raises(ConfigurationError) as caught:
                load_catalogue([file])
            assert caught.value.where == f"{file}:{where}"
            assert what in caught.value.what
            assert hint in caught.value.hint


def test_a_file_that_is_not_there(tmp_path: Path) -> None:
    """It is named."""
    with pytest.raises(ConfigurationError, match=r"none\.yaml: the file cannot be read"):
        load_catalogue([tmp_path / "none.yaml"])


def test_an_empty_file_adds_nothing(tmp_path: Path) -> None:
    """So does one of comments."""
    (tmp_path / "empty.yaml").write_text("# later\n", encoding="utf-8")
    assert len(load_catalogue([tmp_path]).requirements) == 771


TABLE = """\
tables:
  - title: Readiness
    source: contract
    rows:
      - {{title: speed, said: "1 of 1", requirements: [{named}]}}
"""


def test_a_table_of_a_document_names_measured_rows(tmp_path: Path, catalogue: Catalogue) -> None:
    """By id or pattern, each once; rows that a person vouches for are no measurement."""
    (tmp_path / "shop.yaml").write_text(GOOD + TABLE.format(named="SHOP-1, SHOP-*"))
    found = load_catalogue([tmp_path]).tables_of(["SHOP-1"])
    assert [(one.title, [row.requirements for row in one.rows]) for one in found] == [("Readiness", [("SHOP-1",)])]
    assert load_catalogue([tmp_path]).tables_of(["SHOP-2"]) == ()
    security = {row.title: row for row in catalogue.tables_of(["AT-GAP-AUTH"])[0].rows}["security"]
    assert security.said == "6 of 25 (24 %)"
    assert {"AT-GAP-AUTH", "AT-SEC-JWT", "AT-SCR-AUDIT"} <= {*security.requirements}
    (methods,) = catalogue.tables_of(["IP-SEC-MTLS"])
    assert [row.title for row in methods.rows] == ["API key", "OAuth 2.0", "JWT", "mutual TLS"]


def test_a_table_that_names_nothing_is_refused_with_its_line(tmp_path: Path) -> None:
    """Also a row of another form."""
    for named in ("SHOP-3", "SHOP-2"):
        (tmp_path / "shop.yaml").write_text(GOOD + TABLE.format(named=named))
        with pytest.raises(ConfigurationError, match=f"no measured requirement is named '{named}'") as refused:
            load_catalogue([tmp_path])
        assert "shop.yaml:" in refused.value.where
