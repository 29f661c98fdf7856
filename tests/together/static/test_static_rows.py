"""Every row of the platform's files: good as shipped, and each spoilt file turns exactly its fact."""

from __future__ import annotations

from collections.abc import Sequence

import pytest

from harness.catalogue import load_catalogue
from harness.drivers.static.registry import ENGINES
from harness.steps import read
from readiness_sandbox.platform import render, repository
from readiness_sandbox.platform.credentials import Credentials
from readiness_sandbox.releases import load_release
from tests.together.static.conftest import ROWS, PaperPlatform, bad


def test_the_rows_say_what_their_criteria_say() -> None:
    """And every engine is asked by one of them."""
    catalogue = load_catalogue()
    for requirement, sentence in ROWS.items():
        assert catalogue.requirement(requirement).criterion.split(" (interpretation")[0] == sentence
    objectives = [read(sentence).objective for sentence in ROWS.values()]
    assert {one.check for one in objectives if one} == set(ENGINES)


def test_the_shipped_files_satisfy_every_row(platform: PaperPlatform, subtests: pytest.Subtests) -> None:
    """Each has at least one fact, all as expected, and what was read is kept."""
    for requirement in ROWS:
        with subtests.test(requirement):
            platform.kept.clear()
            facts = platform.row(requirement)
            assert facts
            assert bad(facts) == []
            assert len({one.subject for one in facts}) == len(facts)
            assert platform.kept


