"""The section `backups` of a target file: where backups lie, and how a finished one is recognised."""

from __future__ import annotations

import re
from collections.abc import Collection, Iterator, Mapping, Sequence
from types import MappingProxyType
from typing import Annotated, Final, Literal, Self

from pydantic import AfterValidator, Field, WithJsonSchema, model_validator

from harness.nearest import hint_with_nearest
from harness.targets.files.configuration import SavedConfiguration
from harness.targets.files.reference import Reference
from harness.targets.files.saved import SavedBy
from harness.targets.files.stored import StorePlace
from harness.targets.files.values import Name, TargetSection, Url, Word, quantity

SCHEME: Final = "s3://"
_BUCKET: Final = re.compile(r"s3://[a-z0-9][a-z0-9.-]{1,61}[a-z0-9](/[^/\s]+)*/?")
_DIGITS: Final[Mapping[str, str]] = MappingProxyType(
    {
        "%Y": r"\d{4}",
        "%m": r"\d\d",
        "%d": r"\d\d",
        "%H": r"\d\d",
        "%M": r"\d\d",
        "%S": r"\d\d",
        "%j": r"\d{3}",
        "%z": r"(?:Z|[+-]\d\d:?\d\d)",
    }
)
"""Directives of `strptime` that a time in a name may have, and their digits."""
_ZONE: Final = (
    r"(?![\s_]?[+-](?:0\d|1[0-4]):?(?:00|15|30|45)(?!\d)|\s?(?!Z|UTC|GMT)[A-Z]{2,5}(?![A-Za-z])"
    r"|[_.-](?:[ACEMPW][SD]T|A[CEW][SD]T|AK[SD]T|[CEW]ES?T|MSK|BST|IST|JST|KST|HKT|SGT|HST|SAST|NZ[SD]T|BRT|PKT)(?![A-Za-z]))"
)
"""No offset from UTC and no capitals, such as `CET`; after a sign only names of zones, so that `.DUMP` is allowed."""
_ENDS_IN_ZONE: Final = re.compile(r"(?:[+-]\d\d:?\d\d|(?<![A-Za-z])(?!UTC$|GMT$)[A-Z]{2,5})$")
_META: Final = "x-amz-meta-"
_DIRECTIVE: Final = re.compile(r"%.?")


def _place(value: str) -> str:
    if "://" in value and _BUCKET.fullmatch(value) is None:
        raise ValueError(
            "a directory, or the address of a bucket with a prefix if any, such as `s3://backups/database`"
        )
    return value


def _time_form(value: str) -> str:
    named = _DIRECTIVE.findall(value)
    if not {"%Y", "%H"} <= {*named} <= {*_DIGITS} or not ({"%m", "%d"} <= {*named} or "%j" in named):
        raise ValueError("a form like `%Y%m%dT%H%M%SZ`, of %Y, %m, %d (or %j), %H, %M, %S and %z")
    if _ENDS_IN_ZONE.search(_DIRECTIVE.split(value)[-1]):
        raise ValueError(
            "a form whose time is in UTC, or has its zone by `%z`: an offset or a name of a zone is not read"
        )
    if len(named) > len({*named}):
        raise ValueError("a form that has each of its directives once")
    return value


def time_pattern(form: str) -> re.Pattern[str]:
    """What finds the time of this form in a name; it is not a part of a longer number, and no zone follows it that the form does not have."""
    parts = (_DIGITS.get(part, re.escape(part)) for part in re.split(r"(%.)", form))
    zone = "" if form.endswith(("Z", "%z")) else _ZONE
    return re.compile(rf"(?<!\d){''.join(parts)}(?!\d){zone}", re.ASCII)


StorePath = Annotated[Word, AfterValidator(_place), WithJsonSchema({"type": "string", "minLength": 1})]
TimeForm = Annotated[Word, AfterValidator(_time_form), WithJsonSchema({"type": "string", "pattern": "%Y.*%H|%H.*%Y"})]


