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


def test_what_a_load_does_not_show_is_not_decided(scenes: Stage, subtests: pytest.Subtests) -> None:
    """Exit code 10; what is undecided says why, and what was measured all the same is judged as ever."""
    broken = "journeys ended with an error in the locustfile, the first with KeyError: 'id'"
    for name, undecided, passed, why in [
        ("no load", "PL-P95 PL-ERRORS", "", ""),
        ("no data", "PL-P95", "PL-ERRORS PL-UPTIME", "read-item"),
        ("lagging", "PL-P95", "PL-ERRORS", "lag"),
        ("breaking", "PL-P95 PL-ERRORS", "", broken),
    ]:
        with subtests.test(name):
            finished = scenes[name]
            assert finished.code == 10, finished.said
            outcomes = finished.outcomes()
            assert {outcomes[one] for one in undecided.split()} == {"INCONCLUSIVE"}
            assert {outcomes[one] for one in passed.split()} <= {"PASS"}
            assert all(why in finished.reasons()[one] for one in undecided.split())


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
