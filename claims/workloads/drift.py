"""Compares the live objects with the manifests: `declared-fields` and `declared-workloads`."""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import replace
from functools import cache, partial
from pathlib import Path
from typing import Any, Final, NamedTuple

from harness.drivers.check.claim import claim
from harness.drivers.check.needs import API
from harness.drivers.claim import SentenceForm
from harness.drivers.facts import FactProbe, FactReading
from harness.drivers.manifests import CLUSTER_SCOPED, DeclaredObject, declared, mapping
from harness.errors import AccessDenied, ConfigurationError, UsageError
from harness.model.planned.need import RequiredKey
from harness.targets import Target
from harness.targets.access import EVERYWHERE, Access, access, accesses, resource_of
from harness.targets.cluster.amounts import amount
from harness.targets.cluster.own import is_own
from harness.targets.cluster.workloads import (
    CONTROLLERS,
    JOB,
    JOBS,
    controller_of,
    controller_reference,
    controllers,
    has_ended,
    jobs_of,
)
from harness.targets.kubernetes import Cluster, Object
from harness.targets.places import Clusters, has_controller, namespaces

_FIRST: Final = 3
"""Maximum number of differing fields that are named for one object."""
_STEPS: Final = 8
"""Maximum number of steps from an object to its owner and on to the owner's owner; two are usual."""
_UNCOMPARED: Final = frozenset({"apiVersion", "kind", "status"})
_KEYS: Final = ("name", "containerPort", "port", "mountPath", "key", "ip", "topologyKey", "type")
"""Keys that identify the elements of a list, in order of preference."""
_HOOK: Final = "helm.sh/hook"
_REMOVED: Final = "helm.sh/hook-delete-policy"
_OF_HOOKS: Final = frozenset(
    [
        "Job",
        "Pod",
        "ConfigMap",
        "Secret",
        "ServiceAccount",
        "Role",
        "RoleBinding",
        "ClusterRole",
        "ClusterRoleBinding",
        "PersistentVolumeClaim",
    ]
)
"""Kinds that a Helm hook may create temporarily. Kinds that serve users must exist whatever their annotations are."""
_LATER: Final = frozenset(
    {"test", "test-success", "test-failure", "pre-delete", "post-delete", "pre-rollback", "post-rollback"}
)
"""Helm hooks that neither an installation nor an upgrade runs."""
_TEXTS: Final = frozenset({"env", "data", "labels", "annotations"})
"""Fields below which values are compared as texts: `1.10` is not `1.1`."""
_QUANTITY: Final = re.compile(r"(?:0|[1-9][0-9]*)(?:\.[0-9]+)?(?:m|[kMGTPE]i?|Ki)?")
_CANONICAL: Final = re.compile(r"[0-9]+(?:m|[kMGTPE]i?|Ki)?")
"""A quantity as the API server writes it, without a decimal point. Source: k8s.io/apimachinery, resource.Quantity."""


def _manifests(target: Target, *, exact: bool = False) -> list[DeclaredObject]:
    if not target.files.manifests:
        hint = "add `files: {manifests: DIRECTORY}`"
        raise ConfigurationError("names no manifests", where=f"{target.file}: files.manifests", hint=hint)
    found = declared([target.beside(path) for path in target.files.manifests], exact=exact)
    if not found:
        raise ConfigurationError("the manifests declare no object", where=f"{target.file}: files.manifests")
    return found


def _home(target: Target) -> str:
    """The namespace of manifests that name none: the target's own."""
    return target.kubernetes.namespace if target.kubernetes else "default"


def _read_by(target: Target, _params: Mapping[str, str]) -> Sequence[Access]:
    """The API permissions needed: to read every kind that the manifests declare."""
    return [
        right
        for one in _manifests(target)
        for right in access(
            f"get {resource_of(str(one.content.get('apiVersion', 'v1')), one.kind)}",
            at=EVERYWHERE if one.kind in CLUSTER_SCOPED else one.namespace or _home(target),
        )
    ]


def _listed_by(target: Target, _params: Mapping[str, str]) -> Sequence[Access]:
    """The API permissions needed: to list pods and their owners, also in namespaces that only the manifests name."""
    own = access("list pods"), CONTROLLERS, JOBS
    names = sorted({one.namespace for one in _manifests(target) if one.namespace})
    return [replace(right, at=name) for rights in own for right in rights for name in names]


_DRIFT: Final = SentenceForm(
    "drift", "0 <differences:noun>", "What runs, as the Kubernetes API has it, against the manifests of the platform."
)


