"""Groups the undecided requirements by cause, and gives the reason of the decision in one sentence."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Final

from harness.model import NOT_DECIDED, DecisionOutcome, Outcome, ReasonKind
from harness.report.view.digest import measures_of
from harness.words import counted, some

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence

    from harness.model import DecisionReason, Judgement, Reason
    from harness.report.view.digest import Row

OWN_ID: Final = "ID"
"""Replaces the requirement's id in a text that several requirements share."""
_MOST_IDS: Final = 6
_OPEN: Final = (Outcome.NOT_ASSESSED, Outcome.INCONCLUSIVE)
_TOLD: Final = (Outcome.FAIL, *_OPEN)


@dataclass(frozen=True, kw_only=True, slots=True)
class Cause:
    """One reason why requirements are undecided.

    Attributes:
        outcome: NOT ASSESSED or INCONCLUSIVE.
        kind: kind of the reason.
        text: text of the reason; `ID` replaces the id of each of several requirements.
        hint: hint of the reason; `ID` replaces the id of each of several requirements.
        rows: requirements with this reason.
        derived: requirements derived from `rows` that are undecided for this reason.
    """

    outcome: Outcome
    kind: ReasonKind
    text: str
    hint: str
    rows: tuple[Row, ...]
    derived: tuple[Row, ...]

    @property
    def every(self) -> tuple[Row, ...]:
        """All requirements that are undecided because of this cause."""
        return (*self.rows, *self.derived)

    @property
    def gating(self) -> int:
        """Number of these requirements that gate this release."""
        return sum(row.gating for row in self.every)


@dataclass(frozen=True, kw_only=True, slots=True)
class Decisive:
    """One reason of the decision, and the requirements that have it.

    Attributes:
        because: the reason; `ID` replaces the id of each of several requirements.
        outcome: outcome of the requirements; None if the reason concerns the whole run.
        requirements: ids of the requirements, in order; may be empty if the reason concerns the whole run.
    """

    because: Reason
    outcome: Outcome | None
    requirements: tuple[str, ...]

    @property
    def head(self) -> str:
        """`ND-KPI-P95 FAIL`, or `12 requirements INCONCLUSIVE (ND-KPI-P95, ND-KPI-ERRORS and 10 more)`; empty for the whole run."""
        if self.outcome is None or not self.requirements:
            return ""
        if len(self.requirements) == 1:
            return f"{self.requirements[0]} {self.outcome.value}"
        ids = some(self.requirements, _MOST_IDS)
        return f"{counted(len(self.requirements), 'requirement')} {self.outcome.value} ({ids})"

    @property
    def sentence(self) -> str:
        """The head and the reason."""
        return f"{self.head}: {self.because.sentence}" if self.head else self.because.sentence


def decisive(reasons: Sequence[DecisionReason]) -> tuple[Decisive, ...]:
    """The reasons of a decision in order, without duplicates, each with all requirements that have it.

    A requirement whose reason begins with a reason of the whole run is listed under the latter.
    """
    of_run = {_shared(reason)[:2] for reason in reasons if not reason.requirement}
    found: dict[tuple[str, str, Outcome | None], Decisive] = {}
    for reason in reasons:
        text, hint, outcome = _shared(reason)
        text, hint = next((one for one in of_run if text.startswith(f"{one[0]}; ")), (text, hint))
        key = (text, hint, None if (text, hint) in of_run else outcome)
        first, own = found.get(key), tuple(filter(None, (reason.requirement,)))
        found[key] = (
            Decisive(because=reason.because, outcome=key[2], requirements=own)
            if first is None
            else replace(
                first,
                because=replace(first.because, text=text, hint=hint, more=0),
                requirements=(*first.requirements, *own),
            )
        )
    return tuple(found.values())


@dataclass(frozen=True, kw_only=True, slots=True)
class SharedCause:
    """One reason that several requirements share: reports give its text once and refer to it by name.

    Attributes:
        name: short name, unique in a report.
        text: text of the reason; `ID` replaces the id of each requirement.
        hint: hint of the reason; `ID` replaces the id of each requirement.
        ids: ids of the requirements, in order.
    """

    name: str
    text: str
    hint: str
    ids: tuple[str, ...]

    @property
    def sentence(self) -> str:
        """The name, the requirements, the reason and the hint."""
        hint = f"; hint: {self.hint}" if self.hint else ""
        return f"{self.name}, {counted(len(self.ids), 'requirement')} ({some(self.ids, _MOST_IDS)}): {self.text}{hint}"


