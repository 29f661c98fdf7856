"""Sections of a target file on data at rest: `encryption` and `secrets`."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Annotated, Final, Literal, Self

from pydantic import Field, model_validator

from harness.targets.files.reference import Reference
from harness.targets.files.values import (
    BytesExpression,
    Expression,
    Name,
    ObjectName,
    TableName,
    TargetSection,
    Url,
    UrlPath,
    Word,
    Words,
    quantity,
)
from harness.validation import matching

CLASSES: Final = ("personal", "financial", "none")
"""Classes of a column, and of a marker that is written."""
DataClass = Literal["personal", "financial", "none"]
Call = Annotated[
    str,
    matching(
        r"(GET|POST|PUT|PATCH|DELETE) (/|https?://)\S*",
        "a method and a path like `POST /people`, or a method and an address",
    ),
]


class MarkerWrite(TargetSection):
    """One write through the API with markers in it: `{personal}`, `{financial}` and `{none}` stand for a random word of that class.

    Attributes:
        operation: the write, as `POST /people`; `may_write` must allow it unless the target is disposable.
        body: JSON body.
        headers: places of header values, such as that of a token.
        by: `user`: the first user of `sign_in`, with a fresh token; `none`: whoever has the headers.
        read: the call whose answer has the markers again, as `GET /people/{none}`.
        remove: the call that removes what was written; empty: it stays.
    """

    operation: Call
    body: Mapping[Word, str | int | float | bool | None] = Field(default_factory=dict)
    headers: Mapping[Word, Reference] = Field(default_factory=dict)
    by: Literal["user", "none"] = "none"
    read: Call
    remove: Annotated[
        str, matching(r"|(POST|PUT|PATCH|DELETE) /\S*", "a method and a path like `DELETE /people/1`")
    ] = ""

    @model_validator(mode="after")
    def _with_markers(self) -> Self:
        text = " ".join([self.operation, *(one for one in self.body.values() if isinstance(one, str))])
        if not any(f"{{{kind}}}" in text for kind in CLASSES):
            raise ValueError("a write with `{personal}`, `{financial}` or `{none}` in its path or body")
        return self


class PodCommand(TargetSection):
    """A command in pods whose output is searched, such as `[tar, c, /var/lib/data]`.

    Attributes:
        namespace: of the pods.
        selector: labels that the pods have.
        container: container of the pod; empty: its only one.
        command: the command.
    """

    namespace: Name
    selector: Annotated[Mapping[Word, str], Field(min_length=1)]
    container: str = ""
    command: Words


class StorePlace(TargetSection):
    """A place in which data is stored: files of this machine, the output of a command, or of a command in pods, or backups.

    Attributes:
        kind: `database` for data files and write-ahead logs, `backup` or `log`.
        files: files, directories with all that is below them, and patterns with `*` and `**`, beside the target file.
        command: command on this machine whose output is searched.
        pods: command in pods whose output is searched.
        backups: name of a place in `backups`, each object of which is searched.
        make: command on this machine that makes a new backup, run when the markers are written; empty: none is needed.
        proof: what proves that the scan saw what was written: `control` if the word of class `none` is found in the
            place, `fresh` if a file of it is newer than the write. Without it: `fresh` with `begins` and for files of
            logs, else `control`.
        begins: regular expression for the first bytes of every file, if the files are encrypted as a whole.
    """

    kind: Literal["database", "backup", "log"] = "database"
    files: tuple[Word, ...] = ()
    command: tuple[Word, ...] = ()
    pods: PodCommand | None = None
    backups: str = ""
    make: tuple[Word, ...] = ()
    proof: Literal["control", "fresh"] | None = None
    begins: BytesExpression | None = None

    @model_validator(mode="after")
    def _of_one_kind(self) -> Self:
        if bool(self.files) + bool(self.command) + (self.pods is not None) + bool(self.backups) != 1:
            raise ValueError("one of `files`, `command`, `pods` and `backups`")
        if not (self.files or self.backups) and (self.begins or self.proof == "fresh"):
            raise ValueError("`files` or `backups`, since a command's output has no age and no first bytes of a file")
        return self

    @property
    def proven_by(self) -> str:
        """What proves that the scan saw what was written."""
        usual = "fresh" if self.begins or (self.files and self.kind == "log") else "control"
        return self.proof or usual


class ValueFormat(TargetSection):
    """How encrypted values begin.

    Attributes:
        pattern: regular expression for the beginning of a value; its group `cipher` is the name of the cipher, its group
            `key` the id of the key.
        cipher: the cipher of every value of the format; empty: it is the group `cipher`.
    """

    pattern: Expression
    cipher: str = ""

    @model_validator(mode="after")
    def _names_a_cipher(self) -> Self:
        if bool(self.cipher) == ("cipher" in re.compile(self.pattern).groupindex):
            raise ValueError("a `cipher`, or a group `(?P<cipher>…)` in the pattern, and not both")
        return self


class Flush(TargetSection):
    """What makes the database write its data files.

    Attributes:
        sql: statement such as `CHECKPOINT`, by the DSN of `encryption` or `database`.
        command: command on this machine.
    """

    sql: str = ""
    command: tuple[Word, ...] = ()

    @model_validator(mode="after")
    def _of_one(self) -> Self:
        if bool(self.sql) == bool(self.command):
            raise ValueError("one of `sql` and `command`")
        return self


class Encryption(TargetSection):
    """The section `encryption`: what is stored, where, and how it is encrypted.

    Attributes:
        writes: writes through the API, each with random words that are searched for afterwards.
        stores: places in which data is stored, by name.
        flush: what makes the database write its data files before they are searched; None: nothing.
        within_s: time for the markers to reach the stores and for the scan, in s.
        columns: class of every column, by table and column; a file beside the target file, or the mapping itself.
        formats: formats of encrypted values besides JWE, OpenPGP and Fernet, by name.
        dsn: DSN of the database whose columns are read; None: that of `database`.
    """

    writes: tuple[MarkerWrite, ...] = ()
    stores: Mapping[Name, StorePlace] = Field(default_factory=dict)
    flush: Flush | None = None
    within_s: Annotated[float, quantity("time", "1 min", above="0 s")] = Field(default=60.0, alias="within")
    columns: str | Mapping[TableName, Mapping[Word, DataClass]] = ""
    formats: Mapping[Name, ValueFormat] = Field(default_factory=dict)
    dsn: Reference | None = None


class KeyObject(TargetSection):
    """Objects in the Kubernetes API with the time at which their key was made.

    Attributes:
        version, kind: of the objects, such as `v1` and `Secret`. Values of Secrets are not read.
        namespace: of the objects.
        name: of the object; empty: all of the kind.
        time: path of the time, such as `.metadata.annotations['rotated-at']` or `.status.refreshTime`.
    """

    version: Word
    kind: Word
    namespace: Name
    name: str = ""
    time: Annotated[str, matching(r"\..+", "a path like `.metadata.creationTimestamp`")] = ".metadata.creationTimestamp"


class KeySource(TargetSection):
    """Where the ages of keys in use are: each source gives names and times.

    Attributes:
        sql: query whose rows are a name and a time, by `dsn` or the DSN of `database`.
        dsn: DSN for `sql`.
        command: command that prints a JSON object with a time by name.
        files: files whose time of change is that of their key; patterns with `*`.
        object: objects in the Kubernetes API.
        jwks: address of a JSON Web Key Set whose keys have their time in `member`.
        member: member of a key with its time, in seconds since 1970 or as text.
    """

    sql: str = ""
    dsn: Reference | None = None
    command: tuple[Word, ...] = ()
    files: tuple[Word, ...] = ()
    object: KeyObject | None = None
    jwks: Url = ""
    member: Word = "iat"

    @model_validator(mode="after")
    def _of_one_kind(self) -> Self:
        if sum(map(bool, (self.sql, self.command, self.files, self.object, self.jwks))) != 1:
            raise ValueError("one of `sql`, `command`, `files`, `object` and `jwks`")
        return self


class SecretPlace(TargetSection):
    """A Secret in the Kubernetes API, and the keys of its user and password."""

    namespace: Name
    name: ObjectName
    user: str = ""
    password: Word


class Annotate(TargetSection):
    """An annotation that makes an operator rotate, such as `force-sync` of an ExternalSecret; its value becomes the time.

    Attributes:
        version, plural: of the object, such as `external-secrets.io/v1` and `externalsecrets`.
        namespace, name: of the object.
        annotation: the annotation.
    """

    version: Word
    plural: Word
    namespace: Name
    name: ObjectName
    annotation: Word = "force-sync"


class RotationStep(TargetSection):
    """One step of a rotation: a command on this machine, a call, or an annotation.

    Attributes:
        command: the command.
        call: method and address, as `POST https://vault.example.test/v1/database/rotate-root/shop`.
        headers: places of header values of the call.
        annotate: the annotation.
        within_s: time for it, in s.
    """

    command: tuple[Word, ...] = ()
    call: Annotated[str, matching(r"|(POST|PUT|PATCH) https?://\S+", "a method and an address")] = ""
    headers: Mapping[Word, Reference] = Field(default_factory=dict)
    annotate: Annotate | None = None
    within_s: Annotated[float, quantity("time", "30 s", above="0 s")] = Field(default=30.0, alias="within")

    @model_validator(mode="after")
    def _of_one_kind(self) -> Self:
        if bool(self.command) + bool(self.call) + (self.annotate is not None) != 1:
            raise ValueError("one of `command`, `call` and `annotate`")
        return self


class Rotation(TargetSection):
    """How a secret is rotated under traffic, and how it is seen who uses it.

    Attributes:
        rotate: what rotates the secret.
        undo: what gives the old secret back, or makes a rotation whole that failed halfway; it may be repeated.
        secret: the Secret with the current value; None: `password` names its place.
        user, password: places of the current user and password, read before and after the rotation.
        connects: connection string without user and password; with the old ones it must be refused. None: `calls`.
        calls: call that needs the secret, as `GET https://shop.example.test/reports`.
        header: header of the call with the secret.
        used_by: services that use the secret, by the name in the rows of `sessions`.
        sessions: query whose rows are a service, the time from which a session of it is, and its user; one row for each
            session that uses the secret. None: nothing shows who uses it.
        dsn: DSN of the query; None: that of `database`.
        requests: paths that are requested at every entry meanwhile; empty: those of `probes`.
        rate_per_s: requests a second.
    """

    rotate: RotationStep
    undo: RotationStep
    secret: SecretPlace | None = None
    user: Reference | None = None
    password: Reference | None = None
    connects: Reference | None = None
    calls: Annotated[str, matching(r"|GET https?://\S+", "a call like `GET https://…`")] = ""
    header: Word = "authorization"
    used_by: tuple[Word, ...] = ()
    sessions: str = ""
    dsn: Reference | None = None
    requests: tuple[UrlPath, ...] = ()
    rate_per_s: Annotated[float, quantity("rate", "20/s", above="0/s", most="200/s")] = Field(
        default=20.0, alias="rate"
    )

    @model_validator(mode="after")
    def _complete(self) -> Self:
        if (self.secret is None) == (self.password is None):
            raise ValueError("one of `secret` and `password`")
        if (self.connects is None) == (not self.calls):
            raise ValueError("one of `connects` and `calls`")
        if bool(self.used_by) != bool(self.sessions):
            raise ValueError("`used_by` together with `sessions`")
        return self


class SecretSettings(TargetSection):
    """The section `secrets`: how old keys are, and how a secret is rotated.

    Attributes:
        keys: sources of the ages of keys in use, by name.
        rotation: a secret that may be rotated under traffic; None: none is.
    """

    keys: Mapping[Name, KeySource] = Field(default_factory=dict)
    rotation: Rotation | None = None
