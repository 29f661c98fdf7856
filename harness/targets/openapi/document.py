"""An OpenAPI document: its references, parameters and addresses, and how a file of it is read."""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from pathlib import Path
from typing import Any, Final
from urllib.parse import unquote, urljoin

from harness.errors import ConfigurationError
from harness.yamlfile import LARGEST as LARGEST_YAML
from harness.yamlfile import documents_in

LARGEST: Final = 10 * 1024 * 1024
"""Maximum size of a document in bytes."""
_DEEPEST: Final = 20
"""Maximum number of references in a chain."""
_HTTP: Final = r"https?://"
_ORIGIN: Final = re.compile(r"[A-Za-z][A-Za-z0-9+.-]*://[^/]*|//[^/]*")


class OpenApiDocument:
    """The content of one document, and where it is from.

    Attributes:
        source: where it is from, for messages.
        root: the document itself.
    """

    def __init__(self, source: str, content: Any) -> None:
        if not isinstance(content, dict) or not isinstance(content.get("paths"), dict):
            hint = "name a document that has `openapi: 3.…` (or `swagger: '2.0'`) and a mapping `paths`"
            raise ConfigurationError("this is not an OpenAPI document", where=source, hint=hint)
        self.source = source
        self.root: dict[str, Any] = content

    def parameters(self, item: Mapping[str, Any], operation: Mapping[str, Any]) -> dict[tuple[str, str], Any]:
        """The parameters by name and place; parameters of the operation replace those of the path."""
        described = [part.get("parameters") for part in (item, operation)]
        every = [self.resolved(one) for several in described if isinstance(several, list) for one in several]
        return {(str(one.get("name")), str(one.get("in"))): one for one in every}

    def base_of(self, item: Mapping[str, Any], operation: Mapping[str, Any]) -> str:
        """The path that a path is below of: of the operation's first server, else of the path's, else of the document's."""
        listed = [part.get("servers") for part in (operation, item, self.root)]
        first = next((one[0] for one in listed if isinstance(one, list) and one and isinstance(one[0], dict)), {})
        base = str(first.get("url") or self.root.get("basePath") or "")
        variables = first.get("variables")
        for name, variable in variables.items() if isinstance(variables, dict) else ():
            if isinstance(variable, dict) and "default" in variable:
                base = base.replace(f"{{{name}}}", str(variable["default"]))
        beside = self.source if re.match(_HTTP, self.source) and not base.startswith("/") else "http://host/"
        path = _ORIGIN.sub("", urljoin(beside, base) if base else "", count=1).partition("?")[0].strip("/")
        return f"/{path}" if path and "{" not in path else ""

    def resolved(self, value: Any) -> dict[str, Any]:
        """A mapping, its local `$ref` followed; empty for any other value.

        Raises:
            ConfigurationError: the reference leads nowhere, to another file, or round in a circle.
        """
        for _ in range(_DEEPEST):
            if not isinstance(value, dict):
                return {}
            if not isinstance(reference := value.get("$ref"), str):
                return value
            value = self.referred(reference)
        raise ConfigurationError(
            f"`$ref: {reference}` refers to itself", where=self.source, hint="correct the reference"
        )

    def referred(self, reference: str) -> Any:
        """What a local reference leads to.

        Raises:
            ConfigurationError: the reference leads nowhere, or to another file.
        """
        if not reference.startswith("#/"):
            hint = "join the files into one document with an OpenAPI bundler"
            raise ConfigurationError(f"`$ref: {reference}` refers to another document", where=self.source, hint=hint)
        value: Any = self.root
        for part in reference[2:].split("/"):
            key = unquote(part).replace("~1", "/").replace("~0", "~")
            try:
                value = value[int(key)] if isinstance(value, list) else value[key]
            except (LookupError, TypeError, ValueError) as error:
                raise ConfigurationError(
                    f"`$ref: {reference}` refers to the missing key `{key}`",
                    where=self.source,
                    hint="correct the reference",
                ) from error
        return value


def parsed(source: str, body: bytes) -> Any:
    """The data of a document, JSON or YAML.

    Args:
        source: what the document is called in an error: a file or an address.
        body: its text.

    Raises:
        ConfigurationError: the document is too large, or is neither JSON nor YAML; or it is YAML with anchors, as a small text of which
            an endless document can be made.
    """
    if len(body) > LARGEST:
        what = f"the document is larger than {LARGEST // 1024**2} MB"
        raise ConfigurationError(what, where=source, hint="remove the parts of it that are not needed")
    if body.lstrip()[:1] == b"{":
        try:
            return json.loads(body)
        except json.JSONDecodeError as error:
            raise ConfigurationError(f"the text is not JSON: {error.msg}", where=f"{source}:{error.lineno}") from error
        except (UnicodeDecodeError, RecursionError) as error:
            raise ConfigurationError(f"the text is not JSON: {error}", where=source) from error
    if len(body) > LARGEST_YAML:
        what = f"the document is YAML of over {LARGEST_YAML // 1024**2} MB"
        raise ConfigurationError(what, where=source, hint="write it as JSON, which is read a hundred times as fast")
    name = Path(source.rpartition("/")[2] or "description")  # an address is no path
    try:
        documents = documents_in(body.decode("utf-8"), name)
    except UnicodeDecodeError as error:
        raise ConfigurationError("the text is not UTF-8", where=source) from error
    except ConfigurationError as error:
        where = error.where.replace(str(name), source, 1)
        raise ConfigurationError(error.what, where=where, hint=error.hint) from error
    return documents[0].data if documents else None
