"""The settings of the workloads in each environment: their origin, the environments that they name, and differences between two."""

from __future__ import annotations

import json
import re
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

from harness.drivers.claim import SentenceForm, claim
from harness.drivers.facts import FactReading
from harness.drivers.manifests import DeclaredObject, declared, mapping, mappings
from harness.drivers.paper import Asked
from harness.drivers.static import nouns
from harness.drivers.static.files import overlay, shown
from harness.drivers.static.registers import register_file, texts
from harness.errors import ConfigurationError, UsageError
from harness.targets.cluster.amounts import amount
from harness.yamlfile import read_document

from . import pods

_MISSING: Final = "is not there"
_DATA: Final = (("data",), ("data", "binaryData"))
"""Where a ConfigMap has what becomes environment variables, and what becomes files."""
_FILE: Final = "file "
"""How the name of a setting begins that is a file of a ConfigMap in its container."""
_OPEN: Final = "is not understood here"
"""How the problem of a setting ends whose value the files do not show."""
_SCALED: Final = frozenset({"Deployment", "StatefulSet", "ReplicaSet", "ReplicationController", "Rollout"})
"""Kinds of which one pod runs where `replicas` is not set."""
_DENIED: Final = r"(?P<denied>(?:no|non|not|pre|without)[-_ ])?"
"""What may be before the name of an environment so that another one is named, or none: `non-production`, `--no-sandbox`."""
_REST: Final = "spec"
"""The name of what is beside containers and values in a kind that is not understood."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Setting:
    """One setting of one container of one workload.

    Attributes:
        workload: `Deployment us-east-1/api-gateway`. container, name: its own.
        kind_name: the workload without its namespace, `Deployment api-gateway`.
        value: as written or as found in a ConfigMap of the same environment; a reference elsewhere as `secret postgres/password`.
        problem: why it has no value in its environment; empty where it has.
        place: `file:line` of its workload.
    """

    workload: str
    kind_name: str
    container: str
    name: str
    value: str
    problem: str
    place: str


@dataclass(frozen=True, kw_only=True, slots=True)
class SettingsRegister:
    """What the register `settings.yaml` declares.

    Attributes:
        differ: settings that may differ between environments: `NAME`, or `WORKLOAD NAME`, `WORKLOAD replicas`.
        words: by environment, the words that name it.
        modes: settings whose value is a mode of a library and names no environment, such as NODE_ENV.
    """

    differ: tuple[str, ...]
    words: Mapping[str, tuple[str, ...]]
    modes: tuple[str, ...]


def _register(asked: Asked) -> SettingsRegister:
    path = register_file(asked, "settings")
    document = read_document(path)
    asked.keep(path)
    data = document.data if isinstance(document.data, dict) else {}
    known = {"differ", "names", "modes"}
    if unknown := [key for key in data if key not in known]:
        raise ConfigurationError(
            f"unknown key `{unknown[0]}`",
            where=document.where((unknown[0],)),
            hint=f"known here: {', '.join(sorted(known))}",
        )
    names = data.get("names") or {}
    if not isinstance(names, dict):
        raise ConfigurationError(
            "must be a mapping", where=document.where(("names",)), hint="write `staging: [staging, stg]`"
        )
    return SettingsRegister(
        differ=tuple(texts(data.get("differ") or [])),
        words={environment: tuple(texts(listed)) for environment, listed in names.items()},
        modes=tuple(texts(data.get("modes") or [])),
    )


def settings_of(asked: Asked, environment: str) -> list[Setting]:
    """All settings of an environment's workloads; raises ConfigurationError if it has no workload."""
    root: Path = overlay(asked, environment)
    objects = declared([root], asked.keep)
    workloads = [one for one in objects if pods.pods_of(one) or _refers(one) or pods.holds_values(one)]
    if not workloads:
        raise ConfigurationError(
            "declares no workload", where=str(root), hint="name a directory of manifests or a kustomization"
        )
    maps, files = ({_key(one): _data(one, keys) for one in objects if one.kind == "ConfigMap"} for keys in _DATA)
    return [setting for one in workloads for setting in _settings(one, maps, files, asked)]


def _key(obj: DeclaredObject) -> tuple[str, str]:
    return obj.namespace, obj.name


