"""JUnit XML of four writers, the sentences about tests, and reports that must not be believed."""

from __future__ import annotations

import contextlib
import re
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from harness.drivers.ingest.formats.moments import Moment
from harness.drivers.ingest.formats.testing.junit import JunitReport, junit_report
from harness.drivers.ingest.formats.testing.tally import CaseOutcome
from harness.errors import DriverError, HarnessError
from tests.builders.asked import COMMIT, oks, seen

PYTEST = """<?xml version="1.0" encoding="utf-8"?>
<testsuites name="pytest tests">
  <testsuite name="pytest" errors="1" failures="1" skipped="1" tests="4" time="0.1" timestamp="2026-11-20T09:30:00.123456+00:00">
    <properties><property name="commit" value="3f2a1c9"/></properties>
    <testcase classname="tests.test_users" name="test_one[a]" time="0.01"/>
    <testcase classname="tests.test_users" name="test_two" time="0.01"><failure message="no">trace</failure></testcase>
    <testcase classname="tests.test_users" name="test_three" time="0.01"><error message="setup">trace</error></testcase>
    <testcase classname="tests.test_users" name="test_four" time="0.0"><skipped type="pytest.skip" message="later"/></testcase>
  </testsuite>
</testsuites>"""
SUREFIRE = """<testsuite xmlns:xsi="http://www.w3.org/2001/XMLSchema-instance" version="3.0" name="com.example.UserTest" time="0.6"
    tests="2" errors="0" skipped="0" failures="0">
  <properties><property name="java.version" value="21"/><property name="release" value="1.0.0"/></properties>
  <testcase name="signsIn" classname="com.example.UserTest" time="0.1"/>
  <testcase name="signsOut" classname="com.example.UserTest" time="0.1"><flakyFailure message="once">…</flakyFailure></testcase>
</testsuite>"""
JEST = """<testsuites name="jest tests" tests="2" failures="1" errors="0" time="1.2">
  <testsuite name="User" errors="0" failures="1" skipped="0" timestamp="2026-11-20T09:30:00" time="1" tests="2">
    <testcase classname="User signs in" name="User signs in" time="0.01"></testcase>
    <testcase classname="User signs out" name="User signs out" time="0.01"><failure>Error: no</failure></testcase>
  </testsuite>
</testsuites>"""
GO = """<testsuites tests="2" failures="0" errors="0" time="0.4">
  <testsuite tests="2" failures="0" time="0.4" name="example.test/users" timestamp="2026-11-20T09:30:00Z">
    <properties><property name="go.version" value="go1.23"/></properties>
    <testcase classname="example.test/users" name="TestSignIn" time="0.2"></testcase>
    <testcase classname="example.test/users" name="TestSignIn/by_mail" time="0.2"></testcase>
  </testsuite>
</testsuites>"""
WHEN = 'the JUnit report "unit" of this commit has been read'
THEN = "at least 2 tests passed and none failed"
UNIT = {"junit": {"unit": "unit.xml"}}


def suite(*cases: str, head: str = "", tests: int | None = None) -> str:
    """A report of this commit, made an hour ago."""
    return (
        f'<testsuite name="s" tests="{len(cases) if tests is None else tests}" timestamp="2026-11-21T11:00:00Z">{head}'
        f'<properties><property name="commit" value="{COMMIT}"/></properties>{"".join(cases)}</testsuite>'
    )


def case(name: str, inside: str = "") -> str:
    """One test case."""
    return f'<testcase classname="c" name="{name}">{inside}</testcase>'


def found(directory: Path, text: str | bytes, then: str = THEN) -> dict[str, bool | None]:
    """How the facts of a report come out."""
    body = text if isinstance(text, bytes) else text.encode()
    (directory / "unit.xml").write_bytes(body)
    return oks(seen(directory, WHEN, then, UNIT))


@pytest.mark.parametrize(
    ("text", "outcomes"),
    [
        (PYTEST, ["passed", "failed", "failed", "skipped"]),
        (SUREFIRE, ["passed", "passed"]),
        (JEST, ["passed", "failed"]),
        (GO, ["passed", "passed"]),
    ],
    ids=["pytest", "surefire", "jest", "go"],
)
def test_each_writer_is_read(text: str, outcomes: list[str]) -> None:
    """Every case with its outcome, and no contradiction."""
    report = junit_report(text.encode(), "unit.xml")
    assert [case.outcome for case in report.cases] == [CaseOutcome(outcome) for outcome in outcomes]
    assert report.contradictions == ()


def test_what_a_report_says_of_itself() -> None:
    """Properties name commit and release; a time without a zone may be off by fourteen hours."""
    assert junit_report(PYTEST.encode(), "a").origin.commit == "3f2a1c9"
    assert junit_report(SUREFIRE.encode(), "a").origin.release == "1.0.0"
    made = junit_report(JEST.encode(), "a").origin.made
    assert made is not None
    assert (made.last - made.first).total_seconds() == 28 * 3600


def test_enough_passed_and_none_failed(tmp_path: Path) -> None:
    """Two of this commit, an hour old."""
    facts = found(tmp_path, suite(case("one"), case("two")), f"{THEN} or was skipped, younger than 7 d")
    assert set(facts.values()) == {True}
    assert set(facts) == {"commit", "age", "tests that passed", "tests that failed", "tests that were skipped"}


def test_too_few_passed(tmp_path: Path) -> None:
    """One where two are needed is a FAIL."""
    assert found(tmp_path, suite(case("one")))["tests that passed"] is False


def test_one_failed(tmp_path: Path) -> None:
    """It is named."""
    (tmp_path / "unit.xml").write_text(suite(case("one"), case("two"), case("bad", "<failure/>")))
    fact = seen(tmp_path, WHEN, THEN, UNIT)["tests that failed"]
    assert (fact.ok, fact.observed) == (False, "1: c.bad")


def test_skipped_counts_only_where_the_sentence_says_so(tmp_path: Path) -> None:
    """Skipped is neither passed nor failed."""
    text = suite(case("one"), case("two"), case("later", "<skipped/>"))
    assert False not in found(tmp_path, text).values()
    assert found(tmp_path, text, f"{THEN} or was skipped")["tests that were skipped"] is False


CYPRESS = """<?xml version="1.0" encoding="UTF-8"?>
<testsuites name="Mocha Tests" time="2.1" tests="3" failures="0" skipped="1">
  <testsuite name="Root Suite" timestamp="2026-11-20T09:30:00" tests="0" file="cypress/e2e/a.cy.js" time="0.000" failures="0"/>
  <testsuite name="basket" timestamp="2026-11-20T09:30:00" tests="3" time="2.1" failures="0">
    <testcase name="basket adds" time="1.0" classname="adds"/>
    <testcase name="basket removes" time="1.1" classname="removes"/>
  </testsuite>
</testsuites>"""


