"""Sends calls that must be refused, from outside, from pods within the cluster and to the database, and the right ones beside them."""

from __future__ import annotations

import json
import uuid
from collections import Counter
from collections.abc import Callable, Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Final, NamedTuple

from harness import clock
from harness.drivers.check.planted.calls import CallMaker, PlantedCall
from harness.drivers.check.sql.asking import rows_of
from harness.errors import DriverError, HarnessError
from harness.targets import Target
from harness.targets.files.attacks import DatabaseCall, ForeignCall, InsideCall, ShownCall
from harness.targets.files.planted import DeclaredCall
from harness.targets.kubernetes import Cluster
from harness.targets.places import Clusters, callers_of, namespaces
from harness.targets.probe_pods import place_pod, probe_pod
from harness.targets.trust.grants import IdentityTokens
from harness.targets.undo import PendingUndos

CALLS: Final = 20
"""Number of requests of a foreign call from outside: there are several gateways, and each must refuse."""
_ROUNDS: Final = 5
"""Number of rounds of a pod, one after the other, that are read; where an answer is awaited, fewer, again and again."""
_AWAITED: Final = 2
_ROUND_S: Final = 20.0
_POLL_S: Final = 0.1
_LIFE_S: Final = 300

_PROGRAM: Final = """\
import json, os, socket, ssl, sys, time
end, places, number = time.monotonic() + float(sys.argv[1]), sys.argv[2:], 0

tls = ssl.create_default_context()
tls.check_hostname, tls.verify_mode = False, ssl.CERT_NONE

def call(place):
    came = asked(place, lambda connection: connection)
    return asked(place, tls.wrap_socket) if came == "closed" else came

def asked(place, spoken):
    service, _, path = place.partition("/")
    name, port = service.rsplit(":", 1)
    host = os.environ.get(name.upper().replace("-", "_") + "_SERVICE_HOST", name)
    try:
        connection = socket.create_connection((host, int(port)), timeout=2)
    except socket.gaierror:
        return "no address"
    except OSError:
        return "refused"
    try:
        with spoken(connection) as connection:
            connection.sendall(f"GET /{path} HTTP/1.0\\r\\nHost: {name}\\r\\n\\r\\n".encode())
            words = connection.recv(64).split()
            return int(words[1]) if len(words) > 1 else "closed"
    except (OSError, ValueError):
        return "closed"

while time.monotonic() < end:
    number += 1
    print(json.dumps([number, {place: call(place) for place in places}]), flush=True)
    time.sleep(0.1)
"""
"""Program of the pods. Arguments: seconds to run, then places like `orders:8080/orders/1`. A connection that is refused or closed without an answer
is a word, an answer its status. Who closes plain text is asked again with TLS; whose certificate it has is no matter here."""


Rounds = Mapping[tuple[str, str], Sequence[Mapping[str, int | str]]]
"""What each place answered in each round of a pod, by region and caller."""


class Fate(StrEnum):
    """What became of a call."""

    REFUSED = "refused"
    LET_IN = "let in"
    UNKNOWN = "no evidence"
    """Neither: an error, an answer of a limit, no answer."""


class SeenCall(NamedTuple):
    """The worst fate of the requests of one call, what they were answered, and whether an answer had the header that shows a layer.

    Of a call within the cluster the header stands for any answer at all, in place of a connection that was refused.
    """

    fate: Fate
    words: str
    header: bool = False