def _data(obj: DeclaredObject, keys: Sequence[str]) -> dict[str, Any]:
    return {name: value for key in keys for name, value in mapping(obj.content.get(key)).items()}


def _refers(obj: DeclaredObject) -> bool:
    """Whether a workload refers to another one for its pod template, as a Rollout of Argo Rollouts may."""
    return bool(mapping(mapping(obj.content.get("spec")).get("workloadRef")))


def _settings(
    workload: DeclaredObject,
    maps: Mapping[tuple[str, str], Mapping[str, Any]],
    files: Mapping[tuple[str, str], Mapping[str, Any]],
    asked: Asked,
) -> Iterator[Setting]:
    place, _, line = workload.place.rpartition(":")
    where = f"{shown(Path(place), asked)}:{line}"
    bare = f"{workload.kind} {workload.name}"
    title = f"{workload.kind} {workload.namespace}/{workload.name}" if workload.namespace else bare

    def setting(container: str, name: str, value: Any, problem: str = "") -> Setting:
        return Setting(
            workload=title,
            kind_name=bare,
            container=container,
            name=name,
            value=str(value),
            problem=problem,
            place=where,
        )

    spec = mapping(workload.content.get("spec"))
    if "replicas" in spec or workload.kind in _SCALED:
        replicas = spec.get("replicas")
        yield setting("", "replicas", 1 if replicas is None and workload.kind in _SCALED else replicas)
    for container, name, value, problem in _of_containers(workload, maps, files):
        yield setting(container, name, value, problem)
    for name, value in pods.values_of(workload):
        yield setting("", name, value)
    given = {"": [one for one in mappings(spec.get("valuesFrom")) if one.get("kind") == "ConfigMap"]}
    for name, value, problem in _mounted({"mountPath": "valuesFrom"}, given, workload.namespace, files):
        yield setting("", name, value, problem)
    if (rest := pods.rest_of(workload)) is not None:
        yield setting("", _REST, rest)


def _of_containers(
    workload: DeclaredObject,
    maps: Mapping[tuple[str, str], Mapping[str, Any]],
    files: Mapping[tuple[str, str], Mapping[str, Any]],
) -> Iterator[tuple[str, str, Any, str]]:
    """Container, name, value and problem of each setting; of several templates of pods, their places are part of the container."""
    found = pods.pods_of(workload)
    for pod in found:
        for container in pod.containers:
            own = f"{pod.path if len(found) > 1 else ''} {container.get('name', '')}".strip()
            for key in ("command", "args", "source"):
                if key in container:
                    yield own, key, container[key], ""
            for mount in mappings(container.get("volumeMounts")):
                for name, text, problem in _mounted(mount, pod.maps, workload.namespace, files):
                    yield own, name, text, problem
            beside = {str(one.get("name")): one for one in pod.containers}
            for name, (text, problem) in _values(container, beside, workload.namespace, maps).items():
                yield own, name, text, problem
            yield own, "image", container.get("image", ""), ""


def _values(
    container: Mapping[str, Any],
    beside: Mapping[str, Mapping[str, Any]],
    namespace: str,
    maps: Mapping[tuple[str, str], Mapping[str, Any]],
) -> dict[str, tuple[str, str]]:
    found: dict[str, tuple[str, str]] = {}
    for source in mappings(container.get("envFrom")):
        reference = mapping(source.get("configMapRef"))
        named_map = reference.get("name")
        if named_map and (namespace, named_map) not in maps and not reference.get("optional"):
            found[f"envFrom {named_map}"] = "", f"ConfigMap {named_map} {_MISSING}"
        for key, value in maps.get((namespace, str(named_map)), {}).items():
            found[f"{source.get('prefix', '')}{key}"] = str(value), ""
        if secret := mapping(source.get("secretRef")).get("name"):
            found[f"envFrom {secret}"] = f"secret {secret}", ""
    for row in mappings(container.get("env")):
        source = mapping(row.get("valueFrom"))
        if resource := mapping(source.get("resourceFieldRef")):
            found[str(row.get("name", ""))] = _resource(resource, container, beside), ""
        elif (stated := _value(row, namespace, maps)) is not None:
            found[str(row.get("name", ""))] = stated
    return found


