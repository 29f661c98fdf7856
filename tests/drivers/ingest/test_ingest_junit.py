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


def test_each_writer_is_read() -> None:
    """Every case with its outcome, and no contradiction; commit and release by properties, and a time without a zone may be off by fourteen hours."""
    for text, outcomes, commit, release in [
        (PYTEST, ["passed", "failed", "failed", "skipped"], "3f2a1c9", ""),
        (SUREFIRE, ["passed", "passed"], "", "1.0.0"),
        (GO, ["passed", "passed"], "", ""),
        (JEST, ["passed", "failed"], "", ""),
    ]:
        report = junit_report(text.encode(), "unit.xml")
        assert ([case.outcome for case in report.cases], report.contradictions) == (outcomes, ()), text
        assert (report.origin.commit, report.origin.release) == (commit, release)
    made = report.origin.made
    assert made is not None
    assert (made.last - made.first).total_seconds() == 28 * 3600


def test_enough_passed_and_none_failed(tmp_path: Path) -> None:
    """Two of this commit, an hour old; a failure in a report that one of them printed is none of its own."""
    printed = "<system-out><![CDATA[<testcase name='x'><failure/></testcase>]]></system-out>"
    facts = found(tmp_path, suite(case("one", printed), case("two")), f"{THEN} or was skipped, younger than 7 d")
    assert set(facts.values()) == {True}
    assert set(facts) == {"commit", "age", "tests that passed", "tests that failed", "tests that were skipped"}


def test_what_failed_is_named(tmp_path: Path) -> None:
    """A test, or the suite itself: an error in no test is of a fixture of the class, or of a file that could not be loaded."""
    alone = suite(case("one"), case("two")).replace("</testsuite>", '<error message="setUp"/></testsuite>')
    bad = suite(case("one"), case("two"), case("bad", "<failure/>"))
    for text, named in ((bad, "1: c.bad"), (alone, "1: s.the suite itself")):
        (tmp_path / "unit.xml").write_text(text)
        fact = seen(tmp_path, WHEN, THEN, UNIT)["tests that failed"]
        assert (fact.ok, fact.observed) == (False, named)


def test_skipped_counts_only_where_the_sentence_says_so(tmp_path: Path) -> None:
    """Skipped is neither passed nor failed; a `todo` of Vitest is written so, too."""
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


def test_missing_tests_that_nothing_explains(tmp_path: Path) -> None:
    """The number of skipped tests is that of the missing ones, in all and suite by suite."""
    (tmp_path / "unit.xml.origin.yaml").write_text(f"commit: {COMMIT}\n")
    for old, new in [
        ('skipped="1"', ""),
        ('skipped="1"', 'skipped="2"'),
        ('tests="3" failures="0" skipped', 'tests="4" failures="0" skipped'),
        ('tests="3" time', 'tests="4" time'),
        ('tests="3" time', 'tests="2" time'),
    ]:
        assert old in CYPRESS
        assert found(tmp_path, CYPRESS.replace(old, new, 1))["counts"] is None, new


def test_a_time_in_milliseconds(tmp_path: Path) -> None:
    """As Playwright wrote it for years: it is shown as a date, not as a number that a reader has to convert."""
    for stamp, said in [
        ("1795258800000", "1.0 h old at 2026-11-21 12:00 UTC"),
        (
            "1795345201500",
            f"{tmp_path / 'unit.xml'} is dated 2026-11-22T11:00:01Z, in the future: it is 2026-11-21 12:00 UTC",
        ),
    ]:
        (tmp_path / "unit.xml").write_text(suite(case("one"), case("two")).replace("2026-11-21T11:00:00Z", stamp))
        assert seen(tmp_path, WHEN, f"{THEN}, younger than 7 d", UNIT)["age"].observed == said


def test_nine_where_ten_are_declared(tmp_path: Path) -> None:
    """The report contradicts itself: neither PASS nor FAIL. Catch2 counts assertions, and the words name what writes tests."""
    declared = f"{tmp_path / 'unit.xml'}:1: tests=10 declared, 9 counted"
    hint = "; Catch2 counts assertions: let `ctest --output-junit FILE` write the report of its tests"
    text = suite(*[case(f"t{n}") for n in range(9)], tests=10)
    for report, said in ((text, declared), (text.replace('name="s"', 'name="s" hostname="tbd"'), declared + hint)):
        (tmp_path / "unit.xml").write_text(report)
        fact = seen(tmp_path, WHEN, THEN, UNIT)["counts"]
        assert (fact.ok, fact.observed) == (None, said)


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


