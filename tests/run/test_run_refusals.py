"""A plan says with what a run would end before it begins."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest

from harness.model import Act
from harness.run.plan.refusals import cut_holds, left_to_people, refusals
from harness.targets import load_target
from tests.builders.plans import experiment, plan
from tests.builders.rollout_runs import rollout_plan

FILE = "name: shop\nenvironment: {environment}\nentry: http://127.0.0.1:9\n{more}"
FAULT = """
title: The process is killed
description: And nothing else.
extensions: [{name: harness, domain: process, confirmed_by: gone, takes: 5 s, within: 5 s}]
method:
  - {name: kill, type: action, provider: {type: process, path: kill, arguments: "1"}}
  - {name: gone, type: probe, tolerance: 0, provider: {type: process, path: "true"}}
"""
BACK = "rollbacks:\n  - {name: start, type: action, provider: {type: process, path: kill}}\n"


@pytest.mark.parametrize(
    ("environment", "more", "typed", "said"),
    [
        ("staging", "disposable: true\n", "", []),
        ("staging", "", "", ["shop is not disposable, and `--allow-target` is missing", "kill", "canary"]),
        ("staging", "", "shop", ["kill", "canary"]),
        ("staging", "may_break: [{experiment: kill}]\n", "shop", ["canary"]),
        ("production", "may_break: [{experiment: kill}, {rollout: canary}]\n", "shop", []),
    ],
)
def test_every_refusal_is_said_and_not_only_the_first(
    tmp_path: Path, environment: str, more: str, typed: str, said: list[str]
) -> None:
    """Consent to the target, and to each experiment and rollout that its file does not allow."""
    file = tmp_path / "target.yaml"
    file.write_text(FILE.format(environment=environment, more=more), encoding="utf-8")
    acts = (Act(name="kill", kind="experiment", demand="kill", seconds=1.0),)
    broken = {"kill": experiment("kill", "process")}
    given = replace(plan(), acts=acts, experiments=broken, rollouts={"canary": rollout_plan()})
    found = [error.what for error in refusals(given, load_target(file), typed)]
    named = [text if " " in text else next(what for what in found if text in what) for text in said]
    assert found == named


def test_a_plan_that_needs_an_extra_is_refused_before_anything_is_run(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, subtests: pytest.Subtests
) -> None:
    """With the package that is not installed, and the command that installs it; a plan of files alone needs no platform's."""
    file = tmp_path / "target.yaml"
    more = "disposable: true\nkubernetes: {context: shop}\ndatabase: {dsn: {env: SHOP_DSN}}\n"
    more += "dns: {names: {shop.example.test: {addresses: [192.0.2.10]}}}\napi: {description: openapi.yaml}\n"
    file.write_text(FILE.format(environment="staging", more=more), encoding="utf-8")
    every = {"kubernetes", "psycopg", "hcl2", "dns", "hypothesis"}
    for kinds, absent, needs, extras in [
        (("traffic", "static"), set(), [], []),
        (
            ("traffic",),
            every,
            [
                "the key `kubernetes` needs kubernetes",
                "the key `database` needs psycopg",
                "the key `dns` needs dns",
                "the key `api` needs hypothesis",
            ],
            ["kubernetes", "database", "dns", "generated"],
        ),
        (("static",), {"hcl2", "psycopg"}, ["a sentence on the platform's files needs hcl2"], ["static"]),
        (("ingest",), every, [], []),
    ]:
        with subtests.test(kinds=kinds, absent=absent):
            monkeypatch.setattr(
                "harness.extras.find_spec", lambda name, absent=absent: None if name in absent else name
            )
            acts = tuple(Act(name=kind, kind=kind, demand=kind, seconds=1.0) for kind in kinds)
            found = refusals(replace(plan(), acts=acts, live="traffic" in kinds), load_target(file), "")
            assert [error.what for error in found] == [f"{need}, which is not installed" for need in needs]
            assert [error.hint for error in found] == [f"pip install 'readiness-harness[{extra}]'" for extra in extras]


@pytest.mark.parametrize(
    ("text", "left"),
    [
        (FAULT, True),
        (FAULT + BACK, False),
        (FAULT.replace("domain: process, confirmed_by: gone", "domain: none"), False),
        (
            FAULT.replace(
                '{type: process, path: kill, arguments: "1"}',
                "{type: python, module: chaosk8s.pod.actions, func: delete_pods}",
            ),
            False,
        ),
    ],
)
def test_a_fault_that_nothing_undoes_is_said(tmp_path: Path, text: str, left: bool) -> None:  # noqa: FBT001 - a row of a table
    """A run that is stopped under it leaves the target as it is; what Kubernetes brings back is not left to anybody."""
    file = tmp_path / "kill.yaml"
    file.write_text(text, encoding="utf-8")
    given = replace(plan(), experiments={"kill": experiment("kill", "process", file=str(file))})
    said = "kill has no `rollbacks`: if the run is stopped during the fault, a person must restore the target"
    assert list(left_to_people(given)) == ([said] if left else [])


@pytest.mark.parametrize(("most", "cut"), [("", False), (", at_most_s: 30", False), (", at_most_s: 6", True)])
def test_a_hold_that_ends_before_the_limit_of_its_sentence_is_said(tmp_path: Path, most: str, cut: bool) -> None:  # noqa: FBT001 - a row of a table
    """A recovery that takes longer than the hold is none: the plan says so before the run."""
    held = f"  - {{type: action, name: hold, provider: {{type: python, module: harness.chaos.actions, func: hold, arguments: {{at_least_s: 5{most}}}}}}}\n"
    file = tmp_path / "kill.yaml"
    file.write_text(FAULT.replace("method:\n", f"method:\n{held}"), encoding="utf-8")
    given = replace(
        plan(), experiments={"kill": replace(experiment("kill", "process", file=str(file)), observe_s=15.0)}
    )
    said = (
        "kill: `hold` ends after at most 6 s, and the longest limit of its sentences is 15 s: a recovery that takes longer "
        "than 6 s is not decided (hint: leave out `at_most_s`, which lets the limit end the fault)"
    )
    assert list(cut_holds(given)) == ([said] if cut else [])
