"""Rule 8: how long reads, writes and the users' own requests were not served after a fault. Also asked live.

`requests` is what is judged, `rule` when a service is out and when it is served again, `way` how it came back after one fault, and
`users` the same for each route and serving region of the users' own requests.
"""

from harness.judgement.recovery.requests import SECOND, Requests, answered
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
from harness.judgement.recovery.users import Users, users_recovery
from harness.judgement.recovery.way import recovery_of

__all__ = [
    "BLIND_SECOND_NS",
    "SECOND",
    "Outage",
    "Requests",
    "Users",
    "answered",
    "good_stretches",
    "is_steady",
    "longest_gap_ns",
    "outages",
    "promised_ms",
    "recovered_at",
    "recovery_of",
    "users_recovery",
]
