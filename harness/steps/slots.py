"""The typed slots of the templates: what may stand in each, and no more."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Final

DOMAINS: Final = ("pod", "node", "zone", "database", "region", "external", "network")
"""Fault domains, from small to large."""

_NUMBER: Final = r"[0-9]{1,9}(?:\.[0-9]{1,9})?"
_MORE_THAN_0: Final = "(?=[0-9.]*[1-9])"
_DOMAIN: Final = "|".join(DOMAINS)


@dataclass(frozen=True, kw_only=True, slots=True)
class Slot:
    """What may stand in a slot: a pattern without groups, what it is, and an example."""

    pattern: str
    about: str
    example: str


SLOTS: Final[Mapping[str, Slot]] = {
    "count": Slot(pattern=r"[0-9]{1,6}", about="a whole number", example="3"),
    "cpu": Slot(pattern=r"[0-9]{1,6}(?:\.[0-9]{1,3}|m)?", about="CPU as Kubernetes writes it", example="500m"),
    "domains": Slot(
        pattern=rf"(?:{_DOMAIN})(?:, (?:{_DOMAIN}))*(?: or (?:{_DOMAIN}))?",
        about=f"fault domains, the last after `or`: {', '.join(DOMAINS)}",
        example="pod, node or network",
    ),
    "duration": Slot(
        pattern=rf"{_MORE_THAN_0}{_NUMBER} ?(?:ms|s|min|h|d)",
        about="a length of time above 0 in ms, s, min, h or d",
        example="200 ms",
    ),
    "kind": Slot(
        pattern="single-fault|disaster",
        about="single-fault (domain pod, node, database) or disaster (domain database, region)",
        example="single-fault",
    ),
    "looks": Slot(pattern=r"(?:[2-9]|1[0-9]|20)", about="how often one looks, 2 to 20 times", example="4"),
    "memory": Slot(
        pattern=r"[0-9]{1,9}(?:\.[0-9]{1,3})?(?:[kMGT]i?|Ki)?", about="memory as Kubernetes writes it", example="512Mi"
    ),
    "name": Slot(pattern=r'[^"<>]{1,80}', about="a name as it is written in files", example="everyday"),
    "operations": Slot(
        pattern=r"reads and (?:of )?writes|reads|writes", about="what clients do", example="reads and writes"
    ),
    "points": Slot(
        pattern=rf"{_MORE_THAN_0}{_NUMBER} ?points", about="percentage points, more than 0", example="5 points"
    ),
    "port": Slot(pattern=r"[0-9]{1,5}", about="a TCP port", example="8080"),
    "quantile": Slot(
        pattern=r"p(?:50|75|90|95|99|99\.9)", about="a quantile: p50, p75, p90, p95, p99 or p99.9", example="p95"
    ),
    "ratio": Slot(pattern=rf"{_MORE_THAN_0}{_NUMBER} ?%", about="a share in percent, more than 0", example="0.1 %"),
    "region": Slot(pattern=r"[a-z0-9]+(?:-[a-z0-9]+)*", about="a region by name", example="us-east-1"),
    "release": Slot(pattern=r'[^"<>\s]{1,80}', about="a release by name, as answers name it", example="1.0.0"),
    "traffic": Slot(pattern=r"[a-z0-9]+(?:-[a-z0-9]+)*", about="traffic by name, without quotes", example="everyday"),
}

_TOKEN: Final = re.compile(r"<(?P<name>[a-z_]+)(?::(?P<type>[a-z]+))?>|\[(?P<optional>[^\]]*)\]")


def pattern_of(text: str) -> re.Pattern[str]:
    """The pattern of a template: `<limit:duration>` is a slot with its type, `[…]` may be left out, the rest is literal."""
    return re.compile(_pattern(text, lambda slot: slot.pattern))


def loose_pattern_of(text: str) -> re.Pattern[str]:
    """The same, where anything may stand in a slot."""
    return re.compile(_pattern(text, lambda _slot: ".+?"))


def _pattern(text: str, of_slot: Callable[[Slot], str]) -> str:
    parts, end = [], 0
    for token in _TOKEN.finditer(text):
        parts.append(re.escape(text[end : token.start()]))
        if token["optional"] is not None:
            parts.append(f"(?:{_pattern(token['optional'], of_slot)})?")
        else:
            parts.append(f"(?P<{token['name']}>{of_slot(SLOTS[token['type'] or token['name']])})")
        end = token.end()
    return "".join((*parts, re.escape(text[end:])))


def plain_of(text: str) -> str:
    """A template as people read it: `<limit>` for `<limit:duration>`."""
    return re.sub(r"<([a-z_]+):[a-z]+>", r"<\1>", text)


def slots_of(text: str) -> dict[str, Slot]:
    """The slots of a template by name, in order."""
    found = re.finditer(r"<(?P<name>[a-z_]+)(?::(?P<type>[a-z]+))?>", text)
    return {token["name"]: SLOTS[token["type"] or token["name"]] for token in found}
