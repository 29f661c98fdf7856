"""Workflows of GitHub that call others of their repository: what these run counts as far as the calling one waits for it."""

from __future__ import annotations

from collections.abc import Sequence

import pytest

from harness.drivers.facts import FactReading
from harness.errors import ConfigurationError
from tests.drivers.static.conftest import PaperPlatform, bad

TRIGGER = "the deploying workflow starts on a push to main and on nothing else"
RUNS = "the workflow runs npm ci, test:all and build on Node.js 20 and the deploy job needs them"
ORDER = "the deploy job runs staging, then test:e2e, then production, and stops at the first failure"
SCAN = "the workflow runs the vulnerability scan on every push and stops on its findings"
DIRECTORY = "shop/.github/workflows"

MAIN = """
on: {push: {branches: [main]}}
jobs:
  ci:
    uses: ./.github/workflows/ci.yaml
    with: {node: "20", quick: false}
  deploy:
    needs: [ci]
    runs-on: ubuntu-latest
    steps: [{run: helm upgrade a b}]
"""
NONE_FAILED = "always() && !contains(needs.*.result, 'failure')"
CI = """
on:
  workflow_call:
    inputs:
      node: {type: string, required: true}
      quick: {type: boolean, default: true}
jobs:
  build:
    runs-on: ubuntu-latest
    steps:
      - {uses: actions/setup-node@v4, with: {node-version: "${{ inputs.node }}"}}
      - run: npm ci
      - run: npm run build
  test:
    needs: build
    runs-on: ubuntu-latest
    steps:
      - {uses: actions/setup-node@v4, with: {node-version: "${{ inputs.node }}"}}
      - run: npm run test:all
        if: "!inputs.quick"
"""


def found(platform: PaperPlatform, sentence: str, **files: str) -> Sequence[FactReading]:
    """The facts of a sentence about a repository of these workflows alone."""
    for name, text in files.items():
        platform.write(f"{DIRECTORY}/{name}.yaml", text)
    platform.name(workflows=f"repository/{DIRECTORY}")
    return platform.find(sentence)


def test_a_called_workflow_is_a_part_of_the_one_that_calls_it(platform: PaperPlatform) -> None:
    """With its inputs; it is kept with the run, and is not judged by itself."""
    facts = found(platform, RUNS, main=MAIN, ci=CI)
    assert [(fact.observed, fact.ok) for fact in facts] == [
        (f"repository/{DIRECTORY}/ci.yaml:12", True), ("20", True),
        (f"repository/{DIRECTORY}/ci.yaml:19", True), ("20", True),
        (f"repository/{DIRECTORY}/ci.yaml:13", True), ("20", True),
    ]  # fmt: skip
    assert {path.name for path in platform.kept} >= {"main.yaml", "ci.yaml"}
    assert [fact.ok for fact in found(platform, TRIGGER, main=MAIN, ci=CI)] == [True]


@pytest.mark.parametrize(
    ("file", "old", "new", "oks"),
    [
        ("main", "needs: [ci]", "needs: []", [False, False, False]),
        ("main", "needs: [ci]", "needs: [ci]\n    if: always()", [False, False, False]),
        ("main", "needs: [ci]", "needs: [ci]\n    if: always() && needs.ci.result == 'success'", []),
        ("main", "needs: [ci]", "needs: [ci]\n    if: ${{ !failure() }}", []),
        ("main", "needs: [ci]", f"needs: [ci]\n    if: {NONE_FAILED}", []),
        ("main", "  ci:\n", "  ci:\n    if: github.actor != 'bot'\n", []),
        ("main", "quick: false", "quick: true", [False]),
        ("main", 'node: "20"', "node: 18", [False, False, False]),
        ("ci", "run: npm run test:all", "run: npm run test:all || true", [False]),
        ("ci", "  test:\n", "  test:\n    continue-on-error: true\n", [False]),
        ("ci", "  test:\n", "  test:\n    if: github.event_name == 'schedule'\n", [False]),
        ("ci", "  build:\n", "  build:\n    if: github.event_name == 'schedule'\n", [False, False, False]),
        ("ci", "on:\n  workflow_call:", "on:\n  workflow_dispatch:", [None, None, None]),
        ("ci", "quick: {type: boolean", "quick: {type: string", [False]),
        ("ci", '"!inputs.quick"', "inputs.quick == false", []),
        ("ci", '"!inputs.quick"', "${{ inputs.node != '18' }}", []),
        ("ci", '"!inputs.quick"', "inputs.node == '18'", [False]),
    ],
)
def test_what_the_caller_does_not_wait_for_does_not_count(
    platform: PaperPlatform, file: str, old: str, new: str, *, oks: list[bool | None]
) -> None:
    """A job that is skipped fails no called workflow; one that cannot be called runs nothing that is known."""
    files = {"main": MAIN, "ci": CI}
    assert old in files[file]
    files[file] = files[file].replace(old, new, 1)
    assert [ok for _, ok in bad(found(platform, RUNS, **files))] == oks


