"""Requests to the S3 API and what their answers say, apart from who sends them.

A question is a generator: it yields requests, gets their answers, and returns what they say together.
"""

from __future__ import annotations

import os
from collections.abc import Generator, Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime
from typing import Final, TypeVar
from urllib.parse import quote, unquote

from harness import clock
from harness.errors import AccessDenied, ConfigurationError, DriverError
from harness.targets.files.backups import BackupStore
from harness.targets.files.values import is_http
from harness.targets.stores.listing import Listing, StoredObject
from harness.targets.stores.signing import S3Keys, canonical_query, signed_headers
from harness.targets.stores.xml import XmlElement, xml_of
from harness.units import NS_PER_S

PAGE: Final = 1000
"""Objects in a page of a list: the most that S3 gives."""
_MOST_PAGES: Final = 1000
_SKEWED: Final = "RequestTimeTooSkewed"
_ARCHIVED: Final = "InvalidObjectState"
_DENIED: Final = frozenset({401, 403})
_RIGHTS: Final = "check `access_key` and `secret_key` of `backups`, and the rights to list the bucket, to read its objects and its rules"
_NO_BUCKET: Final = "correct `at` or `endpoint` of `backups`, or make the bucket"
_T = TypeVar("_T")


class NoSetting(DriverError):
    """A server that has no such setting of a bucket."""


@dataclass(frozen=True, kw_only=True, slots=True)
class S3Request:
    """One request about the bucket, or about an object if it has a `key`."""

    key: str = ""
    query: Mapping[str, str] = field(default_factory=dict)
    method: str = "GET"


@dataclass(frozen=True, kw_only=True, slots=True)
class S3Answer:
    """An answer with the time at which its request was sent and it was complete, on the monotonic clock."""

    status: int
    headers: Mapping[str, str]
    body: bytes
    sent_ns: int
    done_ns: int


Steps = Generator[S3Request, S3Answer, _T]


@dataclass(frozen=True, kw_only=True, slots=True)
class S3Place:
    """A bucket, and how it is reached.

    Attributes:
        endpoint: address of the server.
        bucket: name of the bucket.
        prefix: with which the names of the backups begin.
        region: of the bucket.
        keys: what signs requests; None: nothing does.
    """

    endpoint: str
    bucket: str
    prefix: str
    region: str
    keys: S3Keys | None

    @classmethod
    def of(cls, store: BackupStore) -> S3Place:
        """The place of a section `backups`; what it leaves out is in the variables AWS_…, as for the tools of AWS.

        Raises:
            ConfigurationError: a secret or the address of the server cannot be read.
        """
        region = store.region or os.environ.get("AWS_REGION") or os.environ.get("AWS_DEFAULT_REGION") or "us-east-1"
        named = next((name for name in ("AWS_ENDPOINT_URL_S3", "AWS_ENDPOINT_URL") if os.environ.get(name)), "")
        endpoint = store.endpoint or os.environ.get(named, "") or f"https://s3.{region}.amazonaws.com"
        if not is_http(endpoint):
            raise ConfigurationError("the variable is not an address", where=named, hint="write https://HOST[:PORT]")
        return cls(
            endpoint=endpoint.rstrip("/"), bucket=store.bucket, prefix=store.prefix, region=region, keys=_keys_of(store)
        )

    @property
    def url(self) -> str:
        """The place as people write it."""
        return f"s3://{self.bucket}/{self.prefix}"

    def addressed(self, request: S3Request) -> tuple[str, dict[str, str]]:
        """Address and signed headers of a request."""
        path = "/".join(quote(part, safe="-_.~") for part in (self.bucket, *request.key.split("/")))
        url = f"{self.endpoint}/{path}" if request.key else f"{self.endpoint}/{quote(self.bucket, safe='-_.~')}"
        headers = signed_headers(request.method, url, request.query, self.keys, region=self.region)
        return (f"{url}?{canonical_query(request.query)}" if request.query else url), headers


def _keys_of(store: BackupStore) -> S3Keys | None:
    """The keys of the target file, else of the variables; None: there are none. Raises ConfigurationError."""
    if store.access_key is not None and store.secret_key is not None:
        access, secret = store.access_key.resolve(), store.secret_key.resolve()
        token = store.session_token.resolve() if store.session_token is not None else ""
    else:
        names = ("AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY", "AWS_SESSION_TOKEN")
        access, secret, token = (os.environ.get(name, "").strip() for name in names)
    return S3Keys(access_key=access, secret_key=secret, session_token=token) if access and secret else None