_SPOILT = {
    "an image reports version 18": (
        "DA-IMG-NODE20", "images/backend.json", "NODE_VERSION=20", "NODE_VERSION=18", "images/backend.json: registry",
    ),
    "chart without redis": ("DA-HELM", "charts/normaldance/templates/redis-statefulset.yaml", None, None, "redis-statefulset"),
    "chart without grafana": ("DA-HELM", "charts/normaldance/charts/grafana/Chart.yaml", None, None, "charts/grafana"),
    "no values for staging": (
        "DA-HELM-VALUES", "charts/normaldance/values-staging.yaml", None, None, "normaldance/values-staging.yaml",
    ),
    "engine set to postgres": ("DA-AWS-NAMES", "terraform/database.tf", "aurora-postgresql", "postgres", "postgresql: engine"),
    "another name of the cluster": ("DA-AWS-NAMES", "terraform/cluster.tf", '"normaldance-prod"', '"normaldance-test"', "name"),
    "build on Node.js 18": (
        "DA-CI-TEST", ".gitlab-ci.yml", "test:\n  stage: test\n", "test:\n  stage: test\n  image: node:18\n",
        "job test of deploy",
    ),
    "audit level set to critical": (
        "DA-CI-SECURITY", ".github/workflows/deploy.yaml", "level=moderate", "level=critical", "npm audit",
    ),
    "e2e after production": (
        "DA-CI-STAGED", ".gitlab-ci.yml", ("    - npm run test:e2e\n    - helm upgrade --install normaldance charts/normaldance -f "
        "charts/normaldance/values-production.yaml --kube-context production --wait\n"),
        ("    - helm upgrade --install normaldance charts/normaldance -f charts/normaldance/values-production.yaml "
        "--kube-context production --wait\n    - npm run test:e2e\n"), "test:e2e, then production",
    ),
    "undeclared key in the staging overlay": (
        "AT-STG-CONFIG", "deploy/staging/kustomization.yaml", "replicas:\n",
        ("patches:\n  - patch: |-\n      kind: Deployment\n      metadata: {name: user-service}\n      spec: {template: {spec: {containers: "
        "[{name: user-service, env: [{name: DEBUG, value: '1'}]}]}}}\nreplicas:\n"), "user-service user-service DEBUG",
    ),
    "one trigger names a missing procedure": (
        "AT-RBK-COVERAGE", "registers/rollbacks.yaml", "user report, rollback: switch-back", "user report, rollback: none",
        "trigger critical user report",
    ),
    "one procedure without a command": (
        "AT-DEL-ROLLBACK", "registers/rollbacks.yaml", "    command: helm rollback normaldance --wait\n", "", "release: command",
    ),
    "one pipeline lacks the scan stage": (
        "FI-UA-DEVOPS", "registers/components.yaml", "{name: ipfs, pipeline: deploy.yaml}", "{name: ipfs, pipeline: other.yaml}",
        "ipfs",
    ),
    "one boundary declares no data class": (
        "FI-REVIEW-STD-SECURITY", "registers/boundaries.yaml", "    data_class: notary record\n", "", "ingest to ledger: data class",
    ),
    "one boundary declares no limit": (
        "FI-REVIEW-STD-BENCHMARKS", "registers/boundaries.yaml", "    limit: 2 s\n", "", "contract to device: limit",
    ),
    "one baseline is old": (
        "FI-REVIEW-STD-BENCHMARKS", "registers/baselines/edge-to-ingest.json", '"measured": "20', '"measured": "19',
        "edge to ingest: baseline",
    ),
    "one boundary names no scenario": (
        "FI-REVIEW-PROC-TESTING", "registers/boundaries.yaml", "[The index equals the ledger]", "[]", "indexer to ledger",
    ),
    "README lists a file that is gone": (
        "IP-DOC-INDEX", "docs/integration/README.md", "## How", "| `GONE.md` | gone | gone |\n\n## How", "README.md: GONE.md",
    ),
    "one roadmap section removed": (
        "IP-DOC-ROADMAP", "docs/integration/INTEGRATION_ROADMAP.md", "## Technology Stack Evolution\n", "",
        "Technology Stack Evolution",
    ),
    "one integration without a pattern": (
        "IP-MGR-PATTERN", "registers/integrations.yaml", "pattern: event-driven", "pattern: by-hand", "apm: pattern",
    ),
    "one integration without an authentication method": (
        "IP-MGR-SECURITY", "registers/integrations.yaml", "authentication: MUTUAL_TLS", "authentication: TBD",
        "logging: authentication method",
    ),
    "one integration without a timeout": (
        "IP-MGR-ERRORS", "registers/integrations.yaml", "timeout: 5 s", "timeout: soon", "identity-provider: timeout",
    ),
    "one contract test removed": (
        "IP-MGR-TESTING", "reports/contract.xml",
        '    <testcase classname="contract.jira" name="test_contract" time="0.2"/>\n', "", "jira",
    ),
    "one contract test skipped": (
        "IP-MGR-TESTING", "reports/contract.xml", '<testcase classname="contract.cdn" name="test_contract" time="0.2"/>',
        '<testcase classname="contract.cdn" name="test_contract"><skipped/></testcase>', "cdn",
    ),
    "one contract test whose setup failed": (
        "IP-MGR-TESTING", "reports/contract.xml", '<testcase classname="contract.cdn" name="test_contract" time="0.2"/>',
        '<testcase classname="contract.cdn" name="test_contract"><error message="failed on setup with OSError"/></testcase>', "cdn",
    ),
    "one contract test that did not run": (
        "IP-MGR-TESTING", "reports/contract.xml", '<testcase classname="contract.cdn" name="test_contract" time="0.2"/>',
        '<testcase classname="contract.cdn" name="test_contract" status="notrun"/>', "cdn",
    ),
}  # fmt: skip


@pytest.mark.parametrize("what", _SPOILT)
def test_a_spoilt_file_turns_exactly_its_fact(platform: PaperPlatform, what: str) -> None:
    """The named row has one fact that is false, and no other row that reads the same files has any."""
    requirement, path, old, new, subject = _SPOILT[what]
    if old is None or new is None:
        (platform.root / path).unlink()
    else:
        platform.edit(path, old, new)

    [(found, ok)] = bad(platform.row(requirement))

    assert (subject in found, ok) == (True, False)
    place = path.partition("/")[0]
    others = [row for row in ROWS if row != requirement and place in _reads(platform, row)]
    turned = {row: bad(platform.row(row)) for row in others}
    assert {row: facts for row, facts in turned.items() if any(ok is False for _, ok in facts)} == {}


def _reads(platform: PaperPlatform, requirement: str) -> set[str]:
    """The top directories that a row reads."""
    platform.kept.clear()
    try:
        platform.row(requirement)
    finally:
        found = {path.resolve().relative_to(platform.root.resolve()).parts[0] for path in platform.kept}
    return found


_WORKLOAD = """\
kind: {kind}
metadata: {{name: {name}, namespace: {namespace}}}
spec: {{replicas: 2, template: {{spec: {{containers: [{{name: {name}, image: 'shop:1', {settings}}}]}}}}}}
"""


