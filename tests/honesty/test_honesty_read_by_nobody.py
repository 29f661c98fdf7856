"""What is recorded, and what users' requests and health probes need not show, is read by a rule that keeps a release from GO."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace

import numpy as np
import pytest

from harness.judgement import judge
from harness.model import LEDGER_FINAL, DecisionOutcome, Evidence, LeaderChange, Outcome, Table
from harness.model.judged.harm import Harm
from tests.builders.core_course import BESIDE, ns, table
from tests.builders.core_plan import core_plan
from tests.builders.core_run import core_evidence
from tests.honesty.edits import both, changed, counted, due, probes, word, writes

Edit = Callable[[Evidence], Evidence]


@dataclass(frozen=True, kw_only=True, slots=True)
class Unread:
    """An edit of a healthy run by which its GO would be wrong.

    Attributes:
        id: what was edited.
        edit: the evidence, edited.
        decision: of the release.
        harm: the harm that is on the decision line.
        rows: what some requirements come to.
    """

    id: str
    edit: Edit
    decision: DecisionOutcome = DecisionOutcome.INCONCLUSIVE
    harm: frozenset[Harm] = frozenset()
    rows: Mapping[str, Outcome] = field(default_factory=dict)


def absent_for_minutes(run: Evidence) -> Evidence:
    """Five hundred acknowledged writes were in no read of the database but the last."""
    books = run.ledger
    early = books.writes.ints["id"][due(20, 60, "intended_ns")(books.writes)][:500]
    last = max(read.round for read in books.final_reads)
    gone = both(word("place", "database"), lambda rows: np.isin(rows.ints["id"], early) & (rows.ints["round"] < last))
    return replace(run, ledger=counted(replace(books, final=books.final.where(~gone(books.final)))))


def refused_and_there(run: Evidence) -> Evidence:
    """Every write that was refused under the faults is in every read at the end."""
    books = run.ledger
    refused = books.writes.where(books.writes.words["outcome"].equals("refused"))
    there = [
        table(
            LEDGER_FINAL,
            len(refused),
            by=1,
            id=refused.ints["id"],
            round=read.round,
            seen_ns=read.at_ns,
            place=read.source,
            state="found",
        )
        for read in books.final_reads
        if read.after == "end"
    ]
    assert len(refused) > 500
    return replace(run, ledger=counted(replace(books, final=Table.merged(LEDGER_FINAL, [books.final, *there]))))


def reads_fail(run: Evidence, start: float, end: float, *doors: str) -> Evidence:
    """No read at these entries is answered; health is."""
    at = both(due(start, end, "due_ns"), word("subject", *doors), word("kind", "read"))
    return probes(run, lambda rows: changed(rows, at, status=0, error="timeout"))


def writes_time_out(run: Evidence, start: float, end: float) -> Evidence:
    """No write is answered, and none is there."""
    at = due(start, end, "intended_ns")
    numbers = run.ledger.writes.ints["id"][at(run.ledger.writes)]
    run = writes(run, lambda rows: changed(rows, at, status=0, outcome="unknown", error="timeout"))
    books = run.ledger
    final, back = (rows.where(~np.isin(rows.ints["id"], numbers)) for rows in (books.final, books.reads))
    return replace(run, ledger=counted(replace(books, final=final, reads=back)))


def split(run: Evidence, start: float, end: float) -> Evidence:
    """A second member says that it is the primary."""
    at = both(due(start, end, "at_ns"), word("member", "postgres-eu-west-1-0"))
    return replace(run, replicas=changed(run.replicas, at, role="primary"))


def led_by_others(run: Evidence, *moments: float) -> Evidence:
    """The primary changes at these moments, there and back."""
    names = ["postgres-us-east-1-0", "postgres-eu-west-1-0"]
    more = [
        LeaderChange(at_ns=ns(at), subject="database/main", before=names[turn % 2], after=names[1 - turn % 2])
        for turn, at in enumerate(moments)
    ]
    return replace(run, leaders=tuple(sorted([*run.leaders, *more], key=lambda change: change.at_ns)))


def pods(run: Evidence, *changes: tuple[float, str, str]) -> Evidence:
    """More became of pods of the track service in the primary region."""
    (like,) = [pod for pod in run.pods if pod.name == BESIDE and pod.what == "present"]
    more = [
        replace(
            like,
            at_ns=ns(at),
            what=what,
            name=name,
            uid=f"uid-{name}",
            ready={"unready": False, "deleted": None}.get(what, True),
        )
        for at, what, name in changes
    ]
    return replace(run, pods=tuple(sorted([*run.pods, *more], key=lambda pod: pod.at_ns)))


def node_away(run: Evidence, start: float, end: float, name: str = "us-east-1b") -> Evidence:
    """The node that lost power did not become Ready between these moments, whatever the record of the restore says."""
    kept = [node for node in run.nodes if not (node.name == name and node.ready and ns(start) < node.at_ns < ns(end))]
    return replace(run, nodes=tuple(kept))


def pod_waits(run: Evidence) -> Evidence:
    """A pod that ran in the region that was lost is never ready again."""
    kept = [pod for pod in run.pods if not (pod.name == BESIDE and pod.what == "ready" and pod.at_ns > ns(300))]
    return replace(run, pods=tuple(kept))


def member_silent(run: Evidence, start: float, end: float) -> Evidence:
    """A member of the database answers no question about its role."""
    at = both(due(start, end, "at_ns"), word("member", "postgres-eu-west-1-1"))
    return replace(run, replicas=changed(run.replicas, at, role=None, lag_ns=-1, error="refused"))


def health_dead(run: Evidence, start: float, end: float) -> Evidence:
    """The entry answers no health probe."""
    at = both(due(start, end, "due_ns"), word("subject", "entry"), word("kind", "health"))
    return probes(run, lambda rows: changed(rows, at, status=0, error="timeout"))


CHURN = [change for n in range(20) for change in ((10 + 4 * n, "deleted", f"x{n}"), (11 + 4 * n, "ready", f"x{n + 1}"))]
DOORS = ("us-east-1", "eu-west-1", "ap-southeast-1")
UNDECIDED = Outcome.INCONCLUSIVE
LOSS = {"ND-RISK-DATALOSS": UNDECIDED, "DA-DR-RPO": UNDECIDED}
NODE = {"AT-STB-RECOVERY": UNDECIDED, "ND-RISK-DATALOSS": UNDECIDED}
REGION = {"DA-GEO-LOSS-PRIMARY": UNDECIDED}
DATABASE = {"DA-DR-FAILOVER": UNDECIDED}
CASES = (
    Unread(id="500 acknowledged writes are in the last read of the database alone", edit=absent_for_minutes, rows=LOSS),
    Unread(
        id="what was refused is there",
        edit=refused_and_there,
        decision=DecisionOutcome.NO_GO,
        rows={"IP-BP-IDEMPOTENT": Outcome.FAIL, "ND-RISK-DATALOSS": Outcome.PASS},
    ),
    *(
        Unread(id=what, edit=edit, harm=frozenset({harm}))
        for what, edit, harm in (
            (
                "the entry's reads are dead for 60 s after the last restore",
                lambda run: reads_fail(run, 321, 381, "entry"),
                Harm.READS_FAILED,
            ),
            (
                "writes time out for 60 s after the last restore",
                lambda run: writes_time_out(run, 330, 390),
                Harm.WRITES_FAILED,
            ),
            (
                "every region's reads are dead before the first fault",
                lambda run: reads_fail(run, 0, 127, *DOORS),
                Harm.REGION_READS_FAILED,
            ),
            (
                "reads of regions that kept their nodes are dead while another one's node is lost",
                lambda run: reads_fail(run, 156, 200, "eu-west-1", "ap-southeast-1"),
                Harm.REGION_READS_OUT,
            ),
            (
                "reads of the other regions are dead while one is lost",
                lambda run: reads_fail(run, 260, 320, "eu-west-1"),
                Harm.REGION_READS_OUT,
            ),
            ("two primaries for 188 s, under faults and after", lambda run: split(run, 206, 394), Harm.TWO_PRIMARIES),
            ("two primaries while a region is lost", lambda run: split(run, 261, 302), Harm.TWO_PRIMARIES),
            ("two primaries while a pod of a service is lost", lambda run: split(run, 129, 149), Harm.TWO_PRIMARIES),
            (
                "ten changes of primary without a fault",
                lambda run: led_by_others(run, *range(20, 120, 10)),
                Harm.PRIMARY_CHANGED,
            ),
            (
                "the primary changes as a pod of a service is lost",
                lambda run: led_by_others(run, 135, 145),
                Harm.PRIMARY_CHANGED,
            ),
            (
                "ten more changes of primary while it is lost",
                lambda run: led_by_others(run, *range(216, 236, 2)),
                Harm.PRIMARY_CHANGED,
            ),
            (
                "40 restarts without a fault",
                lambda run: pods(run, *((10 + 2 * n, "restarted", BESIDE) for n in range(40))),
                Harm.RESTARTED,
            ),
            (
                "40 restarts of one pod while a node beside it is lost",
                lambda run: pods(run, *((160 + n / 2, "restarted", BESIDE) for n in range(40))),
                Harm.RESTARTED,
            ),
            ("pods come and go without a fault", lambda run: pods(run, *CHURN), Harm.PODS_GONE),
            (
                "a pod is ready every other second",
                lambda run: pods(run, *((10 + n, ("unready", "ready")[n % 2], BESIDE) for n in range(20))),
                Harm.PODS_GONE,
            ),
        )
    ),
    Unread(
        id="a pod of the region that was lost is never ready again",
        edit=pod_waits,
        harm=frozenset({Harm.PODS_LOST}),
        rows=REGION,
    ),
    Unread(
        id="the node that lost power is not Ready to the end, and its restore is recorded",
        edit=lambda run: node_away(run, 0, 401),
        harm=frozenset({Harm.NODES_LOST}),
        rows=NODE,
    ),
    Unread(
        id="the node that lost power comes back only with the region",
        edit=lambda run: node_away(run, 150, 255),
        rows=NODE,
    ),
    Unread(
        id="a member of the database is silent as the loss of the primary is recorded as restored",
        edit=lambda run: member_silent(run, 250, 258),
        rows=DATABASE,
    ),
    Unread(
        id="no health probe is answered as the loss of the region is recorded as restored",
        edit=lambda run: health_dead(run, 317.9, 322.1),
        harm=frozenset({Harm.HEALTH_FAILED}),
        rows=REGION,
    ),
)


@pytest.mark.parametrize("case", CASES, ids=lambda case: case.id)
def test_what_nobody_read_keeps_a_release_from_go(case: Unread) -> None:
    """The decision, the harm on its line, and what the rows say."""
    judged = judge(core_plan(), case.edit(core_evidence()))
    outcomes = {verdict.requirement: verdict.outcome for verdict in judged.verdicts}
    assert judged.decision.outcome is case.decision
    assert frozenset(one.harm for one in judged.unjudged_harm) == case.harm
    assert {row: outcomes[row] for row in case.rows} == case.rows


def test_what_a_fault_explains_is_no_harm() -> None:
    """Two primaries for 9 s as the primary is lost, one restart of each pod in its region, and pods gone under a fault."""
    run = pods(split(core_evidence(), 207, 216), (215, "restarted", BESIDE), (261, "restarted", BESIDE))
    assert judge(core_plan(), run).unjudged_harm == ()


def test_a_restore_that_the_watch_contradicts_says_which_record_says_what() -> None:
    """The run's own record, and the history of the nodes."""
    judged = judge(core_plan(), node_away(core_evidence(), 0, 401))
    (reason,) = {v.because.text for v in judged.verdicts if v.requirement == "AT-STB-RECOVERY"}
    assert (
        "recorded as restored, and the watch contradicts this: us-east-1b was not Ready by then (history/pods.ndjson)"
        in reason
    )
    (node,) = [one for one in judged.experiments if one.name == "node-loss"]
    assert node.restore_ok is None


def test_a_write_that_an_earlier_read_lacks_is_named_in_words() -> None:
    """How many, which read contradicts which, and the first of them."""
    judged = judge(core_plan(), absent_for_minutes(core_evidence()))
    (reason,) = {v.because.text for v in judged.verdicts if v.requirement == "ND-RISK-DATALOSS"}
    assert "500 of these writes were absent from an earlier complete read of the database" in reason
