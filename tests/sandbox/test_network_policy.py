"""NetworkPolicy decisions, each by a literal policy."""

from __future__ import annotations

import itertools
from dataclasses import replace
from typing import Any

import pytest

from readiness_sandbox.cluster.controllers.services import Admission
from readiness_sandbox.network.policy import Party, Policies
from readiness_sandbox.network.seam import HOST, Endpoint, Seat

FRONTEND = Party(address="127.92.1.1", namespace="shop", labels={"app": "frontend"}, namespace_labels={"team": "a"})
STRANGER = Party(address="127.92.1.2", namespace="shop", labels={"app": "other"}, namespace_labels={"team": "a"})
FOREIGN = Party(address="127.92.1.3", namespace="lab", labels={"app": "frontend"}, namespace_labels={"team": "b"})
BACKEND = Party(
    address="127.92.1.9",
    namespace="shop",
    labels={"app": "backend"},
    namespace_labels={"team": "a"},
    ports={"http": 8080},
)
OUTSIDE = Party(address="127.0.0.1")


def policy(spec: dict[str, Any], namespace: str = "shop") -> dict[str, Any]:
    """A NetworkPolicy of that namespace."""
    return {"metadata": {"name": "p", "namespace": namespace}, "spec": spec}


BACKENDS = {"podSelector": {"matchLabels": {"app": "backend"}}}


def callers(*specs: dict[str, Any]) -> list[str]:
    """Who may call the backend on 8080 under these policies."""
    policies = Policies([policy(spec) for spec in specs])
    named = {"frontend": FRONTEND, "stranger": STRANGER, "foreign": FOREIGN, "outside": OUTSIDE}
    return [name for name, party in named.items() if policies.admit(party, BACKEND, 8080)]


def test_policies_admit_their_peers_only(subtests: pytest.Subtests) -> None:
    """By default everybody may call; a rule names podSelector, namespaceSelector, both, or ipBlock; a second policy admits more, never less."""
    everybody = ["frontend", "stranger", "foreign", "outside"]
    deny_all = {"podSelector": {}, "policyTypes": ["Ingress"]}

    def of(peer: dict[str, Any]) -> dict[str, Any]:
        return {**BACKENDS, "ingress": [{"from": [peer]}]}

    frontends: dict[str, Any] = {"podSelector": {"matchLabels": {"app": "frontend"}}}
    cases: list[tuple[str, list[dict[str, Any]], list[str]]] = [
        ("no policy", [], everybody),
        ("no rule", [deny_all], []),
        ("an empty rule", [{**BACKENDS, "ingress": [{}]}], everybody),
        ("pods", [of(frontends)], ["frontend"]),
        ("namespaces", [of({"namespaceSelector": {"matchLabels": {"team": "b"}}})], ["foreign"]),
        ("every namespace", [of({"namespaceSelector": {}})], ["frontend", "stranger", "foreign"]),
        ("pods of every namespace", [of({"namespaceSelector": {}, **frontends})], ["frontend", "foreign"]),
        ("every address", [of({"ipBlock": {"cidr": "0.0.0.0/0"}})], everybody),
        ("addresses", [of({"ipBlock": {"cidr": "127.0.0.0/8", "except": ["127.92.0.0/16"]}})], ["outside"]),
        ("two policies", [of(frontends), deny_all], ["frontend"]),
    ]
    for name, specs, admitted in cases:
        with subtests.test(name):
            assert callers(*specs) == admitted


@pytest.mark.parametrize(
    ("port", "admitted"),
    [
        ({"port": 8080}, True),
        ({"port": "http"}, True),
        ({"port": 8000, "endPort": 9000}, True),
        ({"port": 9090}, False),
        ({"port": "metrics"}, False),
        ({"protocol": "UDP", "port": 8080}, False),
        ({}, True),
    ],
)
def test_a_rule_admits_its_ports_only(port: dict[str, Any], admitted: bool) -> None:  # noqa: FBT001
    """By number, name, range and protocol."""
    policies = Policies([policy({**BACKENDS, "ingress": [{"ports": [port]}]})])
    assert policies.admit(FRONTEND, BACKEND, 8080) is admitted


def test_denied_egress_binds_the_caller() -> None:
    """`policyTypes: [Egress]` without rules: what chaosk8s calls deny-all-egress."""
    policies = Policies([policy({"podSelector": {}, "policyTypes": ["Egress"]})])
    assert not policies.admit(FRONTEND, BACKEND, 8080)
    assert policies.admit(FOREIGN, BACKEND, 8080)


@pytest.mark.parametrize(
    "peer",
    [
        None,
        {"podSelector": {"matchLabels": {"app": "frontend"}}},
        {"namespaceSelector": {"matchLabels": {"team": "b"}}},
        {"ipBlock": {"cidr": "127.92.1.1/32"}},
    ],
)
def test_callers_that_are_alike_are_admitted_alike(peer: dict[str, Any] | None) -> None:
    """What is decided once for many seats is what each would be told; by address only where a policy asks for it."""
    rules = [] if peer is None else [policy({**BACKENDS, "ingress": [{"from": [peer]}]})]
    twin = replace(FRONTEND, address="127.92.1.7")
    parties = [FRONTEND, twin, STRANGER, FOREIGN, BACKEND]
    policies = Policies(rules)
    admission = Admission(policies, {party.address: party for party in parties})
    endpoints = tuple(Endpoint(address=party.address, port=8080) for party in parties)
    for caller in parties:
        seat = Seat(key=caller.address, namespace=caller.namespace, address=caller.address)
        admitted = [policies.admit(caller, callee, 8080) for callee in parties]
        assert admission(seat, endpoints) == tuple(itertools.compress(endpoints, admitted))
    assert admission(HOST, endpoints) == endpoints
