"""Foreign files: what cannot be used says which file and line, and nothing outside the named directories is read."""

from __future__ import annotations

import json
import shutil
import sysconfig
from datetime import UTC, datetime
from pathlib import Path
from textwrap import indent

import pytest
import yaml

from harness.drivers.static.files import LARGEST, files_of
from harness.errors import ConfigurationError, HarnessError
from tests.builders.charts import needs_helm
from tests.together.static.conftest import ROWS, PaperPlatform, bad


def test_what_cannot_be_used_is_named_with_its_line(
    platform: PaperPlatform, pristine: Path, subtests: pytest.Subtests
) -> None:
    """The row is not decided, and a person knows where to look."""
    for requirement, path, text, where, what in [
        ("DA-CI-TRIGGER", ".github/workflows/deploy.yaml", "on: push\njobs: [\n", "deploy.yaml:3", "is not YAML"),
        ("DA-CI-TRIGGER", ".github/workflows/deploy.yaml", "on: push\njobs: {}\n", "deploy.yaml:2", "has no jobs"),
        ("DA-CI-TRIGGER", ".github/workflows/deploy.yaml", "jobs: {a: {steps: []}}\n", "deploy.yaml:1", "does not say when the workflow starts"),
        ("DA-CI-TRIGGER", ".github/workflows/deploy.yaml", "on: push\njobs:\n  a: {steps: x}\n", "deploy.yaml:3", "steps are not a list"),
        ("DA-CI-TRIGGER", ".gitlab-ci.yml", "variables: {A: b}\n", ".gitlab-ci.yml:1", "it has no jobs"),
        ("DA-CI-TRIGGER", ".gitlab-ci.yml", "a: {stage: x, script: [b]}\n", ".gitlab-ci.yml:1", "`x` is not among `stages`"),
        ("DA-CI-TRIGGER", "registers/pipelines.yaml", "pipelines: [{name: .gitlab-ci.yml}]\n", "pipelines.yaml:1", "has no `jobs`"),
        (
            "DA-CI-TRIGGER", "registers/pipelines.yaml", "pipelines:\n- name: .gitlab-ci.yml\n  jobs: {a: {ships: b}}\n",
            "pipelines.yaml:2", "`ships` of job a is not a part",
        ),
        (
            "DA-CI-TRIGGER", "registers/pipelines.yaml", "pipelines:\n- name: .gitlab-ci.yml\n  jobs: {a: {build: [1]}}\n",
            "pipelines.yaml:2", "`build` of job a names no step",
        ),
        (
            "DA-CI-TRIGGER", "registers/pipelines.yaml", "pipelines:\n- {name: gone.yaml, jobs: {}}\n", "pipelines.yaml:2",
            "`gone.yaml` is not among `files.workflows`",
        ),
        ("DA-AWS-DB", "terraform/database.tf", 'resource "a" "b" {\n  x =\n}\n', "database.tf:2", "is not Terraform"),
        ("DA-AWS-DB", "terraform/database.tf", 'resource "a" "b" {\n', "database.tf:2", "is not Terraform"),
        ("DA-AWS-DB", "terraform/database.tf", "", "files.terraform", "declares no `aws_rds_cluster`"),
        ("DA-IMG-NODE20", "docker/backend/Dockerfile", "FROM node:20\nRUNN x\n", "Dockerfile:2", "`RUNN` is not an instruction"),
        ("DA-IMG-NODE20", "docker/backend/Dockerfile", "# nothing\n", "Dockerfile:1", "has no FROM"),
        ("DA-IMG-NODE20", "docker/backend/Dockerfile", "FROM a\nRUN <<END\nx\n", "Dockerfile:2", "has no end"),
        ("DA-IMG-NODE20", "images/backend.json", "[{\n", "backend.json:2", "is not JSON"),
        ("DA-IMG-NODE20", "images/backend.json", "[{}]\n", "backend.json:1", "has no `Config`"),
        ("AT-RBK-COVERAGE", "registers/rollbacks.yaml", "procedures:\n  - {owner: a}\n", "rollbacks.yaml:2", "the entry has no name"),
        ("AT-RBK-COVERAGE", "registers/rollbacks.yaml", "triggers: []\n", "rollbacks.yaml:1", "has no entries under `procedures`"),
        ("AT-RBK-COVERAGE", "registers/risks.yaml", "risks:\n  - {name: a}\n  - {name: a}\n", "risks.yaml:3", "two entries are named `a`"),
        ("AT-RBK-COVERAGE", "rules/normaldance.yaml", "rules: []\n", "normaldance.yaml:1", "is not a file of Prometheus rules"),
        ("AT-RBK-COVERAGE", "rules/normaldance.yaml", "kind: VMRule\nspec: {groups: []}\n", "normaldance.yaml:1", "is an object `VMRule`, whose"),
        ("AT-RBK-COVERAGE", "rules/more.json", '{"title": "a dashboard"}\n', "more.json:1", "is not a file of Prometheus rules"),
        ("AT-STG-CONFIG", "registers/settings.yaml", "difer: []\n", "settings.yaml:1", "unknown key `difer`"),
        ("AT-STG-CONFIG", "deploy/base/api-gateway.yaml", "kind: Service\n", "api-gateway.yaml:1", "is not a Kubernetes object"),
        ("AT-STG-CONFIG", "deploy/staging/kustomization.yaml", "helmCharts: []\n", "kustomization.yaml:1", "`helmCharts` is not understood"),
        ("AT-STG-CONFIG", "deploy/staging/kustomization.yaml", "resources: [../../..]\n", "kustomization.yaml:1", "leads out of"),
        ("AT-STG-CONFIG", "deploy/staging/kustomization.yaml", "resources: [a.yaml]\n", "kustomization.yaml:1", "there is no `a.yaml`"),
        ("AT-STG-CONFIG", "deploy/staging/kustomization.yaml", "resources: [../staging]\n", "kustomization.yaml", "refers to itself"),
        ("AT-STG-CONFIG", "deploy/staging/kustomization.yaml", "namespace: a\n", "deploy/staging", "declares no workload"),
        ("FI-REVIEW-STD-BENCHMARKS", "registers/baselines/edge-to-ingest.json", "{\n", "edge-to-ingest.json:2", "is not JSON"),
        ("FI-REVIEW-PROC-TESTING", "scenarios/cross-feature.feature", "Feature: a\n", "files.scenarios", "there is no scenario"),
        ("FI-REVIEW-PROC-TESTING", "scenarios/more.feature", "Feature: a\n  Scenario: b\n    Given b\n    So c\n", "more.feature:", "is not Gherkin"),
        ("FI-REVIEW-PROC-TESTING", "scenarios/more.feature", "# language: xx\nFeature: a\n", "more.feature:1", "is not Gherkin"),
        ("IP-MGR-TESTING", "reports/contract.xml", "<testsuites><testsuite>\n", "contract.xml", "cut short"),
        (
            "IP-MGR-TESTING", "reports/contract.xml", '<!DOCTYPE a [<!ENTITY b "c">]>\n<testsuites>&b;</testsuites>',
            "contract.xml", "has a document type",
        ),
        (
            "IP-MGR-TESTING", "reports/contract.xml", '<testsuite><testcase name="test_contract" executed="False"/></testsuite>',
            "contract.xml", "unknown attribute `executed=False`",
        ),
        ("DA-HELM-VALUES", "charts/normaldance/values-staging.yaml", "a: [\n", "values-staging.yaml:2", "is not YAML"),
    ]:  # fmt: skip
        with subtests.test(requirement=requirement, path=path, text=text):
            shutil.rmtree(platform.root)
            shutil.copytree(pristine, platform.root)
            platform.write(path, text)
            with pytest.raises(HarnessError) as raised:
                platform.row(requirement)
            assert where in raised.value.where
            assert what in raised.value.what


