"""A browser of one test user: it keeps cookies as a browser does, and can send any cookies that it once had again."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from fnmatch import fnmatchcase
from http.cookiejar import DefaultCookiePolicy
from typing import TYPE_CHECKING, Any, Final
from urllib.parse import urlsplit

from harness import clock
from harness.errors import ConfigurationError
from harness.targets.files.identity import IdentityUser
from harness.targets.files.sessions import Body, CsrfToken, SessionSettings
from harness.targets.files.target import Target
from harness.targets.http import http_client
from harness.targets.trust.cookies import SetCookie, set_cookies

if TYPE_CHECKING:
    import httpx

WITHIN_S: Final = 5.0
"""Timeout of an answer, in s."""
MOST_BYTES: Final = 1_000_000
"""Size of a body after which the rest is not read."""
SERVED: Final = 200
REFUSED: Final = 401
NO_EVIDENCE: Final = frozenset({0, 404, 405, 408, 429})
"""Statuses that say nothing of a session, besides those of 500 and above; 0 stands for no answer."""


@dataclass(frozen=True, kw_only=True, slots=True)
class BrowserAnswer:
    """An answer, or why there is none.

    Attributes:
        status: HTTP status; 0: no answer.
        sent_ns, at_ns: when the request was sent, and when its answer was there.
        cookies: cookies that it sets.
        led_to: where a redirect leads, without a query.
        why: why there is no answer.
    """

    status: int
    sent_ns: int
    at_ns: int
    cookies: Sequence[SetCookie] = field(default=(), repr=False)
    led_to: str = ""
    why: str = ""

    @property
    def words(self) -> str:
        """`status 200`, or why there is no answer."""
        return self.why or f"status {self.status}"

    @property
    def done(self) -> bool:
        """Whether the operation was carried out, or led on to another page."""
        return 200 <= self.status < 400

    @property
    def is_evidence(self) -> bool:
        """Whether the status says something of the session."""
        return self.status < 500 and self.status not in NO_EVIDENCE


@dataclass(kw_only=True, slots=True)
class SignedCaller:
    """Sends requests with the credentials of one user: the cookies that it keeps, and its token if it has one.

    Attributes:
        client: connection to one entry; each request opens a new one, so that any of several replicas answers.
        origin: origin whose pages send the requests.
        csrf: token against forged requests, which is sent with every request that may change something.
        token: access token; empty: none is sent.
        cookies: cookies that it has now.
        given: every cookie that an answer has set.
    """

    client: httpx.Client = field(repr=False)
    origin: str
    csrf: CsrfToken | None = None
    token: str = field(default="", repr=False)
    cookies: dict[str, str] = field(default_factory=dict, repr=False)
    given: list[SetCookie] = field(default_factory=list, repr=False)

    def ask(
        self,
        operation: str,
        body: Mapping[str, Any] | None = None,
        *,
        kind: Body = "json",
        cookies: Mapping[str, str] | None = None,
    ) -> BrowserAnswer:
        """Send a request.

        Args:
            operation: method and path.
            body: its body.
            kind: how the body is written.
            cookies: cookies to send in place of those of the browser, which then stay as they are.
        """
        import httpx

        sent, (method, _, path) = self.cookies if cookies is None else cookies, operation.partition(" ")
        own = {"connection": "close", **self.headers(method, sent)}
        headers = [(name.encode(), value.encode()) for name, value in own.items()]  # a cookie may have any letters
        written: dict[str, Any] = {} if body is None else {"json" if kind == "json" else "data": body}
        begun = clock.now_ns()
        try:
            with self.client.stream(method, path, headers=headers, **written) as answer:
                _read(answer)
        except (httpx.HTTPError, httpx.InvalidURL) as error:
            why = "no answer in time" if isinstance(error, httpx.TimeoutException) else type(error).__name__
            return BrowserAnswer(status=0, sent_ns=begun, at_ns=clock.now_ns(), why=why)
        found = set_cookies(answer.headers.get_list("set-cookie"))
        if cookies is None:
            self._keep(found)
        led_to = answer.headers.get("location", "").partition("?")[0]
        return BrowserAnswer(
            status=answer.status_code, sent_ns=begun, at_ns=clock.now_ns(), cookies=found, led_to=led_to
        )

    def headers(self, method: str, cookies: Mapping[str, str]) -> dict[str, str]:
        """The headers with the credentials, and with the proof that the request is of an own page."""
        headers = {}
        if cookies:
            headers["cookie"] = "; ".join(f"{name}={value}" for name, value in cookies.items())
        if self.token:
            headers["authorization"] = f"Bearer {self.token}"
        if method not in {"GET", "HEAD"}:
            headers["origin"] = self.origin
            if self.csrf is not None and self.csrf.cookie in cookies:
                headers[self.csrf.header] = cookies[self.csrf.cookie]
        return headers

    def _keep(self, found: Sequence[SetCookie]) -> None:
        self.given += found
        for one in found:
            if one.removes:
                self.cookies.pop(one.name, None)
            else:
                self.cookies[one.name] = one.value


@dataclass(kw_only=True, slots=True)
class Browser(SignedCaller):
    """A browser with the session of the target file, `settings`."""

    settings: SessionSettings

    def first(self) -> BrowserAnswer:
        """Request the page before the sign-in, which may begin a session and give the token against forged requests."""
        return self.ask(f"GET {self.settings.first or self.settings.sign_in.partition(' ')[2]}")

    def sign_in(self, user: str, password: str) -> BrowserAnswer:
        """Sign in, without a request before."""
        fields = self.settings.fields
        return self.ask(self.settings.sign_in, {fields.user: user, fields.password: password}, kind=self.settings.body)

    def sign_out(self) -> BrowserAnswer:
        """Sign out. Raises ConfigurationError if the file does not say how."""
        if self.settings.sign_out is None:
            hint = "write `sign_out: POST /logout`"
            raise ConfigurationError("does not say how a session ends", where="identity.session", hint=hint)
        return self.ask(self.settings.sign_out)

    def page(self, cookies: Mapping[str, str] | None = None) -> BrowserAnswer:
        """Request the page that only a signed-in user gets."""
        return self.ask(f"GET {self.settings.page}", cookies=cookies)

    @property
    def session(self) -> str:
        """The value of the session's cookie; empty: it has none."""
        return self.cookies.get(self.settings.cookie, "")


