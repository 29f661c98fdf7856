"""The declared and running state of cluster and database."""

from __future__ import annotations

from typing import Final

from harness.steps.meaning import Keyword
from harness.steps.objectives import check
from harness.steps.template import Template

STATE: Final = (
    Template(
        name="secrets-hidden",
        keyword=Keyword.THEN,
        text="no secret value is found in a manifest, a literal environment value or a log line",
        about=(
            "Every value of every Secret is searched for in the objects of the platform's namespaces and in what its containers "
            "have written, when the traffic has ended; no value is printed."
        ),
        example="no secret value is found in a manifest, a literal environment value or a log line",
        mean=check("secrets-hidden"),
    ),
)