def test_nothing_to_read_is_never_a_pass(platform: PaperPlatform, subtests: pytest.Subtests) -> None:
    """A directory without the files that a row reads is an error with the key of the target file."""
    named = platform.target.read_text()
    for requirement, key, value, what in [
        ("DA-CI-TRIGGER", "workflows", "nowhere", "there is no file or directory `nowhere`"),
        ("DA-CI-TRIGGER", "workflows", "repository/*.txt", "there is no file or directory"),
        ("DA-CI-TRIGGER", "workflows", "repository/docs", "there is no workflow"),
        ("DA-CI-TRIGGER", "workflows", "repository/.github/workflows/scan.yaml", "is not among `files.workflows`"),
        ("DA-AWS-DB", "terraform", "repository/docs", "declares no resource"),
        ("DA-IMG-NODE20", "dockerfiles", "repository/docker/ipfs", "no Dockerfile of a Node.js service"),
        ("AT-DEL-ROLLBACK", "registers", "repository/docs", "there is no register `rollbacks.yaml`"),
        ("IP-DOC-INDEX", "documents", "repository/terraform", "has no README.md"),
        ("IP-DOC-INDEX", "documents", ["repository/docs", "repository/rules"], "is not one directory"),
        ("DA-HELM", "chart", "repository/rules/normaldance.yaml", "is not one directory"),
        ("AT-STG-CONFIG", "overlays", {"staging": "repository/deploy/staging"}, "names no overlay of production"),
        ("AT-ENV-CONFIG", "overlays", {}, "names no overlay"),
    ]:
        with subtests.test(requirement=requirement, value=value):
            platform.target.write_text(named)
            platform.name(**{key: value})
            with pytest.raises(ConfigurationError) as raised:
                platform.row(requirement)
            assert what in raised.value.what
            assert raised.value.hint or key in raised.value.where


