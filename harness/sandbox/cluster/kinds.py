"""The table of what is served: a new kind is a row of `KINDS`, not a module."""

from __future__ import annotations

from dataclasses import dataclass

VERBS = ("create", "delete", "deletecollection", "get", "list", "patch", "update", "watch")


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
        fields: paths that a fieldSelector may name beside metadata.name and metadata.namespace.
        view_of: the name of the kind that is really stored when this row is another shape of it.
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
    fields: tuple[str, ...] = ()
    view_of: str = ""

    @property
    def singular(self) -> str:
        """The lower-case kind, which kubectl takes on the command line."""
        return self.kind.lower()

    @property
    def api_version(self) -> str:
        """`v1` or `apps/v1`: what stands in an object."""
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

KINDS: tuple[Kind, ...] = (
    Kind(
        kind="Namespace",
        plural="namespaces",
        short=("ns",),
        namespaced=False,
        subresources=("status",),
        fields=("status.phase",),
    ),
    Kind(
        kind="Node",
        plural="nodes",
        short=("no",),
        namespaced=False,
        subresources=("status",),
        fields=("spec.unschedulable",),
    ),
    Kind(
        kind="Pod",
        plural="pods",
        short=("po",),
        subresources=("status", "log", "eviction"),
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
    Kind(kind="Endpoints", plural="endpoints", short=("ep",)),
    Kind(kind="ConfigMap", plural="configmaps", short=("cm",)),
    Kind(kind="Secret", plural="secrets", fields=("type",)),
    Kind(kind="ServiceAccount", plural="serviceaccounts", short=("sa",), returned=True),
    Kind(kind="Event", plural="events", short=("ev",), fields=(*EVENT_FIELDS, *INVOLVED)),
    Kind(
        kind="Event",
        plural="events",
        group="events.k8s.io",
        short=("ev",),
        fields=(*EVENT_FIELDS, *REGARDING),
        view_of="Event",
    ),
    Kind(kind="EndpointSlice", plural="endpointslices", group="discovery.k8s.io"),
    Kind(kind="Lease", plural="leases", group="coordination.k8s.io"),
    Kind(
        kind="Deployment",
        plural="deployments",
        group="apps",
        short=("deploy",),
        subresources=("status", "scale"),
        categories=("all",),
        generation=True,
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
    ),
    Kind(
        kind="StatefulSet",
        plural="statefulsets",
        group="apps",
        short=("sts",),
        subresources=("status", "scale"),
        categories=("all",),
        generation=True,
    ),
    Kind(kind="NetworkPolicy", plural="networkpolicies", group="networking.k8s.io", short=("netpol",), generation=True),
)

_BY_PLURAL = {(kind.group, kind.version, kind.plural): kind for kind in KINDS}
_BY_NAME = {kind.kind: kind for kind in KINDS if not kind.view_of}


def by_name(name: str) -> Kind:
    """The stored kind of that name, such as `Pod`. Raises KeyError."""
    return _BY_NAME[name]


def by_plural(group: str, version: str, plural: str) -> Kind | None:
    """The row that a path such as `/apis/apps/v1/deployments` means, or None."""
    return _BY_PLURAL.get((group, version, plural))


def by_api_version(api_version: str, kind: str) -> Kind | None:
    """The row that an object's `apiVersion` and `kind` mean, or None."""
    return next((row for row in KINDS if row.kind == kind and row.api_version == api_version), None)


def groups() -> dict[str, list[Kind]]:
    """Rows by `apiVersion`, core first, in the order of the table."""
    found: dict[str, list[Kind]] = {}
    for kind in KINDS:
        found.setdefault(kind.api_version, []).append(kind)
    return found
