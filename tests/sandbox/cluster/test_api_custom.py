"""Custom resources: what a CustomResourceDefinition says is served as the built-in kinds are."""

from __future__ import annotations

import copy
import json
from functools import partial
from typing import TYPE_CHECKING, Any

import pytest
from kubernetes import client
from kubernetes.client.exceptions import ApiException

from readiness_sandbox.cluster.custom.definitions import shipped
from tests.sandbox.pocket import needs_kubectl

if TYPE_CHECKING:
    from collections.abc import Callable

    from tests.sandbox.cluster.conftest import PocketApi

FIELDS = {
    "color": {"type": "string", "enum": ["red", "blue"]},
    "size": {"type": "integer", "minimum": 1, "maximum": 9, "default": 2},
    "name": {"type": "string", "pattern": "^[a-z]+$", "maxLength": 5},
    "tags": {"type": "array", "maxItems": 2, "items": {"type": "string"}},
    "port": {"x-kubernetes-int-or-string": True},
    "note": {"type": "string", "nullable": True},
    "extra": {"type": "object", "x-kubernetes-preserve-unknown-fields": True},
}
SPEC = {"type": "object", "required": ["color"], "properties": FIELDS}
OPEN = {"type": "object", "x-kubernetes-preserve-unknown-fields": True}
SCALE = {
    "specReplicasPath": ".spec.size",
    "statusReplicasPath": ".status.size",
    "labelSelectorPath": ".status.selector",
}
NEWER = {
    "name": "v1",
    "served": True,
    "storage": True,
    "subresources": {"status": {}, "scale": SCALE},
    "additionalPrinterColumns": [
        {"name": "Size", "type": "integer", "jsonPath": ".spec.size"},
        {"name": "Ready", "type": "string", "jsonPath": '.status.conditions[?(@.type=="Ready")].status'},
        {"name": "Tags", "type": "string", "jsonPath": ".spec.tags", "priority": 1},
    ],
    "schema": {
        "openAPIV3Schema": {"type": "object", "required": ["spec"], "properties": {"spec": SPEC, "status": OPEN}}
    },
}
OLDER = {"name": "v1beta1", "served": True, "storage": False, "schema": {"openAPIV3Schema": OPEN}}
NAMES = {"kind": "Widget", "plural": "widgets", "shortNames": ["wd"], "categories": ["all"]}
WIDGETS: dict[str, Any] = {
    "apiVersion": "apiextensions.k8s.io/v1",
    "kind": "CustomResourceDefinition",
    "metadata": {"name": "widgets.example.com"},
    "spec": {"group": "example.com", "scope": "Namespaced", "names": NAMES, "versions": [NEWER, OLDER]},
}
HERE = ("example.com", "v1", "default", "widgets")
MERGE, JSON_PATCH, STRATEGIC = (
    {"_content_type": f"application/{kind}+json"} for kind in ("merge-patch", "json-patch", "strategic-merge-patch")
)


def widget(name: str, /, **spec: Any) -> dict[str, Any]:
    """A widget; its color is red unless said otherwise."""
    return {
        "apiVersion": "example.com/v1",
        "kind": "Widget",
        "metadata": {"name": name, "labels": {"app": name}},
        "spec": {"color": "red", **spec},
    }


def renamed(kind: str) -> dict[str, Any]:
    """The definition of another kind, that is as widgets are."""
    text = json.dumps(WIDGETS).replace("widget", kind).replace("Widget", kind.capitalize())
    definition: dict[str, Any] = json.loads(text.replace('"wd"', f'"{kind[0]}d"'))
    return definition


def refusal(call: Callable[[], object]) -> tuple[int, dict[str, Any]]:
    """The code and the Status of a call that must be refused."""
    with pytest.raises(ApiException) as refused:
        call()
    return int(refused.value.status), json.loads(refused.value.body or "")


@pytest.fixture(scope="module")
def extensions(pocket_api: PocketApi) -> Any:
    """apiextensions.k8s.io/v1."""
    return client.ApiextensionsV1Api(pocket_api.client())


@pytest.fixture(scope="module")
def custom(pocket_api: PocketApi, extensions: Any) -> Any:
    """The client's calls for custom objects, with widgets defined."""
    extensions.create_custom_resource_definition(WIDGETS)
    return client.CustomObjectsApi(pocket_api.client())


