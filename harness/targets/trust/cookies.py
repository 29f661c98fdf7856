"""Cookies as answers set them. Source: RFC 6265, section 5.2, and its revision for SameSite."""

from __future__ import annotations

import email.utils
import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from datetime import UTC
from typing import Final

from harness import clock

_SITES: Final = frozenset({"lax", "strict"})


@dataclass(frozen=True, kw_only=True, slots=True)
class SetCookie:
    """One cookie of an answer.

    Attributes:
        name: name.
        value: value; it is never printed.
        attributes: attributes by their names in lower case; a flag has an empty value.
    """

    name: str
    value: str = field(repr=False)
    attributes: Mapping[str, str]

    @property
    def removes(self) -> bool:
        """Whether it removes the cookie: it is over at once, or has expired."""
        age = self.attributes.get("max-age", "")
        if re.fullmatch(r"-?[0-9]{1,18}", age):
            return int(age) <= 0
        try:
            until = email.utils.parsedate_to_datetime(self.attributes.get("expires", "").replace("-", " "))
        except ValueError:
            return False
        return (until if until.tzinfo is not None else until.replace(tzinfo=UTC)) <= clock.wall()

    @property
    def lacking(self) -> tuple[str, ...]:
        """What protects it not: the attributes of `Secure`, `HttpOnly` and `SameSite` that it lacks.

        `SameSite=None` lets every site send the cookie, so that it protects nothing.
        """
        flags = [name for name in ("Secure", "HttpOnly") if name.lower() not in self.attributes]
        site = self.attributes.get("samesite", "")
        if site.lower() not in _SITES:
            flags.append(f"SameSite (it is {site})" if site else "SameSite")
        return tuple(flags)


def set_cookies(lines: Iterable[str]) -> tuple[SetCookie, ...]:
    """The cookies of the headers `Set-Cookie`; a header without a name is left out, as browsers do."""
    found = []
    for line in lines:
        pair, *rest = line.split(";")
        name, equals, value = pair.partition("=")
        if not equals or not name.strip():
            continue
        attributes = {key.strip().lower(): each.strip() for key, _, each in (one.partition("=") for one in rest)}
        found.append(SetCookie(name=name.strip(), value=value.strip(), attributes=attributes))
    return tuple(found)