def test_a_glob_names_several_files(platform: PaperPlatform) -> None:
    """From where the target file is."""
    platform.name(workflows=["repository/.github/workflows/*.yaml", "repository/.gitlab-ci.yml"])
    assert bad(platform.row("DA-CI-TRIGGER")) == []


def test_every_file_of_a_glob_is_a_report_of_contract_tests(platform: PaperPlatform) -> None:
    """As Maven writes a file a class; where there is none, nothing is known of what ran."""
    content = yaml.safe_load(platform.target.read_text())
    content["evidence"]["junit"]["contract"] = "repository/reports/contract*.xml"
    platform.target.write_text(yaml.safe_dump(content))
    assert bad(platform.row("IP-MGR-TESTING")) == []
    (platform.root / "reports" / "contract.xml").unlink()
    with pytest.raises(ConfigurationError, match="there is no file or directory") as raised:
        platform.row("IP-MGR-TESTING")
    assert raised.value.where.endswith("evidence.junit.contract")


RULES = """
groups:
  - name: a
    rules:
      - {alert: Slow, expr: up, labels: {action: rollback}, annotations: {rollback: nothing}}
      - {alert: Odd, expr: up, labels: [a], annotations: b}
      - {record: a:b, expr: up}
  - {name: none}
---
"""
OPERATOR = f"apiVersion: monitoring.coreos.com/v1\nkind: PrometheusRule\nmetadata: {{name: a}}\nspec:\n{indent(RULES[1:-4], '  ')}"


@pytest.mark.parametrize(("text", "line"), [(RULES, 5), (OPERATOR, 8)], ids=["file", "object"])
def test_alerts_of_prometheus_and_of_its_operator(platform: PaperPlatform, text: str, line: int) -> None:
    """An empty document after the rules is nothing."""
    platform.write("rules/more.yaml", text)
    assert bad(platform.row("AT-RBK-COVERAGE")) == [(f"repository/rules/more.yaml:{line} alert Slow", False)]


@pytest.mark.parametrize(
    ("name", "text", "found"),
    [
        ("a.yml", "labels: {action: rollback}, rules: [{alert: A}]", [("repository/rules/a.yml:1 alert A", False)]),
        ("a.yml", "labels: {action: rollback}, rules: [{alert: A, labels: {action: page}}]", []),
        ("a.rules", "rules: [{alert: A, labels: {action: rollback}}]", [("repository/rules/a.rules:1 alert A", False)]),
        (
            "a.json",
            '"rules": [{"alert": "A", "labels": {"action": "rollback"}}]',
            [("repository/rules/a.json:1 alert A", False)],
        ),
        ("a.jsonnet", "rules: []", [("repository/rules/a.jsonnet", None)]),
        ("README.md", "rules: []", []),
    ],
)
def test_every_file_of_rules_is_read_or_named(
    platform: PaperPlatform, name: str, text: str, found: list[tuple[str, bool | None]]
) -> None:
    """Whatever its ending; a label of a group is one of its rules, which may have another value."""
    platform.write(f"rules/{name}", f'{{"groups": [{{"name": "g", {text}}}]}}\n')
    assert bad(platform.row("AT-RBK-COVERAGE")) == found


