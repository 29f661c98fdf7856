"""What each database member shows of the ledger: which reads ask for what, and a real standby that lacks rows for a while."""

from __future__ import annotations

from pathlib import Path

import pytest

from harness.drivers.watch import Watch, WatchSettings, ledger_clients, watch_settings
from harness.drivers.watch.database.copies import Copy, compare
from harness.drivers.watch.writes.ledger import checksum
from harness.evidence.rows import read_rows
from harness.model import COPIES, LEDGER_COPIES, Table
from tests.builders.database_servers import Member, until


def row(number: int, client: int = 1, held: str = "") -> tuple[int, int, str]:
    """A row of the ledger, with the right checksum where no other is given."""
    return client, number, held or checksum(client, number)


def test_a_read_tells_what_is_new_and_what_is_otherwise() -> None:
    """A write with another value, one that is there twice, and one that is not there any more."""
    copy = Copy((1,), again=5)
    assert copy.answered(0, [row(0), row(1), row(2, held="other")]) == {
        (1, 0): ("found", 1),
        (1, 1): ("found", 1),
        (1, 2): ("wrong", 1),
    }
    assert copy.answered(0, [row(0), row(1), row(1)]) == {(1, 1): ("found", 2), (1, 2): ("absent", 0)}
    assert copy.answered(0, [row(0), row(1), row(1)]) == {}


def test_only_the_newest_rows_are_read_again() -> None:
    """All at first, after a silence, and after rows were gone."""
    copy = Copy((1, 2), again=5)
    assert copy.from_number == 0
    copy.answered(0, [row(number) for number in range(21)])
    assert copy.from_number == 15
    copy.silent()
    assert copy.from_number == 0
    copy.answered(0, [row(number) for number in range(21)])
    assert copy.answered(15, [row(number) for number in range(15, 19)]) == {
        (1, 19): ("absent", 0),
        (1, 20): ("absent", 0),
    }
    assert copy.from_number == 0


def test_an_older_row_is_asked_for_where_another_copy_shows_it() -> None:
    """A commit that became visible late, below what is read again; until it is shown."""
    one, other = Copy((1,), again=5), Copy((1,), again=5)
    early = [row(number) for number in range(21) if number != 3]
    compare([one, other], one.answered(0, [*early, row(3)]))
    assert (len(other.missing), other.gaps) == (21, [])
    compare([one, other], other.answered(0, early))
    assert (one.gaps, other.gaps) == ([], [3])
    compare([one, other], other.answered(15, [row(3), *early[14:]]))
    assert other.gaps == []


@pytest.fixture
def settings(members: tuple[Member, Member], target_file: Path, tmp_path: Path) -> WatchSettings:
    """A watch of the small platform whose ledger is in a database with two members."""
    for name, member in zip(("north-0", "south-0"), members, strict=True):
        (tmp_path / name).write_text(member.dsn)
    text = target_file.read_text().replace("read: true}", "copies: true}")
    entries = "".join(f"    {name}: {{dsn: {{file: {tmp_path / name}}}}}\n" for name in ("north-0", "south-0"))
    target_file.write_text(f"{text}database:\n  dsn: {{file: {tmp_path / 'north-0'}}}\n  members:\n{entries}")
    return watch_settings(target_file, tmp_path / "run", clients=ledger_clients("run-1", 7))


def shown(settings: WatchSettings, member: str) -> Table:
    """What a member showed so far."""
    table = read_rows(settings.run_directory / "watch" / "ledger-copies.rows", LEDGER_COPIES).table
    return table.where(table.words["place"].equals(member))


def test_a_standby_that_does_not_replay_lacks_rows_until_it_does(
    members: tuple[Member, Member], settings: WatchSettings
) -> None:
    """Written on the primary while the standby's replay is paused: seen there at once, on the standby after the pause."""
    primary, standby = members
    client = settings.clients[0]

    def write(number: int) -> None:
        primary.ask("INSERT INTO ledger VALUES (%s, %s, %s)", (client, number, checksum(client, number)))

    with Watch(settings):
        write(0)
        until(lambda: len(shown(settings, "south-0")) == 1)
        standby.ask("SELECT pg_wal_replay_pause()")
        write(1)
        until(lambda: len(shown(settings, "north-0")) == 2)
        assert len(shown(settings, "south-0")) == 1
        standby.ask("SELECT pg_wal_replay_resume()")
        until(lambda: len(shown(settings, "south-0")) == 2)
    late, early = (shown(settings, member).sorted_by("id").ints["seen_ns"][1] for member in ("south-0", "north-0"))
    assert late > early
    reads = read_rows(settings.run_directory / "watch" / "copies.rows", COPIES).table
    assert reads.words["member"].present == ("north-0", "south-0")
    assert reads.words["error"].missing.all()
