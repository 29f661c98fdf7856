"""A check's claim: its sentences, the keys of the target file that it needs, and when in the run it is done."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import AbstractContextManager, nullcontext
from dataclasses import dataclass
from enum import StrEnum
from types import MappingProxyType
from typing import Any, Final, TypeVar

from harness.drivers.claim import ClaimedSentence, SentenceForm, attach, defined_at, sentence_fields
from harness.drivers.facts import FactProbe
from harness.errors import ConfigurationError
from harness.model import DemandKind
from harness.model.planned.need import RequiredKey
from harness.targets import Target

Params = Mapping[str, str]
CheckFunction = Callable[[Target, Params], FactProbe | AbstractContextManager[FactProbe]]
"""Given the target and the parameters of the demand: a probe of facts, or a context manager that prepares the check and gives the probe."""
_Check = TypeVar("_Check", bound=CheckFunction)

SEED: Final = "seed"
"""Parameter of every check beside those of its sentence: the seed of the run, a whole number."""
RUN: Final = "run directory"
"""Parameter of every check in a run: the run's directory, whose name is the run's id."""
USUAL_S: Final = 0.8
"""Usual time of a check in a run, in s; four checks run in parallel."""


class When(StrEnum):
    """When a check is done in a run with traffic."""

    BEFORE = "before"
    """Before the traffic."""
    UNDER_TRAFFIC = "under traffic"
    """During the fault-free window: the check reads the steady state."""
    AT_THE_WINDOWS_END = "at the window's end"
    """At the end of the fault-free window: the check reads the last minute of the steady state."""
    AFTER_CONTAINERS = "after the faults of containers"
    """During the traffic, after the faults of containers: the check reads what they left, before a larger fault replaces pods and monitor.

    Without such a fault as `AFTER_TRAFFIC`.
    """
    BESIDE_USERS = "beside users"
    """During the traffic, after its faults and rollouts, one at a time: the check changes what users get."""
    AFTER_TRAFFIC = "after traffic"
    """After the traffic: the check reads what grows during the run, what was recovered, or what the check itself changes."""


@dataclass(frozen=True, kw_only=True, slots=True)
class CheckKind:
    """A check: its function, and what a plan must know about it.

    Attributes:
        read: the function of the check.
        needs, when, seconds, touches, consent, again: see `claim`.
    """

    read: CheckFunction
    needs: tuple[RequiredKey, ...]
    when: When = When.BEFORE
    seconds: float = USUAL_S
    touches: tuple[str, ...] = ()
    consent: str = ""
    again: bool = True

    def placed(self, target: Target, params: Params) -> AbstractContextManager[FactProbe]:
        """A context manager that prepares the check and gives its probe."""
        made = self.read(target, params)
        return made if isinstance(made, AbstractContextManager) else nullcontext(made)

    def missing(self, target: Target, params: Params) -> Iterator[RequiredKey]:
        """Needed keys that the target file lacks; for a missing section only one key is given."""
        lacking: set[str] = set()
        for need in self.needs:
            section, *below = need.key.split(".")
            try:
                parts = [section, *(part.format_map(params) for part in below)]
                named = need.filled(params)
            except KeyError:
                continue
            if section not in lacking and not _value(target, parts):
                lacking.add(need.key)
                yield named


@dataclass(frozen=True, kw_only=True, slots=True)
class CheckClaim(ClaimedSentence):
    """A sentence about the live target.

    Attributes:
        made: the check; None: another claim of the function has it.
    """

    made: CheckKind | None


def claim(
    text: str | SentenceForm,
    noun: str = "",
    *,
    example: str = "",
    name: str = "",
    about: str = "",
    fixed: Mapping[str, str] | None = None,
    unread: tuple[str, ...] = (),
    needs: tuple[RequiredKey, ...] = (),
    when: When = When.BEFORE,
    seconds: float = USUAL_S,
    touches: tuple[str, ...] = (),
    consent: str = "",
    again: bool = True,
) -> Callable[[_Check], _Check]:
    """Put a sentence on the function of a check, with what a plan must know about the check.

    The check has the name of the function, with dashes; the first paragraph of the docstring describes it. A function may have several
    sentences: one of these claims has `needs` and what follows it, the others only their words.

    Args:
        text: the sentence; `<limit:duration>` is a slot with its type, `[…]` may be left out. A `SentenceForm` is one that others share.
        noun: the words in the form that are of this check.
        example: a sentence that it matches, where it has slots.
        name: of the sentence, where it is not that of the check.
        about: what is read, where it is not what the docstring says.
        fixed: parameters that these words fix; `{"within": "<limit>"}` gives the parameter the value of the slot `limit`.
        unread: slots that are no parameter.
        needs: keys of the target file without which the check raises a ConfigurationError, in the order in which they are reported.
            A key within a section is written with dots, and a parameter of the demand in braces: `doors.{region}`. A key whose
            parameter the demand does not have is not needed.
        when: when in the run the check is done.
        seconds: how long the check takes.
        touches: parts of the platform that nothing else may measure during the check, since it adds pods or sends much load.
        consent: name that `may_break` must contain on a target that is not disposable; empty: the check changes nothing for users.
        again: whether facts that are not as expected are read twice more; False: a fact is of one event.

    Raises:
        ConfigurationError: a claim without `needs` has what belongs beside them, nothing says what is read, or an argument is of another
            type; with file and line.
    """

    def of(read: _Check) -> _Check:
        for wrong, hint in _mistyped(needs, when, touches):
            raise ConfigurationError(wrong, where=defined_at(read), hint=hint)
        made = CheckKind(
            read=read, needs=needs, when=when, seconds=seconds, touches=touches, consent=consent, again=again
        )
        if not needs and made != CheckKind(read=read, needs=()):
            hint = "write `when`, `seconds`, `touches`, `consent` and `again` in the claim that has `needs`"
            raise ConfigurationError("a claim without `needs` says more than words", where=defined_at(read), hint=hint)
        fields = sentence_fields(read, text, noun, example=example, name=name, about=about, fixed=fixed)
        attach(read, CheckClaim(**fields, kind=DemandKind.CHECK, unread=unread, made=made if needs else None))
        return read

    return of


def _mistyped(needs: object, when: object, touches: object) -> Iterator[tuple[str, str]]:
    """What is wrong with arguments that a module of a project gives, and what to write."""
    if not isinstance(needs, tuple) or not all(isinstance(need, RequiredKey) for need in needs):
        hint = "write `needs=(ENTRY,)`, with a constant of `harness.drivers.check.needs`, or `RequiredKey(KEY, WHY)`"
        yield f"`needs` is {needs!r}, a tuple of RequiredKey was expected", hint
    if not isinstance(when, When):
        members = ", ".join(f"When.{one.name}" for one in When)
        yield f"`when` is {when!r}, one of {members} was expected", "import `When` from `harness.drivers.check.claim`"
    if not isinstance(touches, tuple) or not all(isinstance(part, str) for part in touches):
        yield f"`touches` is {touches!r}, a tuple of names was expected", "write `touches=(NAME,)`"


def checks_of(claims: Sequence[CheckClaim]) -> Mapping[str, CheckKind]:
    """The check of each function, by its name.

    Raises:
        ConfigurationError: not exactly one of the claims on a function has `needs`; with file and line.
    """
    found: dict[str, CheckKind] = {}
    for one in claims:
        if one.made is None:
            continue
        if one.check in found:
            raise ConfigurationError(f"two claims say what `{one.check}` needs", where=one.where, hint="leave one out")
        found[one.check] = one.made
    for one in claims:
        if one.check not in found:
            hint = "name the keys of the target file that it reads, as in `needs=(API,)`"
            raise ConfigurationError(f"no claim says what `{one.check}` needs", where=one.where, hint=hint)
    return MappingProxyType(found)


def _value(target: Target, parts: list[str]) -> Any:
    """The value of a key, or None if the key or one of its sections is missing; of a list, whether it has this name."""
    found: Any = target
    for part in parts:
        if isinstance(found, tuple):
            found = part in found
        else:
            found = found.get(part) if isinstance(found, Mapping) else getattr(found, part, None)
    return found
