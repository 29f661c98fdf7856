"""Finds out before the run, for every requirement of the profiles, whether the run can decide it.

If it cannot, the missing thing is named.
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
    kind=ReasonKind.NO_MEANS, text="no attestation was found", hint="`readiness attest ID` writes the statement"
)
_UNREAD: Final = (
    "the criterion matches no known Then sentence, so no scenario can test this requirement",
    "`readiness explain` with the criterion names the most similar sentence; your own package may add one (docs/extending-checks.md)",
)
_SHORT: Final = "a run of this size cannot decide the requirement, which needs"
_LONGER: Final = "extend the traffic, the rollout or the experiment: `readiness plan` shows what each sentence needs"
_LEFT_OUT: Final = "left out by a filter"


@dataclass(frozen=True, kw_only=True, slots=True)
class RowAccount:
    """One requirement of the plan.

    Attributes:
        id: id of the requirement.
        form: how the verdict is formed.
        waits: text that names the missing thing; empty: this run decides the requirement.
        hint: how to provide the missing thing.
        short: whether only the run is too small: the target has all keys, but a sentence gets too little evidence.
    """

    id: str
    form: Form
    waits: str = ""
    hint: str = ""
    short: bool = False


@dataclass(frozen=True, kw_only=True, slots=True)
class FormCount:
    """Number of requirements of one form, and number of them that this run decides."""

    form: Form
    rows: int
    decided: int


@dataclass(frozen=True, kw_only=True, slots=True)
class Awaited:
    """A missing thing, and the requirements that cannot be decided without it.

    In a hint for several requirements `@ID` stands for the tag of each.
    """

    text: str
    hint: str
    ids: tuple[str, ...]


def unclaimed(requirement: Requirement, target: Target, files: set[str]) -> Reason:
    """Why no scenario claims a requirement: a component is missing, no sentence fits the criterion, or no scenario was written."""
    lacking = tuple(part for part in requirement.needs if part.name not in target.parts)
    if not lacking:
        write = f"write a scenario tagged @{requirement.id} into {feature_file(requirement, files)}"
        text, hint = ("no scenario claims it", write) if reads(requirement.criterion) else _UNREAD
        return Reason(kind=ReasonKind.UNCLAIMED, text=text, hint=hint)
    brings = "; ".join(part.brings for part in lacking)
    names = ", ".join(f"`{part.name}`" for part in lacking)
    hint = f"once the platform has it, add {names} to `parts` of the target file, and write a scenario: then {brings}"
    return Reason(kind=ReasonKind.PART, text=waits_for(replace(requirement, needs=lacking)), hint=hint)


def accounted(plan: Plan, short: Mapping[str, str] = MappingProxyType({})) -> tuple[RowAccount, ...]:
    """Every requirement of the plan, in the plan's order.

    A derived requirement has the missing thing of its first part that cannot be decided.

    Args:
        plan: plan with its requirements.
        short: requirement → evidence that a larger run would need to decide it; empty if the size suffices for all.
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
        lacking.setdefault(id_, Reason(kind=ReasonKind.TOO_FEW, text=f"{_SHORT} {what}", hint=_LONGER))
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
    """The number of requirements of each form; forms without requirements are left out."""
    every = list(rows)
    counts, decided = Counter(row.form for row in every), Counter(row.form for row in every if not row.waits)
    return tuple(FormCount(form=form, rows=counts[form], decided=decided[form]) for form in Form if counts[form])


def awaited(rows: Iterable[RowAccount]) -> tuple[Awaited, ...]:
    """The missing things, sorted by the number of requirements that need them, largest first."""
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
    """The account as JSON data: requirements by form, and the missing things."""
    every = tuple(rows)
    return {
        "rows": len(every),
        "decided": sum(not row.waits for row in every),
        "forms": [{"form": one.form.value, "rows": one.rows, "decided": one.decided} for one in by_form(every)],
        "waiting": [{"for": one.text, "hint": one.hint, "rows": list(one.ids)} for one in awaited(every)],
    }
