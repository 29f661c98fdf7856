"""A provided target for a run or a plan: its parts, its start, its description, and its processes."""

from __future__ import annotations

from contextlib import contextmanager
from typing import TYPE_CHECKING

from harness.provided import TargetProcesses, attached, provided
from harness.run.start.machine import company, waited_share
from harness.targets import load_target

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator, Sequence

    from harness.model import Claim, Requirement
    from harness.run.settings import Settings
    from harness.targets import Target


def needed_parts(there: Sequence[str], requirements: Iterable[Requirement], claims: Iterable[Claim]) -> tuple[str, ...]:
    """The parts of a provided target's platform that the claimed requirements need.

    Requirements that need a missing part are ignored, and so are requirements that the profile gates in part.

    Args:
        there: parts that the platform can have, in the order of deployment.
        requirements: requirements of the chosen profiles.
        claims: claims of the chosen scenarios.
    """
    claimed = {claim.requirement for claim in claims}
    needs = [{part.name for part in row.needs} for row in requirements if row.id in claimed and not row.in_part]
    needed = set[str]().union(*(every for every in needs if every <= {*there}))
    return tuple(name for name in there if name in needed)


@contextmanager
def started(
    settings: Settings, requirements: Iterable[Requirement], claims: Iterable[Claim], say: Callable[[str], None]
) -> Iterator[Target]:
    """A context in which the provided target of the settings runs; the target is stopped afterwards, unless it is kept.

    Raises:
        UsageError: the target is not installed, or does not have the release.
        HarnessError: the target did not start; the reason was passed to `say`.
    """
    name = settings.provided
    target = provided(name)
    parts = needed_parts(target.parts(), requirements, claims)
    beside = f" and {', '.join(parts)}" if parts else ""
    say(f"starting the {name} with release {settings.release}{beside}")
    if busy := company(waited_share()):
        say(f"{busy}; the {name} runs on the same machine and may fail because of it")
    running = target.start(settings.release, say, keep=settings.keep, stands_for=settings.stands_for, parts=parts)
    try:
        say(f"the {name} is ready with release {running.release}")
        yield load_target(running.file)
    finally:
        running.close()


class PlannedTarget:
    """The provided target of the settings, not started; its description is made in the background.

    Raises:
        UsageError: the target is not installed.
    """

    def __init__(self, settings: Settings) -> None:
        self._target = provided(settings.provided)
        self._described = self._target.describe(settings.release, stands_for=settings.stands_for)

    @contextmanager
    def target(self, requirements: Iterable[Requirement], claims: Iterable[Claim]) -> Iterator[Target]:
        """A context with the target and the parts that these claims need; the files that the target names exist in it.

        Raises:
            UsageError: the target does not have the release.
            HarnessError: the target cannot be described.
        """
        with self._described.written(needed_parts(self._target.parts(), requirements, claims)) as file:
            yield load_target(file)


def declared_processes(target: Target) -> Callable[[], TargetProcesses]:
    """A function that returns the processes that a provided target declares; other targets declare none."""
    running = attached(target.file)
    return TargetProcesses if running is None else running.processes
