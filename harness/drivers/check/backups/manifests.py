"""Configuration as it is compared: objects or files by name, each with a digest of every part, so that no value is ever printed."""

from __future__ import annotations

import base64
import hashlib
import io
import json
import lzma
import tarfile
import zlib
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path, PurePosixPath
from typing import Any, Final

from harness.drivers.facts import FactReading
from harness.errors import ConfigurationError, DriverError
from harness.targets.files.configuration import LiveObjects, SavedConfiguration
from harness.targets.kubernetes import Cluster, Object, annotations_of, labels_of
from harness.words import some
from harness.yamlfile import documents_in

MOST_BYTES: Final = 1 << 26
"""Size of a configuration that is read."""
_MANIFESTS: Final = frozenset({".yaml", ".yml", ".json"})
_KUSTOMIZE: Final = "kustomize.config.k8s.io/"
_RENDERS: Final = frozenset({"kustomization.yaml", "kustomization.yml", "Kustomization", "Chart.yaml"})
"""Files by which others are made into the objects: of kustomize and of Helm."""
_SEALS: Final = {"SealedSecret": "a SealedSecret", "ExternalSecret": "an ExternalSecret"}
"""Kinds of objects from which an operator makes Secrets, in words."""
_OF_DEPLOYERS: Final = (
    *("kubectl.kubernetes.io/", "argocd.argoproj.io/"),
    *("kustomize.toolkit.fluxcd.io/", "helm.toolkit.fluxcd.io/"),
)
"""Labels and annotations that who applies an object writes into it begin so: kubectl, Argo CD, Flux."""
_MAPPINGS: Final = ("data", "stringData", "binaryData")
_LINE_ENDS: Final = str.maketrans("", "", "\r\n")
"""Line ends in base64, which the API server skips: the decoder of Go's encoding/base64 does."""


@dataclass(frozen=True, kw_only=True, slots=True)
class ConfigurationState:
    """A configuration.

    Attributes:
        objects: name of each object, as `ConfigMap shop/settings`, or of each file; with the SHA-256 of each of its parts.
        unknown: what was found and is not recognised, and why.
        unsure: names of objects whose parts may be others than these.
        rendered: whether something makes the objects from the manifests, which may change any of them.
    """

    objects: Mapping[str, Mapping[str, str]] = field(default_factory=dict)
    unknown: Sequence[str] = ()
    unsure: frozenset[str] = frozenset()
    rendered: bool = False


def live_state(cluster: Cluster, selected: Sequence[LiveObjects]) -> ConfigurationState:
    """The objects that a cluster has by now. Raises DriverError."""
    found: dict[str, Mapping[str, str]] = {}
    for chosen in selected:
        for namespace in chosen.namespaces:
            for one in cluster.config_maps(namespace) if chosen.kind == "ConfigMap" else cluster.secrets(namespace):
                if _is_chosen(one, chosen):
                    found[_name_of(chosen.kind, one)] = _parts_of(chosen.kind, one)
    return ConfigurationState(objects=found)


def state_of(files: Mapping[str, bytes], saved: SavedConfiguration) -> ConfigurationState:
    """What files have: they are the configuration, or manifests of its objects."""
    if saved.directory:
        return ConfigurationState(objects={name: {"content": _digest(content)} for name, content in files.items()})
    found: dict[str, Mapping[str, str]] = {}
    unknown: list[str] = []
    unsure: set[str] = set()
    for name, content in files.items():
        try:
            for one in _manifests(name, content):
                if one.get("kind") in _SEALS and _may_make(one, saved):
                    unknown.append(f"{name}: {_SEALS[one['kind']]}, whose Secret is made in the cluster")
                if not any(one.get("kind") == chosen.kind and _is_chosen(one, chosen) for chosen in saved.objects):
                    continue
                title = _name_of(str(one["kind"]), one)
                if "sops" in one:
                    unknown.append(f"{name}: {title} is encrypted with SOPS")
                if title in found:
                    unknown.append(f"{name}: {title} is there twice")
                unsure |= {title} if title in found or "sops" in one else set()
                found[title] = _parts_of(one["kind"], one)
        except ConfigurationError as error:
            unknown.append(f"{error.where or name}: {error.what}")
    rendered = any(PurePosixPath(name).name in _RENDERS for name in files)
    return ConfigurationState(objects=found, unknown=unknown, unsure=frozenset(unsure), rendered=rendered)


