"""Facts of the live target."""

from __future__ import annotations

from typing import Final

from harness.steps.meaning import Keyword
from harness.steps.objectives import check
from harness.steps.template import Template

CHECKS: Final = (
    Template(
        name="health-of-pods",
        keyword=Keyword.THEN,
        text="the health path of every pod of every service in every region answers 200 within <within:duration>",
        about=(
            "In every region, `probes.health` of the target file is requested from each pod behind each Service. A Service that "
            "is missing in a region, or has no pod, fails."
        ),
        example="the health path of every pod of every service in every region answers 200 within 1 s",
        mean=check("health-of-pods", within="<within>"),
    ),
    Template(
        name="deployment-size",
        keyword=Keyword.THEN,
        text=(
            'deployment "<deployment:name>" has <replicas:count> ready replicas with cpu <cpu> and memory <memory>'
            "[ in the steady state]"
        ),
        about="Ready replicas, and CPU and memory as both request and limit, as the Kubernetes API says.",
        example='deployment "api-gateway" has 3 ready replicas with cpu 500m and memory 512Mi',
        mean=check("deployment-size", deployment="<deployment>", replicas="<replicas>", cpu="<cpu>", memory="<memory>"),
    ),
    Template(
        name="deployment-size-and-limits",
        keyword=Keyword.THEN,
        text=(
            'deployment "<deployment:name>" has <replicas:count> ready replicas with requests <cpu>, <memory> and '
            "limits <cpu_limit:cpu>, <memory_limit:memory>[ in the steady state]"
        ),
        about="The same, where the limits are other than the requests.",
        example='deployment "web" has 3 ready replicas with requests 250m, 256Mi and limits 500m, 512Mi',
        mean=check(
            "deployment-size",
            deployment="<deployment>",
            replicas="<replicas>",
            cpu="<cpu>",
            memory="<memory>",
            cpu_limit="<cpu_limit>",
            memory_limit="<memory_limit>",
        ),
    ),
    Template(
        name="gateway-reads",
        keyword=Keyword.THEN,
        text="a read of every service passes through the api-gateway of every region with status 200",
        about="One read of each service is sent through each region's gateway; a region of the plan without one makes it INCONCLUSIVE, and so does a service of `routes` or `services` without a read.",
        example="a read of every service passes through the api-gateway of every region with status 200",
        mean=check("gateway-reads"),
    ),
    Template(
        name="network-policy",
        keyword=Keyword.THEN,
        text="TCP <port> of the backend accepts its declared callers and refuses every other workload",
        about="Two probe pods, one labelled as a declared caller and one not, connect to each backend.",
        example="TCP 8080 of the backend accepts its declared callers and refuses every other workload",
        mean=check("network-policy", port="<port>"),
    ),
    Template(
        name="network-ports",
        keyword=Keyword.THEN,
        text="every connection from a declared caller to another port of the backend than TCP <port> was refused",
        about="A pod that carries each backend's labels listens on the port and on three others; a declared caller reaches the one port only.",
        example="every connection from a declared caller to another port of the backend than TCP 8080 was refused",
        mean=check("network-ports", port="<port>"),
    ),
    Template(
        name="pending-pod-runs",
        keyword=Keyword.THEN,
        text="a pod pending for lack of CPU runs within <limit:period>",
        about="As many sleeping pods are made as the nodes have CPU for, and one more; that one must run in time, on a node that is added.",
        example="a pod pending for lack of CPU runs within 10 min",
        mean=check("pending-pod-runs", within="<limit>"),
    ),
    Template(
        name="written-and-read",
        keyword=Keyword.THEN,
        text="every write accepted by <from:region> is readable in <to:region> within <within:duration>",
        about="Twenty rows of the ledger are written at the entry of one region, and each is read at that of another until it is there.",
        example="every write accepted by ap-southeast-1 is readable in us-east-1 within 5 s",
        mean=check("written-and-read", **{"from": "<from>", "to": "<to>", "within": "<within>"}),
    ),
    Template(
        name="dns-records",
        keyword=Keyword.THEN,
        text="every public name resolves to its declared addresses with a TTL of at most <ttl:duration>",
        about="Each name of the key `dns` is asked of the users' resolver: its addresses and no other, IPv4 and IPv6.",
        example="every public name resolves to its declared addresses with a TTL of at most 60 s",
        mean=check("dns-records", ttl="<ttl>"),
    ),
    Template(
        name="dns-servers",
        keyword=Keyword.THEN,
        text="every authoritative server of the zone answers every public name, with equal records",
        about="Each authoritative server is asked for each public name by itself; its answer must be authoritative and that of all others.",
        example="every authoritative server of the zone answers every public name, with equal records",
        mean=check("dns-servers"),
    ),
)
