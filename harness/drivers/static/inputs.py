"""A file that GitLab includes, with its inputs in place of `$[[ inputs.NAME ]]`."""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from pathlib import Path
from typing import Any, Final

from harness.drivers.static.files import text_of
from harness.drivers.static.jobs import mapping_of
from harness.errors import ConfigurationError
from harness.yamlfile import YamlDocument, documents_in

_INPUT: Final = re.compile(r"(?P<quote>[\"']?)\$\[\[\s*inputs\.(?P<name>[\w-]+)\s*\]\](?P=quote)")
_PLAIN: Final = re.compile(r"(?:\w(?:[\w ./@$+=-]|:(?=\S))*)?")
"""Texts that YAML takes as they are, wherever they are put."""


def included_document(path: Path, given: Mapping[str, Any]) -> YamlDocument | None:
    """The document of a file with its inputs filled in; None where one is not known, or GitLab would refuse it.

    Raises:
        ConfigurationError: it is not a mapping, or cannot be read.
    """
    text = text_of(path)
    documents = _documents(text, path)
    spec = mapping_of(documents[0].data.get("spec")) if len(documents) > 1 else {}
    declared = mapping_of(spec.get("inputs"))
    values = {name: given.get(name, mapping_of(one).get("default")) for name, one in declared.items()}
    if not given.keys() <= declared.keys() or any(value is None for value in values.values()):
        return None
    for found in {one["name"] for one in _INPUT.finditer(text)}:
        value = values.get(found)
        if value is None or (isinstance(value, str) and not _PLAIN.fullmatch(value)) or isinstance(value, dict):
            return None
    filled = _INPUT.sub(lambda one: _written(values[one["name"]], one["quote"]), text)
    return None if "$[[" in filled else _documents(filled, path)[-1]


def _written(value: Any, quote: str) -> str:
    """An input where the file names it; one that is not a text is itself also within quotes."""
    return f"{quote}{value}{quote}" if isinstance(value, str) else json.dumps(value)


def _documents(text: str, path: Path) -> list[YamlDocument]:
    found = [one for one in documents_in(text, path) if one.data is not None]
    if not found or not all(isinstance(one.data, dict) for one in found):
        raise ConfigurationError(
            "is not a file that GitLab includes", where=f"{path}:1", hint="write jobs, or keys of them"
        )
    return found
