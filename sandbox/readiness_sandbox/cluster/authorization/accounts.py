"""Tokens of ServiceAccounts, as the API server of Kubernetes signs and checks them: bound to a pod, and of short life.

Source: Kubernetes, *Managing Service Accounts*, bound service account tokens; KEP-1205.
"""

from __future__ import annotations

import hmac
import secrets
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any, Final

import jwt
from cryptography.hazmat.primitives.asymmetric import ec

from harness import clock
from readiness_sandbox.cluster import kinds
from readiness_sandbox.cluster.statuses import StatusError, bad_request, invalid, unauthorized
from readiness_sandbox.cluster.timestamps import timestamp

if TYPE_CHECKING:
    from readiness_sandbox.cluster.statuses import Object
    from readiness_sandbox.cluster.store import Store

ACCOUNT, POD = kinds.by_name("ServiceAccount"), kinds.by_name("Pod")
ISSUER: Final = "https://kubernetes.default.svc.cluster.local"
LIFE_S: Final = 3607
"""Seconds for which the token that a kubelet mounts is valid, as of Kubernetes' admission of pods."""
SHORTEST_S: Final = 600
_ALGORITHM: Final = "ES256"
_LONGEST_S: Final = 1 << 32
MASTERS: Final = "system:masters"
"""The group that may do everything."""


@dataclass(frozen=True, kw_only=True, slots=True)
class User:
    """Who asks."""

    name: str
    groups: tuple[str, ...]
    uid: str = ""
    extra: tuple[tuple[str, tuple[str, ...]], ...] = ()

    @property
    def is_master(self) -> bool:
        """Whether the user may do everything."""
        return MASTERS in self.groups


ADMIN: Final = User(name="kubernetes-admin", groups=(MASTERS, "system:authenticated"))


class Accounts:
    """Signs and checks tokens. `admin` is the one token that belongs to no ServiceAccount."""

    def __init__(self, store: Store, admin: str) -> None:
        self._store = store
        self._admin = f"Bearer {admin}".encode()
        self._key = ec.generate_private_key(ec.SECP256R1())

    def user_of(self, authorization: str) -> User:
        """The user of an Authorization header. Raises StatusError 401."""
        if hmac.compare_digest(authorization.encode(), self._admin):
            return ADMIN
        scheme, _, token = authorization.partition(" ")
        if scheme.lower() != "bearer" or not token:
            raise unauthorized()
        try:
            claims = jwt.decode(
                token.strip(),
                self._key.public_key(),
                algorithms=[_ALGORITHM],
                audience=ISSUER,
                issuer=ISSUER,
                options={"require": ["exp", "iat", "sub"]},
            )
        except jwt.PyJWTError:
            raise unauthorized() from None
        return self._bound(claims["kubernetes.io"])

    def _bound(self, claim: dict[str, Any]) -> User:
        """The user of a token, whose account, and pod if it names one, must still be those that it was made for."""
        namespace, account, pod = claim["namespace"], claim["serviceaccount"], claim.get("pod")
        for kind, bound in ((ACCOUNT, account), (POD, pod)):
            if bound is not None and self._uid(kind, namespace, bound["name"]) != bound["uid"]:
                raise unauthorized()
        extra = (("authentication.kubernetes.io/pod-name", (pod["name"],)),) if pod else ()
        return User(
            name=f"system:serviceaccount:{namespace}:{account['name']}",
            groups=("system:serviceaccounts", f"system:serviceaccounts:{namespace}", "system:authenticated"),
            uid=account["uid"],
            extra=extra,
        )

    def _uid(self, kind: kinds.Kind, namespace: str, name: str) -> str:
        try:
            return str(self._store.get(kind, namespace, name)["metadata"]["uid"])
        except StatusError:
            return ""

    def sign(
        self, account: Object, *, pod: Object | None = None, life_s: int = LIFE_S, audience: str = ISSUER
    ) -> tuple[str, datetime]:
        """A token of an account, and when it expires.

        Args:
            account: the ServiceAccount.
            pod: the pod with whose end it becomes invalid; None: it is bound to no pod.
            life_s: seconds for which it is valid.
            audience: whom it is for; the API server takes its own only.
        """
        now = clock.wall().replace(microsecond=0)
        until = now + timedelta(seconds=life_s)
        meta = account["metadata"]
        bound = {"namespace": meta["namespace"], "serviceaccount": {"name": meta["name"], "uid": meta["uid"]}}
        if pod is not None:
            bound["pod"] = {"name": pod["metadata"]["name"], "uid": pod["metadata"]["uid"]}
        claims = {
            "aud": [audience],
            "iss": ISSUER,
            "sub": f"system:serviceaccount:{meta['namespace']}:{meta['name']}",
            "iat": now,
            "nbf": now,
            "exp": until,
            "jti": secrets.token_hex(16),
            "kubernetes.io": bound,
        }
        return jwt.encode(claims, self._key, algorithm=_ALGORITHM), until.astimezone(UTC)

    def requested(self, account: Object, body: Any) -> Object:
        """The answer to a TokenRequest. Raises StatusError 400 or 422."""
        if not isinstance(body, dict) or not isinstance(spec := body.get("spec") or {}, dict):
            raise bad_request("the body must be a TokenRequest")
        life_s, audiences, bound = (
            spec.get("expirationSeconds") or LIFE_S,
            spec.get("audiences"),
            spec.get("boundObjectRef"),
        )
        if type(life_s) is not int or not SHORTEST_S <= life_s <= _LONGEST_S:
            least = "may not specify a duration less than 10 minutes"
            cause = ("spec.expirationSeconds", f"Invalid value: {life_s!r}: {least}")
            raise invalid(_TOKEN_REQUEST, account["metadata"]["name"], [cause])
        if audiences not in (None, []) and (not isinstance(audiences, list) or len(audiences) != 1):
            raise bad_request("spec.audiences: one audience is served here")
        pod = None
        if bound is not None:
            if not isinstance(bound, dict) or bound.get("kind") != "Pod":
                raise bad_request("spec.boundObjectRef: only pods are served here")
            pod = self._store.get(POD, account["metadata"]["namespace"], str(bound.get("name")))
        token, until = self.sign(account, pod=pod, life_s=life_s, audience=audiences[0] if audiences else ISSUER)
        return {
            "kind": "TokenRequest",
            "apiVersion": "authentication.k8s.io/v1",
            "metadata": {"name": account["metadata"]["name"], "namespace": account["metadata"]["namespace"]},
            "spec": {**spec, "audiences": audiences or [ISSUER], "expirationSeconds": life_s},
            "status": {"token": token, "expirationTimestamp": timestamp(until)},
        }


_TOKEN_REQUEST: Final = kinds.Kind(kind="TokenRequest", plural="tokenrequests", group="authentication.k8s.io")
