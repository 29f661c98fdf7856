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
