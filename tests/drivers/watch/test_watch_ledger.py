"""The ledger read back, right after a write and at the end, and the pipeline's ledger, against a real service."""

from __future__ import annotations

import asyncio
import json
import ssl
import threading
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

from harness import clock
from harness.drivers.watch import FinalReads, Watch, WatchSettings
from harness.drivers.watch.entry.wires import ProbeResponse, Wires
from harness.drivers.watch.writes.ledger import LedgerClients, found
from harness.drivers.watch.writes.pipeline import PipelineClient, checksum, marks_of, next_request_s
from harness.evidence.rows import RowWriter, read_rows
from harness.model import LEDGER_FINAL, LEDGER_READS, LEDGER_WRITES, PIPELINE, FinalRead, Table
from harness.run.load.finalreads import LedgerReads
from harness.targets import load_target
from tests.builders.records import Records

if TYPE_CHECKING:
    from tests.drivers.watch.conftest import Service

CLIENTS = (40, 41)


def write(service: Service, folder: Path, count: int) -> Table:
    """So many writes, one after the other; the reads of them that were made."""

    async def writing() -> None:
        wires = Wires(service.url, ssl.create_default_context())
        clients = LedgerClients(clients=CLIENTS, path="/ledger", wires=wires, rows=rows, reads=reads)
        for _ in range(count):
            await clients.write(clock.now_ns())
        await wires.close()

    folder.mkdir(parents=True, exist_ok=True)
    rows = RowWriter(folder / "ledger-writes.rows", LEDGER_WRITES)
    reads = RowWriter(folder / "ledger-reads.rows", LEDGER_READS)
    asyncio.run(writing())
    rows.close()
    reads.close()
    return read_rows(folder / "ledger-reads.rows", LEDGER_READS).table


def test_one_acknowledged_write_in_five_is_read_back_at_once_and_one_in_ten_is_sent_again(
    service: Service, tmp_path: Path
) -> None:
    """Of twenty writes of two clients the fifth, tenth, fifteenth and twentieth; the first and the eleventh once more, with their keys."""
    reads = write(service, tmp_path, 20)
    keys = zip(reads.ints["by"].tolist(), reads.ints["id"].tolist(), strict=True)
    assert list(keys) == [(40, 2), (41, 4), (40, 7), (41, 9)]
    assert reads.words["state"].text() == ["found"] * 4
    assert (reads.ints["seen_ns"] > reads.ints["sent_ns"]).all()
    again = read_rows(tmp_path / "ledger-writes.rows", LEDGER_WRITES).table.ints["again"]
    assert again.tolist() == [201, *[0] * 9, 201, *[0] * 9]


def test_a_write_that_does_not_show_is_absent_and_another_value_is_wrong(service: Service, tmp_path: Path) -> None:
    """A planted forgetting, and a planted other checksum."""
    service.forgotten = {(40, 2)}
    assert write(service, tmp_path / "one", 10).words["state"].text() == ["absent", "found"]
    service.garbled = True
    assert write(service, tmp_path / "two", 5).words["state"].text() == ["absent"]
    assert write(service, tmp_path / "three", 10).words["state"].text() == ["absent", "wrong"]


def test_writes_that_were_not_acknowledged_are_neither_read_back_nor_repeated(service: Service, tmp_path: Path) -> None:
    """Nobody was told that they are there."""
    service.mode = "503"
    assert len(write(service, tmp_path, 10)) == 0
    assert not read_rows(tmp_path / "ledger-writes.rows", LEDGER_WRITES).table.ints["again"].any()


@pytest.mark.parametrize(
    ("status", "body", "expected"),
    [
        (503, b"", ("unknown", "status 503")),
        (200, b"<html>", ("unknown", "wrong body")),
        (200, b'{"rows": [1]}', ("unknown", "wrong body")),
        (200, b'{"rows": [[2, "x"]]}', ("absent", None)),
        (200, b'{"rows": [[1, "x"]]}', ("wrong", None)),
    ],
)
def test_an_answer_that_shows_nothing_leaves_it_unknown(
    status: int, body: bytes, expected: tuple[str, str | None]
) -> None:
    """Only an answer that lists rows says that one is absent."""
    assert found(ProbeResponse(sent_ns=0, done_ns=1, status=status, body=body), 40, 1) == expected


def finally_read(settings: WatchSettings, **more: Any) -> list[FinalRead]:
    """What is read through regions and entry at the end."""
    reads = FinalReads(load_target(settings.target), settings)
    done = reads.read_entries("end", **more)
    reads.close()
    return done


