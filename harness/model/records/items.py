"""Declares ledgers of items, which record what was made, accepted, and read later; their common columns are declared once."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final

from harness.model.records.table import Schema

_INTS: Final = {"id": 8, "by": 4, "made_ns": 8, "accepted_ns": 8, "seen_ns": 8, "copies": 4, "digest": 8}
_WORDS: Final = ("item", "place", "outcome", "state")

OUTCOMES: Final = ("accepted", "refused", "unknown")
"""Outcomes of a request. accepted: acknowledged. refused: certainly not written. unknown: timeout, broken connection, server error."""

_REFUSED: Final = range(400, 500)
_MAYBE_WRITTEN: Final = frozenset({408, 409})
"""Client errors that may be answers to a proxy's retry although the first copy of the request was written."""

STATES: Final = ("found", "absent", "wrong", "twice", "unknown")
"""States of an item when read. wrong: with other contents. unknown: the read got no answer."""


def outcome_of(*, ok: bool, status: int) -> str:
    """The outcome of a request by its answer: one of OUTCOMES.

    Args:
        ok: whether it was acknowledged.
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
        name: of the table.
        columns: the common columns that it records, separated by spaces; one that it never fills is left out, so that its zeros are never read:
            `item` what it is an item of (an account of the plan), where a table has several kinds;
            `id` its number; `by` the number of the client or worker that made it;
            `made_ns` when it was sent; `accepted_ns` when that was answered or given up, whatever the `outcome` (OUTCOMES);
            `seen_ns` when it was read, or seen for the first time (0: never); `place` through what it was read;
            `copies` how often it is there; `state` as it was read (STATES); `digest` of its content, of a counter its value.
        ints: integer columns of this table alone, with the bytes that each takes on disk.
        words: text columns of this table alone.
        younger: of `ints` those that files of earlier versions lack: `later` in `Schema`.
        order: as in `Schema`, beside that an item is neither accepted nor seen before it was made.
        states: those of STATES that a row can have.
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
"""One row a write of the ledger's clients; `by`: the client, `id`: its sequence number. again: the status of the answer when the acknowledged
write was sent once more with its key; 0: it was not, or there was no answer."""

LEDGER_FINAL: Final = item_schema(
    "ledger-final", "id by seen_ns place state", ints={"round": 2}, states=("found", "wrong")
)
"""One row a write that a final read found; one that is there twice has two rows. round: 1, 2… (the last decides). place: the `source` of
that `FinalRead`, `database` or a region. seen_ns: when the read began."""

LEDGER_READS: Final = item_schema(
    "ledger-reads",
    "id by seen_ns state",
    ints={"sent_ns": 8, "status": 2},
    words=("error",),
    order={"seen_ns": ("sent_ns",)},
    states=("found", "absent", "wrong", "unknown"),
)
"""One row a read of an own write, made through the entry right after its acknowledgement."""

LEDGER_COPIES: Final = item_schema(
    "ledger-copies", "id by seen_ns copies place state", states=("found", "absent", "wrong")
)
"""One row a write that a database member shows for the first time, or otherwise than before; `place`: the member, `seen_ns`: when it had
answered. absent: it showed the write before, and does not any more."""

PIPELINE: Final = item_schema(
    "pipeline",
    "id made_ns accepted_ns seen_ns copies outcome state",
    ints={"status": 2, "unseen_ns": 8, "again": 2},
    words=("error",),
    younger=("unseen_ns", "again"),
)
"""One row an event sent into a pipeline; `seen_ns`: when an answer showed it first; `unseen_ns`: when the last request was sent whose
answer did not (0: none). It became visible between these. again: as in LEDGER_WRITES."""

JOURNEY_WRITES: Final = item_schema("journey-writes", "item id by made_ns accepted_ns digest outcome")
"""One row a write of a journey that is accounted for; `item`: the account, `by`: the worker. Of an item whose id is not known only
`accepted` is recorded."""

JOURNEY_REPEATS: Final = item_schema(
    "journey-repeats",
    "item id by made_ns accepted_ns",
    ints={"first_ns": 8, "status": 2, "answered_id": 8},
    order={"made_ns": ("first_ns",)},
)
"""One row a write of a journey that was sent a second time with its key, while its traffic warmed up; `id`, `first_ns`: the item of the first request, and when that was sent.
status: of the second answer (0: none). answered_id: the item that the second answer names; -1: none."""

JOURNEY_READS: Final = item_schema(
    "journey-reads", "item id seen_ns digest state", ints={"status": 2}, states=("found", "absent", "unknown")
)
"""One row an item that was read back when the load had ended; digest: as in JOURNEY_WRITES."""

SIGN_INS: Final = item_schema("sign-ins", "id by made_ns accepted_ns outcome")
"""One row a sign-in of a journey; `id`: the digest of the user's name, `by`: the worker."""
