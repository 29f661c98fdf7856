"""Workflows of GitHub and GitLab: what the register of pipelines declares is held against the files, and nothing else passes."""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pytest
import yaml
from hypothesis import given
from hypothesis import strategies as st

from claims.workflows.declared import workflow_of
from claims.workflows.script import hides_failure, script_lines
from harness.errors import HarnessError
from tests.together.static.conftest import ROWS, PaperPlatform, bad

TRIGGER, RUNS, ORDER, SCAN = (ROWS[row] for row in ("DA-CI-TRIGGER", "DA-CI-TEST", "DA-CI-STAGED", "IP-BP-SCANS-AUTO"))
NEEDS = "the workflow runs test:all and the deploy job needs them"
GITHUB, GITLAB = ".github/workflows/deploy.yaml", ".gitlab-ci.yml"
DEPLOY = {"production": "helm upgrade shop charts/shop"}
TESTED: Mapping[str, Any] = {"test": {"test:all": "npm run test:all"}, "deploy": DEPLOY}


def only(platform: PaperPlatform, path: str, text: str, jobs: Mapping[str, Any] | None = None) -> None:
    """The one workflow there is, and what the register says of its jobs; None: what it says as shipped."""
    platform.write(path, text)
    platform.name(workflows=f"repository/{path}")
    register = yaml.safe_load((platform.root / "registers/pipelines.yaml").read_text())
    kept = [one for one in register["pipelines"] if one["name"] == path]
    listed = kept if jobs is None else [{"name": path, "jobs": dict(jobs)}]
    platform.write("registers/pipelines.yaml", yaml.safe_dump({"pipelines": listed}))


def github(platform: PaperPlatform, jobs: str, declared: Mapping[str, Any] = TESTED, on: str = "push") -> None:
    """One workflow of GitHub with these jobs."""
    only(platform, GITHUB, f"on: {on}\njobs:\n{jobs}", declared)


def seen(platform: PaperPlatform, sentence: str) -> list[tuple[bool | None, str]]:
    """Of each fact of a sentence whether it is as expected, and what was seen."""
    return [(fact.ok, fact.observed) for fact in platform.find(sentence)]


_MAKE_AUDIT: Mapping[str, Any] = {"scan": {"a security scan": {"step": "make audit", "stops_by": "itself"}}}
TEST_JOB = "  test: {runs-on: ubuntu-latest, steps: [{run: npm run test:all}]}\n"
DEPLOY_JOB = "  deploy: {needs: test, runs-on: ubuntu-latest, steps: [{run: helm upgrade shop charts/shop}]}\n"


def test_when_a_workflow_of_github_starts(platform: PaperPlatform, subtests: pytest.Subtests) -> None:
    """`on` is a key, not a truth value."""
    for on, ok in [
        ("{push: {branches: [main]}}", True),
        ("{push: {branches: [main], paths: [a]}}", True),
        ("{push: {branches: main}}", True),
        ("{push: {branches: [main], tags-ignore: ['**']}}", True),
        ("{push: {branches: [main], tags-ignore: ['v*']}}", False),
        ("{push: {branches: [main, '!next']}}", True),
        ("{push: {branches: [main, '!m*']}}", False),
        ("{push: {branches: next}}", False),
        ("{push: {branches: [main, next]}}", False),
        ("{push: {branches: [main], tags: ['v*']}}", False),
        ("{push: {branches: [main]}, workflow_dispatch: null}", False),
        ("push", False),
        ("[push, schedule]", False),
        ("workflow_dispatch", False),
        ("workflow_call", None),
        ("[workflow_call, push]", False),
    ]:
        with subtests.test(on=on):
            github(platform, TEST_JOB + DEPLOY_JOB, on=on)
            assert [fact.ok for fact in platform.find(TRIGGER)] == [ok]


def test_a_workflow_that_nothing_starts(platform: PaperPlatform) -> None:
    """An empty `on` is not that of a called file, and the words name no event."""
    github(platform, TEST_JOB + DEPLOY_JOB, on="")
    assert seen(platform, TRIGGER) == [(False, "no push")]
    github(platform, "  scan: {runs-on: x, steps: [{run: make audit}]}\n", _MAKE_AUDIT, on="")
    assert seen(platform, SCAN) == [(False, "the workflow starts on no event, not on a push")]


def test_when_a_workflow_of_gitlab_starts(platform: PaperPlatform, subtests: pytest.Subtests) -> None:
    """By rules that ask whether variables equal a text; any other rule is for a run to know.

    A rule that says `never` counts where it may fit a push to the branch.
    """
    start = '$CI_COMMIT_BRANCH == "main" && $CI_PIPELINE_SOURCE == "push"'
    cases: list[tuple[str, str, str, bool | None]] = [
        ("", start, "", True),
        ("", "", "$CI_PIPELINE_SOURCE == 'push' && $CI_COMMIT_BRANCH == 'main'", True),
        ("", '$CI_PIPELINE_SOURCE == "push"', start, True),
        ("", '$CI_COMMIT_BRANCH == "main"', "", False),
        ("", "$CI_COMMIT_BRANCH == $CI_DEFAULT_BRANCH", "", None),
        ("", '$CI_COMMIT_BRANCH == "main" || $CI_PIPELINE_SOURCE == "push"', "", None),
        ("", "", "", False),
        ('$CI_PIPELINE_SOURCE == "schedule"', start, "", True),
        ('$CI_COMMIT_BRANCH == "next"', start, "", True),
        ('$CI_COMMIT_BRANCH == "main"', start, "", None),
        ('$FREEZE == "yes"', start, "", None),
    ]
    for never, workflow, deploy, ok in cases:
        with subtests.test(never=never, workflow=workflow, deploy=deploy):
            rules = [{"if": never, "when": "never"}] if never else []
            rules += [{"if": workflow}] if workflow else []
            content: dict[str, Any] = {"deploy": {"stage": "deploy", "script": [DEPLOY["production"]]}}
            content |= {"workflow": {"rules": rules}} if rules else {}
            content["deploy"] |= {"rules": [{"if": deploy}]} if deploy else {}
            only(platform, GITLAB, yaml.safe_dump(content), {"deploy": DEPLOY})
            assert [fact.ok for fact in platform.find(TRIGGER)] == [ok]


