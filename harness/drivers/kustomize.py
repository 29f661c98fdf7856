"""Parts of a kustomization: the ConfigMaps that it generates, the objects that a patch is of, and the images that it sets."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

from harness.errors import ConfigurationError
from harness.merge import strategic
from harness.yamlfile import YamlDocument, read_text

PRINTED: Final = "or name what `kubectl kustomize` prints"
SCALED: Final = frozenset({"Deployment", "ReplicationController", "ReplicaSet", "StatefulSet"})
"""Kinds of which `replicas` is."""
_BEYOND: Final = re.compile(r"\(\?|\\[^\w]*[0-9pPA-Zz]")
"""In a regular expression: what Go and Python do not have alike."""
_SWITCH: Final = frozenset({"y", "n", "yes", "no", "on", "off"})
"""Texts that kustomize reads as true or false where they have no quotes."""
_NAMING: Final = frozenset({"apiVersion", "kind", "metadata"})
_ROW: Final = ("name", "namespace", "behavior", "literals", "env", "envs", "files", "options")
_OPTIONS: Final = ("disableNameSuffixHash", "labels", "annotations", "immutable")
_BEHAVIORS: Final = ("create", "merge", "replace")
_TARGET: Final = ("group", "version", "kind", "name", "namespace", "labelSelector", "annotationSelector")
_IMAGE: Final = ("name", "newName", "newTag", "tagSuffix", "digest")
_EQUAL: Final = re.compile(r"\s*(?P<key>[\w./-]+)\s*==?\s*(?P<value>[\w.-]*)\s*")


@dataclass(frozen=True, kw_only=True, slots=True)
class GeneratedMap:
    """A row of `configMapGenerator`.

    Attributes:
        name, data, metadata: of the ConfigMap. behavior: `create`, or `merge` with or `replace` what a base has.
        place: `file:line`. where: the same with the row's key, for errors.
    """

    name: str
    data: Mapping[str, str]
    metadata: Mapping[str, Any]
    behavior: str
    place: str
    where: str


def reachable(root: Path) -> Path:
    """The directory that holds what a kustomization may refer to: its repository; where there is none, two directories up."""
    repository = next((each for each in root.parents if (each / ".git").exists()), None)
    around = root.parent.parent
    return repository or (around if around != around.parent else root.parent)


def generated_maps(
    document: YamlDocument, rows: Sequence[Any], used: Callable[[Path], object], *, exact: bool
) -> Iterator[GeneratedMap]:
    """The ConfigMaps that a kustomization generates; their names have no hash here.

    Args:
        document: the kustomization.
        rows: of its `configMapGenerator`.
        used: called with each file that is read.
        exact: whether names must be those of the live objects: then a row whose name gets a hash is refused.

    Raises:
        ConfigurationError: a row has something that is not understood here, or a file of it is not there.
    """
    common = _known(document, ("generatorOptions",), document.data.get("generatorOptions"), _OPTIONS)
    for index, written in enumerate(rows):
        at = ("configMapGenerator", index)
        row = _known(document, at, written, _ROW)
        options = {**common, **_known(document, (*at, "options"), row.get("options"), _OPTIONS)}
        behavior, where = str(row.get("behavior") or "create"), document.where(at)
        if behavior not in _BEHAVIORS:
            raise ConfigurationError(
                f"`behavior: {behavior}` is not understood here", where=where, hint=f"known are {', '.join(_BEHAVIORS)}"
            )
        if exact and options.get("disableNameSuffixHash") is not True:
            hint = f"write `generatorOptions: {{disableNameSuffixHash: true}}`, {PRINTED}"
            raise ConfigurationError("its name gets a hash, which is not made here", where=where, hint=hint)
        metadata = {key: options[key] for key in ("labels", "annotations") if isinstance(options.get(key), dict)}
        if row.get("namespace"):
            metadata["namespace"] = str(row["namespace"])
        yield GeneratedMap(
            name=str(row.get("name") or ""),
            data=_data(document, at, row, used),
            metadata=metadata,
            behavior=behavior,
            place=f"{document.path}:{document.line(at)}",
            where=where,
        )


def _known(document: YamlDocument, at: tuple[str | int, ...], value: Any, keys: Sequence[str]) -> Mapping[str, Any]:
    """A mapping with these keys alone; none is an empty one."""
    if value is not None and not isinstance(value, dict):
        raise ConfigurationError("must be a mapping", where=document.where(at))
    if unknown := [key for key in value or {} if key not in keys]:
        hint = f"understood are {', '.join(keys)}; {PRINTED}"
        raise ConfigurationError(
            f"`{unknown[0]}` is not understood here", where=document.where((*at, unknown[0])), hint=hint
        )
    return value or {}


def _data(
    document: YamlDocument, at: tuple[str | int, ...], row: Mapping[str, Any], used: Callable[[Path], object]
) -> dict[str, str]:
    """The keys and values of a row, as kustomize reads them (`api/kv/kv.go`): literals, lines of env files, whole files."""
    pairs = [_literal(document, at, text) for text in _texts(document, at, row, "literals")]
    env = [row["env"]] if row.get("env") else []
    for name in (*map(str, env), *_texts(document, at, row, "envs")):
        for key, equal, value in _env_lines(_beside(document, at, name, used)):
            if not equal:
                what = f"the line `{key}` of `{name}` has no value: kustomize takes that of whoever builds it"
                raise ConfigurationError(what, where=document.where(at), hint=f"write `{key}=VALUE`, {PRINTED}")
            pairs.append((key, value))
    for name in _texts(document, at, row, "files"):
        key, equal, path = name.partition("=")
        path = path if equal else name
        pairs.append((key if equal else Path(path).name, _beside(document, at, path, used)))
    found: dict[str, str] = {}
    for key, value in pairs:
        if key in found:
            raise ConfigurationError(
                f"has the key `{key}` twice", where=document.where(at), hint="kustomize refuses it"
            )
        found[key] = value
    return found


def _literal(document: YamlDocument, at: tuple[str | int, ...], text: str) -> tuple[str, str]:
    """`KEY=VALUE`; one pair of quotes around the whole value is not part of it."""
    key, equal, value = text.partition("=")
    if not key or not equal:
        raise ConfigurationError(
            f"the literal `{text}` is not understood", where=document.where(at), hint="write KEY=VALUE"
        )
    quoted = len(value) > 1 and value[0] == value[-1] and value[0] in "\"'"
    return key, value[1:-1] if quoted else value


def _env_lines(text: str) -> list[tuple[str, str, str]]:
    """Key, `=` and value of the lines of an env file but empty ones and comments, which may be indented; quotes and blanks at the end are of the value."""
    lines = (line.removesuffix("\r").lstrip() for line in text.removeprefix("\ufeff").split("\n"))
    return [line.partition("=") for line in lines if line and line[0] != "#"]


def _texts(document: YamlDocument, at: tuple[str | int, ...], row: Mapping[str, Any], key: str) -> list[str]:
    value = row.get(key)
    if value is not None and not isinstance(value, list):
        raise ConfigurationError("must be a list", where=document.where((*at, key)))
    return [str(one) for one in value or []]


def _beside(document: YamlDocument, at: tuple[str | int, ...], name: str, used: Callable[[Path], object]) -> str:
    """The text of a file in the directory of the kustomization; what is no text would be `binaryData`, and is refused."""
    directory = document.path.parent.resolve()
    path = (directory / name).resolve()
    if not path.is_relative_to(directory) or not path.is_file():
        raise ConfigurationError(f"there is no `{name}` beside it", where=document.where(at))
    used(path)
    return read_text(path)


def require_buildable(document: YamlDocument, objects: Sequence[Mapping[str, Any]]) -> None:
    """Raise ConfigurationError for objects of which one is there twice, which kustomize refuses."""
    seen = Counter(
        (one.get("apiVersion"), one["kind"], one["metadata"].get("namespace") or "default", one["metadata"]["name"])
        for one in objects
    )
    if twice := [key for key, number in seen.items() if number > 1]:
        _, kind, _, name = twice[0]
        what = f"has the {kind} `{name}` twice, which kustomize refuses"
        raise ConfigurationError(what, where=document.where(()), hint="name each object once")


def counts(document: YamlDocument, value: Any, objects: Sequence[Mapping[str, Any]]) -> dict[str, int]:
    """The numbers of `replicas` by name; raises ConfigurationError for a row that is not understood, or is of no object."""
    if value is not None and not isinstance(value, list):
        raise ConfigurationError("must be a list", where=document.where(("replicas",)))
    found: dict[str, int] = {}
    for index, written in enumerate(value or []):
        at = ("replicas", index)
        row = _known(document, at, written, ("name", "count"))
        name, count = row.get("name"), row.get("count")
        if not isinstance(name, str) or not isinstance(count, int) or isinstance(count, bool):
            hint = "write `{name: NAME, count: NUMBER}`"
            raise ConfigurationError("each row must have a name and a number", where=document.where(at), hint=hint)
        if not any(one["kind"] in SCALED and one["metadata"]["name"] == name for one in objects):
            what = f"there is no {', '.join(sorted(SCALED))} `{name}`, and kustomize sets `replicas` of no other kind"
            raise ConfigurationError(what, where=document.where(at), hint="set it by a patch")
        found[name] = count
    return found


def text_pairs(document: YamlDocument, at: tuple[str | int, ...], value: Any) -> dict[str, str]:
    """Labels or annotations; raises ConfigurationError where one is no text, which kustomize refuses."""
    if value is not None and not isinstance(value, dict):
        raise ConfigurationError("must be a mapping", where=document.where(at))
    for key, text in (value or {}).items():
        if not isinstance(text, str) or text.lower() in _SWITCH:
            what = f"the value of `{key}` is not a text for kustomize, or not known to be one"
            raise ConfigurationError(what, where=document.where((*at, key)), hint=f"put it in quotes, {PRINTED}")
    return value or {}


def selection(document: YamlDocument, index: int, target: Any) -> Callable[[Mapping[str, Any]], bool]:
    """Whether an object is one that the `target` of a patch names. Its words are regular expressions of the whole, as kustomize has them.

    Args:
        document: the kustomization.
        index: of the row of `patches`.
        target: what is written there.

    Raises:
        ConfigurationError: it has a key, an expression or a selector that is not understood here.
    """
    at = ("patches", index, "target")
    known = _known(document, at, target, _TARGET)
    patterns = {
        key: _pattern(document, (*at, key), value) for key, value in known.items() if not key.endswith("Selector")
    }
    equal = {
        key: _equal(document, (*at, f"{key[:-1]}Selector"), known.get(f"{key[:-1]}Selector"))
        for key in ("labels", "annotations")
    }

    def is_target(obj: Mapping[str, Any]) -> bool:
        metadata = obj["metadata"]
        group, _, version = str(obj.get("apiVersion", "v1")).rpartition("/")
        there = {
            "group": group,
            "version": version,
            "kind": obj["kind"],
            **{key: metadata.get(key) for key in ("name", "namespace")},
        }
        named = all(pattern.fullmatch(str(there[key] or "")) for key, pattern in patterns.items())
        owned = {key: metadata.get(key) if isinstance(metadata.get(key), dict) else {} for key in equal}
        return named and all(expected.items() <= owned[key].items() for key, expected in equal.items())

    return is_target


def is_named_by(patch: Mapping[str, Any], obj: Mapping[str, Any]) -> bool:
    """Whether a patch without a target is of this object: version and namespace count where the patch has them.

    Args:
        patch: with its kind and name.
        obj: one of those that are declared.
    """
    own, named = obj["metadata"], patch["metadata"]
    return (
        (str(patch["kind"]), str(named["name"])) == (obj["kind"], own["name"])
        and patch.get("apiVersion") in (None, obj.get("apiVersion"))
        and (not named.get("namespace") or named["namespace"] == (own.get("namespace") or "default"))
    )


def with_patch(obj: dict[str, Any], patch: dict[str, Any]) -> dict[str, Any]:
    """An object with a patch, which changes neither its kind nor its name; empty where the patch deletes it.

    Raises ValueError where it is malformed, or replaces the object: versions of kustomize differ in what they make of that.
    """
    if patch.get("$patch") == "replace":
        raise ValueError("`$patch: replace` of an object is not understood here")
    metadata = patch.get("metadata")
    kept = {
        key: part
        for key, part in (metadata if isinstance(metadata, dict) else {}).items()
        if key in ("labels", "annotations")
    }
    changes = {key: part for key, part in patch.items() if key not in _NAMING}
    return strategic(obj, {**changes, "metadata": kept} if kept else changes)


def _pattern(document: YamlDocument, at: tuple[str | int, ...], value: Any) -> re.Pattern[str]:
    try:
        return re.compile(str(value or ".*"))
    except re.error as error:
        raise ConfigurationError(f"is not a regular expression: {error}", where=document.where(at)) from error


def _equal(document: YamlDocument, at: tuple[str | int, ...], selector: Any) -> dict[str, str]:
    """`a=b,c=d` of a selector."""
    read = [_EQUAL.fullmatch(part) for part in str(selector).split(",")] if selector else []
    found = {one["key"]: one["value"] for one in read if one is not None}
    if len(found) != len(read):
        hint = f"understood is `label=value`; {PRINTED}"
        raise ConfigurationError(
            f"the selector `{selector}` is not understood here", where=document.where(at), hint=hint
        )
    return found


def images(document: YamlDocument, value: Any) -> Callable[[dict[str, Any]], dict[str, Any]]:
    """The change of the images that the rows of `images` name, of all containers at any depth, those that run first included.

    Raises:
        ConfigurationError: it is not a list, or a row has no name, or a key that is not understood here.
    """
    if value is not None and not isinstance(value, list):
        raise ConfigurationError("must be a list", where=document.where(("images",)))
    rows = [
        (_image_pattern(document, ("images", index), row), _known(document, ("images", index), row, _IMAGE))
        for index, row in enumerate(value or [])
    ]

    def change(obj: dict[str, Any]) -> dict[str, Any]:
        found: dict[str, Any] = obj if obj["kind"] == "CustomResourceDefinition" else _with_images(obj, rows)
        return found

    return change


def _image_pattern(document: YamlDocument, at: tuple[str | int, ...], row: Any) -> re.Pattern[str]:
    """What an image of a row is: its name is a regular expression, as kustomize has it (`api/internal/image/image.go`)."""
    name = _known(document, at, row, _IMAGE).get("name")
    if not isinstance(name, str):
        raise ConfigurationError("each row must have a name", where=document.where(at))
    if _BEYOND.search(name):
        raise ConfigurationError(
            f"the image name `{name}` has syntax that Go and Python read differently",
            where=document.where(at),
            hint="write it without `(?…)` and escapes of classes, or name a file that `kubectl kustomize` prints",
        )
    return _pattern(document, at, f"^{name}(:[a-zA-Z0-9_.{{}}-]*)?(@sha256:[a-zA-Z0-9_.{{}}-]*)?\\Z")


def _with_images(part: Any, rows: Sequence[tuple[re.Pattern[str], Mapping[str, Any]]]) -> Any:
    if isinstance(part, list):
        return [_with_images(one, rows) for one in part]
    if not isinstance(part, dict):
        return part
    found = {key: _with_images(one, rows) for key, one in part.items()}
    for key in ("containers", "initContainers"):
        for container in found[key] if isinstance(found.get(key), list) else []:
            if isinstance(container, dict) and isinstance(container.get("image"), str):
                container["image"] = _image(container["image"], rows)
    return found


def _image(text: str, rows: Sequence[tuple[re.Pattern[str], Mapping[str, Any]]]) -> str:
    """An image as the rows of its name set it; a new tag or digest takes the place of both."""
    for pattern, row in rows:
        name, _, digest = text.partition("@")
        name, _, tag = name.rpartition(":") if ":" in name.rpartition("/")[2] else (name, "", "")
        if not pattern.search(text):
            continue
        if row.get("newTag") or row.get("digest"):
            tag, digest = str(row.get("newTag") or ""), str(row.get("digest") or "")
        elif row.get("tagSuffix"):
            tag, digest = f"{tag}{row['tagSuffix']}", ""
        text = f"{row.get('newName') or name}{f':{tag}' if tag else ''}{f'@{digest}' if digest else ''}"
    return text