def test_a_definition_is_established_and_discovered(custom: Any, extensions: Any, pocket_api: PocketApi) -> None:
    """Conditions, accepted names and stored versions; the kind is in the discovery documents, the preferred version first."""
    found = extensions.read_custom_resource_definition("widgets.example.com")
    conditions = {each.type: each.status for each in found.status.conditions}
    assert conditions == {"NamesAccepted": "True", "Established": "True"}
    assert found.status.accepted_names.list_kind == "WidgetList"
    assert found.status.stored_versions == ["v1"]
    group: Any = next(
        each for each in client.ApisApi(pocket_api.client()).get_api_versions().groups if each.name == "example.com"
    )
    assert [each.version for each in group.versions] == ["v1", "v1beta1"]
    assert group.preferred_version.version == "v1"
    rows = {each.name: each for each in custom.get_api_resources("example.com", "v1").resources}
    assert set(rows) == {"widgets", "widgets/status", "widgets/scale"}
    assert (rows["widgets"].singular_name, rows["widgets"].short_names) == ("widget", ["wd"])
    assert rows["widgets/scale"].kind == "Scale"


def test_objects_are_created_read_changed_and_deleted(custom: Any) -> None:
    """A default is filled in, an unknown field is pruned, a merge patch and a JSON patch change it.

    The server does not know by which key the lists of a custom resource merge: a strategic merge patch is 415, as of the genuine one.
    """
    made = custom.create_namespaced_custom_object(
        *HERE, widget("one", unknown=1, extra={"any": {"thing": 1}}, note=None)
    )
    assert made["spec"] == {"color": "red", "size": 2, "extra": {"any": {"thing": 1}}, "note": None}
    assert (made["apiVersion"], made["kind"], made["metadata"]["generation"]) == ("example.com/v1", "Widget", 1)
    merged = custom.patch_namespaced_custom_object(*HERE, "one", {"spec": {"size": 3, "extra": None}}, **MERGE)
    assert (merged["spec"]["size"], "extra" in merged["spec"]) == (3, False)
    operations = [{"op": "replace", "path": "/spec/color", "value": "blue"}]
    patched = custom.patch_namespaced_custom_object(*HERE, "one", operations, **JSON_PATCH)
    assert (patched["spec"]["color"], patched["metadata"]["generation"]) == ("blue", 3)
    change = {"spec": {"size": 4}}
    code, status = refusal(lambda: custom.patch_namespaced_custom_object(*HERE, "one", change, **STRATEGIC))
    assert (code, status["reason"]) == (415, "UnsupportedMediaType")
    served = "application/json-patch+json, application/merge-patch+json"
    assert f"accepted media types include: {served}" in status["message"]
    custom.replace_namespaced_custom_object(*HERE, "one", {**patched, "spec": {"color": "red"}})
    assert custom.get_namespaced_custom_object(*HERE, "one")["spec"] == {"color": "red", "size": 2}
    custom.delete_namespaced_custom_object(*HERE, "one")
    code, _ = refusal(lambda: custom.get_namespaced_custom_object(*HERE, "one"))
    assert code == 404


def test_status_is_written_apart_and_does_not_count(custom: Any) -> None:
    """A status in another write is ignored; a write to /status leaves spec and generation; null removes a field."""
    custom.create_namespaced_custom_object(*HERE, {**widget("two"), "status": {"phase": "Ready"}})
    assert "status" not in custom.get_namespaced_custom_object(*HERE, "two")
    body = {"spec": {"color": "blue"}, "status": {"phase": "Paused", "reasons": ["step"]}}
    written = custom.patch_namespaced_custom_object_status(*HERE, "two", body, **MERGE)
    assert written["status"] == {"phase": "Paused", "reasons": ["step"]}
    assert (written["spec"]["color"], written["metadata"]["generation"]) == ("red", 1)
    body = {"status": {"reasons": None}}
    assert custom.patch_namespaced_custom_object_status(*HERE, "two", body, **MERGE)["status"] == {"phase": "Paused"}
    custom.patch_namespaced_custom_object(*HERE, "two", {"spec": {"size": 5}, "status": {"phase": "Lost"}}, **MERGE)
    found = custom.get_namespaced_custom_object(*HERE, "two")
    assert (found["status"]["phase"], found["metadata"]["generation"]) == ("Paused", 2)