def test_what_may_not_stop_the_deployment_does_not_count(platform: PaperPlatform, subtests: pytest.Subtests) -> None:
    """Failures that are passed over, steps and jobs that are gone; what only a run knows is unknown."""
    shipped = (platform.root / GITHUB).read_text()
    for old, new, subject, ok in [
        ("run: npm run test:all", "run: npm run test:all || true", "test:all", False),
        ("run: npm run test:all", "run: |\n          set +e\n          npm run test:all", "test:all", None),
        ("run: npm run test:all", "run: |\n          npm run test:all\n          exit 0", "test:all", None),
        (
            "run: npm run test:all",
            "shell: pwsh\n        run: |\n          npm run test:all\n          ls",
            "test:all",
            None,
        ),
        ("run: npm run test:all", "run: npm run test:all\n        continue-on-error: true", "test:all", False),
        (
            "run: npm run test:all",
            "run: npm run test:all\n        if: github.event_name == 'schedule'",
            "test:all",
            None,
        ),
        ("run: npm run test:all", "run: npm run test:all:fast", "test:all", False),
        ("run: npm run test:all", "run: CI=true npm run test:all", "test:all", None),
        ("run: npm run test:all", "run: env A='b c' B=$(date +%s) npm run test:all", "test:all", None),
        ("run: npm run test:all", "run: |\n          npm ci && npm run test:all\n          ls", "test:all", None),
        ("  test:\n    runs-on", "  test:\n    continue-on-error: true\n    runs-on", "test:all", False),
        ("  test:\n    runs-on", "  test:\n    continue-on-error: ${{ inputs.soft }}\n    runs-on", "test:all", None),
        ("needs: [build, test, scan]", "needs: [build, scan]", "test:all", False),
        ("  test:\n    runs-on", "  tests:\n    runs-on", "test:all", False),
    ]:
        with subtests.test(old=old, new=new):
            only(platform, GITHUB, shipped)
            platform.edit(GITHUB, old, new)
            found = [one for one in bad(platform.find(NEEDS)) if "job deploy" in one[0]]
            assert [(one.endswith(f"job deploy: {subject}"), value) for one, value in found] == [(True, ok)]


@pytest.mark.parametrize(
    ("run", "why"),
    [
        ("CI=true npm run test:all", "`CI=true npm run test:all` sets variables for it"),
        ("npm ci && npm run test:all\nls", "the shell may hide a failure in `npm ci && npm run test:all`"),
        ("npm run test:all || true", "no step of job test is `npm run test:all`"),
    ],
)
def test_why_a_line_is_not_the_command_that_is_declared(platform: PaperPlatform, run: str, why: str) -> None:
    """The line that has more than the command is named before the command is missed; declared as it is, it is found."""
    github(platform, TEST_JOB.replace("run: npm run test:all", f"run: {json.dumps(run)}") + DEPLOY_JOB)
    [(_, observed)] = seen(platform, NEEDS)
    assert observed.startswith(why)
    github(
        platform,
        TEST_JOB.replace("run: npm run test:all", f"run: {json.dumps(run)}") + DEPLOY_JOB,
        {"test": {"test:all": run.partition("\n")[0]}, "deploy": DEPLOY},
    )
    [(ok, _)] = seen(platform, NEEDS)
    assert ok is (True if run.startswith("CI=") else None)


def test_the_last_line_of_two_commands_may_be_declared_as_it_is(platform: PaperPlatform) -> None:
    """`a && b` is the two commands, and the register has the line as the file has it, without a comment."""
    line = "npm ci && npm run test:all"
    for command in (line, f"{line}  # both", "npm ci", "npm run test:all"):
        declared = {"test": {"test:all": command}, "deploy": DEPLOY}
        github(platform, TEST_JOB.replace("npm run test:all", f"'{line}  # both'") + DEPLOY_JOB, declared)
        assert [ok for ok, _ in seen(platform, NEEDS)] == [True]


def test_a_deployment_that_runs_after_failures_is_unknown(platform: PaperPlatform) -> None:
    """`always()` begins a job whatever became of those before it, in letters of either case."""
    for condition in ("always()", "Always()", "${{ !Cancelled() }}"):
        github(platform, TEST_JOB + DEPLOY_JOB.replace("{needs", f"{{if: '{condition}', needs"))
        [(ok, why)] = seen(platform, NEEDS)
        assert (ok, f"`if: {condition}`" in why) == (None, True)


def test_production_that_is_deployed_by_a_tool_that_nobody_named_is_unknown(platform: PaperPlatform) -> None:
    """An action, `make` or a script in a job of its own: the register has no such job."""
    for step in ("{uses: acme/ship-it@v2}", "{run: make ship}", "{run: ./ship.sh production}"):
        github(platform, f"{TEST_JOB}{DEPLOY_JOB}  ship: {{runs-on: ubuntu-latest, steps: [{step}]}}\n")
        first, (ok, why) = seen(platform, NEEDS)
        assert (first[0], ok, why.partition(";")[0]) == (True, None, "the job is in no register, and may deploy")
    declared = {**TESTED, "ship": {"production": "./ship.sh production"}}
    github(
        platform, f"{TEST_JOB}{DEPLOY_JOB}  ship: {{runs-on: x, steps: [{{run: ./ship.sh production}}]}}\n", declared
    )
    assert [ok for ok, _ in seen(platform, NEEDS)] == [True, False]


@pytest.mark.parametrize(
    "job",
    [
        "{runs-on: x, environment: production, steps: [{run: ls}]}",
        "{runs-on: x, steps: [{uses: acme/k8s-deploy@v5}]}",
        "{runs-on: x, steps: [{run: kubectl -n shop apply -f k8s}]}",
        "{runs-on: x, steps: [{uses: azure/cli@v2, with: {inlineScript: az webapp up}}]}",
    ],
)
def test_what_looks_like_a_deployment_is_declared_or_unknown(platform: PaperPlatform, job: str) -> None:
    """An environment, the name of an action, a command; the register may say that it is none."""
    github(platform, f"{TEST_JOB}{DEPLOY_JOB}  more: {job}\n", {**TESTED, "more": {}})
    assert [ok for ok, _ in seen(platform, NEEDS)] == [True, None]
    aside = {"no deployment": ["ls", "acme/k8s-deploy", "azure/cli", "kubectl -n shop apply -f k8s"]}
    github(platform, f"{TEST_JOB}{DEPLOY_JOB}  more: {job}\n", {**TESTED, "more": aside})
    assert [ok for ok, _ in seen(platform, NEEDS)] == [True]


