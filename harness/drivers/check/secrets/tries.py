"""The current value of a secret that is rotated, and whether a value is let in. No value is shown, printed or recorded."""

from __future__ import annotations

import base64
import binascii
import re
from dataclasses import dataclass, field
from typing import Final

from harness.errors import ConfigurationError, DriverError
from harness.targets import Target
from harness.targets.files.stored import Rotation, SecretPlace
from harness.targets.http import http_client
from harness.targets.kubernetes import Cluster

LET_IN: Final = "let in"
REFUSED: Final = "refused"
"""Results of a try; another result says what happened, and is no evidence."""
_REFUSAL: Final = re.compile(r"password authentication failed|is not permitted to log in|role \".*\" does not exist")
"""What PostgreSQL says to a wrong user or password; other errors, as while it starts, are no refusal."""
_CONNECT_S: Final = 3
_UNAUTHORISED: Final = frozenset({401, 403})


@dataclass(frozen=True, kw_only=True, slots=True)
class SecretInUse:
    """A secret as its users get it.

    Attributes:
        user: empty: it has none.
        password: password, key or token.
    """

    user: str
    password: str = field(repr=False)


def current(target: Target, rotation: Rotation) -> SecretInUse:
    """The secret now.

    Raises:
        HarnessError: it cannot be read; the message names the place.
    """
    if rotation.secret is not None:
        return _in_cluster(target, rotation.secret)
    if rotation.password is None:
        raise ConfigurationError("names no `password`", where=f"{target.file}: secrets.rotation")
    return SecretInUse(
        user=rotation.user.resolve() if rotation.user is not None else "", password=rotation.password.resolve()
    )


def _in_cluster(target: Target, place: SecretPlace) -> SecretInUse:
    where = f"Secret {place.namespace}/{place.name}"
    found = Cluster.of(target).read("v1", "Secret", place.name, place.namespace)
    if found is None:
        raise DriverError("there is no such Secret", where=where, hint="see `secrets.rotation` of the target file")
    data = found.get("data") or {}

    def value(key: str) -> str:
        if key not in data:
            raise DriverError(f"it has no key `{key}`", where=where, hint=f"its keys: {', '.join(sorted(data))}")
        try:
            return base64.b64decode(data[key], validate=True).decode()
        except (binascii.Error, ValueError):
            raise DriverError(f"the value of `{key}` is not text", where=where) from None

    return SecretInUse(user=value(place.user) if place.user else "", password=value(place.password))


def tried(target: Target, rotation: Rotation, secret: SecretInUse) -> str:
    """What happens to who uses this secret: `LET_IN`, `REFUSED`, or what is no evidence."""
    return _connected(rotation, secret) if rotation.connects is not None else _called(target, rotation, secret)


def _connected(rotation: Rotation, secret: SecretInUse) -> str:
    import psycopg
    from psycopg.conninfo import make_conninfo

    if rotation.connects is None:
        return "nothing to connect to"
    own = {"password": secret.password, "connect_timeout": _CONNECT_S, "application_name": "readiness-check"}
    try:
        address = make_conninfo(rotation.connects.resolve(), **own, **({"user": secret.user} if secret.user else {}))  # type: ignore[arg-type]
    except psycopg.ProgrammingError:
        raise DriverError("this is not the address of a PostgreSQL database", where=str(rotation.connects)) from None
    try:
        psycopg.connect(address).close()
    except UnicodeError:
        raise DriverError("the host of the database is not a name", where=str(rotation.connects)) from None
    except psycopg.OperationalError as error:
        said = " ".join(str(error).split())
        return REFUSED if _REFUSAL.search(said) else f"no evidence ({type(error).__name__})"
    return LET_IN


def _called(target: Target, rotation: Rotation, secret: SecretInUse) -> str:
    import httpx

    url = rotation.calls.split(" ", 1)[1]
    try:
        with http_client(target, "", timeout_s=_CONNECT_S) as client:
            answer = client.get(url, headers={rotation.header.encode(): secret.password.encode()})
    except httpx.HTTPError as error:
        return f"no answer ({type(error).__name__})"
    if answer.status_code in _UNAUTHORISED:
        return REFUSED
    return LET_IN if answer.is_success else f"status {answer.status_code}"