def test_scale_follows_the_definitions_paths(custom: Any) -> None:
    """Replicas are read and written where the definition says, and held to the schema."""
    custom.create_namespaced_custom_object(*HERE, widget("three"))
    status = {"status": {"size": 1, "selector": "app=three"}}
    custom.patch_namespaced_custom_object_status(*HERE, "three", status, **MERGE)
    scale = custom.get_namespaced_custom_object_scale(*HERE, "three")
    assert (scale["kind"], scale["spec"]) == ("Scale", {"replicas": 2})
    assert scale["status"] == {"replicas": 1, "selector": "app=three"}
    custom.patch_namespaced_custom_object_scale(*HERE, "three", {"spec": {"replicas": 7}}, **MERGE)
    assert custom.get_namespaced_custom_object(*HERE, "three")["spec"]["size"] == 7
    code, status = refusal(
        lambda: custom.patch_namespaced_custom_object_scale(*HERE, "three", {"spec": {"replicas": 10}}, **MERGE)
    )
    assert code == 422
    assert "spec.size in body should be less than or equal to 9" in status["message"]


def test_a_wrong_field_is_named_exactly(custom: Any, subtests: pytest.Subtests) -> None:
    """422 with the field, the reason and the words of the genuine server; nothing is stored."""
    cases: list[tuple[dict[str, Any], str, str, str]] = [
        ({"color": None}, "color", "Required", "Required value"),
        ({"color": "green"}, "color", "NotSupported", 'Unsupported value: "green": supported values: "red", "blue"'),
        ({"size": "3"}, "size", "TypeInvalid", 'Invalid value: "string": {} in body must be of type integer: "string"'),
        ({"size": 0}, "size", "Invalid", "Invalid value: 0: {} in body should be greater than or equal to 1"),
        ({"name": "A1"}, "name", "Invalid", "Invalid value: \"A1\": {} in body should match '^[a-z]+$'"),
        ({"name": "abcdef"}, "name", "TooLong", "Too long: may not be more than 5 bytes"),
        ({"tags": ["a", "b", "c"]}, "tags", "TooMany", "Too many: 3: must have at most 2 items"),
        (
            {"tags": ["a", 1]},
            "tags[1]",
            "TypeInvalid",
            'Invalid value: "integer": {} in body must be of type string: "integer"',
        ),
        (
            {"port": 1.5},
            "port",
            "TypeInvalid",
            'Invalid value: "number": {} in body must be of type integer,string: "number"',
        ),
    ]
    for spec, name, why, words in cases:
        with subtests.test(spec=spec):
            field, reason = f"spec.{name}", f"FieldValue{why}"
            message = words.format(field)
            create = partial(custom.create_namespaced_custom_object, *HERE, widget("wrong", **spec))
            code, status = refusal(create)
            assert (code, status["reason"]) == (422, "Invalid")
            assert status["details"]["causes"] == [{"field": field, "reason": reason, "message": message}]
            assert status["message"] == f'Widget.example.com "wrong" is invalid: {field}: {message}'
            assert not custom.list_namespaced_custom_object(*HERE, field_selector="metadata.name=wrong")["items"]


def test_the_other_version_is_the_same_object(custom: Any) -> None:
    """What is written as v1beta1 is read as v1, with the apiVersion that was asked for."""
    body = {**widget("both", size=4), "apiVersion": "example.com/v1beta1"}
    made = custom.create_namespaced_custom_object("example.com", "v1beta1", "default", "widgets", body)
    assert made["apiVersion"] == "example.com/v1beta1"
    assert custom.get_namespaced_custom_object(*HERE, "both")["apiVersion"] == "example.com/v1"