def test_a_command_that_changes_an_environment_is_declared_or_unknown(
    platform: PaperPlatform, subtests: pytest.Subtests
) -> None:
    """A program and a verb of it that changes something; what only reads is no deployment."""
    for command, oks in [
        ("tofu apply -auto-approve", [True, None]),
        ("terragrunt run-all apply", [True, None]),
        ("helmfile -e production sync", [True, None]),
        ("oc apply -f k8s", [True, None]),
        ("pulumi up --yes", [True, None]),
        ("kubectl -n shop rollout restart statefulset/api", [True, None]),
        ("kubectl create -f k8s", [True, None]),
        ("kubectl set env statefulset/api A=b", [True, None]),
        ("helm rollback shop", [True, None]),
        ("ansible-playbook site.yml", [True, None]),
        ("az webapp up", [True, None]),
        ("docker run bitnami/kubectl:1.30 apply -f k8s", [True, None]),
        ("bash -c 'kubectl apply -f k8s'", [True, None]),
        ("kubectl rollout status statefulset/api", [True]),
        ("kubectl config set-context production", [True]),
        ("terraform plan", [True]),
        ("helm dependency update charts/shop", [True]),
    ]:
        with subtests.test(command):
            job = f'  more: {{runs-on: x, steps: [{{run: "{command}"}}]}}\n'
            github(platform, TEST_JOB + DEPLOY_JOB + job, {**TESTED, "more": {}})
            assert [ok for ok, _ in seen(platform, NEEDS)] == oks
            github(platform, TEST_JOB + DEPLOY_JOB + job, {**TESTED, "more": {"no deployment": command}})
            assert [ok for ok, _ in seen(platform, NEEDS)] == [True]


@pytest.mark.parametrize(
    "step", ["uses: acme/actions/test@v1", "run: make test", "run: xvfb-run npm run test:all", "run: ./run.sh test"]
)
def test_a_wrapper_runs_the_tests_where_the_register_says_so(platform: PaperPlatform, step: str) -> None:
    """An action of another repository, make, a wrapper: never `no job runs it`."""
    jobs = TEST_JOB.replace("run: npm run test:all", step) + DEPLOY_JOB
    github(platform, jobs, {"test": {"test:all": step.partition(": ")[2]}, "deploy": DEPLOY})
    assert [ok for ok, _ in seen(platform, NEEDS)] == [True]
    github(platform, jobs, {"test": {}, "deploy": DEPLOY})
    [(ok, why)] = seen(platform, NEEDS)
    assert (ok, "hint: add `test:all: STEP`" in why) == (None, True)


def test_a_workflow_that_a_job_calls_is_a_step_of_it(platform: PaperPlatform) -> None:
    """The register says what the called one does; that it needs the tests is read in the file that calls it."""
    ship = "  ship: {needs: test, uses: ./.github/workflows/ship.yaml}\n"
    declared = {"test": TESTED["test"], "ship": {"production": "./.github/workflows/ship.yaml"}}
    for text, ok in ((ship, True), (ship.replace("needs: test, ", ""), False)):
        github(platform, TEST_JOB + text, declared)
        assert [found for found, _ in seen(platform, NEEDS)] == [ok]


def called(platform: PaperPlatform, jobs: str, register: Mapping[str, Any], others: Mapping[str, str]) -> None:
    """A workflow of GitHub with these jobs, and other files beside it; the register by the path of each file."""
    github(platform, jobs)
    for path, text in others.items():
        platform.write(path, text)
    platform.name(workflows=[f"repository/{path}" for path in (GITHUB, *others)])
    listed = [{"name": path, "jobs": dict(parts)} for path, parts in register.items()]
    platform.write("registers/pipelines.yaml", yaml.safe_dump({"pipelines": listed}))


TESTS, ACTION = ".github/workflows/tests.yml", ".github/actions/test/action.yml"
UNIT = "on: workflow_call\njobs:\n  unit: {runs-on: x, steps: [{run: npm run test:all}]}\n"
COMPOSITE = "runs: {using: composite, steps: [{run: npm run test:all, shell: bash}]}\n"


def test_a_step_holds_as_strongly_as_the_local_file_that_it_uses(
    platform: PaperPlatform, subtests: pytest.Subtests
) -> None:
    """A workflow that a job calls, an action of the repository: where that is not among the files, it is unknown and named."""
    for file, text, parts, ok in [
        (TESTS, UNIT, {"unit": {"test:all": "npm run test:all"}}, True),
        (TESTS, UNIT, {"unit": {}}, None),
        (TESTS, UNIT.replace("{runs", "{if: inputs.all, runs"), {"unit": {"test:all": "npm run test:all"}}, None),
        (
            TESTS,
            UNIT.replace("{runs", "{continue-on-error: true, runs"),
            {"unit": {"test:all": "npm run test:all"}},
            False,
        ),
        (TESTS, UNIT, {"unit": {"test:all": "npm test"}}, False),
        (ACTION, COMPOSITE, {"runs": {"test:all": "npm run test:all"}}, True),
        (
            ACTION,
            COMPOSITE.replace("test:all", "test:all || true"),
            {"runs": {"test:all": "npm run test:all || true"}},
            None,
        ),
        (ACTION, COMPOSITE.replace("test:all", "test:all || true"), {"runs": {"test:all": "npm run test:all"}}, False),
        (ACTION, "runs: {using: node20, main: dist/test.js}\n", {"runs": {"test:all": "dist/test.js"}}, True),
    ]:
        with subtests.test(file=file, text=text, parts=parts):
            uses = f"./{file.removesuffix('/action.yml')}"
            step = f"uses: {uses}" if file == TESTS else f"runs-on: x, steps: [{{uses: {uses}}}]"
            register = {GITHUB: {"test": {"test:all": uses}, "deploy": DEPLOY}}
            jobs = f"  test: {{{step}}}\n{DEPLOY_JOB}"
            called(platform, jobs, {**register, file: parts}, {file: text})
            assert [found for found, _ in seen(platform, NEEDS)] == [ok]
            called(platform, jobs, register, {})
            [(found, why)] = seen(platform, NEEDS)
            assert (found, f"`{uses}` is not among `files.workflows`" in why) == (None, True)


def test_a_scan_of_a_called_workflow_stops_as_that_does(platform: PaperPlatform) -> None:
    """The job that calls it is of every push; whether findings stop it is in the called file."""
    job = "  scan: {uses: ./.github/workflows/tests.yml}\n"
    outer = {"scan": {"a security scan": {"step": "./.github/workflows/tests.yml", "stops_by": "itself"}}}
    for command, ok in (("trivy fs .", False), ("trivy fs --exit-code 1 .", True)):
        inner = {"unit": {"a security scan": {"step": command, "stops_by": "itself"}}}
        called(platform, job, {GITHUB: outer, TESTS: inner}, {TESTS: UNIT.replace("npm run test:all", command)})
        assert [found for found, _ in seen(platform, SCAN)] == [ok]
        called(platform, job, {GITHUB: {"scan": {}}, TESTS: inner}, {TESTS: UNIT.replace("npm run test:all", command)})
        [(found, why)] = seen(platform, SCAN)
        assert (found, "hint: declare the scan in the job that calls it" in why) == (ok and None, True)
    both = {"a security scan": [{"step": "./.github/workflows/tests.yml", "stops_by": "itself"}, "grype ."]}
    called(platform, job, {GITHUB: {"scan": both}, TESTS: {"unit": {"a security scan": "trivy fs ."}}}, {TESTS: UNIT})
    assert [found for found, _ in seen(platform, SCAN)] == [False, False, False]  # none of them is in its file


