"""The API on the wire: what goes over HTTP, byte by byte where clients care."""

from __future__ import annotations

import json
import re
from typing import Any

import httpx
import pytest

from readiness_sandbox.cluster import kinds
from readiness_sandbox.cluster.custom.definitions import served, shipped
from tests.builders.pages import pages

TABLE = (
    "application/json;as=Table;v=v1;g=meta.k8s.io,application/json;as=Table;v=v1beta1;g=meta.k8s.io,application/json"
)
DEFAULT = "/api/v1/namespaces/default"
PODS = f"{DEFAULT}/pods"
MAPS = f"{DEFAULT}/configmaps"
DEPLOYMENTS = "/apis/apps/v1/namespaces/default/deployments"
MERGE = {"content-type": "application/merge-patch+json"}
UNSUPPORTED = "UnsupportedMediaType"


def pod(name: str, **container: Any) -> dict[str, Any]:
    """A pod without kind and apiVersion, as chaosk8s' bodies are."""
    return {"metadata": {"name": name}, "spec": {"containers": [{"name": "c", "image": "i:1", **container}]}}


def refusal(response: httpx.Response) -> tuple[int, str]:
    """Code and reason of a Status; both must agree with HTTP."""
    status = response.json()
    assert (status["kind"], status["status"], status["code"]) == ("Status", "Failure", response.status_code)
    return status["code"], status["reason"]


def test_without_the_token_only_health_and_version_answer(http: httpx.Client) -> None:
    """401 is a Status too."""
    for path in ("/healthz", "/livez", "/readyz", "/version"):
        assert http.get(path, headers={"authorization": ""}).status_code == 200
    for path in ("/api", PODS, "/openapi/v2", "/nothing"):
        assert refusal(http.get(path, headers={"authorization": "Bearer other"})) == (401, "Unauthorized")


def test_discovery_is_legacy_whatever_is_asked(http: httpx.Client) -> None:
    """A client that prefers the aggregated document reads the legacy one; pods/eviction is listed for drain."""
    accept = "application/json;g=apidiscovery.k8s.io;v=v2;as=APIGroupDiscoveryList,application/json"
    assert http.get("/api", headers={"accept": accept}).json()["kind"] == "APIVersions"
    groups = http.get("/apis", headers={"accept": accept}).json()
    assert {group["name"] for group in groups["groups"]} == {kind.group for kind in kinds.KINDS} - {""}
    core = {entry["name"]: entry for entry in http.get("/api/v1").json()["resources"]}
    assert core["pods/eviction"]["kind"] == "Eviction"
    assert core["pods/eviction"]["group"] == "policy"
    apps = http.get("/apis/apps/v1").json()
    assert {"deployments/scale", "statefulsets/scale"} <= {entry["name"] for entry in apps["resources"]}
    assert http.get("/apis/apps").json()["kind"] == "APIGroup"
    assert refusal(http.get("/apis/storage.k8s.io/v1")) == (404, "NotFound")


def test_the_list_of_kinds_in_the_docs_is_what_is_served() -> None:
    """`docs/sandbox-what-is-real.md` names each group and kind once: the rows of `KINDS` and the shipped definitions."""
    text = pages("sandbox-what-is-real").split("## What the API serves")[1]
    documented = {
        (version, kind)
        for version, listed in re.findall(r"^\| `([^`]+)` \| (.+) \|$", text, re.MULTILINE)
        for kind in listed.split(", ")
    }
    rows = [*kinds.KINDS, *(row for each in shipped() for row in served(each))]
    assert documented == {(row.api_version, row.kind) for row in rows}


def test_the_open_api_document_is_empty_but_valid(http: httpx.Client) -> None:
    """Zero bytes of protobuf: kubectl then lets the server validate."""
    response = http.get("/openapi/v2", headers={"accept": "application/com.github.proto-openapi.spec.v2@v1.0+protobuf"})
    assert (response.status_code, response.content) == (200, b"")
    assert response.headers["content-type"].startswith("application/com.github.proto-openapi.spec.v2.v1.0+protobuf")


def test_a_body_without_content_type_is_json(http: httpx.Client) -> None:
    """Client 37 sends none; kind and apiVersion are filled in."""
    response = http.post(MAPS, content=json.dumps({"metadata": {"name": "untyped"}}))
    assert (response.status_code, response.json()["kind"]) == (201, "ConfigMap")


