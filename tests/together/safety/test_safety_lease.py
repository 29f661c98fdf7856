"""The Lease that allows one run at a time on a cluster, against an API server with the rules of Kubernetes."""

from __future__ import annotations

import threading
from concurrent.futures import ThreadPoolExecutor, as_completed
from itertools import islice
from typing import TYPE_CHECKING, Any

import pytest

from harness.errors import Refused
from harness.targets import ClusterLease, Target, load_target, platform_of
from harness.targets.safety import lease as module
from harness.targets.safety.intents import strike_intent, write_intent
from harness.targets.safety.lease import LeaseLost
from readiness_sandbox.cluster import kinds
from tests.fake_clock import FakeClock

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from readiness_sandbox.cluster.store import Store
    from tests.together.conftest import PocketCluster

LEASE = kinds.by_name("Lease")
NAME = "readiness-harness"


@pytest.fixture
def shop(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, cluster: PocketCluster) -> Target:
    """A target of that cluster, and a state directory of its own."""
    monkeypatch.setenv("READINESS_STATE", str(tmp_path / "state"))
    file = tmp_path / "target.yaml"
    file.write_text(
        "name: shop\nenvironment: staging\nentry: https://a.test\n"
        f"kubernetes: {{kubeconfig: {cluster.kubeconfig}, context: pocket, namespace: north}}\n"
    )
    return load_target(file)


@pytest.fixture
def quick(monkeypatch: pytest.MonkeyPatch) -> None:
    """Renewals and observations that come at once."""
    monkeypatch.setattr(module, "RENEW_S", 0.02)
    monkeypatch.setattr(module, "_POLL_S", 0.01)


def of(target: Target, run: str, **options: Any) -> ClusterLease:
    """The Lease of a run."""
    return ClusterLease(target, platform_of(target), run, **options)


def stored(cluster: PocketCluster) -> dict[str, Any]:
    """The object in the API server."""
    found: dict[str, Any] = cluster.do(lambda store: store.get(LEASE, "north", NAME))
    return found


def put(cluster: PocketCluster, identity: str, renewed: str, *, seconds: int = 60, **notes: str) -> None:
    """The Lease as another run on another machine has left it."""
    spec = {
        "holderIdentity": identity,
        "acquireTime": "2026-01-31T11:00:00.000000Z",
        "renewTime": renewed,
        "leaseDurationSeconds": seconds,
        "leaseTransitions": 3,
    }
    annotations = {f"readiness/{name.replace('_', '-')}": value for name, value in notes.items()}
    labels = {"app.kubernetes.io/managed-by": "readiness"}
    meta = {"name": NAME, "namespace": "north", "labels": labels, "annotations": annotations}
    cluster.create("Lease", {"apiVersion": "coordination.k8s.io/v1", "kind": "Lease", "metadata": meta, "spec": spec})


def change(cluster: PocketCluster, edit: Callable[[dict[str, Any]], None]) -> None:
    """Let somebody else write the Lease."""

    def write(store: Store) -> None:
        obj = store.get(LEASE, "north", NAME)
        new = {**obj, "metadata": {**obj["metadata"]}, "spec": {**obj["spec"]}}
        edit(new)
        store.update(LEASE, new)

    cluster.do(write)


def test_a_run_holds_the_lease_and_releases_it(shop: Target, cluster: PocketCluster) -> None:
    """Who, since when, and for how long it may be silent; a released Lease names no holder, as client-go writes it."""
    with of(shop, "run-1"):
        found = stored(cluster)
        assert found["spec"]["holderIdentity"].startswith("run-1@")
        assert found["spec"]["leaseDurationSeconds"] == 60
        assert found["spec"]["acquireTime"] == found["spec"]["renewTime"]
        assert found["metadata"]["annotations"]["readiness/holder"].startswith("run run-1 (")
    released = stored(cluster)
    assert (released["spec"]["holderIdentity"], released["spec"]["leaseDurationSeconds"]) == ("", 1)
    assert not {*released["metadata"].get("annotations", {})}
    with of(shop, "run-2"):
        assert stored(cluster)["spec"]["leaseTransitions"] == 1


