"""Deletion of what is not gone at once: finalizers, namespaces, owners in the foreground; through the official client."""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING, Any

import pytest
from kubernetes import client

from readiness_sandbox.cluster.controllers import garbage
from tests.sandbox.cluster.conftest import raw, refusal

if TYPE_CHECKING:
    from tests.sandbox.cluster.conftest import PocketApi

KEEP = ["shop.test/keep"]


@pytest.fixture(scope="module")
def core(pocket_api: PocketApi) -> Any:
    """Core/v1, of a server that collects garbage."""
    pocket_api.machinery.more.append(lambda: garbage.reconcile(pocket_api.store, pocket_api.machinery))
    return client.CoreV1Api(pocket_api.client())


def config_map(core: Any, name: str, namespace: str = "default", **metadata: Any) -> str:
    """Create a ConfigMap; its uid."""
    made = core.create_namespaced_config_map(namespace, {"metadata": {"name": name, **metadata}})
    return str(made.metadata.uid)


def release(core: Any, name: str, namespace: str = "default") -> None:
    """Take its finalizers from a ConfigMap."""
    core.patch_namespaced_config_map(name, namespace, {"metadata": {"finalizers": None}})


def names(core: Any, namespace: str = "default") -> list[str]:
    """The ConfigMaps that are there."""
    return [each.metadata.name for each in core.list_namespaced_config_map(namespace).items]


def test_a_finalizer_holds_what_is_deleted(core: Any) -> None:
    """It is answered with its deletionTimestamp, can be read and changed, and goes with its last finalizer."""
    config_map(core, "held", finalizers=[*KEEP, "shop.test/other"])
    marked = raw(core.delete_namespaced_config_map, "held", "default")
    assert (marked["kind"], marked["metadata"]["deletionGracePeriodSeconds"]) == ("ConfigMap", 0)
    again = raw(core.delete_namespaced_config_map, "held", "default")
    assert again["metadata"] == marked["metadata"]
    fewer = [{"op": "replace", "path": "/metadata/finalizers", "value": KEEP}]
    core.patch_namespaced_config_map("held", "default", fewer)
    left = core.read_namespaced_config_map("held", "default")
    assert (left.metadata.finalizers, left.metadata.deletion_timestamp is None) == (KEEP, False)
    release(core, "held")
    assert refusal(lambda: core.read_namespaced_config_map("held", "default"))["code"] == 404


def test_every_namespace_has_a_default_service_account(core: Any) -> None:
    """Also one that was just made; it comes back when it is deleted."""
    core.create_namespace({"metadata": {"name": "with-account"}})
    for namespace in ("default", "with-account"):
        before = core.read_namespaced_service_account("default", namespace).metadata.uid
        core.delete_namespaced_service_account("default", namespace)
        assert core.read_namespaced_service_account("default", namespace).metadata.uid != before


def test_a_namespace_ends_when_it_is_empty(core: Any) -> None:
    """Meanwhile it is Terminating, and nothing is made in it."""
    made = core.create_namespace({"metadata": {"name": "ending"}})
    assert (made.spec.finalizers, made.status.phase) == (["kubernetes"], "Active")
    config_map(core, "free", "ending")
    config_map(core, "held", "ending", finalizers=KEEP)
    marked = raw(core.delete_namespace, "ending")
    assert (marked["kind"], marked["status"]["phase"]) == ("Namespace", "Terminating")
    assert marked["spec"] == {"finalizers": ["kubernetes"]}
    assert (names(core, "ending"), core.list_namespaced_service_account("ending").items) == (["held"], [])
    refused = refusal(lambda: config_map(core, "late", "ending"))
    why = "unable to create new content in namespace ending because it is being terminated"
    assert (refused["code"], refused["message"]) == (403, f'configmaps "late" is forbidden: {why}')
    cause = "namespace ending is being terminated"
    assert refused["details"]["causes"] == [
        {"reason": "NamespaceTerminating", "message": cause, "field": "metadata.namespace"}
    ]
    release(core, "held", "ending")
    assert refusal(lambda: core.read_namespace("ending"))["code"] == 404


