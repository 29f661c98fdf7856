"""When a session or a role has ended: times of requests and answers against a limit, and cookies as answers set them."""

from __future__ import annotations

import random
from collections.abc import Sequence

import pytest

from harness.drivers.check.sessions.roles import refused_reading
from harness.drivers.check.sessions.signed_out import ended_reading
from harness.drivers.check.sessions.weak_passwords import weak_passwords
from harness.targets.trust.browser import BrowserAnswer
from harness.targets.trust.cookies import set_cookies
from harness.units import NS_PER_S

OUT = BrowserAnswer(status=204, sent_ns=0, at_ns=NS_PER_S // 10)


def at(seconds: float, status: int) -> BrowserAnswer:
    """An answer after a tenth of a second."""
    sent_ns = round(seconds * NS_PER_S)
    return BrowserAnswer(status=status, sent_ns=sent_ns, at_ns=sent_ns + NS_PER_S // 10)


def polled(*statuses: tuple[float, int], until: float = 7.6) -> Sequence[BrowserAnswer]:
    """Every quarter of a second: from which time on which status."""
    times = [n / 4 for n in range(1, round(until * 4))]
    return [at(time, [status for since, status in statuses if time >= since][-1]) for time in times]


def test_a_session_has_ended_once_it_is_refused_for_good(subtests: pytest.Subtests) -> None:
    """Within five seconds of its sign-out; answers that are no evidence of a session decide nothing."""
    for answers, control, ok in [
        (polled((0, 401)), "", True),
        (polled((0, 200), (3, 401)), "", True),
        (polled((0, 200), (4.95, 401)), "", None),  # between 4.75 s and 5.1 s
        (polled((0, 200), (6, 401)), "", False),
        (polled((0, 200)), "", False),
        (polled((0, 401), (6, 200), (6.2, 401)), "", False),  # one replica still knows it
        (polled((0, 302)), "", False),
        (polled((0, 401), (5, 503)), "", None),
        (polled((0, 404)), "", None),
        (polled((0, 429)), "", None),
        (polled((0, 401), until=5.5), "", None),
        (polled((0, 401)), "the sign-in got status 503", None),
    ]:
        with subtests.test(answers=answers, control=control):
            assert ended_reading("session", OUT, answers, 5.0, control).ok is ok


def test_a_role_is_gone_once_its_calls_are_refused_for_good(subtests: pytest.Subtests) -> None:
    """Within ten seconds, and for five."""
    for answers, ok in [
        (polled((0, 403), until=8), True),
        (polled((0, 200), (4, 403), until=12), True),
        (polled((0, 200), (4, 403), until=8), None),  # refused for four seconds
        (polled((0, 200), until=12), False),
        (polled((0, 200), (11, 403), until=18), False),
        (polled((0, 401), until=12), None),
        (polled((0, 500), until=12), None),
        ([], None),
    ]:
        with subtests.test(answers=answers):
            assert refused_reading("call", OUT, answers, 10.0).ok is ok


@pytest.mark.parametrize(
    ("line", "lacking"),
    [
        ("sid=1; Secure; HttpOnly; SameSite=Lax", ()),
        ("sid=1;secure ;HTTPONLY; samesite=strict; Path=/", ()),
        ("sid=1; HttpOnly; SameSite=Lax", ("Secure",)),
        ("sid=1; Secure; SameSite=None; HttpOnly", ("SameSite (it is None)",)),
        ("sid=Secure HttpOnly", ("Secure", "HttpOnly", "SameSite")),
    ],
)
def test_the_attributes_of_a_cookie(line: str, lacking: tuple[str, ...]) -> None:
    """As browsers read them; every site may send a cookie with SameSite=None."""
    (cookie,) = set_cookies([line])
    assert (cookie.name, cookie.lacking, cookie.removes) == ("sid", lacking, False)


def test_a_cookie_that_is_over_is_removed() -> None:
    """By its age, or its date; a header without a name sets none."""
    lines = [
        "a=; Max-Age=0",
        "b=; Expires=Thu, 01 Jan 1970 00:00:00 GMT",
        "c=1; Max-Age=60",
        "d=1; Expires=never",
        "none",
    ]
    assert [(one.name, one.removes) for one in set_cookies(lines)] == [
        ("a", True),
        ("b", True),
        ("c", False),
        ("d", False),
    ]
    assert "1" not in repr(set_cookies(["sid=1"]))


def test_weak_passwords_are_short_or_common() -> None:
    """Forty of the common ones are long enough, so that a rule on length alone does not refuse them."""
    every = [*weak_passwords(random.Random(1))]
    short = [one for one in every if not one.why.startswith("`")]
    common = [one for one in every if one.why.startswith("`")]
    assert [len(one.text) for one in short] == [*range(1, 12), 11]
    assert sum(len(one.text) >= 12 for one in common) == 40
    assert not [one for one in short if len(one.text) > 4 and one.text in one.why]
