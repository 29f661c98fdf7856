"""The documented reads that make a journey: those that the service answers as documented when they are tried."""

from __future__ import annotations

import json
import shlex
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, Any, Final

from harness.cli.starter.trial import NO_ANSWER, NOT_TRIED, REFUSED
from harness.cli.starter.writing import WRITE
from harness.errors import ConfigurationError
from harness.targets.files.parts import TYPES
from harness.words import some

if TYPE_CHECKING:
    from harness.cli.starter.trial import ServiceTrial

MOST_READS: Final = 12
"""Maximum number of requests of a journey."""
_SIGN_IN: Final = "it needs a sign-in"


@dataclass(frozen=True, kw_only=True, slots=True)
class DocumentedRead:
    """One GET that a document describes.

    Attributes:
        name: name of the route in all reports.
        path: path with its parameters filled in.
        status: status of a successful answer.
        expect: keys of the answer's JSON object, each with the name of its Python type.
        credential: the sign-in that the document demands, or an optional header or cookie whose name suggests one; empty if there is none.
        needs: required headers and cookies, as `header `X-Tenant``.
    """

    name: str
    path: str
    status: int = 200
    expect: Mapping[str, str] = field(default_factory=dict)
    credential: str = ""
    needs: tuple[str, ...] = ()


@dataclass(frozen=True, kw_only=True, slots=True)
class DocumentedWrite:
    """One operation that changes data, which the trial does not send.

    Attributes:
        method: method of HTTP.
        path: path with its parameters as documented.
        needs_body: whether the document demands a body.
        example: JSON of a body with the required keys; empty if they are unknown.
    """

    method: str
    path: str
    needs_body: bool = False
    example: str = ""


@dataclass(frozen=True, kw_only=True, slots=True)
class DocumentedOperations:
    """The operations of a document.

    Attributes:
        source: file or address of the document.
        base: path before the documented paths, such as `/shop`; may be empty.
        reads: every GET that can be requested.
        writes: operations that change data.
        left_out: other reads, each as `GET path: why`.
    """

    source: str
    base: str = ""
    reads: tuple[DocumentedRead, ...]
    writes: tuple[DocumentedWrite, ...] = ()
    left_out: tuple[str, ...] = ()


def none_left(source: str, left_out: Sequence[str]) -> ConfigurationError:
    """The error that no read of the document can be requested."""
    private = bool(left_out) and all("sign-in" in one for one in left_out)
    headers = [one.rpartition("header `")[2].rstrip("`") for one in left_out if "it needs the header `" in one]
    hint = (
        "pass the header that signs in, `--header 'Authorization: Bearer $TOKEN'` with the token in the variable TOKEN; or leave "
        "out `--openapi`, and write a journey that signs in: docs/your-own-service.md, a service with a sign-in"
        if private
        else f"pass the header, `--header '{headers[0]}: $VALUE'` with its value in the variable VALUE"
        if headers
        else "give path parameters an `example`, or write the journey by hand"
    )
    what = f"no GET of this document can be requested{': ' if left_out else ''}{'; '.join(left_out[:3])}"
    return ConfigurationError(what, where=source, hint=hint)


def named(reads: Sequence[DocumentedRead]) -> tuple[DocumentedRead, ...]:
    """The reads with unique names, which also differ from the name of the journey's POST."""
    taken = {WRITE}
    found = []
    for read in reads:
        name, number = read.name, 1
        while name in taken:
            number += 1
            name = f"{read.name}-{number}"
        taken.add(name)
        found.append(replace(read, name=name))
    return tuple(found)


def refused_reads(documented: DocumentedOperations, trial: ServiceTrial) -> tuple[str, ...]:
    """The documented reads that the service answers with 401 or 403 without a sign-in, as `GET path: status`."""
    tried = ((read, trial.followed(read.path).status) for read in documented.reads)
    return tuple(f"GET {read.path}: {status}" for read, status in tried if status in REFUSED)


def answered_reads(
    documented: DocumentedOperations, trial: ServiceTrial | None, headers: Sequence[str] = ()
) -> DocumentedOperations:
    """The reads that the service answers as documented; other reads would fail in every run.

    Args:
        documented: operations of the document.
        trial: trial of the service; None: the service is down, and reads that may need a sign-in are left out.
        headers: names of the headers that each request of the journey has.

    Raises:
        ConfigurationError: no read is left.
    """
    left, out = list[DocumentedRead](), list(documented.left_out)
    for read in documented.reads:
        if why := _lacking(read, headers) or (_unknown(read, headers) if trial is None else _differs(read, trial)):
            out.append(f"GET {read.path}: {why}")
        elif len(left) == MOST_READS:
            out.append(f"GET {read.path}: a journey has at most {MOST_READS} requests")
        else:
            left.append(read)
    if not left:
        raise none_left(documented.source, out)
    return replace(documented, reads=tuple(left), left_out=tuple(out))


def _lacking(read: DocumentedRead, headers: Sequence[str]) -> str:
    """The required header or cookie that the journey does not send, in words; empty if it sends all."""
    known = {f"header `{name.lower()}`" for name in headers}
    lacking = next((one for one in read.needs if one.lower() not in known), "")
    return f"it needs the {lacking}" if lacking else ""


def _unknown(read: DocumentedRead, headers: Sequence[str]) -> str:
    """Why a read cannot be in a journey while the service is down; empty if it can."""
    if not read.credential or headers:
        return ""
    return f"it may need a sign-in ({read.credential}), which cannot be checked because the service does not answer"


def _differs(read: DocumentedRead, trial: ServiceTrial) -> str:
    """How the answer differs from the document; empty if it does not."""
    answer = trial.followed(read.path, signed_in=trial.signs_in)
    if answer.status == NOT_TRIED:
        return "it was not tried: the trial of the other reads took too long"
    if answer.status == NO_ANSWER:
        return "no complete answer in time"
    if answer.status != read.status:
        why = f"; {_SIGN_IN}" if answer.status in REFUSED else ""
        return f"the service answers {answer.status}, the document says {read.status}{why}"
    return _other_keys(read, answer.body)


def _other_keys(read: DocumentedRead, body: bytes) -> str:
    """Which key of the answer differs from the document; empty if none does."""
    if not read.expect:
        return ""
    try:
        found: Any = json.loads(body)
    except (ValueError, RecursionError):
        return "the answer is not JSON, the document says an object"
    if not isinstance(found, dict):
        return f"the answer is {type(found).__name__}, the document says an object"
    for key, kind in read.expect.items():
        if key not in found:
            return f"the answer has no key `{key}`, the document requires it"
        if type(found[key]) is not TYPES[kind]:
            return f"the key `{key}` of the answer is {type(found[key]).__name__}, the document says {kind}"
    return ""


def unsent_writes(writes: Sequence[DocumentedWrite], write: str) -> Iterator[str]:
    """A text that names the documented operations that change data and are not in the journey, with the option that adds one."""
    left = [one for one in writes if not (one.method == "POST" and one.path == write)]
    if not left:
        return
    shown = some([f"{one.method} {one.path}" for one in left])
    posts = [one for one in left if one.method == "POST" and "{" not in one.path]
    hint = ""
    if posts and not write:
        body = f" --body {shlex.quote(posts[0].example or '{…}')}" if posts[0].needs_body or posts[0].example else ""
        hint = f": `--write {posts[0].path}{body}` adds a POST"
    yield f"{shown}: not sent by the trial, since {'it changes' if len(left) == 1 else 'they change'} data{hint}"