@pytest.mark.parametrize(
    ("file", "old", "new", "oks"),
    [
        ("main", "quick: false", "Quick: false", []),
        ("main", "quick: false", "QUICK: true", [False]),
        ("ci", "quick: {", "Quick: {", []),
        ("ci", '"!inputs.quick"', '"!Inputs.QUICK"', []),
        ("ci", "${{ inputs.node }}", "${{ INPUTS.Node }}", []),
        ("main", ", quick: false", "", [False]),
        ("ci", "boolean, default: true}", "boolean}", []),
        ("ci", "boolean, default: true}", "boolean, default: }", []),
        ("ci", "boolean, default: true}", "boolean, default: null, required: false}", []),
    ],
)
def test_an_input_has_the_value_that_github_gives_it(
    platform: PaperPlatform, file: str, old: str, new: str, *, oks: list[bool | None]
) -> None:
    """Names in upper and lower case are alike; one that is not given has its default, else what is empty for its type."""
    files = {"main": MAIN, "ci": CI}
    assert old in files[file]
    files[file] = files[file].replace(old, new)
    if "boolean}" in new or "default: " in new:
        files["main"] = files["main"].replace(", quick: false", "")
    assert [ok for _, ok in bad(found(platform, RUNS, **files))] == oks


@pytest.mark.parametrize(
    ("declared", "condition", "ok"),
    [
        ("type: string", "inputs.where == ''", True),
        ("type: string, default:", "inputs.where == 'none'", False),
        ("type: string", "inputs.where != ''", False),
        ("type: boolean", "inputs.where", False),
    ],
)
def test_an_input_without_a_value_is_empty(platform: PaperPlatform, declared: str, condition: str, *, ok: bool) -> None:
    """A text as well as a switch; a default without a value gives nothing."""
    ci = CI.replace("      node:", f"      where: {{{declared} }}\n      node:").replace('"!inputs.quick"', condition)
    tests = next(fact for fact in found(platform, RUNS, main=MAIN, ci=ci) if fact.subject.endswith("test:all"))
    assert tests.ok is ok


@pytest.mark.parametrize(
    ("old", "new"),
    [("quick: false", "quick: false, fast: true"), ('node: "20", ', "")],
)
def test_a_call_whose_inputs_github_refuses_is_not_decided(platform: PaperPlatform, old: str, new: str) -> None:
    """One that is not declared, or a required one that is not given: the workflow never starts."""
    facts = found(platform, RUNS, main=MAIN.replace(old, new), ci=CI)
    assert [fact.ok for fact in facts] == [None, None, None]
    assert all("what `uses: ./.github/workflows/ci.yaml` (" in fact.observed for fact in facts)


@pytest.mark.parametrize(
    ("ci", "more", "oks"),
    [
        ("if: vars.CI", "", [False, False, False]),
        ("needs: [first]", "  first: {steps: [{run: make}]}\n", [False, False, False]),
        ("with: {}", "", []),
    ],
)
def test_a_calling_job_that_may_be_skipped_has_not_failed(
    platform: PaperPlatform, ci: str, more: str, oks: list[bool]
) -> None:
    """By its own condition, or where one that it needs fails; a job in what it calls that may be skipped takes nothing from the others."""
    main = MAIN.replace('with: {node: "20", quick: false}', ci).replace(
        "needs: [ci]", f"needs: [ci]\n    if: {NONE_FAILED}"
    )
    called = CI.replace("required: true", "default: '20'").replace("default: true", "default: false")
    called += "  late: {if: vars.LATE, steps: [{run: make}]}\n"
    assert [ok for _, ok in bad(found(platform, RUNS, main=main + more, ci=called))] == oks


