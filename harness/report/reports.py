"""Every report of a run, beside its `verdict.json`: a table with a row for each format.

A format is one file with a renderer and one row here. One of your own is an entry point of the group `readiness.reports`
that names a `Format`.
"""

from __future__ import annotations

import shutil
from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from pathlib import PurePosixPath
from typing import TYPE_CHECKING, Final

from harness.errors import ConfigurationError
from harness.extras import ALLURE, missing
from harness.files import write_atomic
from harness.plugins import loaded, place_of, plugins
from harness.report.html.page import render_page
from harness.report.junit import render_junit
from harness.report.summary import render_summary

if TYPE_CHECKING:
    from pathlib import Path

    from harness.model import Evidence, Judgement, Plan

GROUP: Final = "readiness.reports"
OWN: Final = "reports"
"""The directory of a run for formats that packages and projects add; evidence leaves it out."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Format:
    """One form of report.

    Attributes:
        name: `summary`.
        file: the file, or the directory, that it is written to: in the run directory, or below its `reports` for a format that is added.
        render: its bytes; of a directory, the bytes of each file in it by name. A pure function: the same run gives the same bytes.
    """

    name: str
    file: str
    render: Callable[[Plan, Evidence, Judgement], bytes | Mapping[str, bytes]]


def _render_allure(plan: Plan, evidence: Evidence, judgement: Judgement) -> Mapping[str, bytes]:
    from harness.report.allure.results import render_allure  # of an extra

    return render_allure(plan, evidence, judgement)


FORMATS: Final = (
    Format(name="summary", file="summary.md", render=render_summary),
    Format(name="junit", file="junit.xml", render=render_junit),
    Format(name="page", file="readiness.html", render=render_page),
    Format(name=ALLURE, file="allure-results", render=_render_allure),
)


def formats() -> tuple[Format, ...]:
    """The formats of the harness, then those of packages and of the project, in the order of their names; Allure's where its extra is installed.

    The files of the latter are below `reports` of the run directory, where nothing is evidence.

    Raises:
        ConfigurationError: an entry point cannot be loaded, is not a `Format`, or has the file of another one, or one inside it.
    """
    found = [form for form in FORMATS if form.name != ALLURE or not missing(ALLURE)]
    for point in plugins(group=GROUP):
        where = place_of(point)
        made = loaded(point, "the format")
        if not isinstance(made, Format):
            raise ConfigurationError(f"must be a Format, is {made!r}", where=where)
        own = replace(made, file=f"{OWN}/{made.file}")
        if any(_overlap(own, other) for other in found):
            raise ConfigurationError(f"the file {made.file} belongs to another format", where=where)
        found.append(own)
    return tuple(found)


def _overlap(one: Format, other: Format) -> bool:
    """Whether two formats have the same file, or one a directory that the other writes into."""
    first, second = PurePosixPath(one.file), PurePosixPath(other.file)
    return first.is_relative_to(second) or second.is_relative_to(first)


def write_reports(path: Path, plan: Plan, evidence: Evidence, judgement: Judgement) -> None:
    """Write every format into the run directory `path`. What was in a format's directory before is removed.

    All of them come from the run's files alone: no clock, no environment. The same run gives the same bytes.
    """
    if (own := path / OWN).is_symlink() or own.is_file():  # of a run of somewhere else: nothing is written through it
        own.unlink()
    for form in formats():
        made, to = form.render(plan, evidence, judgement), path / form.file
        to.parent.mkdir(parents=True, exist_ok=True)
        if isinstance(made, bytes):
            write_atomic(to, made)
            continue
        shutil.rmtree(to, ignore_errors=True)
        to.mkdir(parents=True)
        for name, body in made.items():
            write_atomic(to / name, body)
