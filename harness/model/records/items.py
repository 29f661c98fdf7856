"""Declares ledgers of items, which record how items were made, accepted and read; common columns are declared once."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final

from harness.model.records.table import Schema

_INTS: Final = {"id": 8, "by": 4, "made_ns": 8, "accepted_ns": 8, "seen_ns": 8, "copies": 4, "digest": 8}
_WORDS: Final = ("item", "place", "outcome", "state")

OUTCOMES: Final = ("accepted", "refused", "unknown")
"""Outcomes of a request: acknowledged, certainly not written, or unknown (timeout, broken connection, server error)."""

_REFUSED: Final = range(400, 500)
_MAYBE_WRITTEN: Final = frozenset({408, 409})
"""Client errors that may answer a proxy's retry although the first copy of the request was written."""

STATES: Final = ("found", "absent", "wrong", "twice", "unknown")
"""States of an item when it is read; `wrong` has other contents, `unknown` got no answer."""


def outcome_of(*, ok: bool, status: int) -> str:
    """The outcome of a request by its answer, one of OUTCOMES.

    Args:
        ok: whether the request was acknowledged.
        status: HTTP status; 0 without an answer, or if a redirect led to another request.
    """
    if ok:
        return "accepted"
    return "refused" if status in _REFUSED and status not in _MAYBE_WRITTEN else "unknown"


def item_schema(
    name: str,
    columns: str,
    *,
    ints: Mapping[str, int] | None = None,
    words: tuple[str, ...] = (),
    younger: tuple[str, ...] = (),
    order: Mapping[str, tuple[str, ...]] | None = None,
    states: tuple[str, ...] = STATES,
) -> Schema:
    """Declare a ledger of items, with one row per item or one row per read of an item.

    Args:
        name: name of the table.
        columns: common columns that the table fills, separated by spaces: `item`: account of the item, if a table has
            several accounts; `id`: number of the item; `by`: number of the client or worker that made it; `made_ns`:
            time of sending; `accepted_ns`: time of the answer or the end of waiting; `outcome`: one of OUTCOMES;
            `seen_ns`: time of reading, or of the first sight (0: never); `place`: source of the read; `copies`: number
            of copies; `state`: one of STATES; `digest`: digest of the content, or the value of a counter.
        ints: integer columns of this table only, with their bytes on disk.
        words: text columns of this table only.
        younger: columns of `ints` that files of earlier versions lack (`later` in `Schema`).
        order: `order` of `Schema`, in addition to the rule that an item is not accepted or seen before it was made.
        states: states that a row can have, of STATES.
    """
    common = columns.split()
    own = {column: size for column, size in _INTS.items() if column in common}
    later = [column for column in ("accepted_ns", "seen_ns") if "made_ns" in own and column in own]
    known = {"outcome": OUTCOMES, "state": states}
    return Schema(
        name=name,
        ints={**own, **(ints or {})},
        words=(*(column for column in _WORDS if column in common), *words),
        order={**dict.fromkeys(later, ("made_ns",)), **(order or {})},
        optional=tuple(column for column in later if column == "seen_ns"),
        known={column: words_of for column, words_of in known.items() if column in common},
        later=younger,
    )


LEDGER_WRITES: Final = item_schema(
    "ledger-writes",
    "id by made_ns accepted_ns outcome",
    ints={"intended_ns": 8, "status": 2, "again": 2},
    words=("error",),
    younger=("again",),
)
"""One row per write of the ledger's clients; `by` is the client, `id` its sequence number. `again` is the status of the
repetition of an acknowledged write with its key (0: no repetition or no answer)."""

LEDGER_FINAL: Final = item_schema(
    "ledger-final", "id by seen_ns place state", ints={"round": 2}, states=("found", "wrong")
)
"""One row per write that a final read found; a write that exists twice has two rows. `round` counts from 1, and the
last round decides. `place` is the `source` of the `FinalRead`, `database` or a region. `seen_ns` is the begin of the
read."""

LEDGER_READS: Final = item_schema(
    "ledger-reads",
    "id by seen_ns state",
    ints={"sent_ns": 8, "status": 2},
    words=("error",),
    order={"seen_ns": ("sent_ns",)},
    states=("found", "absent", "wrong", "unknown"),
)
"""One row per read of an own write, through the entry, right after its acknowledgement."""

LEDGER_COPIES: Final = item_schema(
    "ledger-copies", "id by seen_ns copies place state", states=("found", "absent", "wrong")
)
"""One row per write whose state on a database member is new or changed; `place` is the member, `seen_ns` the time of
its answer. `absent`: the member showed the write before, and no longer shows it."""

PIPELINE: Final = item_schema(
    "pipeline",
    "id made_ns accepted_ns seen_ns copies outcome state",
    ints={"status": 2, "unseen_ns": 8, "again": 2},
    words=("error",),
    younger=("unseen_ns", "again"),
)
"""One row per event sent into a pipeline. `seen_ns` is the time of the first answer with the event, `unseen_ns` the
send time of the last request without it (0: none); the event became visible in between. `again` is described in
LEDGER_WRITES."""

JOURNEY_WRITES: Final = item_schema("journey-writes", "item id by made_ns accepted_ns digest outcome")
"""One row per write of a journey with an account; `item` is the account, `by` the worker. For an item with an unknown
id only `accepted` is recorded."""

JOURNEY_REPEATS: Final = item_schema(
    "journey-repeats",
    "item id by made_ns accepted_ns",
    ints={"first_ns": 8, "status": 2, "answered_id": 8},
    order={"made_ns": ("first_ns",)},
)
"""One row per write of a journey that was sent a second time with its key during the warm-up. `id` and `first_ns` are
item and send time of the first request. `status` is the status of the second answer (0: none), `answered_id` the item
in the second answer (-1: none)."""

JOURNEY_READS: Final = item_schema(
    "journey-reads", "item id seen_ns digest state", ints={"status": 2}, states=("found", "absent", "unknown")
)
"""One row per item that was read back after the load; `digest` is described in JOURNEY_WRITES."""

SIGN_INS: Final = item_schema("sign-ins", "id by made_ns accepted_ns outcome")
"""One row per sign-in of a journey; `id` is the digest of the user's name, `by` the worker."""