def test_subtests_do_not_explain_other_counts() -> None:
    """A failure that is not listed, fewer tests than elements, and another writer."""
    for old, new in [
        ('failures="3"', 'failures="4"'),
        ('skipped="2"', 'skipped="3"'),
        ('errors="0"', 'errors="1"'),
        ('tests="14"', 'tests="6"'),
        ('tests="14"', 'tests="3"'),
        ('name="pytest tests"', 'name="tests"'),
    ]:
        assert junit_report(SUBTESTS.replace(old, new, 1).encode(), "unit.xml").contradictions != (), new


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


def test_a_report_of_the_wrong_time_is_no_evidence(tmp_path: Path, subtests: pytest.Subtests) -> None:
    """In the future, also where no age is asked; too old, or too old in some zone."""
    for stamp, then in [
        ("2026-11-21T12:30:00Z", f"{THEN}, younger than 7 d"),
        ("2027-01-01T00:00:00Z", THEN),
        ("2026-11-14T11:00:00Z", f"{THEN}, younger than 7 d"),
        ("2026-11-14T22:00:00", f"{THEN}, younger than 7 d"),
    ]:
        with subtests.test(stamp):
            text = suite(case("one"), case("two")).replace("2026-11-21T11:00:00Z", stamp)
            assert found(tmp_path, text, then)["age"] is None


def test_a_report_of_another_commit_is_no_evidence(tmp_path: Path) -> None:
    """Green or not, also under the version that is judged: one may be built again."""
    head = '<properties><property name="release" value="1.0.0"/></properties>'
    text = suite(case("one"), case("two"), head=head)
    when = 'the JUnit report "unit" of this release has been read'
    (tmp_path / "unit.xml").write_text(text)
    assert oks(seen(tmp_path, when, THEN, UNIT))["release"] is True
    (tmp_path / "unit.xml").write_text(text.replace(COMMIT, "aaaaaaaaaa"))
    assert oks(seen(tmp_path, when, THEN, UNIT))["release"] is None
    fact = seen(tmp_path, WHEN, THEN, UNIT)["commit"]
    assert (fact.ok, fact.observed) == (None, f"{tmp_path / 'unit.xml'} is of commit aaaaaaaaaa")


def test_a_file_beside_the_report_says_where_it_comes_from(tmp_path: Path) -> None:
    """For formats and writers that have no place for it; the report must not say otherwise, and a hash binds it to the report."""
    (tmp_path / "unit.xml").write_text(SUREFIRE.replace('value="1.0.0"', 'value="2.0.0"'))
    (tmp_path / "unit.xml.origin.yaml").write_text(f"commit: {COMMIT}\ncreated: 2026-11-21T10:00:00Z\n")
    assert oks(seen(tmp_path, WHEN, f"{THEN}, younger than 1 d", UNIT))["commit"] is True
    for more, why in (
        ("release: 1.0.0", r"contradicts itself: release 2\.0\.0 and 1\.0\.0"),
        (f"sha256: {'0' * 64}", r"is of another unit\.xml"),
    ):
        (tmp_path / "unit.xml.origin.yaml").write_text(f"commit: {COMMIT}\n{more}\n")
        with pytest.raises(DriverError, match=why):
            seen(tmp_path, WHEN, THEN, UNIT)


def test_three_browser_engines(tmp_path: Path) -> None:
    """By the words that suites use; three names of one engine are one engine."""
    three = "".join(suite(case(name)) for name in ("a [chromium]", "b [firefox]", "c [webkit]"))
    then = "at least 1 test passed and none failed in 3 browser engines"
    assert found(tmp_path, f"<testsuites>{three}</testsuites>", then)["browser engines"] is True
    same = three.replace("firefox", "chrome").replace("webkit", "edge")
    assert found(tmp_path, f"<testsuites>{same}</testsuites>", then)["browser engines"] is False


def test_one_test_with_several_host_names_is_several_tests(tmp_path: Path) -> None:
    """Playwright writes suites of one name in one file, told apart by the browser; the jobs of a matrix write a file each."""
    (tmp_path / "origin.yaml").write_text(f"commit: {COMMIT}\n")
    suites = {
        host: f'<testsuite name="s" hostname="{host}" tests="1"><testcase classname="home" name="shown"/></testsuite>'
        for host in ("chromium", "firefox", "webkit")
    }
    (tmp_path / "unit.xml").write_text(f"<testsuites>{''.join(suites.values())}</testsuites>")
    for host, text in suites.items():
        (tmp_path / f"runner-{host}.xml").write_text(text)
    for files in ("unit.xml", "runner-*.xml"):
        then = "at least 3 tests passed and none failed in 3 browser engines"
        facts = seen(tmp_path, WHEN, then, {"junit": {"unit": files}})
        assert (set(oks(facts).values()), facts["tests that passed"].observed) == ({True}, "3")


