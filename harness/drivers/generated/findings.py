"""What is found of every operation, as facts: a fact a request, and one an operation on whether its requests are evidence."""

from __future__ import annotations

import zlib
from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from typing import Final

from harness.clock import Deadline
from harness.drivers.facts import FactReading
from harness.drivers.generated.calling import EntryCaller, caller, not_allowed, right_sign_in
from harness.drivers.generated.drawn import DrawnRequest, described_requests, malformed_requests, mistake_in
from harness.drivers.generated.searching import Exchange, Search, search
from harness.errors import ConfigurationError
from harness.targets import Target
from harness.targets.files.requests import ApiDescription
from harness.targets.openapi.answers import Judged, as_described, as_refused
from harness.targets.openapi.description import DescriptionReading, Operation, read_operations
from harness.targets.openapi.schemas import UnsupportedError
from harness.targets.openapi.source import DescriptionText, description_of
from harness.words import counted

CONTROLS: Final = 20
"""Maximum number of inputs as described that are sent to see whether one succeeds, before malformed inputs count."""
_DESCRIBED: Final = "as described: status, headers, body"

Facts = list[FactReading]


@dataclass(frozen=True, kw_only=True, slots=True)
class DrawnInputs:
    """What a sentence asks for: `count` inputs to each operation, drawn with a seed."""

    target: Target
    api: ApiDescription
    count: int
    seed: int


@dataclass(frozen=True, kw_only=True, slots=True)
class OperationFinding:
    """The facts of one operation.

    Attributes:
        smallest: the shortest request that was answered wrongly; at most one.
        summary: whether the requests are evidence.
        rest: the other requests.
    """

    smallest: Facts
    summary: Facts
    rest: Facts


def answered_facts(asked: DrawnInputs, *, core: bool) -> Facts:
    """Whether every operation answers inputs as the description says, and accepts at least one.

    Raises:
        HarnessError: the description cannot be read, or the sign-in failed.
    """
    described = description_of(asked.target)
    return facts_of(asked, described, _chosen(asked, described, core=core), answered)


def refused_facts(asked: DrawnInputs) -> Facts:
    """Whether every operation that takes an input refuses malformed ones.

    Raises:
        HarnessError: the description cannot be read, or the sign-in failed.
    """
    described = description_of(asked.target)
    every = _chosen(asked, described, core=False)
    return facts_of(asked, described, [one for one in every if one.takes_input or one.unread], _refused)


def _chosen(asked: DrawnInputs, described: DescriptionText, *, core: bool) -> list[Operation]:
    every = read_operations(described.document(), DescriptionReading(values=asked.api.values))
    if not core:
        return [*every]
    for name in asked.api.core:
        if not any(name in {one.name, one.id} for one in every):
            raise ConfigurationError(
                f"the API description has no operation `{name}`",
                where=f"{asked.target.file}: api.core",
                hint=f"name one of {', '.join(one.id or one.name for one in every[:20])}",
            )
    return [one for one in every if {one.name, one.id} & {*asked.api.core}]


Find = Callable[[DrawnInputs, EntryCaller, Operation, Deadline], OperationFinding]


def facts_of(
    asked: DrawnInputs, described: DescriptionText, operations: Sequence[Operation], find: Find, *, address: str = ""
) -> Facts:
    """The facts of all operations: first the shortest wrong request of each, then whether there is evidence, then all requests."""
    if not operations:
        what = "no operation of the API description takes an input"
        raise ConfigurationError(what, where=f"{asked.target.file}: api.description")
    deadline = Deadline.after(asked.api.within_s)
    by_number: dict[int, OperationFinding] = {}
    in_order = sorted(enumerate(operations), key=lambda one: one[1].method != "POST" or "{" in one[1].path)
    signs_in = any(one.needs_token for one in operations)
    with caller(asked.target, signs_in=signs_in, address=address) as sender:
        for number, named in in_order:  # what creates things first: later requests name them
            one, share = (
                sender.with_created(named),
                Deadline.after(deadline.left_s / (len(operations) - len(by_number))),
            )
            if not (why := _unable(asked.target, one)):
                try:
                    by_number[number] = find(asked, sender, one, share)
                    continue
                except UnsupportedError as error:
                    why = f"not called: {error}"
            by_number[number] = OperationFinding(smallest=[], summary=[undecided(one, why)], rest=[])
    found = [by_number[number] for number in sorted(by_number)]
    summaries = [fact for one in found for fact in one.summary]
    return [
        *(fact for one in found for fact in one.smallest),
        *sorted(summaries, key=lambda fact: fact.ok is not None),
        source_fact(described, len(operations)),
        *(fact for one in found for fact in one.rest),
    ]


def _unable(target: Target, operation: Operation) -> str:
    if operation.unread:
        return f"not called: {operation.unread}"
    if why := not_allowed(operation, target):
        return f"not called: {why}"
    if operation.needs_token and target.sign_in is None:
        return "not called: it needs a sign-in, and the target file has no `sign_in`"
    return ""


