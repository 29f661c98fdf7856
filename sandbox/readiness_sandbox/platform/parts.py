"""Parts of the platform that are deployed by need.

Each is a directory of manifests with a name and a `part.yaml`.
manifests/parts/NAME/kustomization.yaml    what is applied, as `kubectl apply -k` would
manifests/parts/NAME/beside/OTHER/         what is applied as well where the part OTHER is deployed, too
manifests/parts/NAME/part.yaml             which other parts it needs, and what the target file says of it
"""

from __future__ import annotations

import difflib
import re
import sys
from collections.abc import Callable, Collection, Iterable, Iterator, Mapping
from functools import partial
from pathlib import Path
from typing import Any, Final
from urllib.parse import urlsplit

from pydantic import BaseModel, ConfigDict, Field, ValidationError

from harness.errors import ConfigurationError
from harness.yamlfile import read_document
from readiness_sandbox.platform.normaldance.caching.programs import valkey_server
from readiness_sandbox.scales import CPU_SCALE

PARTS: Final = Path(__file__).parent / "manifests" / "parts"
FILE: Final = "part.yaml"
_PLACE: Final = re.compile(r"\{(?:(address|host) )?([a-z0-9-]+)/([a-z0-9-]+(?::[a-z0-9-]+)?)\}")
_SECRETS: Final = "{secrets}"
_PYTHON: Final = "{python}"
_PLATFORM: Final = "{platform}"
_PART: Final = "{part}"
_VALKEY: Final = "{valkey}"

Url = Callable[[str, str], str]
"""Namespace and name of a Service, also with the name of its port as `balancer:http`, or of a pod, to the URL at which the host reaches it."""


class DeployedPart(BaseModel):
    """A part.yaml.

    Attributes:
        needs: other parts, without which this one does not come up.
        target: what is added to the target file; `{NAMESPACE/NAME}` and `{NAMESPACE/SERVICE:PORT}` stand for the URL of a Service or a pod,
            `{host NAMESPACE/NAME}` for its address, `{address NAMESPACE/NAME}` for the address with the port, `{part}` for the directory of
            the part, `{secrets}` for that of the files that hold the platform's secrets, `{platform}` for that of the platform's programs,
            `{python}` for what runs them on this machine, `{valkey}` for the server of a cache there.
        beside: what is added with another part, by the name of that part.
        cpu_scale: CPU scale of a sandbox with this part; None: the usual one.
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    needs: tuple[str, ...] = ()
    target: dict[str, Any] = Field(default_factory=dict)
    beside: dict[str, dict[str, Any]] = Field(default_factory=dict)
    cpu_scale: int | None = Field(default=None, ge=1)


def names() -> tuple[str, ...]:
    """The parts that the sandbox has."""
    return tuple(sorted(file.parent.name for file in PARTS.glob(f"*/{FILE}")))


def directory(name: str) -> Path:
    """The directory of a part: its kustomization."""
    return PARTS / name


def manifests(name: str, chosen: Collection[str]) -> Iterator[tuple[bool, Path]]:
    """The directory of each kustomization of a part, and whether it is applied where the chosen parts are deployed."""
    yield name in chosen, directory(name)
    for beside in sorted((directory(name) / "beside").glob("*/kustomization.yaml")):
        yield {name, beside.parent.name} <= {*chosen}, beside.parent


def with_needs(chosen: Iterable[str]) -> tuple[str, ...]:
    """These parts and those that they need, each once, after those that it needs.

    Raises:
        ConfigurationError: there is no such part, or its file is wrong.
    """
    found: dict[str, None] = {}
    for name in chosen:
        for each in (*with_needs(_read(name).needs), name):
            found.setdefault(each)
    return tuple(found)


def described(content: dict[str, Any], chosen: Iterable[str], url: Url) -> dict[str, Any]:
    """The content of a target file, with these parts in it.

    Args:
        content: without them.
        chosen: parts that run.
        url: of a Service or a pod.
    """
    parts = with_needs(chosen)
    secrets = str(Path(content.get("database", {}).get("dsn", {}).get("file", "")).parent)
    for name in parts:
        places = {
            _SECRETS: secrets,
            _PART: str(directory(name)),
            _PYTHON: sys.executable,
            _PLATFORM: str(PARTS.parents[1]),
            _VALKEY: valkey_server(),
        }
        part = _read(name)
        for added in (part.target, *(each for other, each in part.beside.items() if other in parts)):
            content = _merged(content, _addressed(added, url, places))
    scaled = {"cpu_scale": cpu_scale(parts)} if "cpu_scale" in content else {}
    return {**content, **scaled, "parts": list(parts)} if parts else content


def cpu_scale(chosen: Iterable[str]) -> int:
    """The CPU scale of a sandbox with these parts: the least that one of them names, else the usual one."""
    return min((_read(name).cpu_scale or CPU_SCALE for name in with_needs(chosen)), default=CPU_SCALE)


def _read(name: str) -> DeployedPart:
    known = names()
    if name not in known:
        near = difflib.get_close_matches(name, known, n=1)
        hint = f"did you mean {near[0]}? " if near else ""
        raise ConfigurationError(
            f"the sandbox has no part {name!r}",
            where="--part",
            hint=f"{hint}use one of its parts: {', '.join(known) or 'none'}",
        )
    document = read_document(directory(name) / FILE)
    try:
        return DeployedPart.model_validate(document.data or {})
    except ValidationError as error:
        first = error.errors()[0]
        raise ConfigurationError(first["msg"], where=document.where(first["loc"])) from None


def _addressed(value: Any, url: Url, places: Mapping[str, str]) -> Any:
    """The same with the URLs and addresses of Services and pods in it, and with directories."""
    if isinstance(value, dict):
        return {key: _addressed(item, url, places) for key, item in value.items()}
    if isinstance(value, list):
        return [_addressed(item, url, places) for item in value]
    if not isinstance(value, str):
        return value
    for word, path in places.items():
        value = value.replace(word, path)
    return _PLACE.sub(partial(_place, url), value)


def _place(url: Url, found: re.Match[str]) -> str:
    whole = url(found[2], found[3])
    place = urlsplit(whole)
    return {"host": place.hostname or "", "address": place.netloc}.get(found[1], whole)


def _merged(below: Any, above: Any) -> Any:
    """Mappings are merged key by key, lists are joined, of anything else the first counts where there is one."""
    if isinstance(below, dict) and isinstance(above, dict):
        return {**below, **{key: _merged(below.get(key), value) for key, value in above.items()}}
    if isinstance(below, list) and isinstance(above, list):
        return below + above
    return above if below is None else below
