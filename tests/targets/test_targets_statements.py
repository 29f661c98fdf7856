"""What people say: read strictly, and counted only on its days and for its release."""

from __future__ import annotations

from datetime import UTC, datetime
from pathlib import Path

import pytest

from harness.errors import ConfigurationError
from harness.targets.files.statements import (
    AttestationFile,
    read_attestations,
    read_waivers,
    refuse_unknown,
    write_statement,
)

TODAY = datetime(2026, 6, 1, 12, tzinfo=UTC)
SAID = """\
by: A. Person
reason: reviewed
link: https://example.test/1
date: 2026-05-01
expires: 2026-07-01
release: 1.0.0
"""
ATTESTATION = f"attestation: S-1\nrole: security-lead\n{SAID}"
WAIVER = f"waiver: S-1\naccepts: {{bound: 300 ms}}\n{SAID}"


def attested(folder: Path, text: str = ATTESTATION, release: str = "1.0.0") -> str:
    """Why the attestation with this text does not count."""
    (folder / "S-1.yaml").write_text(text, encoding="utf-8")
    (one,) = read_attestations([folder], release, TODAY)
    return one.void


@pytest.mark.parametrize(
    ("old", "new", "why"),
    [
        ("1.0.0", "1.0.0", ""),
        ("expires: 2026-07-01", "expires: 2026-06-01", ""),
        ("expires: 2026-07-01", "expires: 2026-05-31", "it expired on 2026-05-31"),
        ("date: 2026-05-01", "date: 2026-06-02", "its date is 2026-06-02, which is in the future"),
        ("release: 1.0.0", "release: 1.0.1", "it applies to release 1.0.1, expected 1.0.0"),
    ],
)
def test_an_attestation_counts_on_its_days_and_for_its_release(tmp_path: Path, old: str, new: str, why: str) -> None:
    """The day that it expires is its last."""
    assert attested(tmp_path, ATTESTATION.replace(old, new)) == why


def test_the_age_is_in_days(tmp_path: Path) -> None:
    """From its date to the day of the run."""
    (tmp_path / "a.yaml").write_text(ATTESTATION, encoding="utf-8")
    (one,) = read_attestations([tmp_path], "1.0.0", TODAY)
    assert one.age_days == 31
    assert one.file == f"{tmp_path.name}/a.yaml"


def test_a_wrong_attestation_is_refused_with_its_file(tmp_path: Path, subtests: pytest.Subtests) -> None:
    """Configuration, so it is said before anything runs."""
    for text, what in [
        (ATTESTATION.replace("by: A. Person\n", ""), "by"),
        (ATTESTATION.replace("2026-05-01", "yesterday"), "a day like"),
        (ATTESTATION.replace("2026-05-01", "2026-05-01 10:00:00"), "a day like"),
        (
            ATTESTATION.replace("https://example.test/1", "the wiki"),
            "`the wiki` is not an address like `https://example.test/42`",
        ),
        (ATTESTATION.replace("https://example.test/1", "https://a.test/" + 500 * "x"), "longer than 500 characters"),
        (ATTESTATION.replace("by: A. Person", 'by: "A.\\tPerson"'), "is not one line with text in it, without tabs"),
        (
            ATTESTATION.replace("role: security-lead", "role: Security Lead"),
            "`Security Lead` is not a role in small letters",
        ),
        (ATTESTATION.replace("expires: 2026-07-01", "expires: 2026-04-01"), "it expires before its date"),
        (ATTESTATION + "approved: yes\n", "approved"),
        ("- a list\n", "mapping"),
        ("", "attestation"),
    ]:
        with subtests.test(text):
            with pytest.raises(ConfigurationError) as error:
                attested(tmp_path, text)
            assert str(tmp_path / "S-1.yaml") in error.value.where
            assert what in str(error.value)


def test_a_waiver_says_what_it_accepts(tmp_path: Path) -> None:
    """One of four things, or a subject with a bound, for its time and release."""
    (tmp_path / "S-1.yaml").write_text(WAIVER, encoding="utf-8")
    (one,) = read_waivers([tmp_path], "1.0.0", TODAY)
    assert one.sentence == "S-1: A. Person accepts the bound 300 ms until 2026-07-01 (reviewed)"
    assert one.void == ""
    bounded = WAIVER.replace("bound: 300 ms", 'subjects: [tests that failed], bound: "1"')
    (tmp_path / "S-1.yaml").write_text(bounded, encoding="utf-8")
    (one,) = read_waivers([tmp_path], "1.0.0", TODAY)
    assert one.accepts == "the facts of tests that failed within the bound 1"


