"""Services that are open to the outside, and the listeners of the target file."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest

from harness.drivers.check.transport.listeners import PUBLIC, undeclared
from harness.targets.files.listeners import TlsListener
from tests.builders.addresses import NET
from tests.together.objects import service

if TYPE_CHECKING:
    from harness.targets import Target
    from tests.together.conftest import PocketCluster

SCHEME = "service.beta.kubernetes.io/aws-load-balancer-scheme"


def test_what_is_open_to_the_outside_has_a_listener_that_says_so(
    cluster: PocketCluster, target: Target, subtests: pytest.Subtests
) -> None:
    """A load balancer is of the inside where its Service and the target file both say so; else `every public` is not decided without it."""
    internal, facing = {SCHEME: "internal"}, {SCHEME: "internet-facing"}
    cases: list[tuple[str, dict[str, Any] | None, dict[str, str], bool, list[str]]] = [
        ("nothing declares it", None, {}, False, ["LoadBalancer"]),
        ("nothing declares an internal one", None, internal, False, ["LoadBalancer"]),
        ("public", {"public": True}, {}, False, []),
        ("mutual", {"mutual": True}, {}, False, []),
        ("declared as of the inside", {}, {}, False, ["LoadBalancer"]),
        ("internal and declared", {}, internal, False, []),
        ("internal, and open by an address too", {}, internal, True, ["external address"]),
        ("declared as of the inside, facing the internet", {}, facing, False, ["LoadBalancer"]),
    ]
    for number, (name, listener, notes, by_address, kinds) in enumerate(cases, 11):
        with subtests.test(name):
            address, own = f"{NET}{number}", f"Service north/pages-{number}, port 8080"
            more: dict[str, Any] = {"externalIPs": [address]} if by_address else {}
            pages = service(f"pages-{number}", clusterIP=address, type="LoadBalancer", **more)
            pages["metadata"]["annotations"] = notes
            cluster.create("Service", pages)
            listeners = {} if listener is None else {"pages": TlsListener(address=f"{address}:8080", **listener)}
            named = target.model_copy(update={"tls": target.tls.model_copy(update={"listeners": listeners})})
            facts = [one for one in undeclared(named, PUBLIC) if one.subject == own]
            assert [one.observed.removeprefix("open to the outside as ").split(",")[0] for one in facts] == kinds
            assert {one.ok for one in facts} <= {None}
