"""The watch of backups: each reading with what changed, also where a file is written, the store fails for a while, or hangs."""

from __future__ import annotations

import json
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

from harness import clock
from harness.drivers.watch import Watch, WatchSettings, watch_settings
from harness.targets import load_target
from tests.builders.database_servers import until
from tests.builders.s3_server import ACCESS_KEY, SECRET_KEY, needs_s3_server, s3_server
from tests.drivers.watch import watch_bench

if TYPE_CHECKING:
    from tests.drivers.watch.conftest import Service


def settings_of(directory: Path, service: Service, section: dict[str, Any]) -> WatchSettings:
    """A watch of an entry and of these backups, which are read often so that the test need not wait."""
    file = directory / "target.yaml"
    target = {"name": "small", "environment": "sandbox", "entry": service.url}
    backups = {"database": {"files": ["*.dump"], "read_every": "500 ms", "within": "2 s", **section}}
    file.write_text(json.dumps({**target, "backups": backups}), encoding="utf-8")
    load_target(file)
    return watch_settings(file, directory / "run", clients=(1,))


def lines(settings: WatchSettings) -> list[dict[str, Any]]:
    """The readings on record."""
    return watch_bench.lines(settings.run_directory, "backups")


def names(read: dict[str, Any], what: str) -> list[tuple[str, str]]:
    """What appeared or is gone: names, with what they are or why they are gone."""
    return sorted((one["name"], one.get("what", one.get("why", ""))) for one in read.get(what, ()))


def read_again(settings: WatchSettings) -> None:
    """Wait for two more readings: one may be under way."""
    before = len(lines(settings))
    until(lambda: len(lines(settings)) >= before + 2)


def test_what_shows_that_a_backup_was_verified_names_the_backup(service: Service, tmp_path: Path) -> None:
    """It is no backup, and the time at which it was written is on record."""
    place = tmp_path / "backups"
    place.mkdir()
    (place / "a.dump").write_bytes(b"1234")
    settings = settings_of(tmp_path, service, {"at": "backups", "verified": ".verified"})
    with Watch(settings):
        until(lambda: len(lines(settings)) > 0)
        (place / "a.dump.verified").write_bytes(b"")
        read_again(settings)
    (found,) = [one for read in lines(settings) for one in read["appeared"] if one["what"] == "verification"]
    modified_ns = (place / "a.dump.verified").stat().st_mtime_ns
    assert found == {
        "name": "a.dump.verified", "what": "verification", "of": "a.dump", "modified_ns": modified_ns, "saved_ns": modified_ns, "size": 0,
    }  # fmt: skip
    assert {read["backups"] for read in lines(settings)} == {1}


def test_each_reading_has_what_changed(service: Service, tmp_path: Path) -> None:
    """What was there, what is made, replaced, written to and removed; an empty file is no backup; the last reading is after the stop."""
    place = tmp_path / "backups"
    place.mkdir()
    (place / "a.dump").write_bytes(b"1234")
    (place / "readme").write_bytes(b"x")
    settings = settings_of(tmp_path, service, {"at": "backups"})
    with Watch(settings) as watch:
        until(lambda: len(lines(settings)) > 0)
        (place / "b.dump").write_bytes(b"")
        read_again(settings)
        (place / "b.dump").write_bytes(b"1")
        read_again(settings)
        (tmp_path / "new").write_bytes(b"12345")
        (tmp_path / "new").rename(place / "a.dump")
        read_again(settings)
        with (place / "b.dump").open("ab") as file:
            file.write(b"2")
        read_again(settings)
        (place / "a.dump").unlink()
        read_again(settings)
        stopped_ns = clock.now_ns()
        assert watch.stop()
    found = lines(settings)
    assert [one["reading"] for one in found] == list(range(len(found)))
    assert names(found[0], "appeared") == [("a.dump", "backup"), ("readme", "unknown")]
    changed = [
        (names(one, "appeared"), names(one, "gone"), one["backups"])
        for one in found[1:]
        if one["appeared"] or one["gone"]
    ]
    assert changed == [
        ([("b.dump", "empty")], [], 1),
        ([("b.dump", "backup")], [("b.dump", "written")], 2),
        ([("a.dump", "backup")], [("a.dump", "replaced")], 2),
        ([("b.dump", "backup")], [("b.dump", "written")], 2),
        ([], [("a.dump", "")], 1),
    ]
    assert found[-1]["sent_ns"] >= stopped_ns
    assert all(one["sent_ns"] <= one["answered_ns"] <= one["at_ns"] for one in found)


