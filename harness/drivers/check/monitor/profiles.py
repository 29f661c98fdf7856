"""`cpu-profiles`: every service gives a CPU profile of its own process, by the protocol of pprof."""

from __future__ import annotations

import math
from collections import defaultdict
from collections.abc import Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack, closing
from typing import Final

from harness.drivers.check.links.answers import period_s
from harness.drivers.check.monitor.pprof import CpuProfile, read_profile
from harness.drivers.check.places import Clusters, is_of_workload, namespaces
from harness.drivers.check.reach import PodReach
from harness.drivers.facts import FactProbe, FactReading
from harness.errors import ConfigurationError
from harness.targets import Target
from harness.targets.access import access, accesses
from harness.targets.kubernetes import Object, has_condition, labels_of

_GRACE_S: Final = 5.0
_AT_ONCE: Final = 32


@accesses(*access("list pods", "get pods/proxy"))
def cpu_profiles(target: Target, params: Mapping[str, str]) -> FactProbe:
    """Ask every ready pod of every service of the regions, all at once, for a profile of `lasting`, divided by the time scale.

    A service is profiled where each of its pods answered with a profile of that length, and they have samples.
    """
    named = target.profiles
    if named is None:
        raise ConfigurationError(
            "the address of profiles is not named", where=f"{target.file}: profiles", hint="write `profiles: {}`"
        )
    least_s = period_s(params["lasting"], target)
    asked_s = math.ceil(least_s)  # pprof's own handlers take whole seconds
    path = f"{named.path}?seconds={asked_s}"

    def probe() -> Sequence[FactReading]:
        clusters, found = Clusters(target), defaultdict[str, list[CpuProfile]](list)
        with ExitStack() as stack, ThreadPoolExecutor(_AT_ONCE) as pool:
            waiting = []
            for region, namespace in namespaces(target).items():
                reach = stack.enter_context(closing(PodReach(clusters.target_of(region), asked_s + _GRACE_S)))
                for pod in clusters.of(region).pods(namespace):
                    app = labels_of(pod).get("app", "")
                    if is_of_workload(pod) and has_condition(pod, "Ready") and app not in named.stores:
                        waiting.append((app, pool.submit(_of_pod, reach, pod, path)))
            for app, profile in waiting:
                found[app].append(profile.result())
        return [_profiled(app, profiles, least_s) for app, profiles in sorted(found.items())]

    return probe


def _of_pod(reach: PodReach, pod: Object, path: str) -> CpuProfile:
    answer = reach.get(pod, path)
    if answer.status != 200:
        return CpuProfile(why=f"{pod['metadata']['name']}: {answer.words}")
    return read_profile(answer.content)


def _profiled(app: str, profiles: Sequence[CpuProfile], least_s: float) -> FactReading:
    why = next((one.why for one in profiles if one.why), "")
    shortest, samples = min(one.seconds for one in profiles), sum(one.samples for one in profiles)
    cpu_ms = sum(one.cpu_ns for one in profiles) / 1e6
    return FactReading(
        subject=app,
        expected=f"a CPU profile of {least_s:g} s from each pod, with samples",
        observed=why or f"{len(profiles)} pods, {shortest:.2f} s or more, {samples} samples, {cpu_ms:.0f} ms of CPU",
        ok=not why and shortest >= least_s and samples > 0,
    )