def final(settings: WatchSettings) -> Table:
    """What the final reads recorded."""
    return read_rows(settings.run_directory / "watch" / "ledger-final.rows", LEDGER_FINAL).table


def test_the_final_read_goes_through_every_region_and_the_entry(service: Service, settings: WatchSettings) -> None:
    """Each is a source and a round of its own, with all rows that it holds; without a database the entry decides."""
    settings = settings.model_copy(update={"clients": CLIENTS})
    write(service, settings.run_directory / "watch", 10)
    done = finally_read(settings)
    assert [(read.round, read.source, read.complete, read.rows) for read in done] == [
        (1, "north", True, 10),
        (2, "south", True, 10),
        (3, "entry", True, 10),
    ]
    assert final(settings).words["place"].counts == {"north": 10, "south": 10, "entry": 10}
    assert final(settings).words["state"].present == ("found",)


def test_a_region_that_lacks_a_write_is_read_again_and_its_last_read_is_a_round_of_its_own(
    service: Service, settings: WatchSettings
) -> None:
    """For as long as a copy may lag; nine of ten rows stay nine, and values that differ are `wrong`."""
    settings = settings.model_copy(update={"clients": CLIENTS})
    write(service, settings.run_directory / "watch", 10)
    service.forgotten, service.garbled = {(40, 3)}, True
    began = clock.now_s()
    done = finally_read(settings, lag_s=1.0)
    assert 0.7 < clock.now_s() - began < 60
    assert [(read.round, read.source, read.complete, read.rows) for read in done] == [
        (1, "north", True, 9),
        (2, "north", True, 9),
        (3, "south", True, 9),
        (4, "south", True, 9),
        (5, "entry", True, 9),
        (6, "entry", True, 9),
    ]
    assert done[0].at_ns < done[1].at_ns
    assert final(settings).words["state"].present == ("wrong",)


def test_a_copy_that_lags_and_then_catches_up_lost_nothing(service: Service, settings: WatchSettings) -> None:
    """Lag is lag: the first read lacks a row, the last one has them all, and both are on record."""
    settings = settings.model_copy(update={"clients": CLIENTS})
    write(service, settings.run_directory / "watch", 10)
    service.forgotten = {(40, 3)}
    catching_up = threading.Timer(0.6, service.forgotten.clear)
    catching_up.start()
    done = finally_read(settings)
    catching_up.join()
    sources = ("north", "south", "entry")
    assert [(read.source, read.rows) for read in done] == [(name, rows) for name in sources for rows in (9, 10)]


def test_without_regions_and_database_the_final_read_goes_to_the_entry(
    service: Service, settings: WatchSettings
) -> None:
    """After a restore as it answers at that moment, at the end until nothing is missing any more; a forgotten write stays missing."""
    text = settings.target.read_text()
    settings.target.write_text(text[: text.index("regions:")] + text[text.index("probes:") :])
    settings = settings.model_copy(update={"clients": CLIENTS})
    write(service, settings.run_directory / "watch", 10)
    service.forgotten = {(40, 3)}
    reads, history = FinalReads(load_target(settings.target), settings), Records()
    ledger = LedgerReads(load_target(settings.target), reads, history)
    ledger.restored("pod-loss")
    service.forgotten.clear()
    ledger.end()
    reads.close()
    told = [(read["after"], read["source"], read["complete"], read["rows"]) for read in history.of("final-read")]
    assert told == [("pod-loss", "entry", True, 9), ("end", "entry", True, 10)]


def test_a_target_that_cannot_be_read_back_is_not_read_through_regions(settings: WatchSettings) -> None:
    """Without `read: true` nobody asks."""
    settings.target.write_text(settings.target.read_text().replace(", read: true", ""))
    assert finally_read(settings) == []


@pytest.mark.slow
def test_a_region_that_does_not_answer_is_not_complete(service: Service, settings: WatchSettings) -> None:
    """The reason is the answer's."""
    service.mode = "503"
    (settings.run_directory / "watch").mkdir(parents=True)
    done = finally_read(settings)
    assert [(read.complete, read.why) for read in done] == [(False, "status 503")] * 3