def _may_make(one: Object, saved: SavedConfiguration) -> bool:
    """Whether what an operator makes of an object may be a Secret that is chosen."""
    there = one["metadata"].get("namespace")
    return any(chosen.kind == "Secret" and there in (None, *chosen.namespaces) for chosen in saved.objects)


def _manifests(name: str, content: bytes) -> Iterator[Object]:
    """The objects of a file. Raises ConfigurationError for what is no manifest."""
    if PurePosixPath(name).suffix not in _MANIFESTS:
        raise ConfigurationError("not a manifest (.yaml, .yml, .json)", where=name)
    try:
        text = content.decode()
    except UnicodeDecodeError:
        raise ConfigurationError("not UTF-8", where=name) from None
    for document in documents_in(text, Path(name)):
        if document.data is not None:
            yield from _objects_in(document.data, name)


def _objects_in(data: Any, name: str) -> Iterator[Object]:
    if isinstance(data, dict) and str(data.get("kind", "")).endswith("List") and isinstance(data.get("items"), list):
        for one in data["items"]:
            yield from _objects_in(one, name)
        return
    metadata = data.get("metadata") if isinstance(data, dict) else None
    kind = data.get("kind") if isinstance(data, dict) else None
    if not isinstance(metadata, dict) or not (kind and isinstance(kind, str)):
        raise ConfigurationError("not a manifest of an object", where=name)
    if str(data.get("apiVersion")).startswith(_KUSTOMIZE):
        raise ConfigurationError("not a manifest of an object", where=name)
    if kind in {"ConfigMap", "Secret"}:
        if not all(metadata.get(key) and isinstance(metadata[key], str) for key in ("name", "namespace")):
            raise ConfigurationError(f"a {kind} without a name or a namespace", where=name)
        parts = {key: data.get(key) for key in _MAPPINGS} | {
            key: metadata.get(key) for key in ("labels", "annotations")
        }
        if wrong := [key for key, part in parts.items() if not isinstance(part or {}, dict)]:
            raise ConfigurationError(f"a {kind} whose `{wrong[0]}` is not a mapping", where=name)
    yield data


def _is_chosen(one: Object, chosen: LiveObjects) -> bool:
    metadata = one["metadata"]
    here = metadata["namespace"] in chosen.namespaces and metadata["name"] not in chosen.without
    return here and chosen.selector.items() <= labels_of(one).items()


def _name_of(kind: str, one: Object) -> str:
    return f"{kind} {one['metadata']['namespace']}/{one['metadata']['name']}"


def _parts_of(kind: str, one: Object) -> dict[str, str]:
    """What people write into an object: keys of its data one by one, labels, annotations, and its other fields."""
    plain = {key: base64.b64encode(str(text).encode()).decode() for key, text in (one.get("stringData") or {}).items()}
    data, binary = one.get("data") or {}, one.get("binaryData") or {}
    if kind == "Secret":
        data = _on_one_line(data)
    found: dict[str, Any] = {f"data.{key}": text for key, text in {**data, **plain}.items()}
    found |= {f"binaryData.{key}": text for key, text in _on_one_line(binary).items()}
    found |= {f"label {key}": text for key, text in labels_of(one).items() if not _is_of_deployer(key)}
    found |= {f"annotation {key}": text for key, text in annotations_of(one).items() if not _is_of_deployer(key)}
    found |= {"immutable": True} if one.get("immutable") else {}
    found |= {"type": one["type"]} if one.get("type") not in (None, "", "Opaque") else {}
    return {part: _digest(json.dumps(value, sort_keys=True, default=str).encode()) for part, value in found.items()}