class BackupsMade(TargetSection):
    """What was made, as who made it says: a JSON object with the SHA-256 of each backup by its name.

    Attributes:
        file: file beside the target file.
        command: command on this machine that prints it.
    """

    file: str = ""
    command: tuple[Word, ...] = ()

    @model_validator(mode="after")
    def _of_one(self) -> Self:
        if bool(self.file) == bool(self.command):
            raise ValueError("one of `file` and `command`")
        return self


class BackupChecksum(TargetSection):
    """Where the SHA-256 of a backup is declared.

    Attributes:
        beside: ending of the file beside the backup that has it, as `sha256sum` writes it.
        metadata: name of the object's metadata that has it.
        made: list of what was made.
    """

    beside: str = ""
    metadata: str = ""
    made: BackupsMade | None = None

    @model_validator(mode="after")
    def _of_one(self) -> Self:
        if {*"*?"} & {*self.beside}:
            raise ValueError("an ending such as `.sha256` in `beside`, without `*` and `?`")
        if self.metadata.lower().startswith(_META):
            raise ValueError(f"the name in `metadata` without `{_META}`")
        if bool(self.beside) + bool(self.metadata) + (self.made is not None) != 1:
            raise ValueError("one of `beside`, `metadata` and `made`")
        return self


class BackupResources(TargetSection):
    """Backups that are resources of a product in the target's cluster.

    Attributes:
        kind: their collection: of CloudNativePG, of Velero, or snapshots of CSI volumes.
        namespace: their namespace.
        of: what they are of: name of the Cluster, of the Schedule, or of the PersistentVolumeClaim.
    """

    kind: Literal["backups.postgresql.cnpg.io", "backups.velero.io", "volumesnapshots.snapshot.storage.k8s.io"]
    namespace: Name
    of: Name


class BackupStore(TargetSection):
    """Backups of one kind, in one place.

    Attributes:
        at: directory, or bucket and prefix as `s3://BUCKET/PREFIX`.
        resources: resources that take the place of `at` and `files`.
        endpoint: address of the S3 server; None: that of `AWS_ENDPOINT_URL`, else that of AWS for the region.
        region: region of the bucket; empty: that of `AWS_REGION`, else us-east-1.
        access_key: id of the access key; None: that of `AWS_ACCESS_KEY_ID`; without one requests are not signed.
        secret_key: secret of the access key.
        session_token: token of temporary credentials.
        files: patterns for the names of finished backups below `at`.
        beside: patterns for what belongs to a backup and is not a backup.
        unfinished: patterns for backups that are being made.
        time: form of the time in the name, in UTC unless it has the zone; empty: a backup is as old as the store says.
        checksum: where the SHA-256 of a backup is declared; None: nowhere.
        verified: ending of the file beside a backup that shows that it was verified; empty: nothing shows it.
        before_migrations: whether a verified one of these must be there when a migration begins.
        configuration: the configuration whose copies these are; None: they are of something else.
        removed_within_s: time after which an expired backup is gone, in s.
        read_every_s: time between two readings of the list, in s.
        within_s: time for one reading of the list, and for reading the newest backup, in s.
    """

    at: StorePath | None = None
    resources: BackupResources | None = None
    endpoint: Url | None = None
    region: str = ""
    access_key: Reference | None = None
    secret_key: Reference | None = None
    session_token: Reference | None = None
    files: tuple[Word, ...] = ()
    beside: tuple[Word, ...] = ()
    unfinished: tuple[Word, ...] = ()
    time: TimeForm | None = None
    checksum: BackupChecksum | None = None
    verified: str = ""
    before_migrations: bool = False
    configuration: SavedConfiguration | None = None
    removed_within_s: Annotated[float, quantity("time", "1 d")] = Field(default=0.0, alias="removed_within")
    read_every_s: Annotated[float, quantity("time", "10 s", least="0.5 s")] = Field(default=10.0, alias="read_every")
    within_s: Annotated[float, quantity("time", "1 min", above="0 s")] = Field(default=60.0, alias="within")

    @model_validator(mode="after")
    def _of_one(self) -> Self:
        of_names = (
            *(self.files, self.beside, self.unfinished, self.time, self.checksum, self.verified),
            self.configuration,
        )
        if (self.at is None) is (self.resources is None):
            raise ValueError("one of `at` and `resources`")
        if self.resources is not None and any(of_names):
            raise ValueError(
                "`resources` without the keys on names and `configuration`: they have states and times of their own"
            )
        if self.at is not None and not self.files:
            raise ValueError("`files`, the names of finished backups: one or more patterns")
        return self

    @model_validator(mode="after")
    def _consistent(self) -> Self:
        if self.before_migrations and not self.verified:
            raise ValueError("`verified`, since a migration needs a backup that was verified")
        if (self.access_key is None) is not (self.secret_key is None):
            raise ValueError("`access_key` and `secret_key` together, or neither")
        of_buckets = [self.endpoint, self.region, self.access_key, self.session_token]
        if not self.in_bucket and any(of_buckets):
            raise ValueError("`at: s3://…`, since only a bucket has an endpoint, a region and keys")
        if not self.in_bucket and self.checksum is not None and self.checksum.metadata:
            raise ValueError("`beside` or `made`, since files have no metadata")
        return self

    @property
    def in_bucket(self) -> bool:
        """Whether the place is in a bucket."""
        return self.place.startswith(SCHEME)

    @property
    def place(self) -> str:
        """Directory or address of the bucket; empty: the backups are resources."""
        return self.at or ""

    @property
    def bucket(self) -> str:
        """Name of the bucket."""
        return self.place.removeprefix(SCHEME).partition("/")[0]

    @property
    def prefix(self) -> str:
        """Names of the backups begin so; empty for the whole bucket."""
        path = self.place.removeprefix(SCHEME).partition("/")[2].strip("/")
        return f"{path}/" if path else ""