def shared_causes(every: Sequence[Row], of_run: Sequence[DecisionReason] = ()) -> tuple[SharedCause, ...]:
    """The reasons shared by two or more requirements that did not pass, in the order of the rows.

    Args:
        every: the rows of a report.
        of_run: the reasons of the decision. A row whose reason begins with a reason of the whole run has the reason of the run.
    """
    whole = {_shared(reason)[:2] for reason in of_run if not reason.requirement}
    found: dict[tuple[str, str], list[str]] = {}
    kinds: dict[tuple[str, str], ReasonKind] = {}
    for row in every:
        if row.outcome not in _TOLD:
            continue
        _, text, hint = _key(row)
        key = next((one for one in whole if text == one[0] or text.startswith(f"{one[0]}; ")), (text, hint))
        found.setdefault(key, []).append(row.requirement.id)
        kinds.setdefault(key, row.verdict.because.kind)
    several = [(key, ids) for key, ids in found.items() if len(ids) > 1]
    return tuple(
        SharedCause(name=f"cause {number} ({kinds[text, hint].value})", text=text, hint=hint, ids=tuple(ids))
        for number, ((text, hint), ids) in enumerate(several, start=1)
    )


def _shared(reason: DecisionReason) -> tuple[str, str, Outcome | None]:
    """The key of a reason: its text and hint without the requirement's id, and the outcome.

    For a machine that lacked processor time or slept, the text is the part about the machine, without the figure.
    """
    because = reason.because
    text = because.text.rpartition(NOT_DECIDED)[2] if because.kind is ReasonKind.MACHINE else because.text
    if reason.requirement:
        own = reason.requirement
        return text.replace(own, OWN_ID), because.hint.replace(own, OWN_ID), reason.outcome
    return text, because.hint, None


def causes(every: Sequence[Row]) -> tuple[Cause, ...]:
    """The causes of all undecided rows, sorted by the number of gating rows, then by the number of rows."""
    by_id = {row.requirement.id: row for row in every}
    own: dict[tuple[Outcome, str, str], list[Row]] = {}
    derived: dict[tuple[Outcome, str, str], list[Row]] = {}
    for row in every:
        if row.outcome in _OPEN:
            root = _root(row, by_id)
            (own if root is row else derived).setdefault(_key(root), []).append(row)
    found = (_cause(own.get(key, []), derived.get(key, [])) for key in dict.fromkeys([*own, *derived]))
    return tuple(sorted(found, key=lambda cause: (-cause.gating, -len(cause.every))))


def _root(row: Row, by_id: Mapping[str, Row]) -> Row:
    """The row where the reason comes from: for a derived row the part that gave it its reason, followed down to the last part."""
    seen = {row.requirement.id}
    while True:
        part = by_id.get(_leading_part(row))
        if part is None or part.outcome not in _OPEN or part.requirement.id in seen:
            return row
        seen.add(part.requirement.id)
        row = part


def _leading_part(row: Row) -> str:
    """Id of the part that gave a derived row its reason; empty for other rows."""
    texts = (
        (measure.scope.get("part", ""), measure.because.text)
        for measure in measures_of(row.verdict)
        if measure.outcome is row.outcome
    )
    return next((part for part, text in texts if part and text == row.verdict.because.text), "")


def _key(row: Row) -> tuple[Outcome, str, str]:
    """The key of a cause: outcome, text and hint without the requirement's id."""
    because, name = row.verdict.because, row.requirement.id
    return row.outcome, because.text.replace(name, OWN_ID), because.hint.replace(name, OWN_ID)


def _cause(own: Sequence[Row], derived: Sequence[Row]) -> Cause:
    first = (*own, *derived)[0]
    because: Reason = first.verdict.because
    _, text, hint = _key(first)
    alone = len(own) == 1
    return Cause(
        outcome=first.outcome,
        kind=because.kind,
        text=because.text if alone else text,
        hint=because.hint if alone else hint,
        rows=tuple(own),
        derived=tuple(derived),
    )


