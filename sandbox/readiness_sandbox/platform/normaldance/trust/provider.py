"""user-service's own way to the provider: POST /sessions of today's users gets its token there, by the password grant."""

from __future__ import annotations

import json
import os
from collections.abc import AsyncIterator
from typing import Final
from urllib.parse import urlencode

from aiohttp import BasicAuth, web

from ..kit.app import RequestRefused, Unavailable
from ..kit.calls import Caller, client
from ..kit.settings import address_of

SERVICE: Final = "auth-service"
CLIENT: Final = "user-service"


class SignInProvider:
    """The provider, for sign-ins.

    Args:
        secret: of the client `user-service`.
    """

    def __init__(self, secret: str) -> None:
        self._headers = {
            "authorization": BasicAuth(CLIENT, secret).encode(),
            "content-type": "application/x-www-form-urlencoded",
        }
        self._caller: Caller | None = None

    @classmethod
    def from_env(cls) -> SignInProvider:
        """With the secret of the variable CLIENT_SECRET."""
        return cls(os.environ["CLIENT_SECRET"])

    async def token(self, name: str, password: str) -> str:
        """The access token of a user.

        Raises:
            RequestRefused: 401, no such user, or another password.
            Unavailable: the provider does not answer.
        """
        if self._caller is None:
            raise Unavailable("the provider is not known yet")
        form = urlencode({"grant_type": "password", "username": name, "password": password})
        given = await self._caller.call("POST", "/oauth/token", headers=self._headers, body=form.encode())
        content = json.loads(given.body) if given.status in (200, 400) else {}
        if "access_token" in content:
            return str(content["access_token"])
        if content.get("error") == "invalid_grant":
            raise RequestRefused(401, "no such user, or another password")
        raise Unavailable("the provider gives no token")

    async def reached(self, _: web.Application) -> AsyncIterator[None]:
        """The lifespan of the way there."""
        async with client() as session:
            self._caller = Caller(SERVICE, *address_of(SERVICE), session)
            yield
