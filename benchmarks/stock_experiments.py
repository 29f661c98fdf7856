"""Stock experiment files, run by `chaos run` and by the harness: what really happened, and what the harness says of it.

Each file of `benchmarks/stock/` is run on a small shop on the sandbox's API, which is watched from outside, and brought
back in between. The command fails where the harness confirms a fault that did not happen, names a pod that did not end,
or calls a target restored that is not; and where its verdict is another than that of the file (`x-trial`).
"""

from __future__ import annotations

import os
import shutil
import socket
import subprocess
import sys
import tempfile
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

import click
import yaml

sys.path.insert(0, str(Path(__file__).parent.parent))

from harness import clock
from harness.chaos.recording import UNDO_LOG
from harness.drivers.chaos import ChaosRun, ForkServer, Restorer, load_experiment, open_rollbacks
from harness.errors import ConfigurationError
from harness.evidence import read_history
from harness.model import ExperimentPlan, domain_of
from harness.targets import Target, load_target, platform_of
from harness.targets.safety.intents import pending_intents, strike_intent
from harness.targets.undo import recover
from tests.builders.stock_world import StockWorld, Watched, stock_world

COLUMNS: Final = (
    *("file", "exit of `chaos run`", "what happened", "what it left", "what happened under the harness"),
    *("fault", "confirmed", "undone", "why not", "false, or not as expected"),
)
FILES: Final = Path(__file__).with_name("stock")
EACH_WITHIN_S: Final = 240.0
RESTORED_WITHIN_S: Final = 40.0
NOTHING_OWED, BY_FILE, BY_LOG, BY_RECOVER, NOT = (
    *("nothing owed", "by the file", "from the undo log"),
    *("by readiness recover", "not undone"),
)
_STAYS: Final = frozenset({"container", "network", "process", "external", "host"})
"""Domains whose faults end no pod."""


@dataclass(frozen=True, kw_only=True)
class Told:
    """What the harness says of one file.

    Attributes:
        sent: whether the fault was sent. confirmed: whether it was confirmed. hit: names of its hits. uids: of its pods.
        undone: who undid it. why: why it is not confirmed. happened: what was watched meanwhile. left: what is not as before.
    """

    sent: bool = False
    confirmed: bool = False
    hit: tuple[str, ...] = ()
    uids: frozenset[str] = frozenset()
    undone: str = NOTHING_OWED
    why: str = ""
    happened: str = "nothing"
    left: str = ""

    def faults(self, trial: dict[str, Any], ended: set[str], domain: str) -> list[str]:
        """What is false in it, and what differs from the file's own verdict."""
        found = []
        if self.confirmed and self.happened == "nothing":
            found.append("FALSE: a fault was confirmed, and nothing happened")
        if self.confirmed and domain not in _STAYS and not self.uids <= ended:
            found.append("FALSE: a pod is named as hit that did not end")
        if self.undone != NOT and self.left:
            found.append(f"FALSE: it is called undone, and {self.left}")
        expected = (trial["confirmed"], trial["undone"])
        if (self.confirmed, self.undone) != expected:
            found.append(f"expected: confirmed {expected[0]}, {expected[1]}")
        return found


def by_stock(world: StockWorld, file: Path) -> tuple[int, Watched]:
    """The exit code of `chaos run`, and what happened."""
    chaos = [sys.executable, "-m", "chaostoolkit", "--no-version-check", "--no-log-file", "--settings", os.devnull]
    command = [*chaos, "run", "--journal-path", str(world.project / "journal.json"), str(file)]
    with Watched(world) as watched:
        done = subprocess.run(
            command, cwd=world.project, env=world.environment, capture_output=True, timeout=EACH_WITHIN_S, check=False
        )
    return done.returncode, watched


def by_harness(world: StockWorld, target: Target, name: str, forks: ForkServer, runs: Path) -> tuple[Told, set[str]]:
    """What the harness says of a file, and the pods that ended meanwhile."""
    experiment = load_experiment(name, [world.project / "experiments"])
    platform, run = platform_of(target), runs / name
    restorer = Restorer(target) if target.kubernetes is not None else None
    if restorer is not None:
        restorer.baseline()
    with Watched(world) as watched:
        rollbacks = open_rollbacks(platform, experiment)
        child = ChaosRun(experiment, target, run, forks)
        child.start()
        for _ in clock.Deadline.after(EACH_WITHIN_S).ticks(0.05):
            if not child.alive():
                break
        result = child.finish()
        if rollbacks is not None and (result.rolled_back or not result.acted):
            strike_intent(rollbacks)
        owed = bool(pending_intents(platform))
        left = recover(target).left if owed else ()
        restored = not left and (result.rolled_back or not result.acted or owed) and _restored(restorer, experiment)
    observations, _ = read_history(run / "history" / f"chaos-{name}.ndjson")
    kinds = {o.kind for o in observations}
    by_log = any(o.kind == "activity" and o.fields.get("name") == UNDO_LOG for o in observations)
    hits = next((o.fields["hit"] for o in observations if o.kind == "fault.confirmed"), ())
    told = Told(
        sent="fault.sent" in kinds,
        confirmed="fault.confirmed" in kinds,
        hit=tuple(hit["name"] for hit in hits),
        uids=frozenset(hit["uid"] for hit in hits if hit["kind"] == "pod"),
        undone=_undone(kinds, restored=restored and "fault.stays" not in kinds, owed=owed, by_log=by_log),
        why=result.why,
        happened=str(watched),
        left="; ".join(world.settled()),
    )
    return told, watched.ended


