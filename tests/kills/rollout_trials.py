"""Kills a run in the midst of a rollout, lets `recover` or the next run bring the platform back, and proves which one release it is on.

A canary by the Rollouts' own strategy, and two colours by one that the rollout lends them: they must have their own back, too.
"""

from __future__ import annotations

import signal
import urllib.error
import urllib.request
from collections.abc import Iterable, Iterator, Mapping
from random import Random
from typing import Final

import yaml

from harness import clock
from harness.drivers.rollout import Changeable, Strategy, changeable
from harness.errors import DriverError
from harness.targets import Target, load_target
from harness.targets.kubernetes import Cluster, labels_of
from tests.kills.aftermath import Aftermath, Killed, misjudged, raised, unrecovered
from tests.kills.sandbox_project import TARGET, broken, left_behind, row
from tests.kills.sandbox_trials import Strike, recovered_by_command, struck, temporary_of
from tests.plain.plain_project import Finished, Project

ROLLOUTS: Final = ("canary", "blue-green")
PARTS: Final = ("rollout",)
OLD: Final = "1.0.0"
VICTIMS: Final = ("run", "run", "run", "watch", "load")
_STARTED: Final = ("rollouts", "rollout.started")
_BACK, _STEP, _ENDED = ("rollouts", "rollout.back"), ("rollouts", "rollout.step"), ("rollouts", "rollout.ended")
_LATEST_S: Final = {
    "canary": {_STARTED: 45.0, _BACK: 6.0, _STEP: 3.0},
    "blue-green": {_STARTED: 20.0, _BACK: 6.0, _STEP: 3.0, _ENDED: 16.0},
}
"""Latest moments after each observation; a canary of four steps is on its way for 42 s, a strategy is returned 12 s after the end."""
_ONE_WITHIN_S: Final = 60.0
_ASKED: Final = 12
"""Users who ask for the release at each entry."""


def strike(seed: int, number: int) -> Strike:
    """The strike of a seed and a number: SIGKILL, mostly to the run itself, at any moment of the rollout."""
    random = Random(f"rollout/{seed}/{number}")
    subject = ROLLOUTS[(number - 1) % len(ROLLOUTS)]
    latest_s = _LATEST_S[subject]
    moment = random.choice([_STARTED, _STARTED, _STARTED, *latest_s])
    return Strike(
        number=number,
        subject=subject,
        victim=random.choice(VICTIMS),
        sent=signal.SIGKILL,
        moment=moment,
        after_s=random.uniform(0.0, latest_s[moment]),
    )


def by_next_run(number: int) -> bool:
    """Whether the next run brings the platform back, in place of `recover`: every third time."""
    return number % 3 == 0


def trial(project: Project, one: Strike) -> Killed:
    """Kill it, bring the platform back, judge what there is, and prove that one release is left.

    Raises:
        subprocess.TimeoutExpired: a command did not end in time.
    """
    target = load_target(project.root / TARGET)
    own = _strategies(target)
    with temporary_of(project) as temporary:
        words = ("run", "--target", TARGET, "--only", row(one.subject))
        alive, ended = struck(project, one, words, temporary)
        how = "run" if by_next_run(one.number) else "recover"
        if how == "run":
            back = project.do("run", "--target", TARGET, "--only", row("null-run"), TMPDIR=str(temporary))
        else:
            back = recovered_by_command(project, temporary)
        judged = project.do("judge", ended.run, TMPDIR=str(temporary)) if ended.ran else None
        faults, release = ended_on(target)
        aftermath = Aftermath(
            unrestored=(
                *(unrecovered(back) if how == "recover" else raised(back)),
                *faults,
                *unreturned(own, _strategies(target)),
                *unnamed(ended, back, release),
                *broken(project),
            ),
            unreadable=(*raised(ended), *(() if judged is None else misjudged(judged))),
            left=left_behind(project, temporary),
        )
    codes = f"run {ended.code}, {how} {back.code}, on {release or 'more than one release'}"
    return Killed(number=one.number, hit=str(one), alive=alive, codes=codes, aftermath=aftermath, victim=one.victim)


