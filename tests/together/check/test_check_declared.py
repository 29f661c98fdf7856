"""The live objects against the manifests, by a real API server."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest
import yaml
from kubernetes import client

from claims.workloads.drift import declared_fields, declared_workloads, differences
from harness.errors import AccessDenied, ConfigurationError
from harness.targets import load_target
from harness.targets.access import accesses_of
from harness.targets.cluster.kubeconfig import api_client
from harness.targets.kubernetes import Cluster
from tests.together.objects import controlled, deployment, stored

if TYPE_CHECKING:
    from harness.targets import Target
    from tests.together.conftest import PocketCluster

WEB = {
    "name": "web",
    "image": "web:1",
    "env": [{"name": "A", "value": "1"}],
    "resources": {"limits": {"cpu": "1000m", "memory": "1Gi"}},
}
DEPLOYMENT: dict[str, Any] = {"apiVersion": "apps/v1", "kind": "Deployment", **deployment("web", "north", WEB)}
SETTINGS: dict[str, Any] = {"apiVersion": "v1", "kind": "ConfigMap", **stored("settings", k="v")}


def declaring(target: Target, *objects: dict[str, Any]) -> Target:
    """The target with manifests of these objects."""
    (target.file.parent / "manifests").mkdir(exist_ok=True)
    (target.file.parent / "manifests" / "all.yaml").write_text(yaml.safe_dump_all(objects))
    if "files:" not in target.file.read_text():
        target.file.write_text(target.file.read_text() + "files: {manifests: manifests}\n")
    return load_target(target.file)


def test_what_is_as_declared_differs_in_nothing(cluster: PocketCluster, target: Target) -> None:
    """What the API server fills in is not compared, and `1000m` is `1`."""
    cluster.create("Deployment", {**DEPLOYMENT, "spec": {**DEPLOYMENT["spec"], "minReadySeconds": 3}})
    cluster.create("ConfigMap", SETTINGS)
    facts = declared_fields(declaring(target, DEPLOYMENT, SETTINGS), {})()
    assert [(one.subject, one.ok, one.observed) for one in facts] == [
        ("Deployment north/web (all.yaml:1)", True, "0 fields differ"),
        ("ConfigMap north/settings (all.yaml:27)", True, "0 fields differ"),
    ]


def test_an_edited_variable_is_found(cluster: PocketCluster, target: Target) -> None:
    """By its name; a variable that nobody declared as well."""
    live = yaml.safe_load(yaml.safe_dump(DEPLOYMENT))
    live["spec"]["template"]["spec"]["containers"][0]["env"] = [
        {"name": "A", "value": "2"},
        {"name": "B", "value": "3"},
    ]
    cluster.create("Deployment", live)
    [fact] = declared_fields(declaring(target, DEPLOYMENT), {})()
    assert fact.ok is False
    assert fact.observed == (
        "2 differ: spec.template.spec.containers[web].env[A].value is `2`, declared `1`; "
        "spec.template.spec.containers[web].env[B] is set, not declared"
    )


def test_an_object_that_is_gone_is_found_and_a_kind_that_is_not_served_is_unknown(target: Target) -> None:
    """Only the API server knows what it serves."""
    other = {"apiVersion": "example.test/v1", "kind": "Widget", "metadata": {"name": "w", "namespace": "north"}}
    facts = declared_fields(declaring(target, SETTINGS, other), {})()
    assert [(one.ok, one.observed) for one in facts] == [
        (False, "there is no such object"), (None, "the API does not serve example.test/v1 Widget"),
    ]  # fmt: skip


def test_a_kind_that_is_in_no_namespace_is_read_there(cluster: PocketCluster, target: Target) -> None:
    """As the API server serves it: the namespace of the target is not that of a cluster-wide policy."""
    names = {"kind": "ShopPolicy", "plural": "shoppolicies", "singular": "shoppolicy", "listKind": "ShopPolicyList"}
    schema = {"openAPIV3Schema": {"type": "object", "x-kubernetes-preserve-unknown-fields": True}}
    version = {"name": "v1", "served": True, "storage": True, "schema": schema}
    spec = {"group": "shop.test", "scope": "Cluster", "names": names, "versions": [version]}
    meta = {"name": "shoppolicies.shop.test"}
    cluster.create("CustomResourceDefinition", {"metadata": meta, "spec": spec})
    policy = {"apiVersion": "shop.test/v1", "kind": "ShopPolicy", "metadata": {"name": "strict"}, "spec": {"level": 3}}
    client.CustomObjectsApi(api_client(target)).create_cluster_custom_object("shop.test", "v1", "shoppolicies", policy)
    changed = {**policy, "spec": {"level": 2}}
    facts = declared_fields(declaring(target, policy, changed), {})()
    assert [(one.subject, one.ok) for one in facts] == [
        ("ShopPolicy strict (all.yaml:1)", True),
        ("ShopPolicy strict (all.yaml:8)", False),
    ]


def test_a_manifest_without_a_namespace_is_of_the_targets(cluster: PocketCluster, target: Target) -> None:
    """Where `kubectl apply` puts it, not `default`."""
    cluster.create("Deployment", DEPLOYMENT)
    bare = {**DEPLOYMENT, "metadata": {"name": "web"}}
    named = declaring(target, bare)
    assert [(one.subject, one.ok) for one in declared_fields(named, {})()] == [
        ("Deployment north/web (all.yaml:1)", True)
    ]
    assert [one.ok for one in declared_workloads(named, {})()] == [True]
    assert {one.at for one in accesses_of(declared_fields, named) or ()} == {"north"}


def test_what_an_operator_makes_is_declared_by_its_owner(cluster: PocketCluster, target: Target) -> None:
    """No manifest has the StatefulSet of a database; of an owner that none has either nothing is known."""
    for name in ("store", "cache"):
        metadata = {"name": name, "namespace": "north", "ownerReferences": controlled("Store", name, "db.test/v1")}
        cluster.create("StatefulSet", {"metadata": metadata, "spec": DEPLOYMENT["spec"]})
    store = {"apiVersion": "db.test/v1", "kind": "Store", "metadata": {"name": "store", "namespace": "north"}}
    facts = declared_workloads(declaring(target, store), {})()
    assert {one.subject: (one.ok, one.observed) for one in facts} == {
        "StatefulSet north/store": (True, "all.yaml:1"),
        "StatefulSet north/cache": (None, "it was created by Store cache, which no manifest declares"),
    }


@pytest.mark.parametrize(
    ("kind", "annotations", "ok"),
    [
        ("Pod", {"helm.sh/hook": "test"}, True),
        ("Pod", {"helm.sh/hook": "test-success, pre-delete"}, True),
        ("ConfigMap", {"helm.sh/hook": "pre-upgrade", "helm.sh/hook-delete-policy": "hook-succeeded"}, True),
        ("ConfigMap", {"helm.sh/hook": "pre-upgrade,test"}, None),
        ("Service", {"helm.sh/hook": "test"}, False),
        ("Pod", {"helm.sh/hook": ""}, False),
        ("Pod", {"note": "test"}, False),
    ],
)
def test_what_a_hook_of_helm_makes_comes_and_goes(
    target: Target, kind: str, annotations: dict[str, str], *, ok: bool | None
) -> None:
    """Every new chart has a test of this kind; what serves is there whatever its annotations are."""
    metadata = {"name": "a", "namespace": "north", "annotations": annotations}
    [fact] = declared_fields(declaring(target, {"apiVersion": "v1", "kind": kind, "metadata": metadata}), {})()
    assert fact.ok is ok


def test_a_job_that_is_deleted_when_it_ended_is_unknown(target: Target) -> None:
    """Whether it ever ran is not known."""
    template = {"spec": {"containers": [{"name": "a", "image": "a"}], "restartPolicy": "Never"}}
    spec = {"ttlSecondsAfterFinished": 60, "template": template}
    job = {"apiVersion": "batch/v1", "kind": "Job", "metadata": {"name": "a", "namespace": "north"}, "spec": spec}
    [fact] = declared_fields(declaring(target, job), {})()
    assert (fact.ok, fact.observed) == (None, "there is no such object: the Job is deleted after it finished")


def test_a_namespace_of_what_is_in_none_is_not_compared(cluster: PocketCluster, target: Target) -> None:
    """Charts write one into a ClusterRole and the like, and the API server drops it."""
    there = {"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": "extra"}}
    cluster.create("Namespace", there)
    written = {**there, "metadata": {"name": "extra", "namespace": "north"}}
    [fact] = declared_fields(declaring(target, written), {})()
    assert (fact.subject, fact.ok) == ("Namespace extra (all.yaml:1)", True)


def test_values_of_secrets_are_not_read(cluster: PocketCluster, target: Target) -> None:
    """They would be in the run directory."""
    secret = {"apiVersion": "v1", "kind": "Secret", **stored("s", k="c2VjcmV0")}
    cluster.create("Secret", stored("s", k="b3RoZXI="))
    [fact] = declared_fields(declaring(target, secret), {})()
    assert fact.ok is True


def test_a_workload_made_by_hand_is_found(cluster: PocketCluster, target: Target) -> None:
    """In every namespace of the platform; pods of the harness's own checks are not the platform's."""
    cluster.create("Deployment", DEPLOYMENT)
    container = [{"name": "c", "image": "c:1"}]
    for name, labels in (("bare", {}), ("probe", {"app.kubernetes.io/managed-by": "readiness"})):
        metadata = {"name": name, "namespace": "south", "labels": labels}
        cluster.create("Pod", {"metadata": metadata, "spec": {"containers": container}})
    facts = declared_workloads(declaring(target, DEPLOYMENT), {})()
    assert [(one.subject, one.ok) for one in facts] == [("Deployment north/web", True), ("Pod south/bare", False)]


def test_jobs_and_what_operators_make_are_running_workloads(cluster: PocketCluster, target: Target) -> None:
    """A schedule and a Job made by hand are found; those that are declared pass with what they make; of an unknown owner nothing is known."""
    pod: dict[str, Any] = {"restartPolicy": "Never", "containers": [{"name": "c", "image": "c:1"}]}
    spec = {"template": {"spec": pod}}
    schedule = {"schedule": "0 4 * * *", "jobTemplate": {"spec": spec}}

    def made(kind: str, name: str, content: dict[str, Any], owner: str = "") -> None:
        maker, _, called = owner.partition(" ")
        references = controlled(maker, called, "x.test/v1") if owner else []
        metadata = {"name": name, "namespace": "north", "ownerReferences": references}
        cluster.create(kind, {"metadata": metadata, **content})

    for name in ("nightly", "rogue"):
        made("CronJob", name, {"spec": schedule})
    made("Job", "nightly-1", {"spec": spec}, owner="CronJob nightly")
    made("Job", "once", {"spec": spec})
    made("Job", "ended", {"spec": spec, "status": {"conditions": [{"type": "Failed", "status": "True"}]}})
    for name, owner in (("nightly-1-a", "Job nightly-1"), ("store-1", "Cluster store"), ("cache-1", "Cluster cache")):
        made("Pod", name, {"spec": pod}, owner)
    declared = [
        {"apiVersion": version, "kind": kind, "metadata": {"name": name, "namespace": "north"}}
        for version, kind, name in (("batch/v1", "CronJob", "nightly"), ("db.test/v1", "Cluster", "store"))
    ]
    facts = declared_workloads(declaring(target, *declared), {})()
    assert {one.subject: one.ok for one in facts} == {
        "CronJob north/nightly": True,
        "CronJob north/rogue": False,
        "Job north/nightly-1": True,
        "Job north/once": False,
        "Pod north/store-1": True,
        "Pod north/cache-1": None,
    }


def test_what_is_declared_may_be_several_steps_above(
    cluster: PocketCluster, target: Target, monkeypatch: pytest.MonkeyPatch
) -> None:
    """As pods of Strimzi are: of a set that no manifest has, of a Kafka. One made by hand, and what may not be read, are unknown."""
    names = {"kind": "StrimziPodSet", "plural": "strimzipodsets", "singular": "strimzipodset"}
    schema = {"openAPIV3Schema": {"type": "object", "x-kubernetes-preserve-unknown-fields": True}}
    version = {"name": "v1", "served": True, "storage": True, "schema": schema}
    spec = {"group": "core.test", "scope": "Namespaced", "names": names, "versions": [version]}
    cluster.create("CustomResourceDefinition", {"metadata": {"name": "strimzipodsets.core.test"}, "spec": spec})

    def made(name: str, version: str, kind: str, owner: str) -> dict[str, Any]:
        return {"name": name, "namespace": "north", "ownerReferences": controlled(kind, owner, version)}

    for kafka in ("main", "rogue"):
        metadata = made(f"{kafka}-set", "kafka.test/v1", "Kafka", kafka)
        one = {"apiVersion": "core.test/v1", "kind": "StrimziPodSet", "metadata": metadata, "spec": {}}
        api = client.CustomObjectsApi(api_client(target))
        api.create_namespaced_custom_object("core.test", "v1", "north", "strimzipodsets", one)
        metadata = made(f"{kafka}-0", "core.test/v1", "StrimziPodSet", f"{kafka}-set")
        cluster.create("Pod", {"metadata": metadata, "spec": {"containers": [{"name": "c", "image": "c:1"}]}})
    kafka_main = {"apiVersion": "kafka.test/v1", "kind": "Kafka", "metadata": {"name": "main", "namespace": "north"}}
    probe = declared_workloads(declaring(target, kafka_main), {})
    assert {one.subject: (one.ok, one.observed) for one in probe()} == {
        "Pod north/main-0": (True, "all.yaml:1"),
        "Pod north/rogue-0": (None, "it was created by Kafka rogue, which no manifest declares"),
    }

    def refused(*_words: Any) -> None:
        raise AccessDenied("403")

    monkeypatch.setattr(Cluster, "read", refused)
    assert {one.subject: (one.ok, one.observed) for one in probe()}["Pod north/main-0"] == (
        None,
        "it was created by StrimziPodSet main-set, which no manifest declares",
    )


def test_without_manifests_there_is_nothing_to_compare_with(target: Target, tmp_path: Path) -> None:
    """Neither a key, nor a directory with an object in it."""
    with pytest.raises(ConfigurationError, match="names no manifests"):
        declared_fields(target, {})
    with pytest.raises(ConfigurationError, match="declare no object"):
        declared_workloads(declaring(target), {})
    assert tmp_path.exists()


def test_what_differs(subtests: pytest.Subtests) -> None:
    """Declared fields only; lists by the names of their elements where they have any; amounts as the API server writes them, texts as they are."""
    for there, live, found in [
        ({"a": 1}, {"a": 1, "b": 2}, []),
        ({"a": None, "b": {}}, {}, []),
        ({"a": "0.5"}, {"a": "500m"}, []),
        ({"a": "1Gi"}, {"a": 1073741824}, []),
        ({"a": "1.5Gi"}, {"a": "1536Mi"}, []),
        ({"a": 1}, {"a": 1.0}, []),
        ({"a": "1.10"}, {"a": "1.1"}, ["a is `1.1`, declared `1.10`"]),
        ({"a": "007"}, {"a": "7"}, ["a is `7`, declared `007`"]),
        ({"data": {"a": "1k"}}, {"data": {"a": "1000"}}, ["data.a is `1000`, declared `1k`"]),
        ({"labels": {"a": "1.0"}}, {"labels": {"a": "1"}}, ["labels.a is `1`, declared `1.0`"]),
        ({"annotations": {"a": "2.0"}}, {"annotations": {"a": "2"}}, ["annotations.a is `2`, declared `2.0`"]),
        (
            {"env": [{"name": "A", "value": "1.0"}]},
            {"env": [{"name": "A", "value": "1"}]},
            ["env[A].value is `1`, declared `1.0`"],
        ),
        ({"env": [["0.5"]]}, {"env": [["500m"]]}, ["env[0][0] is `500m`, declared `0.5`"]),
        ({"a": True}, {"a": "true"}, ["a is `true`, declared `True`"]),
        ({"a": 8080}, {"a": "8080"}, []),
        ({"a": [1, 2]}, {"a": [2, 1]}, ["a[0] is `2`, declared `1`", "a[1] is `1`, declared `2`"]),
        ({"a": [1]}, {"a": [1, 2]}, ["a has 2 elements, declared 1"]),
        (
            {"a": [{"name": "x", "v": 1}]},
            {"a": [{"name": "y", "v": 1}, {"name": "x", "v": 1}]},
            ["a[y] is set, not declared"],
        ),
        ({"a": {"b": 1}}, {"a": "c"}, ["a is `c`, declared `{'b': 1}`"]),
        ({"a": 1}, {}, ["a is not set, declared `1`"]),
        ({"flags.json": '{"a": {"on": true}}'}, {"flags.json": '{\n  "a": {"on":true}}\n'}, []),
        ({"a": '{"on": true}'}, {"a": '{"on": false}'}, ['a is `{"on": false}`, declared `{"on": true}`']),
        ({"a": '{"on": true}'}, {"a": '{"on": 1}'}, ['a is `{"on": 1}`, declared `{"on": true}`']),
        ({"a": "{b"}, {"a": "{c"}, ["a is `{c`, declared `{b`"]),
    ]:
        with subtests.test(there=there, live=live):
            assert list(differences(there, live)) == found
