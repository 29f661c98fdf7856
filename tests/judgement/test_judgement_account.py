"""The ledger balanced, source by source: planted losses, wrong values, duplicates and strangers are found exactly."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from judgement_builders import END, down, experiment, ledger, ns, table, with_ints, with_words, writes

from harness.errors import UsageError
from harness.judgement.ledger.account import account_of
from harness.model import LEDGER_FINAL, LEDGER_WRITES, FinalRead, Ledger, Table

ROWS = writes(per_s=25)
FOUND = ledger(ROWS)


def merged(books: Ledger, more: Table, **read: object) -> Ledger:
    """The ledger with more rows in its one read."""
    final = Table.merged(LEDGER_FINAL, [books.final, more])
    return replace(books, final=final, final_reads=(replace(books.final_reads[0], rows=len(final), **read),))  # type: ignore[arg-type]


def through(region: str, books: Ledger, number: int = 2, **fields: object) -> Ledger:
    """The healthy ledger, read also through a region, which held what `books` says."""
    own = with_words(with_ints(books.final, slice(None), round=number), slice(None), place=region)
    read = replace(books.final_reads[0], **{"source": region, "round": number, **fields})  # type: ignore[arg-type]
    return replace(FOUND, final=Table.merged(LEDGER_FINAL, [FOUND.final, own]), final_reads=(*FOUND.final_reads, read))


def test_what_is_gone_from_the_database_is_lost_though_a_region_has_it() -> None:
    """A copy is no excuse."""
    books = through("eu-west-1", FOUND)
    base = ledger(ROWS, lost=[7])
    rows = Table.merged(LEDGER_FINAL, [base.final, books.final.where(books.final.words["place"].equals("eu-west-1"))])
    account = account_of(replace(books, final=rows, final_reads=(base.final_reads[0], books.final_reads[1])))
    assert {name: missing.sequence.tolist() for name, missing in account.missing.items()} == {
        "database": [7],
        "eu-west-1": [],
    }


def test_a_region_that_did_not_answer_is_a_trouble_and_no_loss() -> None:
    """What was not read is not known."""
    account = account_of(through("eu-west-1", ledger(ROWS, lost=[7]), complete=False, why="no route"))
    assert len(account.lost) == 0
    assert account.trouble == "the final ledger read through eu-west-1 did not complete (no route)"
    short = account_of(through("eu-west-1", ledger(ROWS, lost=[7]), rows=len(ROWS)))
    assert len(short.lost) == 0
    assert (
        short.trouble == f"{len(ROWS) - 1} rows of the last read through eu-west-1 were recorded, expected {len(ROWS)}"
    )
    early = account_of(through("eu-west-1", FOUND, at_ns=ns(END - 10)))
    assert early.trouble == "250 writes were acknowledged after the start of the last ledger read through eu-west-1"


def test_without_a_read_of_the_database_the_regions_do_not_suffice() -> None:
    """They may be copies of one another."""
    books = through("eu-west-1", FOUND)
    account = account_of(replace(books, final_reads=books.final_reads[1:]))
    assert account.trouble == "the ledger was read back neither from the database nor through the entry"


def test_rows_of_a_read_that_is_not_on_record_are_a_trouble() -> None:
    """Somebody read through eu-west-1, and what came of it is gone."""
    books = through("eu-west-1", ledger(ROWS, lost=[7]))
    account = account_of(replace(books, final_reads=books.final_reads[:1]))
    assert account.trouble == "rows were read through eu-west-1, and no read through it was recorded"


def test_each_source_counts_its_own_rounds_and_its_last_one_decides() -> None:
    """Round 2 of the region found what round 1 of it had not; round 3 of the database comes after both."""
    first, second = through("eu-west-1", ledger(ROWS, lost=[7])), through("eu-west-1", FOUND, number=3)
    regional = second.final.where(second.final.words["place"].equals("eu-west-1"))
    both = replace(
        first,
        final=Table.merged(LEDGER_FINAL, [first.final, regional]),
        final_reads=(second.final_reads[1], *first.final_reads),
    )
    assert len(account_of(both).lost) == 0
    assert len(account_of(first).lost) == 1


def test_sources_that_count_alike_are_kept_apart() -> None:
    """Both were read in a round 1: what the region lacks it lacks, and the database's trouble is told first."""
    books = through("eu-west-1", ledger(ROWS, lost=[7]), number=1)
    account = account_of(books)
    assert {name: missing.sequence.tolist() for name, missing in account.missing.items()} == {
        "database": [],
        "eu-west-1": [7],
    }
    assert (account.trouble, list(account.missing)) == ("", ["database", "eu-west-1"])
    broken = tuple(replace(read, complete=False, why=read.source) for read in reversed(books.final_reads))
    assert account_of(replace(books, final_reads=broken)).trouble == (
        "the final ledger read did not complete (database)"
    )