def test_skipped_tests_that_cypress_counts_and_does_not_list(tmp_path: Path) -> None:
    """As it writes them unless it is told to; they are skipped, and nothing is missing."""
    (tmp_path / "unit.xml.origin.yaml").write_text(f"commit: {COMMIT}\n")
    assert set(found(tmp_path, CYPRESS).values()) == {True}
    fact = seen(tmp_path, WHEN, f"{THEN} or was skipped", UNIT)["tests that were skipped"]
    assert (fact.ok, fact.observed) == (False, "1: 1 that the report does not list")


@pytest.mark.parametrize(
    ("old", "new"),
    [
        ('skipped="1"', ""),
        ('skipped="1"', 'skipped="2"'),
        ('tests="3" failures="0" skipped', 'tests="4" failures="0" skipped'),
        ('tests="3" time', 'tests="4" time'),
        ('tests="3" time', 'tests="2" time'),
    ],
)
def test_missing_tests_that_nothing_explains(tmp_path: Path, old: str, new: str) -> None:
    """The number of skipped tests is that of the missing ones, in all and suite by suite."""
    (tmp_path / "unit.xml.origin.yaml").write_text(f"commit: {COMMIT}\n")
    assert old in CYPRESS
    assert found(tmp_path, CYPRESS.replace(old, new, 1))["counts"] is None


def test_a_time_in_milliseconds(tmp_path: Path) -> None:
    """As Playwright wrote it for years."""
    text = suite(case("one"), case("two")).replace("2026-11-21T11:00:00Z", "1795258800000")
    (tmp_path / "unit.xml").write_text(text)
    assert seen(tmp_path, WHEN, f"{THEN}, younger than 7 d", UNIT)["age"].observed.startswith("1.0 h old")


def test_a_time_in_milliseconds_is_shown_as_a_date(tmp_path: Path) -> None:
    """Not as a number that a reader has to convert."""
    text = suite(case("one"), case("two")).replace("2026-11-21T11:00:00Z", "1795345201500")
    (tmp_path / "unit.xml").write_text(text)
    age = seen(tmp_path, WHEN, f"{THEN}, younger than 7 d", UNIT)["age"]
    assert "is dated 2026-11-22T11:00:01Z, in the future" in age.observed


def test_nine_where_ten_are_declared(tmp_path: Path) -> None:
    """The report contradicts itself: neither PASS nor FAIL."""
    (tmp_path / "unit.xml").write_text(suite(*[case(f"t{n}") for n in range(9)], tests=10))
    fact = seen(tmp_path, WHEN, THEN, UNIT)["counts"]
    assert (fact.ok, fact.observed) == (None, f"{tmp_path / 'unit.xml'}:1: tests=10 declared, 9 counted")


SUBTESTS = """<?xml version="1.0" encoding="utf-8"?><testsuites name="pytest tests"><testsuite name="pytest" errors="0" failures="3"
 skipped="2" tests="14" time="0.045" timestamp="2026-11-21T11:00:00+00:00" hostname="vm"><properties><property name="commit" value="3f2a1c9"/></properties>
<testcase classname="test_s" name="test_pass" time="0.005" />
<testcase classname="test_s" name="test_plain" time="0.005" />
<testcase classname="test_s" name="test_fail" time="0.014"><failure message="assert (1 % 2) == 0">trace</failure><failure message="assert (3 % 2) == 0">trace</failure><failure message="contains 2 failed subtests">contains 2 failed subtests</failure></testcase>
<testcase classname="test_s" name="test_skip" time="0.001"><skipped type="pytest.skip" message="a">a</skipped><skipped type="pytest.skip" message="b">b</skipped></testcase></testsuite></testsuites>"""
"""As pytest 9.2 writes them: three subtests that passed in the first test, two that failed in the third beside two that passed, two that
were skipped in the last beside one that passed; and that test itself passed."""


def test_subtests_of_pytest_are_counted_by_it_and_not_listed(tmp_path: Path) -> None:
    """The report agrees with itself; a test with subtests is one test, and the failure of a subtest is that of its test."""
    report = junit_report(SUBTESTS.encode(), "unit.xml")
    assert report.contradictions == ()
    assert [one.outcome for one in report.cases] == ["passed", "passed", "failed", "skipped"]
    assert found(tmp_path, SUBTESTS)["tests that failed"] is False
    passed = re.sub(r"<testcase[^>]*test_fail.*?</testcase>", "", SUBTESTS, flags=re.DOTALL)
    passed = passed.replace('failures="3"', 'failures="0"').replace('tests="14"', 'tests="9"')
    assert set(found(tmp_path, passed).values()) == {True}
    assert found(tmp_path, passed, f"{THEN} or was skipped")["tests that were skipped"] is False
    assert found(tmp_path, passed, "at least 3 tests passed and none failed")["tests that passed"] is False


@pytest.mark.parametrize(
    ("old", "new"),
    [
        ('failures="3"', 'failures="4"'),
        ('skipped="2"', 'skipped="3"'),
        ('errors="0"', 'errors="1"'),
        ('tests="14"', 'tests="6"'),
        ('tests="14"', 'tests="3"'),
        ('name="pytest tests"', 'name="tests"'),
    ],
)
def test_subtests_do_not_explain_other_counts(old: str, new: str) -> None:
    """A failure that is not listed, fewer tests than elements, and another writer."""
    assert junit_report(SUBTESTS.replace(old, new, 1).encode(), "unit.xml").contradictions != ()


TODO = f"""<testsuites name="jest tests" tests="2" failures="0" errors="0" time="1.2">
  <testsuite name="basket" errors="0" failures="0" skipped="0" timestamp="2026-11-21T11:00:00Z" time="1" tests="2">
    <properties><property name="commit" value="{COMMIT}"/></properties>
    <testcase classname="basket adds" name="basket adds" time="0.01"/>
    <testcase classname="basket pays" name="basket pays" time="0"/>
    <testcase classname="basket removes" name="basket removes" time="0.02"/>
  </testsuite>
</testsuites>"""
"""As jest-junit 17 writes `it.todo("pays")`: listed like a test that passed, and not counted."""


def test_a_todo_of_jest_is_a_skipped_test(tmp_path: Path) -> None:
    """It is the one that took no time; where more did, it is not known which it is."""
    assert set(found(tmp_path, TODO).values()) == {True}
    assert found(tmp_path, TODO, f"{THEN} or was skipped")["tests that were skipped"] is False
    assert found(tmp_path, TODO, "at least 3 tests passed and none failed")["tests that passed"] is False
    assert found(tmp_path, TODO.replace('time="0.01"', 'time="0"'))["counts"] is None
    assert found(tmp_path, TODO.replace('time="0"', 'time="0.03"'))["counts"] is None


def test_a_todo_of_vitest_is_a_skipped_test(tmp_path: Path) -> None:
    """It is written with `<skipped/>`."""
    text = suite(case("one"), case("two"), case("later", "<skipped/>"))
    assert found(tmp_path, text, f"{THEN} or was skipped")["tests that were skipped"] is False


