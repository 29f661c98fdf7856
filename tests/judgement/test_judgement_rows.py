"""Each request of a window is recorded once, none is missing, and no answer is impossible: else its figures do not pass."""

from __future__ import annotations

from dataclasses import replace
from typing import Final

import numpy as np
import pytest
from judgement_builders import errors, measures, p95, plan, samples, with_ints, with_load, with_words

from harness.judgement import judge
from harness.model import Outcome, Table, Words

JOURNEYS: Final = 1500


def numbered() -> Table:
    """A minute of journeys of four requests each, whose answers have content."""
    rows = samples(0, 60)
    turn = np.arange(len(rows))
    ints = {**rows.ints, "arrival": turn // 4 + 1, "bytes": np.full(len(rows), 512)}
    return replace(rows, ints=ints, words={**rows.words, "method": Words.of(["GET"] * len(rows))})


def broken_routes(rows: Table) -> Table:
    """All answers of two of four routes are 503, and no error is recorded with them."""
    return with_ints(rows, slice(0, None, 2), status=503)


def broken_now_and_then(rows: Table) -> Table:
    """One answer in a hundred is."""
    return with_ints(rows, slice(0, None, 100), status=503)


def all_broken_without_an_error(rows: Table) -> Table:
    """Every answer is one."""
    return with_ints(rows, slice(None), status=503)


def without_content(rows: Table) -> Table:
    """No answer has a byte."""
    return with_ints(rows, slice(None), bytes=0)


def with_holes(rows: Table) -> Table:
    """Every twentieth journey lacks its second request."""
    return rows.where(~((rows.ints["arrival"] % 20 == 0) & rows.words["step"].equals("2")))


def with_copies(rows: Table) -> Table:
    """A third of the rows is there twice."""
    return Table.merged(rows.schema, [rows, rows.where(np.arange(len(rows)) % 3 == 0)])


def given_up(rows: Table) -> Table:
    """Every twentieth journey has no row at all."""
    return rows.where(rows.ints["arrival"] % 20 != 0)


def test_rows_that_cannot_be_all_or_true_let_no_figure_pass(subtests: pytest.Subtests) -> None:
    """Whatever the figures are that they give: INCONCLUSIVE, with how many rows and what is wrong with them."""
    for name, objective in [("errors", errors()), ("p95", p95())]:
        for edit, why in [
            (all_broken_without_an_error, "6000 of 6000 answers without an error have a status 5xx"),
            (broken_routes, "3000 of 6000 answers without an error have a status 5xx"),
            (broken_now_and_then, "60 answers with a status 5xx were recorded without an error"),
            (without_content, "6000 of 6000 answers to GET with status 200 have no content"),
            (with_holes, "75 requests in the middle of their journeys were not recorded"),
            (with_copies, "2000 of 8000 requests are recorded twice, by worker, journey and step"),
            (given_up, "no request was recorded for 74 journeys that arrived in the window"),
        ]:
            with subtests.test(why, of=name):
                rows = numbered()
                assert int(rows.ints["arrival"].max()) == JOURNEYS
                whole = measures(judge(plan({"R": objective}), with_load(rows)))
                assert {one.outcome for one in whole} == {Outcome.PASS}
                found = measures(judge(plan({"R": objective}), with_load(edit(rows))))
                assert Outcome.PASS not in {one.outcome for one in found}
                assert any(why in one.reason for one in found), [one.reason for one in found]


def test_a_route_whose_answers_are_expected_to_be_5xx_is_one_among_others() -> None:
    """One request in twenty, of a page that says that something is being maintained: its locustfile counts it as good."""
    rows = numbered()
    at = np.flatnonzero(rows.ints["arrival"] % 5 == 0)[::4]
    rows = with_words(with_ints(rows, at, status=503), at, name="maintenance")
    found = measures(judge(plan({"R": errors()}), with_load(rows)))
    assert {one.outcome for one in found} == {Outcome.PASS}


@pytest.mark.parametrize("step", ["9" * 30, "9" * 5000])
def test_a_step_that_is_no_number_of_a_request_hides_no_failure(step: str) -> None:
    """A step beyond the integer is as none: what the rows prove is proven."""
    rows = with_ints(numbered(), slice(0, None, 2), status=500)
    rows = with_words(with_words(rows, slice(0, None, 2), error="status 500"), [0], step=step)
    found = measures(judge(plan({"R": errors()}), with_load(rows)))
    assert {one.outcome for one in found} == {Outcome.FAIL}