def test_an_owner_in_the_foreground_goes_last(core: Any) -> None:
    """It waits for dependents that block it, through all generations; the others go after it."""
    owner = config_map(core, "owner")

    def of(name: str, uid: str, *, blocks: bool) -> list[dict[str, Any]]:
        about = {"apiVersion": "v1", "kind": "ConfigMap", "name": name, "uid": uid}
        return [{**about, "blockOwnerDeletion": blocks}]

    child = config_map(core, "child", ownerReferences=of("owner", owner, blocks=True))
    config_map(core, "grandchild", ownerReferences=of("child", child, blocks=True), finalizers=KEEP)
    config_map(core, "loose", ownerReferences=of("owner", owner, blocks=False), finalizers=KEEP)
    marked = raw(core.delete_namespaced_config_map, "owner", "default", propagation_policy="Foreground")
    assert marked["metadata"]["finalizers"] == ["foregroundDeletion"]
    assert {"owner", "child", "grandchild", "loose"} <= set(names(core))
    ending = core.read_namespaced_config_map("child", "default").metadata
    assert (ending.finalizers, ending.deletion_timestamp is None) == (["foregroundDeletion"], False)
    release(core, "grandchild")
    assert {"owner", "child", "grandchild", "loose"} & set(names(core)) == {"loose"}
    release(core, "loose")
    assert "loose" not in names(core)


def test_a_dependent_with_another_owner_stays(core: Any) -> None:
    """And holds up neither the one in the foreground."""
    about = {"apiVersion": "v1", "kind": "ConfigMap", "blockOwnerDeletion": True}
    owners = [{**about, "name": name, "uid": config_map(core, name)} for name in ("first", "second")]
    config_map(core, "shared", ownerReferences=owners)
    core.delete_namespaced_config_map("first", "default", propagation_policy="Foreground")
    assert {"first", "second", "shared"} & set(names(core)) == {"second", "shared"}
    kept = core.read_namespaced_config_map("shared", "default").metadata.owner_references
    assert [each.name for each in kept] == ["second"]


def test_an_ending_object_takes_no_new_finalizer(core: Any) -> None:
    """Neither by a patch nor by a PUT; those that it has may be taken."""
    config_map(core, "no-more", finalizers=[*KEEP, "shop.test/other"])
    core.delete_namespaced_config_map("no-more", "default")
    more = {"metadata": {"name": "no-more", "finalizers": [*KEEP, "shop.test/late"]}}
    why = "Forbidden: no new finalizers can be added if the object is being deleted"
    message = f'{why}, found new finalizers []string{{"shop.test/late"}}'
    cause = {"reason": "FieldValueForbidden", "message": message, "field": "metadata.finalizers"}
    for method in (core.patch_namespaced_config_map, core.replace_namespaced_config_map):
        refused = refusal(partial(method, "no-more", "default", more))
        assert (refused["code"], refused["details"]["causes"]) == (422, [cause])
    release(core, "no-more")
    assert "no-more" not in names(core)


def test_a_namespace_is_terminating_until_it_goes(core: Any) -> None:
    """Its phase follows its deletion, and `spec.finalizers` are not changed by writes of the object."""
    core.create_namespace({"metadata": {"name": "steady"}, "spec": {"finalizers": []}})
    config_map(core, "held", "steady", finalizers=KEEP)
    for method in (core.patch_namespace, core.replace_namespace):
        written = method("steady", {"metadata": {"name": "steady"}, "spec": {"finalizers": []}})
        assert (written.spec.finalizers, written.status.phase) == (["kubernetes"], "Active")
    wrong = {"metadata": {"name": "steady"}, "status": {"phase": "Terminating"}}
    refused = refusal(lambda: core.patch_namespace_status("steady", wrong))
    only = "may only be 'Active' if `deletionTimestamp` is empty"
    assert (refused["code"], refused["details"]["causes"][0]["field"]) == (422, "status.Phase")
    assert refused["details"]["causes"][0]["message"] == f'Invalid value: "Terminating": {only}'
    core.delete_namespace("steady")
    core.patch_namespace("steady", {"metadata": {"labels": {"seen": "yes"}}})
    condition = {"type": "Seen", "status": "True"}
    said = core.patch_namespace_status("steady", {"status": {"conditions": [condition]}}).status
    assert (said.phase, [each.type for each in said.conditions]) == ("Terminating", ["Seen"])
    for method in (core.patch_namespace_status, core.replace_namespace_status):
        body = {"metadata": {"name": "steady"}, "status": {"phase": "Active"}}
        refused = refusal(partial(method, "steady", body))
        only = "may only be 'Terminating' if `deletionTimestamp` is not empty"
        assert refused["message"] == f'Namespace "steady" is invalid: status.Phase: Invalid value: "Active": {only}'
    release(core, "held", "steady")
    assert refusal(lambda: core.read_namespace("steady"))["code"] == 404


