"""What the sentences on workflows and the register of pipelines may name: commands, environments and stages."""

from __future__ import annotations

import re
from collections.abc import Mapping
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


_LISTS: Final = MappingProxyType(
    {
        "commands": (BEFORE_A_DEPLOYMENT, ", | and "),
        "steps": (ORDERED, ", then "),
        "stages": (tuple(STAGES), ", | and "),
    }
)
"""By the slot that lists them: the words that there are, and what is between them."""


def listed(params: Mapping[str, str]) -> list[str]:
    """The words that the slot of a sentence lists. Raises UsageError for one that there is not."""
    [(known, found)] = [(words, re.split(by, params[slot])) for slot, (words, by) in _LISTS.items() if slot in params]
    if odd := next((one for one in found if one not in known), None):
        raise UsageError(f"`{odd}` is unknown in this sentence", hint=f"known are {', '.join(known)}")
    return found
