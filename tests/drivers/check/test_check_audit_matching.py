"""Entries of an audit log held against what happened, and an export held against records."""

from __future__ import annotations

import json
import math
from dataclasses import replace
from datetime import UTC, datetime
from decimal import Decimal
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from harness import clock
from harness.drivers.check.audit import entries
from harness.drivers.check.audit.entries import AuditEntry, moment_ns, read_entries
from harness.drivers.check.audit.matching import Happened, Said, by_count, by_request, id_in, unknown_entries
from harness.drivers.check.export.held import comparable, leaves, objects_at, paired
from harness.drivers.check.export.records import is_named
from harness.drivers.check.planted.calls import forged
from harness.errors import DriverError
from harness.targets import Target
from harness.units import NS_PER_S
from tests.drivers.check.check_builders import shop_of

NOW = 1_800_000_000 * NS_PER_S
SAID = Said(whence=("127.*",), within_ns=2 * NS_PER_S)
CUT = replace(SAID, cut=True)
"""Of a log that lost entries."""


def call(number: int, **more: object) -> Happened:
    """A planted call of viewer."""
    one = Happened(
        subject=f"call {number}",
        id=f"{number:032x}",
        who="viewer",
        nameless=False,
        what="order",
        sent_ns=NOW,
        done_ns=NOW + NS_PER_S,
    )
    return replace(one, **more)  # type: ignore[arg-type]  # of its own fields


def entry(number: int, **more: object) -> AuditEntry:
    """The right entry of the call."""
    one = AuditEntry(who="viewer", what="order", whence="127.0.0.1", request=f"{number:032x}", at_ns=NOW)
    return replace(one, **more)  # type: ignore[arg-type]  # as above


def test_each_call_has_one_right_entry(subtests: pytest.Subtests) -> None:
    """Each field is compared; a `traceparent` counts by its trace id."""
    for found, observed, ok in [
        ([entry(1)], "one entry", True),
        ([entry(1, request=f"00-{1:032x}-{1:016x}-01")], "one entry", True),
        ([], "no entry", False),
        ([entry(1), entry(1)], "2 entries", False),
        ([entry(1, who="editor")], "who is editor, expected viewer", False),
        ([entry(1, who="")], "who is missing, expected viewer", False),
        ([entry(1, what="read")], "what is read, expected order", False),
        ([entry(1, at_ns=None)], "when is missing or invalid", False),
        ([entry(1, at_ns=NOW - 3600 * NS_PER_S)], "when is 3600 s before the request", False),
        ([entry(1, whence="10.0.0.1")], "whence is 10.0.0.1, expected 127.*", False),
    ]:
        with subtests.test(found=found):
            (fact,) = by_request([call(1)], found, SAID)
            assert (fact.observed, fact.ok) == (observed, ok)


def test_what_a_call_or_its_entry_may_lack(subtests: pytest.Subtests) -> None:
    """Of an unknown outcome one entry or none, never two; of a user whom the platform cannot know the name; of a refusal of the traffic any name is right."""
    maybe, nobody, refusal = call(1, decided=False), call(1, who="", nameless=True), call(1, what="")
    for one, found, said, ok in [
        (maybe, [], SAID, True),
        (maybe, [entry(1)], SAID, True),
        (maybe, [entry(1), entry(1)], SAID, False),
        (nobody, [entry(1, who="")], SAID, True),
        (call(1, who=""), [entry(1, who="")], SAID, False),
        (refusal, [entry(1, what="order.refused")], SAID, True),
        (refusal, [entry(1, what="")], SAID, False),
        (call(1), [], CUT, None),
        (call(1), [entry(1), entry(1)], CUT, False),
    ]:
        with subtests.test(one=one, found=found, said=said):
            assert by_request([one], found, said)[0].ok is ok


@given(st.sets(st.integers(1, 300)), st.integers(1, 300))
def test_exactly_the_missing_entries_are_named(missing: set[int], count: int) -> None:
    """Whichever they are."""
    facts = by_request(
        [call(n) for n in range(1, count + 1)], [entry(n) for n in range(1, 301) if n not in missing], SAID
    )
    assert {one.subject for one in facts if not one.ok} == {f"call {n}" for n in missing if n <= count}


@pytest.mark.parametrize(("found", "ok"), [(3, True), (2, False), (4, False)])
def test_calls_without_ids_are_counted(found: int, *, ok: bool) -> None:
    """By user, operation and time: an entry of an hour ago is none of them."""
    calls = [call(n, id="") for n in range(3)]
    late = entry(9, request="", at_ns=NOW - 3600 * NS_PER_S)
    (fact,) = by_count(calls, [entry(n, request="") for n in range(found)] + [late], SAID)
    assert fact.ok is ok


