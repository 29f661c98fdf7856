"""The headers that sign in: their values name environment variables, so that no file has a secret."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final

from harness.errors import UsageError

_HEADER: Final = re.compile(r"([A-Za-z0-9!#$%&'*+.^_`|~-]+):[ \t]*(\S(?:.*\S)?)")
_VARIABLE: Final = re.compile(r"\$(\w+|{\w+})")
_EXAMPLE: Final = "write `--header 'Authorization: Bearer $TOKEN'`, with the token in the environment variable TOKEN"


@dataclass(frozen=True, kw_only=True, slots=True)
class SignInHeader:
    """One header of each request of the journey.

    Attributes:
        name: name of the header.
        value: value with `$NAME` in place of environment variables.
    """

    name: str
    value: str

    @property
    def variables(self) -> tuple[str, ...]:
        """The environment variables of the value."""
        return tuple(dict.fromkeys(name.strip("{}") for name in _VARIABLE.findall(self.value)))

    @property
    def python(self) -> str:
        """The value as an expression of Python that reads the variables from `os.environ`."""
        parts = _VARIABLE.split(self.value)
        literals = (
            part.replace("\\", "\\\\").replace('"', '\\"').replace("{", "{{").replace("}", "}}") for part in parts
        )
        every = (
            one if at % 2 == 0 else f"{{os.environ['{part.strip('{}')}']}}"
            for at, (one, part) in enumerate(zip(literals, parts, strict=True))
        )
        return f'f"{"".join(every)}"'

    def resolved(self, environment: Mapping[str, str]) -> str:
        """The value with its variables filled in.

        Raises:
            UsageError: a variable is not set, or its value cannot be sent in a header.
        """
        for name in self.variables:
            value = environment.get(name, "")
            if not value or not value.isascii() or not value.isprintable():
                what = "is not set" if not value else "has a character that a header cannot have"
                hint = f"set it to the credential of a test user: `export {name}=…`"
                raise UsageError(f"the environment variable {name} {what}", where="--header", hint=hint)
        return _VARIABLE.sub(lambda found: environment[found[1].strip("{}")], self.value)


def sign_in_header(text: str) -> SignInHeader:
    """Read `NAME: VALUE`.

    Raises:
        UsageError: the text is not a header, or its value names no environment variable.
    """
    found = _HEADER.fullmatch(text)
    if found is None or not text.isascii() or not text.isprintable():
        raise UsageError("the text is not a header, expected `NAME: VALUE`", where="--header", hint=_EXAMPLE)
    if not _VARIABLE.search(found[2]):
        what = f"the value of {found[1]} names no environment variable, and a secret is not written into files"
        raise UsageError(what, where="--header", hint=_EXAMPLE)
    return SignInHeader(name=found[1], value=found[2])
