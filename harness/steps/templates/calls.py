"""Calls of the target by a check: through the gateway and around it, bursts, sign-ins.

A staging database is compared with production's.
"""

from __future__ import annotations

from typing import Final

from harness.steps.meaning import Keyword
from harness.steps.objectives import check
from harness.steps.template import Template

CALLS: Final = (
    Template(
        name="gateway-only",
        keyword=Keyword.THEN,
        text='every service is reached through "<gateway:name>" and none answers a call from outside that goes around it',
        about=(
            "One read of each service through every region's gateway; a pod with labels that no rule names calls every other Service; "
            "no other Service or pod is open outside the cluster, and no Ingress or HTTPRoute of their namespace leads to one."
        ),
        example='every service is reached through "api-gateway" and none answers a call from outside that goes around it',
        mean=check("gateway-only", gateway="<gateway>"),
    ),
)
