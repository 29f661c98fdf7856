"""What the sentences about files may name: commands and stages; documents and registers are in `noun_files.py`.

A noun has its home here and nowhere else: the slots of `harness.steps` are made of these tables, and the engines read them.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from types import MappingProxyType
from typing import Final

COMMANDS: Final = ("npm ci", "test:all", "build", "test:e2e", "npm audit --audit-level=moderate")
"""What a workflow runs, in the words of the sentence; the register of pipelines says which step it is."""
SECURITY_SCAN: Final = "a security scan"
ENVIRONMENTS: Final = ("sandbox", "staging", "production")
OTHER_DEPLOYMENT: Final = "another deployment"
NO_DEPLOYMENT: Final = "no deployment"
PARTS: Final = (*COMMANDS, SECURITY_SCAN, *ENVIRONMENTS, OTHER_DEPLOYMENT, NO_DEPLOYMENT)
"""What the register of pipelines may say that a step of a job is."""
NOT_OF_VULNERABILITIES: Final = re.compile(
    r"gitleaks|trufflehog|detect-secrets|git-secrets|npm audit (?:signatures|fix)|"
    r"\btrivy(?:[:@]\S+)?(?: -\S+(?: [^\s-]\S*)?)*? conf(?:ig)?(?!\S)"
)
"""Tools that search for something else."""
STAGES: Final[Mapping[str, tuple[str, ...]]] = MappingProxyType(
    {
        "build": ("build",),
        "test": ("test", "tests"),
        "scan": ("scan", "security", "security-scan"),
        "deploy": ("deploy",),
        "roll back": ("rollback", "roll-back", "roll-back-release"),
    }
)
"""The stages of a pipeline: the words of the sentence, and names of jobs or stages that are it."""

PLACEHOLDERS: Final = frozenset(
    {"", "-", "?", "...", "…", "todo", "tbd", "tba", "fixme", "to be done", "to be written", "n/a"}
)
"""What people write where nothing is written yet."""
UNWRITTEN: Final = re.compile(
    r"(?:TODO|TBD|TBA|FIXME|XXX)\b|(?i:(?:todo|tbd|tba|fixme|wip|coming soon|work in progress|under construction)(?=\W*$|\s*[:(\u2013\u2014-])|"
    r"to be (?:added|completed|continued|decided|defined|described|determined|done|written)\b)"
)
"""How a text begins that stands for one that is not written yet."""
