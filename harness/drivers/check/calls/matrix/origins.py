"""`foreign-origin-calls`: a page of another origin must not be able to change anything with the session cookie of a user."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Final
from urllib.parse import urlsplit

from harness.drivers.check.calls.matrix.callers import Credential, NotMadeError, RightCallers
from harness.drivers.check.calls.matrix.classes import members_of
from harness.drivers.check.calls.matrix.controls import Control, Controls, admitted
from harness.drivers.check.calls.matrix.judging import UNAUTHENTICATED, admission, let_in, refusal, told
from harness.drivers.check.calls.matrix.operations import CredentialKind, GuardedOperation, operations_of
from harness.drivers.check.calls.matrix.refused import CALLS, DESCRIBED, IDENTIFIED, REFUSED, unknown_fact
from harness.drivers.check.calls.together import CallAnswer, CallPlan
from harness.drivers.check.claim import claim
from harness.drivers.check.needs import within
from harness.drivers.facts import FactProbe, FactReading
from harness.errors import HarnessError
from harness.model.planned.need import RequiredKey
from harness.targets import Target
from harness.targets.trust.browser import Browser, BrowserMaker, browsers, origin_of, test_users

_CHANGING: Final = "state-changing operation"


@claim(
    CALLS,
    f"from a foreign origin{REFUSED}",
    example="every call from a foreign origin was refused with 403 and the calls cover every state-changing operation",
    needs=(
        DESCRIBED,
        IDENTIFIED,
        within("identity.session", "browsers send the cookie of a session by themselves"),
        RequiredKey("may_write", "test users sign in and out, which is allowed there"),
    ),
    seconds=10.0,
    touches=("entry",),
    again=False,
)
def foreign_origin_calls(target: Target, params: Mapping[str, str]) -> FactProbe:
    """Every operation that changes something is called with a session cookie, as pages of other origins and the own page send it."""
    expected = frozenset(int(word) for word in params["status"].split(" or "))

    def probe() -> Sequence[FactReading]:
        callers, operations = RightCallers(target), operations_of(target)
        found = members_of(params.get("class", _CHANGING), operations, callers)
        return [
            *(unknown_fact(one, why, expected) for one, why in found.unknown),
            *_Origins(callers, Controls(callers, operations), expected).facts(found.chosen),
        ]

    return probe


def foreign_origins(own: str) -> Mapping[str, str]:
    """Origins of pages that are not the platform's, by what they are; the second one begins like the own origin."""
    parts = urlsplit(own)
    return {
        "from the origin https://foreign.example": "https://foreign.example",
        "from an origin that begins like the own": f"{parts.scheme}://{parts.hostname}.foreign.example",
        "from the origin null": "null",
    }


@dataclass(frozen=True, kw_only=True, slots=True)
class _SignedInPage:
    """A signed-in user: the browser, and the credential with which an own page sends requests."""

    browser: Browser
    credential: Credential