@needs_kubectl
def test_kubectl_prints_the_definitions_columns(custom: Any, pocket_api: PocketApi) -> None:
    """By its short name, with an empty cell where nothing is found, and applied again without a change."""
    manifest = json.dumps(widget("printed", tags=["a", "b"]))
    assert "widget.example.com/printed created" in pocket_api.kubectl("apply", "-f", "-", stdin=manifest)
    assert "widget.example.com/printed unchanged" in pocket_api.kubectl("apply", "-f", "-", stdin=manifest)
    ready = {"status": {"conditions": [{"type": "Live", "status": "False"}, {"type": "Ready", "status": "True"}]}}
    custom.patch_namespaced_custom_object_status(*HERE, "printed", ready, **MERGE)
    head, row = pocket_api.kubectl("get", "wd", "printed", "-o", "wide").strip().split("\n")
    assert (head.split(), row.split()) == (["NAME", "SIZE", "READY", "TAGS"], ["printed", "2", "True", '["a","b"]'])
    assert "widget.example.com/printed" in pocket_api.kubectl("get", "all")
    assert "scaled" in pocket_api.kubectl("scale", "wd/printed", "--replicas", "6")
    assert pocket_api.kubectl("get", "wd", "printed", "-o", "jsonpath={.spec.size}") == "6"


def _changed(path: str, value: Any) -> dict[str, Any]:
    """The definition of widgets with one field set; a value of None removes it."""
    changed = copy.deepcopy(WIDGETS)
    *steps, last = path.split("/")
    where: Any = changed
    for step in steps:
        where = where[int(step) if step.isdecimal() else step]
    if value is None:
        del where[last]
    else:
        where[last] = value
    return changed


@pytest.mark.parametrize(
    ("path", "value", "field", "message"),
    [
        ("metadata/name", "other.example.com", "metadata.name", 'must be spec.names.plural+"."+spec.group'),
        ("spec/scope", "World", "spec.scope", 'Unsupported value: "World": supported values: "Cluster", "Namespaced"'),
        ("spec/versions/1/storage", True, "spec.versions", "must have exactly one version marked as storage version"),
        (
            "spec/versions/0/schema",
            None,
            "spec.versions[0].schema.openAPIV3Schema",
            "Required value: schemas are required",
        ),
        (
            "spec/versions/0/schema/openAPIV3Schema/properties/spec/type",
            None,
            "spec.versions[0].schema.openAPIV3Schema.properties[spec].type",
            "Required value: must not be empty for specified object fields",
        ),
        ("spec/conversion", {"strategy": "Webhook"}, "spec.conversion.strategy", 'Unsupported value: "Webhook"'),
    ],
)
def test_a_wrong_definition_is_refused(extensions: Any, path: str, value: Any, field: str, message: str) -> None:
    """422 that names the field, before any kind is served."""
    code, status = refusal(lambda: extensions.create_custom_resource_definition(_changed(path, value)))
    assert code == 422
    assert [each["field"] for each in status["details"]["causes"]] == [field]
    assert message in status["message"]


def test_a_protected_group_needs_its_approval(extensions: Any) -> None:
    """A group of Kubernetes' own domains asks for the annotation that the Gateway API carries."""
    route = next(each for each in shipped() if each["spec"]["names"]["kind"] == "HTTPRoute")
    bare = {**route, "metadata": {"name": route["metadata"]["name"]}}
    code, status = refusal(lambda: extensions.create_custom_resource_definition(bare))
    assert code == 422
    assert "api-approved.kubernetes.io" in status["message"]


def test_a_changed_definition_serves_the_change_and_a_deleted_one_nothing(custom: Any, extensions: Any) -> None:
    """Objects stay through a change of the schema, and go with the definition, as do its paths."""
    gadgets = renamed("gadget")
    extensions.create_custom_resource_definition(gadgets)
    there = ("example.com", "v1", "default", "gadgets")
    gadget = {**widget("kept"), "kind": "Gadget"}
    custom.create_namespaced_custom_object(*there, gadget)
    most = "/spec/versions/0/schema/openAPIV3Schema/properties/spec/properties/size/maximum"
    wider = {"op": "replace", "path": most, "value": 50}
    extensions.patch_custom_resource_definition("gadgets.example.com", [wider], **JSON_PATCH)
    assert custom.patch_namespaced_custom_object(*there, "kept", {"spec": {"size": 40}}, **MERGE)["spec"]["size"] == 40
    immutable = [{"op": "replace", "path": "/spec/scope", "value": "Cluster"}]
    code, status = refusal(
        lambda: extensions.patch_custom_resource_definition("gadgets.example.com", immutable, **JSON_PATCH)
    )
    assert (code, status["details"]["causes"][0]["field"]) == (422, "spec.scope")
    extensions.delete_custom_resource_definition("gadgets.example.com")
    assert refusal(lambda: custom.list_namespaced_custom_object(*there))[0] == 404
    extensions.create_custom_resource_definition(gadgets)
    assert custom.list_namespaced_custom_object(*there)["items"] == []


