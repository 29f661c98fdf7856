"""`gateway-reads`: checks that a read of every service passes through the api-gateway of every region."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Final

from harness.drivers.check.claim import claim
from harness.drivers.check.needs import ENTRIES, READS
from harness.drivers.claim import SentenceForm
from harness.drivers.facts import FactProbe, FactReading
from harness.errors import ConfigurationError
from harness.targets import Target
from harness.targets.files.expect import fits
from harness.targets.files.parts import ReadProbe
from harness.targets.http import http_client

if TYPE_CHECKING:
    import httpx

_WITHIN_S: Final = 2.0


GATEWAY: Final = SentenceForm(
    "services-behind-a-gateway",
    "every service is reached through <gateway:noun>",
    "One read of each service is sent through the gateway of every region.",
)


@claim(
    GATEWAY,
    "the api-gateway of every region with status 200",
    needs=(ENTRIES, READS),
)
def gateway_reads(target: Target, _params: Mapping[str, str]) -> FactProbe:
    """One read of each service is sent through each region's gateway; a region of the plan without one makes it INCONCLUSIVE, and so does a service of `routes` or `services` without a read."""
    if not target.doors:
        raise ConfigurationError(
            "no region with an entry", where=f"{target.file}: regions", hint="write `regions: {NAME: {entry: …}}`"
        )
    reads = target.probes.services
    if not reads:
        raise ConfigurationError(
            "no read of a service",
            where=f"{target.file}: probes.services",
            hint="write `services: {SERVICE: PATH}` with a path that needs no sign-in and is answered by that service",
        )

    unread = sorted(_services(target) - reads.keys())

    def probe() -> Sequence[FactReading]:
        seen = [
            FactReading(
                subject=f"{region}/{service}",
                expected="a read of it with status 200",
                observed="`probes.services` of the target file names no read of this service",
                ok=None,
            )
            for region in target.doors
            for service in unread
        ]
        for region, entry in target.doors.items():
            with http_client(target, entry, timeout_s=_WITHIN_S) as client:
                for service, read in reads.items():
                    answer = _read(client, read)
                    seen.append(
                        FactReading(
                            subject=f"{region}/{service}",
                            expected=f"GET {read.path}: status 200",
                            observed=answer,
                            ok=answer == "status 200",
                        )
                    )
        return seen

    return probe


def _services(target: Target) -> set[str]:
    """Services that routes need, and services in the health probes (`REGION/SERVICE`)."""
    needed = {service for needs in target.routes.values() for service in needs}
    return needed | {place.rpartition("/")[2] for place in target.services}


def _read(client: httpx.Client, read: ReadProbe) -> str:
    """`status 200`, or what is wrong with the answer."""
    import httpx

    try:
        answer = client.get(read.path)
    except httpx.TimeoutException:
        return "no answer in time"
    except httpx.HTTPError as error:
        return f"no answer: {error}"
    if answer.status_code == 200 and not fits(answer.content, read.expect):
        return "status 200 with another body than expected"
    return f"status {answer.status_code}"
