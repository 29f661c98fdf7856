"""A project's own noun, as docs/extending.md writes it: listed, planned and decided, against a real API server."""

from __future__ import annotations

import re
from dataclasses import replace
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

import pytest

from harness.drivers.check.state.form import claims_of_nouns
from harness.drivers.check.state.nouns import load_nouns
from harness.drivers.facts import FactReading, settled
from harness.errors import AccessDenied, DriverError
from harness.judgement import judge
from harness.model import Check, Claim, Outcome
from harness.steps.grammar import demands_of, read
from harness.steps.templates import template_of
from harness.targets.kubernetes import Cluster
from readiness_sandbox.cluster import deletion, kinds
from tests.builders.core_plan import core_plan
from tests.builders.core_run import core_evidence
from tests.builders.preloaded import command
from tests.builders.scenarios import scenario
from tests.together.objects import stored

if TYPE_CHECKING:
    from harness.targets import Target
    from tests.together.conftest import PocketCluster

ROOT: Final = Path(__file__).parents[3]
_PAGE: Final = (
    (ROOT / "docs" / "extending.md")
    .read_text(encoding="utf-8")
    .partition("### Of the Kubernetes API\n")[2]
    .partition("\n## ")[0]
)
NOUN, SCENARIO = (re.findall(rf"```{kind}\n(.*?)```", _PAGE, re.DOTALL)[0] for kind in ("yaml", "gherkin"))
TABLE: Final = '[tool.harness]\nclaims = ["claims"]\n'
SENTENCE: Final = re.findall(r"Then (.*)", SCENARIO)[0]
ROWS: Final = f"""\
profile: shop
title: A shop
sections:
  - source: "contract: Releases"
    requirements:
      - id: SHOP-HISTORY
        title: rollback
        criterion: {SENTENCE}
        kinds: [C]
        gate: critical
        falsified_by: a Deployment keeps no old ReplicaSet
"""


def deployment(name: str, namespace: str, **spec: Any) -> dict[str, Any]:
    """A deployment with these fields."""
    labels = {"app": name, "tier": name}
    template = {"metadata": {"labels": labels}, "spec": {"containers": [{"name": "main", "image": "shop/web:1.0.0"}]}}
    fields = {"replicas": 1, "selector": {"matchLabels": labels}, "template": template, **spec}
    return {"metadata": {"name": name, "namespace": namespace, "labels": labels}, "spec": fields}


@pytest.fixture
def project(tmp_path: Path, target: Target) -> Path:
    """A project with the files of the page, a row and the target."""
    assert target.name == "pocket"
    files = {
        "pyproject.toml": f'{TABLE}target = "target.yaml"\nprofiles = ["shop"]\ncatalogue = ["catalogue"]\nfeatures = ["features"]\n',
        re.findall("# (.*)", NOUN)[0]: NOUN,
        "catalogue/shop.yaml": ROWS,
        "features/shop/releases.feature": f"Feature: Releases\n\n{SCENARIO}",
    }
    for name, text in files.items():
        (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / name).write_text(text, encoding="utf-8")
    return tmp_path


def readiness(project: Path, *words: str) -> tuple[int, str]:
    """The exit code of a command in the project, and what it said."""
    ended = command("harness", *words, cwd=project)
    return ended.returncode, ended.stdout + ended.stderr


def test_a_noun_of_ten_lines_is_listed_and_planned(project: Path) -> None:
    """`steps` has its sentence and field, `plan` its check and the Role that it needs."""
    assert len([line for line in NOUN.splitlines() if not line.startswith("#")]) <= 10
    code, said = readiness(project, "steps", "revision history")
    assert (code, "Then  <things> has <has>[ in the steady state]" in said) == (0, True), said
    assert ", every Deployment" in said
    assert "conditions on fields of `Deployment` (revision history limit: old ReplicaSets" in said
    code, said = readiness(project, "plan", "--json")
    assert code == 0, said
    assert "state-of-deployment" in said
    assert "- ingresses" not in readiness(project, "plan", "--roles")[1]
    text = NOUN.replace("apps/v1 Deployment", "networking.k8s.io/v1 Ingress")
    (project / "claims/deployments.yaml").write_text(text, encoding="utf-8")
    code, said = readiness(project, "plan", "--roles")
    assert (code, "- ingresses" in said) == (0, True), said
    assert "has no key `kubernetes`" not in said


