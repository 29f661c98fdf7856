"""The locustfiles as people run them, and the everyday traffic against the routes it is meant for."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from collections import Counter
from itertools import pairwise
from pathlib import Path
from statistics import median

import numpy as np
import pytest
from load_bench import Run, until
from load_truth import Seen, TruthServer, platform

from harness.drivers.load import load_traffic
from harness.evidence import read_rows
from harness.model import JOURNEY_REPEATS, JOURNEY_WRITES, SIGN_INS
from harness.model.digest import digest_of
from harness.targets.files.parts import TrafficOverride
from harness.units import NS_PER_S

LOADTESTS = Path(__file__).parents[3] / "loadtests"
ROUTES = ["/sessions", "/tracks/#", "/tracks", "/tracks/#/plays"]


def by_hand(*arguments: str, **environment: str) -> subprocess.Popen[str]:
    """`locust …` as typed in a terminal."""
    return subprocess.Popen(
        [sys.executable, "-m", "locust", "--headless", "--only-summary", *arguments],
        env={**os.environ, **environment},
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
    )


def firsts(seen: list[Seen]) -> list[Seen]:
    """The requests but those that repeat the key of an earlier one."""
    keys: set[str] = set()
    found = []
    for one in seen:
        key = one.headers.get("idempotency-key", "")
        if key not in keys:
            found.append(one)
        keys |= {key} - {""}
    return found


@pytest.mark.slow
def test_everyday_traffic_is_four_requests_over_nine_seconds(run: Run, server: TruthServer) -> None:
    """Each has a connection to itself, takes the four routes in order, and thinks 3 s between; in the warm-up a write is sent twice with its key."""
    server.behave = platform
    plan = load_traffic("everyday", [LOADTESTS], {"everyday": TrafficOverride.model_validate({"rate": "15/s"})})
    rows = run.rows(plan, server.url, lambda: sum(seen.path.endswith("/plays") for seen in server.seen) >= 40)
    table = rows.table
    again = read_rows(run.path / "load" / "everyday" / "repeats-1.rows", JOURNEY_REPEATS).table
    first = firsts(server.seen)
    assert (len(first), len(server.seen) - len(first)) == (len(table), len(again))
    assert table.words["error"].present == ()
    assert set(plan.routes) == set(table.words["name"].present)
    connections: dict[int, list[str]] = {}
    for seen in first:
        track = seen.path.replace("/tracks/", "").split("/")[0]
        connections.setdefault(seen.connection, []).append(
            seen.path.replace(f"/{track}", "/#") if track.isdigit() else seen.path
        )
    assert all(path == ROUTES[at % 4] for paths in connections.values() for at, path in enumerate(paths))
    assert sum(len(paths) // 4 for paths in connections.values()) >= 20
    keys = [key for seen in server.seen if (key := seen.headers.get("idempotency-key"))]
    assert set(Counter(keys).values()) == {2}
    assert len(set(keys)) == len(again) > 20
    assert all("authorization" in seen.headers for seen in server.seen if seen.path != "/sessions")
    for name, before in (("read-track", "sign-in"), ("play-track", "create-track")):
        due = np.sort(table.ints["intended_ns"][table.words["name"].equals(name)])
        ended = np.append(table.ints["done_ns"][table.words["name"].equals(before)], again.ints["accepted_ns"])
        assert np.all(np.isin(due - 3 * NS_PER_S, ended)), "due three seconds after the end of the one before"
    journeys = Counter(table.ints["arrival"].tolist())
    assert min(journeys) == 1
    assert max(journeys.values()) == 4
    assert len(set(table.ints["connection"].tolist())) == len({seen.connection for seen in server.seen})


@pytest.mark.slow
def test_a_listener_accounts_for_the_track_and_the_play(run: Run, server: TruthServer) -> None:
    """Each acknowledged write is recorded with its id, and with the digest or the count that must be read back."""
    server.behave = platform
    plan = load_traffic("everyday", [LOADTESTS], {"everyday": TrafficOverride.model_validate({"rate": "15/s"})})
    load = run.start(plan, server.url)
    until(lambda: sum(seen.path.endswith("/plays") for seen in server.seen) >= 5)
    load.stop()
    rows = read_rows(run.path / "load" / "everyday" / "journeys-1.rows", JOURNEY_WRITES)
    accounts = rows.table.words["item"].counts
    plays = rows.table.where(rows.table.words["item"].equals("plays"))
    tracks = rows.table.where(rows.table.words["item"].equals("tracks"))
    assert rows.closed
    assert accounts["plays"] == sum(seen.path.endswith("/plays") for seen in firsts(server.seen))
    assert accounts["tracks"] == sum(seen.path == "/tracks" for seen in firsts(server.seen))
    signed_in = read_rows(run.path / "load" / "everyday" / "sign-ins-1.rows", SIGN_INS)
    assert signed_in.closed
    assert signed_in.table.words["outcome"].counts == {
        "accepted": sum(seen.path == "/sessions" for seen in server.seen)
    }
    assert sorted(signed_in.table.ints["id"].tolist()) == sorted(
        digest_of({"user": seen.body["user"]}) for seen in server.seen if seen.path == "/sessions"
    )
    assert set(plays.ints["digest"].tolist()) == {3}
    assert set(tracks.ints["id"].tolist()) == {5001}
    assert set(tracks.ints["digest"].tolist()) == {
        digest_of(seen.body) for seen in server.seen if seen.path == "/tracks"
    }


def test_the_listeners_in_progress_are_put_on_record_each_second(run: Run, server: TruthServer) -> None:
    """At 15 a second there are about 45 after three seconds, since nobody leaves before the sixth."""
    server.behave = platform
    plan = load_traffic("everyday", [LOADTESTS], {"everyday": TrafficOverride.model_validate({"rate": "15/s"})})
    load = run.start(plan, server.url)
    until(lambda: len(run.observations("load.users", "load-users-1")) >= 4)
    load.stop()
    seen = run.observations("load.users", "load-users-1")
    assert {observation.subject for observation in seen} == {"everyday"}
    assert 0.5 < median((b.fields["at_ns"] - a.fields["at_ns"]) / NS_PER_S for a, b in pairwise(seen)) < 1.5
    elapsed_s = (seen[3].fields["at_ns"] - load.begin_ns) / NS_PER_S  # 3 to 4, and more where the machine was late
    assert 15 * min(elapsed_s, 6.0) / 3 < seen[3].fields["users"] < 15 * elapsed_s + 25


def test_the_everyday_locustfile_runs_by_hand(server: TruthServer, tmp_path: Path) -> None:
    """The host is the entry of READINESS_TARGET, the rate its own; Locust's figures show and its exit code is 0."""
    server.behave = platform
    target = tmp_path / "target.yaml"
    target.write_text(f"name: t\nenvironment: staging\nentry: {server.url}\n", encoding="utf-8")
    with by_hand("-f", str(LOADTESTS / "everyday.py"), "-t", "4s", READINESS_TARGET=str(target)) as locust:
        said, _ = locust.communicate(timeout=60)
    assert locust.returncode == 0
    assert "sign-in" in said
    assert "Traceback" not in said
    assert 55 < sum(seen.path == "/sessions" for seen in server.seen) < 150, "25 a second"


@pytest.mark.parametrize("shape", ["steps", "ramp", "spike"])
def test_a_shape_takes_over_and_ends_on_ctrl_c(server: TruthServer, shape: str) -> None:
    """`-f everyday.py,shapes/X.py` offers its share of the rate, and an interrupt is an orderly end."""
    server.behave = platform
    files = f"{LOADTESTS / 'everyday.py'},{LOADTESTS / 'shapes' / shape}.py"
    with by_hand("-f", files, "-H", server.url, "--rate", "50") as locust:
        until(lambda: len(server.seen) >= 5)
        locust.send_signal(signal.SIGINT)
        said, _ = locust.communicate(timeout=60)
    assert locust.returncode == 0
    assert "sign-in" in said


def test_a_shape_and_a_schedule_do_not_go_together(server: TruthServer) -> None:
    """Both would say when."""
    files = f"{LOADTESTS / 'everyday.py'},{LOADTESTS / 'shapes' / 'steps'}.py"
    with by_hand("-f", files, "-H", server.url, "--rates", "0:10") as locust:
        said, _ = locust.communicate(timeout=60)
    assert locust.returncode != 0
    assert "a LoadTestShape and --rates or --trace both define the arrivals" in said