def test_this_machine_s_clock_is_on_record_where_names_have_times(service: Service, tmp_path: Path) -> None:
    """Who names them has a clock that is not the store's."""
    place = tmp_path / "backups"
    place.mkdir()
    settings = settings_of(tmp_path, service, {"at": "backups", "time": "%Y%m%dT%H%M%SZ"})
    with Watch(settings):
        until(lambda: len(lines(settings)) > 0)
    (found,) = lines(settings)[:1]
    assert abs(found["machine_ns"] - found["store_ns"]) < 10**9


def test_a_backup_that_was_renamed_is_still_there(service: Service, tmp_path: Path) -> None:
    """Under a name of a backup; one that is moved aside is gone."""
    place = tmp_path / "backups"
    (place / "old").mkdir(parents=True)
    for name in ("a.dump", "b.dump", "c.dump"):
        (place / name).write_bytes(b"1234")
    settings = settings_of(tmp_path, service, {"at": "backups"})
    with Watch(settings):
        until(lambda: len(lines(settings)) > 0)
        (place / "a.dump").rename(place / "old" / "a.dump")
        (place / "b.dump").rename(place / "b.dump.trash")
        (place / "c.dump").unlink()
        read_again(settings)
    gone = sorted(pair for one in lines(settings) for pair in names(one, "gone"))
    assert gone == [("a.dump", "uploaded again"), ("b.dump", ""), ("c.dump", "")]


def test_a_place_that_cannot_be_read_for_a_while_is_on_record(service: Service, tmp_path: Path) -> None:
    """Each failed reading has its reason, and the numbers of the others go on."""
    place = tmp_path / "backups"
    place.mkdir()
    (place / "a.dump").write_bytes(b"1234")
    settings = settings_of(tmp_path, service, {"at": "backups"})
    with Watch(settings) as watch:
        until(lambda: len(lines(settings)) > 0)
        place.rename(tmp_path / "away")
        until(lambda: any("why" in one for one in lines(settings)))
        (tmp_path / "away").rename(place)
        read_again(settings)
        assert watch.stop()
    found = lines(settings)
    whys = {one["why"] for one in found if one.get("why")}
    assert all("the directory cannot be listed: No such file or directory" in why for why in whys)
    read = [one for one in found if not one.get("why")]
    assert [one["reading"] for one in read] == list(range(len(read)))
    assert [names(one, "gone") for one in read if one["gone"]] == []


@needs_s3_server
def test_a_bucket_is_watched_on_its_own_clock(
    service: Service, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The same content once more, another content, a removal, and one of two that are alike; the keys come from the variables of AWS."""
    import obstore

    monkeypatch.setenv("AWS_ACCESS_KEY_ID", ACCESS_KEY)
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", SECRET_KEY)
    with s3_server(tmp_path / "s3") as server:
        server.ask("PUT", "shop-backups")
        store = server.store("shop-backups")
        obstore.put(store, "database/a.dump", b"1")
        obstore.put(store, "database/b.dump", b"3")
        settings = settings_of(tmp_path, service, {"at": "s3://shop-backups/database", "endpoint": server.endpoint})
        with Watch(settings) as watch:
            until(lambda: len(lines(settings)) > 2)  # two readings are a second apart: the store cuts its times
            obstore.put(store, "database/a.dump", b"1")
            obstore.put(store, "database/b.dump", b"2")
            until(lambda: any(one["gone"] for one in lines(settings)))
            obstore.delete(store, "database/a.dump")
            seen = len(lines(settings))
            until(lambda: len(lines(settings)) > seen + 2)
            obstore.put(store, "database/c.dump", b"2")
            read_again(settings)
            obstore.delete(store, "database/b.dump")
            read_again(settings)
            assert watch.stop()
    found = lines(settings)
    assert names(found[0], "appeared") == [("a.dump", "backup"), ("b.dump", "backup")]
    gone = [pair for one in found for pair in names(one, "gone")]
    assert ("b.dump", "replaced") in gone
    assert gone[-2:] == [("a.dump", ""), ("b.dump", "alike")]
    assert set(gone) <= {("a.dump", "uploaded again"), ("b.dump", "replaced"), *gone[-2:]}
    now_ns = clock.wall_ns(clock.wall())
    assert all(one["step_ns"] == 10**9 and abs(one["store_ns"] - now_ns) < 120 * 10**9 for one in found)


def test_a_store_that_hangs_stops_no_other_watcher(service: Service, tmp_path: Path) -> None:
    """The reading is given up after its time, and the watch ends in time."""
    section = {"at": "s3://shop-backups/database", "endpoint": service.url, "within": "600 ms"}
    settings = settings_of(tmp_path, service, section)
    service.mode = "hang"
    with Watch(settings) as watch:
        until(lambda: any("why" in one for one in lines(settings)))
        assert watch.stop()
    assert all(one.get("why") for one in lines(settings))
