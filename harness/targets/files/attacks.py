"""The sections `attacks` and `layers`: how attacks are noticed and ended, and how each layer of protection is switched off and on again."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Annotated, Any, Literal, Self

from pydantic import Field, model_validator

from harness.targets.files.outside import Address
from harness.targets.files.planted import DeclaredCall
from harness.targets.files.reference import Reference
from harness.targets.files.values import Name, ObjectName, RootUrl, TargetSection, Word, quantity
from harness.validation import matching

_Status = Annotated[int, Field(ge=400, le=499)]
Layer = Literal["gateway-check", "token-check", "network-policy", "database-role"]
"""A layer of protection."""


class ObjectSwitch(TargetSection):
    """Kubernetes objects that are changed or deleted; they are put back as they were.

    Attributes:
        version, kind, name: of the objects.
        namespaces: namespaces in which they are; empty: those of all regions.
        patch: merge patch.
        variables: environment variables that the containers of their pods get. Without these and a patch the objects are deleted.
    """

    version: Word
    kind: Word
    name: ObjectName
    namespaces: tuple[Name, ...] = ()
    patch: Mapping[str, Any] = Field(default_factory=dict)
    variables: Mapping[Word, str] = Field(default_factory=dict)


class SqlSwitch(TargetSection):
    """Statements that switch off and on again.

    Attributes:
        disable, enable: statements; `enable` may be repeated.
        dsn: DSN of a role that may run them; None: `database.dsn`.
    """

    disable: Word
    enable: Word
    dsn: Reference | None = None


class CommandSwitch(TargetSection):
    """Commands on this machine that switch off and on again: `disable` and `enable`, which may be repeated."""

    disable: Annotated[tuple[Word, ...], Field(min_length=1)]
    enable: Annotated[tuple[Word, ...], Field(min_length=1)]


class Switch(TargetSection):
    """One change, in one of three ways: `object`, `sql` or `command`."""

    object: ObjectSwitch | None = None
    sql: SqlSwitch | None = None
    command: CommandSwitch | None = None

    @model_validator(mode="after")
    def _of_one_kind(self) -> Self:
        if (self.object is not None) + (self.sql is not None) + (self.command is not None) != 1:
            raise ValueError("one of `object`, `sql` and `command`")
        return self


Switches = Annotated[tuple[Switch, ...], Field(min_length=1)]


class InsideCall(TargetSection):
    """A call to a service from a temporary pod within the cluster, with labels of `callers`.

    Attributes:
        service: name and port of the Service, like `orders:8080`.
        path: path of the GET request; it carries no credential.
        caller: which labels the pod has: those of the declared caller (`accepted`) or of the stranger (`refused`).
        region: region in whose namespace the pod is; empty: the first.
    """

    service: Annotated[str, matching(r"[a-z0-9]([-a-z0-9.]{0,61}[a-z0-9])?:[0-9]{1,5}", "a service and its port")]
    path: Annotated[str, Field(pattern="^/")]
    caller: Literal["accepted", "refused"] = "refused"
    region: str = ""


class DatabaseCall(TargetSection):
    """A query that the role of a service may not run: `sql`, with the DSN of that role, and one that it may run: `allowed`."""

    sql: Word
    allowed: Word = "SELECT 1"
    dsn: Reference


class ForeignCall(TargetSection):
    """A call that must be refused, in one of three ways.

    Attributes:
        outside: request to the entry, without a token or with a forged one. The same request of the user must be let in.
        at: address to which the request is sent in place of the entry, such as that of a service that is reached without the gateway.
            The right call is sent to the entry.
        inside: request within the cluster. The same request of the declared caller must reach the service.
        database: query of a service's role. One that the role may run must be answered.
    """

    outside: DeclaredCall | None = None
    at: RootUrl = ""
    inside: InsideCall | None = None
    database: DatabaseCall | None = None

    @model_validator(mode="after")
    def _of_one_kind(self) -> Self:
        if (self.outside is not None) + (self.inside is not None) + (self.database is not None) != 1:
            raise ValueError("one of `outside`, `inside` and `database`")
        if self.outside is not None and self.outside.by not in {"none", "forged"}:
            raise ValueError("`outside` with `by: none` or `by: forged`")
        return self


class ShownCall(ForeignCall):
    """A call by which it is seen that a layer is off: its answer is then another.

    Attributes:
        header: header of answers that is there only while the layer is off, or only while it is on; empty: the status differs.
    """

    header: str = ""


class LayerSwitch(TargetSection):
    """A layer of protection: `disable` switches it off, and `shown` is answered otherwise while it is off."""

    disable: Switches
    shown: ShownCall


class Authentication(TargetSection):
    """What takes authentication down, and what must stay closed meanwhile.

    Attributes:
        disable: takes it down.
        protected: protected operations, each of which the user may call.
    """

    disable: Switches
    protected: Annotated[tuple[DeclaredCall, ...], Field(min_length=1)]


class LayerSettings(TargetSection):
    """The section `layers`: layers of protection, and what they must refuse.

    Attributes:
        switches: layers, each with how it is switched off.
        foreign: calls that must be refused with any one layer off.
        user: user of `identity.users` whom the same calls must let in; empty: the first user of `sign_in`.
        refused: statuses with which calls are refused.
        within_s: time in which a switch takes effect, in s.
        authentication: what takes authentication down; None: it is not taken down.
    """

    switches: Mapping[Layer, LayerSwitch] = Field(default_factory=dict)
    foreign: tuple[ForeignCall, ...] = ()
    user: str = ""
    refused: tuple[_Status, ...] = (401, 403)
    within_s: Annotated[float, quantity("time", "30 s", above="0 s")] = Field(default=30.0, alias="within")
    authentication: Authentication | None = None


class Unblock(TargetSection):
    """What ends the block of a client, in one of two ways; `{client}` is replaced by its address. It may be repeated.

    Attributes:
        sql: statement. dsn: DSN of a role that may run it; None: `database.dsn`.
        command: command on this machine.
    """

    sql: str = ""
    dsn: Reference | None = None
    command: tuple[Word, ...] = ()

    @model_validator(mode="after")
    def _of_one_kind(self) -> Self:
        if bool(self.sql) + bool(self.command) != 1:
            raise ValueError("one of `sql` and `command`")
        return self

    def of(self, client: str) -> Switch:
        """The switch that ends the block of a client, before an attack and after it."""
        if self.sql:
            text = self.sql.replace("{client}", client)
            return Switch(sql=SqlSwitch(disable=text, enable=text, dsn=self.dsn))
        words = tuple(word.replace("{client}", client) for word in self.command)
        return Switch(command=CommandSwitch(disable=words, enable=words))


class AttackSettings(TargetSection):
    """The section `attacks`: how attacks are noticed, and how attackers are refused.

    Attributes:
        alerts: alert that each kind of attack must raise in Prometheus.
        label: label of these alerts with the address of the client; empty: the alerts do not say it.
        protected: protected operation to which forged tokens are sent; the user may call it.
        clients: addresses of attacking clients, of which each attack takes the next. They are addresses of this machine from which
            requests are sent, unless `header` is given.
        header: header by which the platform knows the address of a client, behind a proxy that it trusts; empty: the address itself.
        calls: largest number of requests of a burst, which ends when its alert fires.
        rate: requests per second.
        refused: statuses by which a client is refused that is blocked.
        quiet_s: time before a burst for which the alert must be silent, in s.
        resolved_s: time in which the alert must be silent again after a burst, in s.
        unblock: what ends the block of a client; None: the platform blocks no client.
    """

    alerts: Mapping[Literal["forged-tokens", "wrong-passwords"], Word]
    label: str = ""
    protected: DeclaredCall
    clients: Annotated[tuple[Address, ...], Field(min_length=1)]
    header: str = ""
    calls: Annotated[int, Field(ge=5, le=1000)] = 50
    rate: Annotated[float, quantity("rate", "20/s", above="0/s")] = 20.0
    refused: tuple[_Status, ...] = (403,)
    quiet_s: Annotated[float, quantity("time", "5 s")] = Field(default=5.0, alias="quiet")
    resolved_s: Annotated[float, quantity("time", "2 min")] = Field(default=120.0, alias="resolved")
    unblock: Unblock | None = None