def _mounted(
    mount: Mapping[str, Any],
    volumes: Mapping[str, Sequence[Mapping[str, Any]]],
    namespace: str,
    maps: Mapping[tuple[str, str], Mapping[str, Any]],
) -> Iterator[tuple[str, str, str]]:
    """Name, content and problem of each file of a ConfigMap that a container mounts; with `subPath` that file or directory alone."""
    inner = str(mount.get("subPath") or mount.get("subPathExpr") or "").strip("/")
    if "subPathExpr" in mount and "$" in inner:
        yield f"{_FILE}{mount.get('mountPath', '')}", inner, f"`subPathExpr: {inner}` {_OPEN}"
        return
    for volume in volumes.get(str(mount.get("name", "")), ()):
        if not (name := str(volume.get("name") or "")):
            continue
        path, content = mount.get("mountPath", ""), maps.get((namespace, name))
        if content is None and not volume.get("optional"):
            yield f"{_FILE}{path}", "", f"ConfigMap {name} {_MISSING}"
        paths = {str(one.get("key")): str(one.get("path")) for one in mappings(volume.get("items"))}
        for key, text in (content or {}).items():
            within = f"/{paths.get(key, key)}"
            if (not paths or key in paths) and (not inner or f"{within}/".startswith(f"/{inner}/")):
                yield f"{_FILE}{path}{within.removeprefix(f'/{inner}') if inner else within}", str(text), ""


def _value(
    row: Mapping[str, Any], namespace: str, maps: Mapping[tuple[str, str], Mapping[str, Any]]
) -> tuple[str, str] | None:
    """Value and problem of an entry of `env`; None if an optional key is missing, so that the variable is not set."""
    source = row.get("valueFrom")
    if not isinstance(source, dict):
        value = row.get("value")
        return ("", "it has no value") if value is None else (str(value), "")
    if reference := mapping(source.get("configMapKeyRef")):
        found = maps.get((namespace, str(reference.get("name"))), {})
        if (key := str(reference.get("key"))) in found:
            return str(found[key]), ""
        missing = "", f"ConfigMap {reference.get('name')} has no key {reference.get('key')}"
        return None if reference.get("optional") else missing
    if reference := mapping(source.get("secretKeyRef")):
        return f"secret {reference.get('name')}/{reference.get('key')}", ""
    if field := mapping(source.get("fieldRef")).get("fieldPath"):
        return f"field {field}", ""
    return json.dumps(source, sort_keys=True, default=str), f"`valueFrom: {{{', '.join(source)}: …}}` {_OPEN}"


def _resource(
    reference: Mapping[str, Any], container: Mapping[str, Any], beside: Mapping[str, Mapping[str, Any]]
) -> str:
    """What a `resourceFieldRef` gives: `limits.memory 2147483648 / 1`; a request that is not set is the limit."""
    name = reference.get("containerName")
    of = mapping((container if name in (None, container.get("name")) else beside.get(str(name), {})).get("resources"))
    kind, _, what = str(reference.get("resource")).partition(".")
    set_to = mapping(of.get(kind)).get(what, mapping(of.get("limits")).get(what))
    return (
        f"{kind}.{what} {_plain(set_to) if set_to is not None else 'not set'} / {_plain(reference.get('divisor') or 1)}"
    )


def _plain(written: object) -> str:
    """An amount such that `1Gi` and `1024Mi` are one text; another text as it is."""
    try:
        return f"{amount(str(written)).normalize():f}"
    except UsageError:
        return str(written)


_SETTINGS: Final = SentenceForm(
    "settings-of-workloads",
    "the settings of <workloads:noun>",
    "The environment variables and files of the workloads of each overlay, against the register of settings.",
)


