"""Locust's own figures show what the rows say, and a closed model is what it says it is."""

from __future__ import annotations

import signal
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
from load_bench import LOCUSTFILES, until
from load_truth import Reply, Seen, TruthServer

from harness import clock
from harness.evidence import read_rows
from harness.model import SAMPLES, Table
from harness.units import NS_PER_MS, NS_PER_S


def offered(server: TruthServer, locustfile: str, *arguments: str, directory: Path, requests: int) -> Table:
    """Run the locustfile until the server has seen so many requests, interrupt it, and read its rows."""
    command = [sys.executable, "-m", "locust", "--headless", "-f", str(LOCUSTFILES / f"{locustfile}.py")]
    files = ["--samples", f"{directory}/samples", "--csv", f"{directory}/locust", "--csv-full-history"]
    with (directory / "log").open("wb") as log:
        locust = subprocess.Popen(
            [*command, "-H", server.url, *files, *arguments], stdin=subprocess.DEVNULL, stdout=log, stderr=log
        )
    with locust:
        until(lambda: len(server.seen) >= requests)
        locust.send_signal(signal.SIGINT)
        locust.wait(timeout=30)
    return read_rows(directory / "samples-1.rows", SAMPLES).table


def summary(directory: Path) -> dict[str, list[str]]:
    """Locust's last words: of each route the columns of its table."""
    text = (directory / "log").read_text(encoding="utf-8").rpartition("Response time percentiles")[0]
    lines = text.rpartition("Type")[2].replace("|", " ").splitlines()
    return {line.split()[1]: line.split() for line in lines if line.startswith("GET")}


@pytest.mark.parametrize(
    ("header", "metric", "release", "served_us"),
    [("x-served-pod", "app", "track-1", 1250), ("x-nothing", "db", None, 0), ("", "", None, 0)],
)
def test_release_and_own_time_of_an_answer_are_read_by_the_names_that_the_target_gives(
    server: TruthServer, tmp_path: Path, header: str, metric: str, *, release: str | None, served_us: int
) -> None:
    """Without a name, or where nobody sends it, no answer names a release or says how long it took."""
    arguments = ("--rate", "50", "--release-header", header, "--timing", metric)
    table = offered(server, "visitor", *arguments, directory=tmp_path, requests=20)
    assert table.words["release"].present == ((release,) if release else ())
    assert set(table.ints["served_us"].tolist()) == {served_us}


def test_locusts_own_figures_show_the_same_requests_and_failures(server: TruthServer, tmp_path: Path) -> None:
    """Count, failures, mean, least and greatest of Locust's summary are those of the rows, the cut-off ones included."""

    def behave(seen: Seen) -> Reply:
        number = len(server.seen)
        return Reply(status=503 if number % 5 == 0 else 200, how="hang" if number > 200 else "answer", after_s=0.02)

    server.behave = behave
    table = offered(server, "visitor", "--rate", "100", "--drain", "0.3", directory=tmp_path, requests=205)
    errors = table.words["error"]
    assert set(errors.present) == {"status 503", "cut_off"}
    latency = (table.ints["done_ns"] - table.ints["intended_ns"]) / NS_PER_MS
    _, _, count, failed, mean, least, greatest, *_ = summary(tmp_path)["home"]
    assert (int(count), failed.split("(")[0]) == (len(table), str(int(np.sum(errors.codes >= 0))))
    assert np.allclose(
        [float(mean), float(least), float(greatest)], [latency.mean(), latency.min(), latency.max()], atol=1
    )


def test_a_closed_model_waits_for_its_answers(server: TruthServer, tmp_path: Path) -> None:
    """Five users never have more than five requests open, think between journeys, and nothing is due before it is sent."""
    server.behave = lambda _: Reply(after_s=0.05)
    table = offered(server, "clerk", "-u", "5", "-r", "100", directory=tmp_path, requests=150)
    times = table.ints
    assert len(table) == len(server.seen)
    assert np.array_equal(times["intended_ns"], times["sent_ns"])
    edges = sorted([(at, 1) for at in times["sent_ns"].tolist()] + [(at, -1) for at in times["done_ns"].tolist()])
    assert max(np.cumsum([step for _, step in edges])) == 5
    seconds = (times["done_ns"].max() - times["sent_ns"].min()) / NS_PER_S
    assert int(np.sum(table.words["step"].equals("1"))) <= 5 * (seconds / 0.2 + 1), "0.1 s of answers, 0.1 s of thought"


@pytest.mark.slow
def test_a_stall_is_met_by_no_more_than_all_users_of_a_closed_model(server: TruthServer, tmp_path: Path) -> None:
    """The server stands still for a second: five users wait, where an open model at that rate would have sent thirty."""
    stalled_at = clock.now_ns() + 4 * NS_PER_S

    def behave(seen: Seen) -> Reply:
        left = (stalled_at + NS_PER_S - seen.at_ns) / NS_PER_S
        return Reply(after_s=left if seen.at_ns >= stalled_at and left > 0 else 0.01)

    server.behave = behave
    table = offered(server, "clerk", "-u", "5", "--think", "0.2", "-r", "100", directory=tmp_path, requests=400)
    ended_at = stalled_at + NS_PER_S
    waited = (table.ints["intended_ns"] < ended_at) & (table.ints["done_ns"] >= ended_at)
    assert 1 <= int(np.sum(waited)) <= 5
