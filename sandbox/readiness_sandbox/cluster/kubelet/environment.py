"""What a container sees: its variables, its volumes, and paths put where they really are.

No mount namespaces are needed.
A stated deviation from Kubernetes: a volume is a directory below the pod's own, and an environment value, a command or an
argument that *starts* with a mountPath is rewritten to that directory.
"""

from __future__ import annotations

import base64
import json
import re
from typing import TYPE_CHECKING, Any, Protocol

from readiness_sandbox.cluster.quantities import amount

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from pathlib import Path

    from readiness_sandbox.cluster.store import Object

Mounts = tuple[tuple[str, "Path"], ...]

_REFERENCE = re.compile(r"\$(\$|\(([-._a-zA-Z][-._a-zA-Z0-9]*)\))")
_SUBSCRIPT = re.compile(r"^metadata\.(labels|annotations)\['(.+)'\]$")


class ConfigError(Exception):
    """Something that a container's configuration refers to is not there; the text names it."""


class Lookup(Protocol):
    """Finds the ConfigMaps and Secrets of the pod's namespace, and Nodes."""

    def __call__(self, kind: str, name: str) -> Object | None:
        """That object or None."""
        ...


def expand(text: str, env: Mapping[str, str]) -> str:
    """Replace `$(NAME)` by its value.

    `$$(NAME)` stays `$(NAME)`, an unknown name stays as it is.
    """

    def value(found: re.Match[str]) -> str:
        return "$" if found[1] == "$" else env.get(found[2], found[0])

    return _REFERENCE.sub(value, text)


def variables(pod: Object, container: Object, base: Mapping[str, str], lookup: Lookup) -> dict[str, str]:
    """All variables of a container, in Kubernetes' order: `base`, envFrom, env.

    Raises ConfigError.
    """
    env = dict(base)
    for source in container.get("envFrom") or ():
        prefix = source.get("prefix", "")
        for kind, key in (("ConfigMap", "configMapRef"), ("Secret", "secretRef")):
            if key in source:
                values = _values(kind, source[key], lookup)
                env |= {prefix + name: _text(value, f"{kind} {source[key]['name']}") for name, value in values.items()}
    for entry in container.get("env") or ():
        if "valueFrom" in entry:
            value = _value_from(pod, container, entry["valueFrom"], lookup)
            if value is not None:
                env[entry["name"]] = value
        else:
            env[entry["name"]] = expand(entry.get("value") or "", env)
    return env


def materialize(pod: Object, root: Path, claims: Path, lookup: Lookup) -> dict[str, Path]:
    """Make the pod's volumes below `root`, and its claims below `claims`. Raises ConfigError."""
    made: dict[str, Path] = {}
    for volume in pod["spec"].get("volumes") or ():
        name = volume["name"]
        claim = volume.get("persistentVolumeClaim")
        path = _within(claims, claim["claimName"]) if claim else _within(root, name)
        path.mkdir(mode=0o700, parents=True, exist_ok=True)
        made[name] = path
        for file, data in _files(pod, volume, lookup).items():
            target = _within(path, file)
            target.parent.mkdir(parents=True, exist_ok=True)
            target.write_bytes(data)
            target.chmod(0o600)
    return made


def refresh(pod: Object, root: Path, lookup: Lookup) -> None:
    """Write the Secrets of a pod's volumes anew, as a kubelet does when they have changed. Raises ConfigError."""
    for volume in pod["spec"].get("volumes") or ():
        if "secret" not in volume:
            continue
        for file, data in _files(pod, volume, lookup).items():
            target = _within(_within(root, volume["name"]), file)
            if target.read_bytes() != data:
                new = target.with_name(f".{target.name}.new")
                new.touch(mode=0o600)
                new.write_bytes(data)
                new.replace(target)


def _within(directory: Path, name: str) -> Path:
    """A path below a directory, also where a pod has put links there. Raises ConfigError."""
    path = directory / name
    if not path.resolve().is_relative_to(directory.resolve()) or path == directory:
        raise ConfigError(f"path {name!r} is outside of its volume")
    return path


def mounts(container: Object, volumes: Mapping[str, Path]) -> Mounts:
    """(mountPath, directory) of a container, the longest path first. Raises ConfigError."""
    found = []
    for mount in container.get("volumeMounts") or ():
        if mount["name"] not in volumes:
            raise ConfigError(f'volumeMount "{mount["name"]}" has no volume of that name')
        directory = volumes[mount["name"]]
        found.append((mount["mountPath"].rstrip("/"), directory / mount.get("subPath", "")))
    return tuple(sorted(found, key=lambda pair: -len(pair[0])))


def relocate(text: str, mounted: Mounts) -> str:
    """Rewrite a text that starts with a mountPath to where that volume really is."""
    for path, directory in mounted:
        if text == path or text.startswith(path + "/"):
            return f"{directory}{text[len(path) :]}"
    return text


def command_line(container: Object, env: Mapping[str, str], mounted: Mounts) -> list[str]:
    """The container's command and arguments, expanded and relocated."""
    return [relocate(expand(word, env), mounted) for word in (*container["command"], *(container.get("args") or ()))]


