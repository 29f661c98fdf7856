"""The registry of figures: each has a complete spec, and a package can add its own."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import fields, replace
from importlib.metadata import EntryPoint
from typing import Any

import pytest
from judgement_builders import evidence, measures, objective, plan

from harness import figures
from harness.errors import UsageError
from harness.figures import figures_of, spec_of
from harness.judgement import judge
from harness.judgement.figures import FIGURES, Basis, Need, Offered, Spec
from harness.judgement.figures.numbers import chances_of_pass, failures_refuting
from harness.judgement.measures import Case, because, measure
from harness.judgement.stats.statistics import share_bounds
from harness.model import COMPARED, Claim, Figure, LimitRule, Measure, Objective, Op, Outcome, Phase, Quantity
from tests.builders.scenarios import scenario

UNITS = {"time": {"ms", "s"}, "ratio": {"ratio"}, "count": {""}, "rate": {""}, "size": {"MB"}}


def problems(spec: Spec) -> list[str]:
    """What a spec lacks, or says that cannot be so."""
    limit = Quantity(
        value=1,
        unit={"time": "s", "ratio": "%", "rate": "/s", "size": "MB"}.get(spec.limit.dimension, "")
        if spec.limit
        else "",
    )
    op = Op.BELOW if spec.limit else Op.HOLDS
    times = dict.fromkeys(("after", "within", "below"), Quantity(value=1, unit="s"))
    asked = Objective(figure=spec.figure, quantile=0.95, op=op, limit=limit, times=times, sentence="")
    claim = Claim(scenario=scenario(), requirement="R", objectives=(asked,), demands=())
    case = Case(plan=plan(), evidence=evidence(), claim=claim, objective=asked)
    offered = Offered(requests=1000, probes=1000)
    at_most, at_least = spec.watched(asked, 1.0)
    found = {
        "has no name": not spec.figure.value,
        "has no judge": not callable(spec.judge),
        "has a limit without a comparison": spec.limit is not None and not spec.limit.ops <= COMPARED,
        "has a unit of another dimension": spec.unit not in (UNITS[spec.limit.dimension] if spec.limit else {""}),
        "has no phase": not spec.phases,
        "names no evidence": not all(isinstance(file, str) and file for file in spec.evidence(case)),
        "depends on nothing": not [*spec.evidence(case)],
        "has a need without a reason": not all(need.key and need.why for need in spec.needs(asked)),
        "has a need of the command without a hint": any(n.of == "command" and not n.hint for n in spec.needs(asked)),
        "has an incomplete row in the plan": (n := spec.numbers(asked, offered)) is not None
        and not all(getattr(n, each.name) for each in fields(n) if each.name != "short"),
        "is watched for less than no time": at_most < 0 or at_least < 0,
        "is watched without an experiment": (at_most, at_least) != (0, 0) and spec.basis is not Basis.EXPERIMENT,
        "has no words": not spec.words(asked),
    }
    return [text for text, there in found.items() if there]


def test_every_figure_has_a_complete_spec(subtests: pytest.Subtests) -> None:
    """None is forgotten, and nothing in it is empty."""
    for figure in Figure:
        with subtests.test(figure.value):
            assert FIGURES[figure].figure is figure
            assert problems(FIGURES[figure]) == []


def test_an_incomplete_spec_is_found(subtests: pytest.Subtests) -> None:
    """The check above is one that can fail."""
    cases: list[tuple[dict[str, Any], str]] = [
        ({"judge": None}, "has no judge"),
        ({"unit": "furlong"}, "has a unit of another dimension"),
        ({"phases": frozenset()}, "has no phase"),
        ({"evidence": lambda _case: ()}, "depends on nothing"),
        ({"evidence": lambda _case: ("",)}, "names no evidence"),
        ({"needs": lambda _objective: (Need(key="database", why=""),)}, "has a need without a reason"),
        ({"watched": lambda _objective, _scale: (-1.0, 0.0)}, "is watched for less than no time"),
        ({"watched": lambda _objective, _scale: (1.0, 0.0)}, "is watched without an experiment"),
        ({"words": lambda _objective: ""}, "has no words"),
    ]
    for change, problem in cases:
        with subtests.test(problem):
            assert problem in problems(replace(FIGURES[Figure.ERROR_RATE], **change))


def test_an_unknown_figure_is_reported_with_the_known_ones() -> None:
    """Also where a plan was written by a release of the harness that knew it."""
    with pytest.raises(UsageError, match="unknown figure 'mood'") as caught:
        spec_of(Figure("mood"))
    assert "known figures: accepted events" in caught.value.hint

    asked = objective(Figure("mood"), Op.HOLDS, "0")
    (found,) = measures(judge(plan({"R-MOOD": asked}), evidence(), figures.figures_of(plan({"R-MOOD": asked}))))

    assert found.outcome is Outcome.INCONCLUSIVE
    assert found.reason == "unknown figure 'mood'"


def mood(case: Case) -> tuple[Measure, ...]:
    """A figure of a package of its own."""
    return (measure(case, "mood", Outcome.PASS, because(Outcome.PASS, "the mood is good")),)


MOOD = Spec(
    figure=Figure("mood"),
    judge=mood,
    limit=LimitRule(dimension="ratio"),
    unit="ratio",
    basis=Basis.TRAFFIC,
    phases=frozenset({Phase.STEADY}),
    evidence=lambda _case: ("mood/",),
)


@pytest.fixture
def installed(monkeypatch: pytest.MonkeyPatch) -> Iterator[Callable[[str], None]]:
    """A package whose entry point names an object of this module."""

    def install(value: str) -> None:
        entry = EntryPoint(name="mood", group=figures.GROUP, value=value)
        monkeypatch.setattr(figures, "plugins", lambda group: (entry,) if group == figures.GROUP else ())
        figures.installed.cache_clear()

    monkeypatch.setattr(figures, "plugins", lambda **_: ())
    yield install
    figures.installed.cache_clear()


def test_a_package_adds_a_figure_by_an_entry_point(installed: Callable[[str], None]) -> None:
    """It is judged like any other, and named in the plan by its own name."""
    installed(f"{__name__}:MOOD")
    asked = objective(Figure("mood"), Op.BELOW, "10 %")

    assert spec_of(Figure("mood")) is MOOD
    of_mood = plan({"R-MOOD": asked})
    assert [m.reason for m in measures(judge(of_mood, evidence(), figures_of(of_mood)))] == ["the mood is good"]


def test_a_plan_of_the_harness_own_figures_loads_no_package(installed: Callable[[str], None]) -> None:
    """So a package that cannot be loaded keeps no other run from its verdict."""
    installed(f"{__name__}:NOBODY")
    assert figures_of(plan()) is FIGURES
    with pytest.raises(UsageError, match="the figure cannot be loaded"):
        figures_of(plan({"R-MOOD": objective(Figure("mood"), Op.BELOW, "10 %")}))


@pytest.mark.parametrize(
    ("value", "message"),
    [
        (f"{__name__}:NOBODY", "the figure cannot be loaded"),
        (f"{__name__}:UNITS", "the figure's value is not a Spec"),
        ("harness.judgement.figures.trends.drift:SPEC", "two figures have the name 'drift of the response time'"),
    ],
)
def test_a_package_with_a_bad_figure_is_named(installed: Callable[[str], None], value: str, message: str) -> None:
    """With its entry point, so that it can be corrected or removed."""
    installed(value)
    with pytest.raises(UsageError, match=message) as caught:
        spec_of(Figure("mood"))
    assert caught.value.where == f"entry point mood = {value}"


def test_the_plan_tells_the_chance_of_a_pass() -> None:
    """12 800 requests tolerate 6 failures at 0.1 %, wherever they are: at a fifth of it 98 % of runs pass, at half of it 54 %.

    51 200 tolerate 33, 11 in each third: at half of it 61 % of runs pass, where 94 % have no more than 33.
    """
    tenth, fifth, half = chances_of_pass(0.001, 12_800, 6)
    assert (round(tenth, 3), round(fifth, 3), round(half, 3)) == (1.0, 0.984, 0.542)
    assert round(chances_of_pass(0.001, 51_200, 33)[2], 3) == 0.605


def test_the_plan_tells_the_fewest_failures_that_prove_a_fail() -> None:
    """Of 500 requests at 2 % it is 21: the lower bound at 99.75 % is above the limit, that of 20 is not; of 2 requests no number is."""
    fewest = failures_refuting(0.02, 500)
    assert fewest is not None
    assert share_bounds(fewest, 500, 0.95).fail_low > 0.02 >= share_bounds(fewest - 1, 500, 0.95).fail_low
    assert fewest == 21
    assert failures_refuting(0.04, 2) == 2
    assert failures_refuting(0.1, 0) is None
