"""`secret-rotation`: rotates a secret while requests are sent, and sees who uses the new one and when the old one is refused."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Final

from harness import clock
from harness.clock import Deadline
from harness.drivers.check.claim import When, claim
from harness.drivers.check.needs import within
from harness.drivers.check.once import OncePerRun
from harness.drivers.check.secrets.beside import SteadyRequests, paths_of, requests_beside
from harness.drivers.check.secrets.tries import LET_IN, REFUSED, SecretInUse, current, tried
from harness.drivers.check.secrets.turns import rotated, rotation_of
from harness.drivers.check.sql.asking import database_in, rows_of
from harness.drivers.claim import SentenceForm
from harness.drivers.facts import FactProbe, FactReading
from harness.errors import ConfigurationError, HarnessError
from harness.model import FactAmount, Quantity
from harness.model.planned.need import RequiredKey
from harness.targets import Target
from harness.targets.access import Access, access, accesses
from harness.targets.files.stored import Rotation

ROTATED: Final = SentenceForm(
    "secret-rotated",
    "no request failed and <outcome:noun> when a key was rotated under traffic",
    "The secret of `secrets.rotation` is rotated while requests are sent at a steady rate.",
)
_BEFORE_S: Final = 2.0
_AFTER_S: Final = 2.0
"""Time for which requests are sent before the rotation, and after what is waited for."""
_AGAIN: Final = 3
"""Further tries with an old secret that was refused once: a server that locks a user after five failures does not."""
_POLL_S: Final = 0.5
_SETTLE_S: Final = 60.0
"""Time for the platform to end a rotation whose old secret the sentence does not ask about."""
_EITHER: Final = "a session began before the old key was refused, with the same user"
_REFUSED_BY: Final = "refused"
_USED_BY: Final = "used"


def _accesses(target: Target, _params: Mapping[str, str]) -> tuple[Access, ...]:
    rotation = target.secrets.rotation if target.secrets is not None else None
    if rotation is None:
        return ()
    found: list[Access] = []
    if rotation.secret is not None:
        found += access("get secrets", at=rotation.secret.namespace, name=rotation.secret.name)
    for turn in (rotation.rotate, rotation.undo):
        if (one := turn.annotate) is not None:
            group = one.version.partition("/")[0]
            found += access(f"patch {one.plural}.{group}", at=one.namespace, name=one.name)
    return tuple(dict.fromkeys(found))


@claim(
    ROTATED,
    "the old key was refused within <within:duration>",
    example="no request failed and the old key was refused within 5 min when a key was rotated under traffic",
    fixed={"of": _REFUSED_BY},
    needs=(
        RequiredKey("secrets", "a secret is rotated"),
        within("secrets.rotation", "a secret is rotated"),
    ),
    when=When.BESIDE_USERS,
    seconds=25.0,
    touches=("entry",),
    consent="secret-rotation",
    again=False,
)
@claim(
    ROTATED,
    "every service used the new one within <within:duration>",
    name="rotated-secret-used",
    example="no request failed and every service used the new one within 45 s when a key was rotated under traffic",
    fixed={"of": _USED_BY},
)
@accesses(by=_accesses)
def secret_rotation(target: Target, params: Mapping[str, str]) -> FactProbe:
    """The old secret must be let in before, requests must succeed before, the new one must be let in after; a session of a service counts as of the new secret if it began after the rotation with the new user; where the user stays the same, if it began after the old secret was refused.

    The undo of the target file is on disk before, and runs unless everything was as expected.
    """
    rotation = rotation_of(target)
    paths_of(target, rotation)  # raises where there is nothing to request
    if params["of"] == _USED_BY and not rotation.used_by:
        raise ConfigurationError(
            "does not say who uses the secret",
            where=f"{target.file}: secrets.rotation.used_by",
            hint="write `used_by: [SERVICE]` and `sessions: SELECT service, since, user …`",
        )
    limit_s = Quantity.parse(params["within"]).base

    def probe() -> Sequence[FactReading]:
        seen = _ROTATED.of(params, "rotation", lambda: _rotation(target, rotation, params["of"], limit_s))
        if seen.tells(rotation, params["of"], limit_s):
            return seen.facts(rotation, params["of"], limit_s)
        return _rotation(target, rotation, params["of"], limit_s).facts(rotation, params["of"], limit_s)

    return probe


@dataclass(kw_only=True, slots=True)
class RotationSeen:
    """What was seen of a rotation.

    Attributes:
        refused_s: seconds until the old secret was refused, each time since; None: it was not.
        used_s: seconds until each service used the new one, by service.
        watched_s: seconds for which this was watched.
        took_s: seconds that `rotate` took before: the secret may have changed at any moment of it.
        either: services with a session that may be of either secret.
        old: the last result of a try with the old secret.
        shut_out: a time of the database after the old secret was refused; None: it is not known that it was.
        renamed: whether the new secret has another user.
        new: the new secret; None: it is the old one still.
        why: why sessions could not be read.
        others: facts beside: the new secret is let in, no request failed; alone where there was no rotation to watch.
    """

    refused_s: float | None = None
    used_s: dict[str, float] = field(default_factory=dict)
    watched_s: float = 0.0
    took_s: float = 0.0
    either: set[str] = field(default_factory=set)
    old: str = LET_IN
    shut_out: datetime | None = None
    renamed: bool = False
    new: SecretInUse | None = field(default=None, repr=False)
    why: str = ""
    others: list[FactReading] = field(default_factory=list)

    @property
    def since(self) -> str:
        """What a time is reckoned from, where that matters."""
        return f", and `rotate` took {self.took_s:.1f} s before" if self.took_s >= _POLL_S else ""

    def facts(self, rotation: Rotation, of: str, limit_s: float) -> list[FactReading]:
        """The facts of a sentence with this limit."""
        return [*(_facts(rotation, self, of, limit_s) if self.watched_s else ()), *self.others]

    def tells(self, rotation: Rotation, of: str, limit_s: float) -> bool:
        """Whether it was watched long enough for a sentence with this limit."""
        ended = self.refused_s is not None if of == _REFUSED_BY else self.used_s.keys() >= {*rotation.used_by}
        return not self.watched_s or ended or self.watched_s >= limit_s


def _rotation(target: Target, rotation: Rotation, of: str, limit_s: float) -> RotationSeen:
    old = current(target, rotation)
    before = tried(target, rotation, old)
    if before != LET_IN:
        return RotationSeen(others=[_undone("the old key before", LET_IN, before)])
    with requests_beside(target, rotation) as requests:
        clock.sleep(_BEFORE_S)
        if requests.failed:
            return RotationSeen(others=[_undone("requests before the rotation", "0 failed", requests.words)])
        since = _database_time(target, rotation) if rotation.sessions else None
        began_s = clock.now_s()
        with rotated(target, rotation) as turn:
            if turn.why:
                return RotationSeen(others=[_undone("rotation", "made", turn.why)])
            took_s = clock.now_s() - began_s
            seen = _watched(target, rotation, old, since, of=of, limit_s=limit_s)
            seen.took_s = took_s
            clock.sleep(_AFTER_S)
            for _ in range(_AGAIN):
                _note_old(target, rotation, seen, old, seen.refused_s)
            seen.others = [_new_fact(target, rotation, seen), _of_requests(requests)]
            used = since is None or seen.used_s.keys() >= {*rotation.used_by}  # the other sentence may ask for it
            turn.whole = used and all(fact.ok for fact in seen.facts(rotation, of, limit_s))
    return seen


def _undone(subject: str, expected: str, observed: str) -> FactReading:
    return FactReading(subject=subject, expected=expected, observed=observed, ok=None)


_ROTATED: Final = OncePerRun[RotationSeen]()


def _database_time(target: Target, rotation: Rotation) -> datetime:
    [(at,)] = rows_of(rotation.dsn or database_in(target).dsn, "SELECT clock_timestamp()")
    found: datetime = at
    return found


def _watched(
    target: Target, rotation: Rotation, old: SecretInUse, since: datetime | None, *, of: str, limit_s: float
) -> RotationSeen:
    """Wait until every service uses the new secret and the old one is refused, or the limit is over."""
    seen, began_s = RotationSeen(), clock.now_s()
    longest_s = limit_s if of == _REFUSED_BY else limit_s + _SETTLE_S
    for _ in Deadline.after(longest_s).ticks(_POLL_S):
        passed_s = clock.now_s() - began_s
        now = current(target, rotation)
        seen.new = now if now != old else None
        seen.renamed = now.user != old.user
        if since is not None:
            _note_sessions(target, rotation, seen, since, passed_s)
        if seen.refused_s is None:
            _note_old(target, rotation, seen, old, passed_s)
        used = seen.used_s.keys() >= {*rotation.used_by}
        if used and seen.refused_s is not None and seen.new is not None:
            break
        if of == _USED_BY and not used and passed_s > limit_s:
            break
    seen.watched_s = clock.now_s() - began_s
    return seen


def _note_old(target: Target, rotation: Rotation, seen: RotationSeen, old: SecretInUse, passed_s: float | None) -> None:
    """Try the old secret once more: of several servers behind one address each may let it in still."""
    said = tried(target, rotation, old)
    if said == LET_IN:
        seen.old, seen.refused_s, seen.shut_out = said, None, None
    elif seen.refused_s is None:
        seen.old, seen.refused_s = said, passed_s if said == REFUSED else None


def _note_sessions(target: Target, rotation: Rotation, seen: RotationSeen, since: datetime, passed_s: float) -> None:
    """Note the services all of whose sessions are of the new secret, and those with one that may be of either."""
    from psycopg import sql

    try:
        if seen.refused_s is not None and seen.shut_out is None:
            seen.shut_out = _database_time(target, rotation)
        rows = rows_of(rotation.dsn or database_in(target).dsn, sql.SQL(rotation.sessions))
    except HarnessError as error:
        seen.why = error.what
        return
    seen.why = ""
    for service in rotation.used_by:
        own = [_is_new(row, seen, since) for row in rows if str(row[0]) == service]
        if own and all(own):
            seen.used_s.setdefault(service, passed_s)
        else:
            seen.used_s.pop(service, None)
        seen.either -= {service}
        if None in own and False not in own:
            seen.either.add(service)


def _is_new(row: Sequence[object], seen: RotationSeen, since: datetime) -> bool | None:
    """Whether a session is of the new secret; None: it began while either may have been let in, and no other user tells them apart."""
    began = row[1]
    if seen.new is None or not isinstance(began, datetime) or began <= since:
        return False
    if len(row) > 2 and seen.new.user and row[2] != seen.new.user:
        return False
    if len(row) > 2 and seen.renamed:
        return True
    return True if seen.shut_out is not None and began > seen.shut_out else None


def _in_time(after_s: float | None, took_s: float, limit_s: float) -> bool | None:
    """Whether something happened in time after a rotation, which was made at any moment of the seconds that `rotate` took; None: it depends on this."""
    if after_s is None or after_s > limit_s:
        return False
    return True if after_s + took_s <= limit_s else None


def _facts(rotation: Rotation, seen: RotationSeen, of: str, limit_s: float) -> Iterator[FactReading]:
    if of == _REFUSED_BY:
        at_s = seen.refused_s
        unclear = at_s is None and seen.old != LET_IN
        yield FactReading(
            subject="the old key",
            expected=f"{REFUSED} within {limit_s:g} s",
            observed=f"{REFUSED} after {at_s:.1f} s{seen.since}"
            if at_s is not None
            else f"{seen.old} after {limit_s:g} s",
            ok=None if unclear else _in_time(at_s, seen.took_s, limit_s),
            amount=None if at_s is None else FactAmount(value=at_s, unit="s"),
        )
        return
    for service in rotation.used_by:
        used_s = seen.used_s.get(service)
        observed = f"used after {used_s:.1f} s{seen.since}" if used_s is not None else f"not used after {limit_s:g} s"
        either = used_s is None and service in seen.either
        observed = f"not known after {limit_s:g} s: {_EITHER}" if either else observed
        yield FactReading(
            subject=f"{service}: the new key",
            expected=f"used within {limit_s:g} s",
            observed=f"{observed}; {seen.why}" if seen.why else observed,
            ok=None if used_s is None and (seen.why or either) else _in_time(used_s, seen.took_s, limit_s),
            amount=None if used_s is None else FactAmount(value=used_s, unit="s"),
        )


def _new_fact(target: Target, rotation: Rotation, seen: RotationSeen) -> FactReading:
    said = "the same as before" if seen.new is None else tried(target, rotation, seen.new)
    return FactReading(subject="the new key", expected=LET_IN, observed=said, ok=True if said == LET_IN else None)


def _of_requests(requests: SteadyRequests) -> FactReading:
    """The fact of all requests from before the rotation until after it."""
    ok = False if requests.failed else None if requests.limited or not requests.sent else True
    return FactReading(subject="requests during the rotation", expected="0 failed", observed=requests.words, ok=ok)
