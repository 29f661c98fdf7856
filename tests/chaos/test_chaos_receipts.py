"""What a chaos child may conclude of what it sees: nothing of what it cannot see."""

from __future__ import annotations

from collections.abc import Sequence
from types import SimpleNamespace
from typing import Any, cast

import pytest
from chaoslib.exceptions import InterruptExecution

from harness.chaos import control
from harness.chaos.confirmation import receipts
from harness.chaos.confirmation.receipts import HitSnapshot
from harness.chaos.control import before_experiment_control
from harness.chaos.recording import ExperimentRecorder
from harness.errors import AccessDenied, EvidenceError
from harness.model import Hit
from harness.targets.files.harness_block import BlastRadius, HarnessBlock

A, B = (Hit(kind="pod", name=name, uid=name) for name in "ab")


class Written:
    """A history that keeps what is put, or a disk that is full."""

    def __init__(self, *, full: bool = False) -> None:
        self.kinds: list[str] = []
        self._full = full

    def put(self, kind: str, _subject: str, /, **_fields: Any) -> None:
        """Keep it."""
        if self._full:
            raise EvidenceError("no space left on the device")
        self.kinds.append(kind)


def recorder(history: Written, domain: str = "pod") -> ExperimentRecorder:
    """Of an experiment in its method."""
    made = ExperimentRecorder(
        history=cast("Any", history), experiment={}, block=HarnessBlock(name="harness", domain=domain)
    )
    made.part = "method"
    return made


@pytest.fixture
def present(monkeypatch: pytest.MonkeyPatch) -> list[Sequence[Hit] | None]:
    """What the cluster says is there, one answer after the other; the last goes on."""
    answers: list[Sequence[Hit] | None] = []

    def next_one(_here: object) -> Sequence[Hit] | None:
        return answers.pop(0) if len(answers) > 1 else answers[0]

    monkeypatch.setattr(
        receipts, "_session_or_none", lambda: SimpleNamespace(hits=[], target=SimpleNamespace(kubernetes=None))
    )
    monkeypatch.setattr(receipts, "_present", next_one)
    return answers


def remembered() -> HitSnapshot:
    """What was there before the fault."""
    seen = HitSnapshot()
    seen.remember()
    return seen


def test_what_is_not_there_any_more_was_hit(present: list[Sequence[Hit] | None], subtests: pytest.Subtests) -> None:
    """By its uid; a cluster that does not answer, before the fault or after it, shows nothing to be gone."""
    answers: list[tuple[list[Sequence[Hit] | None], list[Hit], bool]] = [
        ([[A, B], [B]], [A], True),
        ([[A, B], None], [], False),
        ([None, [B]], [], False),
    ]
    for said, hits, gone in answers:
        with subtests.test(said=said):
            present[:] = said
            seen = remembered()
            assert (seen.hits(), seen.gone()) == (hits, gone)


@pytest.mark.parametrize(("domain", "gone"), [("pod", True), ("external", False), ("container", False)])
def test_a_pod_that_goes_holds_no_fault_that_is_not_of_pods(
    present: list[Sequence[Hit] | None], domain: str, *, gone: bool
) -> None:
    """An autoscaler removes one while errors are injected: that they still are says their probe alone."""
    present += [[A, B], [B]]
    made = recorder(Written(), domain)
    made.receipts.remember()
    assert made._hits_gone() is gone


def test_a_pod_of_a_job_that_ends_was_not_hit(monkeypatch: pytest.MonkeyPatch) -> None:
    """It ends by itself: a fault that selects nothing, and a probe that always says yes, would be a receipt."""

    def pod(name: str, controller: str) -> dict[str, Any]:
        owners = [{"kind": controller, "name": name.rpartition("-")[0], "controller": True}]
        return {"metadata": {"name": name, "namespace": "eu", "uid": name, "ownerReferences": owners}, "spec": {}}

    answers = [[pod("web-1", "ReplicaSet"), pod("cleanup-29", "Job")], [pod("web-1", "ReplicaSet")]]
    here = SimpleNamespace(
        hits=[],
        target=SimpleNamespace(kubernetes=object()),
        regions=dict,
        cluster=SimpleNamespace(nodes=list),
        pods=lambda: answers.pop(0) if len(answers) > 1 else answers[0],
    )
    monkeypatch.setattr(receipts, "_session_or_none", lambda: here)
    monkeypatch.setattr(receipts, "namespaces_of", lambda _target: ())
    seen = remembered()
    assert (seen.hits(), seen.gone()) == ([], False)


def _said(desired: int, at: str, target: str = "web") -> dict[str, Any]:
    """An autoscaler, as the API server has it."""
    status = {"desiredReplicas": desired, "lastScaleTime": f"2026-11-20T09:{at}Z"}
    spec = {"scaleTargetRef": {"kind": "Deployment", "name": target}, "maxReplicas": 9}
    return {"metadata": {"name": "any", "namespace": "eu"}, "spec": spec, "status": status}


def of(workload: str, number: int) -> list[Hit]:
    """Pods of a workload."""
    names = [f"{workload}-{each}" for each in range(number)]
    return [Hit(kind="pod", name=name, uid=name, namespace="eu", workload=workload) for name in names]


