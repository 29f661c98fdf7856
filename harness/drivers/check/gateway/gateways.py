"""`gateway-reads`: checks that a read of every service passes through the api-gateway of every region.

The services are those of the cluster: the Services with pods in the namespaces of the regions. What the target file does not explain is
unknown, and named.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import TYPE_CHECKING, Final

from harness.drivers.check.claim import claim
from harness.drivers.check.gateway.routes import ROUTES, routes_in
from harness.drivers.check.gateway.services import RegionServices, is_of, open_to
from harness.drivers.check.needs import API, ENTRIES, READS
from harness.drivers.claim import SentenceForm
from harness.drivers.facts import FactProbe, FactReading
from harness.errors import ConfigurationError
from harness.targets import Target
from harness.targets.access import Access, access, accesses
from harness.targets.files.expect import fits
from harness.targets.files.parts import ReadProbe
from harness.targets.http import http_client
from harness.targets.kubernetes import Object, workload_of
from harness.targets.places import Clusters, namespaces

if TYPE_CHECKING:
    import httpx

_WITHIN_S: Final = 2.0


def _access(target: Target, _params: Mapping[str, str]) -> Sequence[Access]:
    """Routes are read only if there are services that are not for users."""
    return (*access("list services"), *(ROUTES if target.probes.internal else ()))


GATEWAY: Final = SentenceForm(
    "services-behind-a-gateway",
    "every service is reached through <gateway:noun>",
    "One read of each service is sent through the gateway of every region.",
)


@claim(
    GATEWAY,
    "the api-gateway of every region with status 200",
    needs=(API, ENTRIES, READS),
)
@accesses(by=_access)
def gateway_reads(target: Target, _params: Mapping[str, str]) -> FactProbe:
    """One read of each service is sent through each region's gateway; a region of the plan without one makes it INCONCLUSIVE, and so does a service without a read.

    Services are those of `routes` and `services`, and each Service with pods in the namespaces of the regions, by the label `app` of its
    pods or by name. Entries and pages that the target file names are left out, and so are those of `probes.internal`, which must not be
    exposed outside the cluster, neither by themselves nor by an Ingress or an HTTPRoute.
    """
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

    clusters, known = Clusters(target), {*reads, *target.probes.internal}

    def probe() -> Sequence[FactReading]:
        there = RegionServices.read(target, clusters)
        unread = {(region, service) for region in target.doors for service in _services(target) - known}
        unread |= {(region, service) for region, service in _found(there) if service not in known}
        seen = [_without_a_read(f"{region}/{service}") for region, service in sorted(unread)]
        seen += [_internal(name, there, target, clusters) for name in target.probes.internal]
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


def _without_a_read(subject: str) -> FactReading:
    return FactReading(
        subject=subject,
        expected="a read of it with status 200",
        observed="`probes.services` of the target file names no read of this service",
        ok=None,
    )


def _found(there: RegionServices) -> Iterator[tuple[str, str]]:
    """Region and name of each service that is neither an entry nor a page."""
    for region, services in there.by_region.items():
        for one in services:
            if not is_of(one["spec"]["selector"], [*there.pages, *there.entries]):
                yield region, _name(one)


def _name(service: Object) -> str:
    return workload_of(service["spec"]["selector"]) or str(service["metadata"]["name"])


def _internal(name: str, there: RegionServices, target: Target, clusters: Clusters) -> FactReading:
    """Whether a service that is not for users can be called from outside in no region."""
    ways, found = list[str](), 0
    for region, namespace in namespaces(target).items():
        own = [one for one in there.by_region[region] if _name(one) == name]
        called = {str(one["metadata"]["name"]) for one in own}
        found += len(own)
        ways += [f"{way} of {namespace}" for one in own for way in open_to(one)]
        ways += [f"{route} of {namespace}" for route, led in routes_in(clusters.of(region), namespace) if led & called]
    return FactReading(
        subject=f"{name}, which is not for users",
        expected="not exposed outside the cluster",
        observed=", ".join(ways) or ("not exposed" if found else "no Service has this name or these pods"),
        ok=not ways if found else None,
    )


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
