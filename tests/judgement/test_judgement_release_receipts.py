"""The release receipt and the ties: what answered is what was planned, and plan and history name one run."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest
from judgement_builders import errors, evidence, failing, plan, samples, with_load, with_words

from harness.judgement import judge
from harness.judgement.receipts.records.ties import ties_receipt
from harness.judgement.receipts.release import release_receipt
from harness.model import Cut, DecisionOutcome, Evidence, Outcome, ReleaseRead, RunStarted

IMAGES = {"us-east-1/Deployment/track": ("track@sha256:1",)}
STARTED = RunStarted(run="run-1", target="sandbox", release="1.0.0", environment="sandbox", time_scale=60, seed=1)


def named(release: str | None, part: slice = slice(None), base: Evidence | None = None) -> Evidence:
    """The run whose answers name a release."""
    base = base or evidence()
    windows = {k: replace(w, samples=with_words(w.samples, part, release=release)) for k, w in (base.windows).items()}
    return replace(base, windows=windows)


def read(when: str, **fields: Any) -> ReleaseRead:
    """The release as read before or after the load."""
    return ReleaseRead(**{"when": when, "at_ns": 1, "workloads": IMAGES, "version": "1.0.0", **fields})


def reads(**after: Any) -> Evidence:
    """The run in which every answer names the plan's release, read before and, with changes, after."""
    return replace(named("1.0.0"), release_reads=(read("before"), read("after", **after)))


def test_one_witness_that_names_another_release_is_a_mismatch(subtests: pytest.Subtests) -> None:
    """Said with the counts."""
    for run, why in [
        (named("0.9.0"), "answers that name a release"),
        (named("0.9.0", slice(0, 1), named("1.0.0")), "4 named 0.9.0, expected 1.0.0"),
        (
            reads(workloads={"us-east-1/Deployment/track": ("track@sha256:2",)}),
            "ran track@sha256:1 before the load and",
        ),
        (reads(workloads={}), "ran track@sha256:1 before the load and nothing after the load"),
        (reads(workloads={"us-east-1/Deployment/track": ("track@sha256:1", "track@sha256:2")}), "ran 2 images after"),
        (reads(version="0.9.0"), "the target reported version 0.9.0 after the load, expected 1.0.0"),
        (replace(named("1.0.0"), release_reads=(read("before"),)), "the release was read only before the load"),
        (reads(workloads={}, why="no answer"), "the release could not be read after the load: no answer"),
    ]:
        with subtests.test(why):
            found = release_receipt(plan(), run)
            assert found.receipt.ok is False
            assert why in found.receipt.why
            assert found.note


@pytest.mark.parametrize("after", [(), (read("after", workloads={}, version="", why="no answer"),)])
def test_what_cut_a_run_short_leads_its_rows_and_not_that_the_release_was_not_read_after_it(
    after: tuple[ReleaseRead, ...],
) -> None:
    """The target died: a FAIL that was proven before stays one, what is not decided says that it died, and nothing is a GO."""
    cut = Cut(why="the target is gone", hint="start it again", act="experiment:region-loss", after_s=90.0)
    asked = plan({"R": errors()})
    few = replace(named("1.0.0"), windows={}, release_reads=(read("before"), *after), complete=False, cut=cut)
    judgement = judge(asked, few)
    told = "the run did not complete: the target is gone during experiment:region-loss, 90 s after it began"
    assert [v.reason.startswith(told) for v in judgement.verdicts] == [True]
    assert judgement.decision.outcome is DecisionOutcome.INCONCLUSIVE
    assert judgement.decision.headline.endswith(" · the run did not complete"), (
        "one cause: the release was not read for that reason"
    )
    bad = with_load(failing(samples(0, 60), slice(0, None, 30)))
    failed = replace(bad, release_reads=(read("before"), *after), complete=False, cut=cut)
    assert judge(asked, failed).verdicts[0].outcome is Outcome.FAIL


@pytest.mark.parametrize(("silent", "ok"), [(0, True), (50, True), (150, None)])
def test_answers_alone_verify_the_release_if_at_most_one_in_a_hundred_names_none(silent: int, ok: bool | None) -> None:  # noqa: FBT001
    """Of 6000 in one window; what a balancer refuses in its own name does not count, and images or a version are enough."""
    base = replace(evidence(), windows={"everyday/fault-free": evidence().windows["everyday/fault-free"]})
    part = slice(0, silent)
    run = named(None, part, named("1.0.0", base=base))
    found = release_receipt(plan(), run)
    assert (found.receipt.ok, found.silent) == (ok, silent)
    said = "150 of 6000 expected answers name no release, and no image, digest or version was read"
    assert found.note == ("" if ok else f"release not verified: {said}")
    assert found.receipt.why == (
        "6000 answers named 1.0.0" if not silent else f"{6000 - silent} answers named 1.0.0" if ok else said
    )
    refused = {name: replace(w, samples=failing(w.samples, part)) for name, w in run.windows.items()}
    assert release_receipt(plan(), replace(run, windows=refused)).receipt.ok
    either: tuple[dict[str, Any], ...] = ({"version": ""}, {"workloads": {}})
    for fields in either:
        known = replace(run, release_reads=(read("before", **fields), read("after", **fields)))
        assert release_receipt(plan(), known).receipt.ok


def test_images_alone_do_not_name_the_release() -> None:
    """The same ones before and after may be those of the old release."""
    images = tuple(replace(one, version="") for one in reads().release_reads)
    found = release_receipt(plan(), replace(named(None), release_reads=images))
    assert found.receipt.ok is None
    assert found.note == (
        "release not verified: 1 workloads ran the same images before and after the load, and no source shows that these are 1.0.0"
    )


def test_plan_and_history_name_one_run() -> None:
    """And what was not recorded is unknown."""
    assert ties_receipt(plan(), replace(evidence(), started=STARTED)).ok
    assert ties_receipt(plan(), replace(evidence(), started=None)).ok is None


@pytest.mark.parametrize(
    ("field", "value"),
    [("run", "run-2"), ("target", "staging"), ("release", "0.9.0"), ("environment", "staging"), ("seed", 2)],
)
def test_evidence_of_another_run_is_no_evidence(field: str, value: object) -> None:
    """The first difference is said."""
    changed: dict[str, Any] = {field: value}
    receipt = ties_receipt(plan(), replace(evidence(), started=replace(STARTED, **changed)))
    assert receipt.ok is False
    assert receipt.why == f"the run recorded {field} {value}, expected {getattr(STARTED, field)} by the plan"


@pytest.mark.parametrize(
    ("environment", "scale", "ok"), [("sandbox", 0.01, False), ("staging", 60, False), ("staging", 1, True)]
)
def test_time_is_scaled_in_the_sandbox_only_and_never_stretched(environment: str, scale: float, ok: bool) -> None:  # noqa: FBT001
    """A time scale of 0.01 makes 400 h of an RTO of 4 h."""
    started = replace(STARTED, environment=environment, time_scale=scale)
    receipt = ties_receipt(plan(environment=environment, time_scale=scale), replace(evidence(), started=started))
    assert receipt.ok is ok
