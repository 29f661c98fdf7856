"""Reads and writes objects of a cluster through the official client, as the JSON of Kubernetes."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping, Sequence
from typing import TYPE_CHECKING, Any, Final, Self

from harness.targets.access import EVERYWHERE, Access
from harness.targets.cluster.calls import JSON_PATCH, MERGE_PATCH, ApiCalls
from harness.targets.cluster.kubeconfig import api_client
from harness.targets.files.target import Target

if TYPE_CHECKING:
    from kubernetes.client import ApiClient

Object = Mapping[str, Any]

CLIENT_MODULES: Final = tuple(f"kubernetes.client.api.{name}_api" for name in ("core_v1", "apps_v1", "custom_objects"))
"""The modules of a `Cluster`, imported on first use, since the import takes one to two seconds of processor time."""
_TOO_MANY: Final = 429
"""Status of an eviction that a disruption budget does not allow now."""
_STAMP_BYTES: Final = 64
"""Number of bytes read from a log with timestamps; a timestamp is not longer."""
REGION_LABEL: Final = "topology.kubernetes.io/region"
ZONE_LABEL: Final = "topology.kubernetes.io/zone"
WORKLOAD_LABELS: Final = ("app", "app.kubernetes.io/name")


def namespaces_of(target: Target) -> tuple[str, ...]:
    """The namespaces of the target file without duplicates: its own, the regions', and that of the database's lock."""
    kubernetes, database = target.kubernetes, target.database
    own = [kubernetes.namespace, *kubernetes.namespaces] if kubernetes else []
    own += [region.namespace for region in target.regions.values()]
    own += [database.leader.namespace] if database and database.leader else []
    return tuple(dict.fromkeys(name for name in own if name))


def labels_of(obj: Object) -> Mapping[str, str]:
    """The labels of an object; an empty mapping if it has none."""
    return obj["metadata"].get("labels") or {}


def workload_of(labels: Mapping[str, str]) -> str:
    """The workload of a pod by the first of its labels in `WORKLOAD_LABELS`; empty if it has none of them."""
    return next((labels[label] for label in WORKLOAD_LABELS if labels.get(label)), "")


def annotations_of(obj: Object) -> Mapping[str, str]:
    """The annotations of an object; an empty mapping if it has none."""
    return obj["metadata"].get("annotations") or {}


def has_condition(obj: Object, kind: str) -> bool:
    """Whether the condition of the given type is True, and not False, Unknown or missing."""
    conditions = obj.get("status", {}).get("conditions") or []
    return any(condition["type"] == kind and condition["status"] == "True" for condition in conditions)


def is_over(pod: Object) -> bool:
    """Whether a pod has succeeded, failed or was evicted; its object stays until it is collected."""
    return (pod.get("status") or {}).get("phase") in {"Failed", "Succeeded"}


def is_terminating(pod: Object) -> bool:
    """Whether a pod is being deleted; it is replaced, and a Service uses it only if there is no other pod."""
    return bool(pod["metadata"].get("deletionTimestamp"))


def serves(pod: Object) -> bool:
    """Whether a pod is Ready and not being deleted, since a terminating pod may still be Ready."""
    return has_condition(pod, "Ready") and not is_terminating(pod)


def is_usable(node: Object) -> bool:
    """Whether a node is Ready and schedulable."""
    return has_condition(node, "Ready") and not node.get("spec", {}).get("unschedulable")


class Cluster(ApiCalls):
    """Reads and writes objects of one cluster; for timeout and errors see `ApiCalls`."""

    def __init__(self, api: ApiClient) -> None:
        from kubernetes import client

        super().__init__(api)
        self._apps = client.AppsV1Api(api)

    @classmethod
    def of(cls, target: Target) -> Self:
        """The target's cluster."""
        return cls(api_client(target))

    def nodes(self, label_selector: str = "") -> list[Object]:
        """Nodes with the given labels, or all nodes."""
        return self._items(self._core.list_node, **_selected(label_selector))

    def node(self, name: str) -> Object | None:
        """One node; None if it does not exist."""
        return self._call(self._core.read_node, name)

    def pods(
        self, namespace: str = "", label_selector: str = "", field_selector: str = "", *, over: bool = False
    ) -> list[Object]:
        """Pods of one namespace, or of all namespaces; ended pods are included only if `over` is set."""
        chosen = _selected(label_selector, field_selector)
        if not namespace:
            found = self._items(self._core.list_pod_for_all_namespaces, **chosen)
        else:
            found = self._items(self._core.list_namespaced_pod, namespace, **chosen)
        return found if over else [pod for pod in found if not is_over(pod)]

    def pod(self, namespace: str, name: str) -> Object | None:
        """One pod; None if it does not exist."""
        return self._call(self._core.read_namespaced_pod, name, namespace)

    def deployments(self, namespace: str = "") -> list[Object]:
        """Deployments of one namespace, or of all namespaces."""
        if not namespace:
            return self._items(self._apps.list_deployment_for_all_namespaces)
        return self._items(self._apps.list_namespaced_deployment, namespace)

    def stateful_sets(self, namespace: str = "") -> list[Object]:
        """StatefulSets of one namespace, or of all namespaces."""
        if not namespace:
            return self._items(self._apps.list_stateful_set_for_all_namespaces)
        return self._items(self._apps.list_namespaced_stateful_set, namespace)

    def daemon_sets(self, namespace: str) -> list[Object]:
        """DaemonSets of one namespace; empty if the API server does not serve them."""
        return self._items(self._apps.list_namespaced_daemon_set, namespace)

    def config_maps(self, namespace: str = "") -> list[Object]:
        """ConfigMaps of one namespace, or of all namespaces."""
        if not namespace:
            return self._items(self._core.list_config_map_for_all_namespaces)
        return self._items(self._core.list_namespaced_config_map, namespace)

    def secrets(self, namespace: str) -> list[Object]:
        """Secrets of one namespace with their values, which the caller must not print."""
        return self._items(self._core.list_namespaced_secret, namespace)

    def version(self) -> str:
        """The version that the API server reports: `v1.33.2`."""
        from kubernetes import client

        answer = self._call(client.VersionApi(self.api).get_code)
        return str(answer.get("gitVersion", "")) if answer else ""

    def date(self) -> str:
        """The API server's clock, as the header Date of an answer has it; empty: the answer has none."""
        from kubernetes import client

        return self._header("Date", client.VersionApi(self.api).get_code)

    def groups(self) -> frozenset[str]:
        """The API groups that the API server serves, including those of add-ons, without the nameless core group."""
        from kubernetes import client

        answer = self._call(client.ApisApi(self.api).get_api_versions)
        return frozenset(str(one["name"]) for one in (answer or {}).get("groups") or [])

    def may(self, one: Access) -> bool:
        """Whether the API server allows this user an access."""
        resource, _, below = one.resource.partition("/")
        asked = {
            "namespace": "" if one.at == EVERYWHERE else one.at,
            "verb": one.verb,
            "group": one.group,
            "resource": resource,
            "subresource": below,
            "name": one.name,
        }
        body = {
            "apiVersion": "authorization.k8s.io/v1",
            "kind": "SelfSubjectAccessReview",
            "spec": {"resourceAttributes": asked},
        }
        review = self._custom.create_cluster_custom_object
        answer = self._call(review, "authorization.k8s.io", "v1", "selfsubjectaccessreviews", body)
        return bool(((answer or {}).get("status") or {}).get("allowed"))

    def services(self, namespace: str) -> list[Object]:
        """Services of one namespace."""
        return self._items(self._core.list_namespaced_service, namespace)

    def kinds(self, version: str) -> Mapping[str, str]:
        """Kinds of an API version such as `apps/v1`, with their collections; empty if the version is not served."""
        return {str(one["kind"]): str(one["name"]) for one in self._resources(version)}

    def cluster_scoped(self, version: str) -> frozenset[str]:
        """The kinds of an API version whose objects have no namespace."""
        return frozenset(str(one["kind"]) for one in self._resources(version) if one.get("namespaced") is False)

    def _resources(self, version: str) -> list[Object]:
        group, _, number = version.rpartition("/")
        if group:
            answer = self._call(self._custom.get_api_resources, group, number)
        else:
            answer = self._call(self._core.get_api_resources)
        return [one for one in (answer or {}).get("resources") or [] if "/" not in one["name"]]

    def read(self, version: str, kind: str, name: str, namespace: str = "") -> Object | None:
        """One object, for example of `apps/v1` and `Deployment`; None if the object or its kind does not exist."""
        group, _, number = version.rpartition("/")
        if not group:
            method = self._of_core("read", kind, namespace)
            return self._call(method, name, *([namespace] if namespace else [])) if method else None
        plural = self.kinds(version).get(kind)
        if plural is None:
            return None
        if namespace:
            return self._call(self._custom.get_namespaced_custom_object, group, number, namespace, plural, name)
        return self._call(self._custom.get_cluster_custom_object, group, number, plural, name)

    def objects(self, version: str, kind: str, namespace: str = "") -> list[Object] | None:
        """Every object of a kind; None if the API server does not serve the kind."""
        if "/" in version:
            plural = self.kinds(version).get(kind)
            return self.customs(version, plural, namespace) if plural else None
        method = self._of_core("list", kind, namespace)
        return self._items(method, *filter(None, [namespace])) if method else None

    def _of_core(self, verb: str, kind: str, namespace: str) -> Callable[..., Any] | None:
        words = re.sub(r"(?<!^)(?=[A-Z])", "_", kind).lower()
        return getattr(self._core, f"{verb}_namespaced_{words}" if namespace else f"{verb}_{words}", None)

    def replica_sets(self, namespace: str) -> list[Object]:
        """ReplicaSets of one namespace."""
        return self._items(self._apps.list_namespaced_replica_set, namespace)

    def custom(self, version: str, plural: str, namespace: str, name: str) -> Object | None:
        """One object, for example of `argoproj.io/v1alpha1` and `rollouts`; None if it does not exist."""
        group, _, number = version.partition("/")
        return self._call(self._custom.get_namespaced_custom_object, group, number, namespace, plural, name)

    def customs(self, version: str, plural: str, namespace: str = "") -> list[Object]:
        """Every object of a collection in one namespace, or in all; empty if the collection is not served."""
        group, _, number = version.partition("/")
        if not namespace:
            return self._items(self._custom.list_cluster_custom_object, group, number, plural)
        return self._items(self._custom.list_namespaced_custom_object, group, number, namespace, plural)

    def patch_custom(
        self,
        version: str,
        plural: str,
        namespace: str,
        name: str,
        body: Sequence[Object] | Object,
        *,
        status: bool = False,
    ) -> None:
        """Patch one object of an API group, or its status; a list is a JSON patch, a mapping a merge patch."""
        group, _, number = version.partition("/")
        custom = self._custom
        method = custom.patch_namespaced_custom_object_status if status else custom.patch_namespaced_custom_object
        content = JSON_PATCH if isinstance(body, list) else MERGE_PATCH
        self._call(method, group, number, namespace, plural, name, body, _content_type=content)

    def create_custom(self, version: str, plural: str, namespace: str, body: Object) -> None:
        """Create one object of an API group."""
        group, _, number = version.partition("/")
        self._create(self._custom.create_namespaced_custom_object, group, number, namespace, plural, body)

    def delete_custom(
        self, version: str, plural: str, namespace: str, name: str, *, owned_first: bool = False, uid: str = ""
    ) -> None:
        """Delete one object of an API group, with the objects that it owns; with `uid` only this one. A missing object is no error."""
        group, _, number = version.partition("/")
        how: dict[str, Any] = {"propagation_policy": "Foreground" if owned_first else "Background"}
        if uid:
            how["body"] = {"preconditions": {"uid": uid}}
        self._call(self._custom.delete_namespaced_custom_object, group, number, namespace, plural, name, **how)

    def patch_config_map(self, namespace: str, name: str, patch: Object) -> None:
        """Change a ConfigMap by a strategic merge patch."""
        self._call(self._core.patch_namespaced_config_map, name, namespace, patch)

    def patch_service(self, namespace: str, name: str, body: Sequence[Object]) -> None:
        """Change a Service by a JSON patch."""
        self._call(self._core.patch_namespaced_service, name, namespace, body, _content_type=JSON_PATCH)

    def create_service(self, namespace: str, body: Object) -> None:
        """Create a Service."""
        self._create(self._core.create_namespaced_service, namespace, body)

    def delete_service(self, namespace: str, name: str) -> None:
        """Delete a Service; a missing Service is no error."""
        self._call(self._core.delete_namespaced_service, name, namespace)

    def endpoints(self, namespace: str, name: str) -> Object | None:
        """One Endpoints object; None if it does not exist."""
        return self._call(self._core.read_namespaced_endpoints, name, namespace)

    def patch_node(self, name: str, patch: Object) -> None:
        """Change a node by a strategic merge patch; a missing node is ignored."""
        self._call(self._core.patch_node, name, patch)

    def patch_endpoints(self, namespace: str, name: str, patch: Object) -> None:
        """Change an Endpoints object by a strategic merge patch."""
        self._call(self._core.patch_namespaced_endpoints, name, namespace, patch)

    def create_endpoints(self, namespace: str, body: Object) -> None:
        """Create an Endpoints object."""
        self._create(self._core.create_namespaced_endpoints, namespace, body)

    def create_pod(self, namespace: str, body: Object) -> None:
        """Create a pod."""
        self._create(self._core.create_namespaced_pod, namespace, body)

    def pod_log(self, namespace: str, name: str, container: str = "", *, previous: bool = False) -> str:
        """The log of a container (default: the only one); with `previous` the log before the last restart."""
        return self._log(namespace, name, container, previous=previous)

    def log_begin(self, namespace: str, name: str, container: str, *, previous: bool = False) -> str:
        """Time of the first available line of a container's log, in RFC 3339; empty if there is no line.

        Earlier lines may be missing, since the API serves only the newest file after the kubelet has rotated the log.
        """
        line = self._log(namespace, name, container, previous=previous, timestamps=True, limit_bytes=_STAMP_BYTES)
        return line.partition(" ")[0]

    def _log(self, namespace: str, name: str, container: str, *, previous: bool, **options: Any) -> str:
        chosen = {"container": container} if container else {}
        if previous:
            options["previous"] = True
        status, text = self._answer(self._core.read_namespaced_pod_log, name, namespace, **chosen, **options)
        if status in {204, 400, 404}:  # 204: not scheduled yet; 400: the container is still being created
            return ""
        if status != 200:
            raise self._refusal(status, text)
        return text.decode("utf-8", "replace")

    def delete_pod(self, namespace: str, name: str, *, grace_s: int | None = None) -> None:
        """Delete a pod; a missing pod is no error."""
        body: dict[str, Any] = {} if grace_s is None else {"gracePeriodSeconds": grace_s}
        self._call(self._core.delete_namespaced_pod, name, namespace, body=body)

    def evict_pod(self, namespace: str, name: str) -> bool:
        """Evict a pod; returns False if a disruption budget does not allow it now. A missing pod is no error."""
        body = {"apiVersion": "policy/v1", "kind": "Eviction", "metadata": {"name": name, "namespace": namespace}}
        status, text = self._answer(self._core.create_namespaced_pod_eviction, name, namespace, body=body)
        if status == _TOO_MANY:
            return False
        self._read(status, text)
        return True


def _selected(label_selector: str, field_selector: str = "") -> dict[str, str]:
    chosen = {"label_selector": label_selector, "field_selector": field_selector}
    return {name: value for name, value in chosen.items() if value}
