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

COMMANDS: Final[Mapping[str, tuple[str, ...]]] = MappingProxyType(
    {
        "npm ci": ("npm ci",),
        "test:all": ("npm run test:all", "yarn test:all", "yarn run test:all", "pnpm test:all", "pnpm run test:all"),
        "build": ("npm run build", "yarn build", "yarn run build", "pnpm build", "pnpm run build"),
        "test:e2e": ("npm run test:e2e", "yarn test:e2e", "yarn run test:e2e", "pnpm test:e2e", "pnpm run test:e2e"),
        "npm audit --audit-level=moderate": ("npm audit --audit-level=moderate", "npm audit --audit-level moderate"),
    }
)
"""What a workflow runs: the words of the sentence, and the command lines that are it."""
SECURITY_SCAN: Final = "a security scan"


@dataclass(frozen=True, kw_only=True, slots=True)
class Scanner:
    """A tool that searches for vulnerabilities.

    Attributes:
        stops_by: what makes it end with an error on findings: an option of the command, or `key=value` of the action's inputs; empty:
            it does so by itself.
        never: it cannot be made to.
        unless: an option or input that keeps it from ending with an error.
        secrets: it searches for secrets in the code, and not for vulnerabilities.
    """

    stops_by: tuple[str, ...] = ()
    never: bool = False
    secrets: bool = False
    unless: tuple[str, ...] = ()


SCAN_COMMANDS: Final[Mapping[str, Scanner]] = MappingProxyType(
    {
        "trivy": Scanner(stops_by=("--exit-code 1", "--exit-code=1")),
        "grype": Scanner(stops_by=("--fail-on", "-f")),
        "osv-scanner": Scanner(),
        "snyk test": Scanner(),
        "snyk container test": Scanner(),
        "pip-audit": Scanner(),
        "npm audit": Scanner(unless=("--audit-level=none", "--audit-level none")),
        "semgrep ci": Scanner(unless=("--suppress-errors",)),
        "semgrep scan": Scanner(stops_by=("--error",)),
        "gitleaks": Scanner(secrets=True, unless=("--exit-code 0", "--exit-code=0")),
        "bandit": Scanner(unless=("--exit-zero",)),
    }
)
"""By the first words of their command line."""
NO_SCAN: Final = re.compile(r"--(?:help|version|dry-run|download-db-only)\b|\sversion$|^npm audit (?:signatures|fix)\b")
"""A command line of a scanner that scans nothing, or nothing but what it changes."""
SCAN_ACTIONS: Final[Mapping[str, Scanner]] = MappingProxyType(
    {
        "aquasecurity/trivy-action": Scanner(stops_by=("exit-code=1",)),
        "anchore/scan-action": Scanner(unless=("fail-build=false",)),
        "google/osv-scanner-action": Scanner(unless=("fail-on-vuln=false",)),
        "snyk/actions": Scanner(unless=("command=monitor",)),
        "github/codeql-action/analyze": Scanner(never=True),
        "securecodewarrior/github-action-security-scan": Scanner(never=True),
        "gitleaks/gitleaks-action": Scanner(secrets=True),
        "pypa/gh-action-pip-audit": Scanner(),
    }
)
"""By the name of the action, or how it begins."""

DEPLOYERS: Final = (
    "helm upgrade",
    "helm install",
    "kubectl apply",
    "kubectl rollout",
    "kubectl set image",
    "argocd app sync",
    "terraform apply",
)
"""How a command line begins that changes an environment."""
_OF_KUBECTL: Final = """
-n --namespace --context --cluster --kubeconfig --user --as --as-group --as-uid --token -s --server
--request-timeout -v --v --certificate-authority --client-certificate --client-key --tls-server-name --cache-dir --profile
--profile-output
"""
_OF_HELM: Final = """
-n --namespace --kube-context --kubeconfig --kube-apiserver --kube-as-user --kube-as-group --kube-ca-file
--kube-token --kube-tls-server-name --registry-config --repository-cache --repository-config --burst-limit --qps
"""
_OF_ARGOCD: Final = """
--server --auth-token --config --argocd-context --kube-context --grpc-web-root-path -H --header --logformat
--loglevel --port-forward-namespace --client-crt --client-crt-key --server-crt --http-retry-max --server-name
"""
GLOBAL_OPTIONS: Final[Mapping[str, frozenset[str]]] = MappingProxyType(
    {
        "kubectl": frozenset(_OF_KUBECTL.split()),
        "helm": frozenset(_OF_HELM.split()),
        "argocd": frozenset(_OF_ARGOCD.split()),
        "terraform": frozenset(["-chdir"]),
    }
)
"""Options with a value that may be before the verb of a command line, by its program."""
REHEARSALS: Final = (
    "--dry-run",
    "--dry-run=(?:client|server|true)",
    "kubectl rollout (?:undo|status|history|pause|resume)",
)
"""What makes it change nothing, or take a release back."""
ENVIRONMENTS: Final = ("sandbox", "staging", "production")
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
