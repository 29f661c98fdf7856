"""Reads the API descriptions that a target file names, from a file beside it or from an http address."""

from __future__ import annotations

import hashlib
import re
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final
from urllib.parse import urlsplit

from harness import clock
from harness.errors import ConfigurationError
from harness.targets.files.requests import ENTRY
from harness.targets.http import http_client
from harness.targets.openapi.document import LARGEST, OpenApiDocument, parsed

if TYPE_CHECKING:
    from harness.targets import Target

_HTTP: Final = re.compile(r"https?://", re.IGNORECASE)
_WITHIN_S: Final = 20.0
"""Time in which an address must answer with the complete description, in s."""


@dataclass(frozen=True, kw_only=True, slots=True)
class DescriptionText:
    """An API description as it was read.

    Attributes:
        source: file or address.
        body: text of the document.
    """

    source: str
    body: bytes

    @property
    def digest(self) -> str:
        """SHA-256 of the text, in hexadecimal digits."""
        return hashlib.sha256(self.body).hexdigest()

    def document(self) -> OpenApiDocument:
        """The document.

        Raises:
            ConfigurationError: the text is too large, neither JSON nor YAML, or no OpenAPI document.
        """
        return OpenApiDocument(self.source, parsed(self.source, self.body))


def description_of(target: Target, service: str = ENTRY) -> DescriptionText:
    """The API description of the entry, or of a service.

    Raises:
        ConfigurationError: the target file names none, or it cannot be read.
    """
    where = f"{target.file}: api.description"
    named = target.api.described(service) if target.api is not None else ""
    if not named:
        hint = f"write `api: {{description: {{{service}: openapi.yaml}}}}`, a file or an http address"
        raise ConfigurationError(f"there is no API description of `{service}`", where=where, hint=hint)
    return read_text(target, named, where)


def accepted_of(target: Target) -> DescriptionText:
    """The API description of the last accepted release.

    Raises:
        ConfigurationError: the target file names none, or it cannot be read.
    """
    where = f"{target.file}: api.accepted"
    if target.api is None or not target.api.accepted:
        hint = "keep the description of the release that was accepted last, and write `api: {accepted: accepted.json}`"
        raise ConfigurationError("the description of the last accepted release is missing", where=where, hint=hint)
    return read_text(target, target.api.accepted, where)


def read_text(target: Target, named: str, where: str) -> DescriptionText:
    """The text of a file beside the target file, or of an address, which is fetched once for a target.

    Args:
        target: target.
        named: file or address.
        where: the key that names it, for messages.

    Raises:
        ConfigurationError: it cannot be read; redirects to another host are not followed.
    """
    if not _HTTP.match(named):
        file = target.beside(named)
        try:
            with file.open("rb") as opened:
                return DescriptionText(source=str(file), body=opened.read(LARGEST + 1))
        except OSError as error:
            what = f"the API description cannot be read: {error.strerror}"
            raise ConfigurationError(what, where=str(file), hint=f"correct `{where.rpartition(' ')[2]}`") from error
    if named not in target.fetched:
        target.fetched[named] = _fetched(target, named, where)
    return DescriptionText(source=_shown(named), body=target.fetched[named])


def _shown(address: str) -> str:
    """An address without user, password and query, which may have a token."""
    parts = urlsplit(address)
    return f"{parts.scheme}://{parts.netloc.rpartition('@')[2]}{parts.path}"


def _fetched(target: Target, address: str, where: str) -> bytes:
    import httpx  # as `http_client` has it

    deadline, body, hint = clock.Deadline.after(_WITHIN_S), bytearray(), f"correct `{where.rpartition(' ')[2]}`"
    try:
        parts, shown = urlsplit(address), _shown(address)
    except ValueError as error:
        raise ConfigurationError(f"the address is invalid: {error}", where=where, hint=hint) from error
    try:
        with (
            http_client(target, f"{parts.scheme}://{parts.netloc}", timeout_s=_WITHIN_S) as client,
            client.stream("GET", address) as answer,
        ):
            for piece in answer.iter_bytes():
                body += piece
                if len(body) > LARGEST or deadline.over:
                    break
    except (httpx.HTTPError, httpx.InvalidURL) as error:
        what = f"the API description was not answered: {type(error).__name__}"
        raise ConfigurationError(what, where=shown, hint=hint) from error
    if answer.status_code != 200:
        what = f"the API description was answered with status {answer.status_code}, expected 200"
        raise ConfigurationError(what, where=shown, hint=hint)
    if deadline.over:
        raise ConfigurationError(f"the API description did not arrive within {_WITHIN_S:g} s", where=shown, hint=hint)
    return bytes(body)
