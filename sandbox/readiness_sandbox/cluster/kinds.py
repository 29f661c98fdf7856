"""The table of what is served.

A new kind is a row of `KINDS`, or a CustomResourceDefinition, not a module.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from readiness_sandbox.cluster.custom.definitions import CustomShape

VERBS = ("create", "delete", "deletecollection", "get", "list", "patch", "update", "watch")
ONE_BY_ONE = tuple(verb for verb in VERBS if verb != "deletecollection")
MEASURED_VERBS = ("get", "list")


@dataclass(frozen=True, kw_only=True, eq=False, slots=True)
class Kind:
    """A row: how a kind is named, addressed, and treated. Rows are compared by identity.

    Attributes:
        group: API group, empty for core.
        short: kubectl's short names.
        namespaced: whether its objects live in a namespace.
        subresources: what is served below an object.
        categories: `all` makes `kubectl get all` show it.
        generation: whether a change of the spec counts `metadata.generation` up.
        returned: whether DELETE answers the object itself instead of a Status.
        verbs: what is served on its objects.
        measured: whether its objects are not stored: the machinery measures them when they are asked for.
        fields: paths that a fieldSelector may name beside metadata.name and metadata.namespace.
        counts: fields of its status that are left out where they are 0.
        view_of: the row that is really stored when this one is another shape of it.
        singular_name: what kubectl takes on the command line; empty: the kind in lower case.
        custom: schema, columns and scale of a kind that a CustomResourceDefinition defines; None for a row of `KINDS`.
    """

    kind: str
    plural: str
    group: str = ""
    version: str = "v1"
    short: tuple[str, ...] = ()
    namespaced: bool = True
    subresources: tuple[str, ...] = ()
    categories: tuple[str, ...] = ()
    generation: bool = False
    returned: bool = False
    verbs: tuple[str, ...] = VERBS
    measured: bool = False
    fields: tuple[str, ...] = ()
    counts: tuple[str, ...] = ()
    view_of: Kind | None = None
    singular_name: str = ""
    custom: CustomShape | None = None

    @property
    def singular(self) -> str:
        """What kubectl takes on the command line.

        The lower-case kind, unless its definition names another.
        """
        return self.singular_name or self.kind.lower()

    @property
    def api_version(self) -> str:
        """`v1` or `apps/v1`: the value in an object."""
        return f"{self.group}/{self.version}" if self.group else self.version

    @property
    def resource(self) -> str:
        """`pods` or `deployments.apps`: how a message names it."""
        return f"{self.plural}.{self.group}" if self.group else self.plural

    @property
    def qualified(self) -> str:
        """`Pod` or `Deployment.apps`: how a message names an object's type."""
        return f"{self.kind}.{self.group}" if self.group else self.kind

    @property
    def has_status(self) -> bool:
        """Whether `status` has an endpoint of its own, so that other writes leave it alone."""
        return "status" in self.subresources


EVENT_FIELDS = ("type", "reason", "source")
INVOLVED = ("involvedObject.kind", "involvedObject.namespace", "involvedObject.name", "involvedObject.uid")
REGARDING = ("regarding.kind", "regarding.namespace", "regarding.name", "regarding.uid")
_CORE_EVENT = Kind(kind="Event", plural="events", short=("ev",), fields=(*EVENT_FIELDS, *INVOLVED))

