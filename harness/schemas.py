"""JSON Schemas of the models that read files, in the words of the files."""

from __future__ import annotations

import inspect
import re
from typing import Any, Final

from pydantic import BaseModel
from pydantic.json_schema import GenerateJsonSchema

_ATTRIBUTE: Final = re.compile(r"^    (\w+): (.*(?:\n {8}.*)*)$", re.MULTILINE)


def schema_of(model: type[BaseModel]) -> dict[str, Any]:
    """The schema of the files that a model reads: what it refuses the model refuses, too."""
    return model.model_json_schema(schema_generator=_WrittenFiles)


class _WrittenFiles(GenerateJsonSchema):
    """Describes values as they are written in a file, each key with the text of its model's docstring."""

    def model_schema(self, schema: Any) -> dict[str, Any]:
        """A model: its first sentence, and the descriptions of its attributes; the names of classes are our own."""
        made = super().model_schema(schema)
        made.pop("title", None)
        made["description"] = (inspect.getdoc(schema["cls"]) or "").partition("\n\n")[0]
        about = dict[str, str]()
        for model in reversed(schema["cls"].__mro__):  # a key that models share is described by the one that has it
            about |= _ATTRIBUTE.findall((inspect.getdoc(model) or "").partition("\n\nAttributes:\n")[2])
        for name, field in schema["cls"].model_fields.items():
            if name in about:
                made["properties"][field.alias or name]["description"] = _described(about[name])
        return made

    def default_schema(self, schema: Any) -> dict[str, Any]:
        """A value that may be left out; defaults are not repeated, since some are not written as the file has them."""
        return self.generate_inner(schema["schema"])

    def field_title_should_be_set(self, schema: Any) -> bool:  # noqa: ARG002 - pydantic's signature
        """Keys have no titles, which would only repeat them."""
        return False


def _described(text: str) -> str:
    """The description of a key in the words of the file: without Python's `None`, and without the unit of the value in memory."""
    return re.sub(r",? in s(?=[ .;,])", "", " ".join(text.split()).replace("None: ", "without it: "))