def test_a_called_deployment_is_judged_where_it_is_called(platform: PaperPlatform) -> None:
    """Unless a job calls it that is not declared to deploy."""
    ship = "  ship: {needs: test, uses: ./.github/workflows/tests.yml}\n"
    inner, outer = {"unit": DEPLOY}, {"production": "./.github/workflows/tests.yml"}
    for parts, more, ok in (
        ({"ship": outer}, "", True),
        ({"ship": outer, "late": {}}, ship.replace("ship:", "late:"), None),
    ):
        register = {GITHUB: {"test": TESTED["test"], **parts}, TESTS: inner}
        text = UNIT.replace("npm run test:all", DEPLOY["production"])
        called(platform, TEST_JOB + ship + more, register, {TESTS: text})
        assert {found for found, _ in seen(platform, NEEDS)} == ({True} if ok else {True, None})


@pytest.mark.parametrize(
    ("matrix", "ok"),
    [
        ("{node: [20, 22], soft: [false], include: [{node: 24, soft: true}]}", True),
        ("{node: [20], soft: [true]}", None),
        ("{include: [{node: 24, soft: true}]}", None),
        ("'${{ fromJSON(inputs.legs) }}'", None),
    ],
)
def test_a_matrix_with_a_leg_that_may_fail(platform: PaperPlatform, matrix: str, *, ok: bool | None) -> None:
    """The other legs stop the deployment where the file says that there are others."""
    soft = f"{{continue-on-error: '${{{{ matrix.soft }}}}', strategy: {{matrix: {matrix}}}, runs-on"
    github(platform, TEST_JOB.replace("{runs-on", soft) + DEPLOY_JOB)
    assert [ok for ok, _ in seen(platform, NEEDS)] == [ok]


def test_a_job_that_is_waited_for_through_another(platform: PaperPlatform) -> None:
    """Unless the one between begins after failures too."""
    between = "  pack: {needs: test, runs-on: x, steps: [{run: make}]}\n"
    deploy = DEPLOY_JOB.replace("needs: test", "needs: [pack]")
    for condition, ok in (("", True), ("if: failure() || success(), ", None)):
        pack = between.replace("{needs", f"{{{condition}needs")
        github(platform, TEST_JOB + pack + deploy, {**TESTED, "pack": {}})
        assert [found for found, _ in seen(platform, NEEDS)] == [ok]


BEFORE: Mapping[str, Any] = {"before_script": ["npm run test:all"]}
GITLAB_JOBS: Mapping[str, Any] = {
    "test": {"stage": "test", "script": ["npm run test:all"]},
    "deploy": {"stage": "deploy", "script": [DEPLOY["production"]]},
}


def test_what_a_job_of_gitlab_waits_for(platform: PaperPlatform, subtests: pytest.Subtests) -> None:
    """Stages and needs are read; keys that only a pipeline knows, and what other files bring, are unknown."""
    cases: list[tuple[Mapping[str, Any], Mapping[str, Any], Mapping[str, Any], bool | None]] = [
        ({}, {}, {}, True),
        ({"allow_failure": True}, {}, {}, False),
        ({"allow_failure": {"exit_codes": [1]}}, {}, {}, None),
        ({"when": "manual"}, {}, {}, None),
        ({"rules": [{"changes": ["src/*"]}]}, {}, {}, None),
        ({"rules": [{"if": "$A"}]}, {"rules": [{"if": "$A"}]}, {}, True),
        ({}, {"rules": [{"if": '$CI_COMMIT_BRANCH == "main"'}]}, {}, True),
        ({}, {"rules": [{"if": "$CI_MERGE_REQUEST_IID"}]}, {}, None),
        ({}, {"when": "always"}, {}, None),
        ({}, {"needs": []}, {}, False),
        ({}, {"needs": ["test"]}, {}, True),
        ({}, {"needs": [{"job": "test", "optional": True}]}, {}, None),
        ({}, {"needs": [{"job": "test", "artifacts": True}]}, {}, True),
        ({}, {"needs": [{"job": "test", "parallel": {"matrix": [{"NODE": "20"}]}}]}, {}, None),
        ({}, {"needs": [{"job": "test", "later": True}]}, {}, None),
        ({}, {"needs": [{"project": "shop/lib", "job": "test", "ref": "main"}]}, {}, False),
        ({}, {"needs": [{"pipeline": "$UPSTREAM", "job": "test"}]}, {}, False),
        ({}, {"needs": ["test"], "rules": [{"if": "$A", "needs": []}]}, {}, None),
        ({}, {"needs": [], "rules": [{"if": "$A", "needs": ["test"]}]}, {}, None),
        ({"rules": [{"if": "$A", "later": 1}]}, {"rules": [{"if": "$A", "later": 1}]}, {}, None),
        ({"rules": [{"if": "$A", "later": 1}]}, {"needs": ["test"]}, {}, None),
        ({"stage": "deploy"}, {}, {}, False),
        ({"extends": ".base"}, {}, {".base": {"allow_failure": True}}, None),
        ({"extends": ".base", "script": ["ls"]}, {}, {".base": {"before_script": ["npm run test:all"]}}, None),
        ({"extends": ".base", "script": ["ls"]}, {"needs": []}, {}, False),
        ({"script": ["ls"], "inherit": {"default": False}}, {}, {"default": BEFORE}, False),
        ({"script": ["ls"], "inherit": {"default": ["image"]}}, {}, {"default": BEFORE}, False),
        ({"script": ["ls"], "inherit": {"default": ["before_script"]}}, {}, {"default": BEFORE}, True),
        ({"script": ["ls"], "inherit": {"variables": False}}, {}, {"default": BEFORE}, True),
        ({"script": ["ls"], "inherit": {"default": False}}, {}, BEFORE, False),
        ({"inherit": {"default": "some"}}, {}, {}, None),
        ({}, {}, {"include": [{"project": "shop/ci", "file": "a.yml"}]}, None),
        ({"before_script": ["set +e"]}, {}, {}, None),
        ({}, {}, {"default": {"before_script": ["set +e"]}}, None),
        ({"script": ["npm run test:all | tee log"]}, {}, {}, False),
        ({"script": ["ls"], "after_script": ["npm run test:all"]}, {}, {}, False),
    ]
    for test, deploy, more, ok in cases:
        with subtests.test(test=test, deploy=deploy, more=more):
            jobs = {"test": {**GITLAB_JOBS["test"], **test}, "deploy": {**GITLAB_JOBS["deploy"], **deploy}}
            only(platform, GITLAB, yaml.safe_dump({**jobs, **more}), TESTED)
            assert seen(platform, NEEDS)[0][0] is ok


