"""Whether every declared call between services is answered as its contract says: when the harness makes it, and when the caller does."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import Final

from harness import clock
from harness.drivers.facts import FactReading
from harness.drivers.generated.findings import DrawnInputs, Facts, answered, facts_of
from harness.targets.files.requests import DeclaredCalls
from harness.targets.openapi.description import DescriptionReading, Operation, read_operations
from harness.targets.openapi.source import description_of

COUNTED_S: Final = 5.0
"""Time over which the answers of services are counted, in s."""

Answered = Mapping[str, Mapping[str, float]]
"""Number of answers of a service by route and status."""
Count = Callable[[str], Answered | str]
"""The answers that the pods of a service have counted so far; or why they are unknown."""


def contract_facts(asked: DrawnInputs, count: Count) -> Facts:
    """The facts of every declared call.

    Args:
        asked: target, and number of inputs to each operation.
        count: reads the counters of a service.

    Raises:
        HarnessError: a description cannot be read, or the sign-in failed.
    """
    found: Facts = []
    services = dict.fromkeys(one.service for one in asked.api.contracts)
    before = {name: count(name) for name in services}
    clock.sleep(COUNTED_S)
    after = {name: count(name) for name in services}
    for contract in asked.api.contracts:
        described = description_of(asked.target, contract.service)
        every = read_operations(described.document(), DescriptionReading(values=asked.api.values))
        declared = [one for one in every if {one.name, one.id} & {*contract.operations}]
        found += _undescribed(contract, every)
        found += _counted(contract, declared, every, before[contract.service], after[contract.service])
        if declared:
            found += _named(contract, facts_of(asked, described, declared, answered, address=contract.address))
    return found


def _way(contract: DeclaredCalls) -> str:
    return f"{contract.caller} to {contract.service}"


def _undescribed(contract: DeclaredCalls, every: Sequence[Operation]) -> Iterator[FactReading]:
    """A fact for each declared operation that the service's description does not have."""
    known = {name for one in every for name in (one.name, one.id)}
    for name in contract.operations:
        if name not in known:
            observed = f"the description of {contract.service} has no such operation"
            yield FactReading(
                subject=f"{_way(contract)}: {name}", expected="an operation of the service", observed=observed, ok=False
            )


def _named(contract: DeclaredCalls, facts: Facts) -> Facts:
    return [
        FactReading(subject=f"{_way(contract)}: {one.subject}", expected=one.expected, observed=one.observed, ok=one.ok)
        for one in facts
    ]


def _counted(
    contract: DeclaredCalls,
    declared: Sequence[Operation],
    every: Sequence[Operation],
    before: Answered | str,
    after: Answered | str,
) -> Iterator[FactReading]:
    """A fact for each declared operation on the answers that the service has counted meanwhile, whoever called.

    Of answers that are counted by the path alone, those that only another method of the path has are not of the operation.
    """
    for one in declared:
        subject, expected = f"calls of {_way(contract)}: {one.name}", "called, and answered with described statuses"
        if isinstance(before, str) or isinstance(after, str):
            why = before if isinstance(before, str) else after
            yield FactReading(subject=subject, expected=expected, observed=f"not counted: {why}", ok=None)
            continue
        since = _since(before, after, (one.id, one.name))
        by_path = _since(before, after, (one.path,))
        beside = [other for other in every if other.path == one.path and other is not one]
        for status, number in by_path.items():
            if _has(one, status) or not any(_has(other, status) for other in beside):
                since[status] = since.get(status, 0.0) + number
        if not since:
            observed = f"no call in {COUNTED_S:g} s"
            yield FactReading(subject=subject, expected=expected, observed=observed, ok=None)
            continue
        strange = [status for status in since if not _has(one, status)]
        words = ", ".join(f"{number:g} got {status}" for status, number in sorted(since.items()))
        yield FactReading(
            subject=subject,
            expected=expected,
            observed=f"in {COUNTED_S:g} s {words}",
            ok=not strange,
            sure=bool(strange),
        )


def _has(one: Operation, status: str) -> bool:
    return status.isdigit() and one.answer_of(int(status)) is not None


def _since(before: Answered, after: Answered, names: Sequence[str]) -> dict[str, float]:
    """The answers by status that were counted between two readings, under any name of the operation."""
    found: dict[str, float] = {}
    for name in dict.fromkeys(filter(None, names)):
        for status, number in after.get(name, {}).items():
            if (more := number - before.get(name, {}).get(status, 0.0)) > 0:
                found[status] = found.get(status, 0.0) + more
    return found
