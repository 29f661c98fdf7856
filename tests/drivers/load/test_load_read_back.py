"""What journeys wrote is read back from the target when the load has ended."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from load_bench import Run, columns, plan_of, rows_after
from load_truth import Reply, Seen, TruthServer

from harness.drivers.load import LoadSettings
from harness.drivers.load.read_back import drawn, read_back
from harness.evidence import read_rows
from harness.evidence.rows import RowWriter
from harness.model import JOURNEY_READS, JOURNEY_REPEATS, JOURNEY_WRITES, AccountPlan
from harness.model.digest import digest_of
from harness.model.planned.plan import MOST_READ_BACK
from harness.targets import Target, load_target
from harness.units import NS_PER_S

ACCOUNTS = (
    AccountPlan(name="tracks", path="/tracks/{id}", fields=("title",)),
    AccountPlan(name="plays", path="/tracks/{id}", counts="plays"),
)
PLAN = replace(plan_of("everyday", per_s=1.0), accounts=ACCOUNTS)
TITLE = digest_of({"title": "Song 7"})


def platform(seen: Seen) -> Reply:
    """Track 1 is there, track 2 is not, track 3 has another title, track 4 answers 503."""
    track = int(seen.path.rpartition("/")[2])
    titles = {1: "Song 7", 3: "Song 8", 4: ""}
    if track == 4:
        return Reply(status=503)
    if track not in titles:
        return Reply(status=404)
    return Reply(body=json.dumps({"id": track, "title": titles[track], "plays": 9}).encode())


def written(directory: Path) -> None:
    """Four created tracks, and a play of the first."""
    directory.mkdir(parents=True)
    rows = RowWriter(directory / "journeys-1.rows", JOURNEY_WRITES)
    for track in (1, 2, 3, 4):
        rows.put((track, 1, 10, 20, TITLE), ("tracks", "accepted"))
    rows.put((1, 1, 10, 20, 9), ("plays", "accepted"))
    rows.put((2, 1, 10, 20, 0), ("plays", "unknown"))
    rows.close()


def settings(run: Run, entry: str) -> LoadSettings:
    """Of a load that went to this address."""
    return LoadSettings(plan=PLAN, entry=entry, run_dir=run.path, seed=1)


def target_in(directory: Path) -> Target:
    """A target whose entry does not serve: what is read is where the load went, as to a website."""
    file = directory / "target.yaml"
    file.write_text("name: truth\nenvironment: staging\nentry: http://127.94.0.1:9\n", encoding="utf-8")
    return load_target(file)


def test_each_item_is_read_back_with_its_state_and_value(server: TruthServer, run: Run, tmp_path: Path) -> None:
    """Found with its digest, absent, found with another digest, unknown; a counter with its value."""
    server.behave = platform
    written(run.path / "load" / "everyday")
    read_back(settings(run, server.url), target_in(tmp_path), run.sink)
    rows = read_rows(run.path / "load" / "everyday" / "journey-reads.rows", JOURNEY_READS)
    assert rows.closed
    assert columns(rows, "item", "id", "state", "digest") == [
        ("tracks", 1, "found", TITLE),
        ("tracks", 2, "absent", 0),
        ("tracks", 3, "found", digest_of({"title": "Song 8"})),
        ("tracks", 4, "unknown", 0),
        ("plays", 1, "found", 9),
    ]
    assert [o.fields for o in run.observations("journeys.read")] == [
        {"account": "tracks", "items": 4, "read": 4},
        {"account": "plays", "items": 1, "read": 1},
    ]


def test_a_write_is_refused_only_where_it_was_certainly_not_written(server: TruthServer, run: Run) -> None:
    """Behind a redirect the status is that of a page; a conflict may be with an earlier copy of the same write."""

    def behave(seen: Seen) -> Reply:
        status = int(seen.path.strip("/"))
        leads = {302: "/200", 303: "/404"}
        return Reply(status=status, headers={"location": leads[status]} if status in leads else {})

    server.behave = behave
    run.rows(plan_of("refused", per_s=10), server.url, lambda: sum(seen.path == "/422" for seen in server.seen) >= 5)
    written = read_rows(run.path / "load" / "refused" / "journeys-1.rows", JOURNEY_WRITES).table
    found = {*zip(written.ints["id"].tolist(), written.words["outcome"].text(), strict=True)}
    assert found == {(302, "unknown"), (303, "unknown"), (409, "unknown"), (422, "refused")}


def test_a_write_is_sent_twice_with_its_key_while_the_traffic_warms_up(server: TruthServer, run: Run) -> None:
    """Each write of the first second once more, with what its answer names; later ones once. None of the second requests is a row of the load."""
    keys: dict[str, int] = {}

    def behave(seen: Seen) -> Reply:
        key = seen.headers["idempotency-key"]
        keys[key] = keys.get(key, 0) + 1
        return Reply(status=201, body=json.dumps({"id": 7 if seen.path == "/keyed" else len(server.seen)}).encode())

    server.behave = behave
    load = run.start(plan_of("keyed", per_s=10), server.url)
    sent = rows_after(load, lambda: len(keys) >= 60)
    rows = read_rows(run.path / "load" / "keyed" / "repeats-1.rows", JOURNEY_REPEATS)
    twice, again = [key for key, times in keys.items() if times == 2], rows.table
    assert rows.closed
    assert max(keys.values()) == 2
    assert 0 < len(again) == len(twice) < len(keys) / 2
    assert len(sent.table) == len(keys)
    keyed = again.words["item"].equals("keyed")
    assert set(again.ints["answered_id"][keyed].tolist()) == {7}
    assert np.all(again.ints["answered_id"][~keyed] > again.ints["id"][~keyed]), "it wrote another item"
    assert set(again.ints["status"].tolist()) == {201}
    assert np.all(again.ints["accepted_ns"] <= load.begin_ns + 1.5 * NS_PER_S)


@pytest.mark.parametrize("count", [0, 1, MOST_READ_BACK, 3 * MOST_READ_BACK])
def test_of_many_items_some_are_drawn_evenly(count: int) -> None:
    """The first and the last are among them, and there are never more than MOST_READ_BACK."""
    items = drawn(range(count))
    assert len(items) == min(count, MOST_READ_BACK)
    assert not items or (items[0], items[-1]) == (0, count - 1)


def test_a_target_that_hangs_is_not_waited_for(
    server: TruthServer, run: Run, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """When the time is over nothing more is asked: what was not reached is unknown, and is not taken for kept."""
    monkeypatch.setattr("harness.drivers.load.read_back._WITHIN_S", 0.0)
    written(run.path / "load" / "everyday")
    read_back(settings(run, server.url), target_in(tmp_path), run.sink)
    rows = read_rows(run.path / "load" / "everyday" / "journey-reads.rows", JOURNEY_READS)
    assert rows.table.words["state"].counts == {"unknown": 5}
    assert server.seen == []
