"""Every request has its row, at the time it was meant, whatever became of it."""

from __future__ import annotations

from collections import Counter
from itertools import islice

import numpy as np
import pytest
from load_bench import Run, columns, plan_of, rows_after, rows_of, until
from load_truth import Reply, Seen, TruthServer, truth_server

from harness import clock
from harness.locust.schedule.arrivals import due_times, random_of
from harness.model import SAMPLES, RateCurve, Table
from harness.units import NS_PER_S


def test_every_request_has_its_row_and_the_file_is_closed(run: Run, server: TruthServer) -> None:
    """What the server saw is what stands in the file, and the server's word about itself with it; without an API description nothing is compared."""
    rows = run.rows(plan_of("visitor", per_s=100), server.url, lambda: len(server.seen) >= 200)
    assert (len(rows.table), rows.closed, rows.truncated_bytes) == (len(server.seen), True, 0)
    assert {name: column.present for name, column in rows.table.words.items()} == {
        "journey": ("visitor",),
        "step": ("1",),
        "name": ("home",),
        "method": ("GET",),
        "region": (),
        "served_region": ("us-east-1",),
        "served_pod": ("track-1",),
        "release": ("1.0.0",),
        "error": (),
    }
    times = rows.table.ints
    assert np.all(times["intended_ns"] <= times["sent_ns"])
    assert np.all(times["sent_ns"] < times["done_ns"])
    assert {*columns(rows, "status", "bytes", "described")} == {(200, 2, 0)}
    assert run.observations("load.described", "load-health-1") == []
    connections = len({seen.connection for seen in server.seen})
    edges = sorted([(at, 1) for at in times["sent_ns"].tolist()] + [(at, -1) for at in times["done_ns"].tolist()])
    at_once = int(max(np.cumsum([step for _, step in edges])))  # more where the machine was late
    assert len(server.seen) // 10 <= connections < len(server.seen) // 3 + at_once, "one journey in ten has a new one"