RERUN = f"""<testsuites tests="5" failures="2" errors="0" time="2.5">
  <testsuite tests="5" failures="2" skipped="0" time="2.5" name="example.test/users" timestamp="2026-11-21T11:00:00Z">
    <properties><property name="go.version" value="go1.23"/><property name="commit" value="{COMMIT}"/></properties>
    <testcase classname="example.test/users" name="TestFlaky" time="0.2"><failure message="Failed" type="">no</failure></testcase>
    <testcase classname="example.test/users" name="TestFlaky" time="0.2"><failure message="Failed" type="">no</failure></testcase>
    <testcase classname="example.test/users" name="TestSignIn" time="0.2"/>
    <testcase classname="example.test/users" name="TestSignOut" time="0.2"/>
    <testcase classname="example.test/users" name="TestFlaky" time="0.2"/>
  </testsuite>
</testsuites>"""


def test_a_test_of_go_that_failed_and_passed_is_not_decided(tmp_path: Path) -> None:
    """`gotestsum --rerun-fails` and `go test -count=3` write it alike: neither two tests that passed, nor one that failed."""
    (tmp_path / "unit.xml").write_text(RERUN)
    facts = seen(tmp_path, WHEN, THEN, UNIT)
    assert oks(facts) == {"commit": True, "counts": None, "tests that passed": True, "tests that failed": True}
    assert facts["tests that passed"].observed.startswith("2, and 1 that failed and passed")
    assert "the test `TestFlaky` failed and passed" in facts["counts"].observed
    always = RERUN.replace(
        'name="TestFlaky" time="0.2"/>', 'name="TestFlaky" time="0.2"><failure message="Failed"/></testcase>'
    )
    assert found(tmp_path, always.replace('failures="2"', 'failures="3"'))["tests that failed"] is False
    other = found(tmp_path, RERUN.replace("go.version", "node"))  # Gradle's retry and pytest's flaky write it so, too
    assert (other["tests that failed"], other["counts"]) == (True, None)


def test_a_test_of_surefire_that_passed_when_repeated_is_named(tmp_path: Path) -> None:
    """It passed, once, and the verdict says which it is; one that failed again has failed."""
    flaky = case("unsure", '<flakyFailure message="once">trace</flakyFailure>')
    (tmp_path / "unit.xml").write_text(suite(case("one"), flaky))
    facts = seen(tmp_path, WHEN, THEN, UNIT)
    assert set(oks(facts).values()) == {True}
    assert facts["tests that failed"].observed == "none; 1 passed only when repeated: c.unsure"
    again = case("bad", '<failure message="once"/><rerunFailure message="twice">trace</rerunFailure>')
    assert found(tmp_path, suite(case("one"), again))["tests that failed"] is False


@pytest.mark.parametrize(
    ("inside", "failures", "failed"),
    [
        ('<flakyFailure message="once">trace</flakyFailure>', 1, True),
        ('<failure message="once"/><rerunFailure message="twice">trace</rerunFailure>', 2, False),
    ],
)
def test_counts_of_runs_are_not_those_of_tests(tmp_path: Path, inside: str, failures: int, *, failed: bool) -> None:
    """As Surefire counted a test that it repeated: the report contradicts itself, and a test that failed each time has failed."""
    text = suite(case("one"), case("repeated", inside), tests=3)
    facts = found(tmp_path, text.replace('tests="3"', f'tests="3" failures="{failures}"'))
    assert (facts["counts"], facts["tests that failed"]) == (None, failed)


def test_a_name_that_is_there_twice(tmp_path: Path) -> None:
    """In one file, or in two of one report."""
    assert found(tmp_path, suite(case("one"), case("one")))["counts"] is None
    assert found(tmp_path, suite(case("{one}{}"), case("{one}{}")))["counts"] is None
    (tmp_path / "b.xml").write_text(suite(case("one")))
    (tmp_path / "unit.xml").write_text(suite(case("one"), case("two")))
    facts = seen(tmp_path, WHEN, THEN, {"junit": {"unit": ["unit.xml", "b.xml"]}})
    assert facts["counts"].ok is None
    assert "is in unit.xml too" in facts["counts"].observed


@pytest.mark.parametrize(
    ("stamp", "subject"),
    [("2026-11-21T12:30:00Z", "age"), ("2026-11-14T11:00:00Z", "age"), ("2026-11-14T22:00:00", "age")],
    ids=["in the future", "a week old", "perhaps a week old"],
)
def test_a_report_of_the_wrong_time_is_no_evidence(tmp_path: Path, stamp: str, subject: str) -> None:
    """In the future, too old, or too old in some zone."""
    text = suite(case("one"), case("two")).replace("2026-11-21T11:00:00Z", stamp)
    assert found(tmp_path, text, f"{THEN}, younger than 7 d")[subject] is None


def test_a_report_from_the_future_is_no_evidence_where_no_age_is_asked(tmp_path: Path) -> None:
    """A clock that is wrong says nothing of this release."""
    text = suite(case("one"), case("two")).replace("2026-11-21T11:00:00Z", "2027-01-01T00:00:00Z")
    assert found(tmp_path, text)["age"] is None


def test_a_report_of_another_commit_is_no_evidence(tmp_path: Path) -> None:
    """Green or not."""
    (tmp_path / "unit.xml").write_text(suite(case("one"), case("two")).replace(COMMIT, "aaaaaaaaaa"))
    fact = seen(tmp_path, WHEN, THEN, UNIT)["commit"]
    assert (fact.ok, fact.observed) == (None, f"{tmp_path / 'unit.xml'} is of commit aaaaaaaaaa")


def test_a_file_beside_the_report_says_where_it_comes_from(tmp_path: Path) -> None:
    """For formats and writers that have no place for it; the report must not say otherwise."""
    text = SUREFIRE.replace('value="1.0.0"', 'value="2.0.0"')
    (tmp_path / "unit.xml").write_text(text)
    (tmp_path / "unit.xml.origin.yaml").write_text(f"commit: {COMMIT}\ncreated: 2026-11-21T10:00:00Z\n")
    assert oks(seen(tmp_path, WHEN, f"{THEN}, younger than 1 d", UNIT))["commit"] is True
    (tmp_path / "unit.xml.origin.yaml").write_text(f"commit: {COMMIT}\nrelease: 1.0.0\n")
    with pytest.raises(DriverError, match=r"contradicts itself: release 2\.0\.0 and 1\.0\.0"):
        seen(tmp_path, WHEN, THEN, UNIT)


def test_the_file_beside_it_is_bound_to_the_report(tmp_path: Path) -> None:
    """By its hash, where it gives one."""
    (tmp_path / "unit.xml").write_text(SUREFIRE)
    (tmp_path / "origin.yaml").write_text(f"commit: {COMMIT}\nsha256: {'0' * 64}\n")
    with pytest.raises(DriverError, match=r"is of another unit\.xml"):
        seen(tmp_path, WHEN, THEN, UNIT)


