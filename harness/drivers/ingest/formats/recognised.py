"""Recognises a file that is another kind of report than expected, and names the command that writes the expected one."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from typing import Any, Final, NamedTuple

_BEGINNING: Final = 20_000
"""Characters of a stream of lines that are read: the first line that is JSON decides."""


class _Kind(NamedTuple):
    """A kind of file. keys: that an object of it has, all of them; what: it is; cure: what writes the report."""

    keys: frozenset[str]
    what: str
    cure: str


_SHOW: Final = "`terraform plan -out=plan && terraform show -json plan` writes the plan"
_NPM: Final = "`npm install --package-lock-only && npm audit --json` audits the same packages"
_YARN: Final = (
    f"{_NPM}, or scan `yarn.lock` with a tool that writes SARIF, "
    "as `trivy fs --format sarif .`, and name that as a SARIF report"
)
_PAGES: Final = "`gh run view RUN --json name,headSha,status,updatedAt,jobs` writes all jobs into one document"
_PAGE: Final = frozenset({"total_count", "jobs"})
_RUN: Final = frozenset({"conclusion", "status"})
_GITLAB: Final = (
    "`glab api --paginate projects/ID/pipelines/PIPELINE/jobs | jq -s '{jobs: [add[] | {name, conclusion: .status, "
    'status: (if .finished_at then "completed" else .status end), head_sha: .commit.id, completed_at: .finished_at}]}\'` '
    "writes a run with its jobs"
)
_LISTS: Final = (
    _Kind(_PAGE, "a list of pages of jobs", _PAGES),
    _Kind(frozenset({"name", "stage", "status"}), "the list of jobs of a pipeline in GitLab", _GITLAB),
    _Kind(_RUN, "a list of runs without their jobs, as `gh run list --json` writes it", _PAGES),
)
"""Lists of which each entry has such keys."""
_ADVISORY: Final = frozenset({"severity", "vulnerable_versions"})
_KINDS: Final = (
    _Kind(
        frozenset({"SchemaVersion", "Results"}),
        "Trivy's own JSON",
        "`trivy … --format sarif` writes SARIF, `--format cyclonedx` a bill",
    ),
    _Kind(frozenset({"matches", "descriptor"}), "Grype's own JSON", "`grype … -o sarif` writes SARIF"),
    _Kind(frozenset({"results", "errors", "paths"}), "Semgrep's own JSON", "`semgrep … --sarif` writes SARIF"),
    _Kind(frozenset({"vulnerabilities", "packageManager"}), "Snyk's own JSON", "`snyk test --sarif` writes SARIF"),
    _Kind(frozenset({"dependencies", "fixes"}), "pip-audit's own JSON", "`pip-audit -f cyclonedx-json` writes a bill"),
    _Kind(frozenset({"spdxVersion"}), "an SPDX bill", "`syft … -o cyclonedx-json` writes CycloneDX in JSON"),
    _Kind(frozenset({"bomFormat"}), "a CycloneDX document", "name it as a cyclonedx report"),
    _Kind(frozenset({"runs", "version"}), "a SARIF log", "name it as a sarif report"),
    _Kind(frozenset({"auditReportVersion"}), "an npm audit", "name it as an npm-audit report"),
    _Kind(frozenset({"workflow_runs"}), "a list of runs without their jobs", _PAGES),
    _Kind(frozenset({"@level", "@message"}), "the log of `terraform plan -json`", _SHOW),
)
_LINES: Final = (
    *_KINDS,
    _Kind(frozenset({"type", "data"}), "the stream of `yarn audit --json`", _YARN),
    _Kind(frozenset({"value", "children"}), "the stream of `yarn npm audit --json`", _YARN),
    _Kind(frozenset({"config"}), "govulncheck's own JSON", "`govulncheck -format sarif ./...` writes SARIF"),
    _Kind(frozenset({"finding"}), "govulncheck's own JSON", "`govulncheck -format sarif ./...` writes SARIF"),
    _Kind(_PAGE, "several pages of jobs, as `gh api --paginate` writes them", _PAGES),
)
"""A line of a stream; a single object with such keys may be anything."""
_TEXTS: Final[tuple[tuple[Callable[[str], bool], str, str], ...]] = (
    (lambda text: text.startswith("PK\x03\x04"), "the plan file of Terraform itself, or another archive", _SHOW),
    (
        lambda text: "<bom" in text[:1000],
        "a bill in XML",
        "write it in JSON: `--output-format JSON` (npm, Python), `-DoutputFormat=json` (Maven), `--json` (.NET)",
    ),
    (lambda text: text.lstrip().startswith("<"), "XML", "write it in JSON with the same tool"),
)


def cure_of_text(text: str) -> str:
    """For a text that is not JSON: what it is and which command writes the expected report; empty if it is not recognised."""
    head, at = text[:_BEGINNING], 0
    for line in head.splitlines(keepends=True):
        if line.lstrip().startswith("{"):
            try:
                return _cure(json.JSONDecoder().raw_decode(text, text.index("{", at))[0], _LINES)
            except (ValueError, RecursionError):
                break
        at += len(line)
    return next((_told(what, cure) for known, what, cure in _TEXTS if known(head)), "")


def cure_of_value(value: Any, kind: str = "") -> str:
    """For a JSON document of another kind than `kind`: what it is and which command writes the expected report; empty if not recognised."""
    if isinstance(value, list):
        lists = (one for one in _LISTS if value and all(_has(each, one.keys) for each in value))
        return next((_told(one.what, one.cure) for one in lists), "")
    if _is_of_bun(value):
        return _told("the JSON of `bun audit --json`", _NPM)
    return _cure(value, _KINDS if not _is_line(value) else _LINES, kind)


def _is_line(value: Any) -> bool:
    """Whether a document is the only line of a stream: yarn's summary is, and a single finding of its later versions."""
    return isinstance(value, Mapping) and (
        str(value.get("type", "")).startswith("audit") or {*value} == {"value", "children"}
    )


def _is_of_bun(value: Any) -> bool:
    """Whether a document lists advisories by package and has nothing else."""
    lists = [*value.values()] if isinstance(value, Mapping) else []
    return bool(lists) and all(
        isinstance(one, list) and one and all(_has(each, _ADVISORY) for each in one) for one in lists
    )


def _has(value: Any, keys: frozenset[str]) -> bool:
    return isinstance(value, Mapping) and keys <= {*value}


def _cure(value: Any, kinds: tuple[_Kind, ...], asked: str = "") -> str:
    """Of the first kind that a document is of; empty if that is the kind that was asked for, in which something else is wrong."""
    if not isinstance(value, Mapping):
        return ""
    found = next((kind for kind in kinds if kind.keys <= {*value}), None)
    return _told(found.what, found.cure) if found and found.what != asked else ""


def _told(what: str, cure: str) -> str:
    return f"it is {what}: {cure}"
