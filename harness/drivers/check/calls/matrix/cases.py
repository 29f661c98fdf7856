"""The cases of the call matrix: what a call carries that must be refused, and what proves that it is refused for that alone."""

from __future__ import annotations

import json
import math
import secrets
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import suppress
from dataclasses import replace
from functools import partial
from types import MappingProxyType
from typing import Final

from harness import clock
from harness.drivers.check.calls.matrix import forging
from harness.drivers.check.calls.matrix.bench import Bench, CaseSetting, Forged
from harness.drivers.check.calls.matrix.callers import Credential, NotMadeError, RightCallers, bearer
from harness.errors import HarnessError
from harness.targets.trust.grants import IssuedToken
from harness.targets.trust.provider import discovered, public_keys

_LONGEST_S: Final = 120.0
"""Longest lifetime of a token that is waited for."""
REVOKED_S: Final = 5.0
"""Time within which a revocation must be honoured."""
_SKEW_S: Final = 60.0
"""Difference of clocks that a verifier may allow (RFC 7519, section 4.1.4: no more than a few minutes)."""


Case = Callable[[CaseSetting], Iterator[Forged]]
"""Gives the credentials of a case for an operation; raises NotMadeError."""


def _forged(of: CaseSetting, label: str, access: str, made_from: IssuedToken) -> Forged:
    expires = made_from.claims.get("exp")
    until_s = float(expires) if isinstance(expires, int | float) else math.inf
    return Forged(label=label, headers=bearer(access), owner=of.right.user, until_s=until_s)


def _missing(of: CaseSetting) -> Iterator[Forged]:
    yield Forged(label="without a credential", headers={}, owner=of.right.user)


def _alg_none(of: CaseSetting) -> Iterator[Forged]:
    for label, token in forging.alg_none(_token(of.base)):
        yield _forged(of, label, token, _token(of.base))


def _foreign_key(of: CaseSetting) -> Iterator[Forged]:
    for label, token in forging.foreign_key(_token(of.base), _keys(of.bench)):
        yield _forged(of, label, token, _token(of.base))


def _altered(of: CaseSetting) -> Iterator[Forged]:
    declared = of.bench.callers.declared
    scopes = frozenset(declared.operations.values()) | {each for several in declared.roles.values() for each in several}
    for label, token in forging.altered(_token(of.base), scopes):
        yield _forged(of, label, token, _token(of.base))


def _expired(of: CaseSetting) -> Iterator[Forged]:
    token = of.bench.once("expired", lambda: _expired_token(of.bench, of.base))
    left_s = max(0.0, token.claims["exp"] + _SKEW_S - clock.wall().timestamp())
    yield Forged(label="an expired token", headers=bearer(token.access), owner=of.right.user, patience_s=left_s)


def _expired_token(bench: Bench, right: Credential) -> IssuedToken:
    """A token that the platform issued, and that has expired by now.

    A declared one is of the issuer, audience and a key of the provider; one of a short life was let in before it expired. A token that is
    forged with an earlier expiry proves nothing: its signature is wrong.
    """
    declared = bench.callers.tokens.identity.tokens.get("expired")
    token = bench.special("expired") if declared is not None else _token(right)
    expires = token.claims.get("exp")
    if not isinstance(expires, int | float):
        raise NotMadeError(f"the token of {token.of} has no claim `exp`, so it is unknown when it expires")
    left_s = expires - clock.wall().timestamp()
    if declared is not None and declared.client is None:
        _require_own(bench, token)
        if left_s > -1:
            raise NotMadeError(f"the token of {token.of} has not expired: it is valid for {left_s:.0f} s")
        return token
    if left_s > _LONGEST_S:
        hint = "declare a client with a shorter life, or an old token, in `identity.tokens.expired`"
        raise NotMadeError(
            f"the token of {token.of} expires in {left_s:.0f} s, expected at most {_LONGEST_S:.0f} s: {hint}"
        )
    if left_s > 1:
        user = right.user if declared is None else declared.user or ""
        bench.require_alive(bench.callers.credential_of(token, user=user))
    else:
        _require_own(bench, token)
    clock.sleep(expires - clock.wall().timestamp() + 2 * (1 + abs(bench.callers.ahead_s)))
    return token


def _revoked(of: CaseSetting) -> Iterator[Forged]:
    token = of.bench.once("revoked", lambda: _revoked_token(of.bench, of.base))
    for region, door in (of.bench.callers.target.doors or {"": ""}).items():  # each region must have learned of it
        label = f"a revoked token, in {region}" if region else "a revoked token"
        headers = bearer(token.access)
        yield Forged(label=label, headers=headers, owner=of.right.user, patience_s=REVOKED_S, door=door)


def _revoked_token(bench: Bench, right: Credential) -> IssuedToken:
    if not right.user:
        raise NotMadeError("no user's token can be revoked")
    token = bench.callers.tokens.sign_in(right.user)
    bench.require_alive(bench.callers.credential_of(token, user=right.user))
    bench.callers.tokens.revoke(token)
    return token