@dataclass(kw_only=True, slots=True)
class ForeignCaller:
    """Sends foreign calls, and the right ones beside them.

    Attributes:
        target: target. refused: statuses with which calls are refused.
        user: user of `identity.users` of the right calls; empty: the first of `sign_in`.
        pods: cluster, namespace and name of the pod with the labels of each caller in each region.
    """

    target: Target
    refused: Sequence[int]
    user: str = ""
    pods: Mapping[tuple[str, str], tuple[Cluster, str, str]] = field(default_factory=dict)
    _makers: dict[str, CallMaker] = field(default_factory=dict)

    def foreign(self, calls: Sequence[ForeignCall]) -> list[SeenCall]:
        """The calls that must be refused; those from pods are read at the same time."""
        rounds = self._rounds([(one.inside, one.inside.caller) for one in calls if one.inside is not None], _ROUNDS)
        return [self._foreign(one, CALLS, rounds) for one in calls]

    def quickly(self, call: ShownCall) -> SeenCall:
        """The call that shows a layer, sent a few times only."""
        inside = call.inside
        return self._foreign(call, _ROUNDS, self._rounds([(inside, inside.caller)] if inside else [], _AWAITED))

    def right(self, calls: Sequence[ForeignCall]) -> list[SeenCall]:
        """The right call beside each, which must be let in, else its refusal proves nothing."""
        rounds = self._rounds([(one.inside, "accepted") for one in calls if one.inside is not None], _ROUNDS)
        return [self._right(one, rounds) for one in calls]

    def _foreign(self, call: ForeignCall, calls: int, rounds: Rounds) -> SeenCall:
        header = call.header if isinstance(call, ShownCall) else ""
        if call.outside is not None:
            return self._outside(call, call.outside, header, calls)
        if call.inside is not None:
            return self._inside(call.inside, call.inside.caller, rounds)
        assert call.database is not None  # noqa: S101 - one of three
        return _query(call.database, call.database.sql)

    def _right(self, call: ForeignCall, rounds: Rounds) -> SeenCall:
        if call.outside is not None:
            entry = ForeignCall(outside=call.outside)  # past the gateway the user has no way in
            return self._outside(entry, call.outside.model_copy(update={"by": "user"}), "", 3)
        if call.inside is not None:
            seen = self._inside(call.inside, "accepted", rounds)  # without a token the service itself may refuse it
            reached = seen.fate is Fate.LET_IN or any(str(status) in seen.words for status in self.refused)
            return seen._replace(fate=Fate.LET_IN if reached else seen.fate)
        assert call.database is not None  # noqa: S101 - one of three
        return _query(call.database, call.database.allowed)

    def _outside(self, foreign: ForeignCall, call: DeclaredCall, header: str, calls: int) -> SeenCall:
        if foreign.at not in self._makers:
            access = IdentityTokens(self.target).sign_in(self.user).access if self.user else ""
            self._makers[foreign.at] = CallMaker(target=self.target, entry=foreign.at, access=access)
        sent = self._makers[foreign.at].send([call] * calls)
        has = bool(header) and any(header.lower() in map(str.lower, one.answer.headers) for one in sent)
        return SeenCall(*self._worst([self._fate(one) for one in sent], [one.got for one in sent]), has)

    def _fate(self, one: PlantedCall) -> Fate:
        return self._fate_of(one.answer.status)

    def _fate_of(self, status: int) -> Fate:
        """A redirect is no evidence: a gateway may send a caller to its sign-in."""
        return Fate.LET_IN if 200 <= status < 300 else Fate.REFUSED if status in self.refused else Fate.UNKNOWN

    def _inside(self, call: InsideCall, caller: str, rounds: Rounds) -> SeenCall:
        place = f"{call.service}{call.path}"
        came = [one[place] for one in rounds[self._pod(call, caller)] if place in one]
        fates = [self._fate_inside(one) for one in came]
        words = [f"status {one}" if isinstance(one, int) else str(one) for one in came]
        return SeenCall(*self._worst(fates, words), any(isinstance(one, int) for one in came))

    def _pod(self, call: InsideCall, caller: str) -> tuple[str, str]:
        return call.region or next(iter(namespaces(self.target))), caller

    def _rounds(self, calls: Sequence[tuple[InsideCall, str]], number: int) -> Rounds:
        """The next rounds of the pods of these calls by these callers, which are read at the same time."""
        pods = list(dict.fromkeys(self._pod(call, caller) for call, caller in calls))
        if not pods:
            return {}
        with ThreadPoolExecutor(len(pods)) as pool:
            return dict(zip(pods, pool.map(lambda pod: _rounds(*self.pods[pod], number), pods), strict=True))

    def _fate_inside(self, came: int | str) -> Fate:
        if isinstance(came, int):
            return self._fate_of(came)
        return Fate.REFUSED if came in {"refused", "closed"} else Fate.UNKNOWN

    @staticmethod
    def _worst(fates: Sequence[Fate], words: Sequence[str]) -> tuple[Fate, str]:
        if not fates:
            return Fate.UNKNOWN, "no answer"
        order = (Fate.LET_IN, Fate.UNKNOWN, Fate.REFUSED)
        counts = Counter(words)
        said = ", ".join(f"{n} {word}" for word, n in counts.most_common())
        return min(fates, key=order.index), said