def test_a_stall_is_seen_by_all_who_arrive_in_it(run: Run, server: TruthServer) -> None:
    """The server stands still for 2 s: the 100 who are due in the meantime all come and all wait, as the schedule says."""
    load = run.start(plan_of("visitor", per_s=50), server.url)
    until(lambda: len(server.seen) >= 50)
    begin = clock.now_ns()
    end = begin + 2 * NS_PER_S
    server.behave = lambda seen: Reply(after_s=max(0.0, (end - seen.at_ns) / NS_PER_S))
    rows = rows_after(load, lambda: clock.now_ns() > end + NS_PER_S)
    intended, done = rows.table.ints["intended_ns"], rows.table.ints["done_ns"]
    due = np.array(_due(intended.min(), per_s=50, count=1000))
    planned = int(np.sum((due >= begin) & (due < end)))
    stalled = (intended >= begin) & (intended < end)
    assert int(np.sum(stalled)) == planned
    latency = (done - intended) / NS_PER_S
    slow = int(np.sum(latency > 0.5))
    assert slow >= 0.9 * int(np.sum((due >= begin) & (due < end - NS_PER_S // 2)))
    assert np.percentile(latency, 95) > 1.0
    waited = (end - intended[stalled]) / NS_PER_S
    assert np.all(latency[stalled] >= waited - 0.001)


def test_one_seed_gives_one_schedule_however_slow_the_answers_are(run: Run, server: TruthServer) -> None:
    """Two servers, one of them slow by a second; the arrivals are the same to the nanosecond, and those of the seed."""

    def gaps(at: TruthServer, name: str) -> list[int]:
        own = Run(run.path / name, run._loads)
        rows = own.rows(plan_of("visitor", per_s=60), at.url, lambda: len(at.seen) >= 60, seed=11)
        found: list[int] = np.diff(np.sort(rows.table.ints["intended_ns"]))[:50].tolist()
        return found

    with truth_server("127.94.0.2") as slow:
        slow.behave = lambda seen: Reply(after_s=1.0)
        quick_gaps, slow_gaps = gaps(server, "quick"), gaps(slow, "slow")
    assert quick_gaps == slow_gaps
    planned = np.diff(_due(0, per_s=60, count=51, seed=11))
    assert np.max(np.abs(planned - quick_gaps)) <= 2, "to the rounding of the start"


def test_requests_open_at_the_end_are_cut_off_and_counted(run: Run, server: TruthServer) -> None:
    """Nothing is ever answered: the drain ends, and every request stands in the file with the end as its end."""
    server.behave = lambda seen: Reply(how="hang")
    load = run.start(plan_of("visitor", per_s=50), server.url, drain_s=0.5)
    until(lambda: len(server.seen) >= 50)
    before = clock.now_ns()
    load.stop()
    (rows,) = rows_of(load)
    assert rows.closed
    until(lambda: len(rows.table) == len(server.seen))  # the server may be later than who gave up
    assert Counter(rows.table.words["error"].text()) == {"cut_off": len(server.seen)}
    assert set(rows.table.ints["status"].tolist()) == {0}
    ends = np.unique(rows.table.ints["done_ns"])
    assert len(ends) == 1
    assert ends[0] - before >= 0.5 * NS_PER_S


def test_open_requests_are_waited_for_within_the_drain(run: Run, server: TruthServer) -> None:
    """Answers take 1 s, the drain 5 s: nobody is cut off."""
    server.behave = lambda seen: Reply(after_s=1.0)
    rows = run.rows(plan_of("visitor", per_s=50), server.url, lambda: len(server.seen) >= 60)
    assert (len(rows.table), rows.table.words["error"].present) == (len(server.seen), ())


def test_failures_are_told_apart_and_end_no_journey(run: Run, server: TruthServer) -> None:
    """Each request is named after the failure it must be; nothing is tried twice, so the server sees each once."""

    def behave(seen: Seen) -> Reply:
        how = seen.path.strip("/")
        if how == "503":
            return Reply(status=503)
        return Reply(how="answer" if how == "text" else how, body=b"no JSON" if how == "text" else b'{"right": true}')

    server.behave = behave
    rows = run.rows(plan_of("unlucky", per_s=10), server.url, lambda: len(server.seen) >= 60)
    table = rows.table
    assert len(table) == len(server.seen)
    expected = table.words["name"].text()
    assert [error or "none" for error in table.words["error"].text()] == expected
    assert set(expected) == {"none", "timeout", "reset", "status 503", "status 200", "wrong body"}
    waited = (table.ints["done_ns"] - table.ints["sent_ns"])[table.words["name"].equals("timeout")] / NS_PER_S
    assert np.all((waited >= 2.5) & (waited < 30))


def test_two_workers_make_one_traffic(run: Run, server: TruthServer) -> None:
    """Each offers half of the rate by a schedule of its own, and the union is what the server saw."""
    load = run.start(plan_of("visitor", per_s=80, workers=2), server.url)
    until(lambda: len(server.seen) >= 240)
    load.stop()
    one, two = (rows.table for rows in rows_of(load))
    assert len(Table.merged(SAMPLES, [one, two])) == len(server.seen)
    assert (set(one.ints["worker"].tolist()), set(two.ints["worker"].tolist())) == ({1}, {2})
    assert 60 < len(one) < 180, "120 are expected, give or take four standard deviations"
    for table, worker in ((one, 1), (two, 2)):
        gaps = np.diff(np.sort(table.ints["intended_ns"]))[:20]
        assert np.max(np.abs(np.diff(_due(0, per_s=40, count=21, worker=worker)) - gaps)) <= 2


def test_journeys_that_break_are_counted_each_second_and_stop_nobody(run: Run, server: TruthServer) -> None:
    """A mistake in a journey file is the author's to find: what every second one had still to send was not sent, and why is told and in the log."""
    load = run.start(plan_of("mistaken", per_s=50), server.url)
    rows = rows_after(load, lambda: len(run.health()) >= 4)
    assert (len(rows.table), rows.closed, load.problems) == (len(server.seen), True, ())
    assert 0.25 * len(server.seen) < sum(one["broken"] for one in run.broken()) < 0.75 * len(server.seen)
    whys = {one["broken_why"] for one in run.broken()}
    assert whys == {"KeyError: 'nothing' at locustfiles/mistaken.py:15"}
    assert "KeyError: 'nothing'" in (load.rows[0].parent / "locust.log").read_text(encoding="utf-8")


def test_what_a_user_sends_who_has_signed_in_is_told_apart(run: Run, server: TruthServer) -> None:
    """One number a user, whose name is not recorded; before the sign-in it is not known who it is."""
    rows = run.rows(plan_of("signer", per_s=20), server.url, lambda: len(server.seen) >= 20)
    found = {*columns(rows, "name", "account")}
    numbers = dict(found)
    assert len(found) == 3
    assert numbers["sign-in"] == 0
    assert len({numbers["home 0"], numbers["home 1"], 0}) == 3


@pytest.mark.parametrize("kind", ["SystemExit", "KeyboardInterrupt", "GreenletExit", "GeneratorExit"])
def test_a_journey_that_quits_has_broken_and_ends_nothing_else(
    run: Run, server: TruthServer, monkeypatch: pytest.MonkeyPatch, kind: str
) -> None:
    """Whatever its author raises between two requests: it is counted, also in the last second, and the load goes on."""
    monkeypatch.setenv("QUITS_BY", kind)
    load = run.start(plan_of("quitter", per_s=20), server.url)
    rows = rows_after(load, lambda: len(server.seen) >= 30)
    steps = Counter(rows.table.words["step"].text())
    assert sum(one["broken"] for one in run.broken()) == steps["1"] - steps["2"]
    (why,) = {one["broken_why"] for one in run.broken()}
    assert why.startswith(f"{kind}:  at locustfiles/quitter.py:")
    assert (rows.closed, load.problems) == (True, ())


def test_who_thinks_when_the_load_ends_has_not_broken(run: Run, server: TruthServer) -> None:
    """They are sent away, with nothing more to tell."""
    rows = run.rows(plan_of("thinker", per_s=20), server.url, lambda: len(server.seen) >= 30)
    assert "2" not in rows.table.words["step"].text()
    assert not run.broken()


def test_a_journey_that_breaks_because_a_request_failed_is_not_its_authors_mistake(
    run: Run, server: TruthServer
) -> None:
    """The failure is on record, also that of an answer that is nested without end, and its author had nothing to go on with."""
    server.behave = lambda _: Reply(status=503) if len(server.seen) % 2 else Reply(body=b"[" * 100_000)
    rows = run.rows(plan_of("mistaken", per_s=50), server.url, lambda: len(run.health()) >= 3)
    assert set(rows.table.words["error"].text()) == {"status 503", "wrong body"}
    assert not run.broken()


def test_a_write_that_a_redirect_made_a_read_of_is_a_failure(run: Run, server: TruthServer) -> None:
    """A page to sign in at, or the path with a `/`, answers 200 to the GET, and nothing was written; what says which answer is right decides."""

    def behave(seen: Seen) -> Reply:
        redirects = seen.path != "/there"
        headers = {"location": "/there"} if redirects else {}
        body = b"" if seen.method == "HEAD" else b'{"id": 1}'
        return Reply(status=int(seen.path[1:]) if redirects else 200, headers=headers, body=body)

    server.behave = behave
    rows = run.rows(plan_of("redirected", per_s=20), server.url, lambda: len(server.seen) >= 100)
    assert {one for one in columns(rows, "name", "error", "status") if one[1] != "cut_off"} == {
        *((f"POST {status}", "redirected", 200) for status in (301, 302, 303)),
        *((f"POST {status}", None, 200) for status in (307, 308)),
        ("PUT 303", "redirected", 200),
        ("GET 302", None, 200),
        ("HEAD 302", None, 200),
        ("the page", None, 200),
        ("the content", None, 200),
        ("the redirect", None, 303),
    }


def _due(start_ns: int, *, per_s: float, count: int, seed: int = 7, worker: int = 1) -> list[int]:
    """The planned schedule, moved so that the first one is due at `start_ns`."""
    random = random_of(seed, worker, 1, "arrivals")
    times = due_times(begin_ns=0, curve=RateCurve.flat(per_s), arrivals="poisson", random=random)
    planned = list(islice(times, count))
    return [at - planned[0] + start_ns for at in planned]