@pytest.mark.usefixtures("quick")
def test_a_second_run_is_refused_with_the_holder_and_its_time(shop: Target, cluster: PocketCluster) -> None:
    """As soon as the holder has renewed its Lease once."""
    with of(shop, "run-1"):
        since = stored(cluster)["spec"]["acquireTime"]
        said: list[str] = []
        with pytest.raises(Refused) as raised, of(shop, "run-2", say=said.append):
            pass
    assert raised.value.what.startswith("shop is in use by run run-1 (")
    assert f", since {since} by its clock: it has the Lease north/{NAME}" in raised.value.what
    assert len(said) == 1
    assert "waiting until it is renewed or expires" in said[0]


@pytest.mark.usefixtures("quick")
@pytest.mark.parametrize("former", [False, True], ids=["the first", "after another"])
def test_of_many_runs_at_once_one_runs(shop: Target, former: object) -> None:
    """The Lease is created once, and each change names the version that was read."""
    if former:
        with of(shop, "run-0"):
            pass
    begin, held, over = threading.Barrier(8), list[int](), threading.Event()

    leases = [
        of(shop, f"run-{number}") for number in range(8)
    ]  # made before: that takes longer than what they compete for

    def attempt(number: int) -> str:
        begin.wait(60)
        try:
            with leases[number]:
                held.append(number)
                over.wait(60)
        except Refused as error:
            return error.what
        return ""

    with ThreadPoolExecutor(8) as pool:
        tries = [pool.submit(attempt, number) for number in range(8)]
        refused = [one.result() for one in islice(as_completed(tries, 60), 7)]
        over.set()
    assert len(held) == 1
    assert all(f"in use by run run-{held[0]} (" in what for what in refused)


@pytest.mark.parametrize("renewed", ["2036-01-31T12:00:00.000000Z", "2001-01-01T00:00:00.000000Z"])
def test_a_dead_holder_is_replaced_after_its_duration_whatever_its_clock_says(
    shop: Target, cluster: PocketCluster, monkeypatch: pytest.MonkeyPatch, renewed: str
) -> None:
    """A clock ten years ahead does not keep the Lease, and one that is behind does not lose it."""
    put(cluster, "run-1@pod-a#1", renewed, seconds=30, holder="run run-1 (pod pod-a)")
    time = FakeClock.installed(monkeypatch)
    began_ns, said = time.now_ns, list[str]()
    with of(shop, "run-2", say=said.append):
        assert 30 <= (time.now_ns - began_ns) / 1e9 <= 32
        assert stored(cluster)["spec"]["leaseTransitions"] == 4
    assert said[-1] == (
        f"run run-1 (pod pod-a) did not release the Lease north/{NAME} and did not renew it for 30 s; it had changed nothing"
    )


@pytest.mark.parametrize("renewed", ["2036-01-31T12:00:05.000000Z", "2001-01-01T00:00:05.000000Z"])
def test_a_living_holder_is_respected_whatever_its_clock_says(
    shop: Target, cluster: PocketCluster, monkeypatch: pytest.MonkeyPatch, renewed: str
) -> None:
    """Its renewal is a change of the record; the time in it is not compared with ours."""
    put(cluster, "run-1@pod-a#1", f"{renewed[:17]}00.000000Z", seconds=30)
    time = FakeClock.installed(monkeypatch)
    time.at(29.0, lambda: change(cluster, lambda lease: lease["spec"].update(renewTime=renewed)))
    with pytest.raises(Refused, match="shop is in use by run-1@pod-a#1, since 2026-01-31T11:00:00"), of(shop, "run-2"):
        pass
    assert stored(cluster)["spec"]["holderIdentity"] == "run-1@pod-a#1"


