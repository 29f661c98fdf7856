"""Lists as a genuine API server writes them, through the official client."""

from __future__ import annotations

import base64
import json
from typing import TYPE_CHECKING, Any

import pytest
from kubernetes import client

from tests.sandbox.cluster.conftest import raw, refusal

if TYPE_CHECKING:
    from tests.sandbox.cluster.conftest import PocketApi


FORM = "meta.k8s.io/v1"
TABLE = "application/json;as=Table;v=v1;g=meta.k8s.io"
PARTIAL = "application/json;as=PartialObjectMetadata;v=v1;g=meta.k8s.io"
PARTIAL_LIST = "application/json;as=PartialObjectMetadataList;v=v1;g=meta.k8s.io"


def token(content: dict[str, Any]) -> str:
    """A token of that content."""
    return base64.urlsafe_b64encode(json.dumps(content).encode()).decode().rstrip("=")


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
    extensions: Any = client.ApiextensionsV1Api(core.api_client)
    extensions.create_custom_resource_definition(body)
    customs: Any = client.CustomObjectsApi(core.api_client)
    place = ("shop.test", "v1", "default", "gems")
    customs.create_namespaced_custom_object(*place, {"metadata": {"name": "ruby"}})
    items = customs.list_namespaced_custom_object(*place)["items"]
    assert [(item["kind"], item["apiVersion"]) for item in items] == [("Gem", "shop.test/v1")]


def test_pages_make_up_the_list_of_their_beginning(core: Any) -> None:
    """What was created, changed and deleted between two pages does not show; the rest is counted where nothing selects."""
    names = [f"page-{number}" for number in range(5)]
    maps(core, *names, suite="pages")
    first = core.list_namespaced_config_map("default", limit=2)
    every = len(core.list_namespaced_config_map("default").items)
    assert first.metadata.remaining_item_count == every - 2
    chosen: dict[str, Any] = {"label_selector": "suite=pages", "limit": 2}
    page = core.list_namespaced_config_map("default", **chosen)
    version, seen = page.metadata.resource_version, [item.metadata.name for item in page.items]
    assert (seen, page.metadata.remaining_item_count) == (["page-0", "page-1"], None)
    maps(core, "page-00", "page-9", suite="pages")
    core.patch_namespaced_config_map("page-2", "default", {"data": {"later": "1"}})
    core.delete_namespaced_config_map("page-3", "default")
    while token := page.metadata._continue:
        page = core.list_namespaced_config_map("default", **chosen, _continue=token)
        assert page.metadata.resource_version == version
        assert not any(item.data for item in page.items)
        seen += [item.metadata.name for item in page.items]
    assert seen == names
    now = core.list_config_map_for_all_namespaces(**chosen)
    assert [item.metadata.name for item in now.items] == ["page-0", "page-00"]
    core.delete_collection_namespaced_config_map("default", label_selector="suite=pages")


def test_pages_go_on_over_namespaces(core: Any) -> None:
    """The token of a list of all namespaces names the namespace; a stale list may be given whole."""
    maps(core, "a", "b", suite="everywhere")
    core.create_namespaced_config_map("kube-system", {"metadata": {"name": "a", "labels": {"suite": "everywhere"}}})
    chosen: dict[str, Any] = {"label_selector": "suite=everywhere", "limit": 2}
    first = core.list_config_map_for_all_namespaces(**chosen)
    second = core.list_config_map_for_all_namespaces(**chosen, _continue=first.metadata._continue)
    assert [(item.metadata.namespace, item.metadata.name) for item in (*first.items, *second.items)] == [
        ("default", "a"),
        ("default", "b"),
        ("kube-system", "a"),
    ]
    assert second.metadata._continue is None
    assert len(core.list_config_map_for_all_namespaces(**chosen, resource_version="0").items) == 3
    table = raw(core.list_config_map_for_all_namespaces, **chosen, _headers={"accept": TABLE})
    assert (len(table["rows"]), table["metadata"]["continue"]) == (2, first.metadata._continue)


def test_a_page_that_is_too_old_says_how_to_go_on(core: Any) -> None:
    """410 with a token that shows what is there now; this server's ring holds 200 changes."""
    maps(core, "old-0", "old-1", "old-2", suite="old")
    chosen: dict[str, Any] = {"label_selector": "suite=old", "limit": 1}
    token = core.list_namespaced_config_map("default", **chosen).metadata._continue
    for number in range(201):
        core.patch_namespaced_config_map("old-2", "default", {"data": {"count": str(number)}})
    status = refusal(core.list_namespaced_config_map, "default", **chosen, _continue=token)
    assert (status["code"], status["reason"]) == (410, "Expired")
    page = core.list_namespaced_config_map("default", **chosen, _continue=status["metadata"]["continue"])
    assert [item.metadata.name for item in page.items] == ["old-1"]