def _on_one_line(encoded: Mapping[str, Any]) -> Mapping[str, Any]:
    """Values in base64 without line ends."""
    return {key: text.translate(_LINE_ENDS) if isinstance(text, str) else text for key, text in encoded.items()}


def _is_of_deployer(key: str) -> bool:
    return str(key).startswith(_OF_DEPLOYERS)


def _digest(content: bytes) -> str:
    return hashlib.sha256(content).hexdigest()


def unpacked(name: str, content: bytes) -> Mapping[str, bytes]:
    """The files of a tar archive, compressed or not; else the file itself, if it may be a manifest.

    Raises:
        DriverError: it is neither, or too large.
    """
    if PurePosixPath(name).suffix in _MANIFESTS:
        return {name: content}
    found: dict[str, bytes] = {}
    left = MOST_BYTES
    try:
        with tarfile.open(fileobj=io.BytesIO(content)) as archive:
            for one in archive:
                if one.isdir():
                    continue
                file = archive.extractfile(one) if one.isreg() else None
                left -= one.size
                if file is None or left < 0:
                    raise DriverError(f"{one.name} is not a file, or the files are too large", where=name)
                found[str(PurePosixPath(one.name))] = file.read()
    except (tarfile.TarError, OSError, EOFError, OverflowError, ValueError, zlib.error, lzma.LZMAError) as error:
        raise DriverError(f"neither a tar archive nor a manifest ({type(error).__name__})", where=name) from error
    return found


def files_below(directory: Path) -> Mapping[str, bytes]:
    """Every file of a directory and of those below it.

    Raises:
        DriverError: a file cannot be read, leads out of the directory, or they are too large together.
    """
    found: dict[str, bytes] = {}
    left, root = MOST_BYTES, directory.resolve()
    try:
        for path in sorted(one for one in root.rglob("*") if not one.is_dir()):
            left -= path.stat().st_size
            if left < 0 or not path.resolve().is_relative_to(root):
                raise DriverError("leads out of the directory, or the files are too large", where=str(path))
            found[path.relative_to(root).as_posix()] = path.read_bytes()
    except OSError as error:
        where = str(error.filename or directory)
        raise DriverError(f"the file cannot be read: {error.strerror}", where=where) from error
    return found


def difference_facts(
    place: str, expected: ConfigurationState, found: ConfigurationState, *, like: str
) -> Iterator[FactReading]:
    """A fact of each object that differs or is on one side alone, one of what is not recognised, and one of all others.

    Args:
        place: name of what was read.
        expected: what it is compared with.
        found: what was read.
        like: name of what it is compared with.
    """
    strange = [*expected.unknown, *found.unknown]
    if strange:
        why = some(strange)
        yield FactReading(subject=f"{place}: what is not recognised", expected="nothing", observed=why, ok=None)
    names, differ = sorted({*expected.objects, *found.objects}), 0
    for name in names:
        if why := _difference(expected.objects.get(name), found.objects.get(name), like):
            differ += 1
            known = not strange or {name} <= {*expected.objects} & {*found.objects}
            sure = not (expected.rendered or found.rendered or name in expected.unsure | found.unsure)
            ok = False if known and sure else None
            yield FactReading(subject=f"{place}: {name}", expected=f"equal to {like}", observed=why, ok=ok)
    said = f"{len(names) - differ} of {len(names)} equal"
    yield FactReading(subject=place, expected=f"equal to {like}", observed=said, ok=True if names else None)


def _difference(expected: Mapping[str, str] | None, found: Mapping[str, str] | None, like: str) -> str:
    """What differs; empty: nothing does."""
    if found is None:
        return "missing"
    if expected is None:
        return f"not in {like}"
    parts = [
        f"{part} {'is missing' if part not in found else 'is not expected' if part not in expected else 'differs'}"
        for part in sorted({*expected, *found})
        if expected.get(part) != found.get(part)
    ]
    return some(parts)