def _restored(restorer: Restorer | None, experiment: ExperimentPlan) -> bool:
    """Whether the cluster is as before within some time, as a run verifies it; without a cluster nothing is compared."""
    if restorer is None:
        return True
    parts = domain_of(experiment.domain).touches
    return any(restorer.restored(parts).ok for _ in clock.Deadline.after(RESTORED_WITHIN_S).ticks(0.2))


def _undone(kinds: set[str], *, restored: bool, owed: bool, by_log: bool) -> str:
    """Who undid a fault, as the record says it."""
    if not restored:
        return NOT
    if owed:
        return BY_RECOVER
    if by_log:
        return BY_LOG
    return BY_FILE if {"fault.undone", "fault.sent"} <= kinds else NOTHING_OWED


def target_of(world: StockWorld, *, of_a_cluster: bool) -> Target:
    """The target file for a file that asks the cluster, or for one of the service alone."""
    content: dict[str, Any] = {
        "name": "shop",
        "environment": "staging",
        "disposable": True,
        "entry": world.environment["SHOP_URL"],
    }
    if of_a_cluster:
        kubeconfig = str(world.cluster.kubeconfig)
        groups = ["chaos-mesh.org"]
        content["kubernetes"] = {
            "kubeconfig": kubeconfig,
            "context": world.cluster.context,
            "namespace": "shop",
            "api_groups": groups,
        }
    file = world.project.parent / ("cluster.yaml" if of_a_cluster else "service.yaml")
    file.write_text(yaml.safe_dump(content), encoding="utf-8")
    return load_target(file)


def port_free() -> int:
    """A port of the loopback that nothing listens at."""
    with socket.socket() as one:
        one.bind(("127.0.0.1", 0))
        return int(one.getsockname()[1])


def tried(
    world: StockWorld, file: Path, forks: dict[bool, ForkServer], targets: dict[bool, Target], runs: Path
) -> bool:
    """Run a file both ways, print its row, and say whether nothing in it is false."""
    content = yaml.safe_load(file.read_text(encoding="utf-8"))
    copy = world.project / "experiments" / file.name
    shutil.copyfile(file, copy)
    code, watched = by_stock(world, copy)
    left = "; ".join(world.settled())
    world.back()
    of_a_cluster = "chaosk8s" in file.read_text(encoding="utf-8")
    try:
        told, ended = by_harness(world, targets[of_a_cluster], file.stem, forks[of_a_cluster], runs)
    except ConfigurationError as error:
        told, ended = Told(why=f"refused: {error.what}"), set()
    world.back()
    for intent in pending_intents(platform_of(targets[of_a_cluster])):
        strike_intent(intent)  # what the harness could not undo is undone now
    block: dict[str, Any] = next(iter(content.get("extensions") or ()), {})
    faults = told.faults(content["x-trial"], ended, str(block.get("domain", "")))
    sent = f"sent, hit {len(told.hit)}" if told.sent else "not sent"
    confirmed = "confirmed" if told.confirmed else "not confirmed"
    alike = "the same" if told.happened == str(watched) else told.happened
    why = " ".join(told.why.split())[:120]
    row = (file.stem, code, watched, left or "nothing", alike, sent, confirmed, told.undone, why, "; ".join(faults))
    click.echo(f"| {' | '.join(str(cell).replace('|', '/') for cell in row)} |")
    return not faults


@click.command()
@click.argument("names", nargs=-1)
def main(names: tuple[str, ...]) -> None:
    """Run the files with these names (default: all), print the table, and fail where something in it is false."""
    files = [file for file in sorted(FILES.glob("*.yaml")) if not names or file.stem in names]
    with tempfile.TemporaryDirectory() as directory:
        place = Path(directory)
        os.environ["READINESS_STATE"] = str(place / "state")
        with stock_world(place, port_free()) as world:
            os.environ |= {key: world.environment[key] for key in ("SHOP_URL", "SHOP_TOKEN")}
            targets = {of: target_of(world, of_a_cluster=of) for of in (True, False)}
            with ForkServer(targets[True]) as clustered, ForkServer(targets[False]) as plain:
                forks = {True: clustered, False: plain}
                click.echo(f"| {' | '.join(COLUMNS)} |\n|{'---|' * len(COLUMNS)}")
                good = [tried(world, file, forks, targets, place / "runs") for file in files]
    click.echo(f"{sum(good)} of {len(good)} files: nothing false, and as each file says")
    sys.exit(0 if all(good) and good else 1)


if __name__ == "__main__":
    main()
