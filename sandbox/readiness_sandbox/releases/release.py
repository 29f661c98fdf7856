"""A release: what differs from the platform's manifests, and what is expected of it."""

from __future__ import annotations

import difflib
from collections.abc import Callable, Collection, Iterable
from pathlib import Path
from typing import Annotated, Any, Literal

from pydantic import BaseModel, ConfigDict, Field, ValidationError

from harness.errors import ConfigurationError
from harness.merge import strategic
from harness.yamlfile import read_document

Object = dict[str, Any]
HERE = Path(__file__).parent
FILE = "release.yaml"
Version = Annotated[str, Field(pattern=r"^[A-Za-z0-9]([A-Za-z0-9._-]{0,61}[A-Za-z0-9])?$")]
WORKLOADS = frozenset({"Deployment", "StatefulSet"})


class Workload(BaseModel):
    """How one workload differs.

    Variables of its first container, its command, its number of replicas, its version.
    """

    model_config = ConfigDict(frozen=True, extra="forbid", strict=True)

    env: dict[str, str] = Field(default_factory=dict)
    command: list[str] | None = None
    replicas: Annotated[int, Field(ge=0)] | None = None
    version: Version | None = None


class Release(BaseModel):
    """A release.yaml.

    Attributes:
        version: the label of its pods, the tag of its images, and `x-release` of every answer.
        replaces: the release that it takes over from: a candidate of rollouts, not a release to begin with.
        expect: what a run must decide whose profiles have one of the requirements that must FAIL; any other is a GO where 1.0.0 is.
        caught_by: the requirements that must FAIL, exactly, of whichever profile: a run is held to those of its own.
        harms: what no requirement of some profiles judges, and what keeps the release from GO there all the same.
        may_be_inconclusive: those that may lack evidence, such as a recovery of a target that is never steady. Where
            INCONCLUSIVE is expected, any may.
        workloads: by name (in every region) or `namespace/name`.
        patches: strategic merge patches; kind, metadata.name and, if given, metadata.namespace say which objects.
    """

    model_config = ConfigDict(frozen=True, extra="forbid", strict=True)

    version: Version
    summary: str
    replaces: Version | None = None
    expect: Literal["GO", "NO-GO", "INCONCLUSIVE"]
    caught_by: list[str] = Field(default_factory=list)
    harms: list[str] = Field(default_factory=list)
    may_be_inconclusive: list[str] = Field(default_factory=list)
    workloads: dict[str, Workload] = Field(default_factory=dict)
    patches: list[dict[str, Any]] = Field(default_factory=list)

    _file: str = FILE

    @property
    def directory(self) -> Path:
        """Where its release.yaml is; `files/` in it are changes of the platform's own repository."""
        return Path(self._file).parent

    @property
    def candidate(self) -> str:
        """Its version where it takes over from another release; empty for one to begin with."""
        return self.version if self.replaces is not None else ""

    def caught_in(self, requirements: Collection[str]) -> frozenset[str]:
        """The requirements that must FAIL in a run that judges these."""
        return frozenset(self.caught_by) & frozenset(requirements)

    def expected_of(self, requirements: Collection[str]) -> str:
        """The expected decision of a run that judges these requirements.

        Where none of them catches a release that others catch: GO, or INCONCLUSIVE where it does harm.
        """
        if not self.caught_by or self.caught_in(requirements):
            return self.expect
        return "INCONCLUSIVE" if self.harms else "GO"

    def applied_to(self, objects: Iterable[Object]) -> list[Object]:
        """These objects as this release has them, in the same order.

        Raises:
            ConfigurationError: a workload or a patch names what is not among the objects.
        """
        result = [_versioned(obj, self.version) if obj["kind"] in WORKLOADS else obj for obj in objects]
        for name, workload in self.workloads.items():
            key = f"workloads.{name}"
            result = self._changed(result, key, _is_workload(name), _workload_patch(workload))
            if workload.version is not None:
                chosen = _is_workload(name)
                result = [_versioned(obj, workload.version) if chosen(obj) else obj for obj in result]
        for index, patch in enumerate(self.patches):
            result = self._changed(result, f"patches.{index}", _is_target(patch), _always(patch))
        return result

    def _changed(
        self, objects: list[Object], key: str, chosen: Callable[[Object], bool], patch: Callable[[Object], Object]
    ) -> list[Object]:
        if not any(map(chosen, objects)):
            there = ", ".join(sorted({_name(obj) for obj in objects if obj["kind"] in WORKLOADS}))
            raise ConfigurationError(
                "the platform does not have this object",
                where=f"{self._file}: {key}",
                hint=f"use one of its workloads: {there}",
            )
        try:
            return [strategic(obj, patch(obj)) if chosen(obj) else obj for obj in objects]
        except ValueError as error:
            raise ConfigurationError(f"the patch cannot be applied: {error}", where=f"{self._file}: {key}") from error


