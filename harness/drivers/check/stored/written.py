"""Writes markers through the API of the target, reads them back, and removes them; the removal is on disk before the write."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from fnmatch import fnmatchcase
from typing import TYPE_CHECKING, Final

from harness import clock
from harness.drivers.check.planted.calls import CallMaker
from harness.drivers.facts import FactReading
from harness.errors import ConfigurationError, DriverError
from harness.targets import Target, platform_of
from harness.targets.files.stored import CLASSES, Encryption, MarkerWrite
from harness.targets.http import http_client
from harness.targets.kubernetes import Cluster
from harness.targets.undo import undo_now, undoable

if TYPE_CHECKING:
    import httpx

_WITHIN_S: Final = 5.0
_READ_S: Final = 10.0
"""Most time for a write to be readable."""
_PAUSE_S: Final = 0.2
_GONE: Final = frozenset({404, 410})


@dataclass(frozen=True, kw_only=True, slots=True)
class WrittenMarkers:
    """One write with its markers.

    Attributes:
        write: as the target file has it.
        markers: marker by class, of those that the write has.
        fact: whether it was accepted and read back.
        at_ns: time before it was sent, in ns since 1970.
    """

    write: MarkerWrite
    markers: Mapping[str, str] = field(repr=False)
    fact: FactReading
    at_ns: int


def classes_in(write: MarkerWrite) -> frozenset[str]:
    """The classes whose markers a write has."""
    text = " ".join([write.operation, *(one for one in write.body.values() if isinstance(one, str))])
    return frozenset(kind for kind in CLASSES if f"{{{kind}}}" in text)


def refuse_writes(target: Target, writes: tuple[MarkerWrite, ...]) -> None:
    """Raise ConfigurationError unless the target file allows each write, and each removal."""
    for write in writes:
        for operation in filter(None, (write.operation, write.remove)):
            allowed = any(fnmatchcase(operation, entry.operations) for entry in target.may_write if entry.operations)
            if not (allowed or target.breakable):
                raise ConfigurationError(
                    f"`{operation}` writes, and `may_write` does not allow it",
                    where=f"{target.file}: may_write",
                    hint=f"write `may_write: [{{operations: '{operation}'}}]`, or mark the target as `disposable`",
                )


@contextmanager
def written(
    target: Target, encryption: Encryption, write: MarkerWrite, markers: Mapping[str, str], check: str
) -> Iterator[WrittenMarkers]:
    """Context of a write, which is removed at its end.

    Args:
        target: target.
        encryption: its section with the write.
        write: as the target file has it.
        markers: marker by class.
        check: name of the check.
    """
    within_s = min(_READ_S, encryption.within_s)
    headers = _headers(target, write)
    intent = None
    if write.remove:
        remove = _filled(write.remove, markers)
        number = encryption.writes.index(write)
        intent = _remove.intend(
            platform_of(target), f"check {check}", f"write a marker by {write.operation}", remove=remove, number=number
        )
    try:
        at_ns = clock.wall_ns(clock.wall())
        with http_client(target, target.entry, timeout_s=_WITHIN_S) as client:
            fact = _sent(client, write, markers, headers, within_s)
        yield WrittenMarkers(write=write, markers=markers, fact=fact, at_ns=at_ns)
    finally:
        if intent is not None:
            undo_now(None, target, intent)


def _headers(target: Target, write: MarkerWrite) -> Mapping[bytes, bytes]:
    """Headers of the calls of a write. Raises ConfigurationError and DriverError as a sign-in does."""
    signed_in = {"authorization": f"Bearer {CallMaker(target=target).token()}"} if write.by == "user" else {}
    named = {**signed_in, **{name: reference.resolve() for name, reference in write.headers.items()}}
    return {name.encode(): value.encode() for name, value in named.items()}  # the client takes texts of ASCII alone


def _undo(_cluster: Cluster | None, target: Target, *, remove: str, number: int) -> None:
    """Remove what was written; a thing that is not there is removed."""
    import httpx

    writes = target.encryption.writes if target.encryption is not None else ()
    headers = _headers(target, writes[number]) if number < len(writes) else {}
    method, path = remove.split(" ", 1)
    try:
        with http_client(target, target.entry, timeout_s=_WITHIN_S) as client:
            answer = client.request(method, path, headers=dict(headers))
    except (httpx.HTTPError, httpx.InvalidURL) as error:
        raise DriverError(f"`{remove}` got no answer ({type(error).__name__})", where=target.entry) from error
    if not answer.is_success and answer.status_code not in _GONE:
        hint = "correct `remove` in `encryption.writes`, and remove the record by hand"
        raise DriverError(f"`{remove}` got status {answer.status_code}", where=target.entry, hint=hint)


@undoable("remove-marker", undo=_undo)
def _remove() -> None:
    """Nothing to do: the write itself is a request."""


def _sent(
    client: httpx.Client,
    write: MarkerWrite,
    markers: Mapping[str, str],
    headers: Mapping[bytes, bytes],
    within_s: float,
) -> FactReading:
    import httpx

    expected = "accepted, and read back with its markers"

    def fact(observed: str, *, ok: bool | None) -> FactReading:
        return FactReading(subject=f"write {write.operation}", expected=expected, observed=observed, ok=ok)

    body = {key: _filled(one, markers) if isinstance(one, str) else one for key, one in write.body.items()}
    method, path = _filled(write.operation, markers).split(" ", 1)
    read_method, read_path = _filled(write.read, markers).split(" ", 1)
    try:
        answer = client.request(method, path, json=body or None, headers=dict(headers))
        if not answer.is_success:
            return fact(f"refused with status {answer.status_code}, so no marker was stored", ok=None)
        read = None
        for _ in clock.Deadline.after(within_s).ticks(_PAUSE_S):
            read = client.request(read_method, read_path, headers=dict(headers))
            if read.is_success and all(marker in read.text for marker in markers.values()):
                stays = "" if write.remove else "; it stays on the platform, as no `remove` is named"
                return fact(f"status {answer.status_code}, read back{stays}", ok=True)
    except (httpx.HTTPError, httpx.InvalidURL) as error:
        return fact(f"no answer ({type(error).__name__})", ok=None)
    lacking = [kind for kind, marker in markers.items() if read is None or marker not in read.text]
    status = read.status_code if read is not None else 0
    return fact(
        f"accepted; `{write.read}` got status {status} without the marker of class {', '.join(lacking)}", ok=None
    )


def _filled(text: str, markers: Mapping[str, str]) -> str:
    for kind, marker in markers.items():
        text = text.replace(f"{{{kind}}}", marker)
    return text
