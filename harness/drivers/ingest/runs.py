"""Earlier runs of this harness: the decision of one run, and the figures and drills in the history of runs."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any, Final

from harness.drivers.claim import claim
from harness.drivers.facts import FactReading
from harness.drivers.ingest.formats.earlier import EarlierRun, earlier_run
from harness.drivers.ingest.formats.moments import Moment
from harness.drivers.ingest.formats.plain import LARGEST_TEXT, json_of, read_report, shown
from harness.drivers.ingest.formats.provenance import same_commit, same_release
from harness.drivers.ingest.reports import NEWEST, YOUNGER, age_of, files_of, key_of, of_this, provenance
from harness.drivers.paper import Asked
from harness.errors import DriverError, HarnessError
from harness.model import domain_of
from harness.words import counted, some

_MOST_RUNS: Final = 10_000


@claim(
    'the decision of the run in <environment>[ by the profile "<profile:name>"] is GO' + YOUNGER,
    needs=("evidence.verdict.<report>",),
    example="the decision of the run in staging is GO, younger than 7 d",
)
def decided_go(asked: Asked) -> Sequence[FactReading]:
    """The newest `verdict.json` of that environment and profile, by default the one of the requirement's own file; its age is that of the manifest's seal.

    A filtered run decides nothing, nor does one by other profiles; but a newer NO-GO of these leaves it open. Runs of another release,
    commit or target than the sentence asks for do not count: without any other the newest of them is named, and decides nothing.
    """
    everything, what, profile = _there(asked), asked.params["of"], asked.params.get("profile", "")
    own = [one for one in everything if of_this(asked, what, [(one[0], one[1].origin)]).ok]
    there = own or everything
    by_profile = [one for one in there if _is_by(one[1], asked.params)]
    deciding = [one for one in by_profile if one[1].decision != "PARTIAL"]
    path, run = (deciding or by_profile or there)[-1]
    seen, ok = _decision(run), run.decision == "GO" if own and deciding else None
    if by_profile and not deciding:
        seen += ": a filtered run decides nothing, and no other run is there"
    against = _newest_no_go(everything, run) if ok else None
    if against is not None:
        seen, ok = f"{seen}, but the newer {_decision(against)}", None
    expected = f"GO by the profile {shown(profile)}" if profile else "GO"
    return [
        *provenance(asked, [(path, run.origin)]),
        FactReading(subject="decision", expected=expected, observed=seen, ok=ok),
    ]


def _there(asked: Asked) -> Sequence[tuple[Path, EarlierRun]]:
    """The runs in the environment, the newest last; a run in which the sandbox played the environment does not count."""
    environment = asked.params["environment"]
    runs = [(path, _run(asked, path)) for path in files_of(asked, "verdict")]
    there = [(path, run) for path, run in runs if run.origin.environment == environment and not run.played]
    if not there:
        found = ", ".join(sorted({_place(run) for _path, run in runs}))
        hint = f"name the `verdict.json` of a run in {environment}"
        raise DriverError(f"has no run in {environment}, only in {found}", where=key_of(asked), hint=hint)
    return sorted(there, key=lambda one: _sealed(one[1]))


def _is_by(run: EarlierRun, params: Mapping[str, str]) -> bool:
    """Whether a run decides for the profile: it has that profile, or judged all `rows` of its catalogue file."""
    profile, rows = params.get("profile", ""), int(params.get("rows", "0"))
    return not profile or profile in run.profiles or 0 < rows <= run.rows.get(profile, 0)


def _newest_no_go(runs: Sequence[tuple[Path, EarlierRun]], since: EarlierRun) -> EarlierRun | None:
    """The newest NO-GO since a run, of its release and target, that no GO by the same profile has followed."""
    last: dict[str, EarlierRun] = {}
    for _path, run in runs:
        same = same_release(run.origin.release, since.origin.release) and run.origin.target == since.origin.target
        if run is not since and same and run.decision in ("GO", "NO-GO") and _sealed(run) >= _sealed(since):
            last.update(dict.fromkeys(run.profiles, run))
    return max((run for run in last.values() if run.decision == "NO-GO"), key=_sealed, default=None)


def _decision(run: EarlierRun) -> str:
    breadth = counted(run.requirements, "requirement")
    return f"{run.decision} in the run {run.run}, profile {shown('+'.join(run.profiles))} with {breadth}"


def _place(run: EarlierRun) -> str:
    return f"{shown(run.origin.environment)}{' as the sandbox plays it' if run.played else ''}"


def _run(asked: Asked, path: Path) -> EarlierRun:
    manifest = path.with_name("manifest.json")
    run = earlier_run(read_report(path, LARGEST_TEXT), read_report(manifest, LARGEST_TEXT), str(path))
    asked.keep(path)
    asked.keep(manifest)
    return run


def _sealed(run: EarlierRun) -> float:
    return run.origin.made.first.timestamp() if run.origin.made else 0.0


@dataclass(frozen=True, kw_only=True, slots=True)
class _History:
    """The runs of the target (or release, or commit) that is judged, the newest first, and why others could not be read.

    `unknown`: of `broken`, those that have a date and no verdict that can be read, and are newer than the last run that was asked for.
    """

    runs: Iterator[tuple[Path, EarlierRun]]
    broken: list[str]
    unknown: list[str]

    def aside(self) -> str:
        """The runs that could not be read, in words; empty if there are none."""
        return f"; not readable: {some(self.broken)}" if self.broken else ""


def _history(asked: Asked) -> _History:
    """Read manifests of all runs, and verdicts only as far as they are asked for."""
    broken: list[str] = []
    unknown: list[str] = []
    dated: list[tuple[float, Path]] = []
    for directory in _directories(asked):
        for path in sorted(directory.glob("*/manifest.json"))[:_MOST_RUNS]:
            if path.parent.is_symlink():
                continue  # `latest`
            try:
                manifest = json_of(read_report(path, LARGEST_TEXT), str(path))
                if isinstance(manifest, dict) and _is_asked_for(asked, manifest):
                    sealed = Moment.of(manifest.get("sealed"), f"{path}: sealed")
                    dated.append((sealed.first.timestamp(), path.with_name("verdict.json")))
            except DriverError as error:
                broken.append(f"{path.parent.name} ({error.what})")
    runs = _newest_first(asked, sorted(dated, reverse=True), broken, unknown)
    return _History(runs=runs, broken=broken, unknown=unknown)


def _is_asked_for(asked: Asked, manifest: Mapping[str, Any]) -> bool:
    """Whether a run is of the target, and of the release or commit where the sentence says so."""
    if manifest.get("target") != asked.target.name:
        return False
    what = asked.params.get("of", "")
    same = {"release": same_release, "commit": same_commit}.get(what)
    found = manifest.get("release_commit" if what == "commit" else what)
    this = getattr(asked, what, "")
    return same is None or bool(this and isinstance(found, str) and found and same(found, this))


def _of_what(asked: Asked) -> str:
    """The target, with its release if the sentence asks for one: `paper`, or `paper at release 1.0.0`."""
    what = asked.params.get("of", "")
    this = getattr(asked, what, "") if what in ("release", "commit") else None
    return asked.target.name if this is None else f"{asked.target.name} at {what} {shown(this) or 'unknown'}"


def _directories(asked: Asked) -> tuple[Path, ...]:
    found = files_of(asked, "history")
    for path in found:
        if not path.is_dir():
            raise DriverError("is not a directory of runs", where=str(path), hint="name `reports/runs`")
    return found


def _newest_first(
    asked: Asked, dated: Sequence[tuple[float, Path]], broken: list[str], unknown: list[str]
) -> Iterator[tuple[Path, EarlierRun]]:
    for _at, path in dated:
        try:
            yield path, _run(asked, path)
        except HarnessError as error:
            broken.append(f"{path.parent.name} ({error.what})")
            unknown.append(path.parent.name)


@claim(
    NEWEST,
    'at least <at_least:count> run[s] measured the "<figure:name>", the newest',
    needs=("evidence.history.<report>",),
    example='at least 2 runs measured the "error rate", the newest younger than 7 d',
)
def runs_measured(asked: Asked) -> Sequence[FactReading]:
    """Runs of this target in which a measure of that name has a value."""
    least, figure = int(asked.params["at_least"]), asked.params["figure"]
    history = _history(asked)
    found: list[tuple[Path, EarlierRun]] = []
    for path, run in history.runs:
        measured = any(name == figure or name.startswith(f"{figure} ") for name in run.measured)
        if measured and all(run.run != other.run for _path, other in found):
            found.append((path, run))
        if len(found) >= least:
            break
    names = [run.run for _path, run in found]
    enough = FactReading(
        subject=f"runs of {_of_what(asked)} that measured the {shown(figure)}",
        expected=f"at least {least}",
        observed=f"{len(found)}{f': {some(names)}' if names else ''}{history.aside()}",
        ok=True if len(found) >= least else None,
    )
    return [enough, *(provenance(asked, [(found[0][0], found[0][1].origin)]) if found else [])]


@claim(
    NEWEST,
    "a disaster experiment passed,",
    needs=("evidence.history.<report>",),
    example="a disaster experiment passed, younger than 90 d",
)
def drill_passed(asked: Asked) -> Sequence[FactReading]:
    """An experiment of domain database or region on this target: its receipts are complete, and all that was judged of it passed."""
    expected = f"one that passed, younger than {asked.params['age']}"
    fact = partial(FactReading, subject=f"disaster experiment on {_of_what(asked)}", expected=expected)
    history = _history(asked)
    failed: list[str] = []
    undecided: list[str] = []
    for _path, run in history.runs:
        made = run.origin.made
        if made is None or not made.younger(asked.today, age_of(asked.params["age"])):
            break
        if made.in_future(asked.today):
            seen = f"the run {run.run} is dated {shown(made.text)}, in the future"
            return [fact(observed=seen, ok=None)]
        drills = {name: passed for name, (domain, passed) in run.drills.items() if domain_of(domain).disaster}
        failed += [f"{shown(name)} in {run.run}" for name, ok in drills.items() if ok is False]
        undecided += [f"{shown(name)} in {run.run}" for name, ok in drills.items() if ok is None]
        if failed:
            break  # an older one that passed says nothing of what is now
        if passed := [shown(name) for name, ok in drills.items() if ok]:
            seen = f"{some(passed)} passed in the run {run.run}, {made.age(asked.today)} ago"
            if history.unknown:
                seen += f", but the newer {some(history.unknown)} has no verdict that can be read"
            seen += f"{_undecided(undecided)}{history.aside()}"
            return [fact(observed=seen, ok=None if history.unknown else True)]
    if failed:
        return [fact(observed=f"did not pass: {some(failed)}{history.aside()}", ok=False)]
    seen = f"no run has one{_undecided(undecided)}{history.aside()}"
    return [fact(observed=seen, ok=None)]


def _undecided(drills: Sequence[str]) -> str:
    """The drills that neither passed nor failed, in words: a receipt is missing, or a figure is not decided."""
    return f"; not decided: {some(drills)}" if drills else ""