def test_a_refusal_is_a_status(http: httpx.Client, subtests: pytest.Subtests) -> None:
    """Code, reason and kind are those of a real API server."""
    protobuf, apply = "application/vnd.kubernetes.protobuf", "application/apply-patch+yaml"
    cases: list[tuple[str, str, dict[str, Any], tuple[int, str]]] = [
        ("GET", f"{PODS}/nobody", {}, (404, "NotFound")),
        ("GET", "/api/v1/namespaces/default/gadgets", {}, (404, "NotFound")),
        ("GET", f"{PODS}/nobody/exec", {}, (404, "NotFound")),
        ("POST", "/api/v1/namespaces/nowhere/pods", {"json": pod("a")}, (404, "NotFound")),
        ("POST", "/api/v1/pods", {"json": pod("a")}, (405, "MethodNotAllowed")),
        ("PUT", PODS, {"json": pod("a")}, (405, "MethodNotAllowed")),
        ("DELETE", "/api/v1/namespaces", {}, (405, "MethodNotAllowed")),
        ("POST", "/version", {}, (405, "MethodNotAllowed")),
        ("GET", "/api/v1/namespaces/default/finalize", {}, (405, "MethodNotAllowed")),
        ("GET", PODS, {"headers": {"accept": protobuf}}, (406, "NotAcceptable")),
        ("POST", PODS, {"content": b"k8s\x00", "headers": {"content-type": protobuf}}, (415, UNSUPPORTED)),
        ("PATCH", DEFAULT, {"content": b"a: 1", "headers": {"content-type": apply}}, (415, UNSUPPORTED)),
        ("PATCH", DEFAULT, {"json": {}}, (415, UNSUPPORTED)),
        ("POST", PODS, {"content": b"{"}, (400, "BadRequest")),
        ("POST", PODS, {"json": []}, (400, "BadRequest")),
        ("POST", PODS, {"json": {**pod("a"), "kind": "Service"}}, (400, "BadRequest")),
        ("POST", PODS, {"json": pod("a", env=[{"name": "A", "value": 1.5}])}, (400, "BadRequest")),
        ("POST", PODS, {"json": {"metadata": {"name": "a", "labels": {"a": 2}}, "spec": {}}}, (400, "BadRequest")),
        ("POST", PODS, {"json": {"metadata": {"name": "a"}, "spec": {}}}, (422, "Invalid")),
        ("POST", PODS, {"json": {"metadata": {"name": "a"}}}, (422, "Invalid")),
        ("POST", PODS, {"json": pod("Not_A_Name")}, (422, "Invalid")),
        ("POST", PODS, {"json": pod("a", env=[{"value": "nameless"}])}, (422, "Invalid")),
        ("POST", PODS, {"json": pod("a", volumeMounts=[{"name": "no", "mountPath": "/x"}])}, (422, "Invalid")),
        ("POST", DEPLOYMENTS, {"json": {"metadata": {"name": "a"}}}, (422, "Invalid")),
        ("POST", f"{MAPS}?fieldValidation=Strict", {"json": {"metadata": {"name": "a"}, "x": 1}}, (400, "BadRequest")),
        ("POST", f"{MAPS}?dryRun=Some", {"json": {"metadata": {"name": "a"}}}, (400, "BadRequest")),
        ("GET", f"{PODS}?labelSelector=a+b+c", {}, (400, "BadRequest")),
        ("GET", f"{PODS}?watch=1&timeoutSeconds=soon", {}, (400, "BadRequest")),
        ("GET", f"{PODS}?limit=few", {}, (400, "BadRequest")),
        ("GET", f"{PODS}?watch=1&sendInitialEvents=true", {}, (422, "Invalid")),
    ]
    for method, path, options, expected in cases:
        with subtests.test(method=method, path=path, options=options):
            assert refusal(http.request(method, path, **options)) == expected


def test_booleans_are_read_leniently(http: httpx.Client) -> None:
    """`watch=True` from client 36 and Patroni watches; `watch=false` and `watch=0` list."""
    for text in ("True", "true", "1", ""):
        with http.stream("GET", f"{MAPS}?watch={text}&timeoutSeconds=1") as response:
            lines = list(response.iter_lines())
            assert lines
            assert all(json.loads(line)["type"] == "ADDED" for line in lines)
    for text in ("false", "False", "0"):
        assert http.get(f"{MAPS}?watch={text}").json()["kind"] == "ConfigMapList"