def answered(asked: DrawnInputs, sender: EntryCaller, operation: Operation, deadline: Deadline) -> OperationFinding:
    """What was answered to inputs as described, of which one must succeed."""
    return searched(asked, sender, operation, deadline)[0]


def searched(
    asked: DrawnInputs, sender: EntryCaller, operation: Operation, deadline: Deadline
) -> tuple[OperationFinding, Search]:
    """What was answered to inputs as described, and the requests."""

    def ask(request: DrawnRequest) -> Exchange:
        answer = sender.send(operation, request)
        return Exchange(request=request, answer=answer, judged=as_described(operation, answer))

    requests = described_requests(operation)
    found = search(requests, ask, count=asked.count, number=_number(asked, operation), deadline=deadline)
    if found.smallest is None and (right := right_sign_in(operation, asked.target)) is not None:
        found.exchanges.append(ask(right))
        found.smallest = found.exchanges[-1] if found.exchanges[-1].judged.ok is False else None
    accepted = sum(200 <= one.answer.status < 300 for one in found.exchanges)
    short = found.why if not found.exhausted else ""
    why = short or ("" if accepted else "none of the inputs succeeded: name values of its parameters in `api.values`")
    return _finding(operation, found, why, "at least one input succeeds (2xx)", lambda _: _DESCRIBED), found


def _refused(asked: DrawnInputs, sender: EntryCaller, operation: Operation, deadline: Deadline) -> OperationFinding:
    requests = malformed_requests(operation)
    control = _control(asked, sender, operation, deadline)

    def ask(request: DrawnRequest) -> Exchange:
        answer = sender.send(operation, request)
        return Exchange(request=request, answer=answer, judged=as_refused(answer, request.malformed))

    found = search(requests, ask, count=asked.count, number=_number(asked, operation), deadline=deadline)
    accepted = any(200 <= one.answer.status < 300 for one in control.exchanges)
    last = control.exchanges[-1].answer.text if control.exchanges else control.why
    why = found.why or (
        "" if accepted else f"no input as described succeeded, so a refusal proves nothing; the last got {last}"
    )
    expected = f"{asked.count} malformed inputs refused, an input as described accepted"
    return _finding(operation, found, why, expected, lambda one: f"4xx, {mistake_in(operation, one)}")


def _control(asked: DrawnInputs, sender: EntryCaller, operation: Operation, deadline: Deadline) -> Search:
    """Inputs as described, until one succeeds."""

    def ask(request: DrawnRequest) -> Exchange:
        answer = sender.send(operation, request)
        return Exchange(request=request, answer=answer, judged=Judged(ok=True, observed=answer.text))

    def succeeded(one: Exchange) -> bool:
        return 200 <= one.answer.status < 300

    number = _number(asked, operation)
    return search(described_requests(operation), ask, count=CONTROLS, number=number, deadline=deadline, until=succeeded)


def _finding(
    operation: Operation, found: Search, why: str, expected: str, expected_of: Callable[[DrawnRequest], str]
) -> OperationFinding:
    counted = Counter(f"{one.answer.status or 'no answer'}" for one in found.exchanges)
    statuses = ", ".join(f"{number} got {status}" for status, number in counted.most_common())
    observed = f"{_inputs(len(found.exchanges))}: {statuses or 'none sent'}{f'; {why}' if why else ''}"
    rows = [_row(one, expected_of) for one in found.exchanges]
    if found.smallest is None:
        summary = FactReading(subject=operation.name, expected=expected, observed=observed, ok=None if why else True)
        return OperationFinding(smallest=[], summary=[summary], rest=rows)
    smallest = _row(found.smallest, expected_of)
    if found.further:
        smallest = replace(smallest, observed=f"{smallest.observed} (the smallest of {found.further + 1} requests)")
    return OperationFinding(smallest=[smallest], summary=[], rest=[one for one in rows if one.ok is not False])


def _row(one: Exchange, expected_of: Callable[[DrawnRequest], str]) -> FactReading:
    expected, judged = expected_of(one.request), one.judged
    return FactReading(subject=one.request.text, expected=expected, observed=judged.observed, ok=judged.ok)


def _inputs(number: int) -> str:
    return counted(number, "input")


def undecided(operation: Operation, why: str) -> FactReading:
    """The fact that an operation was not called."""
    return FactReading(subject=operation.name, expected="called with drawn inputs", observed=why, ok=None)


def source_fact(described: DescriptionText, operations: int) -> FactReading:
    """Which text was read, by its digest."""
    name = described.source.rpartition("/")[2]
    observed = f"{operations} operations, sha256 {described.digest}"
    return FactReading(subject=name, expected="an API description", observed=observed, ok=True)


def _number(asked: DrawnInputs, operation: Operation) -> int:
    """The seed of the draws for one operation."""
    return zlib.crc32(f"{asked.seed} {operation.name}".encode())
