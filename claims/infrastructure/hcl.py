"""Files of Terraform as plain values: blocks in its own language and in JSON, with texts in quotes and expressions in `${}`."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any, Final

from harness.drivers.static.files import text_of
from harness.errors import ConfigurationError

LARGEST: Final = 1 << 19
"""Characters of one file: the parser is a hundred times slower than reading."""
_EXPRESSION: Final = re.compile(r"\$\{[^{}]*\}")


def is_terraform(path: Path) -> bool:
    """Whether a file declares something, or gives variables their values."""
    return path.name.endswith((".tf", ".tf.json", ".tofu", ".tofu.json", ".tfvars", ".tfvars.json"))


def parsed(path: Path) -> tuple[str, Mapping[str, Any]]:
    """The text of a file and what it says.

    Raises:
        ConfigurationError: it cannot be read, is too large, or is not Terraform.
    """
    text = text_of(path)
    if len(text) > LARGEST:
        raise ConfigurationError(f"is larger than {LARGEST} characters", where=str(path), hint="split it")
    return text, _json(path, text) if path.suffix == ".json" else _native(path, text)


def _native(path: Path, text: str) -> Mapping[str, Any]:
    import hcl2  # a tenth of a second, and only where Terraform is read
    from lark.exceptions import LarkError, UnexpectedInput

    try:
        content: Mapping[str, Any] = hcl2.loads(text)
    except UnexpectedInput as error:
        line = error.line if isinstance(error.line, int) and error.line > 0 else text.count("\n") + 1
        raise ConfigurationError(
            "is not Terraform", where=f"{path}:{line}", hint="`terraform fmt` names the place too"
        ) from error
    except (LarkError, ValueError, RecursionError, KeyError, TypeError) as error:
        why = str(error).partition("\n")[0]
        raise ConfigurationError(f"cannot be read as Terraform: {why}", where=str(path)) from error
    return content


def _json(path: Path, text: str) -> Mapping[str, Any]:
    try:
        content = json.loads(text)
    except (ValueError, RecursionError) as error:
        raise ConfigurationError("is not JSON", where=f"{path}:{getattr(error, 'lineno', 1)}") from error
    if not isinstance(content, dict):
        raise ConfigurationError("is not Terraform", where=f"{path}:1", hint="a file in JSON is one object")
    return {key: _quoted(value) for key, value in content.items()}


def _quoted(value: Any) -> Any:
    """A value of JSON as the other language writes it: a text is in quotes unless it is one expression."""
    if isinstance(value, dict):
        return {key: _quoted(one) for key, one in value.items()}
    if isinstance(value, list):
        return [_quoted(one) for one in value]
    if isinstance(value, str):
        return value if _EXPRESSION.fullmatch(value) else json.dumps(value)
    return value


def blocks_of(content: Mapping[str, Any], kind: str) -> Iterator[Mapping[str, Any]]:
    """The blocks of a kind, also where there is one that is no list."""
    written = content.get(kind)
    for one in written if isinstance(written, list) else [written]:
        if isinstance(one, dict):
            yield one


def labelled(content: Mapping[str, Any], kind: str) -> Iterator[tuple[str, Mapping[str, Any]]]:
    """The blocks of a kind that have one label, with it."""
    for block in blocks_of(content, kind):
        for label, body in block.items():
            for one in body if isinstance(body, list) else [body]:
                if isinstance(one, dict):
                    yield label.strip('"'), one