def listed(place: S3Place) -> Steps[Listing]:
    """All objects below the prefix, page by page.

    Raises:
        DriverError: the bucket cannot be listed.
    """
    found: dict[str, StoredObject] = {}
    token = ""
    first = answer = yield _page(place, token)
    for _ in range(_MOST_PAGES):
        page = _told(place, answer, "ListBucketResult")
        encoded = page.value("EncodingType") == "url"
        for entry in page.every("Contents"):
            one = _object(place, entry, encoded=encoded)
            found[one.name] = one
        if page.value("IsTruncated").lower() != "true":
            return Listing(
                objects=tuple(found.values()),
                sent_ns=first.sent_ns,
                done_ns=answer.done_ns,
                store_ns=_date_ns(place, first),
                answered_ns=first.done_ns,
                step_ns=NS_PER_S,
            )
        before, token = token, page.value("NextContinuationToken")
        if not token or token == before:
            raise DriverError("a page of the list names no next one, and is not the last", where=place.url)
        answer = yield _page(place, token)
    raise DriverError(f"the list has more than {_MOST_PAGES * PAGE} objects", where=place.url)


def _page(place: S3Place, token: str) -> S3Request:
    query = {"list-type": "2", "prefix": place.prefix, "max-keys": str(PAGE), "encoding-type": "url"}
    return S3Request(query={**query, "continuation-token": token} if token else query)


def described(place: S3Place, name: str) -> Steps[Mapping[str, str]]:
    """The headers of an object below the place, with its metadata; names in small letters.

    Raises:
        DriverError: it cannot be read.
    """
    answer = yield S3Request(key=f"{place.prefix}{name}", method="HEAD")
    refuse_answer(place, answer)
    return answer.headers


def setting(place: S3Place, name: str, form: str, *absent: str) -> Steps[XmlElement | None]:
    """A setting of the bucket such as `lifecycle`, whose answer has the form `LifecycleConfiguration`; None: there is none, as one of these codes says.

    Raises:
        DriverError: it cannot be read. NoSetting: the server has no such settings.
    """
    answer = yield S3Request(query={name: ""})
    if answer.status == 404 and _code(place, answer)[0] in absent:
        return None
    if answer.status in {400, 405, 501}:
        raise NoSetting(f"the server has no setting `{name}`: {_words(place, answer)}", where=place.url)
    return _told(place, answer, form)


def refuse_answer(place: S3Place, answer: S3Answer) -> None:
    """Raises DriverError for an answer other than 200."""
    if answer.status == 200:
        return
    words = _words(place, answer)
    if _ARCHIVED in words:
        hint = "restore it from its storage class, or keep the newest backup in one that can be read at once"
        raise DriverError(f"the object is archived: {words}", where=place.url, hint=hint)
    if answer.status in _DENIED:
        hint = "set the clock of this machine or of the store" if _SKEWED in words else _RIGHTS
        raise AccessDenied(f"the bucket refuses the request: {words}", where=place.url, hint=hint)
    if answer.status in {301, 307, 308}:
        region = answer.headers.get("x-amz-bucket-region", "")
        what = f"the bucket is in another region{f', {region}' if region else ''}: {words}"
        raise DriverError(what, where=place.url, hint="correct `region` of `backups`")
    hint = _NO_BUCKET if "NoSuchBucket" in words else ""
    raise DriverError(f"the bucket answers with an error: {words}", where=place.url, hint=hint)


def _told(place: S3Place, answer: S3Answer, name: str) -> XmlElement:
    refuse_answer(place, answer)
    found = xml_of(answer.body, place.url)
    if found.name != name:
        hint = "check that `endpoint` is the address of an S3 server"
        raise DriverError(f"the answer is `{found.name}`, expected `{name}`", where=place.url, hint=hint)
    return found


def _object(place: S3Place, entry: XmlElement, *, encoded: bool) -> StoredObject:
    key = entry.value("Key")
    key = unquote(key.replace("+", " ")) if encoded else key
    try:
        modified = datetime.fromisoformat(entry.value("LastModified"))
        size = int(entry.value("Size"))
    except ValueError:
        raise DriverError(f"the list has no time or no size of {key[:200]!r}", where=place.url) from None
    aware = modified if modified.tzinfo is not None else modified.replace(tzinfo=UTC)
    return StoredObject(
        name=key.removeprefix(place.prefix),
        size=size,
        modified_ns=clock.wall_ns(aware),
        tag=entry.value("ETag"),
    )


def _date_ns(place: S3Place, answer: S3Answer) -> int:
    try:
        return clock.wall_ns(parsedate_to_datetime(answer.headers.get("date", "")))
    except (TypeError, ValueError):
        hint = "let the server, or the proxy in front of it, send the header Date"
        raise DriverError("the answer has no time of the store (header Date)", where=place.url, hint=hint) from None


def _code(place: S3Place, answer: S3Answer) -> tuple[str, str]:
    """Code and message of an error; empty: the answer has none."""
    try:
        found = xml_of(answer.body, place.url)
    except DriverError:
        return "", ""
    return found.value("Code")[:80], " ".join(found.value("Message").split())[:200]


def _words(place: S3Place, answer: S3Answer) -> str:
    return ", ".join(filter(None, (f"status {answer.status}", *_code(place, answer))))
