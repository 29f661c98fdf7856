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
    Template(
        name="pool-burst",
        keyword=Keyword.THEN,
        text="every request over the pool's size is answered or refused with 503 within <within:duration> during the burst",
        about="Ten times as many reads at once as the pods of the primary region have connections to the database; as many as there are connections must be answered.",
        example="every request over the pool's size is answered or refused with 503 within 5 s during the burst",
        mean=check("pool-burst", within="<within>"),
    ),
    Template(
        name="sign-ins",
        keyword=Keyword.THEN,
        text="every right sign-in got a token and every wrong one 401, at least <count> of each",
        about="Right and wrong sign-ins of test users: another case, a letter more or less, another user's password, an unknown user.",
        example="every right sign-in got a token and every wrong one 401, at least 1000 of each",
        mean=check("sign-ins", count="<count>"),
    ),
    Template(
        name="region-serves",
        keyword=Keyword.THEN,
        text="at least <share:ratio> of each region's requests are served in that region[ in the steady state]",
        about="Reads sent to each region's own entry, by the region that their answers name.",
        example="at least 95 % of each region's requests are served in that region in the steady state",
        mean=check("region-serves", at_least="<share>"),
    ),
)
