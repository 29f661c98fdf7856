"""The options that repeat a run: typed as they are printed, they choose the same target, requirements, release and baseline."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest

from harness.cli.run import run
from harness.errors import UsageError
from harness.run.plan.choice import choose
from harness.run.project import find_project
from harness.run.settings import Settings


@pytest.fixture
def mine(tmp_path: Path) -> Settings:
    """What is chosen in a project with a target and a profile of its own, where nothing is typed."""
    (tmp_path / "target.yaml").write_text("name: shop\n", encoding="utf-8")
    table = '[tool.harness]\ntarget = "target.yaml"\nprofiles = ["mine"]\n'
    (tmp_path / "pyproject.toml").write_text(table, encoding="utf-8")
    project = find_project(tmp_path)
    chosen = choose(project, None, ())
    return Settings(
        project=project,
        target=chosen.target,
        provided=chosen.provided,
        profiles=chosen.profiles,
        out=tmp_path / "runs",
    )


def typed(settings: Settings, release: str) -> Settings:
    """What the command makes of the options that repeat a run of this release."""
    given = run.make_context("run", list(settings.again(release))).params
    chosen = choose(settings.project, given["target"], given["profile"])
    return replace(
        settings,
        target=chosen.target,
        provided=chosen.provided,
        profiles=chosen.profiles,
        **{name: given[name] for name in ("release", "stands_for", "out", "baseline", "seed", "traffic_scale")},
    )


@pytest.mark.parametrize(
    "options",
    [
        {},
        {"target": None, "provided": "sandbox", "profiles": ("core",), "release": "candidates/slow"},
        {"target": None, "provided": "sandbox", "profiles": ("core", "normaldance"), "stands_for": "staging"},
        {"baseline": Path("runs/earlier"), "seed": 7, "out": Path("elsewhere")},
        {"traffic_scale": 0.5},
    ],
    ids=["own target", "sandbox", "sandbox as staging", "with a baseline", "with half of the traffic"],
)
def test_the_options_that_are_printed_repeat_the_run(mine: Settings, options: dict[str, object]) -> None:
    """In the same project, whatever target and profiles it has; of the sandbox the release that was asked for, which may be a directory."""
    settings = replace(mine, **options)  # type: ignore[arg-type]  # names and types are those of its fields
    assert typed(settings, "1.0.0") == settings


def test_the_release_of_a_target_file_is_repeated_and_not_the_default(mine: Settings) -> None:
    """A command with another release than the file names is refused."""
    assert typed(mine, "2.3.4") == replace(mine, release="2.3.4")


@pytest.mark.parametrize("scale", [0.0, -1.0, 0.049, 4.01, float("nan"), float("inf")])
def test_a_scale_of_the_traffic_out_of_bounds_is_refused(mine: Settings, scale: float) -> None:
    """Its bounds are 0.05 and 4, which are allowed."""
    with pytest.raises(UsageError) as raised:
        replace(mine, traffic_scale=scale)
    assert raised.value.what == f"the traffic scale is {scale:g}, expected 0.05 to 4"
    assert [replace(mine, traffic_scale=bound).traffic_scale for bound in (0.05, 4.0)] == [0.05, 4.0]
