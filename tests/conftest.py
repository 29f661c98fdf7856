"""Runs on a plain service that several rooms' tests look at; nothing starts before one of them asks."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path

import pytest

if (root := str(Path(__file__).parent.parent)) not in sys.path:
    sys.path.insert(0, root)  # so that helpers are imported by one name, `tests.…`, by tests and type checker alike

from tests.plain.plain_project import Project
from tests.plain.scenes import SCENES, STRIKES, Stage

TOGETHER = {
    "tests/run/test_run_sandbox.py": "the whole sandbox",
    "tests/sandbox/platform/": "one PostgreSQL on 127.93.0.1",
    "tests/drivers/load/": "one machine under load",
}
"""Tests of these paths run one after the other, whatever the number of workers; the first row begins first."""
FIXTURES = {"scenes": "scenes", "strikes": "scenes", "pocket_cluster": "one pocket cluster"}
"""So do tests that use one of these fixtures of a session."""


def _group(item: pytest.Item) -> str:
    for fixture in getattr(item, "fixturenames", ()):
        if fixture in FIXTURES:
            return FIXTURES[fixture]
    path = item.path.relative_to(item.config.rootpath).as_posix()
    return next((group for start, group in TOGETHER.items() if path.startswith(start)), path)


@pytest.hookimpl(tryfirst=True)
def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    """Where several workers run (`-n 2 --dist loadgroup`): files stay whole, tests that share a thing stay together, long ones begin first."""
    if not hasattr(config, "workerinput"):
        return
    long = list(TOGETHER.values())
    groups = {item: _group(item) for item in items}
    items.sort(key=lambda item: long.index(groups[item]) if groups[item] in long else len(long))
    for item in items:
        item.add_marker(pytest.mark.xdist_group(groups[item]))


@pytest.fixture(scope="session")
def scenes(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Stage]:
    """What came of each whole run of `tests.plain.scenes.SCENES`, by name."""
    with closing(Stage(tmp_path_factory.mktemp("scenes"), SCENES)) as stage:
        yield stage


@pytest.fixture(scope="session")
def strikes(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Stage]:
    """What came of each run that something happened to, by name."""
    with closing(Stage(tmp_path_factory.mktemp("strikes"), STRIKES)) as stage:
        yield stage


@pytest.fixture
def project(tmp_path: Path) -> Iterator[Project]:
    """A copy of the plain project whose service is not there: for what must be refused before anything runs."""
    copy = Project.copy(tmp_path / "project", "http://127.97.0.1:9")
    yield copy
    copy.clean()