@pytest.mark.parametrize(
    ("inherit", "ok"),
    [({}, True), ({"default": False}, None), ({"default": ["retry"]}, None), ({"default": ["image"]}, True)],
)
def test_a_job_of_gitlab_has_the_image_that_it_inherits(
    platform: PaperPlatform, inherit: Mapping[str, Any], *, ok: bool | None
) -> None:
    """Of `default:` and of the file."""
    for more in ({"default": {"image": "node:20"}}, {"image": "node:20"}):
        jobs = {**GITLAB_JOBS, "test": {**GITLAB_JOBS["test"], "inherit": dict(inherit)}, **more}
        only(platform, GITLAB, yaml.safe_dump(jobs), TESTED)
        facts = platform.find(NEEDS.replace("test:all", "test:all on Node.js 20"))
        assert [fact.ok for fact in facts] == [True, ok]


@pytest.mark.parametrize("key", ["extends", "trigger"])
def test_a_job_of_gitlab_that_is_not_read_completely_may_deploy(platform: PaperPlatform, key: str) -> None:
    """Whatever the register says that it is not."""
    only(platform, GITLAB, yaml.safe_dump({**GITLAB_JOBS, "more": {key: ".base"}}), {**TESTED, "more": {}})
    (first, _), (ok, why) = seen(platform, NEEDS)
    assert (first, ok, f"`{key}` of the job is not followed" in why) == (True, None, True)


def test_every_script_of_a_job_of_gitlab_may_deploy(platform: PaperPlatform) -> None:
    """`after_script` of the job, of `default:` and of the file, and the hook before the sources are there."""
    script = {"after_script": ["kubectl apply -f k8s"]}
    hook = {"hooks": {"pre_get_sources_script": ["kubectl apply -f k8s"]}}
    for test, more in ((script, {}), ({}, {"default": script}), ({}, script), (hook, {}), ({}, {"default": hook})):
        jobs = {**GITLAB_JOBS, "test": {**GITLAB_JOBS["test"], **test}, **more}
        only(platform, GITLAB, yaml.safe_dump(jobs), TESTED)
        assert {ok for ok, _ in seen(platform, NEEDS)} == {True, None}


def test_a_file_of_another_forge_is_refused_with_those_that_are_read(platform: PaperPlatform) -> None:
    """CircleCI's `jobs` are a mapping too, those of Azure a list."""
    for text in ("version: 2.1\njobs: {test: {docker: []}}\n", "jobs: [{job: test}]\n"):
        only(platform, GITHUB, text, {"test": {}})
        with pytest.raises(HarnessError) as raised:
            platform.find(NEEDS)
        assert "only workflows of GitHub and pipelines of GitLab are read" in raised.value.hint


@pytest.mark.parametrize(
    ("old", "new", "oks"),
    [
        ('node-version: "20"', 'node-version: "18"', [False]),
        ('node-version: "20"', 'node-version: "${{ matrix.node }}"', [None]),
        ('with: {node-version: "20"}', "with: {}", [None]),
    ],
)
def test_the_version_of_node(platform: PaperPlatform, old: str, new: str, oks: list[bool | None]) -> None:
    """As the job with the command writes it."""
    only(platform, GITHUB, (platform.root / GITHUB).read_text())
    text = (platform.root / GITHUB).read_text()
    platform.write(GITHUB, text.replace(old, new))
    facts = [fact.ok for fact in platform.find(NEEDS.replace("test:all", "test:all on Node.js 20"))]
    assert facts == [True, *oks]


def test_the_order_may_be_that_of_jobs(platform: PaperPlatform) -> None:
    """Each needs the one before it; without the last need production does not wait."""
    declared = {"a": {"staging": "./go a"}, "b": {"test:e2e": "npm t"}, "c": {"production": "./go c"}}
    job = "  %s: {%sruns-on: x, steps: [{run: %s}]}\n"
    for last, oks in (("needs: b, ", [True] * 5), ("", [True] * 4 + [False])):
        jobs = job % ("a", "", "./go a") + job % ("b", "needs: a, ", "npm t") + job % ("c", last, "./go c")
        github(platform, jobs, declared)
        assert [ok for ok, _ in seen(platform, ORDER)] == oks


def test_a_scan_of_every_push(platform: PaperPlatform, subtests: pytest.Subtests) -> None:
    """Any tool that the register names, with what makes its findings stop it; a search for secrets alone is none."""
    for step, declared, ok in [
        ("run: pnpm audit --audit-level high", {"step": "pnpm audit --audit-level high", "stops_by": "itself"}, True),
        ("run: govulncheck ./...", {"step": "govulncheck ./...", "stops_by": "itself"}, True),
        ("run: trivy fs --exit-code 1 .", {"step": "trivy fs --exit-code 1 .", "stops_by": "--exit-code 1"}, True),
        ("run: trivy fs .", {"step": "trivy fs .", "stops_by": "--exit-code 1"}, False),
        ("run: trivy fs .", "trivy fs .", None),
        ("run: trivy fs --exit-code 0 .", {"step": "trivy fs --exit-code 0 .", "stops_by": "itself"}, False),
        (
            "uses: snyk/actions/node@master, with: {command: monitor}",
            {"step": "snyk/actions/node", "stops_by": "itself"},
            False,
        ),
        ("uses: gitleaks/gitleaks-action@v2", {"step": "gitleaks/gitleaks-action", "stops_by": "itself"}, None),
        ("run: make audit", None, None),
        ("run: make audit, continue-on-error: true", {"step": "make audit", "stops_by": "itself"}, False),
        ("run: make audit, if: github.actor != 'bot'", {"step": "make audit", "stops_by": "itself"}, None),
    ]:
        with subtests.test(step=step, declared=declared):
            parts = {} if declared is None else {"a security scan": declared}
            github(platform, f"  scan: {{runs-on: x, steps: [{{{step}}}]}}\n", {"scan": parts})
            assert [found for found, _ in seen(platform, SCAN)] == [ok]