def pipeline(
    service: Service, file: Path, during: Callable[[PipelineClient], None], events: int = 3, follow_s: float = 3.0
) -> Table:
    """Send events, do something, end; the rows."""

    async def sending() -> None:
        wires = Wires(service.url, ssl.create_default_context())
        client = PipelineClient(
            run=40, accept="/events", visible="/events/{id}", wires=wires, rows=rows, follow_s=follow_s
        )
        tasks = [asyncio.create_task(client.send(0)) for _ in range(events)]
        while not {f"/events/40-{number}" for number in range(events)} <= {*service.asked}:  # each was answered before
            await asyncio.wait(tasks, timeout=0.01)
        during(client)
        await asyncio.gather(*tasks)
        await wires.close()

    rows = RowWriter(file, PIPELINE)
    asyncio.run(sending())
    rows.close()
    return read_rows(file, PIPELINE).table.sorted_by("id")


def test_an_event_that_is_visible_once_and_whole_is_ok(service: Service, tmp_path: Path) -> None:
    """Its row says when it was accepted and when it was seen, in that order."""
    rows = pipeline(service, tmp_path / "p.rows", PipelineClient.end)
    assert rows.ints["id"].tolist() == [0, 1, 2]
    assert (rows.words["outcome"].text(), rows.words["state"].text()) == (["accepted"] * 3, ["found"] * 3)
    assert rows.ints["copies"].tolist() == [1, 1, 1]
    assert (rows.ints["made_ns"] <= rows.ints["accepted_ns"]).all()
    assert (rows.ints["accepted_ns"] < rows.ints["seen_ns"]).all()


def test_the_last_request_that_did_not_show_an_event_is_recorded(service: Service, tmp_path: Path) -> None:
    """It became visible after that one was sent; of an event that is never seen it is the very last."""
    shown: list[int] = []

    def show(client: PipelineClient) -> None:
        shown.append(clock.now_ns())
        service.events["40-0"] = (1, checksum("40-0"))
        client.end()

    service.copies = 0
    rows = pipeline(service, tmp_path / "p.rows", show, events=2)
    unseen, seen = rows.ints["unseen_ns"], rows.ints["seen_ns"]
    assert rows.words["state"].text() == ["found", "absent"]
    assert rows.ints["accepted_ns"][0] <= unseen[0] < shown[0] < seen[0]
    assert unseen[1] > shown[0]


@pytest.mark.slow
def test_an_event_on_its_way_at_the_end_is_followed_for_as_long_as_it_may_take(
    service: Service, tmp_path: Path
) -> None:
    """It becomes visible 4 s after the end of the watch, which follows it for 20 s; a run that is given up does not wait for it."""

    def show(client: PipelineClient) -> None:
        client.end()
        asyncio.get_running_loop().call_later(4.0, service.events.__setitem__, "40-0", (1, checksum("40-0")))

    service.copies = 0
    rows = pipeline(service, tmp_path / "p.rows", show, events=1, follow_s=20.0)
    assert rows.words["state"].text() == ["found"]
    service.events.clear()
    began_s = clock.now_s()
    given_up = pipeline(
        service, tmp_path / "given-up.rows", lambda client: client.end(at_once=True), events=1, follow_s=600.0
    )
    assert given_up.words["state"].text() == ["absent"]
    assert clock.now_s() - began_s < 300


def test_a_second_copy_that_comes_while_the_watch_ends_is_found(service: Service, tmp_path: Path) -> None:
    """The event was visible once when the watch ended, and was delivered again a second later."""

    def double(client: PipelineClient) -> None:
        client.end()
        asyncio.get_running_loop().call_later(1.0, service.events.__setitem__, "40-0", (2, checksum("40-0")))

    rows = pipeline(service, tmp_path / "p.rows", double, events=1)
    assert rows.words["state"].text() == ["twice"]


@pytest.mark.parametrize(
    ("age_s", "pause_s", "due_s"),
    [(0.0, 0.05, 0.05), (27.0, 5.0, 2.4), (29.4, 5.0, 0.6), (30.0, 5.0, 5.0), (57.0, 5.0, 1.8), (70.0, 5.0, 5.0)],
)
def test_a_request_is_due_on_both_sides_of_each_limit(age_s: float, pause_s: float, due_s: float) -> None:
    """Limits of 30 s and 60 s: requests at 29.4 s, 30 s, 58.8 s and 60 s after the acceptance, and growing pauses between."""
    assert next_request_s(age_s, pause_s, marks_of((30.0, 60.0))) == pytest.approx(due_s)


@pytest.mark.parametrize(("limits_s", "follow_s"), [((), 3.0), ((0.2,), 3.0), ((0.5, 30.0), 32.5)])
def test_the_watch_follows_events_beyond_the_longest_limit(
    settings: WatchSettings, limits_s: tuple[float, ...], follow_s: float
) -> None:
    """The last event is accepted up to 2 s after it was sent."""
    assert settings.model_copy(update={"limits_s": limits_s}).follow_s == follow_s


