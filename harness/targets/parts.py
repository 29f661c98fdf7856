"""The parts of a target file: one model a key."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Annotated, Any, Final, Literal, Self

from pydantic import BeforeValidator, Field, model_validator
from pydantic_core import PydanticCustomError

from harness.catalogue.explain import matching
from harness.targets.reference import Reference
from harness.targets.values import Name, PathOfId, RootUrl, TargetSection, Url, UrlPath, Word, quantity

TYPES: Final[Mapping[str, type]] = {
    "str": str,
    "int": int,
    "float": float,
    "bool": bool,
    "list": list,
    "dict": dict,
}
"""Words for any value of that JSON type."""


PLACEHOLDERS: Final = ("{node}", "{provider_id}", "{instance}")
"""What stands for a node in the commands of `power`."""
_RELEASE_HEADER: Final = "x-release"
_SMALL: Final = "small letters, digits, `_` and `.`"
TableName = Annotated[str, matching(r"[a-z_][a-z0-9_.]*", f"the name of a table: {_SMALL}")]
SettingName = Annotated[str, matching(r"[a-z_][a-z0-9_.]*", f"the name of a setting: {_SMALL}")]


def _scalar(value: object) -> object:
    if value is None or isinstance(value, str | int | float):
        return value
    raise ValueError(f"a text, a number, true, false, null or one of the type names {', '.join(TYPES)}")


def _as_text(value: object) -> object:
    """`on` and `off` are words of PostgreSQL's, and booleans of YAML's; a number is its text."""
    if isinstance(value, bool):
        return "on" if value else "off"
    return str(value) if isinstance(value, int | float) else value


def _under(key: str) -> BeforeValidator:
    """Plain text is short for a mapping with that one key."""

    def read(value: object) -> object:
        if isinstance(value, int | float):
            raise PydanticCustomError("string_type", "text")
        return {key: value} if isinstance(value, str) else value

    return BeforeValidator(read)


class Region(TargetSection):
    """One region: its own entry and Prometheus, where its workloads are, and the share of answers that is expected of it (0 to 1)."""

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
    """How the target reports which release it runs.

    Attributes:
        version: the release that is judged; empty: as the command line says.
        commit: that it was built from, as its reports name it; empty: reports of a commit are not held against it.
        header: the response header that names the release that answered; empty where there is none.
        images: whether the images and digests of all workloads are read before and after the run.
        path: answers with the version, as plain text or as `{"version": …}` or `{"release": …}`; None where there is none.
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
        """The response header whose release is held against the planned one; empty where there is none.

        Where the file says a version and no source of it, that is `x-release`, in the answers that have it.
        """
        return self.header or (_RELEASE_HEADER if self.version and not (self.images or self.path) else "")


class Member(TargetSection):
    """One database member, read directly."""

    dsn: Reference
    region: str = ""


class Leader(TargetSection):
    """The Kubernetes Endpoints whose annotation `leader` names the pod that holds the lock (Patroni's)."""

    namespace: str
    endpoints: str


class StoredPasswords(TargetSection):
    """The column that has the password of each user: `table` and `column`."""

    table: TableName
    column: Annotated[str, matching(r"[a-z_][a-z0-9_]*", "the name of a column: small letters, digits and `_`")] = (
        "password"
    )


class ConnectionPool(TargetSection):
    """How many connections all pods of one region keep to the database together, and a path whose read needs one."""

    connections: Annotated[int, Field(ge=1, le=10_000)]
    read: UrlPath


class Production(TargetSection):
    """What a staging database is held against: the file that describes production's, and the tables that are left out."""

    register_file: Word = Field(alias="register")
    without: tuple[TableName, ...] = ()


