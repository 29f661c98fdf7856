"""Signs requests to the S3 API. Source: AWS, Signature Version 4 (the header `Authorization`)."""

from __future__ import annotations

import hashlib
import hmac
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import Final
from urllib.parse import quote, urlsplit

from harness import clock

_ALGORITHM: Final = "AWS4-HMAC-SHA256"


@dataclass(frozen=True, kw_only=True, slots=True)
class S3Keys:
    """The keys that sign; the secrets are in no text of it."""

    access_key: str
    secret_key: str = field(repr=False)
    session_token: str = field(default="", repr=False)


def canonical_query(query: Mapping[str, str]) -> str:
    """The query of a request in the order and encoding that are signed."""
    return "&".join(f"{quote(key, safe='-_.~')}={quote(value, safe='-_.~')}" for key, value in sorted(query.items()))


def signed_headers(
    method: str,
    url: str,
    query: Mapping[str, str],
    keys: S3Keys | None,
    *,
    region: str,
    at: datetime | None = None,
    body: bytes = b"",
) -> dict[str, str]:
    """The headers of a request.

    Args:
        method: of the request.
        url: address with an encoded path, without the query.
        query: of the request.
        keys: what signs; None: the request is not signed.
        region: of the bucket.
        at: time of the signature; None: now.
        body: of the request.
    """
    if keys is None:
        return {}
    digest = hashlib.sha256(body).hexdigest()
    parts, stamp = urlsplit(url), (at or clock.wall()).strftime("%Y%m%dT%H%M%SZ")
    headers = {"host": parts.netloc, "x-amz-content-sha256": digest, "x-amz-date": stamp}
    if keys.session_token:
        headers["x-amz-security-token"] = keys.session_token
    names = ";".join(sorted(headers))
    lines = "".join(f"{name}:{headers[name]}\n" for name in sorted(headers))
    request = "\n".join([method, parts.path or "/", canonical_query(query), lines, names, digest])
    scope = f"{stamp[:8]}/{region}/s3/aws4_request"
    text = "\n".join([_ALGORITHM, stamp, scope, hashlib.sha256(request.encode()).hexdigest()])
    key = f"AWS4{keys.secret_key}".encode()
    for part in (stamp[:8], region, "s3", "aws4_request"):
        key = _hmac(key, part)
    signature = _hmac(key, text).hex()
    credential = f"{keys.access_key}/{scope}"
    authorization = f"{_ALGORITHM} Credential={credential}, SignedHeaders={names}, Signature={signature}"
    return {**headers, "authorization": authorization}


def _hmac(key: bytes, text: str) -> bytes:
    return hmac.new(key, text.encode(), hashlib.sha256).digest()
