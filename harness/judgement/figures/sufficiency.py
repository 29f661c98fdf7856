"""Whether a run of the planned size can decide an objective, and what is missing if it cannot."""

from __future__ import annotations

import math
from collections.abc import Iterator

from harness.judgement.figures.spec import Lack, Numbers, Offered, Spec
from harness.model import Objective, Phase


def numbers_of(spec: Spec, objective: Objective, offered: Offered) -> Numbers | None:
    """The number of samples that an objective needs; None if the number of samples does not decide it."""
    if (
        not offered.window_s or objective.scope.phase is not Phase.STEADY
    ):  # how long a fault lasts is not known beforehand
        return None
    return spec.numbers(objective, offered)


def lacks_of(spec: Spec, objective: Objective, offered: Offered) -> tuple[Lack, ...]:
    """What every run of this size lacks to decide the objective even on a flawless target.

    Empty if nothing is missing.
    """
    return tuple(_lacks(spec, objective, offered))


def _lacks(spec: Spec, objective: Objective, offered: Offered) -> Iterator[Lack]:
    numbers = numbers_of(spec, objective, offered)
    if numbers is not None and numbers.short is not None and offered.window_s:
        planned, least = numbers.short
        window_s = math.ceil(offered.window_s * least / planned) if planned else 0.0
        yield Lack(what=f"at least {least} samples (planned: {planned})", window_s=window_s)
    if objective.window is not None and offered.window_s:
        needed_s = objective.window.at_scale(offered.time_scale).in_unit("s")
        if needed_s > offered.window_s:
            what = f"a fault-free window of {needed_s:g} s (planned: {offered.window_s:g} s)"
            yield Lack(what=what, window_s=needed_s)
    if objective.scope.users > offered.users:
        yield Lack(what=f"{objective.scope.users} users at once (planned: {offered.users:g} on average)")
    if objective.scope.missing_experiments:
        yield Lack(what=f"an experiment of: {', '.join(objective.scope.missing_experiments)}")
    yield from spec.lacks(objective, offered)
