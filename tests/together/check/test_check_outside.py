"""Services that are open to the outside, and the listeners of the target file."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest

from harness.drivers.check.transport.listeners import PUBLIC, undeclared
from harness.targets.files.listeners import TlsListener
from tests.builders.addresses import NET
from tests.together.check.test_check_around import service

if TYPE_CHECKING:
    from harness.targets import Target
    from tests.together.conftest import PocketCluster

PLACE = f"{NET}7:8080"
INTERNAL = {"service.beta.kubernetes.io/aws-load-balancer-scheme": "internal"}


@pytest.mark.parametrize(
    ("listener", "annotations", "open_too", "kinds"),
    [
        (None, {}, {}, ["LoadBalancer"]),
        (None, INTERNAL, {}, ["LoadBalancer"]),
        ({"public": True}, {}, {}, []),
        ({"mutual": True}, {}, {}, []),
        ({}, {}, {}, ["LoadBalancer"]),
        ({}, INTERNAL, {}, []),
        ({}, INTERNAL, {"externalIPs": [f"{NET}7"]}, ["external address"]),
        ({}, {"service.beta.kubernetes.io/aws-load-balancer-scheme": "internet-facing"}, {}, ["LoadBalancer"]),
    ],
    ids=[
        "nothing declares it",
        "nothing declares an internal one",
        "public",
        "mutual",
        "declared as of the inside",
        "internal and declared",
        "internal, and open by an address too",
        "declared as of the inside, facing the internet",
    ],
)
def test_what_is_open_to_the_outside_has_a_listener_that_says_so(
    cluster: PocketCluster,
    target: Target,
    *,
    listener: dict[str, Any] | None,
    annotations: dict[str, str],
    open_too: dict[str, Any],
    kinds: list[str],
) -> None:
    """A load balancer is of the inside where its Service and the target file both say so; else `every public` is not decided without it."""
    pages = service("pages", clusterIP=f"{NET}7", type="LoadBalancer", **open_too)
    pages["metadata"]["annotations"] = annotations
    cluster.create("Service", pages)
    listeners = {} if listener is None else {"pages": TlsListener(address=PLACE, **listener)}
    named = target.model_copy(update={"tls": target.tls.model_copy(update={"listeners": listeners})})
    facts = [one for one in undeclared(named, PUBLIC) if one.subject == "Service north/pages, port 8080"]
    assert [one.observed.removeprefix("open to the outside as ").split(",")[0] for one in facts] == kinds
    assert {one.ok for one in facts} <= {None}
