"""What test suites report: tests that passed, none that failed, a test for each thing that a register lists."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Final

from harness.drivers.claim import claim
from harness.drivers.facts import FactReading
from harness.drivers.ingest.formats.moments import Moment
from harness.drivers.ingest.formats.plain import LARGEST_XML, shown, words
from harness.drivers.ingest.formats.provenance import Provenance, same_commit, same_release
from harness.drivers.ingest.formats.records import Deployment, plain_record
from harness.drivers.ingest.formats.testing.junit import JunitReport, junit_report
from harness.drivers.ingest.formats.testing.tally import CaseOutcome, JunitCase
from harness.drivers.ingest.reports import (
    YOUNGER,
    ReportPart,
    counts,
    parts_of,
    provenance,
    register_of,
    share_of,
    without,
)
from harness.drivers.paper import Asked
from harness.errors import ConfigurationError
from harness.model import FactAmount
from harness.words import some

_ENGINES: Final[Mapping[str, str]] = {
    "chromium": "Blink",
    "chrome": "Blink",
    "edge": "Blink",
    "blink": "Blink",
    "firefox": "Gecko",
    "gecko": "Gecko",
    "webkit": "WebKit",
    "safari": "WebKit",
}
"""Words by which suites name a browser, and its engine."""
_BESIDE: Final = frozenset(
    [
        "headless",
        "desktop",
        "mobile",
        "google",
        "microsoft",
        "mozilla",
        "apple",
        "linux",
        "windows",
        "mac",
        "os",
        "x",
        "ios",
        "android",
    ]
)
"""Words beside the browser in the name of a suite that is nothing but that, as Karma writes it: `Chrome Headless 120.0 (Linux x86_64)`."""
_VARIANT: Final = re.compile(r"\[[^\]]*\]|\([^)]*\)")
"""Where the name of a case or of a suite says with what it ran: `test_home[firefox]`; other words of it say what it is about."""
_Key = tuple[str, str, str, str]


@dataclass(frozen=True, kw_only=True, slots=True)
class _Suites:
    """All files of one JUnit report."""

    parts: Sequence[ReportPart[JunitReport]]

    @property
    def cases(self) -> list[JunitCase]:
        """Without those that failed in one file and passed in another: they are undecided, as within one file."""
        mixed, cases = self.mixed, [case for part in self.parts for case in part.report.cases]
        return [case for case in cases if _key_of(case) not in mixed] if mixed else cases

    @property
    def mixed(self) -> set[_Key]:
        """The tests that failed in one file and passed in another."""
        if len(self.parts) == 1:
            return set()
        of: Mapping[CaseOutcome, set[_Key]] = {outcome: set() for outcome in CaseOutcome}
        for part in self.parts:
            for case in part.report.cases:
                of[case.outcome].add(_key_of(case))
        return of[CaseOutcome.PASSED] & of[CaseOutcome.FAILED]

    @property
    def undecided(self) -> int:
        """How many tests failed and passed, or are counted and not listed."""
        return len(self.mixed) + sum(part.report.undecided for part in self.parts)

    def of(self, outcome: CaseOutcome) -> list[JunitCase]:
        return [case for case in self.cases if case.outcome is outcome]

    def always(self, asked: Asked) -> list[FactReading]:
        """The facts that every sentence about tests needs: the origin of the report, and that it does not contradict itself."""
        contradictions = [*self._again(), *(text for part in self.parts for text in part.report.contradictions)]
        return [*provenance(asked, [(part.path, part.origin) for part in self.parts]), *counts(contradictions)]

    def _again(self) -> list[str]:
        """One text per test that two files contain: one of the files is from an earlier run."""
        first: dict[_Key, ReportPart[JunitReport]] = {}
        found, mixed = [], self.mixed
        for part in self.parts:
            for case in part.report.cases:
                other = first.setdefault(_key_of(case), part)
                if other is not part:
                    why = ", and failed in one of the two: name the files of one run" if _key_of(case) in mixed else ""
                    found.append(f"{part.path}:{case.line}: the test `{case.label}` is in {other.path.name} too{why}")
        return found


def _key_of(case: JunitCase) -> _Key:
    return case.suite, case.host, case.group, case.name


def _suites(asked: Asked) -> _Suites:
    return _Suites(parts=parts_of(asked, "junit", junit_report, lambda report: report.origin, LARGEST_XML))


@claim(
    'at least <at_least:count> test[s][ for every name of the register "<register:name>"] passed[ in <environment>]'
    " and none <failures>[ in <browsers:count> browser engines]"
    '[ before the deployment to <to:environment> of the record "<record:name>" began]'
    '[, with the property "<property:name>" of at least <amount:count>]' + YOUNGER,
    needs=("evidence.junit.<report>", "files.registers.<register>", "evidence.records.<record>"),
    example="at least 25 tests passed and none failed or was skipped",
)
def tests_passed(asked: Asked) -> Sequence[FactReading]:
    """Facts: numbers of passed, failed and skipped tests of the JUnit report, or of names that occur, word by word, in tests that passed.

    The counts that a suite declares must match its cases. Before a deployment, every suite was complete when the first one of this commit began.
    """
    suites = _suites(asked)
    passed = _covered if "register" in asked.params else _passed
    facts = [*suites.always(asked), *passed(asked, suites), *_clean(asked, suites)]
    if "browsers" in asked.params:
        facts.append(_browsers(int(asked.params["browsers"]), suites))
    if "record" in asked.params:
        facts += _before_deployment(asked, suites)
    if "property" in asked.params:
        facts.append(_property(asked, suites))
    return facts


def _passed(asked: Asked, suites: _Suites) -> list[FactReading]:
    least, passed = int(asked.params["at_least"]), len(suites.of(CaseOutcome.PASSED))
    expected, seen = f"at least {least}", str(passed)
    amount = FactAmount(value=passed, at_least=True)
    ok: bool | None = passed >= least
    if undecided := suites.undecided:
        seen += f", and {undecided} that failed and passed, or that the report counts and does not list"
        ok = ok or (None if passed + undecided >= least else False)
    return [FactReading(subject="tests that passed", expected=expected, observed=seen, ok=ok, amount=amount)]


def _clean(asked: Asked, suites: _Suites) -> list[FactReading]:
    failed = _none("tests that failed", [case.label for case in suites.of(CaseOutcome.FAILED)])
    if repeated := [case.label for case in suites.cases if case.repeated]:
        aside = f"{len(repeated)} passed only when repeated: {some(repeated)}"
        failed = replace(failed, observed=f"{failed.observed}; {aside}")
    facts = [failed]
    passed, idle = len(suites.of(CaseOutcome.PASSED)), len(suites.of(CaseOutcome.SKIPPED))
    if idle > passed:
        seen = f"{passed} of {passed + idle}: tests that did not run neither passed nor failed"
        facts.append(FactReading(subject="tests that ran", expected="at least half", observed=seen, ok=None))
    if "skipped" in asked.params.get("failures", ""):
        skipped = [case.label for case in suites.of(CaseOutcome.SKIPPED)]
        unlisted = sum(part.report.unlisted for part in suites.parts)
        facts.append(_none("tests that were skipped", skipped, unlisted))
    return facts


def _none(subject: str, labels: Sequence[str], unlisted: int = 0) -> FactReading:
    named = [*labels, *([f"{unlisted} that the report does not list"] if unlisted else [])]
    seen = f"{len(labels) + unlisted}: {some(named)}" if named else "none"
    amount = FactAmount(value=len(labels) + unlisted)
    return FactReading(subject=subject, expected="none", observed=seen, ok=not named, amount=amount)


def _browsers(least: int, suites: _Suites) -> FactReading:
    found = sorted(
        {
            _ENGINES[word]
            for case in suites.of(CaseOutcome.PASSED)
            for word in _said_of_browser(case)
            if word in _ENGINES
        }
    )
    seen = ": ".join((str(len(found)), *([", ".join(found)] if found else [])))
    expected, amount = f"at least {least}", FactAmount(value=len(found), at_least=True)
    return FactReading(
        subject="browser engines", expected=expected, observed=seen, ok=len(found) >= least, amount=amount
    )


def _said_of_browser(case: JunitCase) -> list[str]:
    """Words that say with what a test ran: its host, brackets, and the name of its suite where that is nothing but a browser.

    Else a suite has the name of a file, a class or a group: `edge-cases.spec.ts` is about other edges.
    """
    bare = [word for word in words(_VARIANT.sub(" ", case.suite)) if not word.isdecimal()]
    suite = bare if {*bare} <= _ENGINES.keys() | _BESIDE else []
    return [*suite, *words(f"{case.host} {' '.join(_VARIANT.findall(f'{case.suite} {case.name}'))}")]


def _property(asked: Asked, suites: _Suites) -> FactReading:
    """The fact that a property of the report is a count of at least the expected number."""
    name, least = asked.params["property"], int(asked.params["amount"])
    subject, expected = f"property {shown(name)}", f"at least {least}"
    found = [part.report.properties[name] for part in suites.parts if name in part.report.properties]
    if not found:
        return FactReading(subject=subject, expected=expected, observed="the report has no such property", ok=None)
    if not all(text.isdecimal() and len(text) <= 9 for text in found):
        return FactReading(subject=subject, expected=expected, observed=f"`{shown(found[0])}` is not a count", ok=None)
    total = sum(map(int, found))
    amount = FactAmount(value=total, at_least=True)
    return FactReading(subject=subject, expected=expected, observed=str(total), ok=total >= least, amount=amount)


def _covered(asked: Asked, suites: _Suites) -> list[FactReading]:
    """The fact that each name in the register occurs, word by word, in the names of enough tests that passed."""
    name, least = asked.params["register"], int(asked.params["at_least"])
    names = register_of(asked, name)
    passed = [f"{case.suite} {case.group} {case.name}" for case in suites.of(CaseOutcome.PASSED)]
    missing = without(names, passed, least)
    number = "a test" if least == 1 else f"{least} tests"
    seen = f"{len(names) - len(missing)}{f', without {number}: {some(missing)}' if missing else ''}"
    absent = without(names, passed, least, inside=True)
    if missing and not absent:
        seen += "; each is within a longer name that has one"
    covered = FactReading(
        subject=f"names of the register {name} with {number} that passed",
        expected=f"all {len(names)}",
        observed=seen,
        ok=False if absent else None if missing else True,
        amount=share_of(len(names) - len(missing), len(names)),
    )
    return [covered]


def _before_deployment(asked: Asked, suites: _Suites) -> list[FactReading]:
    """The facts that every suite was complete before the first deployment of this commit in the record began."""
    of_record, deployments = asked.params["record"], _deployments(asked)
    if why := _not_believed(asked, deployments):
        subject, expected = f"the record {of_record}", "deployments of what is judged, which have begun"
        return [FactReading(subject=subject, expected=expected, observed=why, ok=None)]
    began = min((one.began for one, _origin in deployments), key=lambda moment: moment.first)
    facts, expected = [], "complete before the deployment began"
    for part in suites.parts:
        ok, seen = _complete_before(part, began)
        facts.append(
            FactReading(subject=f"{part.path.name} and the record {of_record}", expected=expected, observed=seen, ok=ok)
        )
    return facts


def _complete_before(part: ReportPart[JunitReport], began: Moment) -> tuple[bool | None, str]:
    """The fact that a report was complete when a deployment began; unknown if a suite says only when it began."""
    start, end = part.origin.made, part.report.ended or part.created
    if start is None:
        return None, f"{part.path} has no date"
    if end is None or end.before(start):
        seen = f"began {shown(start.text)}, the deployment {shown(began.text)}"
        if start.before(began) is False:
            return False, seen
        return None, f"{seen}; {part.path} does not say when each of its suites ended: `time` beside `timestamp`"
    return end.before(began), f"{shown(end.text)}, the deployment began {shown(began.text)}"


def _deployments(asked: Asked) -> list[tuple[Deployment, Provenance]]:
    """The deployments of what is judged to the environment that the sentence names, each with what its record says of itself."""
    name, environment = asked.params["record"], asked.params["to"]
    paths = asked.target.evidence.records.get(name)
    where = f"{asked.target.file}: evidence.records.{name}"
    if not paths:
        raise ConfigurationError("is not in the target file", where=where, hint="name the record of deployments there")
    found = []
    for path in paths:
        file = asked.target.file.parent / path
        record = plain_record(file)
        found += [
            (one, record.origin)
            for one in record.deployments()
            if one.environment == environment and _is_of(one, asked)
        ]
        asked.keep(file)
    if not found:
        hint = "the record needs an entry with this `environment`, and this `commit` or `release`"
        raise ConfigurationError(f"has no deployment of this commit to {environment}", where=where, hint=hint)
    return found


def _not_believed(asked: Asked, deployments: Sequence[tuple[Deployment, Provenance]]) -> str:
    """Why deployments cannot be used: one is in the future, or of another release or target; empty if they can."""
    for one, origin in deployments:
        for moment, what in ((one.began, "a deployment that began"), (origin.made, "a record created")):
            if moment is not None and moment.in_future(asked.today):
                return (
                    f"{one.where}: {what} {shown(moment.text)}, in the future: it is {asked.today:%Y-%m-%d %H:%M} UTC"
                )
        release = one.release or origin.release
        if release and asked.release and not same_release(release, asked.release):
            return f"{one.where} is of release {shown(release)}"
        if origin.commit and asked.commit and not same_commit(origin.commit, asked.commit):
            return f"{one.where}: the record is of commit {shown(origin.commit)}"
        if origin.target and origin.target != asked.target.name:
            return f"{one.where}: the record is of target {shown(origin.target)}"
    return ""


def _is_of(deployment: Deployment, asked: Asked) -> bool:
    if deployment.commit:
        return bool(asked.commit) and same_commit(deployment.commit, asked.commit)
    return bool(deployment.release and asked.release) and same_release(deployment.release, asked.release)
