"""The pages on static files: their target file and its registers are read, with the shipped files in their places."""

from __future__ import annotations

import re
import shutil
from pathlib import Path

from harness.clock import wall
from harness.drivers.paper import Asked
from harness.drivers.static.registry import ENGINES
from harness.steps import read
from harness.targets import load_target
from tests.builders.pages import pages

_ROOT = Path(__file__).parents[1]
_PAGE = pages("static-files", "static-files-keys", "deployment-stops")
_BLOCKS = re.findall(r"```yaml\n# (?P<file>\S+?\.yaml)(?P<text>.*?)```", _PAGE, re.DOTALL)
_SENTENCES = (
    "every rollback procedure names its command, its owner and its time limit",
    "every trigger and every listed risk names a rollback procedure that exists",
    "every boundary names its authentication, its encryption and its data class",
    "every boundary in the register names at least one scenario that exists",
    "every boundary has a declared limit and a stored baseline run younger than 36500 d",
    "every integration's configuration names one of the five patterns",
    "every integration's configuration names its authentication method and its scopes",
    "every integration's configuration names its timeout, its retries and its fallback",
    "every integration names at least one contract test that ran in the last pipeline",
    "every component's pipeline file has the stages build, test, scan, deploy and roll back",
    "the settings of staging and production differ in the declared keys only",
    "the workflow runs test:all, build and a security scan and the deploy job needs them",
)


def test_the_blocks_of_the_page_are_read(tmp_path: Path) -> None:
    """Each register satisfies its sentences beside the shipped files; the alerts' procedure is that of the page."""
    shutil.copytree(_ROOT / "examples" / "paper" / "files", tmp_path, dirs_exist_ok=True)
    for file, text in _BLOCKS:
        (tmp_path / file).write_text(f"#{text}", encoding="utf-8")
    settings = tmp_path / "registers" / "settings.yaml"
    settings.write_text(settings.read_text().replace("replicas]", "replicas, track-service replicas]"))
    for file in (".gitlab-ci.yml", ".github/workflows/scan.yaml"):  # the page's register is of one file
        (tmp_path / file).unlink()
    (tmp_path / "target.yaml").write_text((tmp_path / "target.yaml").read_text().replace(", .gitlab-ci.yml", ""))
    target = load_target(tmp_path / "target.yaml")
    facts = {}
    for sentence in _SENTENCES:
        objective = read(sentence).objective
        assert objective is not None
        asked = Asked(
            target=target,
            params=objective.params,
            release="1",
            commit="",
            today=wall(),
            keep=lambda path, _copy=None: str(path),
        )
        facts[sentence] = [(one.subject, one.ok) for one in ENGINES[objective.check](asked)]
    assert len(_BLOCKS) == 8
    assert [one for found in facts.values() for one in found if one[1] is not True] == []
    assert all(facts.values())


def test_every_key_of_files_is_on_the_page() -> None:
    """As the target file takes them."""
    from harness.targets.files.paper import PlatformFiles

    assert [key for key in PlatformFiles.model_fields if f"\n  {key}:" not in _PAGE] == []