def test_roles_of_a_target_without_a_cluster_say_why_there_are_none(project: Path) -> None:
    """A list without an entry would leave whoever reads it to guess."""
    file = project / "target.yaml"
    lines = file.read_text(encoding="utf-8").splitlines(keepends=True)
    file.write_text("".join(line for line in lines if not line.startswith("kubernetes:")), encoding="utf-8")
    code, said = readiness(project, "plan", "--roles")
    assert code == 0, said
    assert "# the target file has no key `kubernetes`: a run needs no permissions in a cluster" in said
    assert "items: []" in said


def test_a_noun_that_cannot_be_used_stops_a_plan(project: Path) -> None:
    """With file and line; exit code 4."""
    file = project / "claims/deployments.yaml"
    file.write_text(NOUN.replace("    path: .spec.revisionHistoryLimit\n", ""), encoding="utf-8")
    line = next(number for number, text in enumerate(NOUN.splitlines(), 1) if "name: revision" in text)
    code, said = readiness(project, "plan")
    assert code == 4, said
    assert f"{file}:{line}: fields[0]: expected one reading of `revision history limit`" in said


def read_facts(paths: Path, target: Target, sentence: str) -> tuple[FactReading, ...]:
    """What the check of a sentence on the last thing of a file reads."""
    [claim] = claims_of_nouns(load_nouns([paths])[-1:])
    objective = read(sentence, templates=[template_of(claim)]).objective
    assert objective is not None
    assert claim.made is not None
    with claim.made.placed(target, objective.params) as probe:
        return tuple(probe())


def decided(paths: Path, target: Target) -> Outcome:
    """The verdict of the page's sentence on what the check reads now."""
    [claim] = claims_of_nouns(load_nouns([paths])[-1:])
    objective = read(SENTENCE, templates=[template_of(claim)]).objective
    assert objective is not None
    assert claim.made is not None
    (demand,) = demands_of(objective)
    with claim.made.placed(target, demand.params) as probe:
        facts = settled(probe)
    [row, *_] = core_plan().requirements
    made = Claim(scenario=scenario(row.id), requirement=row.id, objectives=(objective,), demands=(demand.key,))
    asked = {**core_plan().demand, demand.key: demand}
    known = replace(core_plan(), claims=(made,), requirements=(row,), demand=asked)
    recorded = replace(core_evidence(), checks={demand.key: Check(demand=demand.key, facts=facts)})
    (verdict,) = judge(known, recorded).verdicts
    return verdict.outcome


def test_it_is_decided_by_what_every_deployment_states(project: Path, cluster: PocketCluster, target: Target) -> None:
    """Three are enough, one is not, and neither is none at all; of a region without a Deployment nothing is known."""
    claims = project / "claims"
    assert decided(claims, target) is Outcome.INCONCLUSIVE
    cluster.create("Deployment", deployment("web", "north", revisionHistoryLimit=3))
    assert decided(claims, target) is Outcome.INCONCLUSIVE
    assert [(one.subject, one.ok, one.observed) for one in read_facts(claims, target, SENTENCE)][1:] == [
        ("south/Deployment", None, "none")
    ]
    cluster.create("Deployment", deployment("web", "south", revisionHistoryLimit=3))
    assert decided(claims, target) is Outcome.PASS
    cluster.create("Deployment", deployment("till", "south", revisionHistoryLimit=1))
    cluster.create("Deployment", deployment("belt", "south"))
    facts = {one.subject: (one.ok, one.observed) for one in read_facts(claims, target, SENTENCE)}
    assert facts == {
        "north/Deployment/web: revision history limit": (True, "3"),
        "south/Deployment/belt: revision history limit": (False, "not stated"),
        "south/Deployment/till: revision history limit": (False, "1"),
        "south/Deployment/web: revision history limit": (True, "3"),
    }
    assert decided(claims, target) is Outcome.FAIL


