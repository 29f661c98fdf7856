"""Sections of a target file about changes: rollout, migration, feature flags."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Annotated, Any, Final, Literal

from pydantic import Field

from harness.targets.files.values import Name, TableName, TargetSection, Url, UrlPath, Word, quantity
from harness.validation import matching

JOB_REPORTED_S: Final = 2.0
"""The API server reports a new Job within this time."""


class RolloutSettings(TargetSection):
    """The section `rollout`: the objects that a rollout changes, and the release.

    Attributes:
        kind: `Rollout` of Argo Rollouts, `Deployment`, or `Service`, whose selector is switched.
        names: names of the objects, equal in every namespace.
        namespaces: namespaces of the objects; empty: the namespace of `kubernetes`.
        candidate: name of the new release, as in its answers.
        manifests: file or directory with the candidate's objects; `{candidate}` is replaced by the candidate's name.
            Without manifests the image tags and the value of `label` are changed from the old release to the candidate.
        label: label of the pods with the release.
        strategies: `spec.strategy` that a Rollout gets for the rollout, by strategy of the rollout file. It is used if
            the Rollout has another strategy (for `all-at-once` always), and the own strategy is restored at the end.
            `{name}` is replaced by the object's name.
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
    """The section `migration`: how the database is migrated to the schema of a candidate, and back.

    Attributes:
        manifests: file or directory with the Jobs; `{candidate}` is replaced by the candidate of `rollout`.
        up: name of the Job that migrates.
        down: name of the Job that migrates back.
        versions: tables in which the migration tool records applied migrations.
        within_s: timeout of each Job, in s.
        growing: tables to which users' requests add rows during the migration, each with its numeric columns that only
            grow.
        passing: tables whose rows are added and later removed.
        without: tables that are not compared.
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
    """The section `flags`: where feature flags are set and evaluated, and where their features can be observed.

    Attributes:
        ofrep: base address of OpenFeature's remote evaluation protocol; empty: not available.
        config_map: ConfigMap key with the flags in flagd's format; None: flags cannot be set.
        within_s: maximum time for `ofrep` to report a changed flag; None: 10 s in a sandbox, else 120 s.
        header: header of answers with their features, separated by commas.
        answers: path whose answers have the feature, by flag; requested at every region's entry.
        pages: address of a page in each region, by flag.
        metrics: metrics that every service exposes while the flag is on, by flag.
    """

    ofrep: Url = ""
    config_map: ConfigMapKey | None = None
    within_s: Annotated[float, quantity("time", "30 s", above="0 s")] | None = Field(default=None, alias="within")
    header: Word = "x-features"
    answers: Mapping[Name, UrlPath] = Field(default_factory=dict)
    pages: Mapping[Name, Mapping[Name, Url]] = Field(default_factory=dict)
    metrics: Mapping[Name, Annotated[tuple[Word, ...], Field(min_length=1)]] = Field(default_factory=dict)
