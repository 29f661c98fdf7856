"""Journals of Chaos Toolkit: `journal.json` of `chaos run`, of chaoslib 1.

Source: <https://chaostoolkit.org/reference/api/journal/>, and the journals that chaoslib itself writes in the tests.
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any, Final

from pydantic import Field

from harness.drivers.ingest.chaos.experiment import (
    ChaosExperiment,
    ChaosFile,
    ChaosFinding,
    ChaosFormat,
    found_if,
    is_from,
    newest_of,
    oldest_of,
    only_document,
    time_of,
    unknown_word,
)
from harness.drivers.ingest.formats.moments import Moment
from harness.drivers.ingest.formats.plain import ReportSection, section_of, shown
from harness.errors import DriverError
from harness.words import counted, some

_VERSION: Final = re.compile(r"1\.\d+(\.\S*)?")
_ENDED: Final = {"completed", "failed"}
_STOPPED: Final = {"aborted", "interrupted"}
_NOTHING_FOUND: Final = "no resources found"
"""What kubectl says, with exit status 0, where nothing has the label that it was given."""
_REFUSED: Final = 400
"""Status of an HTTP answer from which on the request was refused; chaoslib calls it a success all the same."""


class JournalProvider(ReportSection):
    """What runs an activity."""

    type: str
    path: str = ""
    module: str = ""
    func: str = ""

    @property
    def waits(self) -> bool:
        """Whether it does nothing but let time pass."""
        return (self.module, self.func) == ("time", "sleep") or self.path.rpartition("/")[2] == "sleep"


class JournalActivity(ReportSection):
    """What an activity is."""

    type: str
    name: str
    dry: Any = None
    provider: JournalProvider


class JournalRow(ReportSection):
    """One activity that was run."""

    activity: JournalActivity
    status: str | None = None
    output: Any = None
    start: str | None = None
    end: str | None = None
    tolerance_met: bool | None = None

    @property
    def name(self) -> str:
        """Of the activity."""
        return f"`{shown(self.activity.name)}`"


class JournalState(ReportSection):
    """One reading of the steady state."""

    steady_state_met: bool | None = None
    probes: list[JournalRow]


class JournalStates(ReportSection):
    """The steady state before, during and after the method; None: it was not read."""

    before: JournalState | None
    after: JournalState | None
    during: list[JournalState | None] = Field(default_factory=list)


class JournalHypothesis(ReportSection):
    """The steady state that is expected."""

    probes: list[dict[str, Any]] = Field(default_factory=list)


class DeclaredExperiment(ReportSection):
    """The experiment as it was declared."""

    title: str
    method: list[dict[str, Any]]
    rollbacks: list[dict[str, Any]] = Field(default_factory=list)
    dry: Any = None
    hypothesis: JournalHypothesis | None = Field(default=None, alias="steady-state-hypothesis")


class ChaosJournal(ReportSection):
    """A journal."""

    version: str = Field(alias="chaoslib-version")
    experiment: DeclaredExperiment
    start: str | None = None
    end: str | None = None
    status: str | None = None
    deviated: bool
    steady_states: JournalStates
    run: list[JournalRow]
    rollbacks: list[JournalRow]


def read_journals(files: Sequence[ChaosFile]) -> Sequence[ChaosExperiment]:
    """The experiment of each journal."""
    return [_experiment(file) for file in files]


def _experiment(file: ChaosFile) -> ChaosExperiment:
    where = str(file.path)
    journal = section_of(ChaosJournal, only_document(file), where, kind="a journal of Chaos Toolkit")
    if not _VERSION.fullmatch(journal.version):
        what = f"is of chaoslib `{shown(journal.version)}`, expected 1"
        raise DriverError(what, where=f"{where}: chaoslib-version", hint="write it with Chaos Toolkit 1")
    reading = _JournalReading(journal, file.path)
    return ChaosExperiment(
        name=journal.experiment.title,
        path=file.path,
        identity=f"{journal.experiment.title} {journal.start}",
        injected=reading.injected(),
        probed=reading.probed(),
        undone=reading.undone(),
        ended=reading.ended(),
        end=reading.end,
        passed_after=reading.passed_after,
        doubts=tuple(reading.doubts()),
    )


@dataclass(frozen=True)
class _JournalReading:
    """What a journal says."""

    journal: ChaosJournal
    path: Path

    @cached_property
    def actions(self) -> list[JournalRow]:
        """The actions that were run."""
        return [row for row in self.journal.run if row.activity.type == "action"]

    @cached_property
    def probes(self) -> list[JournalRow]:
        """The probes of every steady state."""
        states = self.journal.steady_states
        return [row for one in (states.before, states.after, *states.during) if one is not None for row in one.probes]

    @cached_property
    def faults(self) -> list[JournalRow]:
        """The actions that do more than wait."""
        return [row for row in self.actions if not row.activity.provider.waits]

    @cached_property
    def first(self) -> Moment | None:
        """When the first of these actions began."""
        return oldest_of(self.at(row.start) for row in self.faults)

    @cached_property
    def last(self) -> Moment | None:
        """When the last of them began."""
        return newest_of(self.at(row.start) for row in self.faults)

    @cached_property
    def end(self) -> Moment | None:
        """When the journal was closed."""
        return self.at(self.journal.end)

    def at(self, text: str | None) -> Moment | None:
        return time_of(text, str(self.path))

    def injected(self) -> ChaosFinding:
        """Every action of the method was run, succeeded, and does not say that it hit nothing."""
        return found_if(self._not_injected(), f"{counted(len(self.actions), 'action')} succeeded")

    def _not_injected(self) -> Iterator[str]:
        journal, declared = self.journal, self.journal.experiment.method
        if journal.experiment.dry or any(row.activity.dry for row in journal.run):
            yield "it was a dry run"
        if (before := journal.steady_states.before) is not None and before.steady_state_met is not True:
            yield "the steady state was not met before the fault, so that none was injected"
        if len(journal.run) != len(declared):
            yield f"{len(journal.run)} of {counted(len(declared), 'activity', 'activities')} were run"
        elif _names(declared) - Counter(row.activity.name for row in journal.run):
            yield "other activities were run than the method declares"
        if not self.actions:
            yield "no action was run"
        elif not self.faults:
            yield "its actions only wait"
        for row in self.actions:
            yield from _not_done(row)

    def probed(self) -> ChaosFinding:
        """The steady state was read while or after the first action, and was met each time."""
        states = self.journal.steady_states
        read = [one for one in (states.after, *states.during) if one is not None]
        late = [one for one in read if self._is_since(one, self.first)]
        proof = [one for one in late if self._is_since(one, self.last)]
        failed = [
            f"{one.probes[-1].name} was not in its tolerance"
            for one in late
            if one.steady_state_met is False and one.probes
        ]
        if failed:
            return ChaosFinding(ok=False, seen=some(list(dict.fromkeys(failed))))
        problems = [*self._not_probed(read, late)]
        if not proof:
            problems.append("its probes ran only before the fault" if read or states.before else "it has no probe")
        return found_if(problems, f"the steady state was met {counted(len(proof), 'time')} since the fault")

    def _not_probed(self, read: Sequence[JournalState], late: Sequence[JournalState]) -> Iterator[str]:
        if self.journal.experiment.dry:
            yield "it was a dry run"
        for one in read:
            if one.steady_state_met is None or not one.probes:
                yield "a steady state has no result"
            elif one.steady_state_met is False and one not in late:
                yield "the steady state was not met before the first action began"
        for row in self.journal.run:
            if row.activity.type == "probe" and row.status != "succeeded":
                yield f"the probe {row.name} of the method could not be read"

    def _is_since(self, state: JournalState, start: Moment | None) -> bool:
        """Whether all probes of a steady state were read at or after a time."""
        return bool(state.probes) and all(is_from(self.at(row.start), start) is True for row in state.probes)

    @property
    def passed_after(self) -> bool:
        """Whether the steady state was met after the last action."""
        after, last = self.journal.steady_states.after, newest_of(self.at(row.end) for row in self.actions)
        return after is not None and after.steady_state_met is True and self._is_since(after, last)

    def undone(self) -> ChaosFinding | None:
        """Every rollback was run and succeeded; None where there is none."""
        if not self.journal.experiment.rollbacks and not self.journal.rollbacks:
            return None
        return found_if(self._not_undone(), f"{counted(len(self.journal.rollbacks), 'rollback')} succeeded")

    def _not_undone(self) -> Iterator[str]:
        rows, declared = self.journal.rollbacks, self.journal.experiment.rollbacks
        if not rows:
            yield "its rollbacks were not run"
        elif len(rows) != len(declared):
            yield f"{len(rows)} of {counted(len(declared), 'rollback')} were run"
        elif _names(declared) - Counter(row.activity.name for row in rows):
            yield "other rollbacks were run than the experiment declares"
        done = [row for row in rows if row.activity.type == "action" and not row.activity.provider.waits]
        if rows and not done:
            yield "its rollbacks undo nothing"
        if any(row.activity.dry for row in rows):
            yield "a rollback was a dry run"
        for row in rows:
            yield from _not_done(row)
            if is_from(self.at(row.start), self.first) is not True:
                yield f"the rollback {row.name} did not run after the fault"

    def ended(self) -> ChaosFinding:
        """The run was not stopped, and says when it began and ended."""
        problems, status = [], self.journal.status
        if status in _STOPPED:
            problems.append(f"it was {status}")
        elif status not in _ENDED:
            problems.append(unknown_word("status", status))
        if is_from(self.end, self.at(self.journal.start)) is not True:
            problems.append("it does not say when it began and ended")
        rows = (*self.journal.run, *self.journal.rollbacks, *self.probes)
        problems += [
            f"it does not say when {row.name} began and ended"
            for row in rows
            if is_from(self.at(row.end), self.at(row.start)) is not True
        ]
        return found_if(problems, f"{status} at {shown(self.journal.end or '')}")

    def doubts(self) -> Iterator[str]:
        """How the journal contradicts itself."""
        journal, states = self.journal, self.journal.steady_states
        if journal.deviated is not (states.after is not None and states.after.steady_state_met is False):
            yield f"`deviated` is {str(journal.deviated).lower()}, and the steady state after the method says otherwise"
        unmet = [one for one in (states.before, states.after, *states.during) if one and one.steady_state_met is False]
        if journal.status == "failed" and not unmet:
            yield "the status is `failed`, and no steady state was missed"
        declared = journal.experiment.hypothesis
        for one in (states.before, states.after, *states.during):
            if one is not None and one.steady_state_met:
                yield from _half_met(one, declared.probes if declared else [])
        for row in (*journal.run, *journal.rollbacks):
            if row.activity.type not in ("action", "probe"):
                yield f"{row.name} is of the type `{shown(row.activity.type)}`"
        for row in (*journal.run, *journal.rollbacks, *self.probes):
            if (
                is_from(self.at(row.start), self.at(journal.start)) is False
                or is_from(self.end, self.at(row.end)) is False
            ):
                yield f"{row.name} ran outside of the run"
        if states.after is not None and self.last is not None and not self._is_since(states.after, self.last):
            yield "the steady state after the method was read before it"


def _names(declared: Sequence[dict[str, Any]]) -> Counter[str]:
    """The names of declared activities; one that refers to another has none."""
    return Counter(str(one["name"]) for one in declared if "name" in one)


def _half_met(state: JournalState, declared: Sequence[dict[str, Any]]) -> Iterator[str]:
    if len(state.probes) != len(declared):
        yield f"a steady state is met by {len(state.probes)} of {counted(len(declared), 'probe')}"
    elif _names(declared) - Counter(row.activity.name for row in state.probes):
        yield "a steady state is met by other probes than the experiment declares"
    for row in state.probes:
        if row.activity.type != "probe" or row.status != "succeeded" or row.tolerance_met is not True:
            yield f"a steady state is met, and {row.name} is not"


def _not_done(row: JournalRow) -> Iterator[str]:
    """Why an activity may have done nothing."""
    if row.status == "failed":
        yield f"{row.name} failed"
    elif row.status != "succeeded":
        yield f"{row.name}: {unknown_word('status', row.status)}"
    elif row.activity.type == "action" and (why := _hit_nothing(row)):
        yield f"{row.name} {why}"


def _hit_nothing(row: JournalRow) -> str:
    """How an action that succeeded says that it did nothing; empty if it does not say it."""
    kind, output = row.activity.provider.type, row.output
    if kind == "python":
        return "returned that it hit nothing" if output is not None and _is_nothing(output) else ""
    status = output.get("status") if isinstance(output, dict) else None
    if kind not in ("process", "http"):
        return f"has the provider `{shown(kind)}`, which is not known"
    if not isinstance(status, int) or isinstance(status, bool):
        return "has no exit status" if kind == "process" else "has no HTTP status"
    if kind == "process" and isinstance(output, dict):
        said = f"{output.get('stdout')} {output.get('stderr')}".lower()
        why = "says `No resources found`" if _NOTHING_FOUND in said else ""
        return f"ended with exit status {status}" if status else why
    return f"was answered with HTTP status {status}" if not 0 < status < _REFUSED else ""


def _is_nothing(value: Any) -> bool:
    """Whether a value is empty, no, nought or nothing but such values."""
    if isinstance(value, dict):
        return all(_is_nothing(one) for one in value.values())
    if isinstance(value, list):
        return all(_is_nothing(one) for one in value)
    return not value


CHAOSTOOLKIT: Final = ChaosFormat(tool="chaostoolkit", what="a journal of Chaos Toolkit", read=read_journals)