def good_sentences(every: Sequence[Row]) -> tuple[str, ...]:
    """Sentences on the basis of a GO: number of passed gating rows with receipts, and without receipts."""
    passed = [row for row in every if row.gating and row.outcome is Outcome.PASS]
    proven = sum(bool(row.receipts) for row in passed)
    bare = len(passed) - proven
    found = []
    if proven:
        figures = f"{counted(proven, 'requirement')} {'was' if proven == 1 else 'were'} measured"
        found.append(f"{figures}: the worse bound of each figure is within its limit, and every receipt is complete.")
    if bare:
        of = f"{counted(bare, 'requirement')} {'rests' if bare == 1 else 'rest'}"
        found.append(f"{of} on facts, files, people or other requirements, which have no receipts.")
    return tuple(found)


def cause_line(cause: Cause) -> str:
    """The reason with the number of requirements: `the load generator lagged … (41 requirements, 28 of them gate here)`."""
    return f"{cause.text} ({cause_head(cause)})"


def cause_head(cause: Cause) -> str:
    """The number of requirements of a cause: `41 requirements, 28 of them gate here`."""
    gating = f", {cause.gating} of them gate here" if 0 < cause.gating < len(cause.every) else ""
    nothing = ", none gates here" if not cause.gating else ""
    return f"{counted(len(cause.every), 'requirement')}{gating}{nothing}"


def deciding_sentence(judgement: Judgement, every: Sequence[Row]) -> str:
    """The reason of the decision in one or two sentences.

    For a NO-GO it names the failed requirement that is proven furthest beyond its limit. Without a decision it gives the reason of
    the whole run or, if there is none, the number of undecided requirements and their main cause.
    """
    gating = [row for row in every if row.gating]
    match judgement.decision.outcome:
        case DecisionOutcome.GO:
            return _go(gating)
        case DecisionOutcome.NO_GO:
            return _no_go(judgement, every)
        case _:
            return _undecided(judgement, gating, every)


def _of(gating: Iterable[Row], outcome: Outcome) -> list[Row]:
    return [row for row in gating if row.outcome is outcome]


def _go(gating: Sequence[Row]) -> str:
    waived = [row.requirement.id for row in _of(gating, Outcome.WAIVED)]
    if not waived:
        in_part = sum(bool(row.in_part) for row in gating)
        parts = f", {in_part} of them in part" if in_part else ""
        return f"All {counted(len(gating), 'gating requirement')} passed{parts}."
    passed = len(_of(gating, Outcome.PASS))
    verb = "is" if len(waived) == 1 else "are"
    return f"{passed} of {counted(len(gating), 'gating requirement')} passed and {len(waived)} {verb} waived: {some(waived)}."


def _no_go(judgement: Judgement, every: Sequence[Row]) -> str:
    """The sentence of a NO-GO: the first failed requirement that is not derived, since a derived one fails because of its part."""
    failed = [reason for reason in judgement.decision.because if reason.outcome is Outcome.FAIL]
    if not failed:
        return "A gating requirement failed."
    derived = {row.requirement.id for row in every if row.requirement.parts}
    first = next((reason for reason in failed if reason.requirement not in derived), failed[0])
    more = f", and so did {counted(len(failed) - 1, 'more gating requirement')}" if len(failed) > 1 else ""
    return f"{first.requirement} failed{more}: {first.because.text}"


def _undecided(judgement: Judgement, gating: Sequence[Row], every: Sequence[Row]) -> str:
    alone = [reason for reason in judgement.decision.because if not reason.requirement]
    if judgement.decision.outcome is DecisionOutcome.PARTIAL:
        return f"Nothing is decided: {alone[-1].because.text if alone else 'scenarios were left out'}"
    unsure, open_ = len(_of(gating, Outcome.INCONCLUSIVE)), len(_of(gating, Outcome.NOT_ASSESSED))
    if not unsure and not open_:
        return f"Nothing is decided: {alone[0].because.text if alone else 'the judge gave no reason'}"
    parts = [f"{unsure} {'is' if unsure == 1 else 'are'} inconclusive"] if unsure else []
    parts += [f"{open_} {'was' if open_ == 1 else 'were'} not assessed"] if open_ else []
    first = next((cause for cause in causes(every) if cause.gating), None)
    why = ""
    if first is not None:
        of = f" of {first.gating} of them" if first.gating < unsure + open_ else ""
        why = f". The cause{of}: {first.text}"
    return f"No gating requirement failed, {' and '.join(parts)}{why}"
