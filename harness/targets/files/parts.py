"""Parts of a target file: one model for each key."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Annotated, Any, Final, Literal, Self

from pydantic import BeforeValidator, Field, model_validator

from harness.targets.files.reference import Reference
from harness.targets.files.values import Name, PathOfId, RootUrl, TargetSection, Url, UrlPath, Word, quantity
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
TableName = Annotated[str, matching(r"[a-z_][a-z0-9_.]*", f"the name of a table: {_SMALL}")]
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


def _under(key: str) -> BeforeValidator:
    """Accept plain text as a mapping with that one key."""

    def read(value: object) -> object:
        if isinstance(value, int | float):
            raise ValueError("text")  # noqa: TRY004 pydantic lets a TypeError through
        return {key: value} if isinstance(value, str) else value

    return BeforeValidator(read)


class Region(TargetSection):
    """One region: its entry and Prometheus, the place of its workloads, and its expected share of answers (0 to 1)."""

    entry: RootUrl | None = None
    prometheus: Url | None = None
    context: str = ""
    namespace: str = ""
    share: Annotated[float, quantity("ratio", "60 %")] | None = None


class Kubernetes(TargetSection):
    """How the cluster is reached. The context is always named: the default context is never used.

    namespaces: those that the platform runs in beside `namespace`, those of the regions and that of the database's lock.
    api_groups: of add-ons that are installed and in which faults and load may be created, such as `chaos-mesh.org`.
    """

    context: Word
    namespace: str = "default"
    kubeconfig: str = ""
    namespaces: tuple[str, ...] = ()
    api_groups: tuple[Word, ...] = ()


class ReleaseSource(TargetSection):
    """The section `release`: the release under test, and how the target reports which release it runs.

    Attributes:
        version: the release under test; empty: given on the command line.
        commit: commit that it was built from, as in its reports; empty: reports are not compared with a commit.
        header: the response header with the release that answered; empty if there is none.
        images: whether the images and digests of all workloads are read before and after the run.
        path: path that answers with the version, as plain text or as `{"version": …}` or `{"release": …}`; None if there is none.
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
        """The response header whose release is compared with the planned one; empty if there is none.

        If the file gives a version but no way to read it, this is `x-release`, if answers have it.
        """
        return self.header or (_RELEASE_HEADER if self.version and not (self.images or self.path) else "")


class Member(TargetSection):
    """One database member, to which the harness connects directly."""

    dsn: Reference
    region: str = ""


class Leader(TargetSection):
    """The Kubernetes Endpoints whose annotation `leader` names the pod that holds the lock (Patroni's)."""

    namespace: str
    endpoints: str


class StoredPasswords(TargetSection):
    """The column with the password hash of each user: `table` and `column`."""

    table: TableName
    column: Annotated[str, matching(r"[a-z_][a-z0-9_]*", "the name of a column: small letters, digits and `_`")] = (
        "password"
    )


class ConnectionPool(TargetSection):
    """Number of database connections of all pods of one region together, and a path whose read needs a connection."""

    connections: Annotated[int, Field(ge=1, le=10_000)]
    read: UrlPath


class Production(TargetSection):
    """What a staging database is compared with: the register of production's database, and the tables that are left out."""

    register_file: Word = Field(alias="register")
    without: tuple[TableName, ...] = ()


class Database(TargetSection):
    """The database.

    Attributes:
        dsn: DSN that leads to the primary, whichever member that is.
        durability: the failures that an acknowledged write must survive.
        members: database members, to which the harness connects directly.
        leader: object that names the leader.
        settings: declared settings, name to value as `SHOW` writes it.
        roles: database roles of the platform's services, whose statements are timed.
        passwords: column with the users' passwords; None: the check of their hashes cannot run.
        pool: size of the connection pool; None: the check with a burst cannot run.
        production: what a subset of production is compared with; None: it is not compared.
    """

    dsn: Reference
    durability: Literal["quorum", "synchronous", "asynchronous"] = "asynchronous"
    members: Mapping[str, Member] = Field(default_factory=dict)
    leader: Leader | None = None
    settings: Mapping[SettingName, Annotated[str, BeforeValidator(_as_text)]] = Field(default_factory=dict)
    roles: tuple[Word, ...] = ()
    passwords: StoredPasswords | None = None
    pool: ConnectionPool | None = None
    production: Production | None = None


class ReadProbe(TargetSection):
    """A path that is read, and the expected contents of the JSON object in its answer.

    Attributes:
        path: path that is requested with GET.
        expect: key to its value or to a type name (`str`, `int`, `float`, `bool`, `list`, `dict`); without it any valid 200 is accepted.
    """

    path: UrlPath
    expect: Mapping[str, Annotated[Any, BeforeValidator(_scalar)]] = Field(default_factory=dict)


Read = Annotated[ReadProbe, _under("path")]


class Probes(TargetSection):
    """Paths at every entry that can be read without a sign-in.

    Attributes:
        health: path that answers 200 while the platform works.
        read: path of a stored record.
        services: by service, a read that the entry passes on to it; requested at each region's entry.
    """

    health: UrlPath = "/health"
    read: Read = ReadProbe(path="/")
    services: Mapping[str, Read] = Field(default_factory=dict)


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

    annotation, value: the annotation of a Node that cuts its power while it has that value.
    stop, start: commands, run on this machine, that cut the power and restore it, as lists of words. `{node}` is replaced by the node's
    name, `{provider_id}` by its `spec.providerID`, `{instance}` by the last part of that.
    drain: the power is not cut; the node is cordoned and its pods are evicted, which is reported as a drain and not as a loss.
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
    """Where the ledger's writes are sent, and the table that they are read back from.

    read: whether `GET path?client=N` (and `&sequence=S`) answers `{"rows": [[sequence, checksum], …]}`, at the entry and at
    each region's.
    copies: whether the rows of each database member are read, so that its copy can be compared with the others'.
    """

    path: UrlPath
    table: TableName = "ledger"
    read: bool = False
    copies: bool = False


class Pipeline(TargetSection):
    """Events are posted to `accept` as `{id, checksum}`; `visible` answers `{copies, checksum}` of a processed event, else 404."""

    accept: UrlPath
    visible: PathOfId


class SignInFields(TargetSection):
    """The keys of the JSON body of a sign-in request."""

    user: Word = "user"
    password: Word = "password"  # noqa: S105 - a key


class SignIn(TargetSection):
    """How test users sign in.

    Attributes:
        path: path to which a sign-in is posted.
        user: name of each user, with `{n}` for its number, from 1. users: number of users.
        password: place of their password; `{user}` in it is replaced by the user's name.
        fields: keys of the body.
        token: key of the token in the answer.
    """

    path: UrlPath
    user: Word
    users: Annotated[int, Field(ge=1)] = 1
    password: Reference
    fields: SignInFields = SignInFields()
    token: Word = "token"  # noqa: S105 - a key


class MayWrite(TargetSection):
    """Users whose accounts the harness may change or lock, by name with `*`."""

    users: Word


class TrafficOverride(TargetSection):
    """Sizes that replace the project's own. rate: journeys per second."""

    rate_per_s: Annotated[float, quantity("rate", "40/s")] | None = Field(default=None, alias="rate")
    for_s: Annotated[float, quantity("time", "3 min")] | None = Field(default=None, alias="for")


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


class Tls(TargetSection):
    """Certificates for the entries."""

    ca_file: str = ""
    client_cert: str = ""
    client_key: str = ""


Identity = Annotated[ReleaseSource, _under("version")]