def unnamed(ended: Finished, back: Finished, release: str) -> Iterable[str]:
    """What brought the platform back must say on which release it is, where it was on its way to another."""
    undone = [line for line in back.said.splitlines() if "undone: " in line or "recovered: " in line]
    if undone and not all(f"from {release} to" in line for line in undone if "rollout" in line):
        yield f"what was undone does not name {release}: {undone}"
    if ended.code < 0 and not undone and "no undo is pending" not in back.said:
        yield f"nothing says whether a rollout was undone: {back.said[-300:]!r}"


def unreturned(own: Mapping[str, Strategy | None], now: Mapping[str, Strategy | None]) -> Iterable[str]:
    """Objects that have another strategy than before."""
    return (f"{subject} has the strategy {now.get(subject)}" for subject in own if now.get(subject) != own[subject])


def ended_on(target: Target, within_s: float = _ONE_WITHIN_S) -> tuple[tuple[str, ...], str]:
    """What keeps the platform from being on one release, and which release it is on: by its objects, its pods, and its answers."""
    faults: tuple[str, ...] = ("it was not read",)
    release = ""
    for _ in clock.Deadline.after(within_s).ticks(0.5):
        try:
            faults, release = _now(target)
        except DriverError as error:
            faults = (error.what,)
        if not faults:
            break
    return faults, release


def _objects(target: Target) -> list[Changeable]:
    rollout = target.rollout
    assert rollout is not None
    cluster = Cluster.of(target)
    return [changeable(cluster, rollout.kind, place, name) for place in rollout.namespaces for name in rollout.names]


def _strategies(target: Target) -> dict[str, Strategy | None]:
    return {one.subject: one.strategy(one.present()) for one in _objects(target)}


def _now(target: Target) -> tuple[tuple[str, ...], str]:
    rollout = target.rollout
    assert rollout is not None
    cluster, objects = Cluster.of(target), _objects(target)
    faults, releases = list[str](), dict[str, set[str]]()
    for one in objects:
        status = one.status()
        if not status.at_rest or status.aborted:
            faults.append(f"{one.subject} is {status.phase} {status.message}".rstrip())
        declared = str((one.template(one.present()).get("metadata") or {}).get("labels", {}).get("version", ""))
        releases.setdefault(declared, set()).add(one.subject)
    for place in rollout.namespaces:
        for pod in cluster.pods(place):
            if labels_of(pod).get("app") in rollout.names:
                releases.setdefault(labels_of(pod).get("version", ""), set()).add(
                    f"pod {place}/{pod['metadata']['name']}"
                )
    for answered, where in _answers(target):
        releases.setdefault(answered, set()).add(where)
    if len(releases) > 1:
        others = {name: sorted(found)[:3] for name, found in sorted(releases.items()) if name != OLD}
        faults.append(f"more than one release: {others}")
    return tuple(faults), next(iter(releases)) if len(releases) == 1 else ""


def _answers(target: Target) -> Iterator[tuple[str, str]]:
    """The release that answers users at each entry."""
    path = yaml.safe_load(target.file.read_text(encoding="utf-8"))["probes"]["read"]["path"]
    for name, entry in {"entry": target.entry, **target.doors}.items():
        for number in range(_ASKED):
            request = urllib.request.Request(f"{entry}{path}", headers={"x-user": f"asks-{number}"})  # noqa: S310 - loopback
            try:
                with urllib.request.urlopen(request, timeout=5) as answer:  # noqa: S310 - a loopback address of ours
                    yield str(answer.headers.get("x-release", "")), f"answer at {name}"
            except (urllib.error.URLError, OSError) as error:
                yield f"none ({error})", f"answer at {name}"