def test_a_property_that_is_a_count(tmp_path: Path) -> None:
    """Enough, too few, and not there."""
    then = 'at least 1 test passed and none failed, with the property "changed" of at least 1'
    text = suite(case("one"), head='<properties><property name="changed" value="3"/></properties>')
    assert found(tmp_path, text, then)["property changed"] is True
    assert found(tmp_path, text.replace('"3"', '"0"'), then)["property changed"] is False
    assert found(tmp_path, text.replace('"3"', '"many"'), then)["property changed"] is None
    assert found(tmp_path, suite(case("one")), then)["property changed"] is None


def test_every_name_of_a_register_has_a_test(tmp_path: Path) -> None:
    """Word by word, in any style and script; a test that failed covers nothing, and a name within a longer one may be that one."""
    then = 'at least 1 test for every name of the register "workflows" passed in staging and none failed'
    subject = "names of the register workflows with a test that passed"
    staging = '<properties><property name="environment" value="staging"/></properties>'
    text = suite(case("test_SignIn_byMail"), case("upload-a-track"), head=staging)

    def covered(names: str, report: str, then: str = then) -> dict[str, bool | None]:
        (tmp_path / "workflows.yaml").write_text(names, encoding="utf-8")
        (tmp_path / "unit.xml").write_text(report, encoding="utf-8")
        return oks(seen(tmp_path, WHEN, then, UNIT, files={"registers": "."}))

    two, three = "- sign in\n- upload a track\n", "- sign in\n- upload a track\n- sign in by mail\n"
    facts = covered(two, text)
    assert (facts[subject], facts["environment"]) == (True, True)
    assert covered(two, text.replace("upload-a-track", "uploads"))[subject] is False
    assert covered(three, text)[subject] is None
    apart = text.replace("</testsuite>", f"{case('signs, then sign in')}</testsuite>")
    assert covered(three, apart)[subject] is True
    assert covered(three, apart.replace('"staging"', '"sandbox"'))["environment"] is None
    twice = covered(three, apart, then.replace("1 test", "2 tests"))
    assert twice[subject.replace("a test", "2 tests")] is False
    scripts = suite(case("test_größe_ändern"), case("test_вход"), head=staging)
    assert set(covered("- größe ändern\n- вход\n", scripts).values()) == {True}


BEFORE = 'at least 1 test passed and none failed before the deployment to staging of the record "deployments" began'


def test_a_suite_is_complete_when_it_ended(tmp_path: Path, subtests: pytest.Subtests) -> None:
    """Its time counts from its timestamp, and is no shorter than that of a test; without one it may have ended later.

    The last suite counts: one of several without a time may have ended after the deployment, unless what is around it or the file beside it says when.
    """
    (tmp_path / "origin.yaml").write_text(f"commit: {COMMIT}\n")
    nine = 'timestamp="2026-11-20T09:00:00Z"'
    late = 'timestamp="2026-11-20T09:01:00Z" time="4000"'

    def complete(report: str, began: str) -> bool | None:
        (tmp_path / "unit.xml").write_text(report)
        (tmp_path / "d.yaml").write_text(f"deployments: [{{environment: staging, commit: {COMMIT}, began: {began}}}]\n")
        evidence = {**UNIT, "records": {"deployments": "d.yaml"}}
        return seen(tmp_path, WHEN, BEFORE, evidence)["unit.xml and the record deployments"].ok

    for suite_of, began, ok in [
        (f'{nine} time="600"', "2026-11-20T09:11:00Z", True),
        (f'{nine} time="600"', "2026-11-20T09:09:00Z", False),
        (f'{nine} time="1,200.5"', "2026-11-20T09:11:00Z", False),
        (f'{nine} time="0"', "2026-11-20T09:02:00Z", False),
        (nine, "2026-11-20T09:11:00Z", None),
        (f'{nine} time="many"', "2026-11-20T09:11:00Z", None),
        (nine, "2026-11-20T08:59:00Z", False),
        ('timestamp="2026-11-20T09:00:00" time="600"', "2026-11-20T09:11:00Z", None),
        ("", "2026-11-20T09:11:00Z", None),
    ]:
        with subtests.test(suite_of=suite_of, began=began):
            one = f'<testsuite name="s" {suite_of}><testcase name="a" time="300"/></testsuite>'
            assert complete(one, began) is ok
    first = f'<testsuite name="a" {nine} time="60"><testcase name="a"/></testsuite>'
    for around, own, ok in (("", "", None), ("", late, False), (f'{nine} time="90"', "", True)):
        with subtests.test(around=around, own=own):
            last = f'<testsuite name="b" {own}><testcase name="b"/></testsuite>'
            assert complete(f"<testsuites {around}>{first}{last}</testsuites>", "2026-11-20T10:00:00Z") is ok
    (tmp_path / "origin.yaml").write_text(f"commit: {COMMIT}\ncreated: 2026-11-20T09:30:00Z\n")
    last = '<testsuite name="b"><testcase name="b"/></testsuite>'
    assert complete(f"<testsuites>{first}{last}</testsuites>", "2026-11-20T10:00:00Z") is True


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


