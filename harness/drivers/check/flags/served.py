"""`flag-off` and `flag-page`: when answers lose a feature whose flag is off, and when a page gets one whose flag is on."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from functools import partial
from typing import Final

from harness import clock
from harness.drivers.check.flags.asking import FeatureAnswer, asking
from harness.drivers.check.flags.switching import FlagSwitch, flag_access, flags_of, switched
from harness.drivers.facts import FactProbe, FactReading
from harness.errors import ConfigurationError
from harness.model import Quantity
from harness.targets import Target
from harness.targets.access import accesses

ON_WITHIN_S: Final = 60.0
"""So long a flag that was switched on is given to be seen in every region, before it is switched off."""
SETTLED_S: Final = 3.0
AFTER_S: Final = 10.0
"""Answers are asked for so much longer than the limit."""
LEAST: Final = 20
"""Answers of a region after the limit, without which nothing is shown."""
IN_A_ROW: Final = 10
"""Answers of a region, one after the other, that have the feature: its pods take turns."""
_POLL_S: Final = 0.2


@accesses(by=flag_access)
@contextmanager
def flag_off(target: Target, params: Mapping[str, str]) -> Iterator[FactProbe]:
    """Switches each flag of `answers` on, then off, and asks every region's entry meanwhile."""
    settings, _ = flags_of(target)
    if not settings.answers or not target.doors:
        hint = "write `answers: {FLAG: PATH}`, and `regions: {NAME: {entry: …}}`"
        raise ConfigurationError("no answers that have a feature", where=f"{target.file}: flags.answers", hint=hint)
    within_s, seen = Quantity.parse(params["within"]).in_unit("s"), list[FactReading]()
    for name, path in settings.answers.items():
        doors = {region: entry.rstrip("/") + path for region, entry in target.doors.items()}
        with switched(target, name, "flag-off") as flag, asking(target, name, settings.header, doors) as asked:
            flag.turn(on=True)
            _wait(partial(asked.seen_everywhere, IN_A_ROW), ON_WITHIN_S)
            clock.sleep(SETTLED_S)
            off_ns = flag.turn(on=False)
            clock.sleep(within_s + AFTER_S)
        seen += [
            flag.reading,
            *(off_reading(region, own, off_ns, within_s, flag) for region, own in asked.answers.items()),
        ]
    yield lambda: seen


@accesses(by=flag_access)
@contextmanager
def flag_page(target: Target, params: Mapping[str, str]) -> Iterator[FactProbe]:
    """Switches each flag of `pages` on, and asks for the page of every region until it has the feature."""
    settings, _ = flags_of(target)
    if not settings.pages:
        hint = "write `pages: {FLAG: {REGION: http://…}}`"
        raise ConfigurationError("no page that has a feature", where=f"{target.file}: flags.pages", hint=hint)
    within_s, seen = Quantity.parse(params["within"]).in_unit("s"), list[FactReading]()
    for name, pages in settings.pages.items():
        with switched(target, name, "flag-page") as flag, asking(target, name, settings.header, pages) as asked:
            _wait(asked.answered_everywhere, ON_WITHIN_S)
            on_ns = flag.turn(on=True)
            _wait(partial(asked.seen_everywhere, IN_A_ROW), within_s)
        missing = [region for region in target.doors if region not in pages]
        seen += [flag.reading, *(on_reading(region, own, on_ns, within_s) for region, own in asked.answers.items())]
        seen += [
            FactReading(subject=f"page of {one}", expected="an address", observed="none", ok=None) for one in missing
        ]
    yield lambda: seen


def _wait(until: Callable[[], bool], within_s: float) -> None:
    for _ in clock.Deadline.after(within_s).ticks(_POLL_S):
        if until():
            return


def off_reading(
    region: str, answers: Sequence[FeatureAnswer], off_ns: int, within_s: float, flag: FlagSwitch
) -> FactReading:
    """A region's answers; those that had the feature while its flag was on show that there was something to lose."""
    had = any(one.has for one in answers if one.sent_ns <= off_ns)
    after = [one for one in answers if one.sent_ns > off_ns + within_s * clock.NS_PER_S]
    late = sum(one.has for one in after)
    last = max((one.sent_ns for one in answers if one.has), default=off_ns)
    words = f"the last one after {max(last - off_ns, 0) / clock.NS_PER_S:.1f} s; {late} of {len(after)} later than {within_s:g} s"
    enough = had and len(after) >= LEAST
    return FactReading(
        subject=f"answers of {region}",
        expected=f"none with {flag.name} later than {within_s:g} s after its flag is off",
        observed=words if had else "no answer had it while its flag was on",
        ok=False if late and had else enough or None,
    )


def on_reading(region: str, answers: Sequence[FeatureAnswer], on_ns: int, within_s: float) -> FactReading:
    """A region's page: without the feature before its flag was on, with it after that, time after time.

    Fewer answers than are asked for in a row show nothing.
    """
    before = [one for one in answers if one.sent_ns < on_ns]
    after = [one for one in answers if one.sent_ns >= on_ns]
    number = next(
        (at for at in range(len(after) - IN_A_ROW + 1) if all(one.has for one in after[at : at + IN_A_ROW])), -1
    )
    took_s = (after[number].sent_ns - on_ns) / clock.NS_PER_S if number >= 0 else None
    shown = (
        f"not in {len(after)} answers"
        if took_s is None
        else f"after {took_s:.1f} s, in {IN_A_ROW} answers after another"
    )
    clear = bool(before) and not any(one.has for one in before)
    served = took_s is not None and took_s <= within_s
    return FactReading(
        subject=f"page of {region}",
        expected=f"with the feature within {within_s:g} s after its flag is on",
        observed=shown if clear else "it had the feature before, or did not answer",
        ok=(served if len(after) >= IN_A_ROW else None) if clear else None,
    )
