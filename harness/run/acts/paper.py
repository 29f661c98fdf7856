"""Files as evidence: the platform's own files, and reports of other tools.

Reading them touches nothing and needs no live target.
"""

from __future__ import annotations

import hashlib
import re
import shutil
from abc import abstractmethod
from typing import TYPE_CHECKING, Final, NamedTuple

from harness import clock
from harness.errors import DriverError, EvidenceError, UsageError
from harness.model import Act, DemandKind
from harness.run.acts.driver import Driver, Library, RequiredKey

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from pathlib import Path

    from harness.drivers.claim import FactClaim
    from harness.drivers.paper import KeepFile
    from harness.model import Demand, Fact, Plan, Sink
    from harness.run.acts.context import Context
    from harness.targets import Target

_SECONDS: Final = 0.05
KEPT: Final = "ingested"
"""Directory of the run in which copies of the used files are kept."""
_MOST: Final = 1 << 27
"""Largest file that is kept, in bytes; for a larger file only the facts that were read from it are recorded."""


class Paper(NamedTuple):
    """Parts of a run that are needed to read files."""

    plan: Plan
    target: Target
    directory: Path


class PaperDriver(Driver):
    """Finds facts in files. A run of such acts alone needs no live target."""

    @abstractmethod
    def engines(self) -> Mapping[str, FactClaim]:
        """The claims of all engines, by name."""

    def needs(self, demand: Demand, library: Library) -> Sequence[RequiredKey]:  # noqa: ARG002 - the protocol's
        """No keys: `lack` names the missing keys, since they depend on the demand."""
        return ()

    def lack(self, demand: Demand, target: Target) -> RequiredKey | None:
        """The first key that the claim needs and the target file does not have."""
        for key in self.engines()[demand.name].keys(demand.params):
            section, kind, *name = key.split(".", 2)
            there = getattr(getattr(target, section), kind.replace("-", "_"))
            if not there or not {*name} <= {*there}:
                return RequiredKey(key, f"{demand.name} reads `{key}`")
        return None

    def plan(self, demand: Demand, library: Library) -> Sequence[Act]:  # noqa: ARG002 - the protocol's
        """One act per demand."""
        return [Act(name=demand.key, kind=self.kind, demand=demand.key, seconds=_SECONDS)]

    def run(self, act: Act, context: Context) -> None:
        """Read the files and record the facts."""
        place = Paper(plan=context.plan, target=context.target, directory=context.directory.path)
        self.find(act, place, context.sink("checks"))

    def find(self, act: Act, place: Paper, sink: Sink) -> None:
        """Read the files of a demand and record the facts; it needs no live run."""
        from harness.drivers.facts import record_facts

        demand = place.plan.demand[act.demand]
        record_facts(demand, lambda: self._facts(demand, place, sink), sink, place.directory)

    def _facts(self, demand: Demand, place: Paper, sink: Sink) -> tuple[Fact, ...]:
        from harness.drivers.facts import once
        from harness.drivers.paper import Asked

        engines = self.engines()
        if demand.name not in engines:
            raise UsageError(f"there is no {self.kind} engine `{demand.name}`", hint=f"use one of {', '.join(engines)}")
        asked = Asked(
            target=place.target,
            params=demand.params,
            release=place.plan.release,
            commit=place.target.release.commit,
            today=place.target.today(clock.wall()),
            keep=_keeper(place.directory, demand),
            directory=place.directory,
            sink=sink,
        )
        try:
            return once(engines[demand.name](asked))
        except (ArithmeticError, LookupError, ValueError) as error:
            # a number, a time or a gap that no reader has refused: of all rows only those that read this file rest on it
            what = f"the files cannot be evaluated: {type(error).__name__}: {error}"
            hint = "check the files for a time or a number that is out of range; if there is none, report this error"
            raise DriverError(what, where=demand.key, hint=hint) from error


class StaticDriver(PaperDriver):
    """Reads the platform's files: `files:` of the target file."""

    kind = DemandKind.STATIC.value

    def engines(self) -> Mapping[str, FactClaim]:
        """The engines of `harness.drivers.static`, by name."""
        from harness.drivers.static.registry import ENGINES

        return ENGINES

    def lack(self, demand: Demand, target: Target) -> RequiredKey | None:
        """The first key that the claim needs and that is empty, or names a file or directory that does not exist."""
        from harness.drivers.static.files import absent

        unnamed = super().lack(demand, target)
        for key in () if unnamed else self.engines()[demand.name].keys(demand.params):
            if key.startswith("files.") and (path := absent(target, key)):
                hint = f"create `{path}`, or correct `{key}` in {target.file.name}; paths are relative to that file"
                return RequiredKey(key, f"{demand.name} reads `{key}`", f"existing file: `{path}` is missing", hint)
        return unnamed


class IngestDriver(PaperDriver):
    """Reads other tools' reports: `evidence:` of the target file."""

    kind = DemandKind.INGEST.value

    def engines(self) -> Mapping[str, FactClaim]:
        """The engines of `harness.drivers.ingest`, by name."""
        from harness.drivers.ingest.registry import ENGINES

        return ENGINES


def _keeper(run_directory: Path, demand: Demand) -> KeepFile:
    """A function that copies files into the demand's own directory, each file once."""
    mark = hashlib.sha256(demand.key.encode()).hexdigest()[:8]  # the first words of two demands may be the same
    place = f"{KEPT}/{re.sub(r'[^A-Za-z0-9]+', '-', demand.key).strip('-')[:80]}-{mark}"
    kept: dict[Path, str] = {}

    def keep(path: Path, copy: bytes | None = None, /) -> str:
        if path not in kept:
            name = f"{place}/{len(kept)}-{re.sub(r'[^A-Za-z0-9._-]+', '-', path.name)[-80:]}"
            try:
                if (path.stat().st_size if copy is None else len(copy)) <= _MOST:
                    (run_directory / place).mkdir(parents=True, exist_ok=True)
                    if copy is None:
                        shutil.copyfile(path, run_directory / name)
                    else:
                        (run_directory / name).write_bytes(copy)
            except OSError as error:
                raise EvidenceError(f"the file cannot be kept: {error.strerror}", where=str(path)) from error
            kept[path] = name
        return kept[path]

    return keep
