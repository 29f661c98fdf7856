"""Reads the writes of journeys back after the load has ended.

Each acknowledged write must exist once and unchanged.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from typing import TYPE_CHECKING, Any, Final

import numpy as np

from harness import clock
from harness.evidence.rows import RowWriter, read_rows
from harness.model import JOURNEY_READS, JOURNEY_WRITES, AccountPlan, Sink, Table
from harness.model.digest import digest_of
from harness.model.planned.plan import MOST_READ_BACK, NEWEST_S
from harness.targets.http import http_client
from harness.units import NS_PER_S

if TYPE_CHECKING:
    import httpx

    from harness.drivers.load.load import LoadSettings
    from harness.targets import Target

_TOGETHER: Final = 32
"""Number of concurrent reads.

With half a second per read, a thousand reads then take sixteen seconds.
"""
_TIMEOUT_S: Final = 5.0
_WITHIN_S: Final = 60.0
"""Maximum time in s for reading one account.

Items that are not read within this time are unknown, so that a hanging target does not delay the run.
"""
_ABSENT: Final = frozenset({404, 410})


def read_back(load: LoadSettings, target: Target, sink: Sink, *, faults_ns: Sequence[int] = ()) -> None:
    """Read every account of a traffic back into `load/<traffic>/journey-reads.rows`, at the address of its writes.

    The load must have ended. For each account `journeys.read` records the number of written and of read items. Writes
    that were acknowledged in the two seconds before a fault are always read: a fault loses the newest writes first, and
    a sample would miss them.
    """
    plan = load.plan
    if not plan.accounts:
        return
    directory = load.run_dir / "load" / plan.name
    files = sorted(directory.glob("journeys-*.rows"))
    written = Table.merged(JOURNEY_WRITES, [read_rows(file, JOURNEY_WRITES).table for file in files])
    rows = RowWriter(directory / "journey-reads.rows", JOURNEY_READS)
    try:
        with http_client(target, load.entry, timeout_s=_TIMEOUT_S, connections=_TOGETHER) as client:
            for account in plan.accounts:
                items = _items(written, account)
                chosen = sorted({*drawn(items), *_newest(written, account, faults_ns)})
                for item, (value, status, state) in zip(chosen, _reads(client, account, chosen), strict=True):
                    rows.put((item, clock.now_ns(), value, status), (account.name, state))
                sink.put("journeys.read", plan.name, account=account.name, items=len(items), read=len(chosen))
    finally:
        rows.close()


def drawn(items: Sequence[int]) -> list[int]:
    """A sample of at most MOST_READ_BACK items, evenly spread over their order."""
    if len(items) <= MOST_READ_BACK:
        return list(items)
    return [items[index] for index in np.linspace(0, len(items) - 1, MOST_READ_BACK).astype(int).tolist()]


def _items(written: Table, account: AccountPlan) -> list[int]:
    """Ids of the items that were acknowledged under this account, in order of id."""
    return sorted({int(item) for item in _acknowledged(written, account).ints["id"].tolist()})


def _acknowledged(written: Table, account: AccountPlan) -> Table:
    return written.where(written.words["item"].equals(account.name) & written.words["outcome"].equals("accepted"))


def _newest(written: Table, account: AccountPlan, faults_ns: Sequence[int]) -> set[int]:
    """Ids of the rows that were acknowledged in the last seconds before each fault.

    A counter has no rows of its own.
    """
    if account.counts:
        return set()
    own = _acknowledged(written, account)
    near = (own.between("accepted_ns", at_ns - round(NEWEST_S * NS_PER_S), at_ns) for at_ns in faults_ns)
    return {int(item) for rows in near for item in rows.ints["id"].tolist()}


def _reads(client: httpx.Client, account: AccountPlan, items: Sequence[int]) -> Iterator[tuple[int, int, str]]:
    deadline = clock.Deadline.after(_WITHIN_S)
    with ThreadPoolExecutor(_TOGETHER) as pool:
        yield from pool.map(lambda item: _read(client, account, item, deadline), items)


def _read(client: httpx.Client, account: AccountPlan, item: int, deadline: clock.Deadline) -> tuple[int, int, str]:
    """Value, status and state of one item; a read without an answer is repeated once."""
    import httpx

    status = 0
    for _ in range(2):
        if deadline.over:
            break
        try:
            response = client.get(account.path.replace("{id}", str(item)))
            status = response.status_code
            if status == httpx.codes.OK:
                return _value(account, response.json()), status, "found"
            if status in _ABSENT:
                return 0, status, "absent"
        except (httpx.HTTPError, ValueError, TypeError, KeyError):
            continue
    return 0, status, "unknown"


def _value(account: AccountPlan, body: Mapping[str, Any]) -> int:
    if account.counts:
        return int(body[account.counts])
    return digest_of({field: body[field] for field in account.fields})
