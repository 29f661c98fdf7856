"""Defects of trust that bad releases switch on, as those of `defects`: all are off unless the pod's environment sets them."""

from __future__ import annotations

import os
from dataclasses import dataclass
from typing import Self


@dataclass(frozen=True, kw_only=True, slots=True)
class TrustDefects:
    """What this pod does not check, or does late.

    Attributes:
        open_routes: routes of the gateway and of a service that need no token.
        unscoped_routes: routes for which any token will do, whatever its scope.
        ownerless_routes: routes whose service does not ask whose object it is.
        csrfless_routes: routes of the gateway that take a cookie from any page.
        takes_revoked_keys: an API key counts after it was revoked.
        takes_unsigned: a token with `alg: none` counts.
        trusts_issuer: another issuer whose tokens count, whoever signed them; empty: none.
        standing_every_s: how often a checker of tokens asks what no longer counts, in seconds; 0: as it should.
        fails_open: a checker of tokens lets every call pass while the provider is away.
        readable_cookie: the session's cookie lacks HttpOnly.
        keeps_session: a sign-in goes on with the session that the browser came with.
        forgets_sign_out: sign-out leaves the session as it is.
        sessions_in_memory: browsers' sessions are lost with the pod in whose region they were begun.
        checks_nothing: this pod checks no token at all: one layer taken away.
        ignores_blocks: a gateway lets clients in that are blocked.
        uncounted: kind of refused credentials that a gateway does not count, `password` or `token`; empty: it counts all.
        counts_late_s: seconds by which it counts them late.
    """

    open_routes: frozenset[str] = frozenset()
    unscoped_routes: frozenset[str] = frozenset()
    ownerless_routes: frozenset[str] = frozenset()
    csrfless_routes: frozenset[str] = frozenset()
    takes_revoked_keys: bool = False
    takes_unsigned: bool = False
    trusts_issuer: str = ""
    standing_every_s: float = 0.0
    fails_open: bool = False
    readable_cookie: bool = False
    keeps_session: bool = False
    forgets_sign_out: bool = False
    sessions_in_memory: bool = False
    checks_nothing: bool = False
    ignores_blocks: bool = False
    uncounted: str = ""
    counts_late_s: float = 0.0

    @classmethod
    def from_env(cls) -> Self:
        """The defects this pod was deployed with."""
        env = os.environ

        def names(variable: str) -> frozenset[str]:
            return frozenset(env.get(variable, "").split())

        return cls(
            open_routes=names("DEFECT_OPEN_ROUTES"),
            unscoped_routes=names("DEFECT_UNSCOPED_ROUTES"),
            ownerless_routes=names("DEFECT_OWNERLESS_ROUTES"),
            csrfless_routes=names("DEFECT_CSRFLESS_ROUTES"),
            takes_revoked_keys=env.get("DEFECT_TAKES_REVOKED_KEYS", "") == "yes",
            takes_unsigned=env.get("DEFECT_TAKES_UNSIGNED", "") == "yes",
            trusts_issuer=env.get("DEFECT_TRUSTS_ISSUER", ""),
            standing_every_s=float(env.get("DEFECT_STANDING_EVERY_S", "0")),
            fails_open=env.get("DEFECT_FAILS_OPEN", "") == "yes",
            readable_cookie=env.get("DEFECT_READABLE_COOKIE", "") == "yes",
            keeps_session=env.get("DEFECT_KEEPS_SESSION", "") == "yes",
            forgets_sign_out=env.get("DEFECT_FORGETS_SIGN_OUT", "") == "yes",
            sessions_in_memory=env.get("DEFECT_SESSIONS_IN_MEMORY", "") == "yes",
            checks_nothing=env.get("TOKEN_CHECK", "") == "off",
            ignores_blocks=env.get("DEFECT_IGNORES_BLOCKS", "") == "yes",
            uncounted=env.get("DEFECT_UNCOUNTED_CREDENTIALS", ""),
            counts_late_s=float(env.get("DEFECT_COUNTS_LATE_S", "0")),
        )