def test_a_report_that_does_not_say_of_which_commit_it_is(tmp_path: Path) -> None:
    """The words say where to write it."""
    (tmp_path / "unit.xml").write_text(GO)
    fact = seen(tmp_path, WHEN, THEN, UNIT)["commit"]
    assert fact.ok is None
    assert "unit.xml.origin.yaml" in fact.observed


def test_three_browser_engines(tmp_path: Path) -> None:
    """By the words that suites use; three names of one engine are one engine."""
    three = "".join(suite(case(name)) for name in ("a [chromium]", "b [firefox]", "c [webkit]"))
    then = "at least 1 test passed and none failed in 3 browser engines"
    assert found(tmp_path, f"<testsuites>{three}</testsuites>", then)["browser engines"] is True
    same = three.replace("firefox", "chrome").replace("webkit", "edge")
    assert found(tmp_path, f"<testsuites>{same}</testsuites>", then)["browser engines"] is False


def test_one_test_in_three_browsers_is_three_tests(tmp_path: Path) -> None:
    """As Playwright writes it: suites of one name, told apart by the host name."""
    suites = "".join(
        f'<testsuite name="home.spec.ts" hostname="{host}" tests="1"><testcase classname="home.spec.ts" name="shown"/></testsuite>'
        for host in ("chromium", "firefox", "webkit")
    )
    (tmp_path / "unit.xml").write_text(f"<testsuites>{suites}</testsuites>")
    (tmp_path / "origin.yaml").write_text(f"commit: {COMMIT}\n")
    then = "at least 3 tests passed and none failed in 3 browser engines"
    assert set(oks(seen(tmp_path, WHEN, then, UNIT)).values()) == {True}


def test_one_test_on_two_hosts_is_two_tests(tmp_path: Path) -> None:
    """As the jobs of a matrix write it: a file each, told apart by the host name."""
    for host in ("runner-1", "runner-2"):
        (tmp_path / f"{host}.xml").write_text(
            f'<testsuite name="pytest" hostname="{host}" tests="1"><testcase classname="shop.Cart" name="adds"/></testsuite>'
        )
    (tmp_path / "origin.yaml").write_text(f"commit: {COMMIT}\n")
    facts = seen(tmp_path, WHEN, THEN, {"junit": {"unit": "runner-*.xml"}})
    assert set(oks(facts).values()) == {True}
    assert facts["tests that passed"].observed == "2"


def test_names_in_any_script_are_compared(tmp_path: Path) -> None:
    """Not only the letters of English."""
    (tmp_path / "workflows.yaml").write_text("- größe ändern\n- вход\n", encoding="utf-8")
    then = 'at least 1 test for every name of the register "workflows" passed and none failed'
    (tmp_path / "unit.xml").write_text(suite(case("test_größe_ändern"), case("test_вход")), encoding="utf-8")
    assert set(oks(seen(tmp_path, WHEN, then, UNIT, files={"registers": "."})).values()) == {True}


def test_a_property_that_is_a_count(tmp_path: Path) -> None:
    """Enough, too few, and not there."""
    then = 'at least 1 test passed and none failed, with the property "changed" of at least 1'
    text = suite(case("one"), head='<properties><property name="changed" value="3"/></properties>')
    assert found(tmp_path, text, then)["property changed"] is True
    assert found(tmp_path, text.replace('"3"', '"0"'), then)["property changed"] is False
    assert found(tmp_path, text.replace('"3"', '"many"'), then)["property changed"] is None
    assert found(tmp_path, suite(case("one")), then)["property changed"] is None


def test_every_name_of_a_register_has_a_test(tmp_path: Path) -> None:
    """Word by word, in any style; a test that failed covers nothing, and a name within a longer one may be that one."""
    (tmp_path / "registers").mkdir()
    (tmp_path / "registers" / "workflows.yaml").write_text("- sign in\n- upload a track\n")
    then = 'at least 1 test for every name of the register "workflows" passed in staging and none failed'
    text = suite(
        case("test_SignIn_byMail"),
        case("upload-a-track"),
        head='<properties><property name="environment" value="staging"/></properties>',
    )
    keys = {"files": {"registers": "registers"}}
    subject = "names of the register workflows with a test that passed"
    (tmp_path / "unit.xml").write_text(text)
    facts = oks(seen(tmp_path, WHEN, then, UNIT, **keys))
    assert (facts[subject], facts["environment"]) == (True, True)
    (tmp_path / "unit.xml").write_text(text.replace("upload-a-track", "uploads"))
    assert oks(seen(tmp_path, WHEN, then, UNIT, **keys))[subject] is False
    (tmp_path / "registers" / "workflows.yaml").write_text("- sign in\n- upload a track\n- sign in by mail\n")
    (tmp_path / "unit.xml").write_text(text)
    assert oks(seen(tmp_path, WHEN, then, UNIT, **keys))[subject] is None
    (tmp_path / "unit.xml").write_text(text.replace("</testsuite>", f"{case('signs, then sign in')}</testsuite>"))
    assert oks(seen(tmp_path, WHEN, then, UNIT, **keys))[subject] is True
    (tmp_path / "unit.xml").write_text(text.replace('"staging"', '"sandbox"'))
    assert oks(seen(tmp_path, WHEN, then, UNIT, **keys))["environment"] is None
    twice = then.replace("1 test", "2 tests")
    assert oks(seen(tmp_path, WHEN, twice, UNIT, **keys))[subject.replace("a test", "2 tests")] is False


BEFORE = 'at least 1 test passed and none failed before the deployment to staging of the record "deployments" began'


def test_a_suite_is_complete_when_it_ended(tmp_path: Path, subtests: pytest.Subtests) -> None:
    """Its time counts from its timestamp, and is no shorter than that of a test; without one it may have ended later."""
    for suite_of, began, ok in [
        ('timestamp="2026-11-20T09:00:00Z" time="600"', "2026-11-20T09:11:00Z", True),
        ('timestamp="2026-11-20T09:00:00Z" time="600"', "2026-11-20T09:09:00Z", False),
        ('timestamp="2026-11-20T09:00:00Z" time="1,200.5"', "2026-11-20T09:11:00Z", False),
        ('timestamp="2026-11-20T09:00:00Z" time="0"', "2026-11-20T09:02:00Z", False),
        ('timestamp="2026-11-20T09:00:00Z"', "2026-11-20T09:11:00Z", None),
        ('timestamp="2026-11-20T09:00:00Z" time="many"', "2026-11-20T09:11:00Z", None),
        ('timestamp="2026-11-20T09:00:00Z"', "2026-11-20T08:59:00Z", False),
        ('timestamp="2026-11-20T09:00:00" time="600"', "2026-11-20T09:11:00Z", None),
        ("", "2026-11-20T09:11:00Z", None),
    ]:
        with subtests.test(suite_of=suite_of, began=began):
            (tmp_path / "unit.xml").write_text(
                f'<testsuite name="s" {suite_of}><properties><property name="commit" value="{COMMIT}"/></properties>'
                '<testcase name="a" time="300"/></testsuite>'
            )
            (tmp_path / "d.yaml").write_text(
                f"deployments: [{{environment: staging, commit: {COMMIT}, began: {began}}}]\n"
            )
            evidence = {**UNIT, "records": {"deployments": "d.yaml"}}
            facts = seen(tmp_path, WHEN, BEFORE, evidence)
            assert facts["unit.xml and the record deployments"].ok is ok