def test_an_element_that_nobody_knows(tmp_path: Path) -> None:
    """PHPUnit writes of a test that never ran a warning, and no failure."""
    for inside, ok in [
        ("<warning>the data provider is invalid</warning>", None),
        ("<incomplete/>", None),
        ("<rerunFailure><stackTrace>a</stackTrace></rerunFailure>", True),
        ("<rerun>a</rerun>", None),
        ("<rerun>a</rerun><failure/>", True),
        ("<system-out>a</system-out>", True),
    ]:
        assert found(tmp_path, suite(case("one"), case("two", inside))).get("counts", True) is ok, inside


def test_times_of_mocha_and_testng() -> None:
    """Each with its zone; a short name of one is not certain, as `CST`, which is American or Chinese."""
    for stamp in [
        "Fri, 20 Nov 2026 09:30:00 GMT",
        "20 Nov 2026 09:30:00 GMT",
        "2026-11-20T09:30:00 UTC",
        "Fri, 20 Nov 2026 10:30:00 +0100",
    ]:
        moment = Moment.of(stamp, "unit.xml")
        assert moment.first.isoformat() == moment.last.isoformat() == "2026-11-20T09:30:00+00:00", stamp
    assert Moment.of("2026-11-20T09:30:00 CST", "unit.xml").first.isoformat() == "2026-11-19T19:30:00+00:00"


def test_a_suite_names_a_browser_where_its_name_is_nothing_else(tmp_path: Path, subtests: pytest.Subtests) -> None:
    """Else suites and tests have names of what they are about; the host name or brackets, as Playwright and pytest have them, name the browser."""
    for suite_of, test, engines in [
        ('name="edge-cases.spec.ts"', "one", "0"),
        ('name="safari-tours.spec.ts" hostname="chromium"', "one", "1: Blink"),
        ('name="com.example.EdgeTest"', "one", "0"),
        ('name="edge cases of the basket"', "one", "0"),
        ('name="s"', "warns in firefox [chromium]", "1: Blink"),
        ('name="home.spec.ts [firefox]"', "one", "1: Gecko"),
        ('name="Chrome Headless 120.0.6099.109 (Linux x86_64)"', "one", "1: Blink"),
        ('name="Mobile Safari 15"', "one", "1: WebKit"),
        ('name="webkit"', "one", "1: WebKit"),
    ]:
        with subtests.test(suite_of, test=test):
            (tmp_path / "unit.xml").write_text(f"<testsuite {suite_of}>{case(test)}</testsuite>")
            then = "at least 1 test passed and none failed in 3 browser engines"
            assert seen(tmp_path, WHEN, then, UNIT)["browser engines"].observed == engines


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


def test_node_counts_what_is_directly_in_a_suite() -> None:
    """Where every count of the suite is such a one; another number, and a test that is missing, contradict it. A failure is that of the suites around it."""
    adds = '<testcase name="adds" time="0.001" classname="test"/>'
    failed = NODE.replace('failures="0"', 'failures="1"').replace(adds, adds.replace("/>", "><failure/></testcase>"))
    for text, agrees in [
        (NODE, True),
        (NODE.replace('tests="2" failures="0"', 'tests="3" failures="0"', 1), True),
        (NODE.replace('tests="2" failures="0"', 'tests="4" failures="0"', 1), False),
        (NODE.replace('tests="2" failures="0" skipped="0"', 'tests="2" failures="0" skipped="1"', 1), False),
        (NODE.replace(adds, "", 1), False),
        (failed, True),
    ]:
        report = junit_report(text.encode(), "unit.xml")
        assert (report.contradictions == ()) is agrees, text
    assert [one.outcome for one in report.cases].count(CaseOutcome.FAILED) == 1


def test_a_test_ran_where_it_passed_or_failed() -> None:
    """One whose setup failed never began."""
    for inside, ran in [
        ("", True),
        ("<failure/>", True),
        ('<error message="failed on setup with ConnectionError"/>', False),
        ('<error message="failed on teardown with OSError"/>', True),
        ("<error/>", True),
        ("<skipped/>", False),
    ]:
        report = junit_report(suite(case("one", inside)).encode(), "unit.xml")
        assert report.ran == ({"one", "c.one"} if ran else set()), inside


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
