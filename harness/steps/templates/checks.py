"""Facts of the live target."""

from __future__ import annotations

from typing import Final

from harness.steps.meaning import Keyword
from harness.steps.objectives import check
from harness.steps.template import Template

HEALTH_PATH: Final = "/health"
"""Where a service reports its health; the sentences call it `the health path`."""

CHECKS: Final = (
    Template(
        name="health-of-pods",
        keyword=Keyword.THEN,
        text="the health path of every pod of every service in every region answers 200 within <within:duration>",
        about="Each pod behind each Service is asked for its health directly.",
        example="the health path of every pod of every service in every region answers 200 within 1 s",
        mean=check("health-of-pods", path=HEALTH_PATH, within="<within>"),
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
        name="gateway-reads",
        keyword=Keyword.THEN,
        text="a read of every service passes through the api-gateway of every region with status 200",
        about="One read of each service is sent through each region's gateway.",
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
)