def test_a_run_that_left_changes_is_named_with_its_undo_log(
    shop: Target, cluster: PocketCluster, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Its undo log is on another machine: nothing is run, and the Lease goes on naming it."""
    FakeClock.installed(monkeypatch)
    put(cluster, "run-1@pod-a#1", "2026-01-31T12:00:00.000000Z", undo_log="/state/intents/a of run-1", state="theirs")
    with pytest.raises(Refused, match=r"its undo log is not here: /state/intents/a of run-1") as raised:
        of(shop, "run-2").__enter__()
    assert "`readiness recover` with that directory as `READINESS_STATE`" in raised.value.hint
    assert "`kubectl -n north delete lease readiness-harness`" in raised.value.hint
    assert stored(cluster)["spec"]["holderIdentity"] == "run-1@pod-a#1"


def test_where_the_undo_log_is_the_lease_of_a_dead_run_is_taken(
    shop: Target, cluster: PocketCluster, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The run that takes it recovers first; until everything is undone, the Lease names the undo log, also when it is released."""
    dead = of(shop, "run-1")
    dead.__enter__()
    dead.will_change()
    monkeypatch.setattr(dead, "why_lost", "killed")  # so that it releases nothing
    dead.__exit__(None, None, None)
    intent = write_intent(platform_of(shop), "pod-loss", "deleted a pod", {"do": "nothing"}, module="none")
    FakeClock.installed(monkeypatch)
    said: list[str] = []
    with of(shop, "recover", say=said.append):
        pass
    assert "its undo log is " in said[-1]
    assert "/state/intents/" in stored(cluster)["metadata"]["annotations"]["readiness/undo-log"]
    monkeypatch.setenv("READINESS_STATE", f"{shop.file.parent}/another")
    with pytest.raises(Refused, match="a run ended and may have left shop changed"), of(shop, "run-2"):
        pass
    monkeypatch.setenv("READINESS_STATE", f"{shop.file.parent}/state")
    strike_intent(intent)
    with of(shop, "recover"):
        pass
    assert "readiness/undo-log" not in stored(cluster)["metadata"].get("annotations", {})


@pytest.mark.usefixtures("quick")
@pytest.mark.parametrize("how", ["taken", "deleted"])
def test_a_lost_lease_is_told_once_and_never_written_again(shop: Target, cluster: PocketCluster, how: str) -> None:
    """Whoever holds it now keeps it."""
    lost = threading.Event()
    with of(shop, "run-1", lost=lost.set) as held:
        if how == "taken":
            change(cluster, lambda lease: lease["spec"].update(holderIdentity="run-2@b#2"))
            change(cluster, lambda lease: lease["metadata"].update(annotations={"readiness/holder": "run run-2 (b)"}))
        else:
            cluster.do(lambda store: store.delete(LEASE, "north", NAME))
        assert lost.wait(60)
    words = "it belongs to run run-2 (b) now" if how == "taken" else "it was deleted"
    assert held.why_lost == f"the Lease north/{NAME} was lost: {words}"
    if how == "taken":
        assert stored(cluster)["spec"]["holderIdentity"] == "run-2@b#2"


@pytest.mark.usefixtures("quick")
def test_an_edit_by_a_person_does_not_lose_the_lease(shop: Target, cluster: PocketCluster) -> None:
    """The version has changed and the holder has not."""
    with of(shop, "run-1") as held:
        for number in range(5):
            change(cluster, lambda lease, n=number: lease["metadata"].update(annotations={"note": str(n)}))  # type: ignore[misc]
            held.will_change()
        assert not held.why_lost
        assert "readiness/undo-log" in stored(cluster)["metadata"]["annotations"]


def test_an_interrupted_run_that_lost_the_lease_ends_with_the_cause(shop: Target, cluster: PocketCluster) -> None:
    """The interrupt is the program's own, not a person's."""
    held = of(shop, "run-1").__enter__()
    cluster.do(lambda store: store.delete(LEASE, "north", NAME))
    held.why_lost = f"the Lease north/{NAME} was lost: it was deleted"
    with pytest.raises(LeaseLost, match="was lost: it was deleted"):
        held.__exit__(KeyboardInterrupt, KeyboardInterrupt(), None)
    with pytest.raises(LeaseLost), held.stops():
        raise KeyboardInterrupt


@pytest.mark.usefixtures("quick")
def test_a_plan_says_who_holds_the_lease(shop: Target, cluster: PocketCluster) -> None:
    """With the words of the run that would be refused, and without a trace of the plan."""
    looks = of(shop, "plan")
    assert looks.refuse_if_held() == ""
    with of(shop, "run-1"):
        since = stored(cluster)["spec"]["acquireTime"]
        with pytest.raises(Refused, match=rf"shop is in use by run run-1 \(.*, since {since} by its clock"):
            looks.refuse_if_held()
        assert stored(cluster)["spec"]["holderIdentity"].startswith("run-1@")
    released = stored(cluster)
    assert looks.refuse_if_held() == ""
    assert stored(cluster) == released


def test_a_plan_says_how_long_a_run_waits_for_a_dead_holder(
    shop: Target, cluster: PocketCluster, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A run is not refused then; ten seconds tell a dead holder from a living one, which renews each five."""
    put(cluster, "run-1@pod-a#1", "2036-01-31T12:00:00.000000Z", holder="run run-1 (pod pod-a)")
    before = stored(cluster)
    time = FakeClock.installed(monkeypatch)
    began_ns = time.now_ns
    assert of(shop, "plan").refuse_if_held() == (
        f"run run-1 (pod pod-a) has the Lease north/{NAME} since 2026-01-31T11:00:00.000000Z by its clock "
        "and did not renew it for 10 s: a run takes it once that is so for 60 s"
    )
    assert 10 <= (time.now_ns - began_ns) / 1e9 < 11
    assert stored(cluster) == before


@pytest.mark.parametrize(
    ("left", "says"),
    [
        (
            {"identity": "a", "seconds": 7200},
            "the Lease north/readiness-harness for 7200 s, and at most 120 s are waited",
        ),
        ({"identity": "", "undo_log": "/a of run-1", "state": "theirs"}, "a run ended and may have left shop changed"),
        ({"identity": "a", "undo_log": "/a of run-1", "state": "theirs"}, "its undo log is not here: /a of run-1"),
    ],
)
def test_a_plan_says_what_a_run_would_be_refused_for(
    shop: Target, cluster: PocketCluster, monkeypatch: pytest.MonkeyPatch, left: Any, says: str
) -> None:
    """Also where nobody holds the Lease."""
    FakeClock.installed(monkeypatch)
    put(cluster, renewed="2026-01-31T12:00:00.000000Z", **left)
    with pytest.raises(Refused, match=says):
        of(shop, "plan").refuse_if_held()
    assert not (shop.file.parent / "state" / "id").exists()


def test_a_holder_that_states_no_duration_is_waited_for_as_for_one_of_ours(
    shop: Target, cluster: PocketCluster, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Not taken at once."""
    put(cluster, "run-1@a#1", "2026-01-31T12:00:00.000000Z")
    change(cluster, lambda lease: lease["spec"].pop("leaseDurationSeconds"))
    time = FakeClock.installed(monkeypatch)
    began_ns = time.now_ns
    with of(shop, "run-2"):
        assert 60 <= (time.now_ns - began_ns) / 1e9 <= 62


def test_a_lease_of_another_program_is_left_alone(shop: Target, cluster: PocketCluster) -> None:
    """Also where nobody holds it."""
    meta = {"name": NAME, "namespace": "north"}
    cluster.create("Lease", {"apiVersion": "coordination.k8s.io/v1", "kind": "Lease", "metadata": meta, "spec": {}})
    with pytest.raises(Refused, match="is not one of the harness; its holder is nobody"), of(shop, "run-1"):
        pass


def test_a_lease_that_lasts_for_hours_is_not_waited_for(shop: Target, cluster: PocketCluster) -> None:
    """Its holder may be dead; who knows it deletes the Lease."""
    put(cluster, "run-1@pod-a#1", "2026-01-31T12:00:00.000000Z", seconds=7200)
    with pytest.raises(Refused, match="for 7200 s, and at most 120 s are waited for") as raised, of(shop, "run-2"):
        pass
    assert raised.value.hint.endswith("if it has ended, run `kubectl -n north delete lease readiness-harness`")


def test_no_lease_is_taken_where_the_target_file_says_none(shop: Target, cluster: PocketCluster) -> None:
    """As for two tools that share a lock of their own."""
    assert shop.kubernetes is not None
    without = shop.model_copy(update={"kubernetes": shop.kubernetes.model_copy(update={"lease": None})})
    with of(without, "run-1") as held:
        held.will_change()
    assert cluster.do(lambda store: store.list(LEASE, "north")) == []