def _foreign_audience(of: CaseSetting) -> Iterator[Forged]:
    token = of.bench.once("foreign-audience", lambda: _foreign_audience_token(of.bench))
    yield _forged(of, "a token for another audience", token.access, token)


def _foreign_audience_token(bench: Bench) -> IssuedToken:
    own = bench.callers.tokens.identity.audience
    if not own:
        raise NotMadeError("the target file has no `identity.audience`, so no other audience is known")
    token = bench.special("foreign-audience")
    _require_own(bench, token, audience=False)
    if own in _audiences(token):
        raise NotMadeError(f"the token of {token.of} is for the audience {own!r} too")
    _require_valid(token)
    return token


def _foreign_issuer(of: CaseSetting) -> Iterator[Forged]:
    token = of.bench.once("foreign-issuer", lambda: _foreign_issuer_token(of.bench))
    yield _forged(of, "a token of another issuer", token.access, token)


def _foreign_issuer_token(bench: Bench) -> IssuedToken:
    """A token that another provider has issued and signed: only such a one proves that its issuer is not trusted."""
    token = bench.special("foreign-issuer")
    issuer = token.claims.get("iss")
    if not isinstance(issuer, str) or not issuer:
        raise NotMadeError(f"the token of {token.of} names no issuer")
    if issuer.rstrip("/") == bench.callers.tokens.identity.issuer:
        raise NotMadeError(f"the token of {token.of} is of the target's own issuer")
    forging.require_signed(token, _keys_of_other(bench, issuer))
    _require_valid(token)
    return token


def _keys_of_other(bench: Bench, issuer: str) -> list[Mapping[str, object]]:
    """The key set of another issuer: of a file, or of its address."""
    target, declared = bench.callers.target, bench.callers.tokens.identity.tokens["foreign-issuer"]
    if not declared.keys:
        return [*public_keys(target, discovered(target, issuer))]
    try:
        found = json.loads(target.beside(declared.keys).read_bytes())["keys"]
        return [dict(one) for one in found]
    except (OSError, ValueError, TypeError, KeyError) as error:
        raise NotMadeError(f"the file `{declared.keys}` is not a key set: {type(error).__name__}") from error


def _scope_without(of: CaseSetting) -> Iterator[Forged]:
    scope = of.bench.params["scope"]
    yield from _scoped(of, lambda scopes: scopes - {scope}, f"without scope {scope}")


def _scope_only(of: CaseSetting) -> Iterator[Forged]:
    scope = of.bench.params["scope"]
    yield from _scoped(of, lambda scopes: scopes & {scope}, f"with scope {scope} only")


_Less = Callable[[frozenset[str]], frozenset[str]]
"""Those of a token's scopes that the case's token may have."""


def _scoped(of: CaseSetting, less: _Less, label: str) -> Iterator[Forged]:
    found = of.bench.once(label, lambda: _scoped_token(of.bench, less, label))
    users = of.bench.callers.tokens.identity.users
    user = next((name for name in users if found.of == f"the user `{name}`"), "")
    by = of.bench.callers.credential_of(found, user=user)
    yield replace(_forged(of, f"{label} ({found.of})", found.access, found), by=by)


def _scoped_token(bench: Bench, less: _Less, label: str) -> IssuedToken:
    """The token of a user or client that has just such scopes, and that is let in where they are sufficient."""
    whys = list[str]()
    for make in _scoped_makers(bench, less):
        try:
            found = make()
            if found.scopes and less(found.scopes) == found.scopes and found.token is not None:
                _require_good(bench, found, found.token)
                return found.token
        except NotMadeError as error:
            whys.append(str(error))
        except HarnessError as error:
            whys.append(error.what)
    raise NotMadeError("; ".join([f"no user or client has a token {label}", *dict.fromkeys(whys)]))


def _require_good(bench: Bench, credential: Credential, token: IssuedToken) -> None:
    """Check that a token lacks nothing but scopes: a read lets it in or, where no read needs only its scopes, it is as right as others.

    Raises:
        NotMadeError: it lacks something else.
    """
    refused = bench.refusals_of(credential)
    if refused is None:
        return
    if refused:
        raise NotMadeError(f"{credential.words} was let in by no operation: {'; '.join(refused)}")
    _require_own(bench, token)
    _require_valid(token)


def _scoped_makers(bench: Bench, less: _Less) -> Iterator[Callable[[], Credential]]:
    """Ways to such a token: users and clients that have it, then users who ask for less than they may have."""
    callers, tokens = bench.callers, bench.callers.tokens
    for name in tokens.identity.users:
        yield partial(callers.user, name)
    for name, client in tokens.identity.clients.items():
        if client.scopes and client.secret is not None and tokens.identity.issuer:
            yield partial(_of_client, callers, name)
    for name in tokens.identity.users if tokens.identity.issuer else ():
        with suppress(NotMadeError):
            scopes = callers.user(name).scopes
            if (fewer := less(scopes)) and fewer != scopes:
                yield partial(_with_fewer, callers, name, fewer)


def _of_client(callers: RightCallers, name: str) -> Credential:
    return callers.credential_of(callers.tokens.of_client(name))