def test_by_what_a_scan_stops(platform: PaperPlatform, subtests: pytest.Subtests) -> None:
    """A tool that needs an option has it, none has one that lets it succeed; a tool in no table does what is declared."""
    for step, stops_by, ok in [
        ("run: gosec -no-fail ./...", "itself", False),
        ("run: gosec -no-fail=false ./...", "itself", True),
        ("uses: securego/gosec@master, with: {args: '-no-fail -fmt sarif ./...'}", "itself", False),
        ("run: go run golang.org/x/vuln/cmd/govulncheck@latest -format json ./...", "itself", False),
        ("run: safety check --continue-on-error", "itself", False),
        ("run: kics scan -p . --ignore-on-exit results", "itself", False),
        ("run: dependency-check.sh --scan . --failOnCVSS 11", "itself", False),
        ("run: dependency-check.sh --scan . --failOnCVSS 7", "itself", True),
        ("run: trivy fs .", "itself", False),
        ("run: trivy fs .", "fs", False),
        ("run: trivy fs --exit-code=1 .", "--exit-code 1", True),
        ("run: docker run aquasec/trivy:0.57.1 fs .", "itself", False),
        ("run: trivy fs --exit-code $CODE .", "itself", None),
        ("run: trivy fs --config ci/trivy.yaml .", "itself", None),
        ("run: trivy fs --config ci/trivy.yaml .", "--config ci/trivy.yaml", True),
        ("run: trivy fs ., env: {TRIVY_EXIT_CODE: 1}", "--exit-code 1", True),
        ("run: trivy fs --exit-code 0 ., env: {TRIVY_EXIT_CODE: 1}", "--exit-code 1", False),
        ("run: TRIVY_EXIT_CODE=0 trivy fs .", "itself", False),
        ("uses: aquasecurity/trivy-action@0.28.0, with: {scan-type: fs}", "itself", False),
        ("uses: aquasecurity/trivy-action@0.28.0, with: {version: v0.57.1, exit-code: '1'}", "itself", True),
        ("run: semgrep scan --config auto", "itself", False),
        ("run: semgrep scan --config auto --error", "itself", True),
        ("run: semgrep ci", "itself", True),
        ("run: pnpm exec trivy fs .", "itself", False),
        ("run: yarn dlx snyk monitor", "itself", False),
        ("run: pnpm run trivy", "itself", True),
        ("run: docker run semgrep/semgrep semgrep ci", "itself", True),
        ("run: snyk container monitor shop:1", "itself", False),
        ("run: dotnet list package --vulnerable", "itself", False),
        ("run: dotnet list package --vulnerable | ./judge", "itself", None),
        ("run: trivy image --exit-code 1 registry.example.test/monitor:1.4", "--exit-code 1", True),
        ("run: checkov -d . --hard-fail-on HIGH --soft-fail-on LOW", "itself", True),
        ("run: checkov -d . --soft-fail", "itself", False),
        ("uses: bridgecrewio/checkov-action@v12, with: {soft_fail: true}", "itself", False),
        ("uses: bridgecrewio/checkov-action@v12, with: {soft_fail: false}", "itself", True),
        ("run: acme-scan .", "itself", True),
        ("run: trivy fs --scanners secret --exit-code 1 .", "--exit-code 1", None),
        ("run: trivy fs --security-checks secret --exit-code 1 .", "--exit-code 1", None),
        ("run: trivy fs --scanners secret --scanners vuln --exit-code 1 .", "--exit-code 1", True),
        ("run: trivy fs --exit-code 1 ., env: {TRIVY_SCANNERS: secret}", "--exit-code 1", None),
        ("run: trivy image --format cyclonedx --exit-code 1 shop:1", "--exit-code 1", None),
        ("run: trivy image --format cyclonedx --scanners vuln --exit-code 1 shop:1", "--exit-code 1", True),
        ("run: trivy image --download-db-only --exit-code 1", "--exit-code 1", None),
        ("run: trivy --quiet --cache-dir a conf --exit-code 1 .", "--exit-code 1", None),
        ("run: docker run aquasec/trivy:0.57.1 config --exit-code 1 .", "--exit-code 1", None),
        ("run: trivy fs --exit-code 1 config", "--exit-code 1", True),
        ("uses: aquasecurity/trivy-action@0.28.0, with: {scan-type: config, exit-code: '1'}", "itself", None),
        ("uses: aquasecurity/trivy-action@0.28.0, with: {scanners: secret, exit-code: '1'}", "itself", None),
        ("uses: aquasecurity/trivy-action@0.28.0, with: {scanners: 'vuln,secret', exit-code: '1'}", "itself", True),
    ]:
        with subtests.test(step=step, stops_by=stops_by):
            command = step.partition(": ")[2].partition(", with:")[0].partition(", env:")[0]
            declared = {"scan": {"a security scan": {"step": command, "stops_by": stops_by}}}
            github(platform, f"  scan: {{runs-on: x, steps: [{{{step}}}]}}\n", declared)
            assert [found for found, _ in seen(platform, SCAN)] == [ok]


def test_a_variable_of_the_workflow_is_an_option_of_its_tool(platform: PaperPlatform) -> None:
    """Of the file, of the job; of GitLab those of `variables`."""
    declared = {"scan": {"a security scan": {"step": "trivy fs .", "stops_by": "itself"}}}
    job = "jobs: {scan: {runs-on: x, env: {A: b}, steps: [{run: trivy fs .}]}}\n"
    only(platform, GITHUB, f"on: push\nenv: {{TRIVY_EXIT_CODE: 1}}\n{job}", declared)
    assert [ok for ok, _ in seen(platform, SCAN)] == [True]
    only(platform, GITHUB, f"on: push\n{job.replace('A: b', 'TRIVY_EXIT_CODE: 0')}", declared)
    assert [ok for ok, _ in seen(platform, SCAN)] == [False]
    only(platform, GITLAB, "variables: {TRIVY_EXIT_CODE: {value: '1'}}\nscan: {script: [trivy fs .]}\n", declared)
    assert [ok for ok, _ in seen(platform, SCAN)] == [True]
    own = "variables: {TRIVY_EXIT_CODE: '1'}\nscan: {script: [trivy fs .], inherit: {variables: %s}}\n"
    for kept, ok in (("false", False), ("[A]", False), ("[TRIVY_EXIT_CODE]", True), ("true", True)):
        only(platform, GITLAB, own % kept, declared)
        assert [found for found, _ in seen(platform, SCAN)] == [ok]


