"""How a run ends: sealed, judged and reported, whatever became of its target."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from types import SimpleNamespace
from typing import Any, cast

import pytest

from harness import clock
from harness.errors import DriverError, Interrupted, TargetGone, TargetUnreachable
from harness.evidence import RunDirectory, read_history
from harness.run import live
from harness.run.gathering import Ground, _record_end
from harness.targets import Platform, load_target
from harness.targets.safety.intents import pending_intents, write_intent
from tests.fake_clock import FakeClock

GONE = TargetGone("the target is gone: none of its addresses has answered for 4.1 s")
PLATFORM = Platform(name="stage", api="https://10.0.0.1:6443 sha256:aa", entry="http://127.0.0.1:9")


class Heard:
    """Progress and stopping: what was said, and whether somebody said stop."""

    def __init__(self, *, asked: bool = False) -> None:
        self.asked = asked
        self.said: list[str] = []

    def say(self, text: str) -> None:
        """Keep it."""
        self.said.append(text)

    def now(self, text: str) -> None:
        """Nothing."""

    def shield(self) -> None:
        """Nothing."""


@pytest.fixture
def done(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> list[str]:
    """What was done at the end, in order; the clock moves only when somebody sleeps."""
    FakeClock.installed(monkeypatch)
    monkeypatch.setenv("READINESS_STATE", str(tmp_path / "state"))
    made: list[str] = []
    answers: dict[str, object] = {"seal": None, "decide": SimpleNamespace(judgement=None), "write_verdict": None}

    def step(name: str) -> Callable[..., object]:
        def done(*_: object) -> object:
            made.append(name)
            return answers[name]

        return done

    for name in answers:
        monkeypatch.setattr(live, name, step(name))
    monkeypatch.setattr(live, "report_files", lambda *_: ())
    return made


def end(monkeypatch: pytest.MonkeyPatch, directory: Path, error: BaseException, heard: Heard) -> Any:
    """The end of a run on a target whose kubeconfig is gone, after gathering ended like this."""

    def gather(*_: object, **_more: object) -> None:
        raise error

    monkeypatch.setattr(live, "gather", gather)
    file = directory / "target.yaml"
    file.write_text(
        "name: stage\nenvironment: staging\nentry: http://127.0.0.1:9\n"
        f"kubernetes: {{context: c, kubeconfig: {directory}/gone}}\n"
    )
    run = RunDirectory.create(directory / "runs", "run-1")
    settings, there = cast("Any", SimpleNamespace(allow_target="", target=file, keep=False)), cast("Any", heard)
    ground = Ground(load_target(file), PLATFORM, lease=cast("Any", None))
    return live._gathered(cast("Any", None), ground, run, settings=settings, progress=there, stopping=there)


def test_a_target_that_is_gone_takes_neither_seal_nor_verdict_with_it(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path, done: list[str]
) -> None:
    """Its kubeconfig went with it: what is left to undo is kept and named, and nobody waits for it."""
    write_intent(PLATFORM, "node-loss", "cordon a", {"do": "uncordon", "node": "a"}, module="harness.chaos.database")
    heard = Heard()
    end(monkeypatch, tmp_path, GONE, heard)
    assert done == ["seal", "decide", "write_verdict"]
    assert heard.said[0].startswith("the run cannot go on: the target is gone")
    assert heard.said[1].startswith("not verified as restored: cordon a: context `c` cannot be read from ")
    assert len(pending_intents(PLATFORM)) == 1


@pytest.mark.parametrize(("error", "waited_s"), [(GONE, 0), (TargetUnreachable("the API server answered 503"), 30)])
def test_one_answer_that_was_refused_is_no_target_that_is_gone(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path, done: list[str], error: TargetUnreachable, waited_s: int
) -> None:
    """What was broken is undone again and again for as long as after any other error."""
    write_intent(PLATFORM, "node-loss", "cordon a", {"do": "uncordon", "node": "a"}, module="harness.chaos.database")
    began_s = clock.now_s()
    end(monkeypatch, tmp_path, error, Heard())
    assert abs(clock.now_s() - began_s - waited_s) < 3
    assert done == ["seal", "decide", "write_verdict"]


def test_an_interrupted_run_names_the_attempt_whose_undo_was_not_seen(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path, done: list[str]
) -> None:
    """In the error at its end, and in its evidence, from which the page is made."""
    undo = {"do": "verify-restored", "attempt": 1, "by_hand": "by hand: start the service", "before": None}
    write_intent(PLATFORM, "own-kill", "experiment own-kill", undo, module="harness.drivers.chaos.attempt")
    with pytest.raises(Interrupted, match="the target is NOT verified as restored: experiment own-kill: ") as caught:
        end(monkeypatch, tmp_path, KeyboardInterrupt(), Heard(asked=True))
    assert "the target is restored" not in str(caught.value)
    assert done == ["seal", "decide", "write_verdict"]
    observations, _ = read_history(tmp_path / "runs" / "run-1" / "history" / "run.ndjson")
    (restore,) = [o for o in observations if o.kind == "restore"]
    assert (restore.subject, restore.fields["attempt"], restore.fields["ok"]) == ("own-kill", 1, None)


@pytest.mark.parametrize(
    ("error", "why", "hint"),
    [
        (
            DriverError("the target does not serve", where="shop", hint="check `probes` and `ledger`"),
            "shop: the target does not serve",
            "check `probes` and `ledger`",
        ),
        (DriverError("it ended by itself", hint="run again"), "it ended by itself", "run again"),
        (KeyboardInterrupt(), "interrupted", "let it run until it completes"),
        (None, "", ""),
    ],
)
def test_what_ended_a_run_is_recorded_in_the_words_of_the_terminal(
    tmp_path: Path, error: BaseException | None, why: str, hint: str
) -> None:
    """Place, cause and hint: reports are made of them, and `see shop` would help no reader."""
    directory = RunDirectory.create(tmp_path / "runs", "run-1")
    history = directory.history("run")
    _record_end(history, cast("Any", SimpleNamespace(run="run-1")), type(error) if error else None, error)
    history.close()
    (ended,), _ = read_history(directory.path / "history" / "run.ndjson")
    assert ended.fields == {"ok": error is None, "why": why, "hint": hint}
