"""Gets an authorization code with PKCE through the sign-in form of a provider, as a browser without scripts does."""

from __future__ import annotations

import base64
import hashlib
import secrets
from collections.abc import Mapping
from dataclasses import dataclass, field
from html.parser import HTMLParser
from http.cookiejar import CookieJar
from typing import TYPE_CHECKING, Final
from urllib.parse import parse_qsl, urlencode, urljoin, urlsplit

from harness.errors import DriverError
from harness.targets.files.identity import IdentityClient
from harness.targets.trust.asking import ProviderAnswer, asked
from harness.targets.trust.provider import Provider

if TYPE_CHECKING:
    from harness.targets.files.target import Target

_MOST_STEPS: Final = 15
"""Greatest number of pages and redirects from the first request to the code."""
_USER: Final = frozenset({"text", "email", "tel", ""})


@dataclass(slots=True)
class SignInForm:
    """A form of a page.

    Attributes:
        action, method: where and how it is sent.
        fields: values of its fields by name.
        kinds: types of its fields by name.
    """

    action: str = ""
    method: str = "get"
    fields: dict[str, str] = field(default_factory=dict)
    kinds: dict[str, str] = field(default_factory=dict)

    def filled(self, user: str, password: str) -> tuple[Mapping[str, str], bool]:
        """The fields with the user's name and password, and whether the password is among them."""
        found = dict(self.fields)
        secret = next((name for name, kind in self.kinds.items() if kind == "password"), None)
        name = next((one for one, kind in self.kinds.items() if kind in _USER), None)
        if name is not None:
            found[name] = user
        if secret is not None:
            found[secret] = password
        return found, secret is not None


class _Forms(HTMLParser):
    """The forms of a page, with every field that a browser would send; of buttons only the first."""

    def __init__(self) -> None:
        super().__init__()
        self.found: list[SignInForm] = []
        self._open = False
        self._pressed = False

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        of = {name: value or "" for name, value in attrs}
        if tag == "form":
            self.found.append(SignInForm(action=of.get("action", ""), method=of.get("method", "get").lower()))
            self._open, self._pressed = True, False
        elif self._open and tag in {"input", "button"} and "disabled" not in of:
            self._add(tag, of)

    def handle_endtag(self, tag: str) -> None:
        self._open = self._open and tag != "form"

    def _add(self, tag: str, of: Mapping[str, str]) -> None:
        kind = of.get("type", "submit" if tag == "button" else "text").lower()
        name, form = of.get("name", ""), self.found[-1]
        if kind in {"submit", "image"}:
            if not self._pressed and name:
                form.fields[name] = of.get("value", "")
            self._pressed = True
        elif (
            name
            and kind not in {"button", "reset", "file"}
            and not (kind in {"checkbox", "radio"} and "checked" not in of)
        ):
            form.fields[name], form.kinds[name] = of.get("value", ""), kind


def authorization_code(
    target: Target, provider: Provider, client: IdentityClient, user: tuple[str, str], scope: str
) -> Mapping[str, str]:
    """The fields `code` and `code_verifier` for the token endpoint.

    Source: RFC 6749, section 4.1; RFC 7636, section 4; RFC 9207, section 2.

    Args:
        target: its certificates and proxy rule are used.
        provider: provider.
        client: client with its redirect address.
        user: name and password of the user.
        scope: scopes to ask for, with spaces between them.

    Raises:
        DriverError: the pages do not lead to a code; the message says where they ended.
    """
    verifier, state = secrets.token_urlsafe(48), secrets.token_urlsafe(16)
    challenge = base64.urlsafe_b64encode(hashlib.sha256(verifier.encode()).digest()).rstrip(b"=").decode()
    query = urlencode(
        {
            **client.parameters,
            "response_type": "code",
            "client_id": client.id,
            "redirect_uri": client.redirect,
            "scope": scope,
            "state": state,
            "nonce": secrets.token_urlsafe(16),
            "code_challenge": challenge,
            "code_challenge_method": "S256",
        }
    )
    start = provider.endpoint("authorization_endpoint")
    walk = _Walk(target, client.redirect)
    found = walk.walked(f"{start}{'&' if '?' in start else '?'}{query}", *user)
    if found.get("error"):
        raise DriverError(f"the authorization was refused with `{found['error'][:40]}`", where=start)
    if found.get("state") != state:
        raise DriverError("the redirect has another `state` than was sent", where=start)
    if found.get("iss", provider.issuer) != provider.issuer:
        raise DriverError(f"the redirect names the issuer {found['iss']!r}, expected {provider.issuer!r}", where=start)
    if not found.get("code"):
        raise DriverError("the redirect has no `code`", where=start)
    return {"code": found["code"], "code_verifier": verifier}


class _Walk:
    """The way of one user through the provider's pages, with its cookies."""

    def __init__(self, target: Target, redirect: str) -> None:
        self._target = target
        self._redirect = redirect
        self._cookies = CookieJar()
        self._given = False

    def walked(self, url: str, user: str, password: str) -> Mapping[str, str]:
        """The parameters of the redirect to the client."""
        answer = self._got("GET", url, None)
        for _ in range(_MOST_STEPS):
            if 300 <= answer.status < 400 and (location := answer.headers.get("location")):
                url = _joined(url, location)
                if url.partition("?")[0].rstrip("/") == self._redirect.partition("?")[0].rstrip("/"):
                    return dict(parse_qsl(urlsplit(url).query))
                answer = self._got("GET", url, None)
                continue
            form = self._form(answer, url)
            fields, secret = form.filled(user, password)
            if secret and self._given:
                hint = "check the user's name and password in `identity.users`"
                raise DriverError("the sign-in form asks for the password again", where=answer.url, hint=hint)
            self._given = self._given or secret
            to = _joined(url, form.action)
            if urlsplit(to)[:2] != urlsplit(url)[:2]:
                raise DriverError(f"the form of the sign-in leads to {urlsplit(to).netloc}", where=answer.url)
            if form.method == "post":
                url, answer = to, self._got("POST", to, fields)
            else:
                url = f"{to.partition('?')[0]}?{urlencode(fields)}"
                answer = self._got("GET", url, None)
        raise DriverError(f"no redirect to the client after {_MOST_STEPS} pages and redirects", where=answer.url)

    def _form(self, answer: ProviderAnswer, url: str) -> SignInForm:
        if answer.status != 200:
            what = f"a page of the sign-in was answered with status {answer.status}, expected 200"
            hint = "check the client's `id` and `redirect` in `identity.clients`"
            raise DriverError(what, where=url.partition("?")[0], hint=hint)
        reader = _Forms()
        reader.feed(answer.body.decode("utf-8", errors="replace"))
        with_password = [one for one in reader.found if "password" in one.kinds.values()]
        posted = [one for one in reader.found if one.method == "post"]
        if not (chosen := with_password or posted or reader.found):
            hint = "a sign-in that needs scripts cannot be walked through: use `grant: password`"
            raise DriverError("a page of the sign-in has no form", where=url.partition("?")[0], hint=hint)
        return chosen[0]

    def _got(self, method: str, url: str, form: Mapping[str, str] | None) -> ProviderAnswer:
        return asked(self._target, method, url, what="a page of the sign-in", form=form, cookies=self._cookies)


def _joined(url: str, reference: str) -> str:
    """The address that a page refers to. Raises DriverError: it is invalid."""
    try:
        to = urljoin(url, reference)
        urlsplit(to)
    except ValueError as error:
        what = f"a page of the sign-in refers to {reference.partition('?')[0][:80]!r}, which is not a valid address"
        raise DriverError(what, where=url.partition("?")[0]) from error
    return to