def test_labels_select_objects_and_every_value_of_a_list_counts(
    tmp_path: Path, cluster: PocketCluster, target: Target
) -> None:
    """The other Deployment is none of them; one of two containers has no policy."""
    noun = NOUN.replace("v1 Deployment", "v1 Deployment\n    selector: {tier: web}").replace(
        ".spec.revisionHistoryLimit\n    value: number", ".spec.template.spec.containers[*].imagePullPolicy"
    )
    file = tmp_path / "nouns.yaml"
    file.write_text(noun.replace("at least 3", "equal to Always"), encoding="utf-8")
    sentence = "every Deployment has revision history limit equal to Always"
    always, never = ({"name": name, "image": "x:1", "imagePullPolicy": name} for name in ("Always", "Never"))
    for name, containers in (("web", [always]), ("till", [never])):
        body = deployment(name, "north")
        body["spec"]["template"]["spec"]["containers"] = [{**one, "name": one["name"].lower()} for one in containers]
        cluster.create("Deployment", body)
    subject = "north/Deployment/web: revision history limit"
    assert [(one.subject, one.ok, one.observed) for one in read_facts(file, target, sentence)] == [
        (subject, True, "Always"),
        ("south/Deployment", None, "none with tier=web"),
    ]
    body = deployment("web", "south")
    body["spec"]["template"]["spec"]["containers"] = [{**always, "name": "a"}, {**never, "name": "b"}]
    cluster.create("Deployment", body)
    assert [(one.ok, one.observed) for one in read_facts(file, target, sentence)][1:] == [(False, "Always, Never")]


def test_a_sentence_of_a_noun_may_name_an_object_and_a_region(
    tmp_path: Path, cluster: PocketCluster, target: Target
) -> None:
    """Nothing else is read; an object that is not there fails."""
    own = """v1 Deployment
    sentences:
      - text: Deployment "<name>" of region <region> has <has:conditions>
        example: Deployment "web" of region north has revision history limit at least 3"""
    file = tmp_path / "nouns.yaml"
    file.write_text(NOUN.replace("v1 Deployment", own), encoding="utf-8")
    for name, namespace, limit in (("web", "north", 3), ("web", "south", 1), ("till", "north", 1)):
        cluster.create("Deployment", deployment(name, namespace, revisionHistoryLimit=limit))
    has = "has revision history limit at least 3"
    found = {
        place: [(one.subject, one.ok) for one in read_facts(file, target, f"Deployment {place} {has}")]
        for place in ('"web" of region north', '"belt" of region north')
    }
    assert found == {
        '"web" of region north': [("north/Deployment/web: revision history limit", True)],
        '"belt" of region north': [("north/Deployment/belt", False)],
    }


@pytest.mark.parametrize(("kind", "subjects"), [("v1 Namespace", {"north", "south"}), ("v1 ConfigMap", set())])
def test_objects_of_the_core_group_are_read(
    tmp_path: Path, cluster: PocketCluster, target: Target, kind: str, subjects: set[str]
) -> None:
    """Those in no namespace by cluster, others in the namespaces of the target."""
    cluster.create("ConfigMap", stored("a"))
    scope = "\n    scope: cluster" if subjects else ""
    noun = NOUN.replace("apps/v1 Deployment", f"{kind}{scope}").replace(".spec.revisionHistoryLimit", ".metadata.uid")
    file = tmp_path / "nouns.yaml"
    file.write_text(noun, encoding="utf-8")
    found = read_facts(file, target, "every Deployment has revision history limit stated")
    assert subjects <= {one.subject.partition(": revision")[0].rpartition("/")[2] for one in found}
    assert {one.ok for one in found if subjects or one.subject.startswith("north")} == {True}
    if not subjects:
        assert [one.subject for one in found] == ["north/ConfigMap/a: revision history limit", "south/ConfigMap"]


@pytest.mark.parametrize(
    ("kind", "said"),
    [
        ("cert.test/v1 Certificate", "does not serve Certificate of cert.test/v1"),
        ("apps/v1beta1 Deployment", "does not serve Deployment of apps/v1beta1"),
        ("v1 Gadget", "does not serve Gadget of v1"),
        ("v1 Node", "objects of Node are in no namespace"),
        ("apps/v1 Deployment\n    scope: cluster", "objects of Deployment are in namespaces"),
    ],
)
def test_a_kind_that_the_api_server_does_not_serve_so_is_named(
    tmp_path: Path, target: Target, kind: str, said: str
) -> None:
    """It decides nothing."""
    file = tmp_path / "nouns.yaml"
    file.write_text(NOUN.replace("apps/v1 Deployment", kind), encoding="utf-8")
    with pytest.raises(DriverError, match=re.escape(said)):
        read_facts(file, target, "every Deployment has revision history limit stated")


def test_objects_that_may_not_be_read_are_named(project: Path, target: Target, monkeypatch: pytest.MonkeyPatch) -> None:
    """In one region too: what the other has decides nothing."""
    whole = Cluster.objects

    def objects(self: Cluster, version: str, kind: str, namespace: str = "") -> Any:
        if namespace == "south":
            raise AccessDenied("the API server answered 403")
        return whole(self, version, kind, namespace)

    monkeypatch.setattr(Cluster, "objects", objects)
    with pytest.raises(AccessDenied, match="403"):
        read_facts(project / "claims", target, SENTENCE)