def test_a_waiver_of_everything_or_nothing_is_refused(tmp_path: Path, subtests: pytest.Subtests) -> None:
    """A FAIL is never waived as a whole."""
    for accepts, what in [
        ("{}", "exactly one of"),
        ("{bound: 300 ms, count: 2}", "exactly one of"),
        ("{outcome: FAIL}", "outcome"),
        ("{bound: quick}", "bound"),
        ("{count: -1}", "accepts.count: `-1` is not a number of at least 1"),
        ("{count: true}", "accepts.count: `true` is not a whole number"),
        ("{bound: 300 ms, count: 0}", "accepts.count: `0` is not a number of at least 1"),
        ("{count: 0}", "accepts.count: `0` is not a number of at least 1"),
        (
            "{bound: -5 ms}",
            "accepts.bound: `-5 ms` is not a number with a unit like `300 ms` or `0.5 %`, and not below 0",
        ),
        ('{bound: 300 ms, outcome: ""}', "exactly one of"),
        ("{subjects: []}", "exactly one of"),
        ('{subjects: [tests that failed], bound: "1", count: 2}', "exactly one of"),
        ("{subjects: [tests that failed], outcome: INCONCLUSIVE}", "exactly one of"),
        ('{subjects: [], bound: "1"}', "exactly one of"),
    ]:
        with subtests.test(accepts):
            (tmp_path / "S-1.yaml").write_text(WAIVER.replace("{bound: 300 ms}", accepts), encoding="utf-8")
            with pytest.raises(ConfigurationError, match=r"S-1\.yaml") as error:
                read_waivers([tmp_path], "1.0.0", TODAY)
            assert what in str(error.value)


def test_two_waivers_of_one_requirement_are_refused(tmp_path: Path) -> None:
    """Which of them counts would be a guess."""
    for name in ("a.yaml", "b.yml"):
        (tmp_path / name).write_text(WAIVER, encoding="utf-8")
    with pytest.raises(ConfigurationError, match=r"S-1 is waived twice, also in .*a\.yaml"):
        read_waivers([tmp_path], "1.0.0", TODAY)


def test_a_file_of_either_suffix_is_read_and_never_written_over(tmp_path: Path) -> None:
    """An attestation in `S-1.yml` counts, and a second one is refused."""
    (tmp_path / "S-1.yml").write_text(ATTESTATION, encoding="utf-8")
    (one,) = read_attestations([tmp_path], "1.0.0", TODAY)
    assert one.file == f"{tmp_path.name}/S-1.yml"
    said = {"by": "A. Person", "reason": "reviewed", "link": "https://example.test/1", "release": "1.0.0"}
    days = {"date": "2026-05-01", "expires": "2026-07-01"}
    statement = AttestationFile.model_validate({"attestation": "S-1", "role": "security-lead", **said, **days})
    with pytest.raises(ConfigurationError) as error:
        write_statement(tmp_path, statement)
    assert (error.value.what, error.value.where) == ("the file exists already", str(tmp_path / "S-1.yml"))


@pytest.mark.parametrize(
    ("kind", "text", "named", "hint"),
    [
        ("attestations", ATTESTATION, "S-2", "did you mean 'S-2'?"),
        ("waivers", WAIVER, "S-2", "did you mean 'S-2'?"),
        ("waivers", WAIVER.replace("waiver: S-1", "waiver: writes-lots"), "S-1", "did you mean 'writes-lost'?"),
    ],
)
def test_a_statement_about_an_unknown_id_is_refused(
    tmp_path: Path, kind: str, text: str, named: str, hint: str
) -> None:
    """It would be without effect, and without a word; file, line and the nearest id are named."""
    (tmp_path / "a.yaml").write_text(f"# reviewed\n{text}", encoding="utf-8")
    with pytest.raises(ConfigurationError, match="no requirement has the id") as error:
        refuse_unknown(kind, [tmp_path], [named])
    assert error.value.where == f"{tmp_path / 'a.yaml'}:2: {kind.removesuffix('s')}"
    assert error.value.hint == hint


def test_a_statement_about_a_known_id_or_harm_is_not_refused(tmp_path: Path) -> None:
    """Whatever profile the requirement is of; a harm has no row in the catalogue."""
    (tmp_path / "a.yaml").write_text(WAIVER, encoding="utf-8")
    refuse_unknown("waivers", [tmp_path], ["S-1"])
    harm = WAIVER.replace("waiver: S-1", "waiver: writes-lost").replace("bound: 300 ms", "count: 1")
    (tmp_path / "a.yaml").write_text(harm, encoding="utf-8")
    refuse_unknown("waivers", [tmp_path], ["S-1"])