def _name(obj: Object) -> str:
    return f"{obj['metadata'].get('namespace', '')}/{obj['metadata']['name']}"


def _is_workload(name: str) -> Callable[[Object], bool]:
    return lambda obj: obj["kind"] in WORKLOADS and name in (obj["metadata"]["name"], _name(obj))


def _is_target(patch: Object) -> Callable[[Object], bool]:
    selected = {"name": None, **patch.get("metadata", {})}

    def chosen(obj: Object) -> bool:
        there = obj["metadata"]
        same_place = selected.get("namespace", there.get("namespace")) == there.get("namespace")
        return bool(patch.get("kind") == obj["kind"] and selected["name"] == there["name"] and same_place)

    return chosen


def _always(patch: Object) -> Callable[[Object], Object]:
    return lambda _: patch


def _workload_patch(workload: Workload) -> Callable[[Object], Object]:
    """The strategic merge patch that the shorthand stands for."""

    def patch(obj: Object) -> Object:
        container: Object = {"name": obj["spec"]["template"]["spec"]["containers"][0]["name"]}
        if workload.env:
            container["env"] = [{"name": name, "value": value} for name, value in workload.env.items()]
        if workload.command is not None:
            container["command"] = workload.command
        spec: Object = {"template": {"spec": {"containers": [container]}}}
        if workload.replicas is not None:
            spec["replicas"] = workload.replicas
        return {"spec": spec}

    return patch


def _versioned(obj: Object, version: str) -> Object:
    """The workload with the release's version in its pods' label and its images' tag."""
    images = [
        {"name": container["name"], "image": f"{container['image'].rpartition(':')[0]}:{version}"}
        for container in obj["spec"]["template"]["spec"]["containers"]
    ]
    template = {"metadata": {"labels": {"version": version}}, "spec": {"containers": images}}
    return strategic(obj, {"spec": {"template": template}})


def names() -> list[str]:
    """The releases that come with the harness."""
    return sorted(path.parent.name for path in HERE.glob(f"*/{FILE}"))


def load_release(name: str) -> Release:
    """The release of that name, or of a directory that holds a release.yaml.

    Raises:
        ConfigurationError: no such release, or its file is wrong.
    """
    directory = HERE / name if name in names() else Path(name)
    file = directory / FILE
    if not file.is_file():
        near = difflib.get_close_matches(name, names(), n=1)
        hint = f"did you mean {near[0]}? " if near else ""
        known = ", ".join(names())
        raise ConfigurationError(
            f"there is no release {name!r}", where=name, hint=f"{hint}use one of {known}, or a directory with a {FILE}"
        )
    return _read(file)


def _read(file: Path) -> Release:
    document = read_document(file)
    try:
        release = Release.model_validate(document.data)
    except ValidationError as error:
        first = error.errors()[0]
        raise ConfigurationError(first["msg"], where=document.where(first["loc"]), hint=_hint(first)) from None
    release._file = str(file)  # noqa: SLF001 - pydantic's way to a field that is not part of the file
    return release


def _hint(error: Any) -> str:
    if error["type"] != "extra_forbidden":
        return ""
    model = Workload if error["loc"][0] == "workloads" else Release
    near = difflib.get_close_matches(str(error["loc"][-1]), model.model_fields, n=1)
    return f"did you mean {near[0]}?" if near else f"keys are: {', '.join(model.model_fields)}"
