"""Ingresses: stored and validated, through the official client and chaostoolkit-kubernetes."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

import pytest
from kubernetes import client

from tests.sandbox.cluster.conftest import refusal

if TYPE_CHECKING:
    from tests.sandbox.cluster.conftest import PocketApi

PORT: dict[str, Any] = {"number": 80}
BACKEND: dict[str, Any] = {"service": {"name": "shop", "port": PORT}}
AT = "spec.rules[0].http.paths[0]"


@pytest.fixture(scope="module")
def networking(pocket_api: PocketApi) -> Any:
    """networking.k8s.io/v1."""
    return client.NetworkingV1Api(pocket_api.client())


def shop(path: str = "/", kind: str = "Prefix", backend: dict[str, Any] = BACKEND, **rule: Any) -> dict[str, Any]:
    """An Ingress with one rule."""
    paths = [{"path": path, "pathType": kind, "backend": backend}]
    return {"metadata": {"name": "shop"}, "spec": {"rules": [{"http": {"paths": paths}, **rule}]}}


def test_an_ingress_is_stored_changed_and_shown(networking: Any) -> None:
    """Its status has a load balancer without addresses; a change of the spec counts."""
    made = networking.create_namespaced_ingress("default", shop(host="*.shop.test"))
    assert (made.metadata.generation, made.status.load_balancer.ingress) == (1, None)
    patch = {"spec": {"ingressClassName": "edge", "tls": [{"hosts": ["a.shop.test"]}]}}
    changed = networking.patch_namespaced_ingress("shop", "default", patch)
    assert (changed.metadata.generation, changed.spec.rules[0].host) == (2, "*.shop.test")
    address = {"status": {"loadBalancer": {"ingress": [{"ip": "10.1.2.3"}]}}}
    networking.patch_namespaced_ingress_status("shop", "default", address)
    accept = {"accept": "application/json;as=Table;v=v1;g=meta.k8s.io"}
    answer = networking.list_namespaced_ingress("default", _preload_content=False, _headers=accept)
    table = json.loads(answer.data)
    assert [column["name"] for column in table["columnDefinitions"]][:5] == [
        *("Name", "Class", "Hosts", "Address", "Ports")
    ]
    assert table["rows"][0]["cells"][:5] == ["shop", "edge", "*.shop.test", "10.1.2.3", "80, 443"]
    networking.delete_namespaced_ingress("shop", "default")
    assert networking.list_ingress_for_all_namespaces().items == []


def test_an_invalid_ingress_is_refused(networking: Any, subtests: pytest.Subtests) -> None:
    """With the field and the words of the genuine server."""
    kinds = '"Exact", "ImplementationSpecific", "Prefix"'
    service = {"name": "shop"}
    cases: list[tuple[dict[str, Any], str, str]] = [
        ({**shop(), "spec": {}}, "spec", "Invalid value: null: either `defaultBackend` or `rules` must be specified"),
        (shop(path="shop"), f"{AT}.path", 'Invalid value: "shop": must be an absolute path'),
        (shop(path="/a//b"), f"{AT}.path", "Invalid value: \"/a//b\": must not contain '//'"),
        (shop(path="/a/.."), f"{AT}.path", "Invalid value: \"/a/..\": cannot end with '/..'"),
        (shop(kind="Some"), f"{AT}.pathType", f'Unsupported value: "Some": supported values: {kinds}'),
        (
            shop(host="10.0.0.1"),
            "spec.rules[0].host",
            'Invalid value: "10.0.0.1": must be a DNS name, not an IP address',
        ),
        (shop(backend={}), f"{AT}.backend", 'Invalid value: "": resource or service backend is required'),
        (shop(backend={"service": service}), f"{AT}.backend", "Required value: port name or number is required"),
        (
            shop(backend={"service": {**service, "port": {**PORT, "name": "http"}}}),
            f"{AT}.backend",
            'Invalid value: "": cannot set both port name & port number',
        ),
        (
            shop(backend={"service": {**service, "port": {"number": 0}}}),
            f"{AT}.backend.service.port.number",
            "Invalid value: 0: must be between 1 and 65535, inclusive",
        ),
        (
            shop(backend={**BACKEND, "resource": {"kind": "Bucket", "name": "b"}}),
            f"{AT}.backend",
            'Invalid value: "": cannot set both resource and service backends',
        ),
    ]
    for body, field, message in cases:
        with subtests.test(body=body):
            status = refusal(networking.create_namespaced_ingress, "default", body)
            assert status["code"] == 422
            assert [(each["field"], each["message"]) for each in status["details"]["causes"]] == [(field, message)]


def test_a_wrong_host_is_named_as_it_was_written(networking: Any) -> None:
    """A wildcard is allowed at its beginning alone."""
    status = refusal(networking.create_namespaced_ingress, "default", shop(host="*.a_b"))
    assert 'spec.rules[0].host: Invalid value: "*.a_b": ' in status["message"]
