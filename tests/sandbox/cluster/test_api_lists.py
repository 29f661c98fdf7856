"""Lists as a genuine API server writes them, through the official client."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

import pytest
from kubernetes import client

if TYPE_CHECKING:
    from tests.sandbox.cluster.conftest import PocketApi


@pytest.fixture(scope="module")
def core(pocket_api: PocketApi) -> Any:
    """Core/v1."""
    return client.CoreV1Api(pocket_api.client())


def raw(method: Any, *args: Any, **options: Any) -> dict[str, Any]:
    """The JSON of an answer as it came."""
    answer: dict[str, Any] = json.loads(method(*args, _preload_content=False, **options).data)
    return answer


def maps(core: Any, *names: str, **labels: str) -> None:
    """Create ConfigMaps in `default`."""
    for name in names:
        core.create_namespaced_config_map("default", {"metadata": {"name": name, "labels": labels}})


def test_the_list_alone_names_the_kind_of_its_items(core: Any, pocket_api: PocketApi) -> None:
    """An object alone and an event of a watch name their own; so do items of custom resources."""
    maps(core, "plain", suite="items")
    found = raw(core.list_namespaced_config_map, "default", label_selector="suite=items")
    assert (found["kind"], found["apiVersion"]) == ("ConfigMapList", "v1")
    assert [set(item) & {"kind", "apiVersion"} for item in found["items"]] == [set()]
    assert raw(core.read_namespaced_config_map, "plain", "default")["kind"] == "ConfigMap"
    watched = {"label_selector": "suite=items", "watch": True, "timeout_seconds": 1}
    assert raw(core.list_namespaced_config_map, "default", **watched)["object"]["kind"] == "ConfigMap"
    gone = raw(core.delete_collection_namespaced_config_map, "default", label_selector="suite=items")
    assert "kind" not in gone["items"][0]
    names = {"plural": "gems", "kind": "Gem"}
    schema = {"openAPIV3Schema": {"type": "object"}}
    version = {"name": "v1", "served": True, "storage": True, "schema": schema}
    definition = {"group": "shop.test", "names": names, "scope": "Namespaced", "versions": [version]}
    body = {"metadata": {"name": "gems.shop.test"}, "spec": definition}
    client.ApiextensionsV1Api(core.api_client).create_custom_resource_definition(body)
    customs, place = client.CustomObjectsApi(core.api_client), ("shop.test", "v1", "default", "gems")
    customs.create_namespaced_custom_object(*place, {"metadata": {"name": "ruby"}})
    items = customs.list_namespaced_custom_object(*place)["items"]
    assert [(item["kind"], item["apiVersion"]) for item in items] == [("Gem", "shop.test/v1")]
