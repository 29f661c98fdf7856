"""The form *every THING has FIELD OP VALUE*: a check for each sentence of the nouns of `nouns.yaml` and of the project."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from functools import partial
from typing import Any, Final

from harness.drivers.check.claim import CheckClaim, CheckFunction, CheckKind
from harness.drivers.check.needs import API
from harness.drivers.check.state.conditions import Comparison, StateCondition, conditions_of, text_of
from harness.drivers.check.state.fields import FieldUnknown
from harness.drivers.check.state.nouns import HAS, SentenceEntry, ThingNoun
from harness.drivers.check.state.readers import READERS, ThingState
from harness.drivers.claim import SentenceForm
from harness.drivers.facts import FactProbe, FactReading
from harness.errors import AccessDenied, UsageError
from harness.model import DemandKind
from harness.model.planned.need import RequiredKey
from harness.targets import Target
from harness.targets.access import accesses, accesses_of

STATE: Final = SentenceForm(
    "state-of-things",
    f"<things:noun> has {HAS}[ in the steady state]",
    "The objects in the Kubernetes API that the noun names; each must meet every condition, and one that does not state a field fails.",
)
_LONGEST: Final = 200
"""Maximum number of characters of a value in a fact."""
_REGION: Final = RequiredKey(
    "regions.{region}", "the workloads of {region} are read", "region {region}", "add {region} to `regions:`"
)


def claims_of_nouns(things: Iterable[ThingNoun]) -> tuple[CheckClaim, ...]:
    """The claim of each sentence about these things. Sentences of one check share what the first of them says that it needs."""
    found: list[CheckClaim] = []
    for thing in things:
        fields = "; ".join(f"{name}: {field.about}" for name, field in thing.fields.items())
        texts: dict[str, list[str]] = {}
        for one, _ in thing.sentences:
            texts.setdefault(one.check or thing.check, []).append(one.text)
        for one, where in thing.sentences:
            check = one.check or thing.check
            needs = (API, _REGION) if any("<region>" in text for text in texts[check]) else (API,)
            noun = one.text.removesuffix(f" has {HAS}") if one.text.endswith(f" has {HAS}") else ""
            found.append(
                CheckClaim(
                    name=one.name or check,
                    check=check,
                    kind=DemandKind.CHECK,
                    text=STATE.of(noun) if noun else one.text,
                    about=one.about or thing.about,
                    example=one.example,
                    fixed={},
                    where=where,
                    slots={"has": f"conditions on fields of `{thing.name}` ({fields})"} if HAS in one.text else {},
                    parse=partial(_conditions, thing, one),
                    form=STATE if noun else None,
                    noun=noun,
                    made=CheckKind(read=_check(thing, one), needs=needs) if one.text == texts[check][0] else None,
                )
            )
    return tuple(found)


def _said(sentence: SentenceEntry, params: Mapping[str, str]) -> dict[str, str]:
    """The parameters, and the conditions under `has`, also where the words of the sentence fix them."""
    has = re.sub("<([a-z_]+)>", lambda slot: params[slot[1]], sentence.has or "<has>")
    return {**params, "has": has}


def _conditions(thing: ThingNoun, sentence: SentenceEntry, params: Mapping[str, str]) -> tuple[StateCondition, ...]:
    return conditions_of(thing.name, thing.values, _said(sentence, params)["has"])


def _check(thing: ThingNoun, sentence: SentenceEntry) -> CheckFunction:
    """The check of a sentence: a fact for each thing and each condition."""
    find = (READERS[sentence.read] if sentence.read else thing.reader).find

    @accesses(by=lambda target, params: accesses_of(find, target, _said(sentence, params)) or ())
    def read(target: Target, params: Mapping[str, str]) -> FactProbe:
        conditions, said = _conditions(thing, sentence, params), _said(sentence, params)

        def probe() -> Sequence[FactReading]:
            seen: list[FactReading] = []
            for one in find(target, said):
                seen += [one] if isinstance(one, FactReading) else _facts(thing, one, conditions, said)
            return seen

        return probe

    return read


def _facts(
    thing: ThingNoun, state: ThingState, conditions: Iterable[StateCondition], params: Mapping[str, str]
) -> Iterator[FactReading]:
    for condition in conditions:
        if state.only not in ("", condition.field):
            continue
        try:
            observed, ok = _met(thing, condition, state, params)
        except (FieldUnknown, AccessDenied) as unknown:
            observed, ok = str(unknown), None
        if state.leaving:
            if ok:
                continue  # what is gone in a moment proves nothing
            observed, ok = f"{observed}, and it is being deleted", None
        yield FactReading(
            subject=f"{state.subject}: {condition.field}",
            expected=str(condition).removeprefix(f"{condition.field} "),
            observed=observed,
            ok=ok,
        )


def _met(
    thing: ThingNoun, condition: StateCondition, state: ThingState, params: Mapping[str, str]
) -> tuple[str, bool | None]:
    """The values of the condition's field, and whether each meets it; a value of another kind than the noun says is not known."""
    field, found = thing.fields[condition.field], list[str]()
    met: list[bool | None] = []
    for value in _stated(thing, condition.field, state, params):
        try:
            text = value if field.read else field.compared.text_of(value)
            found.append(_short(text))
            met.append(condition.holds(text))
        except UsageError as error:
            found.append(_short(text_of(value)) if condition.how is Comparison.STATED else _short(error.what))
            met.append(True if condition.how is Comparison.STATED else None)
    return ", ".join(found) or "not stated", False if False in met or not met else None if None in met else True


def _stated(thing: ThingNoun, name: str, state: ThingState, params: Mapping[str, str]) -> Sequence[Any]:
    """The values of a field; none if any of them is not stated.

    Raises:
        FieldUnknown: a part of them is stated at one path, and which of the next path's values are the others' is not known.
    """
    field = thing.fields[name]
    if field.read:
        text = thing.reader.functions[field.read](state)
        return () if text is None else (text,)
    for path in field.path:
        values = path.values(state.document, params, field.default)
        stated = [value for value in values if value not in (None, "", [], {})]
        if stated and len(stated) == len(values):
            return stated
        if stated and path is not field.path[-1]:
            raise FieldUnknown(f"{len(stated)} of {len(values)} are stated at {path.text}")
    return ()


def _short(text: str) -> str:
    return text if len(text) <= _LONGEST else f"{text[:_LONGEST]}…"
