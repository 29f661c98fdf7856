"""Writes every report of a run; each report format has one entry in a table.

A format of the harness is one module with a renderer and one entry here. To add your own format, define an entry point of the
group `readiness.reports` that names a `Format`.
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
"""Directory in the run directory for reports of added formats; its files are not part of the evidence."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Format:
    """One report format.

    Attributes:
        name: name of the format, such as `summary`.
        file: output file or directory, relative to the run directory; for an added format relative to its directory `reports`.
        render: returns the bytes of the file or, for a directory, the bytes of each file by name. It must be pure: the same run
            gives the same bytes.
    """

    name: str
    file: str
    render: Callable[[Plan, Evidence, Judgement], bytes | Mapping[str, bytes]]


def _render_allure(plan: Plan, evidence: Evidence, judgement: Judgement) -> Mapping[str, bytes]:
    from harness.report.allure.writing import render_allure  # of an extra

    return render_allure(plan, evidence, judgement)


FORMATS: Final = (
    Format(name="summary", file="summary.md", render=render_summary),
    Format(name="junit", file="junit.xml", render=render_junit),
    Format(name="page", file="readiness.html", render=render_page),
    Format(name=ALLURE, file="allure-results", render=_render_allure),
)


def formats() -> tuple[Format, ...]:
    """The formats of the harness, then added formats by name; Allure's format only if its extra is installed.

    Reports of added formats are written below `reports` of the run directory and are not evidence.

    Raises:
        ConfigurationError: an entry point cannot be loaded, is not a `Format`, or has the file of another format.
    """
    found = [form for form in FORMATS if form.name != ALLURE or not missing(ALLURE)]
    for point in plugins(group=GROUP):
        where = place_of(point)
        made = loaded(point, "the format")
        if not isinstance(made, Format):
            raise ConfigurationError(f"the object is {made!r}, expected a `Format`", where=where)
        own = replace(made, file=f"{OWN}/{made.file}")
        if any(_overlap(own, other) for other in found):
            hint = "choose another `file` for the format"
            raise ConfigurationError(f"another format has the file {made.file}", where=where, hint=hint)
        found.append(own)
    return tuple(found)


def _overlap(one: Format, other: Format) -> bool:
    """Whether two formats have the same file, or the file of one lies in the directory of the other."""
    first, second = PurePosixPath(one.file), PurePosixPath(other.file)
    return first.is_relative_to(second) or second.is_relative_to(first)


def write_reports(path: Path, plan: Plan, evidence: Evidence, judgement: Judgement) -> None:
    """Write every report into the run directory `path`. Old files in a format's directory are removed.

    Reports depend only on the run's files, not on the clock or the environment. The same run gives the same bytes.
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