def wrong_backups(
    backups: Mapping[str, BackupStore], *, in_cluster: bool
) -> Iterator[tuple[tuple[str, ...], str, str]]:
    """Backups that are resources, of a target that names no cluster, and several that a migration needs: place in the file, what is wrong, and the hint."""
    for name, store in backups.items():
        of_objects = store.configuration is not None and bool(store.configuration.objects)
        where = ("backups", name, "configuration", "objects") if of_objects else ("backups", name, "resources")
        if (of_objects or store.resources is not None) and not in_cluster:
            yield where, "the target names no cluster", "write `kubernetes: {context: NAME, namespace: NAME}`"
    needed = [name for name, store in backups.items() if store.before_migrations]
    for name in needed[1:]:
        where = ("backups", name, "before_migrations")
        yield (
            where,
            f"a migration needs `{needed[0]}` already",
            "write `before_migrations: true` for one kind of backups",
        )


def wrong_places(
    saved: Sequence[SavedBy], stores: Mapping[str, StorePlace], backups: Collection[str], *, in_cluster: bool
) -> Iterator[tuple[tuple[str | int, ...], str, str]]:
    """Names of places of backups that the file does not have, and what is read from a cluster without one: where, what is wrong, and a hint.

    Args:
        saved: what saves the database.
        stores: places in which data is stored.
        backups: names in `backups`.
        in_cluster: whether the target names a cluster.
    """
    for n, one in enumerate(saved):
        if not in_cluster and (one.cron_job is not None or one.variable is not None):
            where = ("database", "saved", n, "variable" if one.cron_job is None else "cron_job")
            yield where, "the target names no cluster", "write `kubernetes: {context: NAME, namespace: NAME}`"
    named: list[tuple[tuple[str | int, ...], str]] = [
        *((("database", "saved", n, "kept_in"), one.kept_in) for n, one in enumerate(saved)),
        *((("encryption", "stores", name, "backups"), one.backups) for name, one in stores.items()),
    ]
    for at, place in named:
        if place and place not in backups:
            yield at, f"`{place}` is not in `backups`", hint_with_nearest(place, backups)
