"""Names, labels, keys and relative paths, as a Kubernetes API allows them.

Nothing that is used as a file's name leaves its directory.
"""

from __future__ import annotations

import re
import secrets
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

Cause = tuple[str, str]
"""A field, and what is wrong with it."""

LABEL: Final = r"[a-z0-9]([-a-z0-9]{0,61}[a-z0-9])?"
DNS_LABEL: Final = re.compile(LABEL)
DNS_SUBDOMAIN: Final = re.compile(rf"(?=.{{1,253}}$){LABEL}(\.{LABEL})*")
ALPHABET: Final = "bcdfghjklmnpqrstvwxz2456789"
"""Kubernetes' own letters for generated names: no vowels, so no words."""
LONGEST_PREFIX: Final = 58
"""Of a generated name, which has five letters more and must fit into a label."""
_LABEL_WORDS: Final = (
    "a lowercase RFC 1123 label must consist of lower case alphanumeric characters or '-', and must start and end with an "
    "alphanumeric character (e.g. 'my-name',  or '123-abc', regex used for validation is '[a-z0-9]([-a-z0-9]*[a-z0-9])?')"
)
_SUBDOMAIN_WORDS: Final = (
    "a lowercase RFC 1123 subdomain must consist of lower case alphanumeric characters, '-' or '.', and must start and end "
    "with an alphanumeric character (e.g. 'example.com', regex used for validation is "
    "'[a-z0-9]([-a-z0-9]*[a-z0-9])?(\\.[a-z0-9]([-a-z0-9]*[a-z0-9])?)*')"
)
KEY_WORDS: Final = (
    "name part must consist of alphanumeric characters, '-', '_' or '.', and must start and end with an alphanumeric character "
    "(e.g. 'MyName',  or 'my.name',  or '123-abc', regex used for validation is '([A-Za-z0-9][-A-Za-z0-9_.]*)?[A-Za-z0-9]')"
)
_VALUE_WORDS: Final = (
    "a valid label must be an empty string or consist of alphanumeric characters, '-', '_' or '.', and must start and end with "
    "an alphanumeric character (e.g. 'MyValue',  or 'my_value',  or '12345', regex used for validation is "
    "'(([A-Za-z0-9][-A-Za-z0-9_.]*)?[A-Za-z0-9])?')"
)
_DATA_WORDS: Final = (
    "a valid config key must consist of alphanumeric characters, '-', '_' or '.' (e.g. 'key.name',  or 'KEY_NAME',  or "
    "'key-name', regex used for validation is '[-._a-zA-Z0-9]+')"
)
_LABEL_VALUE: Final = re.compile(r"([A-Za-z0-9]([-A-Za-z0-9_.]{0,61}[A-Za-z0-9])?)?")
_LABEL_KEY: Final = re.compile(rf"({LABEL}(\.{LABEL})*/)?[A-Za-z0-9]([-A-Za-z0-9_.]{{0,61}}[A-Za-z0-9])?")
_LONGEST_KEY: Final = 253 + 1 + 63
LONGEST_LABEL: Final = 63
_DATA_KEY: Final = re.compile(r"[-._a-zA-Z0-9]{1,253}")
_VARIABLE: Final = re.compile(r"[ -<>-~]{1,1024}")
_SHOWN: Final = 80


def shown(value: str) -> str:
    """A value as a message shows it: not more than a line of it."""
    return value if len(value) <= _SHOWN else f"{value[:_SHOWN]}…"


def name(path: str, value: str, *, label: bool = False) -> Iterator[Cause]:
    """A name: a DNS-1123 subdomain, or a label."""
    longest, allowed, words = (63, DNS_LABEL, _LABEL_WORDS) if label else (253, DNS_SUBDOMAIN, _SUBDOMAIN_WORDS)
    if len(value) > longest:
        yield path, f'Invalid value: "{shown(value)}": must be no more than {longest} characters'
    elif not allowed.fullmatch(value):
        yield path, f'Invalid value: "{shown(value)}": {words}'


def generated(begin: str) -> str:
    """A name that begins so, with five letters of chance behind."""
    return begin[:LONGEST_PREFIX] + "".join(secrets.choice(ALPHABET) for _ in range(5))


def prefix(path: str, value: str, *, label: bool = False) -> Iterator[Cause]:
    """What a generated name begins with: it may end with `-`."""
    yield from name(path, f"{value[:-1]}a" if value.endswith("-") else value, label=label)


def labels(path: str, given: Mapping[str, str]) -> Iterator[Cause]:
    """Labels: keys and values."""
    for key, value in given.items():
        if not is_qualified(key):
            yield path, f'Invalid value: "{shown(key)}": {KEY_WORDS}'
        if len(value) > LONGEST_LABEL:
            yield path, f'Invalid value: "{shown(value)}": must be no more than {LONGEST_LABEL} characters'
        elif not _LABEL_VALUE.fullmatch(value):
            yield path, f'Invalid value: "{shown(value)}": {_VALUE_WORDS}'


def is_qualified(key: str) -> bool:
    """Whether it can be the key of a label, or, in lower case, of an annotation."""
    return len(key) <= _LONGEST_KEY and _LABEL_KEY.fullmatch(key) is not None


def data_key(path: str, key: str) -> Iterator[Cause]:
    """A key of a ConfigMap or Secret: it becomes the name of a file."""
    if not _DATA_KEY.fullmatch(key):
        yield path, f'Invalid value: "{shown(key)}": {_DATA_WORDS}'
    elif key == "." or key.startswith(".."):
        yield path, f'Invalid value: "{shown(key)}": must not be "." and must not start with ".."'


def variable(path: str, value: str) -> Iterator[Cause]:
    """The name of an environment variable."""
    if not _VARIABLE.fullmatch(value):
        yield path, f'Invalid value: "{shown(value)}": must consist of printable ASCII characters without "="'


def text(path: str, value: str) -> Iterator[Cause]:
    """A text that becomes an argument, a variable or a path of a process."""
    if "\0" in value:
        yield path, "Invalid value: must not contain a null character"


def inside(path: str, value: str) -> Iterator[Cause]:
    """A path within a volume."""
    if value.startswith("/"):
        yield path, f'Invalid value: "{shown(value)}": must be a relative path'
    elif ".." in value.split("/"):
        yield path, f'Invalid value: "{shown(value)}": must not contain ".."'
    elif len(value) > 1024 or any(len(each) > 253 for each in value.split("/")):
        yield path, f'Invalid value: "{shown(value)}": too long'
    yield from text(path, value)
