"""Figures that others measure: the sentences about them, and files that must not be believed."""

from __future__ import annotations

import contextlib
import json
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from harness.drivers.ingest.formats.figures import COLUMNS, outside_figures
from harness.errors import DriverError, HarnessError
from tests.builders.asked import oks, seen

HEAD = ",".join(COLUMNS[:-1])
HEAD_OF_KINDS = ",".join(COLUMNS)
ADOPTION = "user_adoption,93,%,2026-11-20T12:00:00Z,1.0.0,2026-11-01T12:00:00Z,,,"
THEN = 'the figure "user_adoption" is at least 90 %, measured within 30 d of the release'
AFTER = "measured after the release: user_adoption"


def found(directory: Path, text: str | bytes, then: str = THEN, of: str = "release") -> dict[str, bool | None]:
    """How the facts of a figures file come out."""
    (directory / "f.csv").write_bytes(text if isinstance(text, bytes) else text.encode())
    (directory / "f.csv.origin.yaml").write_text("target: paper\n")
    when = f'the figures "business" of this {of} have been read'
    return oks(seen(directory, when, then, {"figures": {"business": "f.csv"}}))


def test_a_figure_that_is_not(tmp_path: Path, subtests: pytest.Subtests) -> None:
    """Of this release, in the unit of the sentence, in time: too low is a FAIL; another unit, release or time is no evidence."""
    assert found(tmp_path, f"{HEAD}\n{ADOPTION}\n") == {"release": True, "user_adoption": True, AFTER: True}
    for name, spoilt, subject, ok in [
        ("too low", (",93,", ",89.9,"), "user_adoption", False),
        ("just enough", (",93,", ",90,"), "user_adoption", True),
        ("unit", ("%", "ratio"), "user_adoption", None),
        ("release", ("1.0.0", "0.9.0"), "release", None),
        ("no release", ("1.0.0", ""), "release", None),
        ("late", ("2026-11-01", "2026-10-01"), AFTER, None),
        ("before", ("2026-11-01", "2026-11-21"), AFTER, None),
        ("no date", ("2026-11-01T12:00:00Z", ""), AFTER, None),
        ("future", ("2026-11-20", "2026-12-20"), "age", None),
    ]:
        with subtests.test(name):
            assert found(tmp_path, f"{HEAD}\n{ADOPTION.replace(*spoilt, 1)}\n")[subject] is ok


def test_days_are_as_far_apart_as_the_calendar_says(tmp_path: Path) -> None:
    """Two days before the release is before it, whatever the zone; beside a time a day is open on both sides."""
    for at, released, ok in [
        ("2026-11-18", "2026-11-20", None),
        ("2026-11-20", "2026-11-20", True),
        ("2026-11-20", "2026-10-21", True),
        ("2026-11-20", "2026-10-20", None),
        ("2026-11-20", "2026-11-20T12:00:00Z", None),
    ]:
        row = ADOPTION.replace("2026-11-20T12:00:00Z", at).replace("2026-11-01T12:00:00Z", released)
        assert found(tmp_path, f"{HEAD}\n{row}\n")[AFTER] is ok, (at, released)


def test_a_figure_against_its_own_baseline_and_target(tmp_path: Path) -> None:
    """At most, at least, and a share below; without one it is unknown."""
    rows = f"{HEAD}\ncost,3000,EUR,2026-11-20T12:00:00Z,,,4000,2500,\nbare,1,,2026-11-20,,,,,\n"
    for name, bound, ok in [
        ("cost", "at most its baseline", True),
        ("cost", "at most its target", False),
        ("cost", "at least 25 % below its baseline", True),
        ("cost", "at least 26 % below its baseline", False),
        ("bare", "at most its baseline", None),
        ("bare", "at least 1 % below its baseline", None),
    ]:
        assert found(tmp_path, rows, f'the figure "{name}" is {bound}', "target")[name] is ok, bound
    for age, young in (("90 d", True), ("12 h", None)):
        then = f'the figure "cost" is at most its baseline, younger than {age}'
        assert found(tmp_path, rows, then, "target") == {"target": True, "age": young, "cost": True}