class _Origins:
    """The calls of pages, and their facts."""

    def __init__(self, callers: RightCallers, controls: Controls, expected: frozenset[int]) -> None:
        self._callers = callers
        self._controls = controls
        self._expected = expected
        self._own = origin_of(callers.target, callers.target.entry)
        self._pages: dict[str, _SignedInPage | str] = {}

    def facts(self, operations: Sequence[GuardedOperation]) -> list[FactReading]:
        """A fact for each call, and one on what was written."""
        facts, controls = list[FactReading](), list[Control]()
        with browsers(self._callers.target, self._callers.target.entry) as maker:
            try:
                self._sign_in(maker)
                last = self._callers.tokens.identity.session
                for one in sorted(operations, key=lambda each: last is not None and each.name == last.sign_out):
                    try:
                        controls.append(self._control(one))
                    except NotMadeError as error:
                        facts.append(unknown_fact(one, f"not called: {error}", self._expected))
                facts += self._called(controls)
            finally:
                written = self._controls.clean()
        return sorted(facts, key=lambda fact: fact.ok is not False) + ([written] if written is not None else [])

    def _sign_in(self, maker: BrowserMaker) -> None:
        for name, user in test_users(self._callers.target).items():
            try:
                browser, why = maker.signed_in(user)
                scopes = self._callers.scopes_of(name)
            except (HarnessError, NotMadeError) as error:
                self._pages[name] = str(error)
                continue
            words = f"the session of the user `{name}`"
            credential = Credential(
                words=words, headers=self._own_headers(browser), kind=CredentialKind.SESSION, user=name, scopes=scopes
            )
            self._pages[name] = why or _SignedInPage(browser=browser, credential=credential)

    def _own_headers(self, browser: Browser) -> Mapping[str, str]:
        """The headers of a request of an own page: the cookies, the origin, and the token that only it knows."""
        csrf, cookies = browser.settings.csrf, browser.cookies
        token = {csrf.header: cookies[csrf.cookie]} if csrf is not None and csrf.cookie in cookies else {}
        return {"cookie": "; ".join(f"{name}={value}" for name, value in cookies.items()), "origin": self._own, **token}

    def _control(self, one: GuardedOperation) -> Control:
        """The call of an own page of a user with the scopes of the operation. Raises NotMadeError."""
        if one.why:
            raise NotMadeError(one.why)
        if why := self._callers.may_call(one):
            raise NotMadeError(why)
        pages = {name: page for name, page in self._pages.items() if isinstance(page, _SignedInPage)}
        for name in sorted(pages, key=lambda each: not self._callers.owns(one, each)):
            credential = pages[name].credential
            if one.scopes <= credential.scopes:
                try:
                    by = self._callers.user(name)
                except NotMadeError:
                    by = credential
                made = self._controls.prepared(one, by)
                return replace(made, right=credential)
        whys = "; ".join(dict.fromkeys(page for page in self._pages.values() if isinstance(page, str)))
        asked = f" with scope {' and '.join(sorted(one.scopes))}" if one.scopes else ""
        raise NotMadeError(f"no user{asked} has a session{f': {whys}' if whys else ''}")

    def _called(self, controls: Sequence[Control]) -> list[FactReading]:
        calls = [
            (number, label, plan) for number, control in enumerate(controls) for label, plan in self._foreign(control)
        ]
        answers = self._callers.sent([plan for _, _, plan in calls])
        for (number, label, plan), answer in zip(calls, answers, strict=True):
            self._controls.wrote(controls[number], plan, answer, label)
        ended = {
            name
            for name, page in self._pages.items()
            if isinstance(page, _SignedInPage) and page.browser.page().status != 200
        }
        own = self._controls.answers(controls)
        no_cookie = self._taking_no_cookie(controls, own)
        facts = []
        for (number, label, _), answer in zip(calls, answers, strict=True):
            one, right = controls[number].operation, controls[number].right
            fact = refusal(one.name, label, answer, own[number], self._expected)
            if number in no_cookie and answer.status in {UNAUTHENTICATED, *self._expected}:
                fact = replace(
                    fact, ok=True, observed=f"{label}: {told(answer)}, as an own page: it takes no session cookie"
                )
            elif right.user in ended and (fact.ok or (fact.ok is False and answer.status == UNAUTHENTICATED)):
                fact = replace(fact, ok=None, observed=f"{fact.observed}, but {right.words} had ended by then")
            facts.append(fact)
        facts += [
            admitted(
                self._callers,
                one,
                admission(one.operation.name, f"an own page with {one.right.words}", answer),
                answer,
            )
            for number, (one, answer) in enumerate(zip(controls, own, strict=True))
            if number not in no_cookie
        ]
        return facts

    def _foreign(self, control: Control) -> list[tuple[str, CallPlan]]:
        """The calls of pages of other origins, without the token that only an own page knows."""
        kept = {name: value for name, value in control.right.headers.items() if name == "cookie"}
        return [
            (label, self._controls.plan(control, {**kept, "origin": origin}))
            for label, origin in foreign_origins(self._own).items()
        ]

    def _taking_no_cookie(self, controls: Sequence[Control], admitted: Sequence[CallAnswer]) -> frozenset[int]:
        """The controls whose operation lets the same user in with a token, and not with the cookie that the page is served with."""
        found = list[int]()
        for number, (control, answer) in enumerate(zip(controls, admitted, strict=True)):
            if answer.status != UNAUTHENTICATED or CredentialKind.SESSION in control.operation.kinds:
                continue
            try:
                token = replace(control, right=self._callers.user(control.right.user))
            except NotMadeError:
                continue
            (second,) = self._controls.answers([token])
            if let_in(second):
                found.append(number)
        return frozenset(found)
