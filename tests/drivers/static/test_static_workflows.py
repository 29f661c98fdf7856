"""Workflows of GitHub and GitLab: what runs before what, and what a failure stops."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
import yaml
from hypothesis import given
from hypothesis import strategies as st

from harness.drivers.static.workflows import command_lines, is_silent, read_workflow
from harness.errors import HarnessError
from tests.drivers.static.conftest import PaperPlatform, bad

TRIGGER = "the deploying workflow starts on a push to main and on nothing else"
RUNS = "the workflow runs npm ci, test:all and build on Node.js 20 and the deploy job needs them"
ORDER = "the deploy job runs staging, then test:e2e, then production, and stops at the first failure"
SCAN = "the workflow runs the vulnerability scan on every push and stops on its findings"
GITHUB, GITLAB = ".github/workflows/deploy.yaml", ".gitlab-ci.yml"


def only(platform: PaperPlatform, path: str, text: str) -> None:
    """The one workflow there is."""
    platform.write(path, text)
    platform.name(workflows=f"repository/{path}")


DEPLOY = "jobs: {d: {runs-on: x, steps: [{run: helm upgrade a b}]}}"


@pytest.mark.parametrize(
    ("on", "ok"),
    [
        ("{push: {branches: [main]}}", True),
        ("{push: {branches: [main], paths: [a]}}", True),
        ("{push: {branches: [main, next]}}", False),
        ("{push: {branches: [main], tags: ['v*']}}", False),
        ("{push: {branches: [main]}, workflow_dispatch: null}", False),
        ("push", False),
        ("[push, schedule]", False),
        ("{push: null}", False),
        ("workflow_dispatch", False),
    ],
)
def test_when_a_workflow_of_github_starts(platform: PaperPlatform, on: str, *, ok: bool) -> None:
    """`on` is a key, not a truth value."""
    only(platform, GITHUB, f"on: {on}\n{DEPLOY}\n")
    assert [fact.ok for fact in platform.find(TRIGGER)] == [ok]


@pytest.mark.parametrize(
    ("workflow", "deploy", "ok"),
    [
        ('$CI_COMMIT_BRANCH == "main" && $CI_PIPELINE_SOURCE == "push"', None, True),
        (None, "$CI_PIPELINE_SOURCE == 'push' && $CI_COMMIT_BRANCH == 'main'", True),
        ('$CI_PIPELINE_SOURCE == "push"', '$CI_COMMIT_BRANCH == "main" && $CI_PIPELINE_SOURCE == "push"', True),
        ('$CI_COMMIT_BRANCH == "main"', None, False),
        ("$CI_COMMIT_BRANCH == $CI_DEFAULT_BRANCH", None, None),
        (None, None, False),
    ],
)
def test_when_a_workflow_of_gitlab_starts(
    platform: PaperPlatform, workflow: str | None, deploy: str | None, *, ok: bool | None
) -> None:
    """By the rules of the workflow or of the job; a schedule starts it too where no rule says that only a push does."""
    content: dict[str, Any] = {"deploy": {"stage": "deploy", "script": ["helm upgrade a b"]}}
    if workflow:
        content["workflow"] = {"rules": [{"if": "$A", "when": "never"}, {"if": workflow}]}
    if deploy:
        content["deploy"]["rules"] = [{"if": deploy}]
    only(platform, GITLAB, yaml.safe_dump(content))
    assert [fact.ok for fact in platform.find(TRIGGER)] == [ok]


@pytest.mark.parametrize(
    ("old", "new", "subject"),
    [
        ("run: npm run test:all", "run: npm run test:all || true", "test:all"),
        ("run: npm run test:all", "run: npm run test:all\n        continue-on-error: true", "test:all"),
        ("run: npm run test:all", "run: npm run test:all\n        if: github.event_name == 'schedule'", "test:all"),
        ("run: npm run test:all", "run: npm run test:all:fast", "test:all"),
        ("run: npm run test:all", "run: echo npm run test:all", "test:all"),
        ("  test:\n    runs-on", "  test:\n    continue-on-error: true\n    runs-on", "test:all"),
        ("needs: [build, test, scan]", "needs: [build, scan]", "test:all"),
        ("run: npm run build", "run: npm run test:all", "build"),
    ],
)
def test_what_does_not_stop_the_deployment_does_not_count(
    platform: PaperPlatform, old: str, new: str, subject: str
) -> None:
    """Hidden failures, other commands, and jobs that nothing waits for."""
    only(platform, GITHUB, (platform.root / GITHUB).read_text())
    platform.edit(GITHUB, old, new)
    [(found, ok)] = bad(platform.find(RUNS))
    assert found.endswith(f"job deploy: {subject}")
    assert ok is False


def test_a_deployment_that_runs_after_failures_needs_nothing(platform: PaperPlatform) -> None:
    """`if: always()` takes the meaning from `needs`."""
    only(platform, GITHUB, (platform.root / GITHUB).read_text())
    platform.edit(GITHUB, "    needs: [build, test, scan]\n", "    needs: [build, test, scan]\n    if: always()\n")
    assert [(subject.rpartition(" ")[2], ok) for subject, ok in bad(platform.find(RUNS))] == [
        ("ci", False), ("test:all", False), ("build", False),
    ]  # fmt: skip


@pytest.mark.parametrize(
    ("old", "new", "oks"),
    [
        ('{node-version: "20"}', '{node-version: "20.11.1"}', []),
        ('{node-version: "20"}', "{node-version: 18}", [False, False]),
        ('{node-version: "20"}', "{node-version-file: .nvmrc}", [None, None]),
        ('{node-version: "20"}', "{node-version: lts/*}", [None, None]),
    ],
)
def test_the_version_of_node(platform: PaperPlatform, old: str, new: str, oks: list[bool | None]) -> None:
    """Of the job that runs the command; what is written elsewhere is unknown."""
    only(platform, GITHUB, (platform.root / GITHUB).read_text())
    platform.edit(GITHUB, old, new)
    assert [ok for _, ok in bad(platform.find(RUNS))] == oks


def test_a_matrix_runs_on_all_its_versions(platform: PaperPlatform) -> None:
    """One other version is one too many."""
    only(platform, GITHUB, (platform.root / GITHUB).read_text().replace('"20"}', '"${{ matrix.node }}"}'))
    platform.edit(GITHUB, "  build:\n", "  build:\n    strategy: {matrix: {node: [20, 20.1]}}\n")
    platform.edit(GITHUB, "  test:\n", "  test:\n    strategy: {matrix: {node: [18, 20]}}\n")
    [(subject, ok)] = bad(platform.find(RUNS))
    assert ("job test of deploy" in subject, ok) == (True, False)


@pytest.mark.parametrize(
    ("deploy", "oks"),
    [
        ("needs: [e2e]", []),
        ("needs: [staging]", [False]),
        ("needs: [e2e]\n    if: always()", [False]),
        ("needs: [e2e]\n    continue-on-error: true", [False]),
    ],
)
def test_the_order_may_be_that_of_jobs(platform: PaperPlatform, deploy: str, oks: list[bool]) -> None:
    """Each needs the one before."""
    only(
        platform,
        GITHUB,
        f"""on: push