@pytest.mark.parametrize(
    ("around", "own", "made"),
    [
        ("", "", None),
        ("", ' timestamp="2026-11-20T08:00:00Z"', "2026-11-20T08:00:00Z"),
        (' timestamp="2026-11-20T09:00:00Z"', "", "2026-11-20T09:00:00Z"),
    ],
)
def test_a_suite_with_tests_and_no_time_leaves_the_report_without_one(around: str, own: str, made: str | None) -> None:
    """It may be of any age, unless what is around it has one; a suite without tests needs none."""
    dated = '<testsuite name="a" timestamp="2026-11-20T09:00:00Z"><testcase name="a"/></testsuite><testsuite name="c"/>'
    text = f'<testsuites{around}>{dated}<testsuite name="b"{own}><testcase name="b"/></testsuite></testsuites>'
    found = junit_report(text.encode(), "f").origin.made
    assert (None if found is None else found.text) == made


def test_the_last_suite_counts(tmp_path: Path) -> None:
    """One of several without a time may have ended after the deployment, unless what is around it says when it ended."""
    head = '<testsuites {around}><testsuite name="a" timestamp="2026-11-20T09:00:00Z" time="60"><testcase name="a"/></testsuite>'
    text = head + '<testsuite name="b"{own}><testcase name="b"/></testsuite></testsuites>'
    (tmp_path / "origin.yaml").write_text(f"commit: {COMMIT}\n")
    (tmp_path / "d.yaml").write_text(
        f"deployments: [{{environment: staging, commit: {COMMIT}, began: 2026-11-20T10:00:00Z}}]\n"
    )
    evidence = {**UNIT, "records": {"deployments": "d.yaml"}}
    late = ' timestamp="2026-11-20T09:01:00Z" time="4000"'
    for around, own, ok in (
        ("", "", None),
        ("", late, False),
        ('timestamp="2026-11-20T09:00:00Z" time="90"', "", True),
    ):
        (tmp_path / "unit.xml").write_text(text.format(around=around, own=own))
        assert seen(tmp_path, WHEN, BEFORE, evidence)["unit.xml and the record deployments"].ok is ok
    (tmp_path / "unit.xml").write_text(text.format(around="", own=""))
    (tmp_path / "origin.yaml").write_text(f"commit: {COMMIT}\ncreated: 2026-11-20T09:30:00Z\n")
    assert seen(tmp_path, WHEN, BEFORE, evidence)["unit.xml and the record deployments"].ok is True


@pytest.mark.parametrize(
    ("around", "own", "said"),
    [
        ("", "", ("", "")),
        ("", "release", ("1.0.0", "")),
        ("", "release environment", ("1.0.0", "staging")),
        ("release environment", "", ("1.0.0", "staging")),
        ("environment", "release", ("1.0.0", "staging")),
    ],
)
def test_what_one_suite_does_not_say_is_not_known_of_the_report(around: str, own: str, said: tuple[str, str]) -> None:
    """A suite of another run beside one of staging says nothing of where it ran; one without tests need not."""

    def properties(names: str) -> str:
        values = {"release": "1.0.0", "environment": "staging"}
        lines = "".join(f'<property name="{name}" value="{values[name]}"/>' for name in names.split())
        return f"<properties>{lines}</properties>"

    one = f'<testsuite name="a">{properties("release environment")}<testcase name="a"/></testsuite>'
    other = f'<testsuite name="b"><testsuite name="c"><testcase name="c"/></testsuite>{properties(own)}</testsuite>'
    text = f'<testsuites>{properties(around)}{one}{other}<testsuite name="d"/></testsuites>'
    report = junit_report(text.encode(), "unit.xml")
    assert (report.origin.release, report.origin.environment) == said
    assert report.contradictions == ()


def test_merged_suites_are_not_all_of_staging(tmp_path: Path) -> None:
    """As merged by a job: those of a local run beside those of staging."""
    (tmp_path / "workflows.yaml").write_text("- sign in\n- upload\n")
    then = 'at least 1 test for every name of the register "workflows" passed in staging and none failed'
    of_staging = '<properties><property name="environment" value="staging"/></properties>'
    for head, ok in (("", None), (of_staging, True)):
        two = f"{suite(case('sign_in'), head=of_staging)}{suite(case('upload'), head=head)}"
        (tmp_path / "unit.xml").write_text(f"<testsuites>{two}</testsuites>")
        assert seen(tmp_path, WHEN, then, UNIT, files={"registers": "."})["environment"].ok is ok


def test_the_file_beside_a_report_does_not_overrule_one_of_its_suites(tmp_path: Path) -> None:
    """It completes the others; where it is of another release than one suite, the report is not used."""
    two = '<testsuite name="t"><testcase name="two"/></testsuite>'
    text = f"<testsuites>{suite(case('one'), tests=1)}{two}</testsuites>"
    assert found(tmp_path, text)["commit"] is None
    (tmp_path / "origin.yaml").write_text(f"commit: {COMMIT}\n")
    assert found(tmp_path, text)["commit"] is True
    with pytest.raises(DriverError, match="contradicts itself: commit"):
        found(tmp_path, text.replace(COMMIT, "aaaaaaaaaa"))


def test_a_suite_that_ends_after_the_last_year(tmp_path: Path) -> None:
    """A time that a writer gives for `never`: the report is refused, with its line."""
    text = suite(case("one"), case("two")).replace('"2026-11-21T11:00:00Z"', '"9999-12-31T23:59:59Z" time="60"')
    with pytest.raises(DriverError, match="9999-12-31T23:59:59Z and 60 s` is not a time") as caught:
        found(tmp_path, text)
    assert caught.value.where == f"{tmp_path / 'unit.xml'}:1: timestamp"


def test_a_case_that_says_how_it_ended(subtests: pytest.Subtests) -> None:
    """In an attribute, without an element in it, as Behave, CTest and GoogleTest do."""
    for attributes, outcome in [
        ('status="failed"', "failed"),
        ('status="fail"', "failed"),
        ('status="run" result="completed"', "passed"),
        ('status="notrun" result="suppressed"', "skipped"),
        ('result="Failed"', "failed"),
        ('result="Inconclusive"', "skipped"),
        ('status="broken"', "failed"),
        ('status="pending"', "skipped"),
        ('status="passed"', "passed"),
        ('outcome="Failed"', "failed"),
        ('state="failed"', "failed"),
        ('outcome="Passed" state="passed"', "passed"),
        ('status="panicked"', "failed"),
    ]:
        with subtests.test(attributes):
            text = f'<testsuite name="s"><testcase name="a" {attributes}/></testsuite>'
            report = junit_report(text.encode(), "unit.xml")
            assert ([case.outcome for case in report.cases], report.contradictions) == ([CaseOutcome(outcome)], ())