@pytest.mark.parametrize(
    ("text", "ok"),
    [
        ("Feature: a\n  Scenario: Found\n    Given b\n", True),
        (
            "Feature: a\n  Rule: b\n    Scenario Outline: Found\n      Given <c>\n      Examples:\n        | c |\n        | d |\n",
            True,
        ),
        ("# language: de\nFunktionalität: a\n  Szenario: Found\n    Angenommen b\n", True),
        ('Feature: a\n  Scenario: b\n    Given c\n      """\n      Scenario: Found\n      """\n', False),
        ("Feature: a\n  # Scenario: Found\n", False),
    ],
)
def test_a_scenario_is_what_gherkin_says_it_is(platform: PaperPlatform, text: str, *, ok: bool) -> None:
    """In any of its languages and below a Rule; a line of a text or of a comment is none."""
    platform.write("scenarios/more.feature", text)
    platform.edit("registers/boundaries.yaml", "boundaries:\n", "boundaries:\n  - {name: more, scenarios: [Found]}\n")
    assert [one for subject, one in bad(platform.row("FI-REVIEW-PROC-TESTING"))] == ([] if ok else [False])


def test_a_number_in_a_form_that_is_not_understood_is_unknown(
    platform: PaperPlatform, pristine: Path, subtests: pytest.Subtests
) -> None:
    """And its form is named; what has no number, or one that cannot be, is wrong."""
    for row, file, old, new, ok in [
        ("AT-DEL-ROLLBACK", "rollbacks", "time_limit: 5 min", "time_limit: 5min", True),
        *(
            ("AT-DEL-ROLLBACK", "rollbacks", "time_limit: 5 min", f"time_limit: {form}", None)
            for form in ("5m", "5 minutes", "PT5M", "1h30m", "'00:05:00'", "300", "'300'")
        ),
        *(
            ("AT-DEL-ROLLBACK", "rollbacks", "time_limit: 5 min", f"time_limit: {form}", False)
            for form in ("soon", "0 min", "-5 min", "5 %", "true", "[]")
        ),
        ("IP-MGR-ERRORS", "integrations", "retries: 3", "retries: '3'", None),
        ("IP-MGR-ERRORS", "integrations", "retries: 3", "retries: 3.5", None),
        ("IP-MGR-ERRORS", "integrations", "retries: 3", "retries: -1", False),
        ("IP-MGR-ERRORS", "integrations", "retries: 3", "retries: some", False),
        ("FI-REVIEW-STD-BENCHMARKS", "boundaries", "limit: 200 ms", "limit: PT1S", None),
        ("FI-REVIEW-STD-BENCHMARKS", "boundaries", "limit: 200 ms", "limit: 200", None),
        ("FI-REVIEW-STD-BENCHMARKS", "boundaries", "limit: 200 ms", "limit: 0 ms", False),
    ]:
        with subtests.test(row=row, old=old, new=new):
            shutil.copytree(pristine / "registers", platform.root / "registers", dirs_exist_ok=True)
            platform.edit(f"registers/{file}.yaml", old, new)
            found = [fact for fact in platform.row(row) if fact.ok is not True]
            assert [fact.ok for fact in found] == ([] if ok else [ok])
            assert all("; hint: write it like `" in fact.observed for fact in found if fact.ok is None)


@pytest.mark.parametrize("groups", ["5", "[{rules: 5}]", "[{rules: {a: b}}]", "[{rules: [a]}]", "{a: b}", "null"])
def test_rules_of_another_shape_cost_the_row(platform: PaperPlatform, groups: str) -> None:
    """And not the run."""
    platform.write("rules/more.yaml", f"groups: {groups}\n")
    with pytest.raises(ConfigurationError) as raised:
        platform.row("AT-RBK-COVERAGE")
    assert "more.yaml:1" in raised.value.where


@pytest.mark.parametrize(
    ("place", "value"),
    [
        (("Config", "Cmd"), 5),
        (("Config", "Entrypoint"), True),
        (("Config", "Env"), 1.5),
        (("RepoTags",), 5),
    ],
)
def test_an_image_of_another_shape_ends_no_run(platform: PaperPlatform, place: tuple[str, ...], value: object) -> None:
    """What is not a list of texts has none."""
    path = platform.root / "images" / "backend.json"
    content = json.loads(path.read_text())
    *behind, last = place
    part = content[0]
    for key in behind:
        part = part[key]
    part[last] = value
    path.write_text(json.dumps(content))
    assert False not in {ok for _, ok in bad(platform.row("DA-IMG-NODE20"))}


