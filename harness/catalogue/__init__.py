"""The catalogue of requirements: YAML files, loading, lint, traceability."""

from __future__ import annotations

from harness.catalogue.lint import Problem, lint
from harness.catalogue.load import BUNDLED, catalogue_files, load_catalogue
from harness.catalogue.names import hint_with_nearest, nearest
from harness.catalogue.trace import Means, RequirementTrace, trace
from harness.catalogue.values import Catalogue, Contradiction, Deviation, Interpretation, feature_file

__all__ = [
    "BUNDLED",
    "Catalogue",
    "Contradiction",
    "Deviation",
    "Interpretation",
    "Means",
    "Problem",
    "RequirementTrace",
    "catalogue_files",
    "feature_file",
    "hint_with_nearest",
    "lint",
    "load_catalogue",
    "nearest",
    "trace",
]
