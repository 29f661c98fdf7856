"""`state-of-containers`, `state-of-workloads`, `annotation-of-account`: check fields of objects in the Kubernetes API."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Mapping, Sequence
from functools import partial
from typing import TypeVar

from harness.drivers.check.claim import claim
from harness.drivers.check.needs import API
from harness.drivers.check.state.fields import BYPASS_SWITCHES, CONTAINER_FIELDS, WORKLOAD_FIELDS, FieldUnknown
from harness.drivers.check.state.objects import SOURCES, WorkloadState, containers_in, jobs_in, workloads_in
from harness.drivers.facts import FactProbe, FactReading
from harness.errors import AccessDenied, ConfigurationError
from harness.model.declared import StateCondition, StateObject, conditions_of
from harness.model.need import RequiredKey
from harness.targets import Target
from harness.targets.access import Access, access, accesses
from harness.targets.kubernetes import annotations_of
from harness.targets.places import Clusters
from harness.targets.workloads import CONTROLLERS, JOBS

_State = TypeVar("_State")


@claim(
    "every container has <has:conditions>",
    example="every container has run-as-non-root equal to true and user id other than 0",
    parsed={"has": partial(conditions_of, StateObject.CONTAINER)},
    needs=(API,),
)
@accesses(*access("list pods"), *CONTROLLERS, *JOBS)
def state_of_containers(target: Target, params: Mapping[str, str]) -> FactProbe:
    """Each container that a workload, a CronJob or a Job that has not ended declares, init containers too, and those of pods without a controller; one that does not state a field fails.

    One fact for each container and each condition of `has`.
    """
    conditions = conditions_of(StateObject.CONTAINER, params["has"])

    def probe() -> Sequence[FactReading]:
        return [
            seen
            for state in containers_in(target)
            for seen in _facts(state.subject, state, conditions, CONTAINER_FIELDS)
        ]

    return probe


def _of_switches(_target: Target, params: Mapping[str, str]) -> tuple[Access, ...]:
    """API permissions for conditions on bypass switches, which may also be in ConfigMaps, Secrets and Jobs."""
    return (*SOURCES, *JOBS) if BYPASS_SWITCHES in params.get("has", "") else ()


@claim(
    "every workload has <has:conditions>",
    example="every workload has liveness period at most 10 s and readiness period at most 10 s",
    parsed={"has": partial(conditions_of, StateObject.WORKLOAD)},
    needs=(
        API,
        RequiredKey(
            "regions.{region}", "the workloads of {region} are read", "region {region}", "add {region} to `regions:`"
        ),
    ),
)
@claim(
    "every workload of region <region> has <has:conditions>[ in the steady state]",
    name="state-of-workloads-of-a-region",
    about="The same in one region; a workload that another region has must be there as well.",
    example="every workload of region us-east-1 has ready share at least 100 %",
    parsed={"has": partial(conditions_of, StateObject.WORKLOAD)},
)
@accesses(*access("list pods"), *CONTROLLERS, by=_of_switches)
def state_of_workloads(target: Target, params: Mapping[str, str]) -> FactProbe:
    """The controllers of a namespace whose pods have the same label `app`, else `app.kubernetes.io/name`, and are the same component of it (`app.kubernetes.io/component`, else `component`), and their pods.

    One fact for each workload and each condition of `has`; conditions on bypass switches also cover Jobs. With `region` only workloads
    of that region are read; a workload that another region has and this one lacks is a failed fact.
    """
    conditions, region = conditions_of(StateObject.WORKLOAD, params["has"]), params.get("region", "")
    if region and region not in target.regions:
        raise ConfigurationError(
            f"no region `{region}`", where=f"{target.file}: regions", hint="define the region that the sentence names"
        )

    def probe() -> Sequence[FactReading]:
        found = workloads_in(target)
        chosen = [state for state in found if region in ("", state.region)]
        seen = [one for state in chosen for one in _facts(state.subject, state, conditions, WORKLOAD_FIELDS)]
        if switches := [one for one in conditions if one.field == BYPASS_SWITCHES]:
            jobs = [state for state in jobs_in(target) if region in ("", state.region)]
            seen += [one for state in jobs for one in _facts(state.subject, state, switches, WORKLOAD_FIELDS)]
        return [*seen, *(_missing(found, region) if region else ())]

    return probe


def _missing(found: Sequence[WorkloadState], region: str) -> Iterable[FactReading]:
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


def _facts(
    subject: str,
    state: _State,
    conditions: Iterable[StateCondition],
    fields: Mapping[str, Callable[[_State], str | None]],
) -> Iterable[FactReading]:
    for condition in conditions:
        ok: bool | None = None
        try:
            stated = fields[condition.field](state)
            observed, ok = "not stated" if stated is None else stated, condition.holds(stated)
        except (FieldUnknown, AccessDenied) as unknown:
            observed = str(unknown)
        yield FactReading(
            subject=f"{subject}: {condition.field}",
            expected=str(condition).removeprefix(f"{condition.field} "),
            observed=observed,
            ok=ok,
        )


@claim(
    'service account "<account:name>" of namespace "<namespace:name>" is annotated "<annotation:name>" in the form "<like:name>"',
    example='service account "autoscaler" of namespace "kube-system" is annotated "eks.amazonaws.com/role-arn" in the form "arn:aws:iam::############:role/*"',
    needs=(API,),
)
@accesses(by=lambda _, params: access("get serviceaccounts", at=params["namespace"]))
def annotation_of_account(target: Target, params: Mapping[str, str]) -> FactProbe:
    """The annotation's value; `#` is a digit and `*` any text.

    It is read in every cluster.
    """
    namespace, name, annotation = params["namespace"], params["account"], params["annotation"]
    form = re.compile("".join({"#": "[0-9]", "*": ".+"}.get(sign, re.escape(sign)) for sign in params["like"]))
    clusters = Clusters(target)

    def probe() -> Sequence[FactReading]:
        seen = []
        for cluster in clusters.every():
            account = cluster.service_account(namespace, name)
            value = None if account is None else annotations_of(account).get(annotation)
            there = "no such service account" if account is None else "no such annotation"
            seen.append(
                FactReading(
                    subject=f"{cluster.url} {namespace}/{name}: {annotation}",
                    expected=f"like {params['like']}",
                    observed=there if value is None else value,
                    ok=value is not None and form.fullmatch(value) is not None,
                )
            )
        return seen

    return probe
