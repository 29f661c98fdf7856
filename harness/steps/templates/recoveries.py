"""How soon operations are served again after a fault, and what else follows one."""

from __future__ import annotations

from functools import partial
from typing import Final

from harness.model import Figure, Phase
from harness.steps.meaning import Keyword
from harness.steps.objectives import measured, recovery, returned_share
from harness.steps.selections import of_experiments, of_faults, of_loss
from harness.steps.template import Noun, Template, form

_fault = partial(measured, phase=Phase.FAULT)
RECOVERIES: Final = (
    form(
        "served-again",
        "<operations> are served again within <limit:reaction>[ <of:noun>][ <unfelt>]",
        "From the fault sent to operations served again at the entry.",
        Noun(
            ("[ of <loss>][ with <steps:count> manual steps]",),
            recovery(of_loss),
            "From the fault sent to operations served again at the entry: of what is lost, or of each experiment that the scenario ran. Of the loss of a zone: reads at "
            "the entry of its region, writes at the target's; together the experiments take every node of the region. Of the cache: keys of the harness in the "
            "hash slots of every primary.",
            "writes are served again within 45 s of the primary's death with 0 manual steps",
        ),
        Noun(
            ("of every <experiments>",),
            recovery(of_experiments),
            "From the fault sent to operations served again at the entry; the worst experiment decides.",
            "reads and writes are served again within 30 s of every single-fault experiment",
        ),
        Noun(
            ("of every <faults>",),
            recovery(of_faults),
            "From the fault sent to operations served again at the entry; the worst experiment decides. The limit is an RTO: it is scaled.",
            "reads and writes are served again within 4 h of every disaster",
            limit="period",
        ),
    ),
    form(
        "after-a-fault",
        "<effect:noun> within <limit:reaction>[ <after:noun>]",
        "From a fault, or an order, to what follows it.",
        Noun(
            ("every pod of a lost node is ready again elsewhere", ""),
            _fault(Figure.RESCHEDULED, domains=("node", "zone")),
            "From the power of a node cut to as many pods of each workload ready as before, none of them on the lost node; the fault is held until then.",
            "every pod of a lost node is ready again elsewhere within 45 s",
        ),
        Noun(
            ("every killed pod is replaced by a ready one", "with <steps:count> manual steps"),
            _fault(Figure.REPLACED, params={"manual_steps": "<steps>"}, domains=("pod",)),
            "From the fault sent to the Ready of the pod that took its place; undo steps that were left to a person are counted.",
            "every killed pod is replaced by a ready one within 60 s with 0 manual steps",
        ),
        Noun(
            ('a hung container of "<workload:name>" is restarted', ""),
            _fault(Figure.RESTARTED, params={"workload": "<workload>"}),
            "From the command that hangs the main process of a container to the restart that its pod counts; the container must have answered requests for the "
            "portal before, and none while it hung.",
            'a hung container of "normaldance-frontend" is restarted within 45 s',
        ),
        Noun(
            ("the health of every service reads failing", "during the fault"),
            _fault(Figure.SERVICE_HEALTH, domains=("database",)),
            "From a fault of domain database sent to the first of two failing answers, one after the other, at each service's own address (`services` of the "
            "target file), for the slowest of them.",
            "the health of every service reads failing within 10 s during the fault",
        ),
        Noun(
            (
                "the response time <quantile> at every remaining region is below <below:duration>",
                "of the loss of a region",
            ),
            _fault(Figure.REMAINING_TIME, times={"below": "below"}, domains=("region",)),
            "From the loss to the first second from which on the quantile of each other region's requests, until power is back, is below the limit. A failed request is "
            "over any limit; one that no region answered counts for each of them.",
            "the response time p95 at every remaining region is below 200 ms within 1 h of the loss of a region",
            limit="period",
        ),
        Noun(
            ("a promotion ordered by hand leaves the chosen member the only primary", ""),
            _fault(Figure.PROMOTION, domains=("database",)),
            "From the order to the chosen member's own word that it leads, while no other member says so.",
            "a promotion ordered by hand leaves the chosen member the only primary within 45 s",
        ),
        Noun(
            ("both copies are equal row by row", "after a partition heals"),
            _fault(Figure.EQUAL_COPIES, domains=("network",)),
            "From the end of a partition to the same rows of the write ledger on every member of the database: what was acknowledged, or shown by any member, "
            "before the partition healed. The parted member must have lacked some of them meanwhile.",
            "both copies are equal row by row within 60 s after a partition heals",
        ),
    ),
    form(
        "request-to-a-pod",
        "no request is sent to <pod:noun> later than <limit:reaction> after <end:noun>",
        "How long a pod that cannot serve still gets requests.",
        Noun(
            ("a killed pod", "its death"),
            _fault(Figure.FIRST_REQUEST, params={"of": "killed"}, domains=("pod",)),
            "The last answer that names the pod, and requests of its routes that found no pod.",
            "no request is sent to a killed pod later than 10 s after its death",
        ),
        Noun(
            ('an unready pod of "<workload:name>"', "it turned unready"),
            _fault(Figure.LAST_REQUEST, params={"workload": "<workload>"}),
            "The last answer of the pod, of requests for the portal that its Service is sent, each on a connection of its own.",
            'no request is sent to an unready pod of "normaldance-frontend" later than 20 s after it turned unready',
        ),
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
        name="newest-rows-after-the-promotion",
        keyword=Keyword.THEN,
        text="after the promotion the newest row of every table differs by 0 from the ledger of acknowledged writes",
        about=(
            "Rows acknowledged from 5 s before the fault to the restore, of the write ledger and of every table that journeys write, "
            "are there when they are read back."
        ),
        example="after the promotion the newest row of every table differs by 0 from the ledger of acknowledged writes",
        mean=_fault(Figure.NEWEST_ROWS, domains=("database",)),
    ),
)