jobs:
  staging:
    environment: staging
    steps: [{{run: helm upgrade a b}}]
  e2e:
    needs: staging
    steps: [{{run: npm run test:e2e}}]
  production:
    environment: {{name: production, url: a}}
    {deploy}
    steps: [{{run: helm upgrade a b}}]
""",
    )
    assert [ok for _, ok in bad(platform.find(ORDER))] == oks


def test_gitlab_jobs_take_from_others(platform: PaperPlatform) -> None:
    """`extends`, anchors, `!reference`, `default` and stages; a job without `needs` waits for the stages before."""
    only(
        platform,
        GITLAB,
        """
default: {image: "node:20-alpine"}
stages: [test, deploy]
.setup: &setup
  - npm ci
.job: {stage: test}
checks:
  extends: .job
  script:
    - *setup
    - !reference [.more, script]
.more:
  script: ["npm run test:all && npm run build"]
deploy:
  stage: deploy
  script: ["KUBECONFIG=a helm upgrade b c"]
""",
    )
    assert bad(platform.find(RUNS)) == []
    platform.edit(GITLAB, "  stage: deploy\n", "  stage: deploy\n  needs: []\n")
    assert [ok for _, ok in bad(platform.find(RUNS))] == [False, False, False]


@pytest.mark.parametrize(
    ("workflow", "ok"),
    [
        ("on: push\njobs: {a: {steps: [{uses: aquasecurity/trivy-action@1, with: {exit-code: 1}}]}}", True),
        ("on: push\njobs: {a: {steps: [{uses: aquasecurity/trivy-action@1}]}}", False),
        ("on: push\njobs: {a: {steps: [{run: trivy fs --exit-code 1 .}]}}", True),
        ("on: push\njobs: {a: {steps: [{run: trivy fs .}]}}", False),
        ("on: push\njobs: {a: {steps: [{run: osv-scanner -r . || true}]}}", False),
        ("on: push\njobs: {a: {steps: [{uses: anchore/scan-action@3, with: {fail-build: false}}]}}", False),
        ("on: push\njobs: {a: {if: github.actor != 'b', steps: [{run: pip-audit}]}}", False),
        ("on: {push: {branches: ['**']}}\njobs: {a: {steps: [{run: pip-audit}]}}", True),
        ("on: {push: {branches: [main]}}\njobs: {a: {steps: [{run: pip-audit}]}}", False),
        ("on: schedule\njobs: {a: {steps: [{run: pip-audit}]}}", False),
        ("on: push\njobs: {a: {steps: [{uses: github/codeql-action/analyze@v3}]}}", False),
        ("on: push\njobs: {a: {steps: [{run: make}]}}", False),
        ("a: {script: [pip-audit]}", True),
        ("a: {script: [pip-audit], allow_failure: true}", False),
        ("a: {script: [pip-audit], rules: [{if: $CI_COMMIT_TAG}]}", False),
        ("a: {script: [pip-audit], rules: [{if: $CI_COMMIT_BRANCH}]}", True),
    ],
)
def test_a_scan_counts_that_every_push_starts_and_that_can_fail(
    platform: PaperPlatform, workflow: str, *, ok: bool
) -> None:
    """Of tools that are known, with the option that each needs."""
    only(platform, ".ci.yml", workflow + "\n")
    assert [fact.ok for fact in platform.find(SCAN)] == [ok]


def test_command_lines_are_taken_apart() -> None:
    """Continued, chained, commented, indented."""
    assert command_lines("a \\\n  b\n# c\n  d && e\n\nf ; g") == ("a b", "d", "e", "f", "g")
    assert [is_silent(line) for line in ("a || true", "a || exit 0", "a || :", "a || b", "a")] == [
        True,
        True,
        True,
        False,
        False,
    ]


_SCALARS = st.one_of(st.none(), st.booleans(), st.integers(-9, 9), st.sampled_from(["a", "main", "push", "always()"]))
_KEYS = st.sampled_from(
    [
        "on",
        "jobs",
        "steps",
        "run",
        "uses",
        "with",
        "needs",
        "if",
        "env",
        "name",
        "strategy",
        "matrix",
        "container",
        "image",
        "environment",
        "stages",
        "script",
        "rules",
        "workflow",
        "extends",
        "default",
        "stage",
        "needs",
        "when",
        "allow_failure",
        "before_script",
        "push",
        "branches",
        "job",
        "continue-on-error",
    ]
)
_VALUES = st.recursive(
    _SCALARS, lambda inner: st.lists(inner, max_size=3) | st.dictionaries(_KEYS, inner, max_size=4), max_leaves=12
)


@given(st.dictionaries(_KEYS, _VALUES, max_size=6))
def test_any_mapping_is_read_or_refused(tmp_path_factory: pytest.TempPathFactory, content: dict[str, Any]) -> None:
    """A foreign file of any shape costs its row, not the run."""
    path: Path = tmp_path_factory.getbasetemp() / "workflow.yaml"
    path.write_text(yaml.safe_dump(content))
    try:
        workflow = read_workflow(path, "workflow.yaml")
    except HarnessError as error:
        found = error.where
    else:
        found = workflow.file
        for job in workflow.jobs:
            workflow.needed_by(job)
    assert "workflow.yaml" in found
