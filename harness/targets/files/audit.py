"""The sections `audit` and `export`: where the audit log and the export of a person are, and what they hold."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Annotated, Final, Self

from pydantic import Field, model_validator

from harness.targets.files.paper import Paths
from harness.targets.files.planted import DeclaredCall, OperationPath
from harness.targets.files.reference import Reference
from harness.targets.files.values import TableName, TargetSection, Word, quantity

_STATUS: Final = Field(ge=400, le=499)


class AuditPages(TargetSection):
    """An operation that answers with the entries, page by page.

    Attributes:
        call: the operation; `{offset}` is replaced by the number of entries read so far, `{after}` by the value of `next` of the page before.
        by, headers: see `DeclaredCall`.
        entries: key of the list of entries in the answer, with dots where it is within another; empty: the answer is the list.
        next: key of the value for `{after}` of the next page; empty: pages are counted by `{offset}`, or there is one page.
    """

    call: OperationPath
    by: Annotated[str, Field(pattern="^(user|none)$")] = "user"
    headers: Mapping[Word, Reference] = Field(default_factory=dict)
    entries: str = ""
    next: str = ""


class AuditFields(TargetSection):
    """Which field of an entry says what; of an operation and of log files with dots where it is within another.

    Attributes:
        who: the user that acted.
        what: the operation.
        when: the time: ISO 8601, or seconds since 1970; without a zone it is UTC.
        whence: the address of the client; empty: entries do not say it.
        request: the id of the request; empty: entries are matched by user, operation and time, as numbers.
    """

    who: Word
    what: Word
    when: Word
    whence: str = ""
    request: str = ""


class AuditedCall(DeclaredCall):
    """A planted call.

    Attributes:
        what: what its entry must say in the field `what`.
        counted: whether its entries do not name the id of the request, although others do: then they are counted by user, operation and time.
    """

    what: Word
    counted: bool = False


class AuditTampering(TargetSection):
    """How an entry is changed and removed, and put back.

    Attributes:
        table: table of the entries, which needs a primary key.
        column: column whose value is changed; a text.
        dsn: DSN of a role that may change and delete rows of the table; None: `database.dsn`.
    """

    table: TableName
    column: Word
    dsn: Reference | None = None


class AuditCheck(TargetSection):
    """The log's own check, in one of three ways.

    Attributes:
        sql: query with one boolean: whether the log is intact.
        call: operation that answers 200 with a boolean.
        key: key of that boolean in the answer, with dots.
        command: command on this machine that ends with 0 if the log is intact, with 1 if it is not.
    """

    sql: str = ""
    call: DeclaredCall | None = None
    key: str = "intact"
    command: tuple[Word, ...] = ()

    @model_validator(mode="after")
    def _of_one_kind(self) -> Self:
        if bool(self.sql) + (self.call is not None) + bool(self.command) != 1:
            raise ValueError("one of `sql`, `call` and `command`")
        return self


class AuditSettings(TargetSection):
    """The section `audit`: where the entries of the audit log are read, and what must have one.

    Attributes:
        sql: query for all entries, without a semicolon; its columns are named in `fields`.
        dsn: DSN of a role that may read them; None: `database.dsn`.
        operation: operation that answers with the entries.
        files: log files with an entry in each line, as JSON; `*` in a name is allowed.
        fields: fields of an entry.
        header: request header whose value the field `request` has; of `traceparent` the trace id counts.
        client: addresses that entries of requests from this machine say in `whence`; `*` stands for any text.
        people: what entries say in `who`, by the name with which a user signs in; a user that is not listed is named as it signs in.
        user: user of `sign_in` that sends planted calls and that has no other use: entries of it that no request explains are named; empty:
            the first, whose other entries are not compared.
        changes: planted calls that change something; each must be answered with 2xx.
        refusals: planted calls that are refused.
        refused: statuses with which calls are refused.
        traffic: what an entry says in `what`, for each route of the traffic whose requests change something.
        unchanged: routes of the traffic with POST, PUT, PATCH or DELETE whose requests change nothing.
        within_s: time in which an entry must be there, in s.
        tampering: how an entry is changed and removed; None: it is not tried.
        check: the log's own check; None: it has none.
    """

    sql: str = ""
    dsn: Reference | None = None
    operation: AuditPages | None = None
    files: Paths = ()
    fields: AuditFields
    header: Word = "traceparent"
    client: tuple[Word, ...] = ()
    people: Mapping[Word, Word] = Field(default_factory=dict)
    user: str = ""
    changes: tuple[AuditedCall, ...] = ()
    refusals: tuple[AuditedCall, ...] = ()
    refused: tuple[Annotated[int, _STATUS], ...] = (401, 403)
    traffic: Mapping[Word, Word] = Field(default_factory=dict)
    unchanged: tuple[Word, ...] = ()
    within_s: Annotated[float, quantity("time", "10 s", above="0 s")] = Field(default=10.0, alias="within")
    tampering: AuditTampering | None = None
    check: AuditCheck | None = None

    @model_validator(mode="after")
    def _of_one_place(self) -> Self:
        if bool(self.sql) + (self.operation is not None) + bool(self.files) != 1:
            raise ValueError("one of `sql`, `operation` and `files`")
        return self


class ExportedTable(TargetSection):
    """What the export has of one table.

    Attributes:
        at: key of the export under which its records are, with dots where it is within another, a list
            of objects or one object; empty: the export itself.
        without: columns that the export leaves out, such as the hash of a password.
    """

    at: str
    without: tuple[Word, ...] = ()


class ExportSettings(TargetSection):
    """The section `export`: the export of a person.

    Attributes:
        call: operation that answers with the export, as JSON; `{person}` in its path is replaced by the person's name, and `by: user` is the
            person itself, which signs in as `sign_in` says.
        person: name of a planted person that has records.
        known_as: further values by which records name the person, such as a number; each must be in no other person's records.
        others: names of other people with records; the export must not name them.
        plant: calls that make records of the person before the export, besides those that it has.
        people: table with one row for each person; rows of other tables whose foreign key is that of the person's row name the person too.
        tables: what the export has of each table with records of the person, by the name of the table.
        dsn: DSN of a role that may read all tables; None: `database.dsn`.
    """

    call: DeclaredCall
    person: Annotated[str, Field(min_length=4)]
    known_as: tuple[Annotated[str, Field(min_length=4)], ...] = ()
    others: Annotated[tuple[Annotated[str, Field(min_length=4)], ...], Field(min_length=1)]
    plant: tuple[DeclaredCall, ...] = ()
    people: TableName | None = None
    tables: Annotated[Mapping[TableName, ExportedTable], Field(min_length=1)]
    dsn: Reference | None = None