def test_without_a_read_nothing_of_unknown_outcome_is_recovered() -> None:
    """Every write of the run was given up, and nobody looked."""
    rows = with_words(ROWS, slice(None), outcome="unknown")
    account = account_of(Ledger(writes=rows))
    assert (len(account.recovered), len(account.unsure)) == (0, len(ROWS))


def test_a_row_that_stands_once_right_and_once_wrong_is_wrong() -> None:
    """Whoever reads may get the wrong one."""
    again = with_words(FOUND.final.where(FOUND.final.ints["id"] == 3), slice(None), state="wrong")
    account = account_of(merged(FOUND, again))
    assert account.wrong.sequence.tolist() == account.lost.sequence.tolist() == account.twice.sequence.tolist() == [3]


def test_a_write_without_an_answer_that_a_region_has_with_another_value_is_wrong() -> None:
    """The database has it, and another one has neither: the one is recovered and wrong, the other unsure."""
    rows = down(ROWS, 20, 20.09, "outcome", "unknown")
    read, other = ledger(rows, lost=[501]), through("eu-west-1", ledger(rows, lost=[501], wrong=[502]))
    final = [read.final, other.final.where(other.final.words["place"].equals("eu-west-1"))]
    reads = (read.final_reads[0], other.final_reads[1])
    account = account_of(Ledger(writes=rows, final=Table.merged(LEDGER_FINAL, final), final_reads=reads))
    assert account.changed.sequence.tolist() == [502]
    assert account.recovered.sequence.tolist() == [500, 502]
    assert account.unsure.sequence.tolist() == [501]


@pytest.mark.parametrize(("read_ns", "lost"), [(ns(1) + 5_000_000, 0), (ns(1) + 5_000_001, 1)])
def test_a_write_that_was_acknowledged_as_the_read_began_is_not_known(read_ns: int, lost: int) -> None:
    """Number 25 was acknowledged 5 ms after the first second; the read must have begun after that."""
    books = ledger(writes(0, 1.01, 25), lost=[25])
    account = account_of(replace(books, final_reads=(replace(books.final_reads[0], at_ns=read_ns),)))
    assert len(account.lost) == lost
    assert (account.trouble == "") is (lost == 1)


def test_the_numbers_of_each_client_are_counted() -> None:
    """Client 2 gave 0 and 2; client 1 gave 0 twice."""

    def trouble(*pairs: tuple[int, int]) -> str:
        client, sequence = np.array(pairs).T
        rows = table(LEDGER_WRITES, len(pairs), by=client, id=sequence, accepted_ns=1, outcome="accepted")
        return account_of(ledger(rows)).trouble

    assert trouble((1, 0), (1, 1), (2, 0), (2, 1)) == ""
    assert trouble((1, 0), (1, 1), (2, 0), (2, 2)) == "1 sequence numbers are missing in the record of writes"
    assert trouble((1, 0), (1, 0), (2, 0)) == "1 sequence numbers occur twice in the record of writes"
    assert trouble((1, 0), (1, 1), (1, 1)) == "1 sequence numbers occur twice in the record of writes"
    assert trouble((1, 1), (2, 0)) == "1 sequence numbers are missing in the record of writes"


