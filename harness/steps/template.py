"""One sentence with slots."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field, replace
from functools import cached_property

from harness.drivers.claim import no_keys
from harness.steps.meaning import Keyword, Meaning
from harness.steps.slots import Slot, Values, loose_pattern_of, pattern_of, plain_of, slots_of, start_of


@dataclass(frozen=True, kw_only=True)
class Template:
    """One sentence with slots.

    Attributes:
        name: unique.
        keyword: the keyword that it follows.
        text: literal but for `<slot>`, `<slot:type>` and `[optional part]`.
        about: what is measured or read for it, in one sentence.
        example: a sentence that it matches.
        mean: what the sentence means, from the values of its slots; a slot of a part that was left out is absent.
        keys: of the target file that it needs, from the parameters of its demand.
        takes: what a slot takes, where that is narrower than its type.
        nouns: the sentence with each of the nouns that its slot of the type `noun` takes; `mean` and `example` are of the first.
    """

    name: str
    keyword: Keyword
    text: str
    about: str
    example: str
    mean: Callable[[Values], Meaning]
    keys: Callable[[Mapping[str, str]], Iterable[str]] = no_keys
    takes: Mapping[str, str] = field(default_factory=dict)
    nouns: tuple[Template, ...] = ()

    @property
    def each(self) -> tuple[Template, ...]:
        """The sentence with each of its nouns; itself where it has none."""
        return self.nouns or (self,)

    def alone(self, sentence: str) -> Template:
        """This template with the noun of a sentence alone."""
        return next((one for one in self.nouns if one.match(sentence) is not None), self)

    @cached_property
    def pattern(self) -> re.Pattern[str]:
        """What a whole sentence must match."""
        return pattern_of(self.text)

    @cached_property
    def start(self) -> str:
        """The literal text before its first slot or optional part."""
        return start_of(self.text)

    @property
    def plain(self) -> str:
        """The text as people read it."""
        return plain_of(self.text)

    @cached_property
    def slots(self) -> dict[str, Slot]:
        """Its slots by name."""
        found = slots_of(self.text)
        return {**found, **{name: replace(found[name], about=about) for name, about in self.takes.items()}}

    def misfits(self, sentence: str) -> dict[str, str]:
        """The values that do not fit their slots, if the literal words of the template match.

        Empty if other words differ.
        """
        found = loose_pattern_of(self.text).fullmatch(sentence)
        values = found.groupdict() if found else {}
        slots = self.slots
        return {name: value for name, value in values.items() if value and not re.fullmatch(slots[name].pattern, value)}

    def match(self, sentence: str) -> Values | None:
        """The values of the slots of a sentence, those of its noun too; None if the template does not match it."""
        if self.nouns:
            own = self.alone(sentence)
            return None if own is self else own.match(sentence)
        found = self.pattern.fullmatch(sentence) if sentence.startswith(self.start) else None
        if found is None:
            return None
        return Values({name: value for name, value in found.groupdict().items() if value is not None}, self.slots)
