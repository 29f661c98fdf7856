"""Recovery (rule 8): how long reads, writes and the users' requests were out after a fault.

`requests` are the input, `rule` defines outages and good stretches, `way` measures the recovery after one fault, and `users` does so
for each route and serving region of the users' own requests. The scheduler also uses the rule during a run.
"""

from harness.judgement.recovery.requests import Requests, answered
from harness.judgement.recovery.rule import (
    BLIND_SECOND_NS,
    Outage,
    good_stretches,
    is_steady,
    longest_gap_ns,
    outages,
    promised_ms,
    recovered_at,
)
from harness.judgement.recovery.users import ThinGroup, Users, still_out, users_recovery
from harness.judgement.recovery.way import recovery_of

__all__ = [
    "BLIND_SECOND_NS",
    "Outage",
    "Requests",
    "ThinGroup",
    "Users",
    "answered",
    "good_stretches",
    "is_steady",
    "longest_gap_ns",
    "outages",
    "promised_ms",
    "recovered_at",
    "recovery_of",
    "still_out",
    "users_recovery",
]
