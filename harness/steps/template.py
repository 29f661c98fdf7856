"""One sentence with slots."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field, replace
from functools import cached_property

from harness.drivers.claim import no_keys
from harness.steps.meaning import Keyword, Meaning
from harness.steps.slots import (
    NOUN,
    Slot,
    Values,
    filled_nouns,
    loose_pattern_of,
    pattern_of,
    plain_of,
    slots_of,
    start_of,
)


@dataclass(frozen=True, kw_only=True)
class Template:
    """One sentence with slots.

    Attributes:
        name: unique name of the template.
        keyword: keyword before the sentence.
        text: literal text with `<slot>`, `<slot:type>` and `[optional part]`.
        about: description of the measurement, in one sentence.
        example: sentence that the template matches.
        mean: function that returns the meaning from the values of the slots; a slot in an omitted part has no value.
        keys: function that returns the needed keys of the target file, from the parameters of the demand.
        takes: slot → description of its values, if they are narrower than its type.
        nouns: one template for each noun of the slot of type `noun`; `mean` and `example` are for the first noun.
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
        """The templates for each noun; the template itself if it has no nouns."""
        return self.nouns or (self,)

    def alone(self, sentence: str) -> Template:
        """This template with only the noun of a sentence."""
        return next((one for one in self.nouns if one.match(sentence) is not None), self)

    @cached_property
    def pattern(self) -> re.Pattern[str]:
        """The pattern that a complete sentence must match."""
        return pattern_of(self.text)

    @cached_property
    def start(self) -> str:
        """The literal text before the first slot or optional part."""
        return start_of(self.text)

    @property
    def plain(self) -> str:
        """The text as people read it."""
        return plain_of(self.text)

    @cached_property
    def slots(self) -> dict[str, Slot]:
        """The slots by name."""
        found = slots_of(self.text)
        return {**found, **{name: replace(found[name], about=about) for name, about in self.takes.items()}}

    @property
    def noun_slots(self) -> dict[str, str]:
        """By slot of the type `noun`: what it takes."""
        return {name: self.slots[name].about for name, kind in slots_of(self.text).items() if kind is NOUN}

    @property
    def pairs(self) -> tuple[Template, ...]:
        """The sentence with each of its nouns, where it has several slots for them: not every two fit each other."""
        return self.nouns if len(self.noun_slots) > 1 else ()

    @property
    def every_slot(self) -> tuple[tuple[str, Slot], ...]:
        """Its slots by name, and those of each of its nouns, which are narrower."""
        named = [pair for one in self.each for pair in one.slots.items()]
        return (*(pair for pair in self.slots.items() if pair[0] not in dict(named)), *named)

    def misfits(self, sentence: str) -> dict[str, str]:
        """Slot → invalid value, if all literal words of the template match; empty if other words differ."""
        found = loose_pattern_of(self.text).fullmatch(sentence)
        values = found.groupdict() if found else {}
        slots = self.slots
        return {name: value for name, value in values.items() if value and not re.fullmatch(slots[name].pattern, value)}

    def match(self, sentence: str) -> Values | None:
        """The values of the slots of a sentence and of its noun; None if the template does not match."""
        if self.nouns:
            own = self.alone(sentence)
            return None if own is self else own.match(sentence)
        found = self.pattern.fullmatch(sentence) if sentence.startswith(self.start) else None
        if found is None:
            return None
        return Values({name: value for name, value in found.groupdict().items() if value is not None}, self.slots)


@dataclass(frozen=True, slots=True)
class Noun:
    """What one sentence of a form has in place of the form's slots of the type `noun`.

    Attributes:
        words: one for each of these slots, in order; they may have slots too. For a slot that may be left out: nothing, or parts that may be left out.
        mean: as of a `Template`. about: what is measured. example: a sentence of this noun.
        limit: type of the slot `limit`, where it is another one than the form's.
    """

    words: tuple[str, ...]
    mean: Callable[[Values], Meaning]
    about: str
    example: str
    limit: str = ""


def form(name: str, text: str, about: str, *nouns: Noun) -> Template:
    """One sentence under Then with several nouns, each with a meaning of its own; no other words fit its slots of the type `noun`."""

    def sentence(noun: Noun) -> Template:
        own = re.sub(r"<limit:[a-z]+>", f"<limit:{noun.limit}>", text) if noun.limit else text
        own = filled_nouns(own, noun.words)
        return Template(
            name=name, keyword=Keyword.THEN, text=own, about=noun.about, example=noun.example, mean=noun.mean
        )

    each = tuple(map(sentence, nouns))
    slots = [slot for slot, kind in slots_of(text).items() if kind is NOUN]
    listed = zip(slots, zip(*(noun.words for noun in nouns), strict=True), strict=True)
    takes = {
        slot: f"one of: {'; '.join(plain_of(one) for one in dict.fromkeys(words) if one)}" for slot, words in listed
    }
    return replace(each[0], text=text, about=about, takes=takes, nouns=each)
