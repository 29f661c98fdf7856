"""What the sentences on workflows and the register of pipelines may name: commands, environments and stages."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from types import MappingProxyType
from typing import Final

from harness.drivers.static.nouns import ENVIRONMENTS
from harness.errors import UsageError

COMMANDS: Final = ("npm ci", "test:all", "build", "test:e2e", "npm audit --audit-level=moderate")
"""What a workflow runs, in the words of the sentence; the register of pipelines says which step it is."""
SECURITY_SCAN: Final = "a security scan"
OTHER_DEPLOYMENT: Final = "another deployment"
NO_DEPLOYMENT: Final = "no deployment"
PARTS: Final = (*COMMANDS, SECURITY_SCAN, *ENVIRONMENTS, OTHER_DEPLOYMENT, NO_DEPLOYMENT)
"""What the register of pipelines may say that a step of a job is."""
BEFORE_A_DEPLOYMENT: Final = (SECURITY_SCAN, *(name for name in COMMANDS if name != "test:e2e"))
"""What must have run before a deployment."""
NOT_OF_VULNERABILITIES: Final = re.compile(
    r"gitleaks|trufflehog|detect-secrets|git-secrets|npm audit (?:signatures|fix)|"
    r"\btrivy(?:[:@]\S+)?(?: -\S+(?: [^\s-]\S*)?)*? conf(?:ig)?(?!\S)"
)
"""Tools that search for something else."""
ORDERED: Final = (*ENVIRONMENTS, *COMMANDS)
"""What a deployment may consist of, in its order."""
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


def listed(text: str, known: Iterable[str], between: str = ", | and ") -> list[str]:
    """The words of a sentence that lists some of the known ones. Raises UsageError for any other."""
    found, all_known = re.split(between, text), tuple(known)
    if odd := next((one for one in found if one not in all_known), None):
        raise UsageError(f"`{odd}` is unknown in this sentence", hint=f"known are {', '.join(all_known)}")
    return found
