"""The sentences of the features: templates with typed slots, of which exactly one must match.

The pytest-bdd steps are in `harness.steps.bdd`, which only the plugin imports.
"""

from __future__ import annotations

from harness.steps.compile import (
    compile_scenario,
    read_criterion,
    requirement_of,
    speaks_of_a_domain,
    traffic_asked_at,
    traffic_of,
)
from harness.steps.feature import read_feature
from harness.steps.grammar import Reading, compare, read, reads
from harness.steps.lint import lint_feature, lint_features
from harness.steps.meaning import Keyword
from harness.steps.template import Template
from harness.steps.templates import TEMPLATES
from harness.steps.vocabulary import Explanation, describe, explain, vocabulary

__all__ = [
    "TEMPLATES",
    "Explanation",
    "Keyword",
    "Reading",
    "Template",
    "compare",
    "compile_scenario",
    "describe",
    "explain",
    "lint_feature",
    "lint_features",
    "read",
    "read_criterion",
    "read_feature",
    "reads",
    "requirement_of",
    "speaks_of_a_domain",
    "traffic_asked_at",
    "traffic_of",
    "vocabulary",
]