def test_a_run_that_is_given_up_does_not_follow_its_events(service: Service, settings: WatchSettings) -> None:
    """They may take ten minutes; the watch ends at once and has closed its files."""
    service.copies = 0
    slow = settings.model_copy(update={"limits_s": (600.0,)})
    began_s = clock.now_s()

    def given_up() -> None:
        with Watch(slow):
            assert any(len(service.events) >= 3 for _ in clock.Deadline.after(60).ticks(0.05))
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        given_up()
    assert clock.now_s() - began_s < 300
    rows = read_rows(settings.run_directory / "watch" / "pipeline.rows", PIPELINE)
    assert rows.closed
    assert set(rows.table.words["state"].text()) == {"absent"}


def test_an_event_seen_twice_another_value_and_one_never_seen_are_told_apart(service: Service, tmp_path: Path) -> None:
    """A copy that comes later is found as well: each is looked for again after it was seen."""

    def spoil(client: PipelineClient) -> None:
        service.events["40-0"] = (2, checksum("40-0"))
        service.events["40-1"] = (1, "another")
        service.events["40-2"] = (0, "")
        client.end()

    service.copies = 0
    rows = pipeline(service, tmp_path / "p.rows", spoil)
    assert rows.words["state"].text() == ["twice", "wrong", "absent"]
    assert rows.ints["seen_ns"][2] == 0


def test_what_an_event_comes_to_when_answers_are_wrong(
    service: Service, tmp_path: Path, subtests: pytest.Subtests
) -> None:
    """A 503 may have been accepted: it is seen; `Infinity` is no count, and ends no watch; when nobody answers at the end nobody knows, and the error says why."""

    def healed() -> None:
        service.mode = "ok"

    def counted() -> None:
        service.events["40-0"] = (float("inf"), "")  # type: ignore[assignment]

    def broken() -> None:
        service.mode = "503"

    for mode, copies, spoil, told in [
        ("503", 1, healed, ("unknown", "found", "status 503")),
        ("ok", 0, counted, ("accepted", "unknown", "wrong body")),
        ("ok", 0, broken, ("accepted", "unknown", "status 503")),
    ]:
        with subtests.test(spoil.__name__):
            service.mode, service.copies = mode, copies
            service.events.clear()
            service.asked.clear()

            def end(client: PipelineClient, spoil: Callable[[], None] = spoil) -> None:
                spoil()
                client.end()

            rows = pipeline(service, tmp_path / f"{spoil.__name__}.rows", end, events=1)
            assert [rows.words[name].text() for name in ("outcome", "state", "error")] == [[one] for one in told]
            assert (rows.ints["accepted_ns"] > rows.ints["made_ns"]).all()


def test_an_event_that_is_given_up_has_its_row(service: Service, tmp_path: Path) -> None:
    """Nobody knows what became of it; without a row it would be one that was never sent."""

    async def sending() -> None:
        wires = Wires(service.url, ssl.create_default_context())
        client = PipelineClient(run=40, accept="/events", visible="/events/{id}", wires=wires, rows=rows)
        task = asyncio.create_task(client.send(0))
        while "/events/40-0" not in service.asked:  # it was accepted before
            await asyncio.wait({task}, timeout=0.01)
        task.cancel()
        await asyncio.wait({task})
        await wires.close()

    service.copies = 0
    rows = RowWriter(tmp_path / "p.rows", PIPELINE)
    asyncio.run(sending())
    rows.close()
    table = read_rows(tmp_path / "p.rows", PIPELINE).table
    seen = [table.words[name].text() for name in ("outcome", "state", "error")]
    assert seen == [["accepted"], ["unknown"], ["given up"]]


def test_a_watch_follows_its_events_to_the_end(service: Service, settings: WatchSettings) -> None:
    """Every event sent has its row when the watch has ended, the last ones included."""
    with Watch(settings) as watch:
        assert any(len(service.events) >= 6 for _ in clock.Deadline.after(60).ticks(0.05))
        assert watch.stop()
    rows = read_rows(settings.run_directory / "watch" / "pipeline.rows", PIPELINE)
    assert rows.closed
    assert len(rows.table) == len(service.events)
    assert set(rows.table.words["state"].text()) == {"found"}
    history = (settings.run_directory / "history" / "watch.ndjson").read_text().splitlines()
    closed = [json.loads(line) for line in history if '"watch.closed"' in line]
    assert {line["subject"]: line["fields"]["probes"] for line in closed}["pipeline"] == len(rows.table)
