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
from harness.units import NS_PER_S

ON_WITHIN_S: Final = 60.0
"""So long a flag that was switched on is given to be seen in every region, before it is switched off."""
SETTLED_S: Final = 3.0
AFTER_S: Final = 10.0
"""Answers are asked for so much longer than the limit."""
LEAST: Final = 20
"""Answers of a region after the limit, without which nothing is shown."""
IN_A_ROW: Final = 10
"""Answers of a region, one after the other, that have the feature: then its flag is seen there."""
HELD: Final = 50
"""Answers of a page, one after the other and the last ones, without which a pod that lacks the feature may have had no turn."""
HELD_S: Final = 5.0
"""Seconds that these answers cover."""
HELD_WITHIN_S: Final = 20.0
"""So much longer than the limit a page is asked for, while it is not held for as long."""
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
            *(
                off_reading(f"{region}, flag {name}", own, off_ns, within_s, flag)
                for region, own in asked.answers.items()
            ),
        ]
    yield lambda: seen


@accesses(by=flag_access)
@contextmanager
def flag_page(target: Target, params: Mapping[str, str]) -> Iterator[FactProbe]:
    """Switches each flag of `pages` on, and asks for the page of every region until it has the feature and keeps it."""
    settings, _ = flags_of(target)
    if not settings.pages:
        hint = "write `pages: {FLAG: {REGION: http://…}}`"
        raise ConfigurationError("no page that has a feature", where=f"{target.file}: flags.pages", hint=hint)
    within_s, seen = Quantity.parse(params["within"]).in_unit("s"), list[FactReading]()
    for name, pages in settings.pages.items():
        with (
            switched(target, name, "flag-page") as flag,
            asking(target, name, settings.header, pages, errors_lack=True) as asked,
        ):
            _wait(asked.answered_everywhere, ON_WITHIN_S)
            early = {region: len(own) for region, own in asked.answers.items()}
            on_ns = flag.turn(on=True)
            clear = partial(_clear_of_all, asked.answers, early, on_ns)
            _wait(partial(_all_held, clear), within_s + HELD_WITHIN_S)
        missing = [region for region in target.doors if region not in pages]
        seen.append(flag.reading)
        seen += [
            on_reading(f"{region}, flag {name}", own, on_ns, within_s, flag.sent_ns) for region, own in clear().items()
        ]
        seen += [
            FactReading(subject=f"page of {one}, flag {name}", expected="an address", observed="none", ok=None)
            for one in missing
        ]
    yield lambda: seen


def _clear_of_all(
    answers: Mapping[str, Sequence[FeatureAnswer]], early: Mapping[str, int], on_ns: int
) -> dict[str, list[FeatureAnswer]]:
    return {region: _clear(own, early[region], on_ns) for region, own in answers.items()}


def _clear(answers: Sequence[FeatureAnswer], early: int, on_ns: int) -> list[FeatureAnswer]:
    """Without those that were under way while the flag was switched: the first `early` ones had come before."""
    return [*answers[:early], *(one for one in answers[early:] if one.sent_ns >= on_ns)]


def _wait(until: Callable[[], bool], within_s: float) -> None:
    for _ in clock.Deadline.after(within_s).ticks(_POLL_S):
        if until():
            return


def off_reading(
    place: str, answers: Sequence[FeatureAnswer], off_ns: int, within_s: float, flag: FlagSwitch
) -> FactReading:
    """A region's answers (`place` names it, for people); those that had the feature while its flag was on show that there was something to lose."""
    had = any(one.has for one in answers if one.sent_ns <= off_ns)
    after = [one for one in answers if one.sent_ns > off_ns + within_s * NS_PER_S]
    late = sum(one.has for one in after)
    last = max((one.sent_ns for one in answers if one.has), default=off_ns)
    words = (
        f"the last one after {max(last - off_ns, 0) / NS_PER_S:.1f} s; {late} of {len(after)} later than {within_s:g} s"
    )
    since_ns = flag.sent_ns + round(within_s * NS_PER_S)  # the flag may have been off since then
    enough = had and len(after) >= LEAST and not any(one.has for one in answers if one.sent_ns > since_ns)
    return FactReading(
        subject=f"answers of {place}",
        expected=f"none with {flag.name} later than {within_s:g} s after its flag is off",
        observed=words if had else "no answer had it while its flag was on",
        ok=False if late and had else enough or None,
    )


def on_reading(place: str, answers: Sequence[FeatureAnswer], on_ns: int, within_s: float, sent_ns: int) -> FactReading:
    """A region's page: without the feature before its flag was on, and never again without it from some answer on.

    One answer without it after the limit is enough: some pod still lacks it. Too few with it, or in too short a time, show nothing.
    The flag was on at some moment between `sent_ns` and `on_ns`: in time is what is in time from the first one, late what is late from the second.
    """
    before = [one for one in answers if one.sent_ns < on_ns]
    after = [one for one in answers if one.sent_ns >= on_ns]
    held = _held(after)
    lacking = sum(not one.has for one in after if one.sent_ns > on_ns + within_s * NS_PER_S)
    shown = f"not in the last of {len(after)} answers"
    if held:
        least, most = (f"{(held[0].sent_ns - since_ns) / NS_PER_S:.1f}" for since_ns in (on_ns, sent_ns))
        took = least if least == most else f"{least} to {most}"
        shown = f"after {took} s, in all {len(held)} answers since"
    if lacking:
        shown += f"; {lacking} answers after {within_s:g} s still lack it"
    clear = bool(before) and not any(one.has for one in before)
    served = _is_held(after) and held[0].sent_ns <= sent_ns + within_s * NS_PER_S
    return FactReading(
        subject=f"page of {place}",
        expected=f"with the feature within {within_s:g} s after its flag is on",
        observed=shown if clear else "it had the feature before, or did not answer",
        ok=(False if lacking else served or None) if clear else None,
    )


def _all_held(answers: Callable[[], Mapping[str, Sequence[FeatureAnswer]]]) -> bool:
    return all(map(_is_held, answers().values()))


def _held(answers: Sequence[FeatureAnswer]) -> list[FeatureAnswer]:
    """The answers that were asked for after the last one without the feature, in their order."""
    last_ns = max((one.sent_ns for one in answers if not one.has), default=-1)
    return sorted(one for one in answers if one.sent_ns > last_ns)


def _is_held(answers: Sequence[FeatureAnswer]) -> bool:
    """Whether the last answers had the feature so often and for so long that no pod without it is left."""
    held = _held(answers)
    return len(held) >= HELD and held[-1].sent_ns - held[0].sent_ns >= HELD_S * NS_PER_S
