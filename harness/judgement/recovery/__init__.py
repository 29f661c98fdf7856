"""Recovery (rule 8): how long reads, writes and the users' requests failed after a fault.

`requests` is the input, `usual` has the usual shares of failures, `rule` defines outages and good stretches, `way` measures the recovery of reads or
writes after one fault, and `users` the recovery of each route and serving region. The scheduler also uses the rule during a run.
"""

from harness.judgement.recovery.requests import SERVER_ERROR, Requests, answered, probed
from harness.judgement.recovery.rule import (
    BLIND_SECOND_NS,
    Outage,
    is_steady,
    longest_gap_ns,
    recovered_at,
    served_in,
)
from harness.judgement.recovery.users import ThinGroup, Users, still_out, users_recovery
from harness.judgement.recovery.usual import Promise, Usual, promised_ms
from harness.judgement.recovery.way import recovery_of

__all__ = [
    "BLIND_SECOND_NS",
    "SERVER_ERROR",
    "Outage",
    "Promise",
    "Requests",
    "ThinGroup",
    "Users",
    "Usual",
    "answered",
    "is_steady",
    "longest_gap_ns",
    "probed",
    "promised_ms",
    "recovered_at",
    "recovery_of",
    "served_in",
    "still_out",
    "users_recovery",
]