def test_an_object_of_another_shape_ends_no_run(platform: PaperPlatform) -> None:
    """A kind that is a list is refused, and a key that is one is a key that the ConfigMap does not have."""
    path = platform.root / "deploy" / "base" / "api-gateway.yaml"
    text = path.read_text()
    objects = list(yaml.safe_load_all(text))
    [workload] = [one for one in objects if one["kind"] == "Deployment"]
    rows = workload["spec"]["template"]["spec"]["containers"][0]["env"]
    reference = next(
        row["valueFrom"]["configMapKeyRef"] for row in rows if "configMapKeyRef" in row.get("valueFrom", {})
    )
    reference["key"] = ["a"]
    path.write_text(yaml.safe_dump_all(objects))
    assert {ok for _, ok in bad(platform.row("AT-ENV-CONFIG"))} == {False}
    workload["kind"] = [["a"]]
    path.write_text(yaml.safe_dump_all(objects))
    with pytest.raises(ConfigurationError, match="is not a Kubernetes object"):
        platform.row("AT-ENV-CONFIG")


def test_a_baseline_of_no_time_is_unknown(platform: PaperPlatform) -> None:
    """A thirteenth month is none."""
    platform.write("registers/baselines/edge-to-ingest.json", '{"run_id": "20261399T999999Z"}')
    [(subject, ok)] = bad(platform.row("FI-REVIEW-STD-BENCHMARKS"))
    assert (subject.endswith("edge to ingest: baseline"), ok) == (True, None)


def test_a_link_out_of_the_directory_is_refused(platform: PaperPlatform, tmp_path: Path) -> None:
    """Whatever it leads to; a link inside is followed."""
    (tmp_path / "secret.yaml").write_text("on: push\n")
    link = platform.root / ".github" / "workflows" / "more.yaml"
    link.symlink_to("deploy.yaml")
    assert {ok for _, ok in bad(platform.row("DA-CI-TRIGGER"))} == {None}  # its jobs are in no register
    link.unlink()
    link.symlink_to(tmp_path / "secret.yaml")
    with pytest.raises(ConfigurationError, match="a link that leads out of its directory") as raised:
        platform.row("DA-CI-TRIGGER")
    assert "workflows/more.yaml" in raised.value.where


def test_a_linked_directory_is_refused(platform: PaperPlatform, tmp_path: Path) -> None:
    """It could be the whole machine."""
    (tmp_path / "elsewhere").mkdir()
    (platform.root / "terraform" / "modules").symlink_to(tmp_path / "elsewhere")
    with pytest.raises(ConfigurationError, match="a link that leads out"):
        platform.row("DA-AWS-DB")


def test_a_baseline_outside_the_registers_is_refused(platform: PaperPlatform) -> None:
    """A register names what is beside it."""
    platform.edit("registers/boundaries.yaml", "baselines/device-to-edge.json", "../../target.yaml")
    with pytest.raises(ConfigurationError, match="leads out of"):
        platform.row("FI-REVIEW-STD-BENCHMARKS")


@pytest.mark.parametrize(
    ("requirement", "path"),
    [
        ("DA-CI-TRIGGER", ".github/workflows/deploy.yaml"),
        ("DA-AWS-DB", "terraform/database.tf"),
        ("DA-IMG-NODE20", "docker/backend/Dockerfile"),
        ("IP-DOC-INDEX", "docs/integration/README.md"),
        ("AT-DEL-ROLLBACK", "registers/rollbacks.yaml"),
    ],
)
def test_a_huge_file_is_refused_and_not_read_whole(platform: PaperPlatform, requirement: str, path: str) -> None:
    """A sparse file of 1 GiB costs no memory."""
    with (platform.root / path).open("r+b") as file:
        file.truncate(1 << 30)
    with pytest.raises(ConfigurationError, match=f"is larger than {LARGEST} bytes"):
        platform.row(requirement)


def test_too_many_files_are_refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The directory above was named, not that of the files."""
    monkeypatch.setattr("harness.drivers.static.files.MOST_FILES", 3)
    for number in range(4):
        (tmp_path / f"{number}.yaml").touch()
    with pytest.raises(ConfigurationError, match="contains more than 3 files"):
        list(files_of([tmp_path], lambda _: True))


def test_what_others_made_is_not_searched(tmp_path: Path) -> None:
    """Modules, caches and the repository's own data."""
    for name in (".git", "node_modules", ".terraform"):
        (tmp_path / name).mkdir()
        (tmp_path / name / "a.yaml").touch()
    (tmp_path / "b.yaml").touch()
    assert [path.name for path in files_of([tmp_path], lambda _: True)] == ["b.yaml"]