def test_a_scan_that_some_pushes_do_not_start(platform: PaperPlatform, subtests: pytest.Subtests) -> None:
    """Filters leave pushes out."""
    for on, ok in [
        ("push", True),
        ("{push: {branches: ['**']}}", True),
        ("{push: {branches: ['**'], tags: ['**']}}", True),
        ("{push: {branches: ['**', '!wip'], tags: ['**']}}", False),
        ("{push: {branches: ['*', '**/*']}}", True),
        ("{push: {branches: ['*']}}", False),
        ("{push: {paths: ['**']}}", True),
        ("{push: {branches: ['**'], paths: ['**']}}", True),
        ("{push: {branches: ['**'], paths: [src]}}", False),
        ("{push: {paths: ['**', '!docs']}}", False),
        ("{push: {paths: ['**'], tags: ['**']}}", False),
        ("{push: {tags: ['**']}}", False),
        ("{push: {branches: [main]}}", False),
        ("{push: {paths-ignore: [docs]}}", False),
        ("schedule", False),
    ]:
        with subtests.test(on):
            github(platform, "  scan: {runs-on: x, steps: [{run: make audit}]}\n", _MAKE_AUDIT, on)
            assert [found for found, _ in seen(platform, SCAN)] == [ok]


def test_a_scan_that_a_newer_push_may_cancel(platform: PaperPlatform, subtests: pytest.Subtests) -> None:
    """`concurrency` of the workflow, or of a job of GitHub that it is or waits for: one run of a group waits, and a newer one takes its place."""
    for written, ok in [
        ("{group: '${{ github.ref }}', cancel-in-progress: true}", None),
        ("{group: '${{ github.ref }}', cancel-in-progress: false}", None),
        ("scan", None),
        ("{group: scan, cancel-in-progress: false, queue: max}", True),
        ("{group: scan, cancel-in-progress: '${{ inputs.cancel }}', queue: max}", None),
        ("{group: 'scan-${{ github.run_id }}', cancel-in-progress: true}", True),
        ("{group: '${{ github.head_ref || github.run_id }}', cancel-in-progress: true}", True),
        ("{group: '${{ github.ref || github.run_id }}', cancel-in-progress: true}", None),
    ]:
        with subtests.test(written):
            job = "  scan: {%sruns-on: x, steps: [{run: make audit}]}\n"
            github(platform, job % "", _MAKE_AUDIT, on=f"push\nconcurrency: {written}")
            assert [found for found, _ in seen(platform, SCAN)] == [ok]
            github(platform, job % f"concurrency: {written}, ", _MAKE_AUDIT)
            assert [found for found, _ in seen(platform, SCAN)] == [ok]
            before = f"  before: {{concurrency: {written}, runs-on: x, steps: [{{run: ls}}]}}\n"
            github(platform, before + job % "needs: before, ", {**_MAKE_AUDIT, "before": {}})
            assert [found for found, _ in seen(platform, SCAN)] == [ok]
            uses = "./.github/workflows/tests.yml"
            outer = {"scan": {"a security scan": {"step": uses, "stops_by": "itself"}}}
            inner = UNIT.replace("npm run test:all", "make audit").replace("{runs", f"{{concurrency: {written}, runs")
            register = {GITHUB: outer, TESTS: {"unit": _MAKE_AUDIT["scan"]}}
            called(platform, f"  scan: {{uses: {uses}}}\n", register, {TESTS: inner})
            assert [found for found, _ in seen(platform, SCAN)] == [ok]


def test_a_scan_of_gitlab_that_some_pushes_do_not_have(platform: PaperPlatform, subtests: pytest.Subtests) -> None:
    """A newer push may cancel it, or the rules of the file leave pushes out or change its variables."""
    cases: list[tuple[Mapping[str, Any], Mapping[str, Any], bool | None]] = [
        ({"interruptible": True}, {}, None),
        ({"interruptible": False}, {}, True),
        ({}, {"default": {"interruptible": True}}, None),
        ({"inherit": {"default": False}}, {"default": {"interruptible": True}}, True),
        ({"interruptible": True}, {"workflow": {"auto_cancel": {"on_new_commit": "none"}}}, True),
        ({"interruptible": True}, {"workflow": {"auto_cancel": {"on_new_commit": "interruptible"}}}, None),
        ({}, {"workflow": {"auto_cancel": {"on_new_commit": "interruptible"}}}, True),
        ({}, {"workflow": {"auto_cancel": {"on_new_commit": "conservative"}}}, None),
        ({}, {"workflow": {"rules": [{"if": '$CI_PIPELINE_SOURCE == "push"'}]}}, True),
        ({}, {"workflow": {"rules": [{"if": '$CI_PIPELINE_SOURCE == "push"', "variables": {"A": "b"}}]}}, None),
        (
            {},
            {"workflow": {"rules": [{"if": "$A == 'b'", "when": "never"}, {"if": "$CI_PIPELINE_SOURCE == 'push'"}]}},
            None,
        ),
    ]
    for job, more, ok in cases:
        with subtests.test(job=job, more=more):
            content = {"scan": {"script": ["make audit"], **job}, **more}
            only(platform, GITLAB, yaml.safe_dump(content), _MAKE_AUDIT)
            assert [found for found, _ in seen(platform, SCAN)] == [ok]


def test_a_scan_for_a_report_beside_one_that_stops(platform: PaperPlatform) -> None:
    """The register names the one that stops."""
    text = "scan:\n  script: [trivy image --exit-code 0 -o a shop:1, trivy image --exit-code 1 shop:1]\n"
    stops = {"step": "trivy image --exit-code 1 shop:1", "stops_by": "--exit-code 1"}
    only(platform, GITLAB, text, {"scan": {"a security scan": stops}})
    assert [found for found, _ in seen(platform, SCAN)] == [True]


