"""What is secret on a target: the values of its Secrets, in the forms in which they leak."""

from __future__ import annotations

import base64
import binascii
import re
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from typing import Final
from urllib.parse import quote

from harness.targets.kubernetes import Object

SHORTEST: Final = 8
"""Shorter values would be found by chance; they are counted, and not searched for."""
_PUBLIC: Final = re.compile(
    r"(?:^|[._-])(?:ca|tls|cert|certificate|user|username|host|port|database|dbname|name|namespace)(?:\.(?:crt|pem))?$",
    re.IGNORECASE,
)
"""Names of keys whose values are no secret: certificates, users, addresses."""
_KEY_BLOCK: Final = re.compile(r"-----BEGIN [A-Z ]*PRIVATE KEY-----\s+(.+?)\s+-----END", re.DOTALL)


@dataclass(frozen=True, kw_only=True, slots=True)
class SecretValue:
    """One secret value; `repr` and `str` never show it.

    Attributes:
        place: `us-east-1/Secret/platform, key token-secret`.
        forms: the texts that would give it away.
    """

    place: str
    forms: tuple[str, ...] = field(repr=False)

    def is_in(self, text: str) -> bool:
        """Whether one of its forms is a part of the text."""
        return any(form in text for form in self.forms)


def secret_values(secrets: Iterable[Object]) -> Iterator[SecretValue]:
    """The values of these Secrets that are worth a search; each is given once, at its first place."""
    seen: set[tuple[str, ...]] = set()
    for secret in secrets:
        if str(secret.get("type", "")) == "kubernetes.io/service-account-token":
            continue  # the cluster's own
        place = f"{secret['metadata'].get('namespace', '')}/Secret/{secret['metadata']['name']}"
        for key, encoded in sorted((secret.get("data") or {}).items()):
            forms = () if _PUBLIC.search(key) else tuple(_forms(_decoded(str(encoded))))
            if forms and forms not in seen:
                seen.add(forms)
                yield SecretValue(place=f"{place}, key {key}", forms=forms)


def _decoded(encoded: str) -> str:
    try:
        return base64.b64decode(encoded, validate=True).decode("utf-8", "replace")
    except (binascii.Error, ValueError):
        return ""


def _forms(value: str) -> Sequence[str]:
    """The value itself, as a part of an address, in base64, and as JSON has it; of a private key its first line."""
    value = value.strip()
    if key := _KEY_BLOCK.search(value):
        value = key[1].splitlines()[0]
    if len(value) < SHORTEST or "-----BEGIN " in value or "\ufffd" in value:
        return ()
    escaped = value.replace("\\", "\\\\").replace('"', '\\"').replace("\n", "\\n")
    encoded = base64.b64encode(value.encode()).decode().rstrip("=")
    return list(dict.fromkeys((value, quote(value, safe=""), encoded, escaped)))