def test_finalize_ends_a_namespace_that_is_held(core: Any) -> None:
    """A client that takes the last of `spec.finalizers` ends it, with what it still holds; the answer is the last state."""
    core.create_namespace({"metadata": {"name": "stuck"}})
    config_map(core, "held", "stuck", finalizers=KEEP)
    core.delete_namespace("stuck")
    stuck = raw(core.read_namespace, "stuck")
    ended = core.replace_namespace_finalize("stuck", {**stuck, "spec": {"finalizers": []}})
    assert (ended.metadata.name, ended.spec.finalizers, ended.status.phase) == ("stuck", None, "Terminating")
    assert refusal(lambda: core.read_namespace("stuck"))["code"] == 404
    assert refusal(lambda: core.read_namespaced_config_map("held", "stuck"))["code"] == 404


def test_finalizers_of_others_hold_a_namespace_that_is_empty(core: Any) -> None:
    """The cluster takes its own, `kubernetes`; the others are written by `finalize` alone, also before the deletion."""
    made = core.create_namespace({"metadata": {"name": "shared"}})
    body: dict[str, Any] = {"metadata": {"name": "shared"}, "spec": {"finalizers": ["kubernetes", *KEEP]}}
    body["metadata"]["resourceVersion"] = made.metadata.resource_version
    written = core.replace_namespace_finalize("shared", body)
    assert (written.spec.finalizers, written.status.phase) == (["kubernetes", *KEEP], "Active")
    assert refusal(partial(core.replace_namespace_finalize, "shared", body))["code"] == 409
    core.delete_namespace("shared")
    left = core.read_namespace("shared")
    assert (left.spec.finalizers, left.status.phase) == (KEEP, "Terminating")
    empty = {"metadata": {"name": "shared"}}
    assert core.replace_namespace_finalize("shared", empty, dry_run="All").spec.finalizers is None
    assert core.read_namespace("shared").spec.finalizers == KEEP
    core.replace_namespace_finalize("shared", empty)
    assert refusal(lambda: core.read_namespace("shared"))["code"] == 404


@pytest.mark.parametrize(
    ("finalizer", "why"),
    [
        ("mine", "name is neither a standard finalizer name nor is it fully qualified"),
        ("shop.test/-", "name part must consist of alphanumeric characters"),
    ],
)
def test_finalize_takes_names_of_finalizers_only(core: Any, finalizer: str, why: str) -> None:
    """Those of Kubernetes, or qualified by a domain; refused as by a genuine server."""
    body = {"metadata": {"name": "default"}, "spec": {"finalizers": ["kubernetes", finalizer]}}
    refused = refusal(partial(core.replace_namespace_finalize, "default", body))
    [cause] = refused["details"]["causes"]
    assert (refused["code"], cause["reason"], cause["field"]) == (422, "FieldValueInvalid", "spec.finalizers[1]")
    assert cause["message"].startswith(f'Invalid value: "{finalizer}": {why}')


def test_namespaces_are_deleted_one_by_one(core: Any) -> None:
    """Discovery does not name the verb of a collection; of the system's, one may go and comes back."""
    verbs = {each.name: each.verbs for each in core.get_api_resources().resources}
    assert ("deletecollection" in verbs["namespaces"], "deletecollection" in verbs["pods"]) == (False, True)
    for name in ("default", "kube-system"):
        assert refusal(partial(core.delete_namespace, name))["code"] == 403
    before = core.read_namespace("kube-node-lease").metadata.uid
    core.delete_namespace("kube-node-lease")
    again = core.read_namespace("kube-node-lease")
    assert (again.metadata.uid == before, again.status.phase) == (False, "Active")


def test_a_job_leaves_its_pods_where_nothing_is_said_of_them(core: Any, pocket_api: PocketApi) -> None:
    """The default of batch/v1; they go where it is asked for, and those of any other owner by default."""
    batch: Any = client.BatchV1Api(pocket_api.client())
    pod = {"restartPolicy": "Never", "containers": [{"name": "c", "image": "i:1"}]}

    def left(**options: Any) -> list[str]:
        job = batch.create_namespaced_job("default", {"metadata": {"name": "j"}, "spec": {"template": {"spec": pod}}})
        owner = {"apiVersion": "batch/v1", "kind": "Job", "name": "j", "uid": job.metadata.uid, "controller": True}
        config_map(core, "of-the-job", ownerReferences=[owner])
        batch.delete_namespaced_job("j", "default", **options)
        return [name for name in names(core) if name == "of-the-job"]

    assert left() == ["of-the-job"]
    assert core.read_namespaced_config_map("of-the-job", "default").metadata.owner_references == []
    core.delete_namespaced_config_map("of-the-job", "default")
    assert left(propagation_policy="Background") == []
