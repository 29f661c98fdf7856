"""How soon operations are served again after a fault."""

from __future__ import annotations

from typing import Final

from harness.steps.meaning import KINDS, Keyword, Selection
from harness.steps.objectives import always, no_experiment, of_domains, of_kind, recovery
from harness.steps.template import Template

RECOVERIES: Final = (
    Template(
        name="recovery",
        keyword=Keyword.THEN,
        text="the recovery of <operations> is below <limit:reaction>",
        about="From the fault sent to operations served again at the entry, in each experiment that the scenario ran.",
        example="the recovery of reads and of writes is below 30 s",
        mean=recovery(no_experiment),
    ),
    Template(
        name="recovery-after-every-kind",
        keyword=Keyword.THEN,
        text="the recovery of <operations> is below <limit:reaction> after every <kind> experiment",
        about="From the fault sent to operations served again at the entry; the worst experiment of the kind decides.",
        example="the recovery of reads and of writes is below 30 s after every single-fault experiment",
        mean=recovery(of_kind),
    ),
    Template(
        name="served-again",
        keyword=Keyword.THEN,
        text="<operations> are served again within <limit:reaction>",
        about="From the fault sent to operations served again at the entry, in each experiment that the scenario ran.",
        example="reads are served again within 30 s",
        mean=recovery(no_experiment),
    ),
    Template(
        name="served-again-after-every-disaster",
        keyword=Keyword.THEN,
        text=(
            "<operations> are served again within <limit:period> of every disaster"
            "[: loss of the primary, a region, all database members]"
        ),
        about="From the fault sent to operations served again at the entry; the worst disaster decides. The limit is an RTO: it is scaled.",
        example="reads and writes are served again within 4 h of every disaster",
        mean=recovery(always(KINDS["disaster"])),
    ),
    Template(
        name="served-again-after-every-of-domain",
        keyword=Keyword.THEN,
        text="<operations> are served again within <limit:period> of every fault of domain <domains>",
        about="From the fault sent to operations served again at the entry; the worst experiment of the domains decides. The limit is an RTO: it is scaled.",
        example="reads and writes are served again within 4 h of every fault of domain database or region",
        mean=recovery(of_domains),
    ),
    Template(
        name="served-again-after-the-loss-of-a-region",
        keyword=Keyword.THEN,
        text="<operations> are served again within <limit:reaction> of the loss of <region>",
        about="From the loss of one region sent to operations served again at the entry.",
        example="reads and writes are served again within 50 s of the loss of us-east-1",
        mean=recovery(always(Selection.of_domains(("region",), every=False))),
    ),
    Template(
        name="served-again-after-the-loss-of-the-primary",
        keyword=Keyword.THEN,
        text="<operations> are served again within <limit:reaction> of the primary's death[ with <steps:count> manual steps]",
        about="From the death of the database primary sent to operations served again at the entry.",
        example="writes are served again within 45 s of the primary's death with 0 manual steps",
        mean=recovery(always(Selection.of_domains(("database",), every=False)), hit="primary"),
    ),
)