def overlays(platform: PaperPlatform, **environments: str) -> None:
    """The target's overlays are these manifests."""
    files = {name: platform.write(f"own/{name}/all.yaml", text).parent for name, text in environments.items()}
    platform.name(overlays={name: str(path) for name, path in files.items()})


def workload(kind: str, name: str, namespace: str, settings: str) -> str:
    """A workload of one container with these settings."""
    return _WORKLOAD.format(kind=kind, name=name, namespace=namespace, settings=settings)


def test_the_settings_of_a_rollout_are_read(platform: PaperPlatform) -> None:
    """Beside a Deployment without a fault: one that names staging, and one more replica of a Rollout that refers to the Deployment."""
    worker, url = workload("Deployment", "worker", "shop", "env: []"), "env: [{name: URL, value: 'https://%s.test'}]"
    api, canary = workload("Rollout", "api", "shop", url), "kind: Rollout\nmetadata: {name: canary, namespace: shop}\n"
    canary += "spec: {replicas: %d, workloadRef: {kind: Deployment, name: worker}}\n"
    staging = [worker, api % "staging", canary % 1]
    overlays(platform, staging="---\n".join(staging), production="---\n".join([*staging[:2], canary % 2]))
    [(subject, ok)] = bad(platform.row("AT-ENV-CONFIG"))
    assert (subject.startswith("production: "), subject.endswith("Rollout shop/api api URL"), ok) == (True, True, False)
    [(subject, ok)] = bad(platform.row("AT-STG-CONFIG"))
    assert (subject.endswith("Rollout canary  replicas"), ok) == (True, False)


def test_environments_of_a_namespace_each_are_equal(platform: PaperPlatform) -> None:
    """As overlays of kustomize are; of two namespaces in one environment each is compared with its own."""
    flow = "env: [{name: %s, value: x}]"
    both = {name: workload("Deployment", "web", f"shop-{name}", flow % "FLOW") for name in ("staging", "production")}
    overlays(platform, **both)
    facts = platform.row("AT-STG-CONFIG")
    assert (len(facts), bad(facts)) == (3, [])
    regions = [workload("Deployment", "web", name, flow % name.upper()) for name in ("east", "west")]
    overlays(platform, staging="---\n".join(regions), production="---\n".join(reversed(regions)))
    facts = platform.row("AT-STG-CONFIG")
    assert (len(facts), bad(facts)) == (6, [])


def test_environments_of_several_namespaces_are_compared_by_name(platform: PaperPlatform) -> None:
    """Two namespaces each, of other names; and one that production has beside, whose workload alone differs."""
    flow = "env: [{name: FLOW, value: %s}]"

    def both(names: Sequence[tuple[str, str]], value: str = "x") -> str:
        return "---\n".join(workload("Deployment", name, place, flow % value) for name, place in names)

    staging = [("web", "shop-staging"), ("mail", "jobs-staging")]
    overlays(platform, staging=both(staging), production=both([("web", "shop"), ("mail", "jobs")]))
    facts = platform.row("AT-STG-CONFIG")
    assert (len(facts), bad(facts)) == (6, [])
    overlays(platform, staging=both([("web", "shop")]), production=both([("web", "shop"), ("top", "monitoring")]))
    found = [subject.partition(" ")[2] for subject, _ in bad(platform.row("AT-STG-CONFIG"))]
    assert found == ["Deployment top  replicas", "Deployment top top FLOW", "Deployment top top image"]
    overlays(platform, staging=both(staging), production=both([("web", "shop"), ("mail", "jobs")], "y"))
    found = [subject.partition(" ")[2] for subject, _ in bad(platform.row("AT-STG-CONFIG"))]
    assert found == ["Deployment web web FLOW", "Deployment mail mail FLOW"]


def test_a_map_that_may_be_missing_is_missed_by_no_setting(platform: PaperPlatform) -> None:
    """`optional: true`, of a whole map and of one key; without it both have no value."""
    reference = "{name: gone, optional: %s}"
    keyed = "{name: MODE, valueFrom: {configMapKeyRef: {name: gone, key: mode, optional: %s}}}"
    settings = f"envFrom: [{{configMapRef: {reference}}}], env: [{keyed}]"
    found = {}
    for optional in ("true", "false"):
        text = workload("Deployment", "web", "shop", settings % (optional, optional))
        overlays(platform, staging=text, production=text)
        found[optional] = [subject.rpartition("web ")[2] for subject, _ in bad(platform.row("AT-ENV-CONFIG"))]
    assert found == {"true": [], "false": ["envFrom gone", "MODE", "envFrom gone", "MODE"]}