def test_a_watch_may_speak_in_tables(http: httpx.Client) -> None:
    """Each event's object is a Table with one row; the row carries metadata, the object itself on demand."""
    http.post(PODS, json=pod("tabled"))
    query = "watch=1&timeoutSeconds=1&fieldSelector=metadata.name%3Dtabled"
    with http.stream("GET", f"{PODS}?{query}&includeObject=Object", headers={"accept": TABLE}) as response:
        (line,) = response.iter_lines()
    event = json.loads(line)
    assert (event["type"], event["object"]["kind"]) == ("ADDED", "Table")
    (row,) = event["object"]["rows"]
    assert row["cells"][:3] == ["tabled", "0/1", "Pending"]
    assert row["object"]["spec"]["containers"][0]["name"] == "c"
    listed = http.get(PODS, headers={"accept": TABLE}).json()
    assert {row["object"]["kind"] for row in listed["rows"]} == {"PartialObjectMetadata"}


def test_a_client_that_asks_for_bookmarks_goes_on_from_the_end_of_a_watch(http: httpx.Client) -> None:
    """Its own objects did not change meanwhile, others did: the version of its last event is too old, that of the bookmark is not."""
    first = http.get(PODS).json()["metadata"]["resourceVersion"]
    for i in range(210):
        http.patch("/api/v1/namespaces/default", json={"metadata": {"annotations": {"i": str(i)}}}, headers=MERGE)
    now = http.get(PODS).json()["metadata"]["resourceVersion"]
    with http.stream(
        "GET", f"{PODS}?watch=1&resourceVersion={now}&timeoutSeconds=1&allowWatchBookmarks=true"
    ) as response:
        (line,) = response.iter_lines()
    event = json.loads(line)
    assert (event["type"], event["object"]["kind"]) == ("BOOKMARK", "Pod")
    assert int(event["object"]["metadata"]["resourceVersion"]) >= int(now) > int(first)
    with http.stream("GET", f"{PODS}?watch=1&resourceVersion={now}&timeoutSeconds=1") as response:
        assert list(response.iter_lines()) == []


def test_an_expired_watch_is_one_line(http: httpx.Client) -> None:
    """Patroni and the client look for code 410 in the object of that line."""
    for i in range(210):
        http.patch("/api/v1/namespaces/default", json={"metadata": {"annotations": {"i": str(i)}}}, headers=MERGE)
    with http.stream("GET", f"{MAPS}?watch=1&resourceVersion=1") as response:
        (line,) = response.iter_lines()
    event = json.loads(line)
    assert (event["type"], event["object"]["code"], event["object"]["reason"]) == ("ERROR", 410, "Expired")


def test_server_owned_metadata_cannot_be_written(http: httpx.Client) -> None:
    """Neither a uid nor a deletionTimestamp of the client's making is kept; a foreign uid is a conflict."""
    made = http.post(
        MAPS, json={"metadata": {"name": "owned", "uid": "mine", "deletionTimestamp": "2026-01-01T00:00:00Z"}}
    )
    meta = made.json()["metadata"]
    assert meta["uid"] != "mine"
    assert "deletionTimestamp" not in meta
    put = http.put(f"{MAPS}/owned", json={"metadata": {"name": "owned"}, "data": {"a": "b"}})
    assert put.json()["metadata"]["uid"] == meta["uid"]
    assert refusal(http.put(f"{MAPS}/owned", json={"metadata": {"name": "owned", "uid": "x"}})) == (409, "Conflict")
    stale = {"metadata": {"name": "owned", "resourceVersion": meta["resourceVersion"]}}
    assert refusal(http.put(f"{MAPS}/owned", json=stale)) == (409, "Conflict")


def test_most_deletes_answer_a_status(http: httpx.Client) -> None:
    """Pods, services and service accounts answer with the object, all else with Success and the uid."""
    uid = http.post(MAPS, json={"metadata": {"name": "left"}}).json()["metadata"]["uid"]
    answered = http.delete(f"{MAPS}/left").json()
    assert (answered["status"], answered["details"]) == ("Success", {"name": "left", "kind": "configmaps", "uid": uid})
    services = "/api/v1/namespaces/default/services"
    http.post(services, json={"metadata": {"name": "main-config"}, "spec": {"clusterIP": "None"}})
    assert http.delete(f"{services}/main-config").json()["kind"] == "Service"


def test_orphans_lose_their_owner(http: httpx.Client) -> None:
    """With propagationPolicy Orphan the dependents stay and no longer name the owner."""
    uid = http.post(MAPS, json={"metadata": {"name": "owner"}}).json()["metadata"]["uid"]
    reference = {"apiVersion": "v1", "kind": "ConfigMap", "name": "owner", "uid": uid}
    http.post(MAPS, json={"metadata": {"name": "owned-one", "ownerReferences": [reference]}})
    http.delete(f"{MAPS}/owner?propagationPolicy=Orphan")
    assert http.get(f"{MAPS}/owned-one").json()["metadata"]["ownerReferences"] == []
