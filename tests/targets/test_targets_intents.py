"""Intents, locks and guards: what must hold when a process dies, and when two start."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
from pathlib import Path

import pytest
import yaml

from harness import clock
from harness.errors import DriverError, HarnessError, Refused, TargetUnreachable, UsageError
from harness.model import ExperimentPlan, Hit, Intent
from harness.targets import (
    Platform,
    Target,
    TargetLock,
    guard_experiment,
    guard_target,
    load_target,
    platform_of,
)
from harness.targets.kubernetes import Cluster
from harness.targets.safety.guard import guard_hits
from harness.targets.safety.intents import (
    elsewhere,
    intents_directory,
    pending_intents,
    strike_intent,
    torn_intents,
    unclear_intents,
    write_intent,
)
from harness.targets.safety.platform import canonical
from harness.targets.state import running_target_file, state_directory
from harness.targets.undo import recover, undoable
from tests.fake_clock import FakeClock


@pytest.fixture(autouse=True)
def state(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A state directory of each test's own."""
    monkeypatch.setenv("READINESS_STATE", str(tmp_path / "state"))
    return tmp_path / "state"


def target(directory: Path, more: str = "") -> Target:
    """A staging target with further lines."""
    file = directory / "target.yaml"
    file.write_text(f"name: stage\nenvironment: staging\nentry: https://a.test\n{more}")
    return load_target(file)


def plan(name: str, domain: str = "pod") -> ExperimentPlan:
    """An experiment by name."""
    return ExperimentPlan(name=name, file=name, domain=domain, within_s=1, hold_s=0, observe_s=1, seconds=1)


def place(name: str = "t", api: str = "https://10.0.0.1:6443 sha256:aa", entry: str = "https://a.test:443") -> Platform:
    """A platform under a target's name."""
    return Platform(name=name, api=api, entry=entry)


HERE = place()


def written(platform: Platform, node: str) -> Intent:
    """An intent to cordon a node."""
    undo = {"do": "uncordon", "node": node}
    return write_intent(platform, "node-loss", f"cordon {node}", undo, module="harness.chaos.database")


