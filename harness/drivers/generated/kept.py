"""Whether every operation and field of the last accepted release's API is still answered."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator, Sequence
from typing import Final

from harness.clock import Deadline
from harness.drivers.facts import FactReading
from harness.drivers.generated.calling import EntryCaller
from harness.drivers.generated.findings import DrawnInputs, Facts, OperationFinding, facts_of, searched
from harness.drivers.generated.searching import Search
from harness.targets.openapi.answers import GivenAnswer
from harness.targets.openapi.description import DescriptionReading, Operation, read_operations
from harness.targets.openapi.fields import described_fields, fields_in
from harness.targets.openapi.source import accepted_of, description_of

_GONE: Final = frozenset({404, 405, 410, 501})
"""Statuses of an operation that is not served, where the description does not have it either."""


def kept_facts(asked: DrawnInputs) -> Facts:
    """Whether each operation of the accepted description is answered as it says, and each of its fields is there.

    Answers may have more fields than the accepted description. A field that need not be in every answer is kept where an answer
    has it, or the present description still has it.

    Raises:
        HarnessError: a description cannot be read, or the sign-in failed.
    """
    accepted, present = accepted_of(asked.target), description_of(asked.target)
    operations = read_operations(accepted.document(), DescriptionReading(values=asked.api.values, open_to_more=True))
    now = {_unnamed(one): one for one in read_operations(present.document(), DescriptionReading(requests=False))}

    def find(asked: DrawnInputs, sender: EntryCaller, operation: Operation, deadline: Deadline) -> OperationFinding:
        found, search = searched(asked, sender, operation, deadline)
        if _unnamed(operation) not in now and _is_gone(search):
            observed = f"status {search.exchanges[-1].answer.status}, and the description no longer has it"
            fact = FactReading(subject=operation.name, expected="answered as before", observed=observed, ok=False)
            return OperationFinding(smallest=[fact], summary=[], rest=[])
        fields = [*_of_fields(operation, now.get(_unnamed(operation)), [one.answer for one in search.exchanges])]
        smallest = [*found.smallest, *(fact for fact in fields if fact.ok is False)]
        summary = [*found.summary, *(fact for fact in fields if fact.ok is not False)]
        return OperationFinding(smallest=smallest, summary=summary, rest=found.rest)

    return facts_of(asked, accepted, operations, find)


def _unnamed(operation: Operation) -> str:
    """An operation without the names of its path's parameters, which no client sees."""
    return re.sub(r"{[^}]*}", "{}", operation.name)


def _is_gone(search: Search) -> bool:
    answered = {one.answer.status for one in search.exchanges}
    return bool(answered) and answered <= _GONE


def _of_fields(operation: Operation, now: Operation | None, answers: Sequence[GivenAnswer]) -> Iterator[FactReading]:
    """A fact for each field of the accepted answers 2xx."""
    seen = [fields for one in answers if 200 <= one.status < 300 for fields in [_fields_of(one)]]
    if not seen:
        return
    there, present = frozenset[str]().union(*seen), _described(now) if now is not None else frozenset[str]()
    for field in sorted(_described(operation)):
        if field in there:
            ok, observed = True, f"in {sum(field in one for one in seen)} of {len(seen)} answers"
        elif field in present:
            ok, observed = True, f"in none of {len(seen)} answers, in the description"
        else:
            ok, observed = False, f"in none of {len(seen)} answers, and no longer in the description"
        subject = f"{operation.name}: field {field.removeprefix('$.')}"
        yield FactReading(subject=subject, expected="as in the accepted release", observed=observed, ok=ok)


def _described(operation: Operation) -> frozenset[str]:
    schemas = [
        schema
        for status, answer in operation.answers.items()
        if status.startswith("2")
        for schema in answer.media.values()
        if schema is not None
    ]
    return frozenset[str]().union(*map(described_fields, schemas))


def _fields_of(answer: GivenAnswer) -> frozenset[str]:
    try:
        return frozenset(fields_in(json.loads(answer.body or b"null")))
    except (ValueError, RecursionError):
        return frozenset()