class Database(TargetSection):
    """The database.

    Attributes:
        dsn: of the primary, whichever member that is.
        durability: what an acknowledged write is promised to survive.
        members: each read directly.
        leader: who holds the lock.
        settings: the declared set of its settings, name to value as `SHOW` writes it.
        roles: that the platform's services log in as: the statements of these are timed.
        passwords: where the passwords of users are; None: the check of their hashes cannot run.
        pool: of connections; None: no burst can exceed it.
        production: what a subset of production is held against; None: it is not.
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
    """A path that is read, and what the JSON object of its answer must contain.

    Attributes:
        path: asked with GET.
        expect: key to its value, or to a type name (`str`, `int`, `float`, `bool`, `list`, `dict`); without it any sound 200 is right.
    """

    path: UrlPath
    expect: Mapping[str, Annotated[Any, BeforeValidator(_scalar)]] = Field(default_factory=dict)


Read = Annotated[ReadProbe, _under("path")]


class Probes(TargetSection):
    """Paths at every entry that need no sign-in.

    Attributes:
        health: answers 200 while the platform serves.
        read: a read of a stored record.
        services: by service, a read that passes through the entry to it; asked at each region's entry.
    """

    health: UrlPath = "/health"
    read: Read = ReadProbe(path="/")
    services: Mapping[str, Read] = Field(default_factory=dict)


class Callers(TargetSection):
    """Labels of two pods that call the backends: one that they must accept, one that they must refuse.

    Attributes:
        accepted: labels of a declared caller.
        refused: labels that no rule names.
        image: has `python` on its path; both pods run it.
    """

    accepted: Annotated[Mapping[Name, str], Field(min_length=1)]
    refused: Annotated[Mapping[Name, str], Field(min_length=1)]
    image: Word = "python:3.11-slim"


class Power(TargetSection):
    """How the power of a node is cut: one of three ways.

    annotation, value: the annotation of a Node that cuts its power while it has that value.
    stop, start: the commands, run on this machine, that cut it and give it back, word by word. `{node}` stands for the node's name, `{provider_id}`
    for its `spec.providerID`, `{instance}` for the last part of that.
    drain: nothing cuts it. The node is cordoned and its pods are evicted instead, which is reported as that and not as a loss.
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
    """Where the ledger's writes go, and the table that they are read back from.

    read: whether `GET path?client=N` (and `&sequence=S`) answers `{"rows": [[sequence, checksum], …]}`, at the entry and at
    each region's.
    copies: whether the rows of each database member are read, so that its copy can be compared with the others'.
    """

    path: UrlPath
    table: TableName = "ledger"
    read: bool = False
    copies: bool = False


class Pipeline(TargetSection):
    """Events are posted to `accept` as `{id, checksum}`; `visible` answers `{copies, checksum}` of one that is through, before that 404."""

    accept: UrlPath
    visible: PathOfId


class SignInFields(TargetSection):
    """The keys of the JSON body that a sign-in is posted with."""

    user: Word = "user"
    password: Word = "password"  # noqa: S105 - a key


class SignIn(TargetSection):
    """How test users sign in.

    Attributes:
        path: a sign-in is posted there.
        user: name of each, with `{n}` for its number, from 1. users: how many there are.
        password: where their password is; `{user}` in it stands for the name of each.
        fields: keys of the body.
        token: key of the answer that has the token.
    """

    path: UrlPath
    user: Word
    users: Annotated[int, Field(ge=1)] = 1
    password: Reference
    fields: SignInFields = SignInFields()
    token: Word = "token"  # noqa: S105 - a key


class MayWrite(TargetSection):
    """Users that the harness may spoil, by name with `*`."""

    users: Word


class TrafficOverride(TargetSection):
    """Sizes that replace the project's own. rate: journeys per second."""

    rate_per_s: Annotated[float, quantity("rate", "40/s")] | None = Field(default=None, alias="rate")
    for_s: Annotated[float, quantity("time", "3 min")] | None = Field(default=None, alias="for")


class MayBreak(TargetSection):
    """One entry of the allow-list: of an experiment or of a rollout."""

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