@pytest.mark.parametrize(
    ("options", "why"),
    [
        ({"_continue": "?"}, "invalid continue token: continue key is not valid: illegal base64 data at input byte 0"),
        ({"_continue": "YWJj"}, "invalid continue token: continue key is not valid"),
        ({"_continue": "W1tb" * 1000}, "invalid continue token: continue key is not valid"),
        ({"_continue": token({"v": "v9"})}, "server does not recognize this encoded version v9"),
        ({"_continue": token({"v": FORM, "rv": 0, "start": "a"})}, "incorrect encoded start resourceVersion"),
        ({"_continue": token({"v": FORM, "rv": 1})}, "encoded start key empty"),
        (
            {"_continue": token({"v": FORM, "rv": 1, "start": "a"}), "resource_version": "5"},
            "specifying resource version is not allowed when using continue",
        ),
    ],
)
def test_what_is_no_page_is_refused(core: Any, options: dict[str, Any], why: str) -> None:
    """400 with what is wrong."""
    status = refusal(core.list_namespaced_config_map, "default", **options)
    assert (status["code"], why in status["message"]) == (400, True)


def test_metadata_is_served_alone(core: Any) -> None:
    """Of one object, of a list, in a watch, and of what a write answers."""
    maps(core, "alone", suite="metadata")
    meta = {"apiVersion": "meta.k8s.io/v1", "kind": "PartialObjectMetadata"}
    one = raw(core.read_namespaced_config_map, "alone", "default", _headers={"accept": PARTIAL})
    assert {key: one[key] for key in meta} == meta
    assert set(one) == {*meta, "metadata"}
    chosen: dict[str, Any] = {"label_selector": "suite=metadata", "limit": 1}
    found = raw(core.list_namespaced_config_map, "default", **chosen, _headers={"accept": PARTIAL_LIST})
    assert (found["kind"], found["apiVersion"], found["items"]) == (f"{meta['kind']}List", meta["apiVersion"], [one])
    watched: dict[str, Any] = {**chosen, "watch": True, "timeout_seconds": 1, "_headers": {"accept": PARTIAL}}
    assert raw(core.list_namespaced_config_map, "default", **watched) == {"type": "ADDED", "object": one}
    patch = {"metadata": {"labels": {"more": "1"}}}
    written = raw(core.patch_namespaced_config_map, "alone", "default", patch, _headers={"accept": PARTIAL})
    assert (written["kind"], written["metadata"]["labels"]["more"]) == (meta["kind"], "1")
    assert raw(core.delete_namespaced_config_map, "alone", "default", _headers={"accept": PARTIAL})["kind"] == "Status"


def test_the_shape_must_fit_what_is_asked_for(core: Any) -> None:
    """406; of several the first that is served is taken."""
    for method, arguments, accept in (
        (core.list_namespaced_config_map, ("default",), PARTIAL),
        (core.read_namespace, ("default",), PARTIAL_LIST),
        (core.read_namespace, ("default",), "application/json;as=Gold;v=v1;g=meta.k8s.io"),
    ):
        status = refusal(raw, method, *arguments, _headers={"accept": accept})
        assert (status["code"], status["reason"]) == (406, "NotAcceptable")
    accept = f"application/json;as=Gold;v=v1;g=meta.k8s.io,{PARTIAL},application/json"
    assert raw(core.read_namespace, "default", _headers={"accept": accept})["kind"] == "PartialObjectMetadata"


def test_a_list_that_cannot_be_served_as_it_is_asked_for_is_refused(core: Any, subtests: pytest.Subtests) -> None:
    """A version that is no number, or is to come, and an empty part of a selector."""
    for asked, code, words in [
        ({"resource_version": "abc"}, 400, 'parsing "abc": invalid syntax'),
        ({"resource_version": "999999999"}, 504, "Too large resource version: 999999999"),
        ({"resource_version": "999999999", "resource_version_match": "NotOlderThan"}, 504, "Too large resource"),
        ({"resource_version": "999999999", "resource_version_match": "Exact"}, 504, "Too large resource version"),
        ({"resource_version_match": "Exact"}, 422, "forbidden unless resourceVersion is provided"),
        ({"resource_version": "0", "resource_version_match": "Exact"}, 422, 'forbidden for resourceVersion "0"'),
        ({"resource_version": "1", "resource_version_match": "Newest"}, 422, 'Unsupported value: "Newest"'),
        ({"label_selector": "n=5,"}, 400, "unable to parse"),
    ]:
        with subtests.test(asked=asked):
            status = refusal(core.list_namespaced_config_map, "default", **asked)
            assert (status["code"], words in status["message"]) == (code, True)


def test_a_list_is_served_as_it_was_at_a_version(core: Any) -> None:
    """`Exact` shows what was there then, in pages too; a version that is gone is 410; `NotOlderThan` shows the present."""
    maps(core, "then-a", "then-b", suite="then")
    then = core.list_namespaced_config_map("default", label_selector="suite=then").metadata.resource_version
    maps(core, "then-c", suite="then")

    def found(version: str, match: str, **options: Any) -> list[str]:
        asked = {"resource_version": version, "resource_version_match": match, **options}
        listed = core.list_namespaced_config_map("default", label_selector="suite=then", **asked)
        return [each.metadata.name for each in listed.items]

    assert found(then, "Exact") == ["then-a", "then-b"]
    assert found(then, "Exact", limit=1) == ["then-a"]
    assert found(then, "NotOlderThan") == ["then-a", "then-b", "then-c"]
    for number in range(201):  # as many as the ring holds, and one more
        core.patch_namespaced_config_map("then-a", "default", {"data": {"n": str(number)}})
    assert refusal(found, then, "Exact")["code"] == 410