def test_a_deleted_definition_waits_for_its_objects(custom: Any, extensions: Any) -> None:
    """One is held by a finalizer: meanwhile it is Terminating, what is there is served and changed, and nothing is made."""
    doodads = renamed("doodad")
    extensions.create_custom_resource_definition(doodads)
    name, there = "doodads.example.com", ("example.com", "v1", "default", "doodads")
    for each in ("free", "held"):
        doodad = {**widget(each), "kind": "Doodad"}
        doodad["metadata"] |= {"finalizers": ["shop.test/keep"]} if each == "held" else {}
        custom.create_namespaced_custom_object(*there, doodad)
    extensions.delete_custom_resource_definition(name)
    ending = extensions.read_custom_resource_definition(name)
    assert ending.metadata.finalizers == ["customresourcecleanup.apiextensions.k8s.io"]
    assert {each.type: each.status for each in ending.status.conditions}["Terminating"] == "True"
    left = custom.list_namespaced_custom_object(*there)["items"]
    assert [(each["metadata"]["name"], "deletionTimestamp" in each["metadata"]) for each in left] == [("held", True)]
    code, status = refusal(lambda: custom.create_namespaced_custom_object(*there, {**widget("late"), "kind": "Doodad"}))
    assert (code, status["message"]) == (405, "create not allowed while custom resource definition is terminating")
    custom.patch_namespaced_custom_object(*there, "held", {"metadata": {"finalizers": None}}, **MERGE)
    assert refusal(lambda: extensions.read_custom_resource_definition(name))[0] == 404
    assert refusal(lambda: custom.list_namespaced_custom_object(*there))[0] == 404


STEPS = [{"setWeight": 5}, {"pause": {"duration": "10s"}}, {"pause": {}}]
POD = {"metadata": {"labels": {"app": "web"}}, "spec": {"containers": [{"name": "web", "image": "web:1"}]}}
ROLLOUT: dict[str, Any] = {
    "apiVersion": "argoproj.io/v1alpha1",
    "kind": "Rollout",
    "metadata": {"name": "web"},
    "spec": {
        "replicas": 4,
        "selector": {"matchLabels": {"app": "web"}},
        "strategy": {"canary": {"steps": STEPS}},
        "template": POD,
    },
}


def test_the_shipped_definitions_hold_a_rollout_to_its_schema(extensions: Any, pocket_api: PocketApi) -> None:
    """It is stored as it was sent; observedGeneration is a text, and a field that nobody knows is named."""
    for definition in shipped():
        extensions.create_custom_resource_definition(definition)
    api: Any = client.CustomObjectsApi(pocket_api.client())
    here = ("argoproj.io", "v1alpha1", "default", "rollouts")
    made = api.create_namespaced_custom_object(*here, ROLLOUT, field_validation="Strict")
    assert made["spec"] == ROLLOUT["spec"]
    code, status = refusal(
        lambda: api.patch_namespaced_custom_object_status(*here, "web", {"status": {"observedGeneration": 2}}, **MERGE)
    )
    assert (code, status["details"]["causes"][0]["field"]) == (422, "status.observedGeneration")
    misspelt = {"spec": {"strategy": {"canary": {"steps": [{"setWieght": 5}]}}}}
    code, status = refusal(
        lambda: api.patch_namespaced_custom_object(*here, "web", misspelt, field_validation="Strict", **MERGE)
    )
    why = 'strict decoding error: unknown field "spec.strategy.canary.steps[0].setWieght"'
    sent = json.dumps(json.dumps(misspelt))
    assert (code, status["message"]) == (422, f' "" is invalid: patch: Invalid value: {sent}: {why}')


def test_strict_refuses_what_would_be_pruned(custom: Any) -> None:
    """fieldValidation=Strict names the fields that nobody knows."""
    code, status = refusal(
        lambda: custom.create_namespaced_custom_object(*HERE, widget("strict", sise=1), field_validation="Strict")
    )
    assert (code, status["message"]) == (
        400,
        'Widget in version "v1" cannot be handled as a Widget: strict decoding error: unknown field "spec.sise"',
    )
