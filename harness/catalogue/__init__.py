"""The catalogue of requirements: YAML files, loading, lint, traceability."""

from __future__ import annotations

from harness.catalogue.accounting import FormTally, claiming_files, tallies, unaccounted, waits_for
from harness.catalogue.contradictions import Contradiction, Relation, StatedValue, holds
from harness.catalogue.lint import Problem, circles, lint
from harness.catalogue.load import BUNDLED, catalogue_files, load_catalogue
from harness.catalogue.trace import RequirementTrace, ScenarioTrace, trace
from harness.catalogue.values import (
    Catalogue,
    Deviation,
    Interpretation,
    feature_file,
)

__all__ = [
    "BUNDLED",
    "Catalogue",
    "Contradiction",
    "Deviation",
    "FormTally",
    "Interpretation",
    "Problem",
    "Relation",
    "RequirementTrace",
    "ScenarioTrace",
    "StatedValue",
    "catalogue_files",
    "circles",
    "claiming_files",
    "feature_file",
    "holds",
    "lint",
    "load_catalogue",
    "tallies",
    "trace",
    "unaccounted",
    "waits_for",
]