def test_a_change_without_the_readme_is_found(platform: PaperPlatform) -> None:
    """By its commit; the README itself is as it was."""
    platform.write("docs/integration/NOTES.md", "# Notes\n")
    _commit(platform, "notes")
    [(subject, ok)] = bad(platform.row("IP-DOC-README"))
    assert (subject.endswith(": notes"), ok) == (True, False)
    assert bad(platform.row("IP-DOC-DATE")) == []


def test_a_readme_that_was_changed_without_its_date_is_found(platform: PaperPlatform) -> None:
    """Before the commit it is not known, after it the date is false."""
    platform.edit("docs/integration/README.md", "## How to change it", "## How it is changed")
    assert [ok for _, ok in bad(platform.row("IP-DOC-DATE"))] == [None]
    _commit(platform, "readme")
    [(subject, ok)] = bad(platform.row("IP-DOC-DATE"))
    assert (subject.endswith("README.md:5"), ok) == (True, False)
    assert bad(platform.row("IP-DOC-README")) == []


def _commit(platform: PaperPlatform, title: str) -> None:
    from dulwich.repo import Repo

    with Repo(str(platform.root)) as repo:
        tree, config = repo.get_worktree(), repo.get_config()
        files = [
            path.relative_to(platform.root).as_posix() for path in (platform.root / "docs").rglob("*") if path.is_file()
        ]
        tree.stage(files, config=config)
        tree.commit(
            message=title.encode(), author=b"a <a@localhost>", committer=b"a <a@localhost>", sign=False, config=config
        )


@pytest.mark.parametrize("name", ["paperless", "unprobed", "old-name"])
def test_a_release_turns_exactly_its_rows(platform: PaperPlatform, name: str) -> None:
    """Its files are changes of the platform's own repository, one commit each."""
    release = load_release(name)
    repository.write(platform.root, release, render.render(release, Credentials.generate()))
    red = {row for row in ROWS if any(ok is False for _, ok in bad(platform.row(row)))}
    assert red == set(release.caught_by) & set(ROWS)
    assert not {row for row in ROWS if any(ok is None for _, ok in bad(platform.row(row)))}


def test_settings_of_a_map_that_is_in_no_file_are_not_known_to_be_equal(platform: PaperPlatform) -> None:
    """Both environments name it, and what each has in it is not known."""
    text = workload("Deployment", "web", "shop", "envFrom: [{configMapRef: {name: gone}}]")
    overlays(platform, staging=text, production=text)
    [(subject, ok)] = bad(platform.row("AT-STG-CONFIG"))
    assert (subject.endswith("envFrom gone"), ok) == (True, None)


_MOUNTS = """\
kind: Deployment
metadata: {name: web, namespace: shop}
spec:
  template:
    spec:
      volumes: [{name: v, configMap: {name: c}}]
      containers: [{name: web, image: 'shop:1', args: [--pool=%d], volumeMounts: [{name: v, mountPath: /etc/web}]}]
"""
_MAP = "---\nkind: ConfigMap\nmetadata: {name: c, namespace: shop}\ndata: {web.conf: 'timeout %d'}\n"


@pytest.mark.parametrize(
    ("pool", "timeout", "differs"), [(5, 1, []), (2, 1, ["args"]), (5, 2, ["file /etc/web/web.conf"])]
)
def test_arguments_and_mounted_files_are_settings(
    platform: PaperPlatform, pool: int, timeout: int, differs: list[str]
) -> None:
    """As environment variables are; a map that is in no file is unknown."""
    overlays(platform, staging=_MOUNTS % 5 + _MAP % 1, production=_MOUNTS % pool + _MAP % timeout)
    assert [(one.rpartition("web ")[2], ok) for one, ok in bad(platform.row("AT-STG-CONFIG"))] == [
        (name, False) for name in differs
    ]
    overlays(platform, staging=_MOUNTS % 5, production=_MOUNTS % 5)
    assert [ok for _, ok in bad(platform.row("AT-STG-CONFIG"))] == [None]
