"""The registry of watchers: our own are complete, and a package may bring one more in one file."""

from __future__ import annotations

from collections.abc import Iterable
from importlib.metadata import EntryPoint
from typing import TYPE_CHECKING, ClassVar

import pytest

from harness.drivers.watch import Rates, Watcher, Watching, registry
from harness.errors import UsageError
from harness.model import Evidence
from harness.model.records.recorded import RECORDED, scheduled
from harness.model.records.table import SESSIONS
from harness.targets import Target, load_target

if TYPE_CHECKING:
    from pathlib import Path


class DiskWatcher(Watcher):
    """A watcher of somebody's own."""

    name: ClassVar[str] = "disk"
    file: ClassVar[str] = "history/disk.ndjson"

    def needs(self, target: Target) -> bool:
        """A sandbox."""
        return target.environment == "sandbox"

    def per_s(self, rates: Rates) -> float:
        """Once a second."""
        return 1.0

    def begin(self, here: Watching) -> None:
        """One schedule and one history."""
        history = here.recorder.history(self.name)

        async def look(due_ns: int) -> None:
            history.put("disk.free", "data", share=0.5, due_ns=due_ns)

        here.schedule(self.name, 1.0, look)


class Taken(DiskWatcher):
    """Its name is one of ours."""

    name: ClassVar[str] = "pods"


def named(monkeypatch: pytest.MonkeyPatch, *values: str) -> None:
    """Make these the entry points of the group."""
    found = [EntryPoint(name=f"own-{n}", value=value, group=registry.GROUP) for n, value in enumerate(values)]

    def entry_points(*, group: str) -> Iterable[EntryPoint]:
        return [entry for entry in found if entry.group == group]

    monkeypatch.setattr(registry, "plugins", entry_points)


def test_every_watcher_has_a_name_of_its_own_and_a_file_in_the_run() -> None:
    """A table or a history, each written by one."""
    found = [make() for make in registry.WATCHERS]
    assert len({one.name for one in found}) == len({one.file for one in found}) == len(found)
    assert all(one.file.startswith(("watch/", "history/")) for one in found)


def test_a_watcher_that_writes_rows_has_its_table_declared() -> None:
    """The judge tells what a watcher saw by its declaration: a stream or a receipt where there is no table. Backups are read as often as each place says; users are signed in only where a sentence asks, and a turn of one has none to two rows."""
    unscheduled = {one.watcher: one for one in RECORDED if one.schema is SESSIONS}
    for watcher in registry.watchers():
        table = scheduled(watcher.name) or unscheduled.get(watcher.name)
        rows = watcher.file.endswith(".rows")
        assert (f"{table.files}.rows" if table else "") == (watcher.file if rows else ""), watcher.name
        stream = watcher.name in Evidence().streams
        assert (stream or watcher.name in {"backups", "sessions"}) == (watcher.per_s(Rates()) == 0), watcher.name


def test_what_the_target_lacks_is_not_watched(tmp_path: Path) -> None:
    """Three keys are enough for the entry, and for nothing else."""
    file = tmp_path / "target.yaml"
    file.write_text("name: a\nenvironment: staging\nentry: https://a.test\n")
    target = load_target(file)
    assert [make().name for make in registry.WATCHERS if make().needs(target)] == ["entry"]


def test_a_package_brings_a_watcher_by_an_entry_point(monkeypatch: pytest.MonkeyPatch) -> None:
    """It comes after our own."""
    named(monkeypatch, f"{__name__}:DiskWatcher")
    assert [one.name for one in registry.watchers()][-1] == "disk"


@pytest.mark.parametrize(
    ("value", "what"),
    [
        ("nobody.has.this:Watcher", "the watcher cannot be loaded: No module named 'nobody'"),
        (f"{__name__}:Missing", "the watcher cannot be loaded: "),
        (f"{__name__}:Taken", "two watchers have the name `pods`"),
        ("builtins:dict", "the object is not a watcher"),
    ],
)
def test_an_entry_point_that_cannot_be_used_is_named(monkeypatch: pytest.MonkeyPatch, value: str, what: str) -> None:
    """With its name and its value."""
    named(monkeypatch, value)
    with pytest.raises(UsageError) as caught:
        registry.watchers()
    assert caught.value.what.startswith(what)
    assert caught.value.where == f"entry point own-0 = {value}"