def _query(call: DatabaseCall, query: str) -> SeenCall:
    """Whether the role may run a query; only `insufficient_privilege` is a refusal."""
    import psycopg
    from psycopg import sql

    try:
        rows_of(call.dsn, sql.SQL(query.replace("%", "%%")), raises=True)
    except psycopg.errors.InsufficientPrivilege:
        return SeenCall(Fate.REFUSED, "permission denied")
    except psycopg.ProgrammingError as error:
        if "no results" in str(error) or "didn't produce" in str(error):
            return SeenCall(Fate.LET_IN, "done")
        return SeenCall(Fate.UNKNOWN, " ".join(str(error).split()))
    except (psycopg.Error, HarnessError) as error:
        return SeenCall(Fate.UNKNOWN, " ".join(str(error).split()))
    return SeenCall(Fate.LET_IN, "answered")


@contextmanager
def placed_callers(
    target: Target, calls: Sequence[ForeignCall], check: str
) -> Iterator[dict[tuple[str, str], tuple[Cluster, str, str]]]:
    """Context in which the pods of the inside calls run, one of each caller in each region that has any; they are removed at its end."""
    inside = [one.inside for one in calls if one.inside is not None]
    places = namespaces(target) if inside else {}
    clusters, pods = Clusters(target), dict[tuple[str, str], tuple[Cluster, str, str]]()
    with PendingUndos(target, check) as undos:
        for region in dict.fromkeys(one.region or next(iter(places)) for one in inside):
            asked = sorted(
                {f"{one.service}{one.path}" for one in inside if (one.region or next(iter(places))) == region}
            )
            declared, cluster, namespace = callers_of(target), clusters.of(region), places[region]
            for caller, labels in (("accepted", declared.accepted), ("refused", declared.refused)):
                name = f"readiness-{caller}-{uuid.uuid4().hex[:6]}"
                program = ["python", "-c", _PROGRAM, str(_LIFE_S), *asked]
                body = probe_pod(name, namespace, labels, declared.image, program, life_s=_LIFE_S)
                place_pod(undos, cluster, body)
                pods[region, caller] = (cluster, namespace, name)
        yield pods


def _rounds(cluster: Cluster, namespace: str, pod: str, number: int) -> list[Mapping[str, int | str]]:
    """So many next rounds of a pod, which begin after this call.

    Raises:
        DriverError: there is none in time.
    """

    def read() -> list[Mapping[str, int | str]]:
        lines = cluster.pod_log(namespace, pod).splitlines(keepends=True)
        return [json.loads(line)[1] for line in lines if line.startswith("[") and line.endswith("\n")]

    before: int | None = None
    for _ in clock.Deadline.after(_ROUND_S).ticks(_POLL_S):
        rounds = read()
        if before is None:
            before = len(rounds) + 1  # the round that is under way began earlier
        elif len(rounds) >= before + number:
            return rounds[before : before + number]
    hint = "check its events: does its image exist, and may the harness create pods in this namespace?"
    raise DriverError(
        f"the pod {pod} reported nothing within {_ROUND_S:g} s", where=f"{cluster.url} {namespace}", hint=hint
    )


def awaited(see: Callable[[], bool], within_s: float, *, in_a_row: int = 3) -> bool:
    """Whether something is seen so often in a row within a time in s."""
    row = 0
    for _ in clock.Deadline.after(within_s).ticks(0.3):
        row = row + 1 if see() else 0
        if row == in_a_row:
            return True
    return False