def test_state_is_where_the_environment_says(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """READINESS_STATE, then XDG_STATE_HOME, then the home directory."""
    assert state_directory() == tmp_path / "state"
    monkeypatch.delenv("READINESS_STATE")
    monkeypatch.setenv("XDG_STATE_HOME", "/xdg")
    assert state_directory() == Path("/xdg/readiness")
    monkeypatch.setenv("XDG_STATE_HOME", "relative")
    monkeypatch.setenv("HOME", "/home/x")
    assert state_directory() == Path("/home/x/.local/state/readiness")


def test_a_running_target_is_found_by_its_file(tmp_path: Path) -> None:
    """And in words where none is running."""
    with pytest.raises(UsageError, match="no sandbox is running here"):
        running_target_file("sandbox")
    file = tmp_path / "state" / "sandbox" / "target.yaml"
    file.parent.mkdir(parents=True)
    file.touch()
    assert running_target_file("sandbox") == file


def test_intents_are_pending_newest_first_until_they_are_struck() -> None:
    """Striking twice is striking once."""
    first, second = (written(HERE, node) for node in ("a", "b"))
    assert pending_intents(HERE) == [second, first]
    strike_intent(second)
    strike_intent(second)
    assert pending_intents(HERE) == [first]
    assert pending_intents(place(api="https://10.0.0.2:6443 sha256:aa")) == []


def test_a_child_killed_between_write_and_strike_leaves_its_intent() -> None:
    """A kill -9 right after the write: the intent is whole and pending."""
    code = (
        "import os\nfrom harness.targets import Platform\nfrom harness.targets.safety.intents import write_intent\n"
        "here = Platform(name='t', api='https://10.0.0.1:6443 sha256:aa', entry='https://a.test:443')\n"
        "write_intent(here, 'node-loss', 'cordon a', {'do': 'uncordon', 'node': 'a'}, module='m')\n"
        "os.write(1, b'written')\nimport signal\nsignal.pause()\n"
    )
    with subprocess.Popen([sys.executable, "-c", code], stdout=subprocess.PIPE) as child:
        assert child.stdout is not None
        assert child.stdout.read(7) == b"written"
        os.kill(child.pid, signal.SIGKILL)
    assert [intent.undo for intent in pending_intents(HERE)] == [{"do": "uncordon", "node": "a"}]


def test_a_write_that_was_cut_short_is_kept_and_bars_nothing() -> None:
    """It never had its name, so it was never returned, and nothing was changed under it; nobody deletes it."""
    whole = written(HERE, "a")
    torn = intents_directory(HERE) / "9999.part"
    torn.write_text('{"id": "9999", "tar')
    assert pending_intents(HERE) == [whole]
    assert unclear_intents(HERE) == []
    assert torn_intents(HERE) == [torn]


def test_a_short_write_is_written_on_until_it_is_whole_or_is_no_intent(monkeypatch: pytest.MonkeyPatch) -> None:
    """The operating system takes seven bytes at a time. If it takes none, nothing may be broken, and nothing is left of the intent."""
    write = os.write
    monkeypatch.setattr(os, "write", lambda fd, content: write(fd, content[:7]))
    intent = written(HERE, "a")
    monkeypatch.setattr(os, "write", lambda _fd, _content: 0)
    with pytest.raises(HarnessError, match="the entry of the undo log cannot be written") as caught:
        written(HERE, "b")
    assert caught.value.hint == "nothing was changed on the target; free disk space there"
    monkeypatch.setattr(os, "write", write)
    assert pending_intents(HERE) == [intent]
    assert [*intents_directory(HERE).iterdir()] == [intents_directory(HERE) / f"{intent.id}.json"]


def test_an_intent_that_is_not_understood_is_kept_with_its_reason() -> None:
    """Broken JSON, other keys, a newer version: what is understood is still pending, the rest is never deleted."""
    whole = written(HERE, "a")
    content = json.loads((intents_directory(HERE) / f"{whole.id}.json").read_text())
    for name, text in {
        "1": '{"id": "9999", "tar',
        "2": json.dumps({"id": "9998"}),
        "3": "[]",
        "4": json.dumps({**content, "version": 3}),
        "6": json.dumps({**content, "platform": "https://10.0.0.9:6443 sha256:bb", "id": "6"}),
        "7": json.dumps(content),
        "5": json.dumps({**content, "undo": "by hand"}),
    }.items():
        (intents_directory(HERE) / f"{name}.json").write_text(text)
    assert pending_intents(HERE) == [whole]
    assert {one.path.stem: one.why for one in unclear_intents(HERE)} == {
        "1": "the file is not JSON",
        "2": "missing or unknown keys: action, experiment, module, platform, target, undo, version, written",
        "3": "the file is not a JSON object",
        "4": "the file has version 3, this harness reads version 2",
        "5": "missing or unknown keys: undo",
        "6": "the file belongs to another platform: https://10.0.0.9:6443 sha256:bb",
        "7": f"the id is {whole.id}, so the file was renamed or copied",
    }
    assert len(list(intents_directory(HERE).iterdir())) == 8


def test_recovery_is_refused_while_an_intent_is_not_understood(tmp_path: Path) -> None:
    """Without a word to a cluster: which file, why, and what to do by hand."""
    stage = target(tmp_path)
    where = platform_of(stage)
    written(where, "a")
    path = next(intents_directory(where).iterdir())
    path.write_text("{")
    with pytest.raises(Refused) as caught:
        recover(stage).require_all(where, stage)
    assert (
        caught.value.what
        == f"1 entries of the undo log cannot be read and were kept: {path.name}: the file is not JSON"
    )
    assert caught.value.hint.startswith("undo by hand what each file describes under `action` and `undo`")
    assert path.exists()


did: list[str] = []


def _mend(_cluster: object, _target: Target, *, what: str) -> None:
    if what == "raises":
        raise KeyError(what)
    if what == "cannot":
        raise DriverError("it did not answer")
    did.append(what)


@undoable("mend", undo=_mend)
def breaks() -> None:
    """Nothing."""


def test_an_undo_that_fails_keeps_no_other_from_its_turn(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """One fails with an error of ours, one with any other, one is unknown; each is kept with its reason."""
    FakeClock.installed(monkeypatch)
    did.clear()
    stage = target(tmp_path)
    where = platform_of(stage)
    for what in ("first", "cannot", "raises", "last"):
        breaks.intend(where, "x", f"break {what}", what=what)
    write_intent(where, "x", "melt", {"do": "freeze"}, module="nobody.has.this")
    recovered = recover(stage)
    assert did == ["last", "first"]
    assert len(recovered.undone) == 2
    assert {str(one) for one in recovered.left if one.understood} == {
        "break cannot: it did not answer",
        "break raises: the undo `mend` failed: KeyError: 'raises'",
    }
    with pytest.raises(Refused, match="1 entries of the undo log cannot be read"):
        recovered.require_all(where, stage)
    assert len(pending_intents(where)) == 3


def _slow(_cluster: object, _target: Target, *, what: str) -> None:
    did.append(what)
    clock.sleep(2.0)
    if len(did) < 2:
        raise TargetUnreachable("no answer")


@undoable("answers-late", undo=_slow)
def is_late() -> None:
    """Nothing."""


def test_an_undo_that_took_longer_than_there_was_is_tried_once_more(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A machine that was stopped meanwhile must not leave broken what answers again."""
    FakeClock.installed(monkeypatch)
    did.clear()
    stage = target(tmp_path)
    is_late.intend(platform_of(stage), "x", "break it", what="it")
    assert len(recover(stage, within_s=1.0).undone) == 1
    assert did == ["it", "it"]


def _remove(cluster: Cluster, _target: Target, *, pod: str) -> None:
    did.append(f"{pod} at {cluster.url}")


@undoable("remove", undo=_remove, of_a_cluster=True)
def makes() -> None:
    """Nothing."""


def test_what_was_made_in_a_regions_own_cluster_is_undone_there(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """By the address of its API server; an intent that names none is of the common context, one of an unknown cluster is kept."""
    FakeClock.installed(monkeypatch)
    did.clear()
    servers = {"common": "https://127.96.0.7:1", "own": "https://127.96.0.8:1", "gone": "https://127.96.0.9:1"}
    config = {
        "apiVersion": "v1",
        "kind": "Config",
        "clusters": [{"name": name, "cluster": {"server": server}} for name, server in servers.items()],
        "users": [{"name": "u", "user": {"token": "t"}}],
        "contexts": [{"name": name, "context": {"cluster": name, "user": "u"}} for name in servers],
    }
    (tmp_path / "kubeconfig").write_text(yaml.safe_dump(config))
    regions = "regions: {east: {entry: https://a.test, namespace: shop, context: own}}\n"
    kubernetes = f"kubernetes: {{kubeconfig: {tmp_path}/kubeconfig, context: common, namespace: shop}}\n"
    stage = target(tmp_path, f"{regions}{kubernetes}")
    where = platform_of(stage)
    for context in ("own", "common", "gone"):
        kubernetes_of = {"kubernetes": stage.kubernetes.model_copy(update={"context": context})}  # type: ignore[union-attr]
        there = Cluster.of(stage.model_copy(update=kubernetes_of))
        makes.intend(where, "x", f"make pod {context}", cluster=there, pod=context)
    makes.intend(where, "x", "make pod old", pod="old")
    recovered = recover(stage)
    assert did == ["old at https://127.96.0.7:1", "common at https://127.96.0.7:1", "own at https://127.96.0.8:1"]
    assert [str(one) for one in recovered.left] == [
        (
            "make pod gone: no context of the target leads to https://127.96.0.9:1, in whose cluster the change was made"
            " (hint: recover with the target file and the kubeconfig of the run that made the change)"
        )
    ]
    assert [intent.action for intent in pending_intents(where)] == ["make pod gone"]


def test_an_undo_of_a_cluster_is_not_called_without_one(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The entry is kept, with the file to recover with."""
    FakeClock.installed(monkeypatch)
    did.clear()
    stage = target(tmp_path)
    where = platform_of(stage)
    makes.intend(where, "x", "make pod a", pod="a")
    (left,) = recover(stage).left
    assert (left.what, left.why) == (
        "make pod a",
        "the undo `remove` needs a cluster, and the target file has no cluster",
    )
    assert left.hint.startswith("run `readiness recover --target FILE` with the target file of that run")
    assert str(left) == f"make pod a: {left.why} (hint: {left.hint})"
    assert left.understood
    assert did == []
    assert [intent.action for intent in pending_intents(where)] == ["make pod a"]


def test_one_name_for_two_platforms_shares_no_undo(tmp_path: Path) -> None:
    """`recover` of B strikes off nothing of A, and says that there is something."""
    a, b = place("stage", api=""), place("stage", api="", entry="https://b.test:443")
    kept = written(a, "node")
    assert pending_intents(b) == []
    assert elsewhere(b) == [intents_directory(a) / f"{kept.id}.json"]
    assert elsewhere(a) == []
    assert pending_intents(a) == [kept]


def test_two_names_for_one_platform_share_undo_and_lock() -> None:
    """What one has broken the other undoes; both do not run at once."""
    one, two = place("staging"), place("stage-by-another-name")
    kept = written(one, "node")
    assert pending_intents(two) == [kept]
    with (
        TargetLock(one, "run-1"),
        pytest.raises(Refused, match="stage-by-another-name is in use by run run-1 as target staging"),
        TargetLock(two, "run-2"),
    ):
        pass


@pytest.mark.parametrize("other", [place(api="https://10.9.9.9:6443 sha256:bb"), place(entry="https://b.test:443")])
def test_one_shared_address_is_one_platform_for_the_lock(other: Platform) -> None:
    """The same API server or the same entry; what was taken of the other is given back."""
    with TargetLock(HERE, "run-1"), pytest.raises(Refused), TargetLock(other, "run-2"):
        pass
    with TargetLock(other, "run-2"):
        pass


@pytest.mark.parametrize(
    ("url", "same"),
    [
        ("https://A.Test", "https://a.test:443"),
        ("https://a.test:443/", "https://a.test:443"),
        ("http://localhost:80/x/", "http://127.0.0.1:80/x"),
        ("https://user:secret@a.test.", "https://a.test:443"),
        ("http://[0:0::1]:8080", "http://[::1]:8080"),
    ],
)
def test_an_address_has_one_spelling(url: str, same: str) -> None:
    """And neither user nor password."""
    assert canonical(url) == same


def test_a_second_run_is_refused_and_told_who_holds_the_target() -> None:
    """The lock goes with its holder."""
    with TargetLock(HERE, "run-1"):
        with TargetLock(place(api="https://10.0.0.2:6443", entry="https://c.test:443"), "run-2"):
            pass
        with (
            pytest.raises(Refused, match=rf"t is in use by run run-1 \(process {os.getpid()}, since "),
            TargetLock(HERE, "run-2"),
        ):
            pass
    with TargetLock(HERE, "run-3"):
        pass


def test_a_lock_of_a_killed_process_is_free() -> None:
    """However it died."""
    code = (
        "import os, signal\nfrom harness.targets import Platform, TargetLock\n"
        "here = Platform(name='t', api='https://10.0.0.1:6443 sha256:aa', entry='https://a.test:443')\n"
        "lock = TargetLock(here, 'dead').__enter__()\nos.write(1, b'x')\nsignal.pause()\n"
    )
    with subprocess.Popen([sys.executable, "-c", code], stdout=subprocess.PIPE) as child:
        assert child.stdout is not None
        assert child.stdout.read(1) == b"x"
        with pytest.raises(Refused, match="run dead"), TargetLock(HERE, "run-2"):
            pass
        os.kill(child.pid, signal.SIGKILL)
    with TargetLock(HERE, "run-2"):
        pass


def test_a_target_like_production_wants_its_name_in_full(tmp_path: Path) -> None:
    """Disposable targets do not; production does, disposable or not."""
    guard_target(target(tmp_path, "disposable: true\n"))
    guard_target(target(tmp_path), "stage")
    with pytest.raises(Refused, match=r"stage is not disposable, and `--allow-target stag` is not its name") as caught:
        guard_target(target(tmp_path), "stag")
    assert caught.value.hint == (
        "pass `--allow-target stage` to confirm that this run may send load and probes there, "
        "and faults that `may_break` allows"
    )
    file = tmp_path / "target.yaml"
    file.write_text("name: p\nenvironment: production\nentry: https://a.test\ndisposable: true\n")
    with pytest.raises(Refused, match="p is a production target, and `--allow-target` is missing"):
        guard_target(load_target(file))
    with pytest.raises(Refused, match="p does not allow the experiment pod-loss: it is missing in `may_break`"):
        guard_experiment(load_target(file), plan("pod-loss"))


def test_an_experiment_must_stand_on_the_allow_list(tmp_path: Path) -> None:
    """With its workloads and its number of pods; what breaks nothing may always run."""
    allowed = target(tmp_path, "may_break: [{experiment: pod-loss, workloads: [track], max_pods: 1}]\n")
    guard_experiment(allowed, plan("pod-loss"))
    guard_experiment(allowed, plan("null-run", "none"))
    with pytest.raises(Refused, match="stage does not allow the experiment node-loss: it is missing in `may_break`"):
        guard_experiment(allowed, plan("node-loss"))
    track, other = (Hit(kind="pod", name=name, workload=name) for name in ("track", "other"))
    guard_hits(allowed, "pod-loss", [track])
    with pytest.raises(Refused, match="it would hit other"):
        guard_hits(allowed, "pod-loss", [other])
    bare = Hit(kind="pod", name="bare-1", namespace="north")
    with pytest.raises(Refused, match="it would hit other, the pod north/bare-1, which has no label `app`"):
        guard_hits(allowed, "pod-loss", [other, track, bare])
    with pytest.raises(Refused, match="it would hit 2 pods, `max_pods` allows 1"):
        guard_hits(allowed, "pod-loss", [track, track])
