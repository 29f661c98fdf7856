"""Workflows of GitHub and GitLab: what runs before what, and what a failure stops."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
import yaml
from hypothesis import given
from hypothesis import strategies as st

from harness.drivers.static.runs import plain
from harness.drivers.static.workflows import read_workflow
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
        ("{push: {branches: main}}", True),
        ("{push: {branches: next}}", False),
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


@pytest.mark.parametrize("branches", ["", "[]"])
def test_a_push_to_no_branch_is_reported_as_that(platform: PaperPlatform, branches: str) -> None:
    """The key without a value, or with an empty list."""
    only(platform, GITHUB, f"on: {{push: {{branches: {branches}}}}}\n{DEPLOY}\n")
    [fact] = platform.find(TRIGGER)
    assert (fact.ok, fact.observed) == (False, "a push to no branch that is named")


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


@pytest.mark.parametrize(
    ("command", "same"),
    [
        ("kubectl -n production apply -f k8s/", "kubectl apply -f k8s/"),
        (
            "kubectl --context=eu --insecure-skip-tls-verify set image deploy/a a=b -n x",
            "kubectl set image deploy/a a=b",
        ),
        ("A=b sudo helm --debug --kube-context p upgrade a b", "helm upgrade a b"),
        ("argocd --grpc-web --server cd.test app sync shop", "argocd app sync shop"),
        ("terraform -chdir=live apply -auto-approve", "terraform apply -auto-approve"),
        ("kubectl exec web -- curl -n -s x", "kubectl exec web -- curl -n -s x"),
        ("npm --prefix web ci", "npm --prefix web ci"),
        ("kubectl -n", "kubectl"),
        ("", ""),
    ],
)
def test_options_of_a_program_are_no_part_of_what_it_does(command: str, same: str) -> None:
    """Before the verb and behind it; what another program gets after `--` is left."""
    assert plain(command) == same


@pytest.mark.parametrize(
    "command",
    ["kubectl -n production apply -f k8s/", "helm --kube-context p upgrade a b", "terraform -chdir=live apply"],
)
def test_a_deployment_with_options_before_its_verb_needs_the_tests(platform: PaperPlatform, command: str) -> None:
    """A job without `needs` deploys whatever the tests say."""
    jobs = {"tests": {"steps": [{"run": "npm ci"}]}, "live": {"steps": [{"run": command}]}}
    only(platform, GITHUB, yaml.safe_dump({"on": "push", "jobs": jobs}))
    assert ("job live: npm ci", False) in [(subject.partition(" ")[2], ok) for subject, ok in bad(platform.find(RUNS))]


def test_a_rehearsal_with_options_before_its_verb_is_no_deployment(platform: PaperPlatform) -> None:
    """`kubectl -n x rollout status` changes nothing."""
    jobs = {
        "live": {
            "steps": [{"run": "kubectl -n x apply -f k8s"}, {"run": "npm ci"}, {"run": "kubectl -n x rollout status a"}]
        }
    }
    only(platform, GITHUB, yaml.safe_dump({"on": "push", "jobs": jobs}))
    [ci, *_] = platform.find(RUNS)
    assert (ci.ok, ci.observed.endswith("runs first")) == (False, True)


@pytest.mark.parametrize(
    ("path", "text", "brings"),
    [
        (
            GITLAB,
            "include: {template: Jobs/Test.gitlab-ci.yml}\ndeploy: {stage: deploy, script: [helm upgrade a b]}\n",
            "`include`",
        ),
        (
            GITLAB,
            "child: {trigger: {include: b.yml}}\ndeploy: {stage: deploy, script: [helm upgrade a b]}\n",
            "`trigger`",
        ),
        (
            GITHUB,
            "on: push\njobs: {t: {uses: ./.github/workflows/t.yml}, d: {needs: [t], steps: [{run: helm upgrade a b}]}}",
            "`uses: ./.github/workflows/t.yml`",
        ),
        (
            GITHUB,
            "on: push\njobs: {d: {steps: [{uses: ./.github/actions/test}, {run: helm upgrade a b}]}}",
            "`uses: ./.github/actions/test`",
        ),
    ],
)
def test_what_another_file_may_run_is_not_decided(platform: PaperPlatform, path: str, text: str, brings: str) -> None:
    """A template, a pipeline that is started, a workflow that is not there, an action of the repository: none is read."""
    only(platform, path, text)
    facts = [*platform.find(RUNS), *platform.find(SCAN)]
    assert [fact.ok for fact in facts] == [None, None, None, None]
    assert all(f"what {brings} (" in fact.observed for fact in facts)


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
        ("a: {script: [pip-audit], rules: [{when: manual}]}", False),
        ("a: {script: [pip-audit], rules: [{changes: [Dockerfile]}]}", False),
        ("a: {script: [pip-audit], rules: [{if: $CI_COMMIT_BRANCH == 'main', when: never}, {when: always}]}", False),
        ("a: {script: [pip-audit], except: [main]}", False),
        ("a: {script: [pip-audit], only: {refs: [branches], changes: [a]}}", False),
        ("a: {script: [pip-audit], only: [branches, tags]}", True),
        ("workflow: {rules: [{if: $CI_COMMIT_TAG}]}\na: {script: [pip-audit]}", False),
        ("on: push\njobs: {l: {if: github.actor == 'b', steps: []}, a: {needs: l, steps: [{run: pip-audit}]}}", False),
        ("on: {push: {branches: ['**', '!main']}}\njobs: {a: {steps: [{run: pip-audit}]}}", False),
        ("on: push\njobs: {a: {steps: [{run: pip-audit | tee log}]}}", False),
        ("on: push\njobs: {a: {steps: [{run: pip-audit --version}]}}", False),
        ("on: push\njobs: {a: {steps: [{run: npm audit signatures}]}}", False),
        ("on: push\njobs: {a: {steps: [{run: npm audit --audit-level=none}]}}", False),
        ("on: push\njobs: {a: {steps: [{run: 'docker rm a || true'}, {run: pip-audit}]}}", True),
    ],
)
def test_a_scan_counts_that_every_push_starts_and_that_can_fail(
    platform: PaperPlatform, workflow: str, *, ok: bool
) -> None:
    """Of tools that are known, with the option that each needs."""
    only(platform, ".ci.yml", workflow + "\n")
    assert [fact.ok for fact in platform.find(SCAN)] == [ok]


CHAIN = """on: push
jobs:
  test:
    runs-on: %s
    steps:
      - run: npm ci
      - run: npm run build
      - %s
  deploy:
    needs: [test]
    runs-on: ubuntu-latest
    steps:
      - run: helm upgrade a b
