"""Users who were signed in before a fault: whether each of them still is, from the answers to their sessions."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from judgement_builders import SPANS, every, evidence, experiment, measures, ns, objective, plan, table, with_words

from harness.judgement import judge
from harness.model import Evidence, Figure, Measure, Op, Outcome, Phase, Restore, Table, WatchSource
from harness.model.records.table import SESSIONS

PASS, FAIL, INCONCLUSIVE = Outcome.PASS, Outcome.FAIL, Outcome.INCONCLUSIVE
USERS = tuple(f"{region} {number}" for region in ("us-east-1", "eu-west-1") for number in (1, 2))
_, START, END_OF_IT = SPANS["pod-loss"]
KILLED, BACK = START + 1.2, START + 4.0
"""When nobody was answered in us-east-1."""


def session(user: str, *, visitor: str = "refused", begun: str = "served") -> Table:
    """A session that was begun 10 s before the fault, and is asked for every 2 s; its region gives no answer for 3 s."""
    name = f"{user}.1"
    due = every(START - 8, END_OF_IT + 8, 0.5)
    rows = table(SESSIONS, len(due), due_ns=due, sent_ns=due, done_ns=due + 1_000_000, status=200, session=name)
    rows = with_words(rows, due > 0, kind="page", outcome="served")
    first = [
        table(
            SESSIONS, 1, due_ns=ns(at), sent_ns=ns(at), done_ns=ns(at) + 1000, session=name, kind=kind, outcome=outcome
        )
        for at, kind, outcome in ((START - 10, "visitor", visitor), (START - 9.9, "sign-in", begun))
    ]
    if user.startswith("us-east-1"):
        rows = with_words(rows, (due > ns(KILLED)) & (due < ns(BACK)), outcome="unknown", error="ConnectError")
    return Table.merged(SESSIONS, [*first, rows])


def rows_of(*changed: Table) -> Table:
    """Every user's session; those of `changed` in the place of the user's own."""
    own = {one.words["session"].present[0]: one for one in map(session, USERS)}
    own |= {one.words["session"].present[0]: one for one in changed if len(one)}
    return Table.merged(SESSIONS, list(own.values()))


def after(rows: Table, at_s: float, outcome: str) -> Table:
    """The same session with another answer from a moment on."""
    return with_words(rows, rows.ints["sent_ns"] >= ns(at_s), outcome=outcome)


def run_of(rows: Table, *, closed: bool = True) -> Evidence:
    """A run in which a pod was killed, and the target was restored at the end of its window."""
    base = evidence()
    attempt = experiment("pod-loss", "pod", START, END_OF_IT)
    attempt = replace(attempt, restore=Restore(ok=True, at_ns=ns(END_OF_IT)))
    watcher = WatchSource(name="sessions", spacing_ms=500, closed=closed)
    attempts = {**base.experiments, "pod-loss": (attempt,)}
    return replace(
        base, experiments=attempts, recorded={SESSIONS.name: rows}, watchers={**base.watchers, "sessions": watcher}
    )


def judged(run: Evidence) -> Measure:
    """The one measure of the sentence about the loss of a pod."""
    asked = objective(
        Figure.SIGNED_OUT, Op.HOLDS, "0", phase=Phase.FAULT, experiments=("pod-loss",), domains=("cache", "pod")
    )
    of = plan({"R": asked})
    (one,) = measures(judge(of, run))
    return one


def test_a_session_that_is_served_only_after_the_next_fault_was_sent_was_not_signed_out() -> None:
    """The next fault was sent at once after the restore; a session that is refused under it is that fault's."""
    run = run_of(rows_of(after(session("eu-west-1 1"), END_OF_IT + 3, "refused")))
    (attempt,) = run.experiments["pod-loss"]
    attempt = replace(attempt, restore=Restore(ok=True, at_ns=ns(END_OF_IT + 0.1)))
    following = experiment("node-loss", "node", END_OF_IT + 0.3, END_OF_IT + 8)
    one = judged(replace(run, experiments={"pod-loss": (attempt,), "node-loss": (following,)}))
    assert (one.outcome, one.value, one.n) == (PASS, 0, 4), one.reason


def test_a_session_that_was_refused_once_and_served_again_fails() -> None:
    """The user was shown the sign-in meanwhile."""
    rows = session("us-east-1 1")
    rows = with_words(rows, np.asarray(rows.ints["sent_ns"] == ns(START + 6)), outcome="refused")
    assert judged(run_of(rows_of(rows))).outcome is FAIL


@pytest.mark.parametrize(
    ("rows", "words"),
    [
        pytest.param(
            rows_of(after(session("eu-west-1 1"), KILLED, "unknown")),
            "the session was not served after the restore: 1 (eu-west-1 1.1)",
            id="no answer ever again",
        ),
        pytest.param(
            rows_of(session("eu-west-1 1", visitor="served")),
            "the page was served without a session, too: 1 (eu-west-1 1.1)",
            id="everybody gets the page",
        ),
        pytest.param(
            rows_of(after(session("eu-west-1 1", begun="unknown"), 0, "unknown")),
            "the user was not signed in when the fault was sent: 1 (eu-west-1 1)",
            id="a sign-in failed",
        ),
        pytest.param(
            rows_of(after(session("eu-west-1 2"), START - 3, "refused")),
            "the user was not signed in when the fault was sent: 1 (eu-west-1 2)",
            id="refused before the fault",
        ),
        pytest.param(Table.empty(SESSIONS), "no user was signed in when the fault was sent", id="nobody"),
    ],
)
def test_users_of_whom_nothing_is_known_are_undecided_and_named(rows: Table, words: str) -> None:
    """Every of a part of the users is not every user."""
    one = judged(run_of(rows))
    assert one.outcome is INCONCLUSIVE
    assert words in one.reason


def test_a_watcher_that_did_not_complete_proves_nothing() -> None:
    """Its rows may lack the answer that was a refusal."""
    assert judged(run_of(rows_of(), closed=False)).outcome is INCONCLUSIVE


def test_a_fault_that_was_not_confirmed_proves_nothing() -> None:
    """Nobody knows whether a pod was killed."""
    run = run_of(rows_of())
    (attempt,) = run.experiments["pod-loss"]
    attempt = replace(attempt, fault=replace(attempt.fault, confirmed_ns=None))
    run = replace(run, experiments={**run.experiments, "pod-loss": (attempt,)})
    assert judged(run).outcome is INCONCLUSIVE