def autoscaled(monkeypatch: pytest.MonkeyPatch, pods: list[Hit], said: list[Any]) -> None:
    """Pods that are there before the method and not any more after it, and what the autoscalers say each time, or why not."""
    present = [pods, []]

    def autoscalers(_cluster: object, _place: str) -> list[dict[str, Any]]:
        answer: Any = said.pop(0)
        if isinstance(answer, AccessDenied):
            raise answer
        return cast("list[dict[str, Any]]", answer)

    here = SimpleNamespace(
        hits=[], cluster=SimpleNamespace(nodes=list), target=SimpleNamespace(kubernetes=object(), breakable=True)
    )
    monkeypatch.setattr(receipts, "_session_or_none", lambda: here)
    monkeypatch.setattr(receipts, "_present", lambda _here: present.pop(0))
    monkeypatch.setattr(receipts, "namespaces_of", lambda _target: ["eu"])
    monkeypatch.setattr(receipts, "autoscalers_in", autoscalers)


@pytest.mark.parametrize(
    ("now", "hit"),
    [
        (_said(2, "05:00"), ["api-0"]),
        (_said(2, "00:00"), ["api-0", "web-0"]),
        (_said(3, "05:00"), ["api-0", "web-0"]),
        (_said(4, "05:00"), ["api-0", "web-0"]),
        (_said(2, "05:00", target="we"), ["api-0", "web-0"]),
    ],
    ids=["it scaled down", "an action scaled down", "it has scaled", "it scaled up", "of another workload"],
)
def test_a_pod_that_its_autoscaler_ended_was_not_hit(
    monkeypatch: pytest.MonkeyPatch, now: dict[str, Any], hit: list[str]
) -> None:
    """By an action of others, which reports nothing: a pod of each workload is gone, and the autoscaler of one asked for 3 before."""
    autoscaled(monkeypatch, [*of("api", 1), *of("web", 1)], [[_said(3, "00:00")], [now]])
    seen = remembered()
    assert ([one.name for one in seen.hits()], seen.inferred()) == (hit, True)


@pytest.mark.parametrize(("fell", "hit"), [(1, 3), (2, 3), (3, 0), (4, 0)])
def test_an_autoscaler_ends_no_more_pods_than_its_replicas_fell_by(
    monkeypatch: pytest.MonkeyPatch, fell: int, hit: int
) -> None:
    """Three pods of the workload are gone: where it fell by fewer, the others were hit, and which of them is not known."""
    autoscaled(monkeypatch, of("web", 3), [[_said(9, "00:00")], [_said(9 - fell, "05:00")]])
    seen = remembered()
    assert len(seen.hits()) == hit


def test_the_limit_of_a_blast_counts_what_an_autoscaler_may_have_ended(monkeypatch: pytest.MonkeyPatch) -> None:
    """An action of others deletes three pods while the autoscaler scales down: a limit that it hides would guard nothing."""
    autoscaled(monkeypatch, of("web", 3), [[_said(9, "00:00")], [_said(6, "05:00")]])
    assert remembered().beyond(BlastRadius(max_pods=2)) == "the experiment hit 3 pods, `blast_radius` allows 2"


@pytest.mark.parametrize("unread", [0, 1])
def test_decisions_that_cannot_be_read_are_recorded_as_unread(monkeypatch: pytest.MonkeyPatch, unread: int) -> None:
    """Before the fault or after it: every pod that ended is recorded as hit."""
    answers: list[Any] = [[_said(3, "00:00")], [_said(2, "05:00")]]
    answers[unread] = AccessDenied("forbidden")
    autoscaled(monkeypatch, of("web", 1), answers)
    seen = remembered()
    proof = seen.proof()
    assert ([hit["name"] for hit in proof["hit"]], proof["inferred"], proof["decisions_read"]) == (
        ["web-0"],
        True,
        False,
    )


def test_decisions_that_were_read_are_recorded_as_read(monkeypatch: pytest.MonkeyPatch) -> None:
    """The pod that the autoscaler ended is left out."""
    autoscaled(monkeypatch, of("web", 1), [[_said(3, "00:00")], [_said(2, "05:00")]])
    seen = remembered()
    assert seen.proof() == {"hit": [], "inferred": True, "decisions_read": True}


@pytest.mark.parametrize("full", [False, True])
def test_a_fault_that_cannot_be_recorded_is_not_sent(*, full: bool) -> None:
    """The experiment is interrupted before its first action."""
    history = Written(full=full)
    control._open().append(recorder(history))
    try:
        if full:
            with pytest.raises(
                InterruptExecution, match="the fault was not sent, since it cannot be recorded: no space left"
            ):
                control.before_activity_control({"type": "action", "name": "kill"})
        else:
            control.before_activity_control({"type": "action", "name": "kill"})
        assert history.kinds == ([] if full else ["fault.sent"])
    finally:
        control._open().clear()


def test_an_experiment_whose_block_is_wrong_is_not_begun() -> None:
    """Chaos Toolkit passes over other errors of a control, and its fault would not be recorded."""
    wrong = {"extensions": [{"name": "harness", "domain": "pod", "within": "soon"}]}
    with pytest.raises(InterruptExecution, match="the block `harness` is invalid"):
        before_experiment_control(wrong)
