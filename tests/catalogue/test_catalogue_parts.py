"""Parts that a platform may lack: declared once, named by the rows that wait for them."""

from __future__ import annotations

from pathlib import Path

import pytest

from harness.catalogue import load_catalogue
from harness.errors import ConfigurationError

SHOP = """\
profile: shop
sections:
  - source: "contract: stock"
    requirements:
      - {id: S-1, title: one, criterion: every parcel is counted, kinds: [C], gate: major, falsified_by: one lost, needs: [belt]}
parts:
  - {name: belt, title: conveyor belt, brings: parcels are followed, stage: 2}
"""


def test_the_rows_that_wait_and_what_for() -> None:
    """Of the later stages; the parts are listed in the order in which they come."""
    catalogue = load_catalogue()
    row = catalogue.requirement("AT-RISK-UI")
    assert [part.name for part in row.needs] == ["frontend", "external-services"]
    assert row.needs[0] is catalogue.parts["frontend"]
    assert catalogue.requirement("ND-KPI-P95").needs == ()
    stages = [part.stage for part in catalogue.parts.values()]
    assert stages == sorted(stages)
    assert all(part.title and part.brings for part in catalogue.parts.values())


def test_a_project_declares_parts_of_its_own(tmp_path: Path) -> None:
    """Beside those that come with the package, in any order in its files."""
    (tmp_path / "shop.yaml").write_text(SHOP, encoding="utf-8")
    (part,) = load_catalogue([tmp_path]).requirement("S-1").needs
    assert (part.name, part.title, part.brings, part.stage) == ("belt", "conveyor belt", "parcels are followed", 2)


@pytest.mark.parametrize(
    ("old", "new", "where", "what", "hint"),
    [
        ("name: belt", "name: bus", "7: parts[0].name", "the part 'bus' is defined twice: ", "rename one part"),
        ("stage: 2", "stage: 1", "7: parts[0].stage", "`1` is not a number of at least 2", ""),
        (
            "name: belt",
            "name: A Belt",
            "7: parts[0].name",
            "`A Belt` is not a name in small letters and digits, with hyphens",
            "",
        ),
    ],
)
def test_a_wrong_part_is_refused(tmp_path: Path, *, old: str, new: str, where: str, what: str, hint: str) -> None:
    """File, line, key, and how to fix it."""
    file = tmp_path / "shop.yaml"
    file.write_text(SHOP.replace(old, new, 1), encoding="utf-8")
    with pytest.raises(ConfigurationError) as caught:
        load_catalogue([file])
    assert caught.value.where == f"{file}:{where}"
    assert what in caught.value.what
    assert hint in caught.value.hint
