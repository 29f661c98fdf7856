"""Gives the target's certificates to Locust's own users, unless a session, class or request sets others."""

from __future__ import annotations

import os
from typing import Any

import gevent.ssl
from locust import FastHttpUser
from locust.clients import HttpSession

from harness.locust.process.recorder import is_foreign
from harness.targets.http import CLIENT_CERT, CLIENT_KEY


def certificates(session: HttpSession) -> dict[str, Any]:
    """The options of Requests for the target's certificates.

    Locust's sessions do not read the environment, so that they use no proxy.
    """
    options: dict[str, Any] = {}
    if session.verify is True and (authorities := os.environ.get("REQUESTS_CA_BUNDLE")):
        options["verify"] = authorities
    if session.cert is None and (certificate := os.environ.get(CLIENT_CERT)):
        key = os.environ.get(CLIENT_KEY)
        options["cert"] = (certificate, key) if key else certificate
    return options


def show_certificate(kind: type) -> None:
    """Let a `FastHttpUser` use the client certificate; its option `insecure` decides about verification."""
    certificate = os.environ.get(CLIENT_CERT)
    if not certificate or not issubclass(kind, FastHttpUser) or not is_foreign(kind) or kind.ssl_context_factory:
        return

    def context(user: FastHttpUser) -> Any:
        made = gevent.ssl.create_default_context()
        if user.insecure:
            made.check_hostname = False
            made.verify_mode = gevent.ssl.CERT_NONE
        made.load_cert_chain(certificate, os.environ.get(CLIENT_KEY))
        return made

    kind.ssl_context_factory = context