def test_a_status_that_nobody_knows(tmp_path: Path) -> None:
    """It is neither passed nor failed."""
    text = suite(case("one"), case("two")).replace('name="two"', 'name="two" status="purple"')
    assert found(tmp_path, text)["counts"] is None


@pytest.mark.parametrize(
    ("inside", "ok"),
    [
        ("<warning>the data provider is invalid</warning>", None),
        ("<incomplete/>", None),
        ("<rerunFailure><stackTrace>a</stackTrace></rerunFailure>", True),
        ("<rerun>a</rerun>", None),
        ("<rerun>a</rerun><failure/>", True),
        ("<system-out>a</system-out>", True),
    ],
)
def test_an_element_that_nobody_knows(tmp_path: Path, inside: str, *, ok: bool | None) -> None:
    """PHPUnit writes of a test that never ran a warning, and no failure."""
    assert found(tmp_path, suite(case("one"), case("two", inside))).get("counts", True) is ok


@pytest.mark.parametrize(
    "stamp",
    [
        "Fri, 20 Nov 2026 09:30:00 GMT",
        "20 Nov 2026 09:30:00 GMT",
        "2026-11-20T09:30:00 UTC",
        "Fri, 20 Nov 2026 10:30:00 +0100",
    ],
)
def test_times_of_mocha_and_testng(stamp: str) -> None:
    """Each with its zone."""
    moment = Moment.of(stamp, "unit.xml")
    assert moment.first.isoformat() == moment.last.isoformat() == "2026-11-20T09:30:00+00:00"


def test_a_short_name_of_a_zone_is_not_certain() -> None:
    """`CST` is American or Chinese."""
    assert Moment.of("2026-11-20T09:30:00 CST", "unit.xml").first.isoformat() == "2026-11-19T19:30:00+00:00"


def test_a_suite_that_failed_by_itself(tmp_path: Path) -> None:
    """An error in no test: a fixture of the class, or a file that could not be loaded."""
    text = suite(case("one"), case("two")).replace("</testsuite>", '<error message="setUp"/></testsuite>')
    (tmp_path / "unit.xml").write_text(text)
    fact = seen(tmp_path, WHEN, THEN, UNIT)["tests that failed"]
    assert (fact.ok, fact.observed) == (False, "1: s.the suite itself")


def test_a_test_about_a_browser_did_not_run_in_it(tmp_path: Path) -> None:
    """What a test is about stands in its name; in which browser it ran, in brackets, or in the suite."""
    names = "".join(case(name) for name in ("warns in firefox [chromium]", "banner of safari [chromium]"))
    then = "at least 1 test passed and none failed in 3 browser engines"
    (tmp_path / "unit.xml").write_text(f"<testsuites>{suite(names, tests=2)}</testsuites>")
    assert seen(tmp_path, WHEN, then, UNIT)["browser engines"].observed == "1: Blink"


def test_a_suite_names_a_browser_where_its_name_is_nothing_else(tmp_path: Path, subtests: pytest.Subtests) -> None:
    """A file, a class or a group has a name of what it is about; the host name, as Playwright writes its project there, names the browser."""
    for suite_of, engines in [
        ('name="edge-cases.spec.ts"', 0),
        ('name="safari-tours.spec.ts" hostname="chromium"', 1),
        ('name="com.example.EdgeTest"', 0),
        ('name="edge cases of the basket"', 0),
        ('name="home.spec.ts [firefox]"', 1),
        ('name="Chrome Headless 120.0.6099.109 (Linux x86_64)"', 1),
        ('name="Mobile Safari 15"', 1),
        ('name="webkit"', 1),
    ]:
        with subtests.test(suite_of):
            (tmp_path / "unit.xml").write_text(f"<testsuite {suite_of}>{case('one')}</testsuite>")
            then = "at least 1 test passed and none failed in 3 browser engines"
            assert seen(tmp_path, WHEN, then, UNIT)["browser engines"].observed.startswith(str(engines))


@pytest.mark.parametrize("files", [["a.xml", "b.xml"], ["b.xml", "a.xml"]])
def test_a_test_that_failed_in_one_file_and_passed_in_another_is_undecided(tmp_path: Path, files: list[str]) -> None:
    """As within one file, in any order: neither that it failed nor that it passed is known."""
    (tmp_path / "a.xml").write_text(suite(case("one"), case("flaky", "<failure/>")))
    (tmp_path / "b.xml").write_text(suite(case("flaky")))
    facts = seen(tmp_path, WHEN, THEN, {"junit": {"unit": files}})
    assert oks(facts) == {"commit": True, "counts": None, "tests that passed": None, "tests that failed": True}
    assert "name the files of one run" in facts["counts"].observed
    (tmp_path / "b.xml").write_text(suite(case("flaky", "<failure/>")))
    assert seen(tmp_path, WHEN, THEN, {"junit": {"unit": files}})["tests that failed"].ok is False


NODE = """<testsuites>
  <testsuite name="cart" time="0.014" disabled="0" errors="0" tests="2" failures="0" skipped="0" hostname="vm">
    <testsuite name="prices" time="0.011" disabled="0" errors="0" tests="2" failures="0" skipped="0" hostname="vm">
      <testcase name="adds" time="0.001" classname="test"/><testcase name="rounds" time="0.001" classname="test"/>
    </testsuite>
    <testcase name="is empty at first" time="0.001" classname="test"/>
  </testsuite>
  <testcase name="health" time="0.001" classname="test"/>
</testsuites>"""
"""As Node.js writes suites in suites: it counts what is directly in each, and a suite in it as one."""


@pytest.mark.parametrize(
    ("old", "new", "agrees"),
    [
        ("", "", True),
        ('tests="2" failures="0"', 'tests="3" failures="0"', True),
        ('tests="2" failures="0"', 'tests="4" failures="0"', False),
        ('tests="2" failures="0" skipped="0"', 'tests="2" failures="0" skipped="1"', False),
        ('<testcase name="adds" time="0.001" classname="test"/>', "", False),
    ],
)
def test_node_counts_what_is_directly_in_a_suite(old: str, new: str, *, agrees: bool) -> None:
    """Where every count of the suite is such a one; another number, and a test that is missing, contradict it."""
    report = junit_report(NODE.replace(old, new, 1).encode(), "unit.xml")
    assert (report.contradictions == ()) is agrees


def test_a_failure_in_a_suite_of_node_is_that_of_the_suites_around_it() -> None:
    """It is counted once in each."""
    text = NODE.replace('failures="0"', 'failures="1"').replace(
        '<testcase name="adds" time="0.001" classname="test"/>',
        '<testcase name="adds" time="0.001" classname="test"><failure/></testcase>',
    )
    report = junit_report(text.encode(), "unit.xml")
    assert (report.contradictions, [one.outcome for one in report.cases].count(CaseOutcome.FAILED)) == ((), 1)