KINDS: tuple[Kind, ...] = (
    Kind(
        kind="Namespace",
        plural="namespaces",
        short=("ns",),
        namespaced=False,
        subresources=("finalize", "status"),
        verbs=ONE_BY_ONE,
        fields=("status.phase",),
    ),
    Kind(
        kind="Node",
        plural="nodes",
        short=("no",),
        namespaced=False,
        subresources=("status", "proxy"),
        fields=("spec.unschedulable",),
    ),
    Kind(
        kind="Pod",
        plural="pods",
        short=("po",),
        subresources=("status", "log", "exec", "eviction"),
        categories=("all",),
        generation=True,
        returned=True,
        fields=(
            "spec.nodeName",
            "spec.restartPolicy",
            "spec.schedulerName",
            "spec.serviceAccountName",
            "status.phase",
            "status.podIP",
        ),
    ),
    Kind(
        kind="Service",
        plural="services",
        short=("svc",),
        subresources=("status",),
        categories=("all",),
        returned=True,
        fields=("spec.clusterIP", "spec.type"),
    ),
    Kind(
        kind="PersistentVolumeClaim",
        plural="persistentvolumeclaims",
        short=("pvc",),
        subresources=("status",),
        returned=True,
    ),
    Kind(kind="Endpoints", plural="endpoints", short=("ep",)),
    Kind(kind="ConfigMap", plural="configmaps", short=("cm",)),
    Kind(kind="Secret", plural="secrets", fields=("type",)),
    Kind(kind="ServiceAccount", plural="serviceaccounts", short=("sa",), subresources=("token",), returned=True),
    _CORE_EVENT,
    Kind(
        kind="Event",
        plural="events",
        group="events.k8s.io",
        short=("ev",),
        fields=(*EVENT_FIELDS, *REGARDING),
        view_of=_CORE_EVENT,
    ),
    Kind(kind="EndpointSlice", plural="endpointslices", group="discovery.k8s.io"),
    Kind(kind="Lease", plural="leases", group="coordination.k8s.io"),
    Kind(kind="Role", plural="roles", group="rbac.authorization.k8s.io"),
    Kind(kind="RoleBinding", plural="rolebindings", group="rbac.authorization.k8s.io"),
    Kind(kind="ClusterRole", plural="clusterroles", group="rbac.authorization.k8s.io", namespaced=False),
    Kind(kind="ClusterRoleBinding", plural="clusterrolebindings", group="rbac.authorization.k8s.io", namespaced=False),
    *(
        Kind(kind=kind, plural=f"{kind.lower()}s", group=group, namespaced=False, verbs=("create",))
        for kind, group in (
            ("SelfSubjectAccessReview", "authorization.k8s.io"),
            ("SelfSubjectRulesReview", "authorization.k8s.io"),
            ("SelfSubjectReview", "authentication.k8s.io"),
        )
    ),
    Kind(
        kind="PodMetrics",
        plural="pods",
        group="metrics.k8s.io",
        version="v1beta1",
        verbs=MEASURED_VERBS,
        measured=True,
    ),
    Kind(
        kind="NodeMetrics",
        plural="nodes",
        group="metrics.k8s.io",
        version="v1beta1",
        namespaced=False,
        verbs=MEASURED_VERBS,
        measured=True,
    ),
    Kind(
        kind="Deployment",
        plural="deployments",
        group="apps",
        short=("deploy",),
        subresources=("status", "scale"),
        categories=("all",),
        generation=True,
        counts=("replicas", "updatedReplicas", "readyReplicas", "availableReplicas", "unavailableReplicas"),
    ),
    Kind(
        kind="ReplicaSet",
        plural="replicasets",
        group="apps",
        short=("rs",),
        subresources=("status", "scale"),
        categories=("all",),
        generation=True,
        fields=("status.replicas",),
        counts=("fullyLabeledReplicas", "readyReplicas", "availableReplicas"),
    ),
    Kind(
        kind="StatefulSet",
        plural="statefulsets",
        group="apps",
        short=("sts",),
        subresources=("status", "scale"),
        categories=("all",),
        generation=True,
        counts=("readyReplicas", "currentReplicas", "updatedReplicas"),
    ),
    Kind(
        kind="Job",
        plural="jobs",
        group="batch",
        subresources=("status",),
        categories=("all",),
        generation=True,
        counts=("active", "succeeded", "failed"),
    ),
    Kind(
        kind="CronJob",
        plural="cronjobs",
        group="batch",
        short=("cj",),
        subresources=("status",),
        categories=("all",),
        generation=True,
    ),
    Kind(
        kind="PodDisruptionBudget",
        plural="poddisruptionbudgets",
        group="policy",
        short=("pdb",),
        subresources=("status",),
        generation=True,
    ),
    Kind(
        kind="HorizontalPodAutoscaler",
        plural="horizontalpodautoscalers",
        group="autoscaling",
        version="v2",
        short=("hpa",),
        subresources=("status",),
        categories=("all",),
        counts=("currentReplicas",),
    ),
    Kind(kind="NetworkPolicy", plural="networkpolicies", group="networking.k8s.io", short=("netpol",), generation=True),
    Kind(
        kind="Ingress",
        plural="ingresses",
        group="networking.k8s.io",
        short=("ing",),
        subresources=("status",),
        generation=True,
    ),
    Kind(
        kind="CustomResourceDefinition",
        plural="customresourcedefinitions",
        group="apiextensions.k8s.io",
        short=("crd", "crds"),
        namespaced=False,
        subresources=("status",),
        categories=("api-extensions",),
        generation=True,
    ),
)

_BY_NAME = {kind.kind: kind for kind in KINDS if not kind.view_of}
_VERSION = re.compile(r"v(?P<major>\d+)(?:(?P<stage>alpha|beta)(?P<minor>\d+))?")


def by_name(name: str) -> Kind:
    """The stored kind of that name in `KINDS`, such as `Pod`. Raises KeyError."""
    return _BY_NAME[name]


class ServedKinds:
    """What one API server serves.

    The rows of `KINDS`, and those of its CustomResourceDefinitions.
    """

    def __init__(self) -> None:
        self._custom: dict[str, Sequence[Kind]] = {}

    def __iter__(self) -> Iterator[Kind]:
        yield from KINDS
        for rows in self._custom.values():
            yield from rows

    def define(self, name: str, rows: Sequence[Kind]) -> None:
        """Serve the kinds of that CustomResourceDefinition, in place of its former ones."""
        self._custom[name] = rows

    def forget(self, name: str) -> None:
        """Serve no longer what that CustomResourceDefinition defined."""
        self._custom.pop(name, None)

    @property
    def stored(self) -> list[Kind]:
        """The rows whose objects are stored: no other row's shape."""
        return list(dict.fromkeys(row.view_of or row for row in self))

    def by_plural(self, group: str, version: str, plural: str) -> Kind | None:
        """The row that a path such as `/apis/apps/v1/deployments` means, or None."""
        return next((row for row in self if (row.group, row.version, row.plural) == (group, version, plural)), None)

    def by_api_version(self, api_version: str, kind: str) -> Kind | None:
        """The row that an object's `apiVersion` and `kind` mean, or None."""
        return next((row for row in self if row.kind == kind and row.api_version == api_version), None)

    def groups(self) -> dict[str, dict[str, list[Kind]]]:
        """Rows by group and version: core first, then in the order of the table.

        Of a group the preferred version first.
        """
        found: dict[str, dict[str, list[Kind]]] = {}
        for row in self:
            found.setdefault(row.group, {}).setdefault(row.version, []).append(row)
        return {group: dict(sorted(versions.items(), key=_preference)) for group, versions in found.items()}


def _preference(version: tuple[str, object]) -> tuple[int, int, int, str]:
    """The order of Kubernetes: v2, v1, v1beta1, v1alpha1, then any other name."""
    found = _VERSION.fullmatch(version[0])
    if not found:
        return 3, 0, 0, version[0]
    stage = {None: 0, "beta": 1, "alpha": 2}[found["stage"]]
    return stage, -int(found["major"]), -int(found["minor"] or 0), ""
