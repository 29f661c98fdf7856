"""The secret values of a target, in the forms in which they could leak."""

from __future__ import annotations

import base64
import binascii
import json
import re
from collections.abc import Collection, Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from typing import Final
from urllib.parse import quote, unquote

from harness.targets.kubernetes import Object

SHORTEST: Final = 8
"""Minimum length of a value that is searched for; shorter values would be found by chance."""
_PUBLIC: Final = re.compile(
    r"(?:^|[._-])(?:ca|tls|cert|certificate|user|username|host|port|database|dbname|name|namespace"
    r"|region|zone|bucket|env|environment|level)(?:\.(?:crt|pem))?$",
    re.IGNORECASE,
)
"""Names of keys whose values are not secret: certificates, users, addresses, places, environments."""
_SPOKEN: Final = re.compile(
    r"(?:pass(?:word|wd|phrase)?|pwd|secret|token|key|key_base|credentials?|auth|salt)\d*$", re.IGNORECASE
)
"""Names of settings that are secret. The word must be at the end, so that `TOKEN_ISSUER` and `KEY_ID` do not match."""
_ADDRESS: Final = re.compile(r"[a-z][a-z0-9+.-]*://[^/@\s]*:(?P<password>[^/@\s]+)@", re.IGNORECASE)
_SETTING: Final = re.compile(r"(?:export\s+)?(?P<name>[\w.-]+)\s*=\s*(?P<value>.*)")
_KEY_BLOCK: Final = re.compile(r"-----BEGIN [A-Z ]*PRIVATE KEY-----\s+(.+?)\s+-----END", re.DOTALL)


@dataclass(frozen=True, kw_only=True, slots=True)
class SecretValue:
    """One secret value; `repr` and `str` never show it.

    Attributes:
        place: `us-east-1/Secret/platform, key token-secret`; of one among the settings of a file `…, key .env, DB_PASSWORD`.
        forms: the texts that would reveal it.
    """

    place: str
    forms: tuple[str, ...] = field(repr=False)

    def is_in(self, text: str) -> bool:
        """Whether the text contains one of the forms."""
        return any(form in text for form in self.forms)


def secret_values(secrets: Iterable[Object], public: Collection[str] = ()) -> Iterator[SecretValue]:
    """The values of Secrets to search for, without duplicates; each with its first place.

    Args:
        secrets: Secret objects of the API.
        public: texts that are never secret: names of regions, namespaces and the environment.
    """
    seen: set[tuple[str, ...]] = set()
    for secret in secrets:
        if str(secret.get("type", "")) == "kubernetes.io/service-account-token":
            continue  # the cluster's own
        place = f"{secret['metadata'].get('namespace', '')}/Secret/{secret['metadata']['name']}"
        for key, encoded in sorted((secret.get("data") or {}).items()):
            value = _decoded(str(encoded))
            whole = [] if _PUBLIC.search(key) else [("", value)]
            for name, part in (*whole, *_parts(value)):
                forms = () if part.strip() in public else tuple(_forms(part))
                if forms and forms not in seen:
                    seen.add(forms)
                    yield SecretValue(place=f"{place}, key {key}{name}", forms=forms)


def _parts(value: str) -> Iterator[tuple[str, str]]:
    """Secret parts of a value: the password in an address, and settings with secret names in JSON or a `.env` text."""
    if address := _ADDRESS.match(value.strip()):
        yield ", password of the address", unquote(address["password"])
    for name, part in (*_settings(value), *_leaves(_of_json(value))):
        if address := _ADDRESS.match(part):
            yield f", {name}", unquote(address["password"])
        elif _SPOKEN.search(name):
            yield f", {name}", part


def _settings(text: str) -> list[tuple[str, str]]:
    """Names and values of a `.env` text; empty if the text has another format."""
    lines = [line.strip() for line in text.splitlines()]
    read = [_SETTING.fullmatch(line) for line in lines if line and not line.startswith("#")]
    found = [(one["name"], one["value"].strip("\"'")) for one in read if one is not None]
    return found if len(found) == len(read) else []


def _of_json(text: str) -> object:
    try:
        return json.loads(text) if text.lstrip().startswith(("{", "[")) else None
    except (ValueError, RecursionError):
        return None


def _leaves(value: object, name: str = "") -> Iterator[tuple[str, str]]:
    """The texts of a JSON value, each with its key."""
    if isinstance(value, dict):
        for key, item in value.items():
            yield from _leaves(item, key)
    elif isinstance(value, list):
        for item in value:
            yield from _leaves(item, name)
    elif isinstance(value, str):
        yield name, value


def _decoded(encoded: str) -> str:
    try:
        return base64.b64decode(encoded, validate=True).decode("utf-8", "replace")
    except (binascii.Error, ValueError):
        return ""


def _forms(value: str) -> Sequence[str]:
    """Forms of a value: itself, URL-encoded, in base64, and as in JSON; for a private key its first line."""
    value = value.strip()
    if key := _KEY_BLOCK.search(value):
        value = key[1].splitlines()[0]
    if len(value) < SHORTEST or "-----BEGIN " in value or "\ufffd" in value:
        return ()
    escaped = value.replace("\\", "\\\\").replace('"', '\\"').replace("\n", "\\n")
    encoded = base64.b64encode(value.encode()).decode().rstrip("=")
    return list(dict.fromkeys((value, quote(value, safe=""), encoded, escaped)))
