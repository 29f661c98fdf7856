"""Every block of the pages on the catalogue is read as a project's own files are, and its numbers are those of the catalogue."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from harness.catalogue import Catalogue, feature_file, lint, load_catalogue, tallies, unaccounted
from harness.steps import lint_features, read_feature
from tests.builders.pages import pages
from tests.page_blocks import blocks

ROOT = Path(__file__).parent.parent
PAGE = pages("catalogue", "catalogue-contradictions")


@pytest.fixture(scope="module")
def shop(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A project made of the page's blocks."""
    root = tmp_path_factory.mktemp("shop")
    (root / "catalogue").mkdir()
    for number, text in enumerate(blocks(PAGE, "yaml")):
        (root / "catalogue" / f"{number}.yaml").write_text(text, encoding="utf-8")
    (root / "speed-and-delivery.feature").write_text(blocks(PAGE, "gherkin")[0], encoding="utf-8")
    return root


@pytest.fixture(scope="module")
def catalogue(shop: Path) -> Catalogue:
    """The bundled one with that of the page."""
    return load_catalogue([shop / "catalogue"])


def test_the_blocks_are_a_catalogue_and_features_in_order(shop: Path, catalogue: Catalogue) -> None:
    """No problem of its own, neither in the rows nor in the features."""
    feature = shop / "speed-and-delivery.feature"
    assert lint(catalogue) == ()
    assert lint_features([feature], catalogue, {}, shop) == ()
    claimed = {requirement for one in read_feature(feature, shop) for requirement in one.requirements}
    own = {row.id for row in catalogue.profile(["shop"])}
    assert own - claimed == {"SHOP-PARCELS"}
    assert [problem for problem in unaccounted(catalogue, claimed) if problem.at.startswith(str(shop))] == []
    assert catalogue.contradictions[-1].comparison == "24 h is not at most 12 h"


def test_the_profiles_and_their_folders_are_as_the_table_says(catalogue: Catalogue) -> None:
    """Names, numbers of rows, folders."""
    told = re.findall(r"^\| `([\w-]+)` \| .* \| (\d+) \| `(.*)` \|$", PAGE, re.MULTILINE)
    assert {name: int(rows) for name, rows, _ in told} == {
        row.profile: len(catalogue.profiles[row.profile]) for row in load_catalogue().requirements.values()
    }
    for name, _, folder in told:
        assert {str(Path(feature_file(row)).parent) for row in catalogue.profile([name])} == {folder.rstrip("/")}
        assert (ROOT / folder).is_dir()
    others = {name for name in load_catalogue().profiles if name not in {name for name, _, _ in told}}
    assert {name for name in others if f"`{name}`" not in PAGE} == set()


def test_every_key_of_a_requirement_is_explained(catalogue: Catalogue) -> None:
    """Each key that the block uses has its row."""
    assert catalogue.requirements
    used = {
        key for text in blocks(PAGE, "yaml")[:1] for key in re.findall(r"^      (?:- |  )(\w+):", text, re.MULTILINE)
    }
    assert {key for key in used - {"title"} if f"| `{key}` |" not in PAGE} == set()


def test_the_account_is_that_of_the_catalogue() -> None:
    """As many rows and contradictions as the page says."""
    shipped = load_catalogue()
    standing = sum(entry.stands for entry in shipped.contradictions)
    rows = sum(form.rows for form in tallies(shipped, ()))
    assert (
        f"{standing} of {len(shipped.contradictions)} contradictions of the documents are unresolved, as expected\n"
        in PAGE
    )
    assert f"\n{rows} of {rows} requirements have a scenario or name a missing component\n" in PAGE
