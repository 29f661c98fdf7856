"""What journeys wrote is there once, as it was written, or it is counted as lost, twice or wrong."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from harness.judgement.ledger.accounts import AccountResult, account_results
from harness.model import JOURNEY_READS, JOURNEY_REPEATS, JOURNEY_WRITES, AccountPlan, Table

TRACKS = AccountPlan(name="tracks", path="/tracks/{id}", fields=("title",))
PLAYS = AccountPlan(name="plays", path="/tracks/{id}", counts="plays")


def writes(account: str, *rows: tuple[int, int, str]) -> Table:
    """Writes of (id, value, outcome)."""
    return Table.of(
        JOURNEY_WRITES,
        [{"item": account, "id": item, "digest": value, "outcome": outcome} for item, value, outcome in rows],
    )


def reads(account: str, *rows: tuple[int, int, str]) -> Table:
    """Reads of (id, value, state)."""
    return Table.of(
        JOURNEY_READS, [{"item": account, "id": item, "digest": value, "state": state} for item, value, state in rows]
    )


def repeats(account: str, *rows: tuple[int, int, int]) -> Table:
    """Second requests of (id of the first, status, id that the second answer names)."""
    return Table.of(
        JOURNEY_REPEATS,
        [{"item": account, "id": item, "status": status, "answered_id": named} for item, status, named in rows],
    )


def result(account: AccountPlan, written: Table, read: Table, repeated: Table | None = None) -> AccountResult:
    """The result of one account."""
    (only,) = account_results([account], written, read, repeated)
    return only


def test_a_second_request_whose_answer_names_another_item_wrote_as_well() -> None:
    """Of four tracks that were sent twice one came into being twice; answers with the same id, a conflict and a refusal tell that none did."""
    ids = (1, 2, 3, 4)
    written = writes("tracks", *[(item, 10, "accepted") for item in ids])
    read = reads("tracks", *[(item, 10, "found") for item in ids])
    seen = result(TRACKS, written, read, repeats("tracks", (1, 201, 1), (2, 201, 9), (3, 409, -1), (4, 422, -1)))
    assert (seen.twice, seen.again, seen.kept) == (1, 4, False)


def test_a_second_request_tells_nothing_without_an_answer_or_an_id() -> None:
    """Nor does a server error; of a counter the id is known, and its growth tells the rest."""
    seen = result(
        TRACKS,
        writes("tracks", (1, 10, "accepted"), (2, 20, "accepted"), (3, 30, "accepted")),
        reads("tracks", (1, 10, "found"), (2, 20, "found"), (3, 30, "found")),
        repeats("tracks", (1, 0, -1), (2, 201, -1), (3, 503, -1)),
    )
    assert (seen.twice, seen.again, seen.kept) == (0, 0, True)
    played = writes("plays", (5, 1, "accepted"))
    for value, twice in ((1, 0), (2, 1)):
        seen = result(PLAYS, played, reads("plays", (5, value, "found")), repeats("plays", (5, 201, 5)))
        assert (seen.twice, seen.again) == (twice, 1)


def test_a_second_request_of_a_write_that_was_not_acknowledged_is_not_counted() -> None:
    """Its first request is not among the acknowledged writes of its worker and time."""
    seen = result(TRACKS, writes("tracks", (1, 10, "unknown")), reads("tracks"), repeats("tracks", (1, 201, 1)))
    assert seen.again == 0


def test_an_absent_item_is_lost_and_another_value_is_wrong() -> None:
    """Of three tracks one is absent, one has another title, and one was not read."""
    seen = result(
        TRACKS,
        writes("tracks", (1, 10, "accepted"), (2, 20, "accepted"), (3, 30, "accepted")),
        reads("tracks", (1, 0, "absent"), (2, 21, "found"), (3, 0, "unknown")),
    )
    assert (seen.lost, seen.wrong, seen.unread, seen.judged, seen.kept) == (1, 1, 1, 2, False)


def test_a_play_of_unknown_outcome_may_be_counted_or_not() -> None:
    """One acknowledged and one unknown play: the counter may have grown by one or by two."""
    written = writes("plays", (5, 1, "accepted"), (5, 0, "unknown"))
    assert [result(PLAYS, written, reads("plays", (5, value, "found"))).kept for value in (1, 2, 3)] == [
        True,
        True,
        False,
    ]


def at(rows: Table, column: str, *times: int) -> Table:
    """The rows with these times."""
    return replace(rows, ints={**rows.ints, column: np.array(times, dtype=np.int64)})


def test_a_counter_of_two_traffics_is_judged_by_its_last_read_up_to_then() -> None:
    """The first traffic's two plays are read at its end; of the second's three the last comes after the last read."""
    written = at(writes("plays", *[(5, value, "accepted") for value in (1, 2, 3, 4, 5)]), "made_ns", 1, 2, 11, 12, 30)
    read = at(reads("plays", (5, 2, "found"), (5, 4, "found")), "seen_ns", 5, 20)
    seen = result(PLAYS, written, read)
    assert (seen.lost, seen.twice, seen.written, seen.judged) == (0, 0, 5, 4)
    forgotten = at(reads("plays", (5, 2, "found"), (5, 3, "found")), "seen_ns", 5, 20)
    assert result(PLAYS, written, forgotten).lost == 1


def test_an_item_that_is_gone_at_its_last_read_is_lost() -> None:
    """It was there when the first traffic ended, and absent when the second did, in whatever order the reads are kept."""
    written = writes("tracks", (1, 10, "accepted"))
    for order in (1, -1):
        read = at(reads("tracks", *[(1, 10, "found"), (1, 0, "absent")][::order]), "seen_ns", *[5, 20][::order])
        assert (result(TRACKS, written, read).lost, result(TRACKS, written, read).judged) == (1, 1)


def test_an_item_that_was_gone_once_stays_lost_whatever_is_read_later() -> None:
    """Absent when the first traffic ended; found, or not answered, when the second did. A counter loses what was played before."""
    for later in ((1, 10, "found"), (1, 0, "unknown")):
        read = at(reads("tracks", (1, 0, "absent"), later), "seen_ns", 5, 20)
        assert result(TRACKS, writes("tracks", (1, 10, "accepted")), read).lost == 1
    played = at(writes("plays", (5, 1, "accepted"), (5, 2, "accepted")), "made_ns", 1, 10)
    assert result(PLAYS, played, at(reads("plays", (5, 0, "absent"), (5, 1, "found")), "seen_ns", 5, 20)).lost == 1


def test_an_account_that_two_traffics_declare_is_one() -> None:
    """A lost track is one loss, not one of each traffic."""
    every = account_results(
        [TRACKS, replace(TRACKS)], writes("tracks", (1, 10, "accepted")), reads("tracks", (1, 0, "absent"))
    )
    assert [one.lost for one in every] == [1]


@given(st.lists(st.sampled_from(["accepted", "unknown"]), min_size=1, max_size=30), st.integers(0, 100), st.data())
def test_an_honest_counter_is_always_kept(outcomes: list[str], base: int, data: st.DataObject) -> None:
    """Whatever became of the unknown ones, a counter that counts each play once is kept."""
    value, rows = base, []
    for outcome in outcomes:
        happened = outcome == "accepted" or data.draw(st.booleans())
        value += happened
        rows.append((1, value if outcome == "accepted" else 0, outcome))
    assert result(PLAYS, writes("plays", *rows), reads("plays", (1, value, "found"))).kept
