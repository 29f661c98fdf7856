"""Values that a shell completes: profiles, requirements, runs and targets. A completion never fails; without an answer it is empty."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from functools import wraps
from pathlib import Path
from typing import TYPE_CHECKING, Any

from click import Context, Parameter
from click.shell_completion import CompletionItem

from harness.errors import HarnessError

if TYPE_CHECKING:
    from harness.catalogue import Catalogue

_Values = Iterable[tuple[str, str]]
"""Values, each with a text that shells other than bash show beside it."""
_Completion = Callable[[Context, Parameter, str], list[CompletionItem]]


def _completion(values: Callable[[Context], _Values]) -> _Completion:
    """The function that click calls: the values that begin with what was typed; none if they cannot be found."""

    @wraps(values)
    def complete(ctx: Context, _parameter: Parameter, typed: str) -> list[CompletionItem]:
        try:
            return [CompletionItem(value, help=text) for value, text in values(ctx) if value.startswith(typed)]
        except (HarnessError, OSError, ValueError, TypeError, LookupError):  # of a file that a command would refuse
            return []

    return complete


@_completion
def profiles(_ctx: Context) -> _Values:
    """The profiles of the catalogue, with their titles."""
    known = _catalogue()
    return [(name, known.titles.get(name, "")) for name in known.profiles]


@_completion
def requirements(_ctx: Context) -> _Values:
    """The ids of the whole catalogue, those of the project first, with titles."""
    return [(row.id, row.title) for row in _catalogue().requirements.values()]


@_completion
def chosen_requirements(ctx: Context) -> _Values:
    """The ids of the chosen profiles, else of the project's, with titles."""
    from harness.run.project import find_project

    chosen = ctx.params.get("profile") or find_project(Path.cwd()).profiles
    return [(row.id, row.title) for row in _catalogue().profile(chosen)]


@_completion
def judged_requirements(ctx: Context) -> _Values:
    """The ids in the verdict of a run, by default the latest, with their verdicts."""
    from harness.evidence.foreign import read_json
    from harness.run.which import LATEST, run_path

    stored = run_path(ctx.params.get("run") or LATEST) / "verdict.json"
    rows: list[dict[str, Any]] = read_json(stored)["requirements"]
    return [(str(row["id"]), f"{row['verdict']}: {row['title']}") for row in rows]


def runs(ctx: Context, _parameter: Parameter, typed: str) -> list[CompletionItem]:
    """The names of the runs, newest first; of what begins like a path, directories."""
    if typed.startswith((".", "/", "~")) or "/" in typed:
        return [CompletionItem(typed, type="dir")]
    return _names_of_runs(ctx, _parameter, typed)


@_completion
def _names_of_runs(ctx: Context) -> _Values:
    from harness.run.which import LATEST, runs_directory

    directory = Path(ctx.params.get("out") or runs_directory())
    names = sorted((one.name for one in directory.iterdir() if (one / "plan.json").is_file()), reverse=True)
    return [(str(LATEST), "the run that ended last")] * (str(LATEST) in names) + [
        (name, "") for name in names if name != str(LATEST)
    ]


def _catalogue() -> Catalogue:
    from harness.run.project import catalogue_of, find_project

    return catalogue_of(find_project(Path.cwd()))
