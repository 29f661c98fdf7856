"""The YAML and the code of the documents on target files and experiments are read and run."""

from __future__ import annotations

import re
from pathlib import Path

from harness.drivers.chaos.experiments import read_experiment
from harness.drivers.chaos.rights import access_of_file
from harness.targets import load_target
from harness.targets.files.parts import Callers, Power, ReleaseSource
from harness.targets.files.target import Target
from harness.targets.undo import Undoable
from tests.builders.pages import pages

DOCS = Path(__file__).parents[2] / "docs"


def block(document: str, language: str) -> str:
    """The first block of code of that language."""
    (first, *_) = re.findall(rf"```{language}\n(.*?)```", (DOCS / document).read_text(encoding="utf-8"), re.DOTALL)
    return str(first)


def test_the_target_file_of_the_document_is_right_and_shows_every_key(tmp_path: Path) -> None:
    """It is for a real platform, so its time scale is 1."""
    file = tmp_path / "target.yaml"
    file.write_text(block("target-file.md", "yaml"), encoding="utf-8")
    target = load_target(file)
    assert isinstance(target.release, ReleaseSource)
    assert isinstance(target.callers, Callers)
    assert isinstance(target.power, Power)
    assert (target.release.header, dict(target.probes.read.expect)) == ("x-release", {"id": 1, "title": "str"})
    shown = {line.partition(":")[0] for line in file.read_text(encoding="utf-8").splitlines() if line[0] not in " #"}
    assert shown == set(Target.model_fields)


def test_the_experiment_of_the_document_is_right(tmp_path: Path) -> None:
    """With a probe that confirms the fault; the one that sees it go out is named there too."""
    file = tmp_path / "cache-loss.yaml"
    file.write_text(block("adding-an-experiment.md", "yaml"), encoding="utf-8")
    plan = read_experiment(file).plan
    assert (plan.name, plan.domain, plan.within_s) == ("cache-loss", "pod", 10.0)


def test_the_experiment_without_kubernetes_is_right(tmp_path: Path) -> None:
    """It needs no cluster, and its rollback is not ours."""
    found = re.findall(r"```yaml\n(.*?)```", pages("experiments-without-kubernetes"), re.DOTALL)
    file = tmp_path / "service-restart.yaml"
    file.write_text(found[0], encoding="utf-8")
    read = read_experiment(file)
    assert (read.plan.domain, read.plan.needs, read.plan.blast_radius) == ("process", (), "max_processes 1")
    assert read.rolled_back == ("start-service-again",)


def test_the_accesses_of_the_document_are_all_that_its_experiment_asks(tmp_path: Path) -> None:
    """Nothing of it is unknown; without the key, both of its commands are."""
    found = re.findall(r"```yaml\n(.*?)```", pages("actions-of-your-own"), re.DOTALL)
    file = tmp_path / "frozen-node.yaml"
    file.write_text(found[0], encoding="utf-8")
    asked = access_of_file(file)
    assert (sorted(map(str, asked.known)), asked.unknown) == (
        [
            "get nodes -A",
            "list events.events.k8s.io -A",
            "list pods",
            "patch deployments.apps",
            "patch nodes -A",
        ],
        (),
    )
    file.write_text(re.sub(r"    access: .*\n", "", found[0]), encoding="utf-8")
    assert set(access_of_file(file).unknown) == {"freeze", "node-frozen", "thaw"}


def test_the_action_of_the_document_carries_its_undo() -> None:
    """Act and undo of the document, called as the harness calls them."""
    patches: list[tuple[str, object]] = []

    class Nodes:
        """Takes patches."""

        def patch_node(self, name: str, patch: object) -> None:
            patches.append((name, patch))

    names: dict[str, object] = {"__name__": "own_action"}
    exec(block("actions-of-your-own.md", "python"), names)  # noqa: S102 - the document's own example
    freeze = names["freeze"]
    assert isinstance(freeze, Undoable)
    assert (freeze.name, freeze.module) == ("thaw", "own_action")
    freeze(Nodes(), "a")
    freeze.undo(Nodes(), None, node="a")
    assert patches == [
        ("a", {"metadata": {"annotations": {"example.org/frozen": "yes"}}}),
        ("a", {"metadata": {"annotations": {"example.org/frozen": None}}}),
    ]