def test_more_entries_than_calls_without_a_user_are_not_decided() -> None:
    """Some may be of others."""
    (fact,) = by_count([call(1, id="", who="", nameless=True)], [entry(n, request="", who="") for n in (1, 2)], SAID)
    assert fact.ok is None


def test_entries_of_the_planted_user_that_nothing_explains_are_named() -> None:
    """A second entry under another id is one of them."""
    viewer = frozenset({"viewer"})
    (fact,) = unknown_entries([call(1)], [call(1)], [entry(1), entry(2)], viewer)
    assert (fact.observed, fact.ok) == ("1: 1 of order with another id", None)
    assert list(unknown_entries([call(1)], [call(1)], [entry(1), entry(2, who="editor")], viewer)) == []


def test_entries_of_what_the_user_did_before_are_of_other_checks() -> None:
    """Before the first planted request, or where none is planted."""
    earlier = replace(entry(2), at_ns=call(1).sent_ns - 1)
    viewer = frozenset({"viewer"})
    assert list(unknown_entries([call(1)], [call(1)], [entry(1), earlier], viewer)) == []
    assert list(unknown_entries([call(1)], [], [entry(1), entry(2)], viewer)) == []


def test_entries_of_other_clients_at_the_same_time_are_none_of_ours() -> None:
    """A wrong password of another address is no entry of this machine; a log that has the address of none of ours is wrong, and one that lost entries may have lost ours."""
    calls = [call(n, id="", who="", nameless=True) for n in range(3)]
    mine = [entry(n, request="", who="") for n in range(3)]
    others = [entry(n, request="", who="", whence="10.0.0.9") for n in range(4)]
    assert by_count(calls, [*mine, *others], SAID)[0].ok
    assert by_count(calls, [*mine[1:], *others], SAID)[0].ok is False
    assert by_count(calls, others[1:], SAID)[0].ok is False
    assert by_count([call(1, id="")], [], CUT)[0].ok is None


def test_entries_without_an_id_may_be_those_that_are_missing() -> None:
    """Of two refusals without an entry, two entries of that kind that name no id leave it undecided; one does not explain two."""
    calls = [call(n) for n in range(1, 5)]
    named = [entry(1), entry(2)]
    without = [entry(n, request="") for n in (3, 4)]
    assert [one.ok for one in by_request(calls, [*named, *without], SAID)] == [True, True, None, None]
    assert [one.ok for one in by_request(calls, [*named, *without[1:]], SAID)] == [True, True, False, False]


@given(st.text(), st.sets(st.text(min_size=1)))
def test_an_id_is_found_where_it_is_the_text(text: str, ids: set[str]) -> None:
    """And none is made up."""
    assert id_in(text, ids) in ids | {""}
    assert all(id_in(one, ids) == one for one in ids)


def test_times_are_read_in_any_usual_form() -> None:
    """Without a zone they are UTC; what is no time is None."""
    at = datetime(2026, 1, 2, 3, 4, 5, tzinfo=UTC)
    same = [
        at,
        at.isoformat(),
        "2026-01-02T03:04:05Z",
        "2026-01-02 03:04:05",
        at.timestamp(),
        "2026-01-02T05:04:05+02:00",
        *(at.timestamp() * unit for unit in (1e3, 1e6, 1e9)),
        str(int(at.timestamp())),
        f"{int(at.timestamp())}000",
    ]
    assert {moment_ns(one) for one in same} == {int(at.timestamp()) * NS_PER_S}
    strange: list[object] = [None, True, "yesterday", [], math.nan, math.inf]
    assert [moment_ns(value) for value in strange] == [None] * 6


def logs(directory: Path, *lines: str, files: str = "*.ndjson") -> Target:
    """A target whose audit log is in files."""
    (directory / "audit.ndjson").write_text("\n".join(lines), encoding="utf-8")
    fields = {"who": "user.name", "what": "action", "when": "time", "request": "trace"}
    return shop_of(directory, audit={"files": files, "fields": fields})


def test_log_files_are_read_line_by_line(tmp_path: Path) -> None:
    """Fields within others, entries since a moment, and lines that are no entry, by file and number."""
    new, old = [{"user": {"name": "viewer"}, "action": "order", "time": at, "trace": "t"} for at in (2_000, 1_000)]
    read = read_entries(logs(tmp_path, json.dumps(new), "", "{", json.dumps(old)), 1_500 * NS_PER_S, str)
    right = AuditEntry(who="viewer", what="order", whence="", request="t", at_ns=2_000 * NS_PER_S)
    assert (read.entries, read.unread) == ([right], [f"{tmp_path}/audit.ndjson:3"])