def test_a_figure_that_is_not_on_its_scale(tmp_path: Path, subtests: pytest.Subtests) -> None:
    """A lost decimal point or a wrong sign: neither PASS nor FAIL, with the place.

    A share stays below 100 %, and so does what the file gives no kind of, against a baseline; a kind is one of three, of figures in `%`.
    """
    for row, then, what in [
        ("n,43,of 5,2026-11-20,,,,,,", "at least 4.0 of 5", "43 of 5 is not from 0 to 5"),
        ("n,-1,of 5,2026-11-20,,,,,,", "at least 4.0 of 5", "-1 of 5 is not from 0 to 5"),
        ("n,940,%,2026-11-20,,,,,,", "at least 90 %", "940 % is not from 0 to 100"),
        ("n,-3,%,2026-11-20,,,,,,", "at most 10 %", "-3 % is not from 0 to 100"),
        ("n,94,%,2026-11-20,,,,940,,", "at most its target", "940 % is not from 0 to 100"),
        ("n,-3,months,2026-11-20,,,,,,", "at most 3 months", "-3 months is below 0"),
        ("n,-2900,EUR,2026-11-20,,,4000,,,", "at least 25 % below its baseline", "-2900 EUR is below 0"),
        ("n,-2900,EUR,2026-11-20,,,4000,,,", "at most its baseline", "-2900 EUR is below 0"),
        ("n,5,EUR,2026-11-20,,,,-10,,", "at least its target", "-10 EUR is below 0"),
        ("n,130,%,2026-11-20,,,90,,,share", "at least its baseline", "130 % is not from 0 to 100"),
        ("n,130,%,2026-11-20,,,90,,,", "at least its baseline", "130 % is not from 0 to 100"),
        ("n,130,%,2026-11-20,,,,,,share", "at least 120 %", "130 % is not from 0 to 100"),
        ("n,-3,%,2026-11-20,,,,,,ratio", "at most 10 %", "-3 % is not 0 or more"),
        ("n,-3,%,2026-11-20,,,5,,,growth", "at least 1 % below its baseline", "-3 % is below 0"),
        ("n,3,EUR,2026-11-20,,,,,,growth", "at most its baseline", "`growth` is not a kind of a figure in `EUR`"),
        ("n,3,%,2026-11-20,,,,,,grwth", "at most its baseline", "`grwth` is not a kind of a figure in `%`"),
    ]:
        with subtests.test(row=row, then=then):
            with pytest.raises(DriverError, match=what) as caught:
                found(tmp_path, f"{HEAD_OF_KINDS}\n{row}\n", f'the figure "n" is {then}', "target")
            assert caught.value.where.startswith(f"{tmp_path / 'f.csv'}:2: ")
            assert caught.value.hint


def test_a_growth_and_a_ratio_may_exceed_100_percent(tmp_path: Path, subtests: pytest.Subtests) -> None:
    """The file gives the kind of its figure; a growth may be below 0, too. A sentence may ask for it; one below 0 that is too low is a FAIL."""
    for row, then, ok in [
        ("n,130,%,2026-11-20,,,90,,,growth", "at least its baseline", True),
        ("n,130,%,2026-11-20,,,140,,,growth", "at least its baseline", False),
        ("n,130,%,2026-11-20,,,90,,,growth", "at most its baseline", False),
        ("n,130,%,2026-11-20,,,90,,,growth", "at least 30 %", True),
        ("n,-3,%,2026-11-20,,,5,,,growth", "at most its baseline", True),
        ("n,-3,%,2026-11-20,,,-5,,,growth", "at least its baseline", True),
        ("n,150,%,2026-11-20,,,300,,,ratio", "at least 40 % below its baseline", True),
        ("n,150,%,2026-11-20,,,,120,,ratio", "at least its target", True),
        ("n,93,%,2026-11-20,,,90,,,share", "at least its baseline", True),
        ("n,118,%,2026-11-20,,,,,,", "at least 120 %", False),
        ("n,118,%,2026-11-20,,,,,,", "at most 120 %", True),
        ("n,118,%,2026-11-20,,,,,,", "at least 110 %", True),
        ("n,118,%,2026-11-20,,,,,,", "at most 110 %", False),
        ("n,-4,points,2026-11-20,,,,,,", "at least 30 points", False),
    ]:
        with subtests.test(row=row, then=then):
            assert found(tmp_path, f"{HEAD_OF_KINDS}\n{row}\n", f'the figure "n" is {then}', "target")["n"] is ok


