"""Targets that another distribution brings, as `readiness-sandbox` does: entry points of the group `readiness.targets`.

The engine finds one by its name, starts or describes it, and imports nothing of it by itself.
"""

from __future__ import annotations

from dataclasses import dataclass
from importlib.metadata import EntryPoint, entry_points, version
from typing import TYPE_CHECKING, Final, NamedTuple, Protocol

from harness.errors import ConfigurationError, Refused, UsageError
from harness.plugins import loaded

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator, Sequence
    from contextlib import AbstractContextManager
    from pathlib import Path

    import click

GROUP: Final = "readiness.targets"
SANDBOX: Final = "sandbox"
"""The target that the extra `sandbox` of this distribution brings. As the word after `--target`, a file of that name is written `./sandbox`."""
_ENGINE: Final = "readiness-harness"


class TargetProcesses(NamedTuple):
    """Processes of a target that runs on the machine of the harness.

    Attributes:
        own: pids that run the target and are no part of it: they and their descendants count as the harness.
        target: pids that with their descendants are the target.
    """

    own: frozenset[int] = frozenset()
    target: frozenset[int] = frozenset()


@dataclass(frozen=True, kw_only=True, slots=True)
class Finding:
    """One thing that a target or the harness needs, or that is good to have.

    Attributes:
        part: its name. ok: whether it is there and works. needed: whether the target cannot run without it.
        says: what it said of itself, or what is wrong. hint: what to do.
    """

    part: str
    ok: bool
    needed: bool
    says: str
    hint: str

    @property
    def word(self) -> str:
        """`ok`, `missing` where the target cannot run without it, `warning` where it can."""
        return "ok" if self.ok else "missing" if self.needed else "warning"


class RunningTarget(Protocol):
    """A target that runs on this machine."""

    @property
    def file(self) -> Path:
        """Its target file."""

    @property
    def release(self) -> str:
        """The version of the release that it runs."""

    def processes(self) -> TargetProcesses:
        """Its processes now; called every ten seconds of a run."""

    def close(self) -> None:
        """End it if the harness has started it and was not asked to keep it; else leave it as it is."""


class DescribedTarget(Protocol):
    """What a target would be, without starting it."""

    def written(self, parts: Iterable[str] = ()) -> AbstractContextManager[Path]:
        """A context with its target file, whose addresses are of no use; the files that it names are there meanwhile.

        Args:
            parts: that it is described with, of `ProvidedTarget.parts`.

        Raises:
            UsageError: there is no such release.
        """


class ProvidedTarget(Protocol):
    """What an entry point of the group names: an object, or a module with these functions."""

    def parts(self) -> Sequence[str]:
        """What it can deploy beside its core, in the order of deployment: names as rows of a catalogue have them under `needs`."""

    def start(
        self, release: str, say: Callable[[str], None], *, keep: bool, stands_for: str, parts: Iterable[str]
    ) -> RunningTarget:
        """Start it, and return when it is ready.

        Args:
            release: its name, or a directory.
            say: is given progress in words.
            keep: whether it outlives this process; else it ends with it, however that ends.
            stands_for: environment that its target file names.
            parts: that are deployed beside the core.

        Raises:
            UsageError: there is no such release or environment. HarnessError: it did not come up.
        """

    def attach(self, file: Path) -> RunningTarget | None:
        """The running target that wrote this target file; None where none runs, or another one wrote it."""

    def describe(self, release: str, *, stands_for: str) -> DescribedTarget:
        """Begin to describe it; a plan asks for the result later."""

    def findings(self) -> Iterator[Finding]:
        """What it needs of this machine, for `readiness doctor`."""

    def command(self) -> click.Command:
        """`readiness NAME`: the target by hand.

        Where no place is named, its target file is `NAME/target.yaml` in `harness.targets.state.state_directory()`: there
        `readiness recover` finds it.
        """


def provided_names() -> tuple[str, ...]:
    """The names of the targets that are installed, sorted."""
    return tuple(sorted({entry.name for entry in entry_points(group=GROUP)}))


def is_provided(word: str) -> bool:
    """Whether a word, as after `--target`, names a target instead of a file."""
    return word == SANDBOX or (not {"/", "."} & {*word} and word in provided_names())


def provided(name: str) -> ProvidedTarget:
    """The target of this name.

    Raises:
        UsageError: it is not installed. ConfigurationError: two distributions bring it, or it cannot be loaded.
        Refused: its distribution requires another version of the harness.
    """
    entries = tuple(entry_points(group=GROUP, name=name))
    if not entries:
        installed = ", ".join(provided_names()) or "none"
        hint = (
            _bring(name) if name == SANDBOX else f"install the package that brings it; installed targets: {installed}"
        )
        raise UsageError(f"the target `{name}` is not installed", where=name, hint=hint)
    if len(entries) > 1:
        named = " and ".join(sorted(entry.dist.name if entry.dist else entry.value for entry in entries))
        raise ConfigurationError(f"two packages bring the target `{name}`", where=named, hint="uninstall one of them")
    _require_fit(entries[0])
    target: ProvidedTarget = loaded(entries[0], f"the target `{name}`")
    return target


def attached(file: Path) -> RunningTarget | None:
    """The running target that wrote a target file; None where none of those that are installed did.

    One that does not fit or cannot be loaded declares nothing; it is refused where it is named as the target.
    """
    for name in provided_names():
        try:
            running = provided(name).attach(file)
        except UsageError:
            continue
        if running is not None:
            return running
    return None


def _require_fit(entry: EntryPoint) -> None:
    """Hold a distribution to the version of the harness that it requires: pip does so only when it installs."""
    if entry.dist is None:
        return
    from packaging.requirements import Requirement  # not at the start of every command

    engine = version(_ENGINE)
    for line in entry.dist.requires or ():
        asked = Requirement(line)
        if asked.name == _ENGINE and not asked.specifier.contains(engine, prereleases=True):
            package = entry.dist.name
            what = f"{package} {entry.dist.version} does not fit {_ENGINE} {engine}: it requires {_ENGINE}{asked.specifier}"
            hint = _bring(entry.name) if entry.name == SANDBOX else f"pip install '{_ENGINE}=={engine}' {package}"
            raise Refused(what, where=f"entry point {entry.name} = {entry.value}", hint=hint)


def _bring(extra: str) -> str:
    """The command that installs a target of our own, of the version of this harness."""
    by_checkout = f"in a checkout of that version `pip install . ./{extra}`"
    return f"pip install '{_ENGINE}[{extra}]=={version(_ENGINE)}', or {by_checkout}"
