"""`flag-off` and `flag-page`: check how soon answers lose a feature after its flag is off, and a page gets it after it is on."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from functools import partial
from typing import Final

from harness import clock
from harness.drivers.check.claim import When, claim
from harness.drivers.check.flags.asking import FeatureAnswer, asking
from harness.drivers.check.flags.switching import (
    FLAGS,
    SWITCHED,
    SWITCHED_ON,
    FlagSwitch,
    flag_access,
    flags_of,
    switched,
)
from harness.drivers.check.needs import ENTRIES, PODS, within
from harness.drivers.facts import FactProbe, FactReading
from harness.errors import ConfigurationError
from harness.model import Quantity
from harness.targets import Target
from harness.targets.access import accesses
from harness.units import NS_PER_S

ON_WITHIN_S: Final = 60.0
"""Maximum time in s for a flag that was switched on to take effect in every region, before it is switched off."""
SETTLED_S: Final = 3.0
AFTER_S: Final = 10.0
"""Time in s for which answers are requested beyond the limit."""
LEAST: Final = 20
"""Minimum number of a region's answers after the limit; with fewer answers the result is unknown."""
IN_A_ROW: Final = 10
"""Number of consecutive answers with the feature that show that the flag took effect in a region."""
HELD: Final = 50
"""Number of consecutive last answers of a page with the feature; with fewer, a pod without it may not have answered yet."""
HELD_S: Final = 5.0
"""Minimum time in s that these answers must cover."""
HELD_WITHIN_S: Final = 20.0
"""Maximum time in s beyond the limit for which a page is requested until it has kept the feature for `HELD_S`."""
_POLL_S: Final = 0.2


@claim(
    "no answer with a feature is served later than <within:reaction> after its flag is off, under traffic",
    example="no answer with a feature is served later than 5 s after its flag is off, under traffic",
    needs=(
        FLAGS,
        PODS,
        ENTRIES,
        *SWITCHED,
        within("flags.answers", "pages are requested whose answers have the feature of the flag"),
    ),
    when=When.BESIDE_USERS,
    seconds=24.0,
    touches=("entry",),
    consent="feature-flags",
)
@accesses(by=flag_access)
@contextmanager
def flag_off(target: Target, params: Mapping[str, str]) -> Iterator[FactProbe]:
    """Each flag of `flags.answers` is switched on, then off; every region's entry is asked all the time meanwhile."""
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


@claim(
    SWITCHED_ON,
    "the updated dashboard is served in every region",
    about=(
        "Each flag of `flags.pages` is switched on; the page of every region is asked for until fifty answers after another, in five "
        "seconds or more, have the feature; one later than the limit must not lack it."
    ),
    example="the updated dashboard is served in every region within 60 s after the flag is on",
    needs=(FLAGS, PODS, *SWITCHED, within("flags.pages", "pages are read for what the flag switches")),
    when=When.BESIDE_USERS,
    seconds=13.0,
    touches=("entry",),
    consent="feature-flags",
)
@accesses(by=flag_access)
@contextmanager
def flag_page(target: Target, params: Mapping[str, str]) -> Iterator[FactProbe]:
    """Switches each flag of `pages` on, and requests the page of every region until it has the feature and keeps it."""
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
    """The answers without those in progress while the flag was switched; the first `early` answers came before the switch."""
    return [*answers[:early], *(one for one in answers[early:] if one.sent_ns >= on_ns)]


def _wait(until: Callable[[], bool], within_s: float) -> None:
    for _ in clock.Deadline.after(within_s).ticks(_POLL_S):
        if until():
            return


def off_reading(
    place: str, answers: Sequence[FeatureAnswer], off_ns: int, within_s: float, flag: FlagSwitch
) -> FactReading:
    """The fact for a region, named `place`; answers with the feature while the flag was on prove that the feature was there."""
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
    """The fact for a region's page: without the feature before its flag was on, and with it in all answers from some answer on.

    A single answer without the feature after the limit is a failure, since some pod lacks it. With too few answers, or in too short
    a time, the result is unknown. The flag took effect between `sent_ns` and `on_ns`: a page is in time if it is in time counted from
    `sent_ns`, and late if it is late counted from `on_ns`.
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
    """The answers that were requested after the last answer without the feature, in order."""
    last_ns = max((one.sent_ns for one in answers if not one.has), default=-1)
    return sorted(one for one in answers if one.sent_ns > last_ns)


def _is_held(answers: Sequence[FeatureAnswer]) -> bool:
    """Whether enough answers over enough time had the feature to conclude that every pod has it."""
    held = _held(answers)
    return len(held) >= HELD and held[-1].sent_ns - held[0].sent_ns >= HELD_S * NS_PER_S
