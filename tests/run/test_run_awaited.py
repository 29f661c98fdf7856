"""Every row of the profiles is accounted for before anything is run."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

from harness.model import (
    Attestation,
    Claim,
    EvidenceKind,
    Form,
    Gate,
    NotAssessable,
    Plan,
    Reason,
    ReasonKind,
    Requirement,
)
from harness.run.plan.awaited import account_document, accounted, awaited, by_form
from tests.builders.core_plan import core_plan
from tests.builders.scenarios import scenario


def row(id_: str, *parts: str, kind: EvidenceKind = EvidenceKind.LOAD) -> Requirement:
    """A requirement, derived where it has parts."""
    return Requirement(
        id=id_,
        profile="shop",
        title=id_,
        criterion=f"{' and '.join(parts)} pass" if parts else "the error rate is below 1 %",
        kinds=(EvidenceKind.DERIVED if parts else kind,),
        gate=Gate.MAJOR,
        environments=("sandbox",),
        source="contract",
    )


def lack(id_: str, text: str, hint: str = "") -> NotAssessable:
    """No means for a row."""
    return NotAssessable(requirement=id_, because=Reason(kind=ReasonKind.NO_MEANS, text=text, hint=hint))


def plan_of(rows: Sequence[Requirement], *lacking: NotAssessable, unclaimed: Sequence[str] = ()) -> Plan:
    """A plan in which every row has a scenario but those without means, and those named."""
    without = {one.requirement for one in lacking} | {*unclaimed}
    claims = tuple(
        Claim(scenario=scenario(one.id, tag=one.id), requirement=one.id, objectives=(), demands=())
        for one in rows
        if one.id not in without
    )
    return replace(core_plan(), requirements=tuple(rows), claims=claims, not_assessable=lacking)


def test_rows_are_counted_by_form_and_by_what_they_wait_for() -> None:
    """Two wait for one part, one for a report; what most rows wait for comes first."""
    by = Attestation(
        vouches="A-5", by="A", role="lead", reason="r", link="l", date="", expires="", release="", file="a.yaml"
    )
    rows = [
        row("A-1"), row("A-2"), row("A-3"), row("A-4", kind=EvidenceKind.INGESTED), row("A-5", kind=EvidenceKind.ATTESTED),
    ]  # fmt: skip
    bus = "missing component `bus`"
    plan = plan_of(rows, lack("A-2", bus), lack("A-3", bus), lack("A-4", "no report", "add it"))
    found = accounted(replace(plan, attestations=(by,)))
    assert [(one.form, one.rows, one.decided) for one in by_form(found)] == [
        (Form.MEASURED, 3, 1),
        (Form.INGESTED, 1, 0),
        (Form.ATTESTED, 1, 1),
    ]
    assert [(one.text, one.hint, one.ids) for one in awaited(found)] == [
        (bus, "", ("A-2", "A-3")),
        ("no report", "add it", ("A-4",)),
    ]


def test_an_attested_row_waits_for_a_person() -> None:
    """The command that writes the statement is named."""
    (found,) = accounted(plan_of([row("A-1", kind=EvidenceKind.ATTESTED)]))
    assert (found.waits, found.hint) == ("no attestation was found", "`readiness attest ID` writes the statement")


def test_a_derived_row_waits_for_what_its_part_waits_for() -> None:
    """Through a part that is derived itself; one whose parts are all there waits for nothing."""
    rows = [row("A-1"), row("A-2"), row("D-1", "A-1"), row("D-2", "D-1", "A-2"), row("D-3", "D-2")]
    found = {one.id: one.waits for one in accounted(plan_of(rows, lack("A-2", "no bus")))}
    assert found == {"A-1": "", "A-2": "no bus", "D-1": "", "D-2": "no bus", "D-3": "no bus"}


def test_a_part_of_another_profile_is_named() -> None:
    """It is not judged in this run."""
    (found,) = accounted(plan_of([row("D-1", "ELSE-1")]))
    assert found.waits == "ELSE-1 is not in the chosen profiles"
    assert found.hint == "`readiness catalogue show ELSE-1` names its profile"


def test_rows_made_of_each_other_end() -> None:
    """A circle, which the linter reports."""
    assert [one.waits for one in accounted(plan_of([row("D-1", "D-2"), row("D-2", "D-1")]))] == ["", ""]


def test_one_hint_serves_all_rows_that_no_scenario_claims() -> None:
    """`@ID` stands for the tag of each; a single row keeps its own."""
    text = "no scenario claims it"
    both = [lack(id_, text, f"write a scenario tagged @{id_}") for id_ in ("A-1", "A-2")]
    assert awaited(accounted(plan_of([row("A-1"), row("A-2")], *both)))[0].hint == "write a scenario tagged @ID"
    assert awaited(accounted(plan_of([row("A-1")], both[0])))[0].hint == "write a scenario tagged @A-1"


def test_what_a_filter_left_out_says_so() -> None:
    """It has no scenario in this plan, and is not without means."""
    plan = replace(plan_of([row("A-1"), row("A-2")], unclaimed=["A-2"]), deselected=("features/a.feature:3: x",))
    assert [one.waits for one in accounted(plan)] == ["", "left out by a filter"]


def test_the_document_adds_up() -> None:
    """Every row is in one form, and in at most one group."""
    rows = [row("A-1"), row("A-2"), row("A-3", kind=EvidenceKind.INGESTED)]
    found = account_document(accounted(plan_of(rows, lack("A-3", "no report"))))
    assert (found["rows"], found["decided"]) == (3, 2)
    assert sum(one["rows"] for one in found["forms"]) == 3
    assert found["waiting"] == [{"for": "no report", "hint": "", "rows": ["A-3"]}]


def test_a_row_that_no_run_of_this_size_decides_is_not_counted_as_decided() -> None:
    """It has all means; a row that lacks some waits for these first, and one that is made of it waits as it does."""
    plan = plan_of([row("A-1"), row("A-2"), row("D-1", "A-1")], lack("A-2", "no bus"))
    found = accounted(plan, {"A-1": "1000 requests/s", "A-2": "8 h"})
    told = "a run of this size cannot decide the requirement, which needs 1000 requests/s"
    assert [(one.waits, one.short) for one in found] == [(told, True), ("no bus", False), (told, True)]
    assert account_document(found)["decided"] == 0
