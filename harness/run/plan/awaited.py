"""Says of every row of the profiles, before anything is run, whether the run can decide it.

A row that the run cannot decide waits for something that is named.
"""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass, replace
from types import MappingProxyType
from typing import TYPE_CHECKING, Any, Final

from harness.catalogue import feature_file, waits_for
from harness.model import Form, Reason, ReasonKind
from harness.steps import reads

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    from harness.model import Plan, Requirement
    from harness.targets import Target

OWN_ID: Final = "ID"
"""Replaces the id of the row in a hint that several rows share."""
_UNVOUCHED: Final = Reason(
    kind=ReasonKind.NO_MEANS, text="no attestation of it was found", hint="`readiness attest ID` writes the statement"
)
_UNREAD: Final = (
    "no sentence reads its criterion, so that no scenario can claim it",
    "`readiness explain` with the criterion names the most similar sentence; a package of your own may add one (docs/extending.md)",
)
_SHORT: Final = "a run of this size cannot decide it; needed"
_LONGER: Final = "extend the traffic, the rollout or the experiment: `readiness plan` names what each sentence needs"
_LEFT_OUT: Final = "left out by a filter"


@dataclass(frozen=True, kw_only=True, slots=True)
class RowAccount:
    """One row of the plan.

    Attributes:
        id: of the requirement. form: how its verdict is formed.
        waits: what is missing; empty: this run decides the row. hint: how to provide it.
        short: whether only the size of the run is missing: the target has all means, but there is too little evidence for a sentence.
    """

    id: str
    form: Form
    waits: str = ""
    hint: str = ""
    short: bool = False


@dataclass(frozen=True, kw_only=True, slots=True)
class FormCount:
    """The rows of one form: how many there are, and how many of them this run decides."""

    form: Form
    rows: int
    decided: int


@dataclass(frozen=True, kw_only=True, slots=True)
class Awaited:
    """Something that rows wait for. In a hint for several rows `@ID` stands for the tag of each row."""

    text: str
    hint: str
    ids: tuple[str, ...]


def unclaimed(requirement: Requirement, target: Target, files: set[str]) -> Reason:
    """Why no scenario claims a requirement: the platform lacks a part, no sentence reads the criterion, or no scenario was written."""
    lacking = tuple(part for part in requirement.needs if part.name not in target.parts)
    if not lacking:
        write = f"write a scenario tagged @{requirement.id} into {feature_file(requirement, files)}"
        text, hint = ("no scenario claims it", write) if reads(requirement.criterion) else _UNREAD
        return Reason(kind=ReasonKind.UNCLAIMED, text=text, hint=hint)
    brings = "; ".join(part.brings for part in lacking)
    hint = f"with {'them' if len(lacking) > 1 else 'it'}: {brings}"
    return Reason(kind=ReasonKind.PART, text=waits_for(replace(requirement, needs=lacking)), hint=hint)


def accounted(plan: Plan, short: Mapping[str, str] = MappingProxyType({})) -> tuple[RowAccount, ...]:
    """Every row of the plan, in its order.

    A derived row waits for the same as the first of its parts that waits.

    Args:
        plan: the plan with its rows.
        short: requirement → what a larger run would need to decide its sentence; empty if the size suffices for all.
    """
    claimed = {claim.requirement for claim in plan.claims}
    lacking: dict[str, Reason] = {}
    for lack in plan.not_assessable:
        lacking.setdefault(lack.requirement, lack.because)
    vouched = {one.vouches for one in plan.attestations}
    for row in plan.requirements:
        if row.form is Form.ATTESTED and row.id not in vouched:
            lacking.setdefault(row.id, _UNVOUCHED)
    for id_, what in short.items():
        lacking.setdefault(id_, Reason(kind=ReasonKind.TOO_FEW, text=f"{_SHORT}: {what}", hint=_LONGER))
    parts = {row.id: row.parts for row in plan.requirements}
    found = []
    for row in plan.requirements:
        root = _root(row.id, parts, lacking)
        because = lacking.get(root)
        waits, hint = ("", "") if because is None else (because.text, because.hint)
        if root not in parts:
            waits, hint = (
                f"{root} is not in the chosen profiles",
                f"`readiness catalogue show {root}` names its profile",
            )
        if not waits and row.id not in claimed:
            waits = _LEFT_OUT if plan.deselected else "no scenario claims it"
        size = because is not None and because.kind is ReasonKind.TOO_FEW
        found.append(
            RowAccount(id=row.id, form=row.form, waits=_shared(waits, root), hint=_shared(hint, root), short=size)
        )
    return tuple(found)


def _root(id_: str, parts: Mapping[str, tuple[str, ...]], lacking: Mapping[str, Reason]) -> str:
    """The first row without means among a row, its parts, and theirs.

    The row itself if all have the means.
    """
    ways, seen = [id_], set[str]()
    while ways:
        each = ways.pop()
        if each in lacking or each not in parts:
            return each
        if each not in seen:
            seen.add(each)
            ways += reversed(parts.get(each, ()))
    return id_


def _shared(text: str, id_: str) -> str:
    """The text without the id of its row, so that equal texts of several rows can be grouped."""
    return text.replace(f"@{id_}", f"@{OWN_ID}")


def by_form(rows: Iterable[RowAccount]) -> tuple[FormCount, ...]:
    """How many rows of each form there are; forms without rows are left out."""
    every = list(rows)
    counts, decided = Counter(row.form for row in every), Counter(row.form for row in every if not row.waits)
    return tuple(FormCount(form=form, rows=counts[form], decided=decided[form]) for form in Form if counts[form])


def awaited(rows: Iterable[RowAccount]) -> tuple[Awaited, ...]:
    """What rows wait for, sorted by the number of waiting rows, largest first."""
    found: dict[tuple[str, str], list[str]] = {}
    for row in rows:
        if row.waits:
            found.setdefault((row.waits, row.hint), []).append(row.id)
    groups = [
        Awaited(text=text, hint=hint.replace(f"@{OWN_ID}", f"@{ids[0]}") if len(ids) == 1 else hint, ids=tuple(ids))
        for (text, hint), ids in found.items()
    ]
    return tuple(sorted(groups, key=lambda group: -len(group.ids)))


def account_document(rows: Iterable[RowAccount]) -> dict[str, Any]:
    """The account as JSON data: rows by form, and what rows wait for."""
    every = tuple(rows)
    return {
        "rows": len(every),
        "decided": sum(not row.waits for row in every),
        "forms": [{"form": one.form.value, "rows": one.rows, "decided": one.decided} for one in by_form(every)],
        "waiting": [{"for": one.text, "hint": one.hint, "rows": list(one.ids)} for one in awaited(every)],
    }
