"""What would be green if nobody looked: each is asserted on a whole run, and none of them is ever a GO."""

from __future__ import annotations

import pytest

from tests.plain.scenes import Stage

NEVER_GO = ["slow", "down", "second", "only", "too short", "by path", "no load", "no data", "lagging", "breaking"]


@pytest.mark.parametrize("name", NEVER_GO)
def test_nothing_of_this_is_a_go(scenes: Stage, name: str) -> None:
    """No GO on the last lines, none in verdict.json, no exit code 0."""
    finished = scenes[name]
    assert finished.code != 0, finished.said
    assert not [line for line in finished.out.splitlines() if line.startswith("GO ")]
    assert finished.ran is None or finished.verdict["decision"] != "GO"


def test_no_load(scenes: Stage) -> None:
    """The locustfile sends nothing: what the load should have shown is INCONCLUSIVE, though every answer given was right."""
    finished = scenes["no load"]
    assert finished.code == 10, finished.said
    assert finished.outcomes()["PL-P95"] == "INCONCLUSIVE"
    assert finished.outcomes()["PL-ERRORS"] == "INCONCLUSIVE"


def test_no_data(scenes: Stage) -> None:
    """The traffic never asks one of its routes: "every route" is INCONCLUSIVE and names it; what was asked still counts."""
    finished = scenes["no data"]
    assert finished.code == 10, finished.said
    assert finished.outcomes() == {"PL-P95": "INCONCLUSIVE", "PL-ERRORS": "PASS", "PL-UPTIME": "PASS"}
    assert "read-item" in finished.reasons()["PL-P95"]


def test_lagging_generator(scenes: Stage) -> None:
    """The generator is 60 ms late by itself: latencies are INCONCLUSIVE and say by how much; rates are judged as ever."""
    finished = scenes["lagging"]
    assert finished.code == 10, finished.said
    assert finished.outcomes()["PL-P95"] == "INCONCLUSIVE"
    assert "lag" in finished.reasons()["PL-P95"]
    assert finished.outcomes()["PL-ERRORS"] == "PASS"


def test_journeys_that_break(scenes: Stage) -> None:
    """Half of the journeys raise before their second request: nothing of this load passes, and the mistake is quoted."""
    finished = scenes["breaking"]
    assert finished.code == 10, finished.said
    for name in ("PL-P95", "PL-ERRORS"):
        assert finished.outcomes()[name] == "INCONCLUSIVE"
        assert (
            "journeys ended with an error in the locustfile, the first with KeyError: 'id'" in finished.reasons()[name]
        )


def test_deselected_by_pattern(scenes: Stage) -> None:
    """`--only`: PARTIAL, exit code 10."""
    assert (scenes["only"].code, scenes["only"].verdict["decision"]) == (10, "PARTIAL")


def test_deselected_by_path(scenes: Stage) -> None:
    """One of two feature files named, each requirement claimed in it: still PARTIAL, for the other file was left out.

    With --no-decision the exit code is that of the worst selected verdict, here INCONCLUSIVE.
    """
    finished = scenes["by path"]
    assert (finished.code, finished.verdict["decision"]) == (10, "PARTIAL"), finished.said
    assert [text.partition(": ")[0] for text in finished.verdict["deselected"]] == [
        "features/plain/more.feature:4",
        "features/plain/more.feature:9",
        "features/plain/more.feature:14",
    ]
