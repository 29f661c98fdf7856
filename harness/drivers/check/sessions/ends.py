"""`sessions-end`: checks that a session is refused after its sign-out in every region that served it, and after its lifetime.

Before, each session gets the page that only a signed-in user gets; afterwards, a new session gets it. Without these two, refusals prove
nothing: a platform that refuses everybody would pass.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack

from harness.drivers.check.claim import claim
from harness.drivers.check.needs import within
from harness.drivers.check.sessions.expired import begin_idle
from harness.drivers.check.sessions.needs import EVERY_SESSION, SESSION
from harness.drivers.check.sessions.signed_out import after_sign_out
from harness.drivers.facts import FactProbe, FactReading
from harness.model import Quantity
from harness.targets import Target
from harness.targets.trust.browser import REFUSED, SERVED, BrowserMaker, browsers, entries, test_users


@claim(
    EVERY_SESSION,
    "was refused with 401 within <within:duration> after its sign-out and after its expiry",
    example="every session was refused with 401 within 5 s after its sign-out and after its expiry",
    needs=(*SESSION, within("identity.session.sign_out", "sessions are signed out")),
    seconds=30.0,
    again=False,
)
def sessions_end(target: Target, params: Mapping[str, str]) -> FactProbe:
    """Sessions of test users that sign out, or are not used any more: their cookies are sent again, to every region."""
    limit_s, users = Quantity.parse(params["within"]).in_unit("s"), [*test_users(target).values()]

    def probe() -> Sequence[FactReading]:
        with ExitStack() as stack:
            makers = {name: stack.enter_context(browsers(target, entry)) for name, entry in entries(target).items()}
            if unfit := [*_unfit_pages(makers)]:
                return unfit
            idle = begin_idle(makers, users, limit_s)
            with ThreadPoolExecutor(1) as beside:  # the sessions may expire before all others are signed out
                signed_out = beside.submit(after_sign_out, makers, users, limit_s)
                return [*idle.after_expiry(), *signed_out.result()]

    return probe


def _unfit_pages(makers: Mapping[str, BrowserMaker]) -> Iterator[FactReading]:
    """A fact for each region whose page is not refused without a session, so that it cannot tell whether a session is valid."""
    for region, maker in makers.items():
        answer = maker.new().page()
        if answer.status != REFUSED:
            yield FactReading(
                subject=f"{maker.settings.page} without a session, {region}",
                expected=f"status {REFUSED}, so that the page shows whether a session is valid",
                observed=answer.words,
                ok=False if answer.is_evidence and answer.status != SERVED else None,
            )