@claim(
    _DRIFT,
    "declared fields of the live objects differ from the manifests",
    needs=(RequiredKey("files.manifests", "declared-fields compares with the manifests"), API),
)
@accesses(by=_read_by)
def declared_fields(target: Target, _params: Mapping[str, str]) -> FactProbe:
    """Each object of the manifests, field by field, against the Kubernetes API.

    Values of Secrets are not read.
    """
    objects, clusters, home = _manifests(target, exact=True), _PlacedClusters(target), _home(target)

    def probe() -> Sequence[FactReading]:
        served = _Served(cache(Cluster.kinds), cache(Cluster.cluster_scoped))
        return [
            _compared(one, one.namespace or home, cluster, served)
            for one in objects
            for cluster in clusters.of(one.namespace or home)
        ]

    return probe


class _Served(NamedTuple):
    """The kinds of an API version, and which of them have no namespace. Each API version is requested once per cluster."""

    kinds: Callable[[Cluster, str], Mapping[str, str]]
    cluster_scoped: Callable[[Cluster, str], frozenset[str]]


class _PlacedClusters:
    """The clusters with objects of a namespace: clusters of the regions that have the namespace, else the primary region's."""

    def __init__(self, target: Target) -> None:
        self._by_region, self._clusters = namespaces(target), Clusters(target)
        self._primary = target.primary_region

    def of(self, namespace: str) -> list[Cluster]:
        """Every cluster, without duplicates."""
        regions = [region for region, place in self._by_region.items() if place == namespace] or [self._primary]
        found = {cluster.url: cluster for cluster in map(self._clusters.of, regions)}
        return list(found.values())


def _compared(one: DeclaredObject, namespace: str, cluster: Cluster, served: _Served) -> FactReading:
    version = str(one.content.get("apiVersion", "v1"))
    if one.kind in CLUSTER_SCOPED or one.kind in served.cluster_scoped(cluster, version):
        namespace = ""
    file, _, line = one.place.rpartition(":")
    subject = f"{one.kind} {f'{namespace}/' if namespace else ''}{one.name} ({Path(file).name}:{line})"
    expected = "0 fields differ"
    if one.kind not in served.kinds(cluster, version):
        return FactReading(
            subject=subject, expected=expected, observed=f"the API does not serve {version} {one.kind}", ok=None
        )
    live = cluster.read(version, one.kind, one.name, namespace)
    if live is None:
        seen, ok = _absent(one)
        return FactReading(subject=subject, expected=expected, observed=seen, ok=ok)
    content = {key: value for key, value in one.content.items() if key not in _UNCOMPARED}
    if not namespace:  # charts write one into objects that are in none
        content["metadata"] = {key: value for key, value in content["metadata"].items() if key != "namespace"}
    if one.kind == "Secret":
        content = {key: value for key, value in content.items() if key == "metadata"}
    found = list(differences(content, live))
    named = "; ".join(found[:_FIRST]) + ("; and more" if len(found) > _FIRST else "")
    return FactReading(
        subject=subject,
        expected=expected,
        observed=f"{len(found)} differ: {named}" if found else expected,
        ok=not found,
    )


def _absent(one: DeclaredObject) -> tuple[str, bool | None]:
    """Text and outcome for a missing object: objects of Helm hooks and finished Jobs may have been deleted."""
    annotations = mapping(one.content["metadata"].get("annotations"))
    hooks = {name.strip() for name in str(annotations.get(_HOOK, "")).split(",")} - {""}
    if hooks and one.kind in _OF_HOOKS:
        gone = hooks <= _LATER or "hook-succeeded" in str(annotations.get(_REMOVED, ""))
        return (
            f"there is no such object: Helm creates it only for the hook `{', '.join(sorted(hooks))}`",
            True if gone else None,
        )
    if one.kind == "Job" and "ttlSecondsAfterFinished" in mapping(one.content.get("spec")):
        return "there is no such object: the Job is deleted after it finished", None
    return "there is no such object", False


def differences(there: Any, live: Any, place: str = "", *, texts: bool = False) -> Iterator[str]:
    """Texts for declared values that differ in the live object; values that are not declared are not compared.

    Args:
        there: the declared value.
        live: the live value; None if not set.
        place: path of both values, such as `spec.template`.
        texts: whether the values are texts instead of quantities.
    """
    if there is None or (there in ({}, [], "") and live in (None, {}, [], "")):
        return
    if isinstance(there, dict) and isinstance(live, dict):
        for key, value in there.items():
            below = f"{place}.{key}" if place else key
            yield from differences(value, live.get(key), below, texts=texts or key in _TEXTS)
    elif isinstance(there, list) and isinstance(live, list):
        yield from _of_lists(there, live, place, texts=texts)
    elif not _is_same(there, live, texts=texts):
        shown = "is not set" if live is None else f"is {_short(live)}"
        yield f"{place} {shown}, declared {_short(there)}"


