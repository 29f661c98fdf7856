"""Two real PostgreSQL servers for drivers that talk to a database."""

from __future__ import annotations

import shutil
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.builders.addresses import NET
from tests.builders.database_servers import Member, prepared, streaming


def pair(directory: Path) -> tuple[Member, Member]:
    """A primary and its standby, with their data there."""
    return Member(directory / "primary", f"{NET}201"), Member(directory / "standby", f"{NET}202")


@pytest.fixture(scope="session")
def made_members(tmp_path_factory: pytest.TempPathFactory) -> tuple[Member, Member]:
    """Their data, made once: a copy takes a tenth of the time."""
    made = pair(tmp_path_factory.mktemp("members"))
    prepared(*made)
    return made


@pytest.fixture
def members(made_members: tuple[Member, Member], tmp_path: Path) -> Iterator[tuple[Member, Member]]:
    """A primary and a standby that streams from it."""
    primary, standby = pair(tmp_path)
    for made, own in zip(made_members, (primary, standby), strict=True):
        shutil.copytree(made.data, own.data)
    try:
        streaming(primary, standby)
        yield primary, standby
    finally:
        standby.stop()
        primary.stop()