def test_a_file_that_is_not_text_is_refused(platform: PaperPlatform) -> None:
    """UTF-16, as some editors save it."""
    (platform.root / "docs/integration/README.md").write_bytes("# a".encode("utf-16"))
    with pytest.raises(ConfigurationError, match="is not UTF-8 text"):
        platform.row("IP-DOC-INDEX")


def test_a_baseline_that_is_still_to_come_is_unknown(platform: PaperPlatform) -> None:
    """The clock that measured it was wrong, or this one is."""
    facts = platform.find(ROWS["FI-REVIEW-STD-BENCHMARKS"], today=datetime(2020, 1, 1, tzinfo=UTC))
    assert {ok for _, ok in bad(facts)} == {None}
    assert len(bad(facts)) == 12


def test_without_helm_the_rendering_is_unknown_and_the_parts_are_known(
    platform: PaperPlatform, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Neither on PATH nor beside Python: the row is not decided; a missing template would still turn it."""
    monkeypatch.setenv("PATH", "/nowhere")
    monkeypatch.setattr(sysconfig, "get_path", lambda _name: "/nowhere")
    assert [ok for _, ok in bad(platform.row("DA-HELM"))] == [None]
    assert [ok for _, ok in bad(platform.row("DA-HELM-VALUES"))] == [None, None]


TOO_OLD = "Error: chart requires kubeVersion: >=1.28.0-0 which is incompatible with Kubernetes v1.20.0"
NEWER = "hint: install a release of Helm that renders for the version that the chart is for"


@pytest.mark.parametrize(
    ("script", "seen", "ok"),
    [
        ("echo 'Error: nil pointer' >&2; exit 1", "Error: nil pointer", False),
        ("exit 3", "helm ended with 3", False),
        ("echo 'a: [b'", "not YAML: while parsing a flow sequence", False),
        ("true", "no objects", False),
        ("head -c 9000000 /dev/zero", "more than 8388608 bytes", None),
        (
            f"echo 'WARNING: the chart has a symbolic link' >&2; echo '{TOO_OLD}' >&2; exit 1",
            f"{TOO_OLD}; {NEWER}",
            None,
        ),
    ],
)
def test_what_helm_says_is_the_fact(
    platform: PaperPlatform, tmp_path: Path, script: str, seen: str, *, ok: bool | None
) -> None:
    """Its first line, or what is wrong with what it printed; of a chart for newer clusters than it renders for nothing is known."""
    (tmp_path / "bin" / "helm").write_text(f"#!/bin/sh\n{script}\n")
    fact = platform.row("DA-HELM")[-1]
    assert (fact.observed, fact.ok) == (seen, ok)


def test_helm_is_given_nothing_of_this_machine(
    platform: PaperPlatform, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Neither a cluster, nor credentials, nor its plugins."""
    monkeypatch.setenv("KUBECONFIG", "/home/somebody/.kube/config")
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", "x")
    (tmp_path / "bin" / "helm").write_text(f"#!/bin/sh\nenv > {tmp_path}/env; printf 'kind: A\\n'\n")
    assert platform.row("DA-HELM")[-1].ok
    names = {line.partition("=")[0] for line in (tmp_path / "env").read_text().splitlines()} - {
        "PWD",
        "SHLVL",
        "_",
        "OLDPWD",
    }
    assert names == {"HELM_CACHE_HOME", "HELM_CONFIG_HOME", "HELM_DATA_HOME", "HOME", "KUBECONFIG", "PATH"}
    assert "somebody" not in (tmp_path / "env").read_text()


@needs_helm
def test_the_chart_of_the_platform_renders_without_a_helm_on_path(
    platform: PaperPlatform, monkeypatch: pytest.MonkeyPatch
) -> None:
    """By the real one that is installed beside Python; with its own values, and with those of staging and production."""
    monkeypatch.setenv("PATH", str(platform.root))
    assert bad(platform.row("DA-HELM")) == []
    assert bad(platform.row("DA-HELM-VALUES")) == []