def relocated(env: Mapping[str, str], mounted: Mounts) -> dict[str, str]:
    """The variables, those that start with a mountPath rewritten."""
    return {name: relocate(value, mounted) for name, value in env.items()}


def _value_from(pod: Object, container: Object, source: Object, lookup: Lookup) -> str | None:
    match source:
        case {"fieldRef": {"fieldPath": str(path)}}:
            return _field(pod, path)
        case {"resourceFieldRef": dict(ref)}:
            return _resource(pod, ref, lookup, container)
        case {"configMapKeyRef": dict(ref)}:
            return _key("ConfigMap", ref, lookup)
        case {"secretKeyRef": dict(ref)}:
            return _key("Secret", ref, lookup)
        case _:
            raise ConfigError(f"valueFrom of {sorted(source)} is not supported")


def _field(pod: Object, path: str) -> str:
    if found := _SUBSCRIPT.match(path):
        return str((pod["metadata"].get(found[1]) or {}).get(found[2], ""))
    value: Any = pod
    for step in path.split("."):
        value = value.get(step) if isinstance(value, dict) else None
    match value:
        case None:
            return ""
        case list():  # of addresses
            return ",".join(each["ip"] for each in value)
        case dict():  # labels or annotations, in a file
            return "\n".join(f"{name}={json.dumps(value[name], ensure_ascii=False)}" for name in sorted(value))
        case _:
            return str(value)


def _resource(pod: Object, ref: Object, lookup: Lookup, own: Object | None = None) -> str:
    """A request or limit of a container, divided by the divisor and rounded up.

    A request that is not set is the limit, and a limit that is not set what the node has to give. Raises ConfigError.
    """
    name = ref.get("containerName")
    of_pod = [*(pod["spec"].get("initContainers") or ()), *pod["spec"]["containers"]]
    container = next((each for each in of_pod if each["name"] == name), None) if name else own
    if container is None:
        raise ConfigError(f'container "{name}" not found')
    which, _, resource = ref["resource"].partition(".")
    resources = container.get("resources") or {}
    quantity = (resources.get("limits") or {}).get(resource)
    if which == "requests":
        quantity = (resources.get("requests") or {}).get(resource, quantity)
    elif quantity is None:
        node = lookup("Node", pod["spec"]["nodeName"]) or {}
        quantity = ((node.get("status") or {}).get("allocatable") or {}).get(resource)
    return str(-(-amount(quantity or 0) // (amount(ref.get("divisor") or 1) or 1)))


def _text(value: bytes, where: str) -> str:
    """What a variable can hold. Raises ConfigError."""
    try:
        text = value.decode()
    except UnicodeDecodeError:
        raise ConfigError(f"a value of {where} is not UTF-8, which a variable must be") from None
    if "\0" in text:
        raise ConfigError(f"a value of {where} contains a null character")
    return text


def _key(kind: str, ref: Object, lookup: Lookup) -> str | None:
    values = _values(kind, ref, lookup)
    if ref["key"] in values:
        return _text(values[ref["key"]], f"{kind} {ref['name']}")
    if ref.get("optional"):
        return None
    raise ConfigError(f"couldn't find key {ref['key']} in {kind} {ref['name']}")


def _values(kind: str, ref: Object, lookup: Lookup) -> dict[str, bytes]:
    obj = lookup(kind, ref["name"])
    if obj is not None:
        return _content(obj)
    if ref.get("optional"):
        return {}
    raise ConfigError(f'{kind.lower()} "{ref["name"]}" not found')


def _content(obj: Object) -> dict[str, bytes]:
    if obj["kind"] == "Secret":
        plain = {name: text.encode() for name, text in (obj.get("stringData") or {}).items()}
        return {name: base64.b64decode(text) for name, text in (obj.get("data") or {}).items()} | plain
    binary = {name: base64.b64decode(text) for name, text in (obj.get("binaryData") or {}).items()}
    return {name: text.encode() for name, text in (obj.get("data") or {}).items()} | binary


def _files(pod: Object, volume: Object, lookup: Lookup) -> dict[str, bytes]:
    """Relative path → content of what a volume is filled with.

    A claim and an emptyDir are empty.
    """
    files: dict[str, bytes] = {}
    for source in (volume, *((volume.get("projected") or {}).get("sources") or ())):
        for kind, key, named in (("ConfigMap", "configMap", "name"), ("Secret", "secret", "secretName")):
            if ref := source.get(key):
                values = _values(kind, {**ref, "name": ref.get(named) or ref.get("name")}, lookup)
                files |= _picked(values, ref.get("items"))
        for item in (source.get("downwardAPI") or {}).get("items") or ():
            found = item.get("resourceFieldRef")
            text = _resource(pod, found, lookup) if found else _field(pod, item["fieldRef"]["fieldPath"])
            files[item["path"]] = text.encode()
    return files


def _picked(values: dict[str, bytes], items: Sequence[Object] | None) -> dict[str, bytes]:
    if not items:
        return values
    missing = [item["key"] for item in items if item["key"] not in values]
    if missing:
        raise ConfigError(f"references non-existent config key: {missing[0]}")
    return {item["path"]: values[item["key"]] for item in items}