"""
ALL = "the workflow runs npm ci, test:all and build and the deploy job needs them"


@pytest.mark.parametrize(
    ("step", "runner", "ok"),
    [
        ("run: npm run test:all | tee log", "x", False),
        ("{run: npm run test:all | tee log, shell: bash}", "x", True),
        ("{run: npm run test:all | tee log, shell: sh}", "x", False),
        ("{run: npm run test:all | tee log, shell: 'bash -eo pipefail {0}'}", "x", True),
        ("run: |\n          set -o pipefail\n          npm run test:all | tee log", "x", True),
        ("{run: \"npm run test:all\\nnpm run report\", shell: 'bash -l {0}'}", "x", False),
        ("{run: \"npm run test:all\\nnpm run report\", shell: 'bash -el {0}'}", "x", True),
        ("{run: \"npm run test:all\\nnpm run report\", shell: '${{ inputs.shell }}'}", "x", None),
        ('{run: "npm run test:all\\nnpm run report"}', "windows-latest", False),
        ('{run: "npm run test:all\\nnpm run report"}', "[self-hosted, linux]", True),
        ("run: npm run test:all; exit 0", "x", True),
        ("run: npm run test:all || echo failed", "x", False),
        ("run: npm run test:all||true", "x", False),
        ("run: npm run test:all || { echo failed; exit 1; }", "x", True),
        ("run: npm run test:all || code=$?", "x", False),
        ('run: "npm run test:all && echo ok\\necho done"', "x", False),
        ('run: "set +e\\nnpm run test:all\\necho done"', "x", False),
        ("run: npm run test:all &", "x", False),
        ("run: if npm run test:all; then echo ok; fi", "x", False),
        ("run: if false; then npm run test:all; fi", "x", False),
        ('run: "cat > plan <<END\\nnpm run test:all\\nEND"', "x", False),
        ("run: \"echo 'then\\nnpm run test:all\\n'\"", "x", False),
        ('run: "exit 0\\nnpm run test:all"', "x", False),
        ("{if: always(), run: npm run test:all}", "x", True),
    ],
)
def test_a_failure_that_the_shell_passes_over_stops_nothing(
    platform: PaperPlatform, step: str, runner: str, *, ok: bool | None
) -> None:
    """A pipe without pipefail, a shell that goes on, an alternative, a branch, a text that is no command."""
    only(platform, GITHUB, CHAIN % (runner, step))
    assert [fact.ok for fact in platform.find(ALL)] == [True, ok, True]


def test_the_shell_of_all_steps_may_be_named_once(platform: PaperPlatform) -> None:
    """For the file or for a job; the nearer one counts."""
    text = CHAIN % ("x", "run: npm run test:all | tee log")
    only(platform, GITHUB, "defaults: {run: {shell: bash}}\n" + text)
    assert [fact.ok for fact in platform.find(ALL)] == [True, True, True]
    platform.edit(GITHUB, "  test:\n", "  test:\n    defaults: {run: {shell: sh}}\n")
    assert [fact.ok for fact in platform.find(ALL)] == [True, False, True]


@pytest.mark.parametrize(
    ("condition", "ok"),
    [
        ("github.ref == 'refs/heads/main'", True),
        ("success() && github.ref == 'refs/heads/main'", True),
        ("${{ success() && (github.ref == 'a' || github.ref == 'b') }}", True),
        ("always()", False),
        ("${{ Always() }}", False),
        ("'!cancelled()'", False),
        ("failure()", False),
        ("success() || github.event_name == 'workflow_dispatch'", False),
        ("'!success()'", False),
        ("always() && needs.test.result == 'success'", True),
        ("always() && needs.test.result != 'cancelled'", False),
        ("always() && (needs.test.result == 'success' || inputs.force)", False),
        ("'!failure() && !cancelled()'", True),
        ("always() && !contains(needs.*.result, 'failure')", True),
        ("github.event.head_commit.message != 'always()'", True),
    ],
)
def test_a_condition_of_the_deployment(platform: PaperPlatform, condition: str, *, ok: bool) -> None:
    """With a status function GitHub no longer asks for success; then the condition itself must."""
    only(platform, GITHUB, CHAIN % ("x", "run: npm run test:all"))
    platform.edit(GITHUB, "    needs: [test]\n", f"    needs: [test]\n    if: {condition}\n")
    assert [fact.ok for fact in platform.find(ALL)] == [ok, ok, ok]


def test_a_deployment_runs_over_a_test_that_was_left_out(platform: PaperPlatform) -> None:
    """`!failure()` holds where the test did not run; the default does not."""
    only(platform, GITHUB, CHAIN % ("x", "run: npm run test:all"))
    platform.edit(GITHUB, "  test:\n", "  test:\n    if: github.event_name == 'pull_request'\n")
    assert [fact.ok for fact in platform.find(ALL)] == [True, True, True]
    platform.edit(GITHUB, "    needs: [test]\n", "    needs: [test]\n    if: '!failure() && !cancelled()'\n")
    assert [fact.ok for fact in platform.find(ALL)] == [False, False, False]


@pytest.mark.parametrize(
    ("deploy", "ok"),
    [
        ("{run: helm upgrade a b}", True),
        ("{if: always(), run: helm upgrade a b}", False),
        ("{if: '!cancelled()', run: kubectl apply -f a}", False),
        ("{if: failure(), run: kubectl rollout undo deployment/a}", True),
    ],
)
def test_a_step_that_deploys_after_a_failure(platform: PaperPlatform, deploy: str, *, ok: bool) -> None:
    """In the job of the tests; a step that takes the release back is no deployment."""
    text = (
        "on: push\njobs:\n  d:\n    steps:\n      - run: npm ci\n      - run: npm run build\n      - run: npm run test:all\n"
        f"      - run: helm upgrade a b\n      - {deploy}\n"
    )
    only(platform, GITHUB, text)
    assert [fact.ok for fact in platform.find(ALL)] == [ok, ok, ok]


def test_every_deployment_to_production_comes_after_the_test(platform: PaperPlatform) -> None:
    """One that does not is one too many, and a rehearsal of the one to staging is none."""
    text = """on: push
