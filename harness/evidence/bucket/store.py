"""The objects of one run in an S3 bucket, with errors in words."""

from __future__ import annotations

import os
import re
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any, BinaryIO, Final

from harness.errors import EvidenceError, UsageError
from harness.extras import S3, require
from harness.targets.files.values import is_http

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from obstore.store import S3Store

    from harness.targets.files.upload import Upload

_TIMEOUT: Final = "20s"
_RETRIES: Final = 2
"""How often one request is repeated; what fails then is sent again with the next pass."""


_SAID: Final = tuple(
    re.compile(pattern)
    for pattern in (
        r"Error performing (\w+ \S+) in",
        r"status code: (\d{3}(?: [A-Z][a-z]+)+)",
        r"<Code>([^<]{1,80})</Code>",
        r"<Message>([^<]{1,200})</Message>",
        r"\b(?:message|error): \"([^\"]{1,200})\"",
    )
)
_PROBE: Final = ".writable"


class Bucket:
    """Reads and writes objects below the prefix of a run.

    Args:
        settings: how the bucket is reached.
        run: name of the run.

    Raises:
        UsageError: the extra is not installed, or the settings are incomplete. ConfigurationError: a secret cannot be read.
    """

    def __init__(self, settings: Upload, run: str) -> None:
        require(S3, f"the bucket {settings.to}")
        from obstore.exceptions import BaseError
        from obstore.store import S3Store

        self.url = "/".join(filter(None, (f"s3://{settings.bucket}", settings.prefix, run)))
        given: dict[str, Any] = {"endpoint": settings.endpoint, "region": settings.region}
        _refuse_endpoints()
        for key, reference in (
            ("access_key_id", settings.access_key),
            ("secret_access_key", settings.secret_key),
            ("session_token", settings.session_token),
        ):
            given[key] = reference.resolve() if reference is not None else None
        try:
            self._store: S3Store = S3Store(
                settings.bucket,
                prefix="/".join(filter(None, (settings.prefix, run))),
                client_options={"timeout": _TIMEOUT, "allow_http": True},
                retry_config={"max_retries": _RETRIES},
                **{key: value for key, value in given.items() if value},
            )
        except BaseError as error:
            raise UsageError(
                f"the bucket cannot be reached: {_words(error)}",
                where=self.url,
                hint="correct `upload` of the target file, or the variables AWS_…",
            ) from error

    def require_new(self) -> None:
        """Write an object, list what is there, and delete it.

        Raises:
            EvidenceError: the bucket cannot be written.
            UsageError: it has a run of this name already, for example one that began in the same second in another cluster.
        """
        self.put(_PROBE, b"")
        found = self.names()
        self.delete([_PROBE])
        if found != [_PROBE]:
            hint = "run again, or give each cluster or job a prefix of its own"
            raise UsageError("the bucket has a run of this name already", where=self.url, hint=hint)

    def put(self, name: str, content: bytes | BinaryIO) -> None:
        """Write one object, from memory or from an open file. Raises EvidenceError."""
        import obstore

        with self._errors("cannot be written"):
            obstore.put(self._store, name, content)

    def get(self, name: str) -> Iterator[bytes]:
        """Read one object in parts. Raises EvidenceError."""
        import obstore

        with self._errors("cannot be read"):
            for part in obstore.get(self._store, name).stream():
                yield bytes(part)

    def names(self) -> list[str]:
        """The names of all objects of the run, sorted. Raises EvidenceError."""
        import obstore

        with self._errors("cannot be listed"):
            return sorted(str(one["path"]) for page in obstore.list(self._store) for one in page)

    def delete(self, names: Sequence[str]) -> None:
        """Delete objects; those that do not exist are no error. Raises EvidenceError."""
        import obstore

        with self._errors("cannot be changed"):
            for name in names:
                obstore.delete(self._store, name)

    @contextmanager
    def _errors(self, what: str) -> Iterator[None]:
        from obstore.exceptions import BaseError

        try:
            yield
        except (BaseError, OSError) as error:
            raise EvidenceError(
                f"the evidence {what} in the bucket: {_words(error)}",
                where=self.url,
                hint="check the bucket, its credentials (`upload` of the target file, or the variables AWS_…) and the rights to list, read, write and delete",
            ) from error


def _refuse_endpoints() -> None:
    """Raises UsageError for a variable that names no address, with which the library of the bucket would end this process."""
    for name, value in os.environ.items():
        if name.startswith("AWS_ENDPOINT") and value and not is_http(value):
            raise UsageError(f"`{value}` is not an address", where=name, hint="write https://HOST[:PORT]")


def _words(error: Exception) -> str:
    """What was asked, and what the server said: status, code and message of its answer, or why there is none; else the error itself."""
    said = " ".join(str(error).split())
    parts = [found[1] for pattern in _SAID if (found := pattern.search(said))]
    return ", ".join(parts) or said.partition(" Debug source")[0][:300]