def _of_lists(there: Sequence[Any], live: Sequence[Any], place: str, *, texts: bool) -> Iterator[str]:
    key = next((key for key in _KEYS if all(isinstance(one, dict) and key in one for one in [*there, *live])), None)
    if key is None or len({str(one[key]) for one in live}) < len(live):
        if len(there) != len(live):
            yield f"{place} has {len(live)} elements, declared {len(there)}"
            return
        for index, (mine, theirs) in enumerate(zip(there, live, strict=True)):
            yield from differences(mine, theirs, f"{place}[{index}]", texts=texts)
        return
    known = {str(one[key]): one for one in live}
    for one in there:
        yield from differences(one, known.get(str(one[key])), f"{place}[{one[key]}]", texts=texts)
    for name in [name for name in known if name not in {str(one[key]) for one in there}]:
        yield f"{place}[{name}] is set, not declared"


def _is_same(there: Any, live: Any, *, texts: bool) -> bool:
    if isinstance(there, bool) or isinstance(live, bool):
        return there is live
    if str(there) == str(live):
        return True
    if isinstance(there, int | float) and isinstance(live, int | float):
        return there == live
    document = _document(there)
    if document is not None:
        return document == _document(live)
    return not texts and _is_same_amount(str(there), str(live))


def _is_same_amount(there: str, live: str) -> bool:
    """Whether a declared and a live Kubernetes quantity are equal as the API server writes them: `1000m` is `1`."""
    if not (_QUANTITY.fullmatch(there) and _CANONICAL.fullmatch(live)):
        return False
    try:
        return amount(there) == amount(live)
    except UsageError:
        return False


def _document(value: Any) -> str | None:
    """A JSON object in a text, as in a ConfigMap, in a normal form; None for any other text."""
    if not isinstance(value, str) or not value.lstrip().startswith("{"):
        return None
    try:
        found = json.loads(value)
    except (ValueError, RecursionError):
        return None
    return json.dumps(found, sort_keys=True) if isinstance(found, dict) else None


def _short(value: Any) -> str:
    text = str(value)
    return f"`{text[:60]}…`" if len(text) > 60 else f"`{text}`"


@claim(
    _DRIFT,
    "running workloads lack a manifest in the one repository",
    needs=(RequiredKey("files.manifests", "declared-workloads compares with the manifests"), API),
)
@accesses(*access("list pods"), *CONTROLLERS, *JOBS, by=_listed_by)
def declared_workloads(target: Target, _params: Mapping[str, str]) -> FactProbe:
    """Each workload of the platform's namespaces must be among the manifests.

    Workloads are controllers, CronJobs, unfinished Jobs and pods without an owner. An object that an operator made counts as declared
    if its owner, or the owner's owner, is declared; if none is, the fact is unknown.
    """
    objects, clusters, home = _manifests(target), _PlacedClusters(target), _home(target)
    known = {(one.kind, one.namespace or home, one.name): one.place for one in objects}
    places = sorted({one.namespace for one in objects if one.namespace} | set(namespaces(target).values()))

    def probe() -> Sequence[FactReading]:
        found, read = [], cache(_read)
        for namespace in places:
            for cluster in clusters.of(namespace):
                owners = partial(read, cluster, namespace)
                found += [_known(kind, namespace, obj, known, owners) for kind, obj in _running(cluster, namespace)]
        return found

    return probe


def _running(cluster: Cluster, namespace: str) -> Iterator[tuple[str, Object]]:
    yield from controllers(cluster, namespace)
    yield from ((kind, one) for kind, one in jobs_of(cluster, namespace) if not has_ended(one))
    for pod in cluster.pods(namespace):
        if not has_controller(pod) and controller_of(pod) != JOB and not is_own(pod):
            yield "Pod", pod


def _read(cluster: Cluster, namespace: str, version: str, kind: str, name: str) -> Object | None:
    """The owner of an object; None if it does not exist or may not be read."""
    try:
        return cluster.read(version, kind, name, namespace)
    except AccessDenied:
        return None


def _known(
    kind: str,
    namespace: str,
    obj: Object,
    known: Mapping[tuple[str, str, str], str],
    read: Callable[[str, str, str], Object | None],
) -> FactReading:
    name, own = obj["metadata"]["name"], ""
    place, above = known.get((kind, namespace, name), ""), controller_reference(obj)
    for _ in range(_STEPS):
        if place or not above:
            break
        own, place = f"{above['kind']} {above['name']}", known.get((above["kind"], namespace, above["name"]), "")
        made_by = None if place else read(above["apiVersion"], above["kind"], above["name"])
        above = controller_reference(made_by) if made_by else None
    file, _, line = place.rpartition(":")
    missing = f"it was created by {own}, which no manifest declares" if own else "no manifest declares it"
    return FactReading(
        subject=f"{kind} {namespace}/{name}",
        expected="a manifest in the repository",
        observed=f"{Path(file).name}:{line}" if place else missing,
        ok=True if place else None if own else False,
    )