def test_a_stage_runs_something(platform: PaperPlatform, subtests: pytest.Subtests) -> None:
    """A command or an action beside those that prepare, under no condition that is never true; what is not read is unknown."""
    for job, ok in [
        ("{steps: [{run: trivy fs .}]}", True),
        ("{steps: [{run: echo TODO}]}", False),
        ("{steps: [{run: cd src && trivy fs .}]}", True),
        ("{steps: [{run: cd src && echo TODO}]}", False),
        ("{steps: [{uses: actions/checkout@v4}, {run: echo TODO}]}", False),
        (
            "{steps: [{uses: actions/checkout@v4}, {uses: actions/setup-node@v4}, {uses: actions/cache/restore@v4}]}",
            False,
        ),
        ("{steps: [{uses: actions/checkout@v4}, {uses: aquasecurity/trivy-action@0.28.0}]}", True),
        ("{if: false, steps: [{run: trivy fs .}]}", False),
        ("{if: '${{ false }}', steps: [{run: trivy fs .}]}", False),
        ("{if: false && always(), steps: [{run: trivy fs .}]}", False),
        ("{if: false || always(), steps: [{run: trivy fs .}]}", True),
        ("{if: github.ref, steps: [{run: trivy fs .}]}", True),
        ("{if: null, steps: [{run: trivy fs .}]}", True),
        ("{steps: [{if: false, run: trivy fs .}]}", False),
        ("{steps: [{if: false, run: ls}, {run: trivy fs .}]}", True),
        ("{script: [trivy fs .]}", True),
        ("{script: [trivy fs .], when: manual}", True),
        ("{script: [trivy fs .], rules: [{when: never}]}", False),
        ("{script: [trivy fs .], rules: [{if: $A, when: never}, {when: never}, {if: $B}]}", False),
        ("{script: [trivy fs .], rules: [{if: $A, when: never}, {if: $B}]}", True),
        ("{script: [trivy fs .], rules: [{if: $A, when: never}]}", False),
        ("{extends: .scan}", None),
        ("{trigger: {project: shop/scan}}", None),
    ]:
        with subtests.test(job):
            text = f"on: push\njobs:\n  scan: {job}\n" if "steps" in job else f"scan: {job}\n"
            platform.write("registers/ci.yaml", text)
            platform.write("registers/components.yaml", "components: [{name: api, pipeline: ci.yaml}]\n")
            assert [found for found, _ in seen(platform, "every component's pipeline file has the stages scan")] == [ok]


def test_without_a_register_nothing_passes_and_the_words_say_what_to_write(platform: PaperPlatform) -> None:
    """Neither PASS nor FAIL: nobody said what the jobs are for."""
    platform.name(registers=None)
    for sentence in (TRIGGER, RUNS, ORDER, SCAN):
        with pytest.raises(HarnessError, match="no register says what the jobs are for") as raised:
            platform.find(sentence)
        assert "pipelines.yaml" in raised.value.hint


@pytest.mark.parametrize("row", ["DA-CI-TRIGGER", "DA-CI-TEST", "DA-CI-SECURITY", "DA-CI-STAGED"])
def test_one_job_that_is_in_no_register_costs_every_sentence_about_all_jobs(platform: PaperPlatform, row: str) -> None:
    """Of the shipped platform, in either forge."""
    github_job = "\n  extra:\n    runs-on: ubuntu-latest\n    steps: [{run: ls}]\n"
    for path, job in ((GITHUB, github_job), (GITLAB, "\nextra: {stage: build, script: [ls]}\n")):
        text = (platform.root / path).read_text()
        platform.write(path, text + job)
        [(subject, ok)] = bad(platform.row(row))
        assert (subject.endswith("job extra"), ok) == (True, None)
        platform.write(path, text)


@pytest.mark.parametrize(
    ("script", "lines"),
    [
        ("npm test  # unit", ("npm test",)),
        ("npm test '# unit' a#b \\# c", ("npm test '# unit' a#b \\# c",)),
        ("npm test # it's all \\\nkubectl apply", ("npm test", "kubectl apply")),
        ('echo "a\nb # c"; kubectl apply', ('echo "a', 'b # c"; kubectl apply')),
        ("cat <<E\ndon't\nE\necho 'a # b'; kubectl apply", ("cat <<E", "don't", "E", "echo 'a # b'; kubectl apply")),
    ],
)
def test_a_comment_is_no_part_of_a_command(script: str, lines: tuple[str, ...]) -> None:
    """It begins a word outside quotes; after a line whose quotes are open nothing is taken for one."""
    assert script_lines(script) == lines


def test_a_plain_script(subtests: pytest.Subtests) -> None:
    """Lines that end a script with their failure; whatever may hide one is not plain."""
    for script, at, plain in [
        ("npm ci\nnpm test", 0, True),
        ("npm ci && npm test", 0, True),
        ("npm ci && npm test\nls", 0, False),
        ("npm test || true", 0, False),
        ("npm test &", 0, False),
        ("set -euo pipefail\nnpm test", 1, True),
        ("set +e\nnpm test", 1, False),
        ("npm test\nset +e", 0, False),
        ("if true; then\nnpm test\nfi", 1, False),
        ("npm() { true; }\nnpm test", 1, False),
        ("trap 'exit 0' ERR\nnpm test", 1, False),
        ("echo 'a | b (c)' \"$HOME\" > log.txt 2>&1\nnpm test", 1, True),
        ('echo "$(false)"\nnpm test', 1, False),
        ("cat <<E\nnpm test\nE", 1, False),
        ("A=b npm test --tag ${{ github.sha }}", 0, True),
        ("# set +e\nnpm \\\n  test", 0, True),
        ("npm test  # don't | hide (it)", 0, True),
        ("npm test # all \\\nset +e", 0, False),
        ("echo 'a # b' | tee log\nnpm test", 1, False),
        ("echo a#b | tee log\nnpm test", 1, False),
        ('echo "a\nb # c" || npm test\nnpm test', 2, False),
        ("docker compose run app sh -c 'npm ci && npm test'", 0, True),
        ('docker compose run app sh -c "npm test || true"', 0, False),
        ("docker exec app bash -euo pipefail -c 'set +e; npm test'", 0, False),
        ("echo -c 'npm test || true'\nnpm test", 1, True),
        ("ssh -p 22 host 'npm test'", 0, True),
        ("ssh host 'npm test; true'", 0, False),
        ('ssh -o BatchMode=yes host "npm test || true"', 0, False),
        ("ssh host <<E\nnpm test || true\nE", 1, False),
    ]:
        with subtests.test(script):
            assert (not hides_failure(script_lines(script), at)) is plain


_SCALARS = st.one_of(
    st.none(), st.booleans(), st.integers(-9, 9), st.sampled_from(["a", "main", "push", "always()", "*.yml"])
)
_KEYS = st.sampled_from(
    [
        *("on", "jobs", "steps", "run", "uses", "with", "needs", "if", "env", "name", "strategy", "matrix"),
        *("image", "environment", "stages", "script", "rules", "workflow", "extends", "default", "stage", "when"),
        *("allow_failure", "before_script", "push", "branches", "job", "continue-on-error", "include", "local"),
        *("container", "inherit"),
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
        workflow = workflow_of(path, "workflow.yaml")
    except HarnessError as error:
        found = error.where
    else:
        found = workflow.file
        for job in workflow.jobs:
            workflow.waits(job)
    assert "workflow.yaml" in found
