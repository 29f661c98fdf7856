"""The watcher of signed-in users: it begins sessions at every entry, and asks for the page that only a signed-in user gets.

While no fault may be active, a session that is over or old is begun again. From before a fault until a while after its restore none is begun: a session
that is refused then stays as it is.
"""

from __future__ import annotations

import asyncio
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack
from dataclasses import dataclass
from itertools import cycle
from typing import TYPE_CHECKING, ClassVar, Final

from harness import clock
from harness.drivers.watch.settings import Rates
from harness.drivers.watch.watching import Pace, Watcher, Watching
from harness.errors import HarnessError
from harness.model.records.table import SESSIONS
from harness.targets.files.identity import IdentitySettings
from harness.targets.files.target import Target
from harness.targets.trust.browser import (
    SERVED,
    BrowserAnswer,
    BrowserMaker,
    SignedCaller,
    client_of,
    entries,
    origin_of,
    test_users,
)
from harness.targets.trust.grants import IdentityTokens
from harness.units import NS_PER_S

if TYPE_CHECKING:
    from harness.drivers.watch.schedule import ProbeSchedule
    from harness.evidence.rows import RowWriter

_EACH: Final = 4
"""Number of sessions at each entry."""
_AFTER: Final = 3
"""How often each session is asked at the rate of a fault after its restore."""
_OLD_S: Final = 120.0
"""Age in s after which a session is begun again while no fault may be active; of one with a longest time, a quarter of that if it is less."""
_REFUSALS: Final = frozenset({401, 403})
_Row = tuple[tuple[int, int, int, int], tuple[str, str, str, str | None]]


@dataclass(kw_only=True, slots=True)
class WatchedSession:
    """One session after the other, of one user at one entry.

    Attributes:
        identity: section of the target file.
        name: name of the sessions, to which the number of the sign-in is added.
        user: user of `identity.users`.
        visitor: sends requests without credentials at the entry.
        tokens: gets tokens; None: the user begins a browser's session.
        begun: number of sign-ins.
        caller: sends requests with the credentials; None: there was no sign-in yet, or the last one failed.
        unsigned: answer to the last request without credentials.
        begun_ns, served_ns: when the session was begun, and when it was served last.
        lasts_s: how long the token is valid, in s; None: not known, or there is none.
        refused: whether the session was refused.
    """

    identity: IdentitySettings
    name: str
    user: str
    visitor: SignedCaller
    tokens: IdentityTokens | None
    begun: int = 0
    caller: SignedCaller | None = None
    unsigned: BrowserAnswer | None = None
    begun_ns: int = 0
    served_ns: int = 0
    lasts_s: float | None = None
    refused: bool = False

    def ask(self, due_ns: int, *, may_begin: bool) -> Iterator[_Row]:
        """Begin the session if it is over or old and may be begun, else ask for its page; no row if neither makes sense."""
        if may_begin and (self.caller is None or self.refused or self._age_s > self._old_s or self._run_out):
            yield from self._begin(due_ns)
        elif self.caller is not None and not self.refused and not self._run_out:
            answer = self._page(self.caller)
            outcome = self._outcome(answer)
            self.refused = outcome == "refused"
            if outcome == "served":
                self.served_ns = answer.sent_ns
            yield self._row(due_ns, "page", answer, outcome)

    @property
    def _age_s(self) -> float:
        return (clock.now_ns() - self.begun_ns) / NS_PER_S

    @property
    def _longest_s(self) -> float | None:
        return self.lasts_s if self.identity.session is None else self.identity.session.longest_s

    @property
    def _old_s(self) -> float:
        return _OLD_S if self._longest_s is None else min(_OLD_S, self._longest_s / 4)

    @property
    def _run_out(self) -> bool:
        """Whether a refusal proves nothing, since the session ends by itself: it is as old as it may be, or was not served for as long as it may be unused."""
        unused_s = None if self.identity.session is None else self.identity.session.lifetime_s
        silent_s = (clock.now_ns() - self.served_ns) / NS_PER_S
        over = self._longest_s is not None and self._age_s > self._longest_s - 1
        return over or (unused_s is not None and silent_s > unused_s - 1)

    def _begin(self, due_ns: int) -> Iterator[_Row]:
        self.begun, self.caller, self.refused = self.begun + 1, None, False
        self.unsigned = self._page(self.visitor)
        yield self._row(due_ns, "visitor", self.unsigned, _of_visitor(self.unsigned))
        self.begun_ns, why = clock.now_ns(), ""
        try:
            self.caller, why = self._signed_in()
        except HarnessError as error:
            why = " ".join(str(error).split())
        if why:
            self.caller = None
        self.served_ns = clock.now_ns()
        times = (due_ns, self.begun_ns, self.served_ns, 0 if why else SERVED)
        yield times, (self._named, "sign-in", "unknown" if why else "served", why or None)

    def _signed_in(self) -> tuple[SignedCaller, str]:
        """A caller with the user's credentials, and why its page is not served; empty: it is."""
        client, origin, session = self.visitor.client, self.visitor.origin, self.identity.session
        if self.tokens is None and session is not None:
            return BrowserMaker(client=client, settings=session, origin=origin).signed_in(
                self.identity.users[self.user]
            )
        tokens = self.tokens
        assert tokens is not None  # noqa: S101 - for the type checker: there is a session or a token
        token = tokens.sign_in(self.user)
        self.lasts_s = token.expires_in_s
        caller = SignedCaller(client=client, origin=origin, token=token.access)
        served = self._page(caller)
        return caller, "" if served.status == SERVED else f"the page got {served.words} right after the sign-in"

    def _page(self, caller: SignedCaller) -> BrowserAnswer:
        page = self.identity.page if self.identity.session is None else self.identity.session.page
        return caller.ask(f"GET {page}")

    def _outcome(self, answer: BrowserAnswer) -> str:
        """What the answer to a session is: a redirect is a refusal if a request without credentials got the same one."""
        same = self.unsigned is not None and (answer.status, answer.led_to) == (
            self.unsigned.status,
            self.unsigned.led_to,
        )
        if answer.status in _REFUSALS or (300 <= answer.status < 400 and same):
            return "refused"
        return "served" if answer.status == SERVED else "unknown"

    @property
    def _named(self) -> str:
        return f"{self.name}.{self.begun}"

    def _row(self, due_ns: int, kind: str, answer: BrowserAnswer, outcome: str) -> _Row:
        times = (due_ns, answer.sent_ns, answer.at_ns, answer.status)
        return times, (self._named, kind, outcome, answer.words if outcome == "unknown" else None)


