"""Composite actions of a repository: their steps count as those of the job that uses them."""

from __future__ import annotations

import pytest

from tests.drivers.static.conftest import PaperPlatform, bad
from tests.drivers.static.test_static_called import RUNS, found

USING = """
on: {push: {branches: [main]}}
jobs:
  check:
    runs-on: ubuntu-latest
    steps:
      - {uses: actions/checkout@v4}
      - {name: checks, uses: ./.github/actions/checks, with: {node: "20"}}
  deploy:
    needs: [check]
    runs-on: ubuntu-latest
    steps: [{run: helm upgrade a b}]
"""
ACTION = """
name: checks
inputs:
  node: {required: true}
  quick: {default: "false"}
runs:
  using: composite
  steps:
    - {uses: actions/setup-node@v4, with: {node-version: "${{ inputs.node }}"}}
    - {run: npm ci, shell: bash}
    - run: npm run build
      shell: bash
    - if: inputs.quick != 'true'
      run: npm run test:all
      shell: bash
"""


@pytest.mark.parametrize(
    ("file", "old", "new", "oks"),
    [
        ("action", "", "", []),
        ("main", 'node: "20"', 'node: "18"', [False, False, False]),
        ("main", 'node: "20"', 'node: "20", quick: "true"', [False]),
        ("main", "{name: checks", "{name: checks, continue-on-error: true", [False, False, False]),
        ("main", "{name: checks", "{name: checks, if: github.actor == 'a'", [False, False, False]),
        ("action", "npm run build", "npm run build || true", [False]),
        ("action", "run: npm ci", "run: make", [False]),
        ("action", "using: composite", "using: node20", [None, None, None]),
        ("main", "./.github/actions/checks", "./.github/actions/other", [None, None, None]),
    ],
)
def test_steps_of_a_composite_action_are_steps_of_the_job(
    platform: PaperPlatform, file: str, old: str, new: str, *, oks: list[bool | None]
) -> None:
    """With its inputs, and failing as the step that uses it; an action of another kind, or that is not there, is not read."""
    files = {"main": USING, "action": ACTION}
    files[file] = files[file].replace(old, new, 1)
    platform.write("shop/.github/actions/checks/action.yml", files["action"])
    facts = found(platform, RUNS, main=files["main"])
    assert [ok for _, ok in bad(facts)] == oks
    if not new:
        assert "repository/shop/.github/actions/checks/action.yml:10" in {fact.observed for fact in facts}
        assert "action.yml" in {path.name for path in platform.kept}


def test_actions_that_use_each_other_end(platform: PaperPlatform) -> None:
    """What is deeper is not read."""
    platform.write(
        "shop/.github/actions/checks/action.yml",
        "runs: {using: composite, steps: [{uses: ./.github/actions/checks}]}",
    )
    assert [ok for _, ok in bad(found(platform, RUNS, main=USING))] == [None, None, None]
