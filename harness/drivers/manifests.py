"""Kubernetes objects as files declare them: plain manifests, and kustomize directories as far as they are understood here."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, Final

from harness.drivers.kustomize import (
    PRINTED,
    SCALED,
    counts,
    generated_maps,
    images,
    is_named_by,
    reachable,
    require_buildable,
    selection,
    text_pairs,
    with_patch,
)
from harness.errors import ConfigurationError
from harness.merge import strategic
from harness.yamlfile import YamlDocument, documents_in, read_documents

KustomizeValues = dict[str, Any]
KUSTOMIZATION: Final = ("kustomization.yaml", "kustomization.yml", "Kustomization")
CLUSTER_SCOPED: Final = frozenset(
    {
        *("Namespace", "Node", "PersistentVolume", "ClusterRole", "ClusterRoleBinding"),
        *("CustomResourceDefinition", "StorageClass", "IngressClass", "PriorityClass", "RuntimeClass"),
        *("APIService", "MutatingWebhookConfiguration", "ValidatingWebhookConfiguration"),
        *("ValidatingAdmissionPolicy", "ValidatingAdmissionPolicyBinding", "CSIDriver", "VolumeSnapshotClass"),
        *("GatewayClass", "ClusterIssuer", "ClusterPolicy", "ClusterSecretStore", "ClusterExternalSecret"),
        *("ConstraintTemplate", "NodePool", "EC2NodeClass"),
    }
)
"""Kinds that are in no namespace, as far as files alone can say; what an API server serves, it knows itself."""
WORKLOADS: Final = frozenset({"Deployment", "StatefulSet", "DaemonSet", "Job", "CronJob"})
_IGNORED: Final = frozenset({"apiVersion", "kind", "metadata", "sortOptions", "buildMetadata"})
_DEEPEST: Final = 12
_MOST: Final = 5_000


@dataclass(frozen=True, kw_only=True, slots=True)
class DeclaredObject:
    """One object of a file: what is written, and `file:line` where it begins."""

    content: KustomizeValues
    place: str

    @property
    def kind(self) -> str:
        """`Deployment`."""
        return str(self.content.get("kind", ""))

    @property
    def name(self) -> str:
        """Its `metadata.name`."""
        return str(self.content["metadata"].get("name", ""))

    @property
    def namespace(self) -> str:
        """Its `metadata.namespace`; empty where none is written."""
        return str(self.content["metadata"].get("namespace") or "")

    @property
    def pod_spec(self) -> KustomizeValues:
        """The specification of its pods; empty for what has none."""
        spec = mapping(self.content.get("spec"))
        if self.kind == "CronJob":
            spec = mapping(mapping(spec.get("jobTemplate")).get("spec"))
        return spec if self.kind == "Pod" else mapping(mapping(spec.get("template")).get("spec"))

    @property
    def containers(self) -> list[KustomizeValues]:
        """The containers of its pods, those that run first before the others."""
        return [*mappings(self.pod_spec.get("initContainers")), *mappings(self.pod_spec.get("containers"))]


def mapping(value: Any) -> KustomizeValues:
    """A mapping; what is not one is taken as empty."""
    return value if isinstance(value, dict) else {}


def mappings(value: Any) -> list[KustomizeValues]:
    """The mappings of a list; what is not one is taken as empty."""
    return [one for one in value if isinstance(one, dict)] if isinstance(value, list) else []


def declared(
    roots: Sequence[Path], used: Callable[[Path], object] = lambda _path: None, *, exact: bool = False
) -> list[DeclaredObject]:
    """The objects of manifests: a file, a kustomize directory, or a directory of both at any depth.

    Args:
        roots: files and directories. What a kustomization refers to must be in the repository of its root; where there is none, below the
            directory that the root's own is in, so that `overlays/ENV` finds a `base` beside `overlays`.
        used: called with each file that is read.
        exact: whether names must be those of the live objects: then a generated ConfigMap whose name gets a hash is refused.

    Raises:
        ConfigurationError: a file is not YAML or not a manifest, a kustomization has a key that is not understood here, or refers to
            what is outside.
    """
    return [one for root in roots for one in _declared(root, used, exact=exact)]


def _declared(root: Path, used: Callable[[Path], object], *, exact: bool) -> Iterator[DeclaredObject]:
    if root.is_dir() and (file := kustomization_of(root)) is not None:
        yield from _Kustomizing(reachable(root.resolve()), used, exact=exact).objects(file, 0)
        return
    if not root.is_dir():
        yield from _objects(root, root.parent, used)
        return
    listed = sorted(path for path in root.iterdir() if not path.name.startswith("."))
    for path in listed:
        if path.is_symlink() and not path.resolve().is_relative_to(root.resolve()):
            raise ConfigurationError(
                "is a link that leads out of its directory", where=str(path), hint="put the file itself there"
            )
        if path.is_dir() or path.suffix in (".yaml", ".yml", ".json"):
            yield from _declared(path, used, exact=exact)


def kustomization_of(directory: Path) -> Path | None:
    """The kustomization of a directory; None where it has none."""
    return next((directory / name for name in KUSTOMIZATION if (directory / name).is_file()), None)


def _objects(path: Path, top: Path, used: Callable[[Path], object]) -> list[DeclaredObject]:
    if not path.resolve().is_relative_to(top.resolve()):
        raise ConfigurationError(f"leads out of {top}", where=str(path))
    used(path)
    return [one for document in read_documents(path) for one in _of_document(document)]


def _of_document(document: YamlDocument) -> Iterator[DeclaredObject]:
    data = document.data
    if data is None:
        return
    place = f"{document.path}:{document.line(())}"
    if isinstance(data, dict) and data.get("kind") == "List" and isinstance(data.get("items"), list):
        for index, item in enumerate(data["items"]):
            yield _object(item, f"{document.path}:{document.line(('items', index))}")
        return
    yield _object(data, place)


def _object(data: Any, place: str) -> DeclaredObject:
    metadata = data.get("metadata") if isinstance(data, dict) else None
    named = isinstance(metadata, dict) and isinstance(data.get("kind"), str) and isinstance(metadata.get("name"), str)
    if not named or not data["kind"]:
        raise ConfigurationError(
            "is not a Kubernetes object", where=place, hint="each has `apiVersion`, `kind` and `metadata: {name: …}`"
        )
    return DeclaredObject(content=data, place=place)


class _Kustomizing:
    """What `kubectl kustomize` makes of a directory, for the keys of `_TRANSFORMERS` and `configMapGenerator`.

    Args:
        top: what kustomizations refer to must be below it.
        used: called with each file that is read.
        exact: see `declared`.
    """

    def __init__(self, top: Path, used: Callable[[Path], object], *, exact: bool) -> None:
        self._top, self._used, self._exact = top, used, exact

    def objects(self, file: Path, depth: int) -> list[DeclaredObject]:
        """The objects of one kustomization; `depth`: how many others refer to it."""
        if depth > _DEEPEST:
            raise ConfigurationError("refers to itself", where=str(file))
        self._used(file)
        documents = [one for one in read_documents(file) if one.data is not None]
        if len(documents) != 1 or not isinstance(documents[0].data, dict):
            raise ConfigurationError("is not a kustomization", where=str(file))
        document = documents[0]
        if (kind := document.data.get("kind") or "Kustomization") not in (
            "Kustomization",
            *(() if depth else ("Component",)),
        ):
            what = f"is a `{kind}`, which kustomize does not build as a resource"
            raise ConfigurationError(what, where=document.where(("kind",)), hint=f"make it a Kustomization, {PRINTED}")
        objects: list[DeclaredObject] = []
        for key in ("resources", "bases"):
            for index, resource in enumerate(_listed(document, key)):
                objects += self._resource(document, (key, index), str(resource), depth)
                if len(objects) > _MOST:
                    raise ConfigurationError(f"declares more than {_MOST} objects", where=str(file))
        objects = _with_maps(document, objects, self._used, exact=self._exact)
        require_buildable(document, [one.content for one in objects])
        for key in sorted((key for key in document.data if key not in _GENERATING), key=_turn):
            objects = _transformed(document, key, objects)
        require_buildable(document, [one.content for one in objects])
        return objects

    def _resource(
        self, document: YamlDocument, at: tuple[str | int, ...], resource: str, depth: int
    ) -> list[DeclaredObject]:
        path = (document.path.parent / resource).resolve()
        where = document.where(at)
        if not path.is_relative_to(self._top):
            raise ConfigurationError(
                f"`{resource}` leads out of {self._top}", where=where, hint=f"put it there, {PRINTED}"
            )
        if not path.exists():
            raise ConfigurationError(f"there is no `{resource}`", where=where, hint="remote bases are not fetched")
        if not path.is_dir():
            return _objects(path, path.parent, self._used)
        inner = kustomization_of(path)
        if inner is None:
            raise ConfigurationError(f"`{resource}` has no kustomization", where=where)
        return self.objects(inner, depth + 1)


def _listed(document: YamlDocument, key: str) -> list[Any]:
    """The list under a key of a kustomization; raises ConfigurationError for anything else."""
    value = document.data.get(key)
    if value is not None and not isinstance(value, list):
        raise ConfigurationError("must be a list", where=document.where((key,)))
    return value or []


def _transformed(document: YamlDocument, key: str, objects: Sequence[DeclaredObject]) -> list[DeclaredObject]:
    if key not in _TRANSFORMERS:
        hint = f"understood are {', '.join(sorted(_TRANSFORMERS))}; or name what `kubectl kustomize` prints"
        raise ConfigurationError(f"`{key}` is not understood here", where=document.where((key,)), hint=hint)
    if key == "patches":
        _check_named(document, objects)
    if key == "replicas":
        counts(document, document.data[key], [one.content for one in objects])
    change = _TRANSFORMERS[key](document, document.data[key])
    try:
        return [replace(one, content=content) for one in objects if (content := change(one.content))]
    except ValueError as error:
        raise ConfigurationError(f"`{key}` cannot be applied: {error}", where=document.where((key,))) from error


def _with_maps(
    document: YamlDocument, objects: list[DeclaredObject], used: Callable[[Path], object], *, exact: bool
) -> list[DeclaredObject]:
    """The objects with the ConfigMaps that the kustomization generates, or adds keys to."""
    found = list(objects)
    for one in generated_maps(document, _listed(document, "configMapGenerator"), used, exact=exact):
        if one.behavior == "create":
            metadata = {**one.metadata, "name": one.name or None}
            content = {"apiVersion": "v1", "kind": "ConfigMap", "metadata": metadata, "data": dict(one.data)}
            found.append(_object(content, one.place))
            continue
        there = [at for at, base in enumerate(found) if (base.kind, base.name) == ("ConfigMap", one.name)]
        if len(there) != 1:
            what = f"`behavior: {one.behavior}` is of a ConfigMap `{one.name}`, and its bases have {len(there)} of that name"
            raise ConfigurationError(what, where=one.where)
        content = found[there[0]].content
        data = {**(mapping(content.get("data")) if one.behavior == "merge" else {}), **one.data}
        found[there[0]] = replace(
            found[there[0]], content=strategic({**content, "data": data}, {"metadata": dict(one.metadata)})
        )
    return found


_Change = Callable[[KustomizeValues], KustomizeValues]
"""What a transformer makes of an object; empty where it takes the object away."""


def _namespaced(document: YamlDocument, value: Any) -> _Change:
    if not isinstance(value, str):
        raise ConfigurationError("must be a name", where=document.where(("namespace",)))

    def change(obj: KustomizeValues) -> KustomizeValues:
        if obj["kind"] in CLUSTER_SCOPED:
            return obj
        return {**obj, "metadata": {**obj["metadata"], "namespace": value}}

    return change


def _scaled(_document: YamlDocument, value: Any) -> _Change:
    numbers = {row["name"]: row["count"] for row in mappings(value)}

    def change(obj: KustomizeValues) -> KustomizeValues:
        if obj["kind"] not in SCALED or obj["metadata"]["name"] not in numbers:
            return obj
        return {**obj, "spec": {**mapping(obj.get("spec")), "replicas": numbers[obj["metadata"]["name"]]}}

    return change


def _labelled(document: YamlDocument, value: Any) -> _Change:
    key = "labels" if isinstance(value, list) else "commonLabels"
    rows = mappings(value) if isinstance(value, list) else [{"pairs": value, "includeTemplates": True}]
    read = [
        (text_pairs(document, (key, index, "pairs") if key == "labels" else (key,), row.get("pairs")), row)
        for index, row in enumerate(rows)
    ]

    def change(obj: KustomizeValues) -> KustomizeValues:
        for pairs, row in read:
            labels = {"metadata": {"labels": pairs}}
            obj = strategic(obj, labels)
            if row.get("includeTemplates") and mapping(obj.get("spec")).get("template"):
                obj = strategic(obj, {"spec": {"template": labels}})
        return obj

    return change


def _annotated(document: YamlDocument, value: Any) -> _Change:
    annotations = {"metadata": {"annotations": text_pairs(document, ("commonAnnotations",), value)}}

    def change(obj: KustomizeValues) -> KustomizeValues:
        obj = strategic(obj, annotations)
        has_template = mapping(mapping(obj.get("spec")).get("template"))
        return strategic(obj, {"spec": {"template": annotations}}) if has_template else obj

    return change


def _patched(document: YamlDocument, value: Any) -> _Change:
    rows = [
        (
            selection(document, index, target) if (target := mapping(row).get("target")) else None,
            _patches(document, index, mapping(row)),
        )
        for index, row in enumerate(_listed(document, "patches"))
    ]

    def change(obj: KustomizeValues) -> KustomizeValues:
        for is_target, patches in rows:
            for patch in patches:
                if not (is_target(obj) if is_target else is_named_by(patch, obj)):
                    continue
                try:
                    obj = with_patch(obj, patch)
                except ValueError as error:
                    where = document.where(("patches",))
                    raise ConfigurationError(f"a patch cannot be applied: {error}", where=where) from error
                if not obj:
                    return obj
        return obj

    return change if isinstance(value, list) else lambda obj: obj


def _check_named(document: YamlDocument, objects: Sequence[DeclaredObject]) -> None:
    """Refuse a patch without a target that is of no object, as kubectl does."""
    for index, row in enumerate(_listed(document, "patches")):
        for patch in [] if mapping(row).get("target") else _patches(document, index, mapping(row)):
            named = patch.get("kind") and mapping(patch.get("metadata")).get("name")
            if not named or not any(is_named_by(patch, one.content) for one in objects):
                what = f"the patch {'is of an object that is not among the resources' if named else 'names no object'}"
                hint = (
                    f"write `kind` and `metadata: {{name: …}}` of the object, or a `target` beside the patch; {PRINTED}"
                )
                raise ConfigurationError(what, where=document.where(("patches", index)), hint=hint)


def _patches(document: YamlDocument, index: int, row: KustomizeValues) -> list[KustomizeValues]:
    """The strategic merge patches of one row, from the text in it or from the file that it names."""
    at = ("patches", index)
    if "patch" in row:
        try:
            read = documents_in(str(row["patch"]), document.path)
        except ConfigurationError as error:
            raise ConfigurationError(error.what, where=document.where((*at, "patch")), hint=error.hint) from error
    else:
        path = (document.path.parent / str(row.get("path", ""))).resolve()
        if not path.is_relative_to(document.path.parent.resolve()) or not path.is_file():
            raise ConfigurationError(f"there is no `{row.get('path')}` beside it", where=document.where(at))
        read = read_documents(path)
    found = [one.data for one in read if one.data is not None]
    if not all(isinstance(one, dict) for one in found):
        hint = "write it as a strategic merge patch; or name what `kubectl kustomize` prints"
        raise ConfigurationError("a JSON patch is not understood here", where=document.where(at), hint=hint)
    return found


_GENERATING: Final = frozenset({"resources", "bases", "configMapGenerator", "generatorOptions", *_IGNORED})
_TRANSFORMERS: Final[Mapping[str, Callable[[YamlDocument, Any], _Change]]] = {
    "patches": _patched,
    "namespace": _namespaced,
    "labels": _labelled,
    "commonLabels": _labelled,
    "commonAnnotations": _annotated,
    "replicas": _scaled,
    "images": images,
}
"""In the order in which kustomize applies them, whatever that of the file is."""


def _turn(key: str) -> int:
    """When a transformer is applied; an unknown one is refused first."""
    return list(_TRANSFORMERS).index(key) if key in _TRANSFORMERS else -1
