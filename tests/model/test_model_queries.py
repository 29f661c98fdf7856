"""Texts of queries: shortened, and recognised whatever their values."""

from __future__ import annotations

import pytest

from harness.model.records.queries import LONGEST, brief, is_query, shortened, without_values

BEGIN = "WITH seen AS (SELECT answer FROM requests WHERE key = $1), done AS (UPDATE tracks SET plays = plays + 1 WHERE id = $2)"
LONG = f"{BEGIN} SELECT {', '.join(f'column_{number}' for number in range(100))}"


def test_a_query_is_kept_on_one_line_without_its_values() -> None:
    """A text that somebody wrote into it is left out; what is too long is cut."""
    assert shortened("SELECT 'it''s me',\n  a FROM b") == "SELECT '…', a FROM b"
    assert (len(shortened(LONG)), shortened(LONG)[-1]) == (LONGEST, "…")
    assert (shortened(BEGIN), len(brief(BEGIN))) == (BEGIN, 100)


def test_constants_are_values_and_names_are_none() -> None:
    """PostgreSQL counts `WHERE true LIMIT 100` as `WHERE $1 LIMIT $2`; a column whose name begins so is none."""
    assert without_values("SELECT true_north, FALSE FROM t1 LIMIT 100") == "SELECT true_north, ? FROM t1 LIMIT ?"


def test_a_query_is_recognised_as_postgresql_counts_it(subtests: pytest.Subtests) -> None:
    """The second text is what `pg_stat_statements` of PostgreSQL 17 has of the first."""
    for written, counted in [
        ("SELECT extract(epoch FROM now() - at) FROM t", "SELECT extract($1 FROM now() - at) FROM t"),
        ("INSERT INTO t VALUES (NULL, 'a')", "INSERT INTO t VALUES ($1, $2)"),
        ("UPDATE t SET name = $1 WHERE id = -5", "UPDATE t SET name = $1 WHERE id = $2"),
        ("SELECT id - 5 FROM t", "SELECT id - $1 FROM t"),
        ("SELECT -1.5, +2, - 3 FROM t", "SELECT $1, +$2, $3 FROM t"),
        ("SELECT 1e5, .5, 1_000, 0x1F FROM t", "SELECT $1, $2, $3, $4 FROM t"),
        (r"SELECT E'a\'b', B'101', X'1F', U&'abc' FROM t", "SELECT $1, $2, $3, $4 FROM t"),
        ("SELECT N'abc' FROM t", "SELECT N$1 FROM t"),
        ("SELECT $$a 'b$$, $x$c$$d$x$ FROM t", "SELECT $1, $2 FROM t"),
        ("SELECT id FROM t LIMIT ALL", "SELECT id FROM t LIMIT $1"),
        ("SELECT id FROM t LIMIT NULL", "SELECT id FROM t LIMIT $1"),
        ("SELECT normalize(name, NFC) FROM t", "SELECT normalize(name, $1) FROM t"),
        (
            "SELECT at - INTERVAL '2' DAY, at::date = date '2020-01-01'",
            "SELECT at - INTERVAL $1 DAY, at::date = date $2",
        ),
        (
            "SELECT id FROM t WHERE name IS NOT NULL AND b IS TRUE",
            "SELECT id FROM t WHERE name IS NOT NULL AND b IS TRUE",
        ),
    ]:
        with subtests.test(written):
            assert is_query(shortened(counted), written)


@pytest.mark.parametrize(
    "other",
    [
        "DELETE FROM t WHERE name IS NOT NULL",
        "DELETE FROM t WHERE id + 5 = 1",
        "DELETE FROM t WHERE null_id = 1",
        "DELETE FROM t WHERE extract_1(id) = 2",
    ],
)
def test_what_is_no_value_tells_queries_apart(other: str) -> None:
    """A condition that differs in more than values is another query."""
    assert not is_query("DELETE FROM t WHERE id - $1 = $2", other)


@pytest.mark.parametrize(
    ("full", "same"),
    [
        (LONG, True),
        (LONG.replace("+ 1", "+ $3"), True),
        (LONG.replace("UPDATE tracks", "UPDATE ledger"), False),
        ("SELECT 1", False),
        ("", False),
    ],
)
def test_a_query_that_was_cut_is_recognised_by_its_beginning(*, full: str, same: bool) -> None:
    """Its values may have been counted in another way."""
    assert is_query(shortened(LONG), full) is same


def test_wherever_a_query_is_cut_half_a_value_is_no_other_query(subtests: pytest.Subtests) -> None:
    """The cut is within each of its values once: `$12`, a text, a number, a constant, a cast."""
    rest = (
        " FROM unnest($12::text[], 'it is', -12.5, true) AS given WHERE at > extract(epoch FROM $1) AND b = NULL LIMIT ALL"
        * 2
    )
    for before in range(LONGEST - 100, LONGEST):
        with subtests.test(before=before):
            query = f"SELECT {'x' * before}{rest}"
            other = query.replace("$12", "'a'").replace("-12.5", "$3").replace("true", "$4").replace("'it is'", "$5")
            other = other.replace("epoch", "$6").replace("NULL", "$7").replace("ALL", "$8")
            assert is_query(shortened(query), query)
            assert is_query(shortened(query), other)
            assert not is_query(shortened(query), f"SELECT {'y' * max(before, 1)}{rest}")


def test_a_whole_query_is_recognised_by_all_of_it() -> None:
    """One that only begins so is another."""
    assert is_query("SELECT pg_sleep($1)", "SELECT pg_sleep(0.7)")
    assert not is_query("SELECT pg_sleep($1)", "SELECT pg_sleep(0.7) FROM a")
