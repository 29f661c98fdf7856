"""The parts of a target file that say how it is changed: rollout, migration, feature flags."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Annotated, Any, Literal

from pydantic import Field

from harness.catalogue.explain import matching
from harness.targets.parts import TableName
from harness.targets.values import Name, TargetSection, Url, UrlPath, Word, quantity


class RolloutSettings(TargetSection):
    """What a rollout changes, and for which release.

    Attributes:
        kind: `Rollout` of Argo Rollouts, `Deployment`, or `Service`, whose selector is switched.
        names: of the objects, the same in every namespace.
        namespaces: where they are; empty: in that of `kubernetes`.
        candidate: the release that takes over, as its answers name it.
        manifests: file or directory with the candidate's own objects, `{candidate}` in it stands for its name; without it the tag of every
            image of the old release becomes the candidate's, and so does the value of `label`.
        label: of the pods, whose value is the release.
        strategies: by the strategy of a rollout file what `spec.strategy` of a Rollout at rest is set to before, where it has another
            (for `all-at-once` always); it gets its own back at the end. `{name}` in a value stands for the object's name.
    """

    kind: Literal["Rollout", "Deployment", "Service"] = "Rollout"
    names: Annotated[tuple[Name, ...], Field(min_length=1)]
    namespaces: tuple[Name, ...] = ()
    candidate: Annotated[str, Field(pattern=r"^([A-Za-z0-9][A-Za-z0-9._-]{0,62})?$")] = ""
    manifests: str = ""
    label: Word = "version"
    strategies: Mapping[
        Literal["canary", "blue-green", "all-at-once"], Mapping[Literal["canary", "blueGreen"], Mapping[str, Any]]
    ] = Field(default_factory=dict)


class MigrationSettings(TargetSection):
    """How the database is migrated to the schema of a candidate, and back.

    Attributes:
        manifests: file or directory with the Jobs; `{candidate}` in it stands for the candidate of `rollout`.
        up, down: names of the Jobs that migrate, and that take the migration back.
        versions: tables in which the migration tool keeps what is applied.
        within_s: how long each may take.
        growing: tables that users' requests add rows to meanwhile; of each the columns with a number that only grows.
        passing: tables whose rows come, and go away when they are done with.
        without: tables that are left out.
    """

    manifests: Annotated[str, Field(min_length=1)]
    up: Name
    down: Name
    within_s: Annotated[float, quantity("time", "1 min")] = Field(default=60.0, alias="within")
    versions: tuple[TableName, ...] = ()
    growing: Mapping[TableName, tuple[TableName, ...]] = Field(default_factory=dict)
    passing: tuple[TableName, ...] = ()
    without: tuple[TableName, ...] = ()


class ConfigMapKey(TargetSection):
    """One key of a ConfigMap."""

    namespace: Name
    name: Name
    key: Annotated[str, matching(r"[A-Za-z0-9._-]{1,253}", "a key of a ConfigMap: letters, digits, `-`, `.` and `_`")]


class FlagSettings(TargetSection):
    """Feature flags: where they are set, who evaluates them, and where their features are seen.

    Attributes:
        ofrep: base of OpenFeature's remote evaluation protocol; empty: there is none.
        config_map: the flags in flagd's own form; None: they cannot be set.
        within_s: how long `ofrep` may take to evaluate a flag as it was set; None: 10 s in a sandbox, else 120 s.
        header: of an answer: the features that it has, separated by commas.
        answers: by flag a path that has the feature, asked at every region's entry.
        pages: by flag the address of a page in each region.
        metrics: by flag the metrics that every service exposes while it is on.
    """

    ofrep: Url = ""
    config_map: ConfigMapKey | None = None
    within_s: Annotated[float, quantity("time", "30 s"), Field(gt=0)] | None = Field(default=None, alias="within")
    header: Word = "x-features"
    answers: Mapping[Name, UrlPath] = Field(default_factory=dict)
    pages: Mapping[Name, Mapping[Name, Url]] = Field(default_factory=dict)
    metrics: Mapping[Name, Annotated[tuple[Word, ...], Field(min_length=1)]] = Field(default_factory=dict)