def test_catch2_counts_assertions(tmp_path: Path) -> None:
    """How many tests there are cannot be told from them; the words name what writes it."""
    text = suite(case("one"), case("two"), tests=9).replace('name="s"', 'name="s" hostname="tbd"')
    (tmp_path / "unit.xml").write_text(text)
    fact = seen(tmp_path, WHEN, THEN, UNIT)["counts"]
    assert (fact.ok, "let `ctest --output-junit FILE` write" in fact.observed) == (None, True)


@pytest.mark.parametrize(
    ("inside", "ran"),
    [
        ("", True),
        ("<failure/>", True),
        ('<error message="failed on setup with ConnectionError"/>', False),
        ('<error message="failed on teardown with OSError"/>', True),
        ("<error/>", True),
        ("<skipped/>", False),
    ],
)
def test_a_test_ran_where_it_passed_or_failed(inside: str, *, ran: bool) -> None:
    """One whose setup failed never began."""
    report = junit_report(suite(case("one", inside)).encode(), "unit.xml")
    assert report.ran == ({"one", "c.one"} if ran else set())


def test_what_is_no_report_is_refused_with_its_place(tmp_path: Path, subtests: pytest.Subtests) -> None:
    """Bombs, other files, truncated files: in words with file and line, and nothing is fetched."""
    for body, what in [
        (b'<!DOCTYPE t [<!ENTITY a "aaaa"><!ENTITY b "&a;&a;">]><testsuite>&b;</testsuite>', "document type"),
        (b'<!DOCTYPE t SYSTEM "http://127.0.0.1:9/x.dtd"><testsuite/>', "document type"),
        (b'<!DOCTYPE t [<!ENTITY x SYSTEM "file:///etc/passwd">]><testsuite>&x;</testsuite>', "document type"),
        (b'<testsuite><testcase name="a"', "cut short"),
        (b'<testsuite tests="ten"/>', "is not a count"),
        (b"<html/>", "is not a JUnit report"),
        (b"<testsuite><testcase/></testsuite>", "has no name"),
        (b'<?xml version="1.0" encoding="shift_jis"?><testsuite/>', "cannot be decoded"),
        (b'<?xml version="1.0" encoding="utf-99"?><testsuite/>', "cut short|cannot be decoded"),
        (b"<a>" * 200, "is not a JUnit report"),
        (b"<testsuite>" * 200, "are nested"),
        (b'<testsuite timestamp="yesterday"/>', "is not a time"),
        (b'<testsuite><testcase name="a"><system-out>\x1b[31m</system-out></testcase></testsuite>', "not well-formed"),
        (
            b'<testsuite><testcase name="a"><system-out>&#x1b;[31m</system-out></testcase></testsuite>',
            "invalid character",
        ),
        (
            b'<?xml version="1.0" encoding="utf-8"?><testsuite><testcase name="gr\xf6\xdfe"/></testsuite>',
            "not well-formed",
        ),
        (b'\n<?xml version="1.0"?><testsuite/>', "declaration not at start"),
        (b"  \n", "is empty"),
        (b"\xff\xfe\x00", "cut short"),
    ]:
        with subtests.test(body=body):
            (tmp_path / "unit.xml").write_bytes(body)
            with pytest.raises(DriverError, match=what) as caught:
                seen(tmp_path, WHEN, THEN, UNIT)
            assert str(tmp_path / "unit.xml") in caught.value.where
            assert caught.value.hint


def test_other_encodings_are_read(tmp_path: Path) -> None:
    """UTF-16, Latin-1 and a Windows code page, as the file declares."""
    text = suite(case("größe"), case("two"))
    assert False not in found(tmp_path, f'<?xml version="1.0" encoding="utf-16"?>{text}'.encode("utf-16")).values()
    latin = f'<?xml version="1.0" encoding="iso-8859-1"?>{text}'.encode("iso-8859-1")
    assert found(tmp_path, latin)["tests that passed"] is True
    cyrillic = text.replace("größe", "вход [<b> 🛒]".replace("<", "&lt;").replace("🛒", "&#128722;"))
    windows = f'<?xml version="1.0" encoding="windows-1251"?>{cyrillic}'.encode("windows-1251")
    assert found(tmp_path, windows)["tests that passed"] is True


def test_markup_in_cdata_is_text(tmp_path: Path) -> None:
    """A report that a test printed: the failure in it is none of the test's own."""
    printed = "<system-out><![CDATA[<testcase name='x'><failure/></testcase>]]></system-out>"
    assert set(found(tmp_path, suite(case("one", printed), case("two"))).values()) == {True}


def test_a_file_of_a_gibibyte_is_refused_before_it_is_read(tmp_path: Path) -> None:
    """It is a hole here, and takes no memory."""
    with (tmp_path / "unit.xml").open("wb") as file:
        file.truncate(1 << 30)
    with pytest.raises(DriverError, match="1073741824 bytes"):
        seen(tmp_path, WHEN, THEN, UNIT)


def test_a_report_that_is_not_there(tmp_path: Path) -> None:
    """The words name the pattern and the key of the target file."""
    with pytest.raises(DriverError, match=r"no file matches `unit.xml`") as caught:
        seen(tmp_path, WHEN, THEN, UNIT)
    assert caught.value.where.endswith("target.yaml: evidence.junit.unit")


def test_a_glob_names_every_file(tmp_path: Path) -> None:
    """As Surefire writes one for each class."""
    for name in ("a", "b"):
        (tmp_path / f"TEST-{name}.xml").write_text(suite(case(name)))
    facts = seen(tmp_path, WHEN, THEN, {"junit": {"unit": "TEST-*.xml"}})
    assert facts["tests that passed"].observed == "2"


def test_one_old_file_of_a_glob_makes_the_report_old(tmp_path: Path) -> None:
    """A runner that is not thrown away keeps the file of a class that was removed; one without a date is as old as the file beside it says."""
    evidence, then = {"junit": {"unit": "TEST-*.xml"}}, f"{THEN}, younger than 7 d"
    (tmp_path / "TEST-new.xml").write_text(suite(case("new")))
    (tmp_path / "TEST-old.xml").write_text(suite(case("old")).replace("2026-11-21T11", "2026-08-01T11"))
    (tmp_path / "origin.yaml").write_text(f"commit: {COMMIT}\ncreated: 2026-11-21T11:30:00Z\n")
    assert oks(seen(tmp_path, WHEN, then, evidence))["age"] is None
    undated = suite(case("old")).replace(' timestamp="2026-11-21T11:00:00Z"', "")
    (tmp_path / "TEST-old.xml").write_text(undated)
    assert set(oks(seen(tmp_path, WHEN, then, evidence)).values()) == {True}