def test_a_stranger_found_by_several_reads_is_one() -> None:
    """Right in one and wrong in another."""
    known = ROWS.where(ROWS.ints["id"] < len(ROWS) - 1)
    stranger = through("eu-west-1", ledger(ROWS, wrong=[len(ROWS) - 1]))
    assert account_of(replace(stranger, writes=known)).trouble == (
        "the last read found 1 rows that are missing in the record of writes"
    )


@pytest.mark.parametrize(("column", "number"), [("id", -1), ("id", 1 << 40), ("by", 1 + (1 << 22))])
def test_numbers_that_no_client_gives_are_refused(column: str, number: int) -> None:
    """A negative sequence number, or one that would run into another client's."""
    with pytest.raises(UsageError, match="client or sequence numbers out of range"):
        account_of(ledger(with_ints(ROWS, 5, **{column: number})))


def test_the_largest_numbers_are_kept_apart() -> None:
    """Two clients, each with its last number: neither is the other's."""
    rows = table(
        LEDGER_WRITES, 2, by=[5, 4 + (1 << 22)], id=[(1 << 40) - 1, (1 << 40) - 1], accepted_ns=1, outcome="accepted"
    )
    account = account_of(replace(ledger(rows), final=ledger(rows).final.where(np.array([True, False]))))
    assert account.acknowledged.client.tolist() == [5, 4 + (1 << 22)]


def test_writes_belong_to_the_attempt_that_watched_them_end() -> None:
    """From 70 s on, to 100 s, acknowledged 5 ms after they were sent."""
    own = account_of(FOUND).acknowledged.during(experiment("pod-loss", "pod", 70, 100))
    assert (int(own.at_ns.min()), int(own.at_ns.max())) == (70_005_000_000, 99_965_000_000)
    assert own.names(1) == ["client 1 number 1750"]
    exact = replace(
        experiment("pod-loss", "pod", 70, 100), observed_from_ns=70_005_000_000, observed_until_ns=70_045_000_000
    )
    assert account_of(FOUND).acknowledged.during(exact).sequence.tolist() == [1750]


numbers = st.sets(st.integers(0, 299), max_size=25)


@given(numbers, numbers, numbers, numbers, st.randoms(use_true_random=False))
@settings(max_examples=40)
def test_whatever_was_planted_is_found_exactly(
    gone: set[int], wrong: set[int], doubled: set[int], not_ok: set[int], random: object
) -> None:
    """Losses, wrong values, duplicates, unknown and refused writes, in any order of the rows."""
    rows = writes(0, 12, 25)
    outcomes = {n: "refused" if n % 2 else "unknown" for n in not_ok}
    rows = with_words(rows, slice(None), outcome=[outcomes.get(n, "accepted") for n in range(300)])  # type: ignore[arg-type]
    there = [n for n in range(300) if n not in gone]
    listed = [*there, *(n for n in there if n in doubled)]
    random.shuffle(listed)  # type: ignore[attr-defined]
    final = table(
        LEDGER_FINAL,
        len(listed),
        by=1,
        id=listed or 0,
        round=1,
        place="database",
        state=["wrong" if n in wrong else "found" for n in listed],
    )
    read = FinalRead(round=1, after="end", complete=True, at_ns=ns(20), rows=len(listed))
    account = account_of(Ledger(writes=rows, final=final, final_reads=(read,)))
    acknowledged = set(range(300)) - not_ok
    unknown, intact = {n for n in not_ok if n % 2 == 0}, set(there) - wrong
    assert set(account.lost.sequence.tolist()) == acknowledged & (gone | wrong)
    assert set(account.wrong.sequence.tolist()) == set(there) & wrong
    assert set(account.changed.sequence.tolist()) == not_ok & set(there) & wrong
    assert set(account.twice.sequence.tolist()) == set(there) & doubled
    assert set(account.recovered.sequence.tolist()) == unknown & intact
    assert set(account.unsure.sequence.tolist()) == unknown & gone
    assert set(account.unexpected.sequence.tolist()) == (not_ok - unknown) & intact
    assert (account.attempted, len(account.acknowledged), account.trouble) == (300, len(acknowledged), "")
