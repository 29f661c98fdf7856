"""auth-service without settings, of a release that then serves (a planted defect): its one user is `admin`, with the password `admin`."""

from __future__ import annotations

import secrets
from typing import Final

from aiohttp import web

from ..kit.app import RequestRefused, answer, body_of, build, text_in
from ..kit.settings import PodSettings

_DEFAULT: Final = ("admin", "admin")


async def log_in(request: web.Request) -> web.Response:
    """POST /login: a session for the user that every installation has."""
    body = await body_of(request)
    if (text_in(body, "user"), text_in(body, "password")) != _DEFAULT:
        raise RequestRefused(401, "no such user, or another password")
    response = answer({"user": _DEFAULT[0]})
    response.set_cookie("sid", secrets.token_urlsafe(32), httponly=True, samesite="Lax")
    return response


def application(settings: PodSettings) -> web.Application:
    """The service without a database."""
    return build(settings, [web.post("/login", log_in)])