def _read(answer: httpx.Response) -> None:
    """Read the body, which says nothing here; of one that does not end, such as a stream of events, only the beginning."""
    size, deadline = 0, clock.Deadline.after(WITHIN_S)
    for piece in answer.iter_raw():
        size += len(piece)
        if size > MOST_BYTES or deadline.over:
            return


def session_of(target: Target) -> SessionSettings:
    """The section `identity.session`.

    Raises:
        ConfigurationError: the target file has none.
    """
    if target.identity is None or target.identity.session is None:
        hint = "write `session: {cookie: sid, sign_in: POST /login, sign_out: POST /logout, page: /account}`"
        raise ConfigurationError("describes no session", where=f"{target.file}: identity.session", hint=hint)
    return target.identity.session


def test_users(target: Target) -> Mapping[str, IdentityUser]:
    """The users of `identity.users` that `may_write` allows.

    Raises:
        ConfigurationError: there is none.
    """
    every = target.identity.users if target.identity is not None else {}
    allowed = [one.users for one in target.may_write if one.users]
    found = {name: one for name, one in every.items() if any(fnmatchcase(one.user, each) for each in allowed)}
    if not found:
        hint = "write `may_write: [{users: 'test-*'}]`, with the names of the test users of `identity.users`"
        what = f"none of the {len(every)} users of `identity.users` may sign in and out, since `may_write` names none"
        raise ConfigurationError(what, where=f"{target.file}: may_write", hint=hint)
    return found


def entries(target: Target) -> Mapping[str, str]:
    """The entry of each region by its name; without regions that have an entry, the entry itself."""
    return target.doors or {"entry": target.entry}


def origin_of(target: Target, entry: str) -> str:
    """The origin whose pages may call: that of the file, else that of the entry."""
    named = target.identity.origin if target.identity is not None else ""
    parts = urlsplit(entry)
    return named or f"{parts.scheme}://{parts.netloc}"


@contextmanager
def client_of(target: Target, entry: str) -> Iterator[httpx.Client]:
    """Context of a connection to an entry that keeps no cookies, since each caller has its own."""
    with http_client(target, entry, timeout_s=WITHIN_S) as client:
        client.cookies.jar.set_policy(DefaultCookiePolicy(allowed_domains=()))
        yield client


@contextmanager
def browsers(target: Target, entry: str) -> Iterator[BrowserMaker]:
    """Context in which browsers of one entry can be opened. Raises ConfigurationError as `session_of`."""
    settings = session_of(target)
    with client_of(target, entry) as client:
        yield BrowserMaker(client=client, settings=settings, origin=origin_of(target, entry))


@dataclass(frozen=True, kw_only=True, slots=True)
class BrowserMaker:
    """Opens browsers of one entry; for the fields see `Browser`."""

    client: httpx.Client = field(repr=False)
    settings: SessionSettings
    origin: str

    def new(self) -> Browser:
        """A browser without cookies."""
        return Browser(client=self.client, settings=self.settings, origin=self.origin, csrf=self.settings.csrf)

    def signed_in(self, user: IdentityUser) -> tuple[Browser, str]:
        """A browser in which a user has signed in, and why it has not; empty: the page is served."""
        return self.signed_in_with(user.user, user.password.resolve())

    def signed_in_with(self, user: str, password: str) -> tuple[Browser, str]:
        """The same with a password that is not that of the target file."""
        browser = self.new()
        browser.first()
        answer = browser.sign_in(user, password)
        if not answer.done:
            return browser, f"the sign-in of {user} got {answer.words}"
        if not browser.session:
            names = ", ".join(browser.cookies) or "none"
            return browser, f"the sign-in set no cookie `{self.settings.cookie}`; cookies that were set: {names}"
        served = browser.page()
        why = "" if served.status == SERVED else f"{self.settings.page} got {served.words} right after the sign-in"
        return browser, why