def _with_fewer(callers: RightCallers, name: str, scopes: frozenset[str]) -> Credential:
    return callers.credential_of(callers.tokens.sign_in(name, scopes=scopes), user=name)


def _others_object(of: CaseSetting) -> Iterator[Forged]:
    callers = of.bench.callers
    role_of = callers.tokens.identity.role_of
    if not of.owned:
        raise NotMadeError("no user of `identity.users` owns an object in its path and has its scopes")
    whys = list[str]()
    for name in callers.tokens.identity.users:
        if (
            name == of.right.user
            or role_of(name) != role_of(of.right.user)
            or callers.both_own(of.operation, name, of.right.user)
        ):
            continue
        try:
            other = callers.user(name)
        except NotMadeError as error:
            whys.append(str(error))
            continue
        if not of.operation.scopes <= other.scopes:
            whys.append(f"{other.words} lacks its scopes")
            continue
        of.bench.once(f"alive {name}", lambda other=other: _alive(of.bench, other))  # type: ignore[misc]
        yield _forged(of, f"to the object of {of.right.user} by {name}", _token(other).access, _token(other))
        return
    role = role_of(of.right.user)
    raise NotMadeError("; ".join([f"no second user of the role `{role}` has another object", *dict.fromkeys(whys)]))


def _alive(bench: Bench, credential: Credential) -> IssuedToken:
    bench.require_alive(credential)
    return _token(credential)


def _key_missing(of: CaseSetting) -> Iterator[Forged]:
    yield Forged(label="without an API key", headers={}, owner=of.right.user)


def _key_wrong(of: CaseSetting) -> Iterator[Forged]:
    (header, value) = next(iter(of.bench.callers.key().headers.items()))
    yield Forged(label="a made-up API key", headers={header: secrets.token_urlsafe(max(len(value), 24))[: len(value)]})
    end = len(value.rstrip("=")) or 1
    last = (
        "c" if value[end - 1] in "wxyz0123456789+/-_" else "0"
    )  # another value of base 16 and, in its first bits, of base 64
    other = f"{value[: end - 1]}{last}{value[end:]}"
    yield Forged(label="the right API key with another last letter", headers={header: other})


def _key_revoked(of: CaseSetting) -> Iterator[Forged]:
    keys = of.bench.callers.tokens.identity.api_keys
    if keys is None or keys.revoked is None:
        raise NotMadeError("the target file has no `identity.api_keys.revoked`")
    try:
        revoked = keys.revoked.resolve()
        if revoked == keys.right.resolve():
            raise NotMadeError("`identity.api_keys` has the same key as `right` and as `revoked`")
    except HarnessError as error:
        raise NotMadeError(error.what) from error
    yield Forged(label="a revoked API key", headers={keys.header: revoked})


def _token(credential: Credential) -> IssuedToken:
    if credential.token is None:
        raise NotMadeError(f"{credential.words} is not an access token")
    return credential.token


def _keys(bench: Bench) -> list[Mapping[str, object]]:
    """The provider's public keys; empty where the target has no provider."""
    if not bench.callers.tokens.identity.issuer:
        return []
    try:
        return [*bench.callers.tokens.keys]
    except HarnessError as error:
        raise NotMadeError(error.what) from error


def _require_own(bench: Bench, token: IssuedToken, *, audience: bool = True) -> None:
    """Check that a token is of the target's issuer, signed by its key, and for its audience. Raises NotMadeError: it is not."""
    tokens = bench.callers.tokens
    if not tokens.identity.issuer:
        raise NotMadeError(f"the token of {token.of} cannot be verified: the target file has no `identity.issuer`")
    forging.require_signed(token, _keys(bench))
    if token.claims.get("iss") != tokens.provider.issuer:
        raise NotMadeError(f"the token of {token.of} is not of the issuer {tokens.provider.issuer}")
    own = tokens.identity.audience
    if audience and own and own not in _audiences(token):
        raise NotMadeError(f"the token of {token.of} is not for the audience {own!r}")


def _audiences(token: IssuedToken) -> Sequence[object]:
    found = token.claims.get("aud", [])
    return found if isinstance(found, list) else [found]


def _require_valid(token: IssuedToken) -> None:
    """Check that a token has not expired. Raises NotMadeError: it has, so it is refused for that."""
    expires = token.claims.get("exp")
    if isinstance(expires, int | float) and expires < clock.wall().timestamp() + _SKEW_S:
        raise NotMadeError(f"the token of {token.of} has expired, so it is refused for that alone")


CASES: Final[Mapping[str, Case]] = MappingProxyType(
    {
        "missing": _missing,
        "alg-none": _alg_none,
        "foreign-key": _foreign_key,
        "altered": _altered,
        "expired": _expired,
        "revoked": _revoked,
        "foreign-audience": _foreign_audience,
        "foreign-issuer": _foreign_issuer,
        "scope-without": _scope_without,
        "scope-only": _scope_only,
        "others-object": _others_object,
        "key-missing": _key_missing,
        "key-wrong": _key_wrong,
        "key-revoked": _key_revoked,
    }
)
"""Every case by its name."""
