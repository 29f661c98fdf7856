"""Provided targets: targets that another distribution brings, such as the sandbox of `readiness-sandbox`.

The harness finds a target by its entry point in the group `readiness.targets`, and starts or describes it.
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
"""Name of the target of the extra `sandbox`. After `--target`, a file with this name is written `./sandbox`."""
_ENGINE: Final = "readiness-harness"


class TargetProcesses(NamedTuple):
    """Processes of a target that runs on the machine of the harness.

    Attributes:
        own: pids of processes that run the target and are not part of it; they and their descendants count as the harness.
        target: pids of the target; their descendants belong to the target as well.
    """

    own: frozenset[int] = frozenset()
    target: frozenset[int] = frozenset()


@dataclass(frozen=True, kw_only=True, slots=True)
class Finding:
    """One required or optional prerequisite of a target or of the harness.

    Attributes:
        part: name of the prerequisite.
        ok: whether it is installed and works.
        needed: whether the target cannot run without it.
        says: version or place of the prerequisite, or the problem.
        hint: what to do.
    """

    part: str
    ok: bool
    needed: bool
    says: str
    hint: str

    @property
    def word(self) -> str:
        """`ok`; otherwise `missing` if the target cannot run without it, else `warning`."""
        return "ok" if self.ok else "missing" if self.needed else "warning"


class RunningTarget(Protocol):
    """A target that runs on this machine."""

    @property
    def file(self) -> Path:
        """The path of the target file."""

    @property
    def release(self) -> str:
        """The version of the running release."""

    def processes(self) -> TargetProcesses:
        """The present processes of the target; called every ten seconds of a run."""

    def close(self) -> None:
        """Stop the target if the harness started it and was not asked to keep it; otherwise do nothing."""


class DescribedTarget(Protocol):
    """Description of a provided target that is not started."""

    def written(self, parts: Iterable[str] = ()) -> AbstractContextManager[Path]:
        """A context with the target file, whose addresses do not work, and with the files that it names.

        Args:
            parts: parts that the description includes, from `ProvidedTarget.parts`.

        Raises:
            UsageError: the release does not exist.
        """


class ProvidedTarget(Protocol):
    """A provided target: an object, or a module with these functions, that an entry point of the group names."""

    def parts(self) -> Sequence[str]:
        """The parts that can be deployed besides the core, in the order of deployment; requirements name them under `needs`."""

    def start(
        self, release: str, say: Callable[[str], None], *, keep: bool, stands_for: str, parts: Iterable[str]
    ) -> RunningTarget:
        """Start the target, and return when it is ready.

        Args:
            release: name of a release, or a directory.
            say: function that gets the progress in words.
            keep: whether the target outlives this process; otherwise it stops with this process, even if that is killed.
            stands_for: environment that the target file names.
            parts: parts that are deployed besides the core.

        Raises:
            UsageError: the release or the environment does not exist.
            HarnessError: the target did not start.
        """

    def attach(self, file: Path) -> RunningTarget | None:
        """The running target that wrote this target file; None if no target runs, or another target wrote the file."""

    def describe(self, release: str, *, stands_for: str) -> DescribedTarget:
        """Start to describe the target; the plan gets the result later."""

    def findings(self) -> Iterator[Finding]:
        """The prerequisites of the target on this machine, for `readiness doctor`."""

    def command(self) -> click.Command:
        """The command `readiness NAME`, which starts and stops the target by hand.

        By default the target file is `NAME/target.yaml` in `harness.targets.state.state_directory()`, where `readiness recover` finds
        it.
        """


def provided_names() -> tuple[str, ...]:
    """The sorted names of the installed targets."""
    return tuple(sorted({entry.name for entry in entry_points(group=GROUP)}))


def is_provided(word: str) -> bool:
    """Whether a word after `--target` names a provided target instead of a file."""
    return word == SANDBOX or (not {"/", "."} & {*word} and word in provided_names())


def provided(name: str) -> ProvidedTarget:
    """The provided target with this name.

    Raises:
        UsageError: the target is not installed.
        ConfigurationError: two distributions have a target of this name, or it cannot be loaded.
        Refused: the distribution requires another version of the harness.
    """
    entries = tuple(entry_points(group=GROUP, name=name))
    if not entries:
        installed = ", ".join(provided_names()) or "none"
        hint = _bring(name) if name == SANDBOX else f"install the package that has it (installed targets: {installed})"
        raise UsageError(f"the target `{name}` is not installed", where=name, hint=hint)
    if len(entries) > 1:
        named = " and ".join(sorted(entry.dist.name if entry.dist else entry.value for entry in entries))
        raise ConfigurationError(f"two packages have a target `{name}`", where=named, hint="uninstall one package")
    _require_fit(entries[0])
    target: ProvidedTarget = loaded(entries[0], f"the target `{name}`")
    return target


def attached(file: Path) -> RunningTarget | None:
    """The running target that wrote a target file; None if no installed target wrote it.

    A target of a wrong version, or that cannot be loaded, is ignored here; it is refused if it is named as the target.
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
    """Check that a distribution fits this version of the harness: pip checks it only during the installation."""
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
