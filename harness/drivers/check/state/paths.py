"""Paths into an object: the part of Kubernetes' JSONPath that nouns use."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any, Final

from harness.drivers.check.state.conditions import text_of
from harness.errors import UsageError

_STEP: Final = re.compile(
    r"\.(?P<key>[A-Za-z_][A-Za-z0-9_-]*)"
    r"|\['(?P<quoted>[^']+)'\]"
    r"|(?P<each>\[\*\])"
    r"|\[\?\(@\.(?P<by>[A-Za-z_][A-Za-z0-9_-]*)==['\"](?P<equal>[^'\"]*)['\"]\)\]"
)


@dataclass(frozen=True, slots=True)
class ObjectPath:
    """Where values are in an object.

    Attributes:
        text: `.spec.replicas`, `.metadata.annotations['example.test/owner']`, `.spec.containers[*].image`,
            `.status.conditions[?(@.type=="Ready")].status`. A key `<name>` in quotes is the value of that slot of the sentence.
        steps: in order: a key, or the key and value that select items of a list; two empty texts select every item.
    """

    text: str
    steps: tuple[str | tuple[str, str], ...]

    @classmethod
    def parse(cls, text: str) -> ObjectPath:
        """Read a path.

        Raises:
            UsageError: a part of it is not understood.
        """
        steps: list[str | tuple[str, str]] = []
        end = 0
        while end < len(text) and (step := _STEP.match(text, end)):
            key = step["key"] or step["quoted"]
            steps.append(key or (step["by"] or "", step["equal"] or ""))
            end = step.end()
        if not steps or end < len(text):
            hint = "write it like `.spec.replicas`, `.metadata.labels['a/b']`, `.items[*].x` or `.list[?(@.type==\"Ready\")].x`"
            raise UsageError(f"`{text[end:]}` of `{text}` is not understood", hint=hint)
        return cls(text, tuple(steps))

    @property
    def slots(self) -> frozenset[str]:
        """The slots whose values are keys of it."""
        return frozenset(step[1:-1] for step in self.steps if isinstance(step, str) and step.startswith("<"))

    def values(self, obj: Any, params: Mapping[str, str], default: Any = None) -> list[Any]:
        """The values that it leads to; None for each one that the object does not state.

        Args:
            obj: the object.
            params: values of the slots.
            default: what the last key has where the object that would hold it is there without the key.
        """
        found, last = [obj], self.steps[-1]
        for number, step in enumerate(self.steps, 1):
            if number == len(self.steps) and default is not None and isinstance(last, str):
                found = [{last: default, **each} if isinstance(each, Mapping) else each for each in found]
            found = [one for each in found for one in _below(each, step, params)]
        return found


def _below(obj: Any, step: str | tuple[str, str], params: Mapping[str, str]) -> Iterator[Any]:
    if isinstance(step, str):
        key = params.get(step[1:-1], step) if step.startswith("<") else step
        yield obj.get(key) if isinstance(obj, Mapping) else None
    elif not isinstance(obj, list):
        yield None
    else:
        by, equal = step
        yield from (one for one in obj if not by or (isinstance(one, Mapping) and text_of(one.get(by, "")) == equal))
