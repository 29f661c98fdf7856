"""The objects of one bucket, by the S3 API: requests signed with version 4 of AWS' signature.

One connection a request: an archive sends a few requests a second.
"""

from __future__ import annotations

import base64
import hashlib
import hmac
import http.client
import os
import xml.etree.ElementTree as ET
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime
from urllib.parse import quote, urlencode, urlsplit

CHECKSUM = "x-amz-checksum-sha256"
_EMPTY = hashlib.sha256(b"").hexdigest()
_REGION, _TIMEOUT_S = "us-east-1", 20.0
_SPACE = "{http://s3.amazonaws.com/doc/2006-03-01/}"
RULE = (
    "<Rule><ID>{name}</ID><Filter><Prefix>{prefix}</Prefix></Filter><Status>Enabled</Status>"
    "<Expiration><Days>{days}</Days></Expiration>"
    "<NoncurrentVersionExpiration><NoncurrentDays>{days}</NoncurrentDays></NoncurrentVersionExpiration></Rule>"
)
VERSIONED = "<VersioningConfiguration><Status>Enabled</Status></VersioningConfiguration>"


class ObjectStoreError(Exception):
    """The object store did not do what it was asked; the text says what it answered."""


@dataclass(frozen=True, kw_only=True, slots=True)
class KeptObject:
    """An object as a listing names it: `name`, `size` in bytes, `changed`."""

    name: str
    size: int
    changed: datetime


@dataclass(frozen=True, kw_only=True, slots=True)
class ArchiveBucket:
    """A bucket: `endpoint` is the URL of the server."""

    endpoint: str
    bucket: str
    access_key: str
    secret_key: str = field(repr=False)

    @classmethod
    def from_env(cls) -> ArchiveBucket:
        """The bucket that the pod's variables name. Raises KeyError."""
        env = os.environ
        return cls(
            endpoint=f"http://{env['OBJECT_STORE_SERVICE_HOST']}:{env['OBJECT_STORE_SERVICE_PORT']}",
            bucket=env["BACKUP_BUCKET"],
            access_key=env["BACKUP_ACCESS_KEY"],
            secret_key=env["BACKUP_SECRET_KEY"],
        )

    def make(self, days: Mapping[str, int]) -> None:
        """Make the bucket, where it is not there: versions are kept, and objects whose names begin so expire after these days. Raises ObjectStoreError."""
        rules = "".join(
            RULE.format(name=f"expired-{prefix.strip('/') or 'all'}", prefix=prefix, days=number)
            for prefix, number in days.items()
        )
        self._ask("PUT", "", known=(409,))
        self._ask("PUT", "", {"versioning": ""}, VERSIONED.encode())
        self._ask("PUT", "", {"lifecycle": ""}, f"<LifecycleConfiguration>{rules}</LifecycleConfiguration>".encode())

    def setting(self, name: str) -> str:
        """`versioning` or `lifecycle` of the bucket, in XML. Raises ObjectStoreError."""
        return self._ask("GET", "", {name: ""}).decode()

    def put(self, name: str, content: bytes) -> None:
        """Store an object, whose SHA-256 the store checks and keeps. Raises ObjectStoreError."""
        digest = hashlib.sha256(content)
        named = {CHECKSUM: base64.b64encode(digest.digest()).decode(), "x-amz-meta-sha256": digest.hexdigest()}
        self._ask("PUT", name, content=content, headers=named)

    def get(self, name: str) -> bytes:
        """The content of an object, held against the checksum that it was stored with. Raises ObjectStoreError."""
        content, headers = self._answer("GET", name)
        kept = headers.get("x-amz-meta-sha256")
        if kept is not None and kept != hashlib.sha256(content).hexdigest():
            raise ObjectStoreError(f"{name} has another checksum than when it was stored")
        return content

    def delete(self, name: str) -> None:
        """Delete an object; one that is not there is no error. Raises ObjectStoreError."""
        self._ask("DELETE", name, known=(404,))

    def listed(self, prefix: str) -> Iterator[KeptObject]:
        """The objects whose names begin so, in order of their names, page by page. Raises ObjectStoreError."""
        token = ""
        while True:
            query = {"list-type": "2", "prefix": prefix, **({"continuation-token": token} if token else {})}
            page = ET.fromstring(self._ask("GET", "", query))  # noqa: S314 - the platform's own store
            for one in page.iter(f"{_SPACE}Contents"):
                yield KeptObject(
                    name=one.findtext(f"{_SPACE}Key", ""),
                    size=int(one.findtext(f"{_SPACE}Size", "0")),
                    changed=datetime.fromisoformat(one.findtext(f"{_SPACE}LastModified", "")),
                )
            if page.findtext(f"{_SPACE}IsTruncated") != "true":
                return
            token = page.findtext(f"{_SPACE}NextContinuationToken", "")

    def _ask(
        self,
        method: str,
        name: str,
        query: Mapping[str, str] | None = None,
        content: bytes = b"",
        *,
        headers: Mapping[str, str] | None = None,
        known: tuple[int, ...] = (),
    ) -> bytes:
        return self._answer(method, name, query, content, headers=headers, known=known)[0]

    def _answer(
        self,
        method: str,
        name: str,
        query: Mapping[str, str] | None = None,
        content: bytes = b"",
        *,
        headers: Mapping[str, str] | None = None,
        known: tuple[int, ...] = (),
    ) -> tuple[bytes, Mapping[str, str]]:
        place = urlsplit(self.endpoint)
        path = quote(f"/{self.bucket}/{name}" if name else f"/{self.bucket}")
        words = urlencode(sorted((query or {}).items()), quote_via=quote)
        signed = self._signed(method, place.netloc, path, words, content=content, headers=headers or {})
        connection = http.client.HTTPConnection(place.netloc, timeout=_TIMEOUT_S)
        try:
            connection.request(method, f"{path}?{words}" if words else path, content or None, signed)
            answer = connection.getresponse()
            body = answer.read()
        except (OSError, http.client.HTTPException) as error:
            raise ObjectStoreError(f"{method} {path}: {type(error).__name__}: {error}") from error
        finally:
            connection.close()
        if answer.status >= 300 and answer.status not in known:
            raise ObjectStoreError(
                f"{method} {path} was answered {answer.status}: {body[:300].decode(errors='replace')}"
            )
        return body, {key.lower(): value for key, value in answer.getheaders()}

    def _signed(
        self, method: str, host: str, path: str, query: str, *, content: bytes, headers: Mapping[str, str]
    ) -> dict[str, str]:
        now = datetime.now(UTC)
        stamp, day = now.strftime("%Y%m%dT%H%M%SZ"), now.strftime("%Y%m%d")
        digest = hashlib.sha256(content).hexdigest() if content else _EMPTY
        every = {**headers, "host": host, "x-amz-content-sha256": digest, "x-amz-date": stamp}
        names = ";".join(sorted(every))
        lines = "".join(f"{name}:{every[name]}\n" for name in sorted(every))
        request = hashlib.sha256(f"{method}\n{path}\n{query}\n{lines}\n{names}\n{digest}".encode()).hexdigest()
        scope = f"{day}/{_REGION}/s3/aws4_request"
        key = f"AWS4{self.secret_key}".encode()
        for word in (day, _REGION, "s3", "aws4_request", f"AWS4-HMAC-SHA256\n{stamp}\n{scope}\n{request}"):
            key = hmac.new(key, word.encode(), hashlib.sha256).digest()
        credential = f"Credential={self.access_key}/{scope}, SignedHeaders={names}, Signature={key.hex()}"
        return {**every, "authorization": f"AWS4-HMAC-SHA256 {credential}"}
