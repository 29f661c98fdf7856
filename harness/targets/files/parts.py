"""Sections of a target file: one model per key."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Annotated, Any, Final, Literal, Self

from pydantic import BeforeValidator, Field, model_validator

from harness.targets.files.archives import RecordArchive
from harness.targets.files.drills import DatabaseRestore
from harness.targets.files.reference import Reference
from harness.targets.files.retention import TableRetention
from harness.targets.files.saved import SavedBy
from harness.targets.files.values import (
    Name,
    ObjectName,
    OperationPattern,
    PathOfId,
    RootUrl,
    TableInPath,
    TableName,
    TargetSection,
    Url,
    UrlPath,
    Word,
    quantity,
)
from harness.validation import matching

TYPES: Final[Mapping[str, type]] = {
    "str": str,
    "int": int,
    "float": float,
    "bool": bool,
    "list": list,
    "dict": dict,
}
"""Type names that accept any value of that JSON type."""


PLACEHOLDERS: Final = ("{node}", "{provider_id}", "{instance}")
"""Placeholders for a node in the commands of `power`."""
_RELEASE_HEADER: Final = "x-release"
_SMALL: Final = "small letters, digits, `_` and `.`"
SettingName = Annotated[str, matching(r"[a-z_][a-z0-9_.]*", f"the name of a setting: {_SMALL}")]


def _scalar(value: object) -> object:
    if value is None or isinstance(value, str | int | float):
        return value
    raise ValueError(f"a text, a number, true, false, null or one of the type names {', '.join(TYPES)}")


def _as_text(value: object) -> object:
    """A setting as text: YAML's booleans become PostgreSQL's `on` and `off`, a number its text."""
    if isinstance(value, bool):
        return "on" if value else "off"
    return str(value) if isinstance(value, int | float) else value


def _under(key: str, section: type[TargetSection]) -> BeforeValidator:
    """Accept plain text as a mapping with that one key."""

    def read(value: object) -> object:
        if isinstance(value, int | float):
            raise ValueError("text")  # noqa: TRY004 pydantic lets a TypeError through
        return {key: value} if isinstance(value, str) else value

    return BeforeValidator(read, json_schema_input_type=str | section)


class Region(TargetSection):
    """One region.

    Attributes:
        entry: address of the region's entry.
        prometheus: address of the region's Prometheus.
        context: context of the region's cluster in the kubeconfig; empty: the common context.
        namespace: namespace of the region's workloads.
        share: expected share of answers, 0 to 1.
    """

    entry: RootUrl | None = None
    prometheus: Url | None = None
    context: str = ""
    namespace: str = ""
    share: Annotated[float, quantity("ratio", "60 %")] | None = None


class LeaseSettings(TargetSection):
    """The Lease that allows one run at a time.

    Attributes:
        name: its name.
        namespace: its namespace; empty: that of `kubernetes`.
    """

    name: ObjectName = "readiness-harness"
    namespace: str = ""


def _lease(value: object) -> object:
    """The word `none` as no Lease; a key without a value is as if it were left out."""
    return LeaseSettings() if value is None else None if value == "none" else value


class Kubernetes(TargetSection):
    """How the cluster is reached. The default context of a kubeconfig is never used.

    Attributes:
        context: context of the kubeconfig; empty: the ServiceAccount of the pod in which the run is.
        kubeconfig: file with the context; empty: `$KUBECONFIG`, else the user's own.
        namespaces: further namespaces of the platform, besides `namespace`, the regions' and that of the database's lock.
        api_groups: API groups of installed add-ons in which faults and load may be created, such as `chaos-mesh.org`.
        lease: Lease that allows one run at a time; None: runs of other machines and pods are not kept away.
    """

    context: str = ""
    namespace: str = "default"
    kubeconfig: str = ""
    namespaces: tuple[str, ...] = ()
    api_groups: tuple[Word, ...] = ()
    lease: Annotated[LeaseSettings | None, BeforeValidator(_lease)] = LeaseSettings()

    @model_validator(mode="after")
    def _of_a_context(self) -> Self:
        if self.kubeconfig and not self.context:
            raise ValueError("a `context` beside the `kubeconfig`, since the default context is never used")
        return self


class ReleaseSource(TargetSection):
    """The section `release`: the release under test, and how the target reports which release it runs.

    Attributes:
        version: release under test; empty: given on the command line.
        commit: commit of the release, as in its reports; empty: reports are not compared with a commit.
        header: response header with the release that answered; empty: there is none.
        images: whether images and digests of all workloads are read before and after the run.
        path: path with the version, as plain text or as `{"version": …}` or `{"release": …}`; None: there is none.
    """

    version: str = ""
    commit: Annotated[str, matching(r"([0-9a-f]{7,64})?", "a commit: 7 to 64 hexadecimal digits in small letters")] = ""
    header: Annotated[
        str, matching(r"[A-Za-z0-9-]{0,60}", "the name of a header: letters, digits and `-`, at most 60")
    ] = ""
    images: bool = False
    path: UrlPath | None = None

    @property
    def answered_in(self) -> str:
        """The response header whose release is compared with the planned release; empty if there is none.

        If the file has a version but no way to read it, this is `x-release`, if answers have this header.
        """
        return self.header or (_RELEASE_HEADER if self.version and not (self.images or self.path) else "")


class Member(TargetSection):
    """One database member, to which the harness connects directly."""

    dsn: Reference
    region: str = ""


class Leader(TargetSection):
    """The Kubernetes Endpoints whose annotation `leader` names the pod with the lock of Patroni."""

    namespace: str
    endpoints: str


class StoredPasswords(TargetSection):
    """The column with the password hash of each user: `table` and `column`."""

    table: TableName
    column: Annotated[str, matching(r"[a-z_][a-z0-9_]*", "the name of a column: small letters, digits and `_`")] = (
        "password"
    )


class ConnectionPool(TargetSection):
    """The pool of database connections of one region.

    Attributes:
        connections: number of connections of all pods of one region together.
        read: path whose read needs a connection.
    """

    connections: Annotated[int, Field(ge=1, le=10_000)]
    read: UrlPath


class Production(TargetSection):
    """Comparison of a staging database with production.

    Attributes:
        register_file: register of production's database.
        without: tables that are not compared.
    """

    register_file: Word = Field(alias="register")
    without: tuple[TableName, ...] = ()


class Database(TargetSection):
    """The section `database`.

    Attributes:
        dsn: DSN that leads to the primary, whichever member it is.
        durability: failures that an acknowledged write must survive.
        members: database members to which the harness connects directly.
        leader: object that names the leader.
        settings: declared settings, with values as `SHOW` prints them.
        roles: database roles of the platform's services, whose statements are timed.
        passwords: column with the users' password hashes; None: they are not checked.
        pool: size of the connection pool; None: the check with a burst does not run.
        production: comparison with production; None: there is no comparison.
        restore: how it is restored when every member is gone; None: that loss is not tried.
        saved: what saves states of it from which it is restored after a disaster.
        retention: how long rows are kept, by table.
        archives: archives of old rows, by a name of the sentences.
    """

    dsn: Reference
    durability: Literal["quorum", "synchronous", "asynchronous"] = "asynchronous"
    members: Mapping[str, Member] = Field(default_factory=dict)
    leader: Leader | None = None
    settings: Mapping[
        SettingName, Annotated[str, BeforeValidator(_as_text, json_schema_input_type=str | float | bool)]
    ] = Field(default_factory=dict)
    roles: tuple[Word, ...] = ()
    passwords: StoredPasswords | None = None
    pool: ConnectionPool | None = None
    production: Production | None = None
    restore: DatabaseRestore | None = None
    saved: tuple[SavedBy, ...] = ()
    retention: Mapping[TableName, TableRetention] = Field(default_factory=dict)
    archives: Mapping[Name, RecordArchive] = Field(default_factory=dict)


class ReadProbe(TargetSection):
    """A path that is read, and the expected content of the JSON object in its answer.

    Attributes:
        path: path of the GET request.
        expect: expected value or type name (`str`, `int`, `float`, `bool`, `list`, `dict`) by key; empty: any valid 200
            is accepted.
    """

    path: UrlPath
    expect: Mapping[str, Annotated[Any, BeforeValidator(_scalar, json_schema_input_type=str | float | bool | None)]] = (
        Field(default_factory=dict)
    )


Read = Annotated[ReadProbe, _under("path", ReadProbe)]


class Probes(TargetSection):
    """Paths at every entry that can be read without a sign-in.

    Attributes:
        health: path that answers 200 while the platform works.
        read: path of a stored record.
        services: for each service, a read request that the entry forwards to it; sent to the entry of every region.
        internal: services that are not for users, such as caches and monitoring, which nothing outside the cluster may reach.
    """

    health: UrlPath = "/health"
    read: Read = ReadProbe(path="/")
    services: Mapping[str, Read] = Field(default_factory=dict)
    internal: tuple[Name, ...] = ()


class Callers(TargetSection):
    """Labels of two pods that call the backends: the first must be accepted, the second refused.

    Attributes:
        accepted: labels of a declared caller.
        refused: labels of a pod that no network policy names.
        image: image of both pods, with `python` on its path.
    """

    accepted: Annotated[Mapping[Name, str], Field(min_length=1)]
    refused: Annotated[Mapping[Name, str], Field(min_length=1)]
    image: Word = "python:3.11-slim"


class Power(TargetSection):
    """How the power of a node is cut, in one of three ways.

    Attributes:
        annotation: annotation of a Node that cuts its power while it has the value `value`.
        value: value of the annotation.
        stop: command that cuts the power, run on this machine. `{node}` is replaced by the node's name, `{provider_id}`
            by its `spec.providerID`, and `{instance}` by the last part of the `spec.providerID`.
        start: command that restores the power, with the same placeholders.
        drain: whether the node is only cordoned and its pods evicted, which is reported as a drain and not as a loss.
    """

    annotation: Word | None = None
    value: Word = "off"
    stop: tuple[Word, ...] = ()
    start: tuple[Word, ...] = ()
    drain: bool = False

    @model_validator(mode="after")
    def _of_one_way(self) -> Self:
        if (self.annotation is not None) + bool(self.stop or self.start) + self.drain != 1:
            raise ValueError("one of `annotation`, `stop` with `start`, and `drain: true`")
        commands = [("stop", self.stop), ("start", self.start)] if self.stop or self.start else []
        for key, words in commands:
            if not any(placeholder in word for word in words for placeholder in PLACEHOLDERS):
                raise ValueError(f"`{key}`: a command that names its node by {', '.join(PLACEHOLDERS)}")
        return self


class LedgerSettings(TargetSection):
    """The address for the writes of the ledger, and the table from which they are read back.

    Attributes:
        path: path of the writes.
        table: table with the writes.
        read: whether `GET path?client=N` (and `&sequence=S`) answers `{"rows": [[sequence, checksum], …]}`, at the
            entry and at each region's entry.
        copies: whether the rows of each database member are read and compared.
    """

    path: UrlPath
    table: TableInPath = "ledger"
    read: bool = False
    copies: bool = False


class Pipeline(TargetSection):
    """The pipeline of events.

    Attributes:
        accept: path to which events are posted as `{id, checksum}`.
        visible: path that answers `{copies, checksum}` for a processed event, else 404.
    """

    accept: UrlPath
    visible: PathOfId


class MayWrite(TargetSection):
    """What the harness may change, by name or with `*`.

    Attributes:
        users: users whose accounts it may change or lock.
        operations: operations of the API description that it may call, as `POST /orders`.
        keys: keys of caches that it may write and remove; its own begin with `readiness:`.
    """

    users: Word = ""
    operations: OperationPattern = ""
    keys: Word = ""

    @model_validator(mode="after")
    def _of_one_kind(self) -> Self:
        if bool(self.users) + bool(self.operations) + bool(self.keys) != 1:
            raise ValueError("one of `users`, `operations` and `keys`")
        return self


class TrafficOverride(TargetSection):
    """Sizes that replace those of the project.

    Attributes:
        rate_per_s: journeys per second.
        for_s: length of the window in s.
        traceparent: whether requests carry a trace id.
    """

    rate_per_s: Annotated[float, quantity("rate", "40/s")] | None = Field(default=None, alias="rate")
    for_s: Annotated[float, quantity("time", "3 min")] | None = Field(default=None, alias="for")
    traceparent: bool | None = None


class MayBreak(TargetSection):
    """One entry of the allow-list `may_break`, for an experiment or a rollout."""

    experiment: Name = ""
    rollout: Name = ""
    workloads: tuple[str, ...] = ()
    max_pods: Annotated[int, Field(ge=0)] | None = None

    @model_validator(mode="after")
    def _of_one(self) -> Self:
        if bool(self.experiment) is bool(self.rollout):
            raise ValueError("one of `experiment` and `rollout`")
        return self


Identity = Annotated[ReleaseSource, _under("version", ReleaseSource)]
