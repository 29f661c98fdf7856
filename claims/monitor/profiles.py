"""`cpu-profiles`: checks that every service returns a CPU profile of its own process by the pprof protocol."""

from __future__ import annotations

import math
from collections.abc import Collection, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack, closing
from typing import Final

from harness.drivers.check.claim import When, claim
from harness.drivers.check.links.answers import period_s
from harness.drivers.check.needs import PODS
from harness.drivers.check.reach import PodReach
from harness.drivers.check.workloads.services import SERVICES, ServicePods, services_in
from harness.drivers.facts import FactProbe, FactReading
from harness.errors import ConfigurationError
from harness.model.planned.need import RequiredKey
from harness.targets import Target
from harness.targets.access import access, accesses
from harness.targets.kubernetes import Object
from harness.targets.places import Clusters

from .pprof import CpuProfile, read_profile

_GRACE_S: Final = 5.0
_AT_ONCE: Final = 32


@claim(
    'a CPU profile of <lasting:period> was obtained from every service under "<traffic>" traffic',
    about=(
        "Each ready pod of the regions' workloads but `profiles.stores` answers `profiles.path?seconds=N` with a gzip'ed profile of "
        "pprof of that length or more with samples of CPU time; a service that is declared and has no ready pod in a region has "
        "none. The time is divided by the target's time scale."
    ),
    example='a CPU profile of 30 s was obtained from every service under "everyday" traffic',
    unread=("traffic",),
    needs=(RequiredKey("profiles", "a CPU profile is requested from every service"), PODS),
    when=When.UNDER_TRAFFIC,
)
@accesses(*SERVICES, *access("get pods/proxy"))
def cpu_profiles(target: Target, params: Mapping[str, str]) -> FactProbe:
    """Request a profile of length `lasting` (divided by the time scale) from every ready pod of every service, all at once.

    Services are those that are declared, without data stores. A service passes if it has a ready pod in each region that declares it,
    each pod answers with a profile of that length, and each pod had samples in this reading or an earlier one. A profile
    without samples may be that of an idle pod, or of a profiler that does not work.
    """
    named = target.profiles
    if named is None:
        raise ConfigurationError(
            "the address of profiles is not named", where=f"{target.file}: profiles", hint="write `profiles: {}`"
        )
    least_s = period_s(params["lasting"], target)
    asked_s = math.ceil(least_s)  # pprof's own handlers take whole seconds
    path = f"{named.path}?seconds={asked_s}"
    sampled: set[str] = set()

    def probe() -> Sequence[FactReading]:
        clusters = Clusters(target)
        services = [one for one in services_in(target, clusters) if one.name not in named.stores]
        found = _read(clusters, services, path, asked_s + _GRACE_S)
        sampled.update(pod for pod, profile in found.items() if profile.samples)
        seen = []
        for name in sorted({one.name for one in services}):
            own = [one for one in services if one.name == name]
            pods = {key: found[key] for one in own for key in _pods(one)}
            gone = [one.region for one in own if not one.ready]
            seen.append(_profiled(name, pods, least_s, gone, sampled))
        return seen

    return probe


def _pods(service: ServicePods) -> dict[str, Object]:
    return {f"{service.region}/{pod['metadata']['name']}": pod for pod in service.ready}


def _read(clusters: Clusters, services: Sequence[ServicePods], path: str, within_s: float) -> dict[str, CpuProfile]:
    """The profile of each ready pod, by region and name."""
    with ExitStack() as stack, ThreadPoolExecutor(_AT_ONCE) as pool:
        reaches = {
            region: stack.enter_context(closing(PodReach(clusters.target_of(region), within_s)))
            for region in {service.region for service in services}
        }
        waiting = {
            key: pool.submit(_of_pod, reaches[service.region], pod, path)
            for service in services
            for key, pod in _pods(service).items()
        }
        return {key: profile.result() for key, profile in waiting.items()}


def _of_pod(reach: PodReach, pod: Object, path: str) -> CpuProfile:
    answer = reach.get(pod, path)
    if answer.status != 200:
        return CpuProfile(why=f"{pod['metadata']['name']}: {answer.words}")
    return read_profile(answer.content)


def _profiled(
    app: str, pods: Mapping[str, CpuProfile], least_s: float, gone: Sequence[str], sampled: Collection[str]
) -> FactReading:
    profiles = list(pods.values())
    why = f"no pod is ready in {', '.join(gone)}" if gone else next((one.why for one in profiles if one.why), "")
    shortest, samples = min((one.seconds for one in profiles), default=0.0), sum(one.samples for one in profiles)
    cpu_ms = sum(one.cpu_ns for one in profiles) / 1e6
    idle = [pod for pod in pods if pod not in sampled]
    said = f"{len(profiles)} pods, {shortest:.2f} s or more, {samples} samples, {cpu_ms:.0f} ms of CPU"
    if idle and not why:
        said += f"; none of {', '.join(sorted(idle))}"
    good = not why and shortest >= least_s and len(idle) < len(pods)
    return FactReading(
        subject=app,
        expected=f"a CPU profile of {least_s:g} s from each pod, with samples",
        observed=why or said,
        ok=None if good and idle else good,
    )
