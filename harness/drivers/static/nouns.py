"""What the sentences about files may name: register entries with their attributes, commands, stages, documents, parts of a chart.

A noun has its home here and nowhere else: the slots of `harness.steps` are made of these tables, and the engines read them.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from types import MappingProxyType
from typing import Final


@dataclass(frozen=True, kw_only=True, slots=True)
class Attribute:
    """What an entry of a register may name.

    Attributes:
        key: in the register's file.
        form: `text`, `texts` (a list), `duration`, `count`, or `choice`.
        of: the words of a choice.
    """

    key: str
    form: str = "text"
    of: tuple[str, ...] = ()


@dataclass(frozen=True, kw_only=True, slots=True)
class RegisterNoun:
    """A list that people keep.

    Attributes:
        file: `FILE.yaml` in a directory of `files.registers`.
        key: of the list in that file.
        attributes: by the words of the sentence.
    """

    file: str
    key: str
    attributes: Mapping[str, Attribute]


PATTERNS: Final = ("api-gateway", "event-driven", "data-synchronisation", "circuit-breaker", "retry-with-backoff")
"""How an integration may be built."""

REGISTERS: Final[Mapping[str, RegisterNoun]] = MappingProxyType(
    {
        "rollback procedure": RegisterNoun(
            file="rollbacks",
            key="procedures",
            attributes={
                "command": Attribute(key="command"),
                "owner": Attribute(key="owner"),
                "time limit": Attribute(key="time_limit", form="duration"),
            },
        ),
        "boundary": RegisterNoun(
            file="boundaries",
            key="boundaries",
            attributes={
                "authentication": Attribute(key="authentication"),
                "encryption": Attribute(key="encryption"),
                "data class": Attribute(key="data_class"),
                "limit": Attribute(key="limit"),
            },
        ),
        "integration's configuration": RegisterNoun(
            file="integrations",
            key="integrations",
            attributes={
                "authentication method": Attribute(key="authentication"),
                "scopes": Attribute(key="scopes", form="texts"),
                "timeout": Attribute(key="timeout", form="duration"),
                "retries": Attribute(key="retries", form="count"),
                "fallback": Attribute(key="fallback"),
                "pattern": Attribute(key="pattern", form="choice", of=PATTERNS),
            },
        ),
    }
)
"""Registers by the word for one of their entries."""

ATTRIBUTES: Final = tuple(
    dict.fromkeys(name for register in REGISTERS.values() for name in register.attributes if name != "pattern")
)

COMMANDS: Final = ("npm ci", "test:all", "build", "test:e2e", "npm audit --audit-level=moderate")
"""What a workflow runs, in the words of the sentence; the register of pipelines says which step it is."""
SECURITY_SCAN: Final = "a security scan"
ENVIRONMENTS: Final = ("sandbox", "staging", "production")
OTHER_DEPLOYMENT: Final = "another deployment"
NO_DEPLOYMENT: Final = "no deployment"
PARTS: Final = (*COMMANDS, SECURITY_SCAN, *ENVIRONMENTS, OTHER_DEPLOYMENT, NO_DEPLOYMENT)
"""What the register of pipelines may say that a step of a job is."""
LIKE_A_DEPLOYMENT: Final = re.compile(
    r"\bhelm\b.*\b(?:upgrade|install)\b|\bkubectl\b.*\b(?:apply|replace|patch|set image)\b|\bterraform\b.*\bapply\b|"
    r"\bargocd\b.*\bsync\b|deploy",
    re.IGNORECASE,
)
"""A command or an action that may change an environment: one that no part of the register names is unknown."""
STOPS_NOTHING: Final = re.compile(
    r"--exit-code[= ]0|--exit-zero|--suppress-errors|--no-fail|--audit-level[= ]none|\bmonitor\b|exit-code=0|"
    r"fail-build=false|fail-on-vuln=false|soft[-_]fail(?!=false)|--dry-run|--version"
)
"""Options with which a scan succeeds whatever it finds."""
NOT_OF_VULNERABILITIES: Final = re.compile(
    r"gitleaks|trufflehog|detect-secrets|git-secrets|npm audit (?:signatures|fix)"
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


@dataclass(frozen=True, kw_only=True, slots=True)
class DocumentNoun:
    """A document with sections that must be there: its file in `files.documents`, and the headings."""

    file: str
    sections: tuple[str, ...]


DOCUMENTS: Final[Mapping[str, DocumentNoun]] = MappingProxyType(
    {
        "data layer report": DocumentNoun(
            file="DATA_LAYER_INTEGRATION_REPORT.md",
            sections=(
                "Data Architecture Overview",
                "Database Integration Status",
                "API Data Layer Integration",
                "Cache Layer Implementation",
                "Data Validation Framework",
                "Performance Optimization",
                "Integration Testing Results",
            ),
        ),
        "integration roadmap": DocumentNoun(
            file="INTEGRATION_ROADMAP.md",
            sections=(
                "Current Integration Status",
                "Near-term Integration Goals",
                "Long-term Strategic Vision",
                "Technology Stack Evolution",
                "External Service Integration",
                "Performance and Scalability",
                "Risk Assessment and Mitigation",
            ),
        ),
    }
)

CHART_FILES: Final = ("Chart.yaml", "values.yaml")
CHART_TEMPLATES: Final = (
    "frontend-deployment.yaml",
    "backend-deployment.yaml",
    "database-statefulset.yaml",
    "redis-statefulset.yaml",
    "ipfs-statefulset.yaml",
    "ingress.yaml",
    "configmap.yaml",
    "secrets.yaml",
    "service.yaml",
)
CHART_SUBCHARTS: Final = ("prometheus", "grafana")
"""What the deployment architecture names as parts of the platform's chart."""

PLACEHOLDERS: Final = frozenset(
    {"", "-", "?", "...", "…", "todo", "tbd", "tba", "fixme", "to be done", "to be written", "n/a"}
)
"""What people write where nothing is written yet."""