@claim(
    _SETTINGS,
    "every workload in every environment are declared there and none names another one",
    needs=("files.registers", "files.overlays"),
)
def settings_declared(asked: Asked) -> Sequence[FactReading]:
    """One fact per environment variable and file of the workloads of every overlay: it has a value and names no other environment."""
    register, environments = _register(asked), tuple(asked.target.files.overlays)
    if not environments:
        raise ConfigurationError(
            "names no overlay", where=f"{asked.target.file}: files.overlays", hint="name a directory by environment"
        )
    seen = []
    for environment in environments:
        others = {
            name: register.words.get(name, (name,))
            for name in (*environments, *nouns.ENVIRONMENTS)
            if name != environment
        }
        for setting in settings_of(asked, environment):
            if setting.name in ("replicas", "image"):
                continue
            foreign, sure = ("", True) if setting.name in register.modes else _names(setting.value, others)
            wrong = bool(setting.problem or foreign)
            # a file may name another environment in a comment, or be made by an operator
            unread = setting.name.startswith(_FILE) or setting.name == _REST or setting.problem.endswith(_OPEN)
            told = (
                f"names {foreign}" if sure else f"may name {foreign}; hint: add `{setting.name}` to `modes` where not"
            )
            seen.append(
                FactReading(
                    subject=f"{environment}: {setting.place} {setting.workload} {setting.container} {setting.name}",
                    expected=f"a value of {environment}",
                    observed=setting.problem
                    or (f"`{setting.value}` {told}" if foreign else setting.value[:80] or "empty"),
                    ok=None if wrong and (unread or not sure) else not wrong,
                )
            )
    return seen


def _names(value: str, others: Mapping[str, Sequence[str]]) -> tuple[str, bool]:
    """The other environment that a value names, empty for none; and whether it does, not only denies it."""
    found = [
        (environment, match["denied"] is None)
        for environment, words in others.items()
        for word in words
        for match in re.finditer(rf"(?<![A-Za-z]){_DENIED}{re.escape(word)}(?![A-Za-z])", value, re.IGNORECASE)
    ]
    return next((one for one in found if one[1]), found[0] if found else ("", True))


@claim(
    _SETTINGS,
    "<one:environment> and <other:environment> differ in the declared keys only",
    needs=("files.registers", "files.overlays"),
    example="the settings of staging and production differ in the declared keys only",
)
def settings_differ(asked: Asked) -> Sequence[FactReading]:
    """One fact per setting, image and number of replicas of two overlays: it is equal, or the register allows it to differ."""
    one, other = asked.params["one"], asked.params["other"]
    register = _register(asked)
    left, right = _by_key(settings_of(asked, one), settings_of(asked, other))
    seen = []
    for key in dict.fromkeys([*left, *right]):
        here, there = left.get(key), right.get(key)
        setting = here or there
        assert setting is not None  # noqa: S101 - the key is of one of them
        equal = here is not None and there is not None and here.value == there.value
        unread = any(found is not None and found.problem.startswith("ConfigMap ") for found in (here, there))
        beyond = any(found is not None and found.problem.endswith(_OPEN) for found in (here, there))
        undecided = beyond or (unread if equal else setting.name == _REST and here is not None and there is not None)
        is_declared = any(_covers(row, setting) for row in register.differ)
        values = [
            f"{name}: {(found.problem if beyond else '') or found.value[:60] or found.problem or 'empty' if found else 'not set'}"
            for name, found in ((one, here), (other, there))
        ]
        if undecided and setting.name == _REST:
            kind, _, workload = setting.kind_name.partition(" ")
            values.append(f"the kind {kind} is not understood; hint: add `{workload} {_REST}` to `differ` where it may")
        seen.append(
            FactReading(
                subject=f"{setting.place} {key}",
                expected="equal" if not is_declared else "may differ",
                observed=f"equal: {setting.value[:60] or 'empty'}"
                if equal and not unread and not beyond
                else "; ".join(values),
                ok=True if is_declared else None if undecided else equal,
            )
        )
    return seen


def _by_key(*environments: Sequence[Setting]) -> list[dict[str, Setting]]:
    """The settings of each environment, by a key that is the same in all environments.

    A workload is without its namespace there, unless an environment has two of its kind and name.
    """
    places = [{(setting.kind_name, setting.workload) for setting in settings} for settings in environments]
    several = {bare for found in places for bare, number in Counter(bare for bare, _ in found).items() if number > 1}
    return [
        {
            f"{one.workload if one.kind_name in several else one.kind_name} {one.container} {one.name}": one
            for one in settings
        }
        for settings in environments
    ]


def _covers(row: str, setting: Setting) -> bool:
    """Whether a declared difference applies to this setting: it is its name, or the end of its workload and its name."""
    workload, _, name = row.rpartition(" ")
    return name == setting.name and (not workload or setting.workload.endswith(workload))
