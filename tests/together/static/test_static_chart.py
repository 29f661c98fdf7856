"""A chart is rendered by the helm that is on PATH, and what that one says decides; the platform's own renders."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from tests.builders.charts import needs_helm
from tests.together.static.conftest import PaperPlatform, bad

if TYPE_CHECKING:
    from pathlib import Path

ROW = "DA-HELM"
TOO_OLD = "Error: chart requires kubeVersion: >=1.28.0-0 which is incompatible with Kubernetes v1.20.0"


@pytest.fixture
def refuse(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The words in which the only `helm` on PATH refuses every chart: a file, empty at first."""
    words, directory = tmp_path / "words", tmp_path / "only-helm"
    directory.mkdir()
    helm = directory / "helm"
    helm.write_text(f'#!/bin/sh\nwhile read -r line; do echo "$line" >&2; done < "{words}"\nexit 1\n')
    helm.chmod(0o755)
    words.touch()
    monkeypatch.setenv("PATH", str(directory))
    return words


def observed(platform: PaperPlatform) -> tuple[bool | None, str]:
    """What became of the rendering."""
    (fact,) = [one for one in platform.row(ROW) if one.subject.endswith(" rendered")]
    return fact.ok, fact.observed


def test_a_chart_that_helm_refuses_is_broken(platform: PaperPlatform, refuse: Path) -> None:
    """In helm's words, or by its code where it says none."""
    assert observed(platform) == (False, "helm ended with 1")
    refuse.write_text("Error: parse error at (x/templates/a.yaml:3)\n")
    assert observed(platform) == (False, "Error: parse error at (x/templates/a.yaml:3)")


def test_a_chart_for_newer_clusters_than_an_old_helm_renders_for_is_not_broken(
    platform: PaperPlatform, refuse: Path
) -> None:
    """It is not known whether it renders."""
    refuse.write_text(f"WARNING: the chart has a symbolic link\n{TOO_OLD}\n")
    assert observed(platform) == (
        None,
        f"{TOO_OLD}; hint: install a release of Helm that renders for the version that the chart is for",
    )


@needs_helm
def test_the_chart_of_the_platform_renders_without_a_helm_on_path(
    platform: PaperPlatform, monkeypatch: pytest.MonkeyPatch
) -> None:
    """By the real one that is installed beside Python; with its own values, and with those of staging and production."""
    monkeypatch.setenv("PATH", str(platform.root))
    assert bad(platform.row(ROW)) == []
    assert bad(platform.row("DA-HELM-VALUES")) == []
