"""What there is to say of a check: how it is made, what the target file must name for it, and when it is done."""

from __future__ import annotations

import importlib
from collections.abc import Callable, Iterator, Mapping
from contextlib import AbstractContextManager, nullcontext
from dataclasses import dataclass
from enum import StrEnum
from typing import TYPE_CHECKING, Any, Final

from harness.model.need import RequiredKey

if TYPE_CHECKING:
    from harness.drivers.facts import FactProbe
    from harness.targets import Target

Params = Mapping[str, str]

USUAL_S: Final = 0.8
"""What a check takes of a run; four run side by side."""


class When(StrEnum):
    """When a check is done, where there is traffic."""

    BEFORE = "before"
    """Before the traffic."""
    UNDER_TRAFFIC = "under traffic"
    """What it reads is of the steady state: while the fault-free window goes on."""
    AT_THE_WINDOWS_END = "at the window's end"
    """The same of the last minute: when that window ends."""
    BESIDE_USERS = "beside users"
    """It changes what users get: while the traffic goes on, after its faults and rollouts, one at a time."""
    AFTER_TRAFFIC = "after traffic"
    """What it reads grows during the run, is of what was recovered, or is changed by it."""


@dataclass(frozen=True, kw_only=True, slots=True)
class CheckKind:
    """A check: all that is known of it before it is done.

    Attributes:
        make: the function of the check, as `module.function` below `harness.drivers.check`: given the target and the demand's parameters
            it reads facts, or is a context manager that puts in place what the check needs first.
        needs: keys of the target file without which that function, or what it makes, raises a ConfigurationError, in the order in which they are
            reported. One within a section is written with dots, and a parameter of the demand in braces: `doors.{region}`. A key
            whose parameter the demand does not have is not needed.
        when: it is done.
        seconds: that it takes of the run.
        touches: what nothing else is measured on meanwhile: it has pods of its own, or sends much load.
        consent: what `may_break` must allow by this name on a target that is not disposable; empty: it changes nothing that users have.
    """

    make: str
    needs: tuple[RequiredKey, ...]
    when: When = When.BEFORE
    seconds: float = USUAL_S
    touches: tuple[str, ...] = ()
    consent: str = ""

    @property
    def function(self) -> Callable[[Target, Params], FactProbe | AbstractContextManager[FactProbe]]:
        """The function of the check; its module is imported."""
        module, _, name = self.make.rpartition(".")
        found: Callable[[Target, Params], FactProbe | AbstractContextManager[FactProbe]] = getattr(
            importlib.import_module(f"{__package__}.{module}"), name
        )
        return found

    def placed(self, target: Target, params: Params) -> AbstractContextManager[FactProbe]:
        """What it needs is in place within `with`."""
        made = self.function(target, params)
        return made if isinstance(made, AbstractContextManager) else nullcontext(made)

    def missing(self, target: Target, params: Params) -> Iterator[RequiredKey]:
        """Those of its needs that the target file does not name; of a section that is missing, only the section."""
        lacking: set[str] = set()
        for need in self.needs:
            section, *below = need.key.split(".")
            try:
                parts = [section, *(part.format_map(params) for part in below)]
                named = need._replace(key=".".join(parts), **_filled(need, params)) if "{" in need.key else need
            except KeyError:
                continue
            if section not in lacking and not _value(target, parts):
                lacking.add(need.key)
                yield named


def _filled(need: RequiredKey, params: Params) -> dict[str, str]:
    return {field: getattr(need, field).format_map(params) for field in ("why", "lacks", "hint")}


def _value(target: Target, parts: list[str]) -> Any:
    """What is there under a key, or nothing: a section may be left out."""
    found: Any = target
    for part in parts:
        found = found.get(part) if isinstance(found, Mapping) else getattr(found, part, None)
    return found
