"""`terraform show -json` of a plan: what it would change."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

from pydantic import Field

from harness.drivers.ingest.formats.moments import Moment
from harness.drivers.ingest.formats.plain import ReportSection, json_of, section_of, shown
from harness.drivers.ingest.formats.provenance import Provenance
from harness.drivers.ingest.formats.redacted import NOTE
from harness.errors import DriverError

_KNOWN: Final = frozenset(
    [
        *("format_version", "terraform_version", "timestamp", "errored", "complete", "applyable", "variables"),
        *("resource_changes", "output_changes", "resource_drift", "planned_values", "prior_state", "configuration"),
        *("relevant_attributes", "checks", "proposed_unknown", NOTE),
    ]
)
"""Parts of a plan that are read, or that change nothing."""
_NO_CHANGE: Final = ({"no-op"}, {"read"})


class _Change(ReportSection):
    actions: tuple[str, ...] = Field(min_length=1, strict=False)
    importing: dict[str, object] | None = None

    @property
    def verbs(self) -> tuple[str, ...]:
        """What would be done, an import into the state among it; empty: nothing."""
        planned = () if {*self.actions} in _NO_CHANGE else self.actions
        return planned if self.importing is None else ("import", *planned)


class _ResourceChange(ReportSection):
    address: str = Field(min_length=1)
    previous_address: str | None = None
    change: _Change

    @property
    def verbs(self) -> tuple[str, ...]:
        """What would be done; Terraform itself counts a new address in the state as a change to be applied."""
        moved = self.previous_address not in (None, "", self.address)
        return ("move", *self.change.verbs) if moved else self.change.verbs


class _TerraformPlan(ReportSection):
    format_version: str
    timestamp: str = ""
    errored: bool = False
    complete: bool = True
    applyable: bool | None = None
    resource_changes: tuple[_ResourceChange, ...] = Field(default=(), strict=False)
    output_changes: dict[str, _Change] = Field(default_factory=dict)
    resource_drift: tuple[_ResourceChange, ...] = Field(default=(), strict=False)
    planned_values: dict[str, object] = Field()


@dataclass(frozen=True, kw_only=True, slots=True)
class InfrastructurePlan:
    """One plan.

    Attributes:
        resources: how many it speaks of.
        changes: `address: create`, of resources and outputs; an import and a move are changes of the state.
        drifted: resources that were changed outside of Terraform.
        incomplete: why it does not say everything; empty: it does.
        origin: when it was made; the format has no place for a release.
    """

    resources: int
    changes: tuple[str, ...]
    drifted: int
    incomplete: str
    origin: Provenance


def infrastructure_plan(body: bytes, where: str) -> InfrastructurePlan:
    """Read a plan.

    Raises:
        DriverError: it is not a plan of format 1.
    """
    value = json_of(body, where)
    if isinstance(value, dict):
        version = value.get("format_version")
        if isinstance(version, str) and not version.startswith("1."):
            what = f"has the format {shown(version)}, 1 is read"
            raise DriverError(what, where=f"{where}: format_version", hint="use Terraform 1.0 or newer")
        if "values" in value and "planned_values" not in value:
            hint = "`terraform plan -out=plan && terraform show -json plan`"
            raise DriverError("is a state and not a plan", where=where, hint=hint)
    plan = section_of(_TerraformPlan, value, where, kind="a Terraform plan")
    changes = [(one.address, one.verbs) for one in plan.resource_changes]
    changes += [(f"output.{name}", change.verbs) for name, change in plan.output_changes.items()]
    moment = Moment.of(plan.timestamp, f"{where}: timestamp") if plan.timestamp else None
    changed = tuple(f"{shown(address)}: {' and '.join(map(shown, verbs))}" for address, verbs in changes if verbs)
    incomplete = "it ended with an error" if plan.errored else "" if plan.complete else "it leaves changes for later"
    if beside := [key for key, part in value.items() if key not in _KNOWN and part]:
        incomplete = incomplete or f"it has `{shown(beside[0])}`, which may change something and is not read"
    if plan.applyable and not changed:
        incomplete = incomplete or "it is there to be applied and names no change, as one that only refreshes the state"
    return InfrastructurePlan(
        resources=len(plan.resource_changes),
        changes=changed,
        drifted=sum({*one.change.actions} not in _NO_CHANGE for one in plan.resource_drift),
        incomplete=incomplete,
        origin=Provenance(made=moment),
    )
