"""What finds the things of sentences in a cluster: containers, workloads, accounts, and the objects of any kind."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from types import MappingProxyType
from typing import Any, Final

from harness.drivers.check.state.fields import CONTAINER_FIELDS, WORKLOAD_FIELDS
from harness.drivers.check.state.objects import (
    BYPASS_SWITCHES,
    SOURCES,
    ContainerState,
    ObjectState,
    WorkloadState,
    containers_in,
    containers_of,
    jobs_in,
    workloads_in,
)
from harness.drivers.check.state.workload import named_workload, probed_containers
from harness.drivers.facts import FactReading
from harness.errors import ConfigurationError, DriverError
from harness.targets import Target
from harness.targets.access import Access, access, accesses, resource_of
from harness.targets.cluster.own import is_own
from harness.targets.cluster.selectors import selector_text
from harness.targets.cluster.workloads import CONTROLLERS, JOBS, WORKLOADS, all_containers
from harness.targets.kubernetes import Cluster, Object, is_terminating, labels_of
from harness.targets.places import Clusters, every_place

Params = Mapping[str, str]
ThingState = ContainerState | WorkloadState | ObjectState
Find = Callable[[Target, Params], Iterable[ThingState | FactReading]]
"""Given the target and the parameters of the demand: the things, and facts about those that are missing."""


@dataclass(frozen=True, slots=True)
class ThingReader:
    """What finds the things that a noun names.

    Attributes:
        find: declares its API permissions (`@accesses`).
        functions: what reads fields that no path leads to, by name; each returns the value as text, None where it is not stated.
        slots: parameters that it needs. choices: those that it takes as well.
    """

    find: Find
    functions: Mapping[str, Callable[[Any], str | None]] = field(default_factory=dict)
    slots: frozenset[str] = frozenset()
    choices: frozenset[str] = frozenset()


@accesses(*access("list pods"), *CONTROLLERS, *JOBS)
def _containers(target: Target, _params: Params) -> Iterable[ContainerState]:
    return containers_in(target)


def _of_workload(
    target: Target, params: Params, chosen: Callable[[Object], Sequence[Object]]
) -> Iterator[ContainerState | FactReading]:
    """The chosen containers of the workload `deployment` in the primary region."""
    subject, template, _ = named_workload(target, params["deployment"])
    if template is None:
        yield FactReading(subject=subject, expected="a workload", observed="none of that name", ok=False)
        return
    yield from containers_of(subject, chosen(template), template["spec"])


@accesses(*WORKLOADS)
def _containers_of_workload(target: Target, params: Params) -> Iterable[ContainerState | FactReading]:
    return _of_workload(target, params, lambda template: all_containers(template["spec"]))


@accesses(*WORKLOADS)
def _probed_of_workload(target: Target, params: Params) -> Iterable[ContainerState | FactReading]:
    return _of_workload(target, params, probed_containers)


def _of_switches(_target: Target, params: Params) -> tuple[Access, ...]:
    """API permissions for conditions on bypass switches, which may also be in ConfigMaps, Secrets and Jobs."""
    return (*SOURCES, *JOBS) if BYPASS_SWITCHES in params.get("has", "") else ()


def _region(target: Target, params: Params) -> str:
    """The region that the sentence names; empty if it names none."""
    region = params.get("region", "")
    if region and region not in target.regions:
        raise ConfigurationError(
            f"no region `{region}`", where=f"{target.file}: regions", hint="define the region that the sentence names"
        )
    return region


@accesses(*access("list pods"), *CONTROLLERS, by=_of_switches)
def _workloads(target: Target, params: Params) -> Iterator[WorkloadState | FactReading]:
    """Every workload, of `region` alone where it is given, and what that region lacks; with conditions on bypass switches also Jobs."""
    region, read = _region(target, params), workloads_in(target)
    found = [state for state in read if state.controllers]
    jobs = jobs_in(target) if BYPASS_SWITCHES in params.get("has", "") else []
    yield from (state for state in (*found, *jobs) if region in ("", state.region))
    for state in read:
        if not state.controllers and region in ("", state.region):
            expected, observed = "a controller that was read", "its pods are there, their controller was not read"
            yield FactReading(subject=state.subject, expected=expected, observed=observed, ok=None)
    if region:
        yield from _missing(found, region)


def _missing(found: Sequence[WorkloadState], region: str) -> Iterator[FactReading]:
    """Facts on workloads of other regions that this region lacks, or declares with 0 replicas though another region has more."""
    here = {state.name: state.declared for state in found if state.region == region}
    others = (state for state in found if state.region not in ("", region))
    elsewhere = {state.name: state for state in sorted(others, key=lambda state: state.declared)}
    for name, other in sorted(elsewhere.items()):
        if name not in here or (other.declared and not here[name]):
            yield FactReading(
                subject=f"{region}: {name}",
                expected=f"a workload, as {other.subject} is one",
                observed="0 replicas declared" if name in here else "none",
                ok=False,
            )


@accesses(by=lambda _, params: access("get serviceaccounts", at=params["namespace"]))
def _accounts(target: Target, params: Params) -> Iterator[ObjectState | FactReading]:
    """The service account of that name in every cluster."""
    namespace, name = params["namespace"], params["account"]
    for cluster in Clusters(target).every():
        subject, account = f"{cluster.url} {namespace}/{name}", cluster.read("v1", "ServiceAccount", name, namespace)
        if account is None:
            yield FactReading(
                subject=subject, expected="a service account", observed="no such service account", ok=False
            )
        else:
            yield ObjectState(subject, account)


@accesses(*access("list secrets"))
def _secret_keys(target: Target, params: Params) -> Iterator[ObjectState | FactReading]:
    """One key of the Secret of that name in every region, without its value."""
    name, key, clusters = params["secret"], params["key"], Clusters(target)
    places = {(region, namespace): clusters.of(region) for region, namespace in every_place(target)}
    found = dict[str, bool]()
    for (region, namespace), cluster in places.items():
        found.setdefault(region, False)
        for secret in cluster.secrets(namespace):
            if secret["metadata"]["name"] != name:
                continue
            found[region], subject = True, f"{namespace}/Secret/{name}"
            if key in (secret.get("data") or {}):
                yield ObjectState(subject, {"metadata": secret["metadata"]}, is_terminating(secret))
            else:
                held = ", ".join(sorted(secret.get("data") or {})) or "no key"
                yield FactReading(subject=subject, expected=f"the key {key}", observed=held, ok=False)
    for region in {*found} - {""} or {*found}:
        if not found[region]:
            subject = "/".join(filter(None, (region, "Secret", name)))
            yield FactReading(subject=subject, expected="a Secret", observed="none of that name", ok=False)


def _owner(state: ObjectState) -> str | None:
    """Kind and name of what owns an object; several are joined by commas."""
    owners = state.document["metadata"].get("ownerReferences") or []
    return ", ".join(f"{one['kind']}/{one['name']}" for one in owners) or None


def objects_reader(version: str, kind: str, selector: Mapping[str, str], *, everywhere: bool) -> ThingReader:
    """What finds the objects of a kind, without those that the harness created, and which regions or clusters have none.

    Args:
        version: of the API, as `apps/v1`.
        kind: of the objects, as `Deployment`.
        selector: labels that they have.
        everywhere: whether the kind's objects are in no namespace; they are read in every cluster, others in the target's namespaces.
    """

    @accesses(*access(f"list {resource_of(version, kind)}{' -A' if everywhere else ''}"))
    def find(target: Target, params: Params) -> Iterator[ObjectState | FactReading]:
        name, counts = params.get("name", ""), dict[str, int]()
        for place, namespace, cluster in _places(target, _region(target, params), everywhere=everywhere):
            counts.setdefault(place, 0)
            for one in _objects(cluster, version, kind, namespace, everywhere=everywhere):
                own, leaving = str(one["metadata"]["name"]), is_terminating(one)
                if name in ("", own) and selector.items() <= labels_of(one).items() and not is_own(one):
                    counts[place] += not leaving
                    yield ObjectState(f"{namespace or cluster.url}/{kind}/{own}", one, leaving)
        required = {*counts} - {""} or {*counts}
        none = f"none{' of that name' if name else ''}{f' with {selector_text(selector)}' if selector else ''}"
        for place in sorted(place for place in required if not counts[place]):
            subject = "/".join(filter(None, (place, kind, name)))
            ok = False if name and not any(counts.values()) else None
            yield FactReading(subject=subject, expected="an object", observed=none, ok=ok)

    return ThingReader(find, choices=frozenset({"region", "name"}))


def _places(target: Target, region: str, *, everywhere: bool) -> list[tuple[str, str, Cluster]]:
    """Where objects are: a region or a cluster that must have one, the namespace, its cluster. A namespace of no region need not have one."""
    clusters = Clusters(target)
    if everywhere:
        return [(one.url, "", one) for one in ([clusters.of(region)] if region else clusters.every())]
    return [(own, namespace, clusters.of(own)) for own, namespace in every_place(target) if region in ("", own)]


def _objects(cluster: Cluster, version: str, kind: str, namespace: str, *, everywhere: bool) -> Sequence[Object]:
    """The objects of a kind in a namespace, or in none.

    Raises:
        DriverError: the API server does not serve the kind, or has its objects in namespaces and the noun has them in none, or the reverse.
    """
    if kind not in cluster.kinds(version):
        hint = "`kubectl api-resources` lists the kinds that it serves"
        raise DriverError(f"the API server does not serve {kind} of {version}", where=cluster.url, hint=hint)
    if (kind in cluster.cluster_scoped(version)) is not everywhere:
        what = f"objects of {kind} are in {'namespaces' if everywhere else 'no namespace'}"
        hint = f"{'leave out' if everywhere else 'write'} `scope: cluster` in the noun"
        raise DriverError(what, where=cluster.url, hint=hint)
    return cluster.objects(version, kind, namespace) or ()


_OF_DEPLOYMENT: Final = frozenset({"deployment"})
READERS: Final[Mapping[str, ThingReader]] = MappingProxyType(
    {
        "containers": ThingReader(_containers, CONTAINER_FIELDS),
        "containers of a workload": ThingReader(_containers_of_workload, CONTAINER_FIELDS, _OF_DEPLOYMENT),
        "probed containers of a workload": ThingReader(_probed_of_workload, CONTAINER_FIELDS, _OF_DEPLOYMENT),
        "workloads": ThingReader(_workloads, WORKLOAD_FIELDS, choices=frozenset({"region"})),
        "secret keys": ThingReader(_secret_keys, {"owner": _owner}, frozenset({"secret", "key"})),
        "service accounts": ThingReader(_accounts, slots=frozenset({"namespace", "account"})),
    }
)
"""What a noun may name under `read`."""
