"""The vocabulary: every sentence that a feature or a criterion may use, and what it means.

A template is a row of one of these tables. Figures are taken in the steady state unless the sentence says otherwise; a sentence
about recovery or loss that names no experiment speaks of those that its scenario ran. A package of its own adds a sentence by an
entry point of the group `readiness.steps` whose value is a `Template`.
"""

from __future__ import annotations

from typing import Final

from harness.errors import UsageError
from harness.plugins import loaded, place_of, plugins
from harness.steps.template import Template
from harness.steps.templates.alerts import ALERTS
from harness.steps.templates.asking import ASKING
from harness.steps.templates.calls import CALLS
from harness.steps.templates.checks import CHECKS
from harness.steps.templates.comparisons import COMPARISONS
from harness.steps.templates.exposures import EXPOSURES
from harness.steps.templates.items import ITEMS
from harness.steps.templates.kpis import KPIS
from harness.steps.templates.monitor import MONITOR
from harness.steps.templates.people import PEOPLE
from harness.steps.templates.published import PUBLISHED
from harness.steps.templates.recoveries import RECOVERIES
from harness.steps.templates.replicas import REPLICA_STEPS
from harness.steps.templates.reports import REPORTS
from harness.steps.templates.rollouts import ROLLOUTS
from harness.steps.templates.scaling import SCALING
from harness.steps.templates.spikes import SPIKES
from harness.steps.templates.state import STATE
from harness.steps.templates.static import STATIC
from harness.steps.templates.triggers import TRIGGERS

GROUP: Final = "readiness.steps"

OWN: Final = (
    *ASKING,
    *KPIS,
    *COMPARISONS,
    *RECOVERIES,
    *ITEMS,
    *EXPOSURES,
    *MONITOR,
    *ALERTS,
    *CHECKS,
    *PUBLISHED,
    *CALLS,
    *STATE,
    *STATIC,
    *REPLICA_STEPS,
    *ROLLOUTS,
    *TRIGGERS,
    *SCALING,
    *SPIKES,
    *PEOPLE,
    *REPORTS,
)
"""The harness's own sentences."""


def installed() -> tuple[Template, ...]:
    """The sentences of installed packages, sorted by the name of their entry point.

    Raises:
        UsageError: a package names a sentence that cannot be loaded, or whose name is taken.
    """
    found: list[Template] = []
    for entry in plugins(group=GROUP):
        where = place_of(entry)
        template = loaded(entry, "the sentence")
        if not isinstance(template, Template):
            raise UsageError("this is not a sentence", where=where, hint="name a `harness.steps.Template`")
        if template.name in {one.name for one in (*OWN, *found)}:
            raise UsageError(f"two sentences are named `{template.name}`", where=where, hint="rename one of them")
        found.append(template)
    return tuple(found)


TEMPLATES: Final = (*OWN, *installed())
"""All sentences, the harness's own first."""