DEPLOYING = """
on: {workflow_call: {inputs: {target: {type: string}}}}
jobs:
  check: {runs-on: x, steps: [{run: npm run lint}]}
  roll-out:
    needs: check
    environment: ${{ inputs.target }}
    steps: [{run: helm upgrade a b, if: "inputs.target != 'nowhere'"}]
"""
STAGED = """
on: push
jobs:
  staging: {uses: ./.github/workflows/deploying.yaml, with: {target: staging}}
  e2e: {needs: staging, steps: [{run: npm run test:e2e}]}
  production: {needs: e2e, uses: ./.github/workflows/deploying.yaml, with: {target: production}}
"""


@pytest.mark.parametrize(
    ("old", "new", "oks"),
    [
        ("needs: e2e", "needs: e2e", []),
        ("needs: e2e", "needs: staging", [False]),
        ("{needs: e2e,", "{needs: e2e, if: always(),", [False]),
        ("{needs: staging,", "{needs: staging, if: '!cancelled()',", [False]),
        ("target: production", "target: elsewhere", [False]),
    ],
)
def test_one_workflow_may_be_called_for_each_environment(
    platform: PaperPlatform, old: str, new: str, oks: list[bool]
) -> None:
    """Each call is of its own inputs, and begins when the calling job does."""
    staged = STAGED.replace(old, new, 1)
    assert [ok for _, ok in bad(found(platform, ORDER, main=staged, deploying=DEPLOYING))] == oks


def test_a_call_in_a_call(platform: PaperPlatform) -> None:
    """And a condition of the called deployment itself lets nothing outside of it be passed over."""
    middle = "on: workflow_call\njobs: {all: {uses: ./.github/workflows/ci.yaml, with: {node: 20, quick: false}}}\n"
    late = "on: workflow_call\njobs: {go: {if: always(), steps: [{run: helm upgrade a b}]}}\n"
    main = """
on: push
jobs:
  ci: {uses: ./.github/workflows/middle.yaml}
  deploy: {needs: ci, uses: ./.github/workflows/late.yaml}
"""
    facts = found(platform, RUNS, main=main, middle=middle, ci=CI, late=late)
    assert (len(facts), bad(facts)) == (6, [])
    assert facts[0].subject.endswith("late.yaml:2 job deploy/go: npm ci")
    left_out = middle.replace("{all: {uses", "{all: {if: vars.TESTS, uses")
    facts = found(platform, RUNS, main=main, middle=left_out, ci=CI, late=late)
    assert [fact.ok for fact in facts] == [False, False, False]
    assert "job ci/all may be skipped" in facts[0].observed


def test_a_scan_may_be_called(platform: PaperPlatform) -> None:
    """On every push where the calling job is."""
    scan = "on: workflow_call\njobs: {scan: {steps: [{run: pip-audit}]}}\n"
    main = "on: push\njobs: {scan: {uses: ./.github/workflows/scan.yaml}}\n"
    assert [fact.ok for fact in found(platform, SCAN, main=main, scan=scan)] == [True]
    main = main.replace("{uses", "{if: github.ref == 'refs/heads/main', uses")
    [fact] = found(platform, SCAN, main=main, scan=scan)
    assert (fact.ok, fact.observed) == (False, "job scan runs only if github.ref == 'refs/heads/main'")


@pytest.mark.parametrize(
    "uses",
    [
        "example/shared/.github/workflows/ci.yaml@v1",
        "./.github/workflows/gone.yaml",
        "./.github/workflows/../../ci.yaml",
        "./ci.yaml",
        "./.github/workflows/main.yaml",
    ],
)
def test_what_is_not_a_file_of_the_repository_is_not_decided(platform: PaperPlatform, uses: str) -> None:
    """A workflow of another repository, one that is not there or not among the workflows, and the calling one itself."""
    platform.write("shop/ci.yaml", CI)
    facts = found(platform, RUNS, main=MAIN.replace("./.github/workflows/ci.yaml", uses))
    assert [fact.ok for fact in facts] == [None, None, None]
    assert all(f"what `uses: {uses.partition('@')[0]}" in fact.observed for fact in facts)