def test_a_line_that_is_being_written_is_read_the_next_time(tmp_path: Path) -> None:
    """A last line without its end is no damage; one that is complete counts without a line end."""
    new = json.dumps({"user": {"name": "viewer"}, "action": "order", "time": 2_000, "trace": "t"})
    read = read_entries(logs(tmp_path, new, new[:40]), 0, str)
    assert (len(read.entries), read.unread) == (1, [])
    assert len(read_entries(logs(tmp_path, new, new), 0, str).entries) == 2


def test_old_entries_of_a_long_log_are_not_held(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Only entries since the moment count against the greatest number; the oldest is known."""
    monkeypatch.setattr(entries, "MOST", 3)
    lines = [json.dumps({"user": {"name": "viewer"}, "action": "a", "time": at, "trace": "t"}) for at in range(1, 9)]
    read = read_entries(logs(tmp_path, *lines), 7 * NS_PER_S, str)
    assert (len(read.entries), read.oldest_ns) == (2, NS_PER_S)


@pytest.mark.parametrize(
    ("files", "line", "why"),
    [
        ("other-*", "{}", "there is no such file"),
        ("*.ndjson", '{"user": 1}', "no entry has the field `user.name`"),
        (
            "*.ndjson",
            '{"user": {"name": "v"}, "action": "a", "trace": "t", "time": "02/Jan/2026"}',
            "no entry has a time that can be read, such as `02/Jan/2026`",
        ),
    ],
)
def test_a_place_or_a_field_that_is_not_there_is_refused(tmp_path: Path, files: str, line: str, why: str) -> None:
    """With the key of the target file."""
    with pytest.raises(DriverError, match=why):
        read_entries(logs(tmp_path, line, files=files), 0, str)


@given(st.lists(st.frozensets(st.integers(0, 5).map(str)), max_size=6))
def test_every_record_finds_an_object_of_its_own(records: list[frozenset[str]]) -> None:
    """Whatever the order; without one object a record is missing."""
    assert len(paired(records, records[::-1])) == len(records)
    if records:
        assert len(paired(records, records[1:])) <= len(records) - 1


def test_many_equal_records_are_paired_quickly() -> None:
    """1500 equal records with 1200 objects: no object is two, so 300 are missing, without a search that is as deep or as long as there are records."""
    wants, objects = [leaves({"a": 1})] * 1500, [leaves({"a": 1, "n": n}) for n in range(1200)]
    began_s = clock.now_s()
    assert len(paired(wants, objects)) == 1200
    assert clock.now_s() - began_s < 10


def test_equal_values_are_equal_however_they_are_written(subtests: pytest.Subtests) -> None:
    """Numbers, and times in any zone."""
    for one, other in [
        (1, "1"),
        (1.0, "1"),
        (Decimal("12345678901234567890123456789012.50"), "12345678901234567890123456789012.5"),
        ("2026-01-02T03:04:05+00:00", "2026-01-02T05:04:05.000+02:00"),
        ("2026-01-02T03:04:05.123999+00:00", "2026-01-02T03:04:05.123Z"),
        ("2026-01-02T03:04:05.1", "2026-01-02T03:04:05Z"),
        ("2026-01-02", "2026-01-02T00:00:00.000Z"),
        (True, True),
    ]:
        with subtests.test(one=one):
            assert comparable(one) == comparable(other)


@pytest.mark.parametrize("text", ["--5", "2026-13-99", "2026-01-02 is a day", "-", ".", "", "1.2.3"])
def test_a_text_that_is_no_number_or_time_is_itself(text: str) -> None:
    """However much it is like one."""
    assert comparable(text) == text


@pytest.mark.parametrize(
    ("value", "named"),
    [
        ("test-1", True),
        ("test-10", False),
        ("by test-1!", True),
        (["x", {"k": "test-1"}], True),
        ("a\ntest-1", True),
        ({"n": ["hi\ttest-1"]}, True),
        ({"test-1": 0}, True),
    ],
)
def test_a_name_is_a_word_of_its_own(value: object, *, named: bool) -> None:
    """A longer name is another person."""
    assert is_named(value, ["test-1"]) is named


def test_of_the_export_itself_no_list_counts() -> None:
    """Else a profile that is left out would be found in the records."""
    assert objects_at({"name": "x", "orders": [1]}, "") == [{"name": "x"}]
    assert objects_at({"a": {"b": [1, 2]}}, "a.b") == [1, 2]
    assert objects_at({"a": {}}, "a.b") is None


@given(st.from_regex(r"[A-Za-z0-9_-]{1,9}(\.[A-Za-z0-9_-]{1,20}){2}", fullmatch=True))
def test_a_forged_token_differs_in_its_signature_alone(token: str) -> None:
    """Head and claims are those of the right one."""
    made = forged(token)
    assert made != token
    assert made.rpartition(".")[0] == token.rpartition(".")[0]