jobs:
  staging: {environment: staging, steps: [{run: helm upgrade a b}]}
  e2e: {needs: staging, steps: [{run: npm run test:e2e}]}
  production: {environment: production, needs: e2e, steps: [{run: helm upgrade a b}]}
"""
    only(platform, GITHUB, text)
    assert bad(platform.find(ORDER)) == []
    only(platform, GITHUB, text + "  hotfix: {environment: production, steps: [{run: helm upgrade a b}]}\n")
    assert [ok for _, ok in bad(platform.find(ORDER))] == [False]
    only(platform, GITHUB, text.replace("[{run: helm upgrade a b}]", "[{run: helm upgrade a b --dry-run}]", 1))
    assert [ok for _, ok in bad(platform.find(ORDER))] == [False]


MAIN = '$CI_COMMIT_BRANCH == "main"'
MERGE = '$CI_PIPELINE_SOURCE == "merge_request_event"'


@pytest.mark.parametrize(
    ("test", "deploy", "ok"),
    [
        ({}, {}, True),
        ({}, {"rules": [{"if": MAIN}]}, True),
        ({}, {"only": ["main"]}, True),
        ({}, {"rules": [{"if": MERGE}]}, False),
        ({"rules": [{"if": MERGE}]}, {"rules": [{"if": MAIN}]}, False),
        ({"rules": [{"if": MERGE}]}, {}, False),
        ({"only": ["merge_requests"]}, {"only": ["main"]}, False),
        ({"except": ["main"]}, {"only": ["main"]}, False),
        ({"only": ["branches"], "except": ["schedules"]}, {"only": ["main"]}, None),
        ({"rules": [{"if": MERGE}, {"if": MAIN}]}, {"rules": [{"if": MAIN}]}, True),
        ({"rules": [{"if": MERGE}, {"if": "$CI_COMMIT_BRANCH"}]}, {"rules": [{"if": f"{MAIN} && $A"}]}, True),
        ({"rules": [{"if": MAIN, "when": "never"}, {"when": "on_success"}]}, {"rules": [{"if": MAIN}]}, False),
        ({"rules": [{"if": MERGE, "when": "never"}, {"when": "on_success"}]}, {"rules": [{"if": MAIN}]}, True),
        ({"rules": [{"if": MAIN, "changes": ["src/**"]}]}, {"rules": [{"if": MAIN}]}, None),
        ({"rules": [{"if": "$RUN_TESTS"}]}, {"rules": [{"if": MAIN}]}, None),
        ({"rules": [{"if": MAIN, "allow_failure": True}]}, {"rules": [{"if": MAIN}]}, False),
        ({"rules": [{"if": MAIN, "when": "on_failure"}]}, {"rules": [{"if": MAIN}]}, False),
        ({"when": "on_failure"}, {}, False),
        ({"rules": [{"if": MERGE}]}, {"rules": [{"if": MAIN}], "needs": ["tests"]}, True),
        (
            {"rules": [{"if": MERGE}]},
            {"rules": [{"if": MAIN}], "needs": [{"job": "tests", "optional": True}]},
            False,
        ),
        ({}, {"needs": [{"job": "tests", "optional": True}]}, True),
        ({}, {"needs": [{"job": "tests", "project": "a/b", "ref": "main"}]}, False),
        ({}, {"needs": ["tests"], "rules": [{"if": "$HOTFIX", "needs": []}, {"if": MAIN}]}, False),
        ({}, {"when": "always"}, False),
        ({}, {"rules": [{"if": MAIN, "when": "always"}]}, False),
        ({}, {"script": ["echo"], "after_script": ["helm upgrade a b"]}, True),
    ],
)
def test_a_test_that_the_deploying_pipeline_does_not_have(
    platform: PaperPlatform, test: dict[str, Any], deploy: dict[str, Any], *, ok: bool | None
) -> None:
    """GitLab deploys where a job of an earlier stage is not there; a job that it needs must be there."""
    content = {
        "tests": {"stage": "test", "script": ["npm ci", "npm run build", "npm run test:all"], **test},
        "deploy": {"stage": "deploy", "script": ["helm upgrade a b"], **deploy},
    }
    only(platform, GITLAB, yaml.safe_dump(content))
    assert [fact.ok for fact in platform.find(ALL)] == [ok, ok, ok]


def test_a_pipe_of_gitlab_fails_with_its_first_command(platform: PaperPlatform) -> None:
    """Its runner sets pipefail; `a && b` in the midst of a script it passes over as any shell does."""
    text = "tests:\n  script: [npm ci, npm run build, %s, echo]\ndeploy: {stage: deploy, script: [helm upgrade a b]}\n"
    only(platform, GITLAB, text % "npm run test:all | tee log")
    assert [fact.ok for fact in platform.find(ALL)] == [True, True, True]
    only(platform, GITLAB, text % "npm run test:all && echo ok")
    assert [fact.ok for fact in platform.find(ALL)] == [True, False, True]


def test_what_comes_after_the_script_runs_whatever_it_did(platform: PaperPlatform) -> None:
    """A deployment in `after_script` is not stopped by the tests before it, and tests there stop nothing."""
    text = "all: {stage: test, script: [npm ci, npm run build, npm run test:all], after_script: [helm upgrade a b]}\n"
    only(platform, GITLAB, text)
    assert [fact.ok for fact in platform.find(ALL)] == [False, False, False]
    last = "deploy: {stage: deploy, script: [helm upgrade a b]}\n"
    only(
        platform,
        GITLAB,
        text.replace("script: [npm ci", "script: [echo], after_script: [npm ci", 1).replace(
            ", after_script: [helm upgrade a b]", ""
        )
        + last,
    )
    assert [fact.ok for fact in platform.find(ALL)] == [False, False, False]


def test_rules_that_are_kept_elsewhere(platform: PaperPlatform) -> None:
    """`!reference` is followed; one that leads out of the file decides nothing."""
    text = f"""
