"""Whole runs on a plain HTTP service: what is decided, what is said, and with what code the command ends."""

from __future__ import annotations

import json

from tests.plain.scenes import Stage


def test_a_healthy_service_is_a_go(scenes: Stage) -> None:
    """Everything passed: GO, exit code 0, and the last line says where the page is."""
    finished = scenes["go"]
    assert finished.code == 0, finished.said
    headline = f"GO for {finished.project.name} (staging) · profile plain · 1.0.0 · 3 passed · 0 not assessed"
    assert f"{headline} · release not verified: " in finished.out
    assert finished.outcomes() == {"PL-P95": "PASS", "PL-ERRORS": "PASS", "PL-UPTIME": "PASS"}
    assert str(finished.run / "readiness.html") in finished.out


def test_a_go_leaves_a_whole_run_directory_and_points_latest_at_it(scenes: Stage) -> None:
    """Plan, manifest, histories, samples, looks and verdict are there; nothing says that it is still being written."""
    run = scenes["go"].run
    assert (run.parent / "latest").resolve() == run
    there = {path.relative_to(run).as_posix() for path in run.rglob("*") if path.is_file()}
    expected = {"plan.json", "manifest.json", "verdict.json", "history/run.ndjson", "history/load.ndjson"}
    expected |= {"load/browse/samples-1.parquet", "load/browse/locust.log", "watch/entry.parquet"}
    assert expected <= there
    assert not [file for file in there if file.endswith(".rows") or file == "running.json"]


def test_a_slow_service_is_a_no_go_by_pytest_too(scenes: Stage) -> None:
    """`pytest features` is the same run: one route answers after 250 ms, so only the response time failed: exit code 1."""
    finished = scenes["slow"]
    assert finished.code == 1, finished.said
    assert (
        f"NO-GO for {finished.project.name} (staging) · profile plain · 1.0.0 · 1 failed · 2 passed · 0 not assessed · release not verified: "
        in finished.out
    )
    assert finished.outcomes() == {"PL-P95": "FAIL", "PL-ERRORS": "PASS", "PL-UPTIME": "PASS"}
    assert "read-item" in finished.reasons()["PL-P95"]


def test_a_window_too_short_to_tell_is_inconclusive(scenes: Stage) -> None:
    """80 requests bear no 95 % claim about 2 %: INCONCLUSIVE, exit code 10, and the reason names what is missing."""
    finished = scenes["too short"]
    assert finished.code == 10, finished.said
    assert finished.verdict["decision"] == "INCONCLUSIVE"
    assert finished.outcomes()["PL-ERRORS"] == "INCONCLUSIVE"
    assert "too few to decide, about 150 at this rate would prove PASS" in finished.reasons()["PL-ERRORS"]


def test_a_filtered_run_is_partial_whatever_came_of_it(scenes: Stage) -> None:
    """`--only PL-P95`: no decision, exit code 10, and the scenarios left out are listed."""
    finished = scenes["only"]
    assert finished.code == 10, finished.said
    assert "PARTIAL · 1 of 3 · no decision · release not verified: " in finished.out
    assert finished.verdict["decision"] == "PARTIAL"
    assert len(finished.verdict["deselected"]) == 2


def test_a_service_that_is_down_is_not_judged(scenes: Stage) -> None:
    """Nobody answers at the entry: exit code 10, one message that names target file and address, and no run."""
    finished = scenes["down"]
    assert finished.code == 10, finished.said
    assert f"{finished.project.root}/target.yaml:3: entry: no answer from http://127.97." in finished.out
    assert "hint: start the platform" in finished.out
    assert not finished.project.run_directories()


def test_a_second_run_on_a_target_is_refused(scenes: Stage) -> None:
    """The message names who holds the target; exit code 4."""
    finished = scenes["second"]
    assert finished.code == 4, finished.said
    [first] = finished.project.run_directories()
    assert f"{finished.project.name} is in use by run {first.name} (process " in finished.out
    assert "hint: wait for the other run, or stop it" in finished.out


def test_the_plan_is_on_disk_before_anything_is_touched(scenes: Stage) -> None:
    """plan.json names every scenario with its file and line, the traffic with its size, and the seed."""
    plan = json.loads((scenes["go"].run / "plan.json").read_bytes())
    assert [f"{claim['scenario']['file']}:{claim['scenario']['line']}" for claim in plan["claims"]] == [
        "features/plain/kpi.feature:4",
        "features/plain/kpi.feature:9",
        "features/plain/kpi.feature:14",
    ]
    assert plan["traffic"]["browse"]["journeys_per_s"] == 20
    assert plan["seed"] == 1
