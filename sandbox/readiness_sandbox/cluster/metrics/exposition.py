"""The text format that Prometheus scrapes, version 0.0.4.

https://prometheus.io/docs/instrumenting/exposition_formats/
"""

from __future__ import annotations

from dataclasses import dataclass, field
from functools import lru_cache
from typing import TYPE_CHECKING, Final, Literal

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

CONTENT_TYPE: Final = "text/plain; version=0.0.4; charset=utf-8"
_ESCAPED = str.maketrans({"\\": r"\\", "\n": r"\n", '"': r"\""})


@dataclass(slots=True)
class Family:
    """A metric's samples."""

    name: str
    type: Literal["counter", "gauge"]
    help: str
    _lines: list[str] = field(default_factory=list)

    def add(self, value: float, labels: Mapping[str, str], *, at_ms: int | None = None) -> None:
        """One sample; without `at_ms` (unix milliseconds) it is of the moment of the scrape."""
        inside = _inside(tuple(labels.items()))
        shown = int(value) if float(value).is_integer() else repr(float(value))
        self._lines.append(f"{self.name}{{{inside}}} {shown}{'' if at_ms is None else f' {at_ms}'}\n")

    def text(self) -> str:
        """The family as it is exposed; nothing when it has no samples."""
        if not self._lines:
            return ""
        return f"# HELP {self.name} {self.help}\n# TYPE {self.name} {self.type}\n{''.join(self._lines)}"


@lru_cache(maxsize=1 << 13)
def _inside(labels: tuple[tuple[str, str], ...]) -> str:
    """Labels as they are written; those of a container are the same in each of its samples and scrapes."""
    return ",".join(f'{name}="{text.translate(_ESCAPED)}"' for name, text in labels)


def exposed(families: Iterable[Family]) -> str:
    """The whole text."""
    return "".join(family.text() for family in families)
