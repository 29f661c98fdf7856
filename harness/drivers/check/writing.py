"""`written-and-read`: checks that writes accepted in one region are readable in another within a time limit."""

from __future__ import annotations

import hashlib
import uuid
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Final

from harness import clock
from harness.drivers.check.claim import claim
from harness.drivers.check.needs import NO_ENTRIES
from harness.drivers.facts import FactProbe, FactReading
from harness.errors import ConfigurationError
from harness.model import Quantity
from harness.model.planned.need import RequiredKey
from harness.targets import Target
from harness.targets.http import http_client

if TYPE_CHECKING:
    import httpx

_WRITES: Final = 20
_WITHIN_S: Final = 5.0
_PAUSE_S: Final = 0.05
_ACCEPTED: Final = frozenset({200, 201})


def _one_entry(region: str) -> RequiredKey:
    """The need for an entry of the region that a parameter names."""
    lacks = (f"entry of the region {region}", f"add `entry:` to {region} in `regions:`")
    return RequiredKey(f"doors.{region}", f"requests are sent to the entry of {region}", *lacks)


@claim(
    "every write accepted by <from:region> is readable in <to:region> within <within:duration>",
    example="every write accepted by ap-southeast-1 is readable in us-east-1 within 5 s",
    needs=(
        RequiredKey("ledger", "writes go to the ledger's path"),
        RequiredKey("doors", "one region is written to, another is read", *NO_ENTRIES),
        RequiredKey("ledger.read", "the ledger is read through the entry", "`ledger.read: true`"),
        _one_entry("{from}"),
        _one_entry("{to}"),
    ),
)
def written_and_read(target: Target, params: Mapping[str, str]) -> FactProbe:
    """Twenty rows of the ledger are written at the entry of one region, and each is read at that of another until it is there."""
    ledger = target.ledger
    if ledger is None or not ledger.read:
        raise ConfigurationError(
            "the ledger cannot be read through the entry",
            where=f"{target.file}: ledger",
            hint="write `ledger: {path: PATH, read: true}`",
        )
    doors = [_door(target, params[key]) for key in ("from", "to")]
    limit_s = Quantity.parse(params["within"]).base

    def probe() -> Sequence[FactReading]:
        client = uuid.uuid4().int >> 97  # a number that no watcher has, below 2**31
        with (
            http_client(target, doors[0], timeout_s=_WITHIN_S) as writer,
            http_client(target, doors[1], timeout_s=_WITHIN_S) as reader,
        ):
            return [_of_one(writer, reader, ledger.path, (client, n), params, limit_s) for n in range(_WRITES)]

    return probe


def _door(target: Target, region: str) -> str:
    if region not in target.doors:
        known = ", ".join(target.doors) or "none"
        raise ConfigurationError(
            f"the region {region} has no entry", where=f"{target.file}: regions", hint=f"regions with an entry: {known}"
        )
    return target.doors[region]


def _of_one(  # noqa: PLR0917 - two clients, one row
    writer: httpx.Client,
    reader: httpx.Client,
    path: str,
    row: tuple[int, int],
    params: Mapping[str, str],
    limit_s: float,
) -> FactReading:
    import httpx

    client, number = row
    subject = f"write {number + 1} of {_WRITES} from {params['from']} to {params['to']}"
    expected = f"accepted, and readable within {limit_s:g} s"
    checksum = hashlib.sha256(f"{client}:{number}".encode()).hexdigest()[:16]
    body = {"client": client, "sequence": number, "checksum": checksum}
    try:
        answer = writer.post(path, json=body, headers={"idempotency-key": f"{client}-{number}"})
    except httpx.HTTPError as error:
        return FactReading(subject=subject, expected=expected, observed=f"no answer to the write: {error}", ok=None)
    if answer.status_code not in _ACCEPTED:
        return FactReading(
            subject=subject, expected=expected, observed=f"the write got status {answer.status_code}", ok=False
        )
    accepted_s = clock.now_s()
    for _ in clock.Deadline.after(limit_s).ticks(_PAUSE_S):
        if _is_there(reader, path, row, checksum):
            took_s = clock.now_s() - accepted_s
            return FactReading(
                subject=subject, expected=expected, observed=f"readable after {took_s:.2f} s", ok=took_s <= limit_s
            )
    return FactReading(subject=subject, expected=expected, observed=f"not readable in {limit_s:g} s", ok=False)


def _is_there(reader: httpx.Client, path: str, row: tuple[int, int], checksum: str) -> bool:
    import httpx

    try:
        answer = reader.get(path, params={"client": row[0], "sequence": row[1]})
        return answer.status_code == 200 and answer.json()["rows"] == [[row[1], checksum]]
    except (httpx.HTTPError, ValueError, TypeError, KeyError):
        return False
