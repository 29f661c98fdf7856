"""How soon operations are served again after a fault."""

from __future__ import annotations

from typing import Final

from harness.model import Figure
from harness.steps.meaning import Keyword
from harness.steps.objectives import (
    after_fault,
    recovery,
    returned_share,
)
from harness.steps.selections import of_experiments, of_faults, of_loss
from harness.steps.template import Template

RECOVERIES: Final = (
    Template(
        name="recovery",
        keyword=Keyword.THEN,
        text="the recovery of <operations> is below <limit:reaction>[ after every <experiments>][ <unfelt>]",
        about="From the fault sent to operations served again at the entry; the worst experiment decides: of those named, or of those that the scenario ran.",
        example="the recovery of reads and of writes is below 30 s after every single-fault experiment",
        mean=recovery(of_experiments),
    ),
    Template(
        name="served-again",
        keyword=Keyword.THEN,
        text="<operations> are served again within <limit:reaction>[ of <loss>][ with <steps:count> manual steps][ <unfelt>]",
        about=(
            "From the fault sent to operations served again at the entry: of what is lost, or of each experiment that the scenario ran. Of the loss of a zone: reads at "
            "the entry of its region, writes at the target's; together the experiments take every node of the region."
        ),
        example="writes are served again within 45 s of the primary's death with 0 manual steps",
        mean=recovery(of_loss),
    ),
    Template(
        name="served-again-after-every-fault",
        keyword=Keyword.THEN,
        text="<operations> are served again within <limit:period> of every <faults>[ <unfelt>]",
        about="From the fault sent to operations served again at the entry; the worst experiment decides. The limit is an RTO: it is scaled.",
        example="reads and writes are served again within 4 h of every disaster",
        mean=recovery(of_faults),
    ),
    Template(
        name="pods-ready-elsewhere",
        keyword=Keyword.THEN,
        text="every pod of a lost node is ready again elsewhere within <limit:reaction>",
        about=(
            "From the power of a node cut to as many pods of each workload ready as before, none of them on the lost node; "
            "the fault is held until then."
        ),
        example="every pod of a lost node is ready again elsewhere within 45 s",
        mean=after_fault(Figure.RESCHEDULED, "node", "zone"),
    ),
    Template(
        name="shares-after-the-return",
        keyword=Keyword.THEN,
        text="the share of every region is within <limit:points> of the declared one <after:reaction> after the return",
        about=(
            "Answers of each region over all answers: the first 1000 from so long after a lost region's nodes are ready again; where the next "
            "fault comes earlier, the last 1000 before it."
        ),
        example="the share of every region is within 5 points of the declared one 50 s after the return",
        mean=returned_share,
    ),
    Template(
        name="health-of-every-service",
        keyword=Keyword.THEN,
        text="the health of every service reads failing within <limit:reaction> during the fault",
        about=(
            "From a fault of domain database sent to the first of two failing answers, one after the other, at each service's own address "
            "(`services` of the target file), for the slowest of them."
        ),
        example="the health of every service reads failing within 10 s during the fault",
        mean=after_fault(Figure.SERVICE_HEALTH, "database"),
    ),
    Template(
        name="promotion-by-hand",
        keyword=Keyword.THEN,
        text="a promotion ordered by hand leaves the chosen member the only primary within <limit:reaction>",
        about="From the order to the chosen member's own word that it leads, while no other member says so.",
        example="a promotion ordered by hand leaves the chosen member the only primary within 45 s",
        mean=after_fault(Figure.PROMOTION, "database"),
    ),
    Template(
        name="copies-equal-after-a-partition",
        keyword=Keyword.THEN,
        text="both copies are equal row by row within <limit:reaction> after a partition heals",
        about=(
            "From the end of a partition to the same rows of the write ledger on every member of the database: what was acknowledged, or shown "
            "by any member, before the partition healed. The parted member must have lacked some of them meanwhile."
        ),
        example="both copies are equal row by row within 60 s after a partition heals",
        mean=after_fault(Figure.EQUAL_COPIES, "network"),
    ),
    Template(
        name="newest-rows-after-the-promotion",
        keyword=Keyword.THEN,
        text="after the promotion the newest row of every table differs by 0 from the ledger of acknowledged writes",
        about=(
            "Rows acknowledged from 5 s before the fault to the restore, of the write ledger and of every table that journeys write, "
            "are there when they are read back."
        ),
        example="after the promotion the newest row of every table differs by 0 from the ledger of acknowledged writes",
        mean=after_fault(Figure.NEWEST_ROWS, "database"),
    ),
)
