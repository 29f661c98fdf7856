"""The type of a check: its function, the keys of the target file that it needs, and when in the run it is done."""

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
"""Usual time of a check in a run, in s; four checks run in parallel."""


class When(StrEnum):
    """When a check is done in a run with traffic."""

    BEFORE = "before"
    """Before the traffic."""
    UNDER_TRAFFIC = "under traffic"
    """During the fault-free window: the check reads the steady state."""
    AT_THE_WINDOWS_END = "at the window's end"
    """At the end of the fault-free window: the check reads the last minute of the steady state."""
    BESIDE_USERS = "beside users"
    """During the traffic, after its faults and rollouts, one at a time: the check changes what users get."""
    AFTER_TRAFFIC = "after traffic"
    """After the traffic: the check reads what grows during the run, what was recovered, or what the check itself changes."""


@dataclass(frozen=True, kw_only=True, slots=True)
class CheckKind:
    """The declaration of a check.

    Attributes:
        make: the function of the check, as `module.function` below `harness.drivers.check`. Given the target and the parameters of
            the demand, it returns a probe of facts, or a context manager that prepares the check and gives the probe.
        needs: keys of the target file without which the check raises a ConfigurationError, in the order in which they are reported.
            A key within a section is written with dots, and a parameter of the demand in braces: `doors.{region}`. A key whose
            parameter the demand does not have is not needed.
        when: when in the run the check is done.
        seconds: how long the check takes.
        touches: parts of the platform that nothing else may measure during the check, since it adds pods or sends much load.
        consent: name that `may_break` must contain on a target that is not disposable; empty: the check changes nothing for users.
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
        """A context manager that prepares the check and gives its probe."""
        made = self.function(target, params)
        return made if isinstance(made, AbstractContextManager) else nullcontext(made)

    def missing(self, target: Target, params: Params) -> Iterator[RequiredKey]:
        """Needed keys that the target file lacks; for a missing section only one key is given."""
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
    """The value of a key, or None if the key or one of its sections is missing."""
    found: Any = target
    for part in parts:
        found = found.get(part) if isinstance(found, Mapping) else getattr(found, part, None)
    return found