@pytest.mark.parametrize(
    ("job", "brings"),
    [
        ("{steps: [{uses: ./.github/actions/test}]}", "./.github/actions/test"),
        ("{uses: example/shared/.github/workflows/ci.yaml@v1}", "example/shared/.github/workflows/ci.yaml@v1"),
    ],
)
def test_what_a_called_workflow_calls_elsewhere_is_not_decided(platform: PaperPlatform, job: str, brings: str) -> None:
    """An action or a workflow that is not read may run what is missing."""
    main = MAIN.replace('    with: {node: "20", quick: false}\n', "")
    facts = found(platform, RUNS, main=main, ci=f"on: workflow_call\njobs: {{a: {job}}}\n")
    assert [fact.ok for fact in facts] == [None, None, None]
    assert all(f"what `uses: {brings}` (" in fact.observed for fact in facts)


@pytest.mark.parametrize(
    ("condition", "ok"),
    [
        ("always()", False),
        ("always() && needs.test.result == 'success'", True),
        ("'!cancelled() && !failure()'", True),
        (f'"{NONE_FAILED}"', True),
    ],
)
def test_conditions_of_a_called_job_are_about_the_jobs_beside_it(
    platform: PaperPlatform, condition: str, *, ok: bool
) -> None:
    """A test and a deployment in one called workflow."""
    called = f"""
on: workflow_call
jobs:
  test: {{steps: [{{run: npm run test:e2e}}, {{run: npm run build}}]}}
  deploy: {{needs: test, if: {condition}, environment: production, steps: [{{run: helm upgrade a b}}]}}
"""
    main = "on: push\njobs: {ci: {if: vars.X, uses: ./.github/workflows/called.yaml}}\n"
    facts = found(platform, RUNS, main=main, called=called)
    assert next(fact.ok for fact in facts if fact.subject.endswith("job ci/deploy: build")) is ok


def test_calls_without_end_are_refused(platform: PaperPlatform) -> None:
    """Twice as many with each file: the whole would be a million."""
    files = {
        f"n{level}": "on: workflow_call\njobs:\n"
        + "".join(f"  j{job}: {{uses: ./.github/workflows/n{level + 1}.yaml}}\n" for job in range(2))
        for level in range(20)
    }
    files["n20"] = "on: workflow_call\njobs: {a: {steps: [{run: helm upgrade a b}]}}\n"
    with pytest.raises(ConfigurationError, match="leads to more than 100 calls"):
        found(platform, RUNS, **files)


def test_a_link_out_of_the_repository_is_not_followed(platform: PaperPlatform) -> None:
    """Where one file is named and not the directory."""
    platform.write("elsewhere.yaml", CI)
    platform.write(f"{DIRECTORY}/main.yaml", MAIN)
    (platform.root / DIRECTORY / "ci.yaml").symlink_to(platform.root / "elsewhere.yaml")
    platform.name(workflows=f"repository/{DIRECTORY}/main.yaml")
    with pytest.raises(ConfigurationError, match="leads out of"):
        platform.find(RUNS)


def test_a_stage_may_be_a_call(platform: PaperPlatform) -> None:
    """With something to run in what is called, and where the call is ever made."""
    call = "{uses: ./.github/workflows/work.yaml}"
    stages = "".join(f"  {name}: {call}\n" for name in ("build", "test", "scan", "deploy", "rollback"))
    for name, command in (("work", "npm ci"), ("idle", "echo")):
        text = f"on: workflow_call\njobs: {{go: {{steps: [{{run: {command}}}]}}}}\n"
        platform.write(f".github/workflows/{name}.yaml", text)
    deploy = ".github/workflows/deploy.yaml"
    platform.write(deploy, f"on: push\njobs:\n{stages}")
    assert bad(platform.row("FI-UA-DEVOPS")) == []
    platform.edit(deploy, f"test: {call}", f"test: {call.replace('work.', 'idle.')}")
    platform.edit(deploy, "scan: {uses", "scan: {if: false, uses")
    assert {subject.rpartition(": ")[2] for subject, _ in bad(platform.row("FI-UA-DEVOPS"))} == {"test", "scan"}


def test_an_id_that_github_refuses_is_refused(platform: PaperPlatform) -> None:
    """It would read like that of a called job."""
    with pytest.raises(ConfigurationError, match="`a/b` is not the id of a job") as raised:
        found(platform, RUNS, main="on: push\njobs:\n  a/b: {steps: [{run: helm upgrade a b}]}\n")
    assert "main.yaml:3" in raised.value.where