def test_answers_that_a_figure_was_made_from(tmp_path: Path) -> None:
    """Enough, too few, not given: a figure from few answers is no evidence."""
    then = 'the figure "satisfaction" is at least 4.0 of 5, from at least 30 answers'
    row = f"{HEAD}\nsatisfaction,4.3,of 5,2026-11-20,1.0.0,,,,112\n"
    subject = "answers: satisfaction"
    assert found(tmp_path, row, then)[subject] is True
    assert found(tmp_path, row.replace("112", "29"), then)[subject] is None
    assert found(tmp_path, row.replace("112", ""), then)[subject] is None


def test_json_says_the_same(tmp_path: Path) -> None:
    """As a list below `figures`; numbers are numbers or texts."""
    figure = {"name": "n", "value": 4.5, "unit": "of 5", "at": "2026-11-20", "release": "1.0.0", "answers": 40}
    facts = found(
        tmp_path, json.dumps({"figures": [figure]}), 'the figure "n" is at least 4.0 of 5, from at least 30 answers'
    )
    assert set(facts.values()) == {True}


def test_what_is_no_figure_is_refused_with_its_place(tmp_path: Path, subtests: pytest.Subtests) -> None:
    """Decimal commas, NaN, other dates, names twice: file, line and hint."""
    cases: list[tuple[str | bytes, str]] = [
        (f"{HEAD}\nuser_adoption,93\n", "has 2 columns, the header 9"),
        (f'{HEAD}\nuser_adoption,"93,5",%,2026-11-20,,,,,\n', "`93,5` is not a number"),
        (f"{HEAD}\nuser_adoption,93,5,%,2026-11-20,,,,,\n", "has 10 columns"),
        (f"{HEAD}\nuser_adoption,NaN,%,2026-11-20,,,,,\n", "`NaN` is not a number"),
        (f"{HEAD}\nuser_adoption,1e3,%,2026-11-20,,,,,\n", "is not a number"),
        (f"{HEAD}\nuser_adoption,inf,%,2026-11-20,,,,,\n", "is not a number"),
        (f"{HEAD}\nuser_adoption,93,%,20.11.2026,,,,,\n", r"`20\.11\.2026` is not a time"),
        (f"{HEAD}\nuser_adoption,93,%,,,,,,\n", "`at` is missing"),
        (f"{HEAD}\n{ADOPTION}\n{ADOPTION}\n", "is there twice"),
        (f"{HEAD}\nother,93,%,2026-11-20,,,,,\n", "has no figure `user_adoption`"),
        (f"{HEAD}\nuser_adoption,93,%,2026-11-20,,,,,few\n", "`few` is not a count"),
        ("name;value;unit;at\nuser_adoption;93;%;2026-11-20\n", "divided by semicolons"),
        ("name,value,unit,when\n", "the column `when` is unknown"),
        ("name,value,unit,at,at\n", "the column `at` is there twice"),
        ('name,value,unit,at\n"user_adoption,93', "is not CSV"),
        ('{"figures": {}}', "has no list `figures`"),
        ('{"figures": [{"name": "a", "value": true, "at": "2026-11-20"}]}', "neither a text nor a number"),
        ('{"figures": [{"name": "a", "valu": 1}]}', "the column `valu` is unknown"),
        ("größe".encode("latin-1"), "is not UTF-8 text"),
    ]
    for text, what in cases:
        with subtests.test(text=text):
            with pytest.raises(DriverError, match=what) as caught:
                found(tmp_path, text)
            assert caught.value.where
            assert caught.value.hint


def test_two_files_with_one_figure(tmp_path: Path) -> None:
    """Nobody knows which is right."""
    for name in ("a.csv", "b.csv"):
        (tmp_path / name).write_text(f"{HEAD}\n{ADOPTION}\n")
    when = 'the figures "business" of this release have been read'
    with pytest.raises(DriverError, match="two files give the figure"):
        seen(tmp_path, when, THEN, {"figures": {"business": "*.csv"}})


@settings(max_examples=200)
@given(
    st.binary(max_size=100)
    | st.lists(st.text(max_size=12), max_size=12).map(lambda row: f"{HEAD}\n{','.join(row)}".encode())
)
def test_any_bytes_are_figures_or_an_error(body: bytes) -> None:
    """Never another exception."""
    with contextlib.suppress(HarnessError):
        outside_figures(body, "f")
