"""A declared scale of the traffic is told with everything that was measured under it."""

from __future__ import annotations

from dataclasses import replace

from judgement_builders import failing, plan, samples, with_load

from harness.judgement import judge

BAD = with_load(failing(samples(0, 60), slice(0, None, 30)))


def test_the_scale_of_the_traffic_is_on_the_decision_and_on_every_figure_of_it() -> None:
    """Half of the traffic that was planned: who reads a figure, or the decision, reads that too. Without a scale nothing is said."""

    def scoped(scale: float) -> tuple[bool, set[str | None]]:
        judgement = judge(replace(plan(), traffic_scale=scale), BAD)
        sizes = {
            m.scope.get("size")
            for v in judgement.verdicts
            for c in v.claims
            for ms in c.measures
            for m in ms
            if m.scope.get("traffic")
        }
        return " · 1.0.0 · traffic scale 0.5 · " in judgement.decision.headline, sizes

    assert scoped(0.5) == (True, {"traffic scale 0.5"})
    assert scoped(1.0) == (False, {None})