@settings(max_examples=200)
@given(
    st.binary(max_size=400)
    | st.tuples(st.datetimes(), st.floats(0, 1e8)).map(
        lambda one: (
            f'<testsuite timestamp="{one[0].isoformat()}" time="{one[1]:.3f}"><testcase name="a"/></testsuite>'.encode()
        )
    )
    | st.sampled_from([PYTEST, SUREFIRE, JEST, GO]).flatmap(
        lambda text: st.tuples(st.integers(0, len(text)), st.binary(max_size=6), st.integers(0, 20)).map(
            lambda cut: text.encode()[: cut[0]] + cut[1] + text.encode()[cut[0] + cut[2] :]
        )
    )
)
def test_any_bytes_are_a_report_or_an_error(body: bytes) -> None:
    """Never another exception."""
    with contextlib.suppress(HarnessError):
        assert isinstance(junit_report(body, "unit.xml"), JunitReport)


@pytest.mark.parametrize("first", [True, False])
def test_a_test_that_is_written_again_after_its_failure_is_undecided(tmp_path: Path, *, first: bool) -> None:
    """As Gradle's retry and pytest's flaky do: neither that it passed nor that it failed is known."""
    runs = [case("a", "<failure/>"), case("a")]
    facts = found(tmp_path, suite(*(runs if first else runs[::-1]), case("b")))
    assert facts == {"commit": True, "counts": None, "tests that passed": None, "tests that failed": True}


def test_a_test_that_failed_twice_has_failed(tmp_path: Path) -> None:
    """And its failure is not undecided for being there twice; the second may be an error, of its teardown."""
    facts = found(tmp_path, suite(case("a", "<failure/>"), case("a", "<failure/>"), case("b"), case("c")))
    assert facts["tests that failed"] is False
    torn = suite(case("a", "<failure/>"), case("a", "<error/>"), case("b"), case("c"), tests=3)
    text = torn.replace('tests="3"', 'tests="3" failures="1" errors="1"')
    assert found(tmp_path, text)["tests that failed"] is False


def test_counts_without_cases_decide_nothing(tmp_path: Path) -> None:
    """Six tests are counted and none is listed; of a suite that counts none, none passed."""
    assert found(tmp_path, suite(tests=6))["tests that passed"] is None
    assert found(tmp_path, suite(tests=0))["tests that passed"] is False


@pytest.mark.parametrize(
    "attribute",
    ['success="False"', 'executed="false"', 'skipped="true"', 'passed="0"', 'result="odd"', 'result="Warning"'],
)
def test_an_attribute_that_says_that_a_test_did_not_pass_is_not_passed_over(tmp_path: Path, attribute: str) -> None:
    """As writers of NUnit's kind have them in place of elements."""
    odd = case("c").replace("<testcase", f"<testcase {attribute}", 1)
    assert found(tmp_path, suite(case("a"), case("b"), odd))["counts"] is None
    fine = case("c").replace("<testcase", '<testcase success="True" executed="True" disabled="false"', 1)
    assert set(found(tmp_path, suite(case("a"), case("b"), fine)).values()) == {True}


def test_most_tests_skipped_say_nothing_of_failures(tmp_path: Path) -> None:
    """999 of 1000: `none failed` is said of tests that ran."""
    skipped = [case(f"s{number}", "<skipped/>") for number in range(999)]
    facts = found(tmp_path, suite(case("a"), *skipped), "at least 1 test passed and none failed")
    assert (facts["tests that passed"], facts["tests that ran"]) == (True, None)
    assert "tests that ran" not in found(tmp_path, suite(case("a"), case("b"), *skipped[:2]))


def test_another_commits_report_under_the_version_that_is_judged_is_no_evidence(tmp_path: Path) -> None:
    """A version may be built again; the report says of which commit it is."""
    release = '<properties><property name="release" value="1.0.0"/></properties>'
    text = suite(case("a"), case("b"), head=release)
    (tmp_path / "unit.xml").write_text(text)
    when = 'the JUnit report "unit" of this release has been read'
    assert oks(seen(tmp_path, when, THEN, UNIT))["release"] is True
    (tmp_path / "unit.xml").write_text(text.replace(COMMIT, "0" * 40))
    assert oks(seen(tmp_path, when, THEN, UNIT))["release"] is None


def test_a_test_that_was_rerun_and_says_that_it_passed_has_passed() -> None:
    """An element `rerun` is of an attempt before; the status of the case is of the last one."""
    text = '<testsuite name="s"><testcase name="a" status="passed"><rerun message="once"/></testcase></testsuite>'
    report = junit_report(text.encode(), "unit.xml")
    assert [(one.outcome, one.repeated) for one in report.cases] == [(CaseOutcome.PASSED, True)]
    assert report.contradictions == ()


GINKGO = f"""<testsuites tests="4" disabled="2" errors="0" failures="0" time="0.1">
  <testsuite name="S" tests="4" disabled="1" skipped="1" errors="0" failures="0" time="0.1" timestamp="2026-11-21T11:00:00Z">
    <properties>
      <property name="SuiteSucceeded" value="true"/><property name="SpecialSuiteFailureReason" value=""/>
      <property name="DryRun" value="false"/><property name="commit" value="{COMMIT}"/>
    </properties>
    <testcase name="[It] a" status="passed"/>
    <testcase name="[It] b" status="passed"/>
    <testcase name="[It] c" status="skipped"><skipped/></testcase>
    <testcase name="[It] d" status="pending"><skipped/></testcase>
  </testsuite>
</testsuites>"""


def test_what_ginkgo_counts_as_skipped_and_as_disabled_did_not_run(tmp_path: Path) -> None:
    """It says disabled of all of them around its suites; two declared where one is there are still too many."""
    assert set(found(tmp_path, GINKGO).values()) == {True}
    assert found(tmp_path, GINKGO.replace('disabled="1"', 'disabled="2"'))["counts"] is None
    ctest = '<testsuite name="s" tests="1" skipped="1" disabled="0"><testcase name="a" status="notrun"><skipped/></testcase></testsuite>'
    assert junit_report(ctest.encode(), "unit.xml").contradictions == ()


@pytest.mark.parametrize(
    ("name", "fine", "odd"),
    [
        ("SuiteSucceeded", "true", "false"),
        ("SpecialSuiteFailureReason", "", "Suite Timeout"),
        ("DryRun", "false", "true"),
    ],
)
def test_a_suite_that_says_that_it_did_not_succeed_or_run(tmp_path: Path, name: str, fine: str, odd: str) -> None:
    """Every test that is listed passed: it ended before the others, or ran none; where one failed, that is the reason."""
    text = GINKGO.replace(f'name="{name}" value="{fine}"', f'name="{name}" value="{odd}"')
    assert found(tmp_path, text)["counts"] is None
    failed = text.replace('status="passed"', 'status="failed"', 1).replace('failures="0"', 'failures="1"')
    assert "counts" not in found(tmp_path, failed)
    assert found(tmp_path, failed)["tests that failed"] is False