.rules: {{rules: [{{if: '{MERGE}'}}]}}
tests:
  rules: [!reference [.rules, rules]]
  script: [npm ci, npm run build, npm run test:all]
deploy: {{stage: deploy, rules: [{{if: '{MAIN}'}}], script: [helm upgrade a b]}}
"""
    only(platform, GITLAB, text)
    assert [fact.ok for fact in platform.find(ALL)] == [False, False, False]
    only(platform, GITLAB, text.replace("[.rules, rules]", "[.elsewhere, rules]"))
    assert [fact.ok for fact in platform.find(ALL)] == [None, None, None]


def test_a_trigger_with_an_alternative(platform: PaperPlatform) -> None:
    """`||` binds less than `&&`."""
    both = f'$FORCE || $A && {MAIN} && $CI_PIPELINE_SOURCE == "push"'
    content = {"deploy": {"stage": "deploy", "script": ["helm upgrade a b"], "rules": [{"if": both}]}}
    only(platform, GITLAB, yaml.safe_dump(content))
    assert [fact.ok for fact in platform.find(TRIGGER)] == [False]


_SCALARS = st.one_of(
    st.none(), st.booleans(), st.integers(-9, 9), st.sampled_from(["a", "main", "push", "always()", "*.yml"])
)
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
        "include",
        "local",
        "inherit",
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
            workflow.held(job)
    assert "workflow.yaml" in found


@pytest.mark.parametrize(
    ("steps", "ok"),
    [
        ("[{uses: gitleaks/gitleaks-action@v2}]", None),
        ("[{run: gitleaks detect}]", None),
        ("[{uses: gitleaks/gitleaks-action@v2}, {run: npm audit}]", True),
        ("[{uses: snyk/actions/node@master, with: {command: monitor}}]", False),
        ("[{uses: snyk/actions/node@master}]", True),
    ],
)
def test_what_is_a_vulnerability_scan(platform: PaperPlatform, steps: str, *, ok: bool | None) -> None:
    """A search for secrets alone is none; a snapshot that Snyk monitors stops nothing."""
    only(platform, GITHUB, f"on: push\njobs: {{scan: {{runs-on: x, steps: {steps}}}}}\n")
    assert [fact.ok for fact in platform.find(SCAN)] == [ok]
