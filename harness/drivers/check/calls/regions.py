"""`region-serves`: checks that the requests of a region are served in that region."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from typing import Final

from harness.drivers.check.calls.together import CallPlan, send_together
from harness.drivers.check.claim import claim
from harness.drivers.check.needs import ENTRIES
from harness.drivers.facts import FactProbe, FactReading
from harness.errors import ConfigurationError
from harness.model import Quantity
from harness.targets import Target

HEADER: Final = "x-served-region"
REQUESTS: Final = 200
_AT_ONCE: Final = 8
_WITHIN_S: Final = 2.0


@claim(
    "at least <share:ratio> of each region's requests are served in that region[ in the steady state]",
    example="at least 95 % of each region's requests are served in that region in the steady state",
    fixed={"at_least": "<share>"},
    needs=(ENTRIES,),
    seconds=3.0,
    touches=("entry",),
)
def region_serves(target: Target, params: Mapping[str, str]) -> FactProbe:
    """Reads sent to each region's own entry, by the region that their answers name.

    200 reads are sent to each entry.
    """
    if not target.doors:
        raise ConfigurationError(
            "no region with an entry", where=f"{target.file}: regions", hint="write `regions: {NAME: {entry: …}}`"
        )
    least, call = Quantity.parse(params["at_least"]).base, CallPlan(method="GET", path=target.probes.read.path)

    def probe() -> Sequence[FactReading]:
        return [_of(target, region, entry, call, least) for region, entry in target.doors.items()]

    return probe


def _of(target: Target, region: str, entry: str, call: CallPlan, least: float) -> FactReading:
    answers = send_together(target, entry, [call] * REQUESTS, at_once=_AT_ONCE, within_s=_WITHIN_S)
    served = Counter(
        answer.headers.get(HEADER, "no region named")
        if answer.status == 200
        else answer.why or f"status {answer.status}"
        for answer in answers
    )
    named = any(HEADER in answer.headers for answer in answers)
    return FactReading(
        subject=f"requests of {region}",
        expected=f"at least {100 * least:g} % served in {region}",
        observed=", ".join(f"{n} of {REQUESTS} {where}" for where, n in served.most_common()),
        ok=served[region] >= least * REQUESTS if named else None,
    )