def _of_visitor(answer: BrowserAnswer) -> str:
    """What the answer without credentials is; a redirect may lead to the sign-in, and is what a refused session gets."""
    if answer.status in _REFUSALS or 300 <= answer.status < 400:
        return "refused"
    return "served" if 200 <= answer.status < 300 else "unknown"


class SessionsWatcher(Watcher):
    """Asks for the page of each session by turns. It watches only if a figure of the plan asks for it."""

    name: ClassVar[str] = "sessions"
    file: ClassVar[str] = "watch/sessions.rows"

    _rates: Rates
    _rows: RowWriter
    _sessions: tuple[WatchedSession, ...]
    _schedule: ProbeSchedule | None

    def __init__(self) -> None:
        self._open = ExitStack()
        self._busy: set[str] = set()
        self._turn = 0
        self._fault_in = False
        self._left = 0

    def needs(self, target: Target) -> bool:
        """Whether test users of the target file may sign in, and a page is only for them."""
        identity = target.identity
        if identity is None or not any(one.users for one in target.may_write):
            return False
        return identity.session is not None or (identity.gives_tokens and bool(identity.page))

    def per_s(self, rates: Rates) -> float:
        """Planned requests per second; 0: it does not watch."""
        return rates.sessions

    def begin(self, here: Watching) -> None:
        """Start one schedule for all sessions, each request in a thread of its own."""
        self._rates, self._rows = here.settings.rates, here.recorder.rows(self.name, SESSIONS)
        self._schedule = None
        if not self._rates.sessions:
            return
        self._recorder = here.recorder
        self._sessions = tuple(self._made(here.target))
        self._pool = self._open.enter_context(ThreadPoolExecutor(len(self._sessions), "sessions"))
        here.closes(self)
        self._schedule = here.schedule(self.name, self._rates.sessions, self._probe)

    def pace(self, pace: Pace) -> None:
        """Ask more often while a fault may be active, and a few times more after its restore."""
        if self._schedule is None:
            return
        if self._fault_in and not pace.fault_in:
            self._left = _AFTER * len(self._sessions)
        self._fault_in = pace.fault_in
        self._respace()

    async def aclose(self) -> None:
        """Close all connections."""
        await asyncio.to_thread(self._open.close)

    def _respace(self) -> None:
        per_s = self._rates.sessions_in_fault if self._fault_in or self._left else self._rates.sessions
        if self._schedule is not None:
            self.respace(self._recorder, per_s, [self._schedule])

    def _made(self, target: Target) -> Iterator[WatchedSession]:
        identity = target.identity
        assert identity is not None  # noqa: S101 - for the type checker: see `needs`
        spared = identity.administration.of if identity.administration is not None else ""
        users = test_users(target)
        names = cycle([name for name in users if name != spared] or users)
        for place, entry in entries(target).items():
            client = self._open.enter_context(client_of(target, entry))
            for number in range(1, _EACH + 1):
                yield WatchedSession(
                    identity=identity,
                    name=f"{place} {number}",
                    user=next(names),
                    visitor=SignedCaller(client=client, origin=origin_of(target, entry)),
                    tokens=IdentityTokens(target) if identity.session is None else None,
                )

    async def _probe(self, due_ns: int) -> None:
        self._turn += 1
        session = self._sessions[self._turn % len(self._sessions)]
        may_begin = not self._fault_in and not self._left
        if self._left:
            self._left -= 1
            self._respace()
        if session.name in self._busy:  # its last request was not answered yet
            return
        self._busy.add(session.name)
        try:
            asked = session.ask(due_ns, may_begin=may_begin)
            for row in await asyncio.get_running_loop().run_in_executor(self._pool, list, asked):
                self._rows.put(*row)
        finally:
            self._busy.discard(session.name)
