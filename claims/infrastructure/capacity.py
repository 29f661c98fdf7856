"""What Terraform declares of the database and the cluster: names, engine and capacity; and reserved instances."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import UTC, datetime
from typing import Final

from harness.drivers.claim import SentenceForm, claim
from harness.drivers.facts import FactReading
from harness.drivers.paper import Asked

from .modules import Resource, number
from .terraform import Terraform

_SCALING: Final = ("serverlessv2_scaling_configuration", "scaling_configuration")
"""The blocks with the capacity of a database."""


_DECLARED: Final = SentenceForm(
    "declared-database-cluster",
    "the database cluster is declared with <what:noun>",
    "Every `aws_rds_cluster` of the Terraform files, or the one that the sentence names.",
)


@claim(
    _DECLARED,
    "a minimum of <least:count> and a maximum of <most:count> capacity units",
    needs=("files.terraform",),
    example="the database cluster is declared with a minimum of 2 and a maximum of 16 capacity units",
)
def database_capacity(asked: Asked) -> Sequence[FactReading]:
    """Two facts per `aws_rds_cluster` in Terraform: its minimum and its maximum capacity."""
    files = Terraform(asked)
    seen = []
    for cluster in files.required("aws_rds_cluster"):
        blocks = next((found for kind in _SCALING if (found := cluster.blocks(kind))), [])
        for key, expected in (("min_capacity", asked.params["least"]), ("max_capacity", asked.params["most"])):
            raw = blocks[0].get(key) if blocks else None
            value = cluster.value(raw)
            dynamic = raw is None and any(
                label.strip('"') in _SCALING for one in cluster.blocks("dynamic") for label in one
            )
            unknown = dynamic or (raw is not None and value is None)
            declared = (
                "its scaling is in a dynamic block, whose values the Terraform files do not show"
                if dynamic
                else "not declared"
            )
            why = next(cluster.module.doubts(raw), "the Terraform files do not show its value")
            observed = declared if raw is None else f"{raw}: {why}" if unknown else f"{value}"
            ok = None if unknown else number(value) == float(expected)
            if cluster.times is None:
                ok, observed = None, f"{observed}, but {cluster.unsettled}"
            seen.append(
                FactReading(
                    subject=f"{cluster.place} {cluster.address}: {key}",
                    expected=f"{expected} capacity units",
                    observed=observed,
                    ok=ok,
                )
            )
    return [*seen, *files.elsewhere("the capacity of every database cluster")]


@claim(
    _DECLARED,
    'name "<database:name>", engine "<engine:name>" and database "<inside:name>", the Kubernetes cluster with name "<cluster:name>"',
    needs=("files.terraform",),
    example='the database cluster is declared with name "shop-postgres", engine "aurora-postgresql" and database "shop", the Kubernetes cluster with name "shop-prod"',
)
def declared_names(asked: Asked) -> Sequence[FactReading]:
    """One fact per name and one for the engine: an `aws_eks_cluster` and an `aws_rds_cluster` in Terraform have them; further clusters may have others."""
    files, named = Terraform(asked), asked.params
    database = {"cluster_identifier": named["database"], "engine": named["engine"], "database_name": named["inside"]}
    return [
        *_declared(files, "aws_eks_cluster", {"name": named["cluster"]}),
        *_declared(files, "aws_rds_cluster", database),
    ]


def _declared(files: Terraform, kind: str, expected: Mapping[str, str]) -> Sequence[FactReading]:
    """One fact per attribute of each resource that has the first of them; one fact if none has it, or if that is not known."""
    key, name = next(iter(expected.items()))
    found = [(one, one.value(one.body.get(key))) for one in files.required(kind)]
    chosen = [one for one, value in found if value == name]
    if chosen:
        return [_attribute(one, each, value) for one in chosen for each, value in expected.items()]
    doubts = [_attribute(one, key, name).observed for one, value in found if value is None and key in one.body]
    doubts += [one.observed for one in files.elsewhere(f"every `{kind}`")]
    names = ", ".join(str(value) for _, value in found if value is not None) or "no name"
    subject, observed = f"{files.where} {kind}: {key}", "; ".join([names, *doubts[:1]])
    return [FactReading(subject=subject, expected=name, observed=observed, ok=None if doubts else False)]


def _attribute(resource: Resource, key: str, expected: str) -> FactReading:
    """The fact that an attribute has this value."""
    raw = resource.body.get(key)
    value = resource.value(raw)
    unknown = next(resource.module.doubts(raw), "the Terraform files do not show its value")
    observed = "not declared" if raw is None else f"{raw}: {unknown}" if value is None else f"{value}"
    ok = None if raw is not None and value is None else value == expected
    if resource.times is None:
        ok, observed = None, f"{observed}, but {resource.unsettled}"
    return FactReading(
        subject=f"{resource.place} {resource.address}: {key}", expected=expected, observed=observed, ok=ok
    )


@claim(
    "the capacity reservation covers <count> instances of <instance> on <platform> in <zone:region>",
    needs=("files.terraform",),
    example="the capacity reservation covers 10 instances of m5.large on Linux in us-east-1a",
)
def capacity_reservation(asked: Asked) -> Sequence[FactReading]:
    """The number of instances that all `aws_ec2_capacity_reservation` of that type, platform and zone reserve together."""
    files = Terraform(asked)
    expected = {
        "instance_type": asked.params["instance"],
        "instance_platform": {"Linux": "Linux/UNIX"}.get(asked.params["platform"], asked.params["platform"]),
        "availability_zone": asked.params["zone"],
    }
    total, unknown, others = 0, "", list[str]()
    for one in files.required("aws_ec2_capacity_reservation"):
        found = {key: one.value(one.body.get(key)) for key in expected}
        raw = {key: one.body.get(key) for key in (*expected, "instance_count")}
        size, times = number(one.value(raw["instance_count"])), one.times
        count = 0 if size is None else int(size)
        read = {**found, "instance_count": size}
        if times is None:
            unknown = one.unsettled
        elif hidden := [key for key, value in read.items() if value is None]:
            unknown = f"the Terraform files do not show {' or '.join(f'`{key}`' for key in hidden)} of {one.address}"
            unknown = next(one.module.doubts(raw), unknown)
        elif (ended := _has_ended(one, asked.today)) is not False:
            unknown = unknown if ended else f"the Terraform files do not show when {one.address} ends"
            others += (
                [f"{count} of {one.address}, which has ended ({one.value(one.body.get('end_date'))})"] if ended else []
            )
        elif found == expected:
            total += count * times
        else:
            others.append(f"{count} of {' '.join(map(str, found.values()))}")
    elsewhere = f", and {' and '.join(others)}" if others else ""
    return [
        FactReading(
            subject=f"{asked.params['instance']} on {asked.params['platform']} in {asked.params['zone']}",
            expected=f"{asked.params['count']} reserved instances",
            observed=f"{total}{elsewhere}" + (f"; {unknown}" if unknown else ""),
            ok=None if unknown else total == int(asked.params["count"]),
        ),
        *files.elsewhere("every capacity reservation"),
    ]


def _has_ended(reservation: Resource, today: datetime) -> bool | None:
    """Whether a reservation has ended; None if the files do not show it."""
    limited = reservation.value(reservation.body.get("end_date_type", '"unlimited"'))
    written = reservation.body.get("end_date")
    if written is None and limited == "unlimited":
        return False
    end = reservation.value(written)
    try:
        moment = datetime.fromisoformat(end) if isinstance(end, str) else None
    except ValueError:
        return None
    if moment is None:
        return None
    return (moment if moment.tzinfo else moment.replace(tzinfo=UTC)) <= today
