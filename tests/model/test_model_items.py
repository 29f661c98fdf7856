"""The ledgers of items share their columns, their words and what is known of their times."""

from __future__ import annotations

import pytest

from harness.model.records.items import OUTCOMES, STATES, item_schema, outcome_of
from harness.model.records.recorded import RECORDED

ITEMS = [
    table.schema
    for table in RECORDED
    if table.schema.name.startswith(("ledger-", "journey-")) or table.schema.name == "pipeline"
]


def test_every_ledger_has_numbered_items_and_words_of_the_two_lists(subtests: pytest.Subtests) -> None:
    """What is accepted, refused or unknown, found, absent, wrong, twice or unknown has these names everywhere."""
    for schema in ITEMS:
        with subtests.test(schema.name):
            assert next(iter(schema.ints)) == "id"
            assert set(schema.known.get("outcome", ())) <= set(OUTCOMES)
            assert set(schema.known.get("state", ())) <= set(STATES)
            assert {"outcome", "state"} & {*schema.words} == {*schema.known}


@pytest.mark.parametrize(
    ("status", "outcome"),
    [(0, "unknown"), (302, "unknown"), (400, "refused"), (408, "unknown"), (409, "unknown"), (422, "refused"), (500, "unknown")],
)  # fmt: skip
def test_what_was_not_acknowledged_is_refused_only_where_it_was_certainly_not_written(
    status: int, outcome: str
) -> None:
    """A proxy may have sent it twice: the second copy is the one that conflicts or comes late."""
    assert outcome_of(ok=False, status=status) == outcome
    assert outcome_of(ok=True, status=status) == "accepted"


def test_a_schema_has_the_columns_that_it_names_in_one_order_and_its_own_behind_them() -> None:
    """However they are named; an item is neither accepted nor seen before it was made, and may never be seen."""
    schema = item_schema("parcels", "state seen_ns made_ns item id", ints={"weight": 4}, words=("error",))
    assert list(schema.ints) == ["id", "made_ns", "seen_ns", "weight"]
    assert schema.words == ("item", "state", "error")
    assert schema.order == {"seen_ns": ("made_ns",)}
    assert schema.optional == ("seen_ns",)
    assert schema.known == {"state": STATES}


def test_reads_have_no_time_at_which_their_item_was_made() -> None:
    """Nothing orders their times but what the schema says itself."""
    assert item_schema("sightings", "id seen_ns place").order == {}