def test_an_object_that_is_being_deleted_proves_nothing(project: Path, cluster: PocketCluster, target: Target) -> None:
    """One that a finalizer holds and that does not meet the condition is named; one that does is as one that is gone."""
    for name, limit in (("good", 3), ("bad", 1)):
        body = deployment(name, "north", revisionHistoryLimit=limit)
        body["metadata"]["finalizers"] = ["shop.test/hold"]
        created = cluster.create("Deployment", body)
        cluster.do(partial(deletion.begin, kind=kinds.by_name("Deployment"), obj=created))
    cluster.create("Deployment", deployment("web", "south", revisionHistoryLimit=3))
    assert [(one.subject, one.ok, one.observed) for one in read_facts(project / "claims", target, SENTENCE)] == [
        ("north/Deployment/bad: revision history limit", None, "1, and it is being deleted"),
        ("south/Deployment/web: revision history limit", True, "3"),
        ("north/Deployment", None, "none"),
    ]


def test_what_cannot_be_compared_is_not_known(
    tmp_path: Path, cluster: PocketCluster, target: Target, subtests: pytest.Subtests
) -> None:
    """A share and a number of pods, and a path that ends too early."""
    most = ".spec.strategy.rollingUpdate.maxUnavailable"
    cases: list[tuple[dict[str, Any], str, str, str, tuple[bool | None, str]]] = [
        ({"maxUnavailable": "25%"}, most, "share", "at most 25 %", (True, "25%")),
        ({"maxUnavailable": 1}, most, "share", "at most 25 %", (None, "`1` is not a share like `25%`")),
        ({"maxUnavailable": "25%"}, most, "number", "other than 0", (None, "`25%` is not a number")),
        ({}, ".spec.strategy", "text", "other than Recreate", (None, "it is an object, and no value")),
        ({}, ".spec.template.spec.containers", "text", "other than a", (None, "it is a list, and no value")),
        ({}, ".metadata.labels['app']", "text", "equal to web", (True, "web")),
        ({}, ".spec.template.spec.volumes[*].name", "text", "stated", (False, "not stated")),
    ]
    for stated, path, value, condition, (ok, observed) in cases:
        with subtests.test(stated=stated, path=path, value=value):
            file = tmp_path / "nouns.yaml"
            text = NOUN.replace(".spec.revisionHistoryLimit", f'"{path}"').replace("value: number", f"value: {value}")
            file.write_text(text.replace("limit at least 3", "limit stated"), encoding="utf-8")
            strategy = {"type": "RollingUpdate", "rollingUpdate": {"maxSurge": 1, **stated}}
            cluster.create("Deployment", deployment("web", "north", strategy=strategy))
            [one, _] = read_facts(file, target, f"every Deployment has revision history limit {condition}")
            cluster.do(lambda store: store.delete(kinds.by_name("Deployment"), "north", "web"))
            assert (one.ok, one.observed.endswith(observed)) == (ok, True), one.observed


def test_a_path_that_is_stated_in_part_does_not_fall_back(
    tmp_path: Path, cluster: PocketCluster, target: Target
) -> None:
    """A container that runs as root is not hidden by the user of the pod, which the other container has."""
    paths = (
        "[.spec.template.spec.containers[*].securityContext.runAsUser, .spec.template.spec.securityContext.runAsUser]"
    )
    file = tmp_path / "nouns.yaml"
    quoted = paths.replace("[.spec", "['.spec").replace(", .spec", "', '.spec")[:-1] + "']"
    file.write_text(NOUN.replace(".spec.revisionHistoryLimit", quoted), encoding="utf-8")
    sentence = "every Deployment has revision history limit other than 0"
    for name, users in (("a", [0, None]), ("b", [None, None]), ("c", [1, 2])):
        body = deployment(name, "north")
        spec = body["spec"]["template"]["spec"]
        spec["securityContext"] = {"runAsUser": 1000}
        spec["containers"] = [
            {"name": f"c{at}", "image": "x:1", "securityContext": {} if user is None else {"runAsUser": user}}
            for at, user in enumerate(users)
        ]
        cluster.create("Deployment", body)
    seen = [(one.ok, one.observed) for one in read_facts(file, target, sentence)][:3]
    where = ".spec.template.spec.containers[*].securityContext.runAsUser"
    assert seen == [(None, f"1 of 2 are stated at {where}"), (True, "1000"), (True, "1, 2")]
