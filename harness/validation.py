"""Turns a failed validation of a file into one message: place, expected value, and the nearest known word."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final, TypeVar, get_args

from pydantic import AfterValidator, BaseModel, GetCoreSchemaHandler, GetJsonSchemaHandler, ValidationError

from harness.errors import ConfigurationError
from harness.nearest import nearest
from harness.words import counted
from harness.yamlfile import Location, YamlDocument, read_document, yaml_files

_Form = TypeVar("_Form", bound=BaseModel)
_Problem = Mapping[str, Any]
"""An error as `ValidationError.errors` has it."""

NOT_BLANK: Final = r"\S"
ONE_OF: Final = "one of "
"""Prefix of the text of a ValueError that lists all accepted words."""
REQUIREMENT_ID: Final = r"^[A-Z][A-Z0-9]*(-[A-Z0-9]+)+$"
_EXPECTED: Final[Mapping[str, str]] = {
    "string_type": "text",
    "bool_type": "`true` or `false`",
    "float_type": "a number",
    "int_type": "a whole number",
    "int_from_float": "a whole number",
    "finite_number": "a finite number",
    "mapping_type": "a mapping",
    "dict_type": "a mapping",
    "tuple_type": "a list",
    "list_type": "a list",
}

_MAPPINGS: Final = frozenset({"mapping_type", "dict_type"})


@dataclass(frozen=True)
class matching:  # noqa: N801 - it is used like the validators of pydantic that are functions
    """A validator for text that must match a regular expression completely; `expected` completes `` `X` is not … ``."""

    pattern: str
    expected: str

    def _checked(self, value: str) -> str:
        if re.fullmatch(self.pattern, value) is None:
            raise ValueError(self.expected)
        return value

    def __get_pydantic_core_schema__(self, source: Any, handler: GetCoreSchemaHandler) -> Any:
        """How pydantic reads the value."""
        return AfterValidator(self._checked).__get_pydantic_core_schema__(source, handler)

    def __get_pydantic_json_schema__(self, schema: Any, handler: GetJsonSchemaHandler) -> dict[str, Any]:
        """How a JSON Schema describes the value."""
        return {**handler(schema), "pattern": f"^({self.pattern})$"}


def validated(paths: Iterable[Path], form: type[_Form]) -> Iterator[tuple[YamlDocument, _Form]]:
    """The YAML files at these paths and in these directories, each with its validated content; an empty file is valid.

    Raises:
        ConfigurationError: a file is invalid; the message has its line.
    """
    for path in (file for one in paths for file in (yaml_files(one) if one.is_dir() else [one])):
        document = read_document(path)
        try:
            yield document, form.model_validate(document.data if document.data is not None else {})
        except ValidationError as error:
            raise configuration_error(document, form, error) from error


def configuration_error(
    document: YamlDocument, model: type[BaseModel], error: ValidationError, *, at: Location = ()
) -> ConfigurationError:
    """The first error in the order of the file; `at` is the location of the model's part of the document."""
    problems = [(_location(document, problem, at), problem) for problem in error.errors(include_url=False)]
    # a key that is missing is often one that is misspelt, so the key that is there is reported first
    location, first = min(problems, key=lambda one: (one[1]["type"] == "missing", document.lines.get(one[0], 0)))
    what, hint = _words(first, location[len(at) :], model)
    others = len(problems) - 1
    more = f" (and {counted(others, 'more error')})" if others else ""
    # in one line, whatever the file has: a line of a CI job's log may be a command
    what, where, hint = (" ".join(text.splitlines()) for text in (what + more, document.where(location), hint))
    return ConfigurationError(what, where=where, hint=hint)


def _location(document: YamlDocument, problem: _Problem, at: Location) -> Location:
    """The location in the file: pydantic also names the branch of a union, which is in no file."""
    location: Location = (*at, *problem["loc"])
    if problem["type"] in {"extra_forbidden", "missing"}:
        return location
    while location and location not in document.lines:
        location = location[:-1]
    return location


def _words(problem: _Problem, location: Location, model: type[BaseModel]) -> tuple[str, str]:
    """The error and a hint."""
    key, kind, value = str(location[-1]) if location else "", problem["type"], problem["input"]
    match kind:
        case "extra_forbidden":
            known = _keys(_model_at(model, location[:-1]))
            words = f"unknown key `{key}`", f"{_suggestion(key, known)}known here: {', '.join(known)}"
        case "missing":
            words = f"the key `{key}` is missing", f"write `{key}: …`"
        case "model_type":
            # the value is not shown: it may be a secret that should have been a reference
            words = (
                "this must be a mapping",
                f"write a mapping with the keys {', '.join(_keys(_model_at(model, location)))}",
            )
        case "literal_error" | "enum":
            named = problem["ctx"]["expected"].replace(" or ", ", ").split(", ")
            choices = [word.strip("'").replace("True", "true") for word in named if word != "''"]
            words = (
                f"{_shown(value)} is not one of {', '.join(choices)}",
                f"{_suggestion(str(value), choices)}use one of these words",
            )
        case "value_error":
            words = _unexpected(value, str(problem["ctx"]["error"]))
        case "string_pattern_mismatch":
            words = _misfit(str(value), problem["ctx"]["pattern"])
        case "string_too_short":
            words = "this must not be empty", "write some text"
        case "string_too_long":
            words = f"this is longer than {problem['ctx']['max_length']} characters", "shorten it"
        case "too_short":
            words = f"this must have at least {problem['ctx']['min_length']} item", "add an item"
        case _:
            hint = "put it in quotes" if kind == "string_type" and isinstance(value, int | float) else ""
            hint = "write `NAME: {…}`, not a list" if kind in _MAPPINGS and isinstance(value, list | tuple) else hint
            words = f"{_shown(value)} is not {_EXPECTED.get(kind) or _bound(problem)}", hint
    return words


def _unexpected(value: Any, expected: str) -> tuple[str, str]:
    """The error and a hint for a value that one of our own checks refused."""
    if isinstance(value, Mapping):
        return f"expected {expected}", ""
    hint = ""
    if expected.startswith(ONE_OF):
        hint = f"{_suggestion(str(value), expected.removeprefix(ONE_OF).split(', '))}use one of these words"
    elif expected == _EXPECTED["string_type"] and isinstance(value, int | float):
        hint = "put it in quotes"
    return f"{_shown(value)} is not {expected}", hint


def _shown(value: Any) -> str:
    """A value in a message; neither a mapping nor a list, which may have a secret that should have been a reference."""
    if isinstance(value, Mapping | list | tuple):
        return "a mapping" if isinstance(value, Mapping) else "a list"
    return f"`{str(value).lower() if isinstance(value, bool) else value}`"


def _misfit(value: str, pattern: str) -> tuple[str, str]:
    """The error for a text that does not match its pattern."""
    if pattern == NOT_BLANK:
        return "this must not be empty", "write some text"
    if pattern == REQUIREMENT_ID:
        return f"`{value}` is not a requirement id", "write it like `SHOP-P95`: capital letters, digits and hyphens"
    return f"`{value}` is not a name", "use letters, digits, `-`, `.` and `_`, at most 63"


def _suggestion(word: str, words: list[str]) -> str:
    suggestion = nearest(word, words)
    return f"did you mean `{suggestion}`? " if suggestion else ""


def _bound(problem: _Problem) -> str:
    context = problem.get("ctx", {})
    if "gt" in context:
        return f"a number above {context['gt']:g}"
    if "le" in context:
        return f"a number of at most {context['le']}"
    return f"a number of at least {context['ge']:g}" if "ge" in context else problem["msg"]


def _keys(model: type[BaseModel] | None) -> list[str]:
    return [field.alias or name for name, field in model.model_fields.items()] if model else []


def _model_at(model: type[BaseModel], location: Location) -> type[BaseModel] | None:
    """The model of this location in a file of `model`."""
    found: Any = model
    for part in location:
        if isinstance(found, type) and issubclass(found, BaseModel):
            fields = {field.alias or name: field for name, field in found.model_fields.items()}
            found = fields[str(part)].annotation if str(part) in fields else None
        else:
            found = _model_in(found)
            continue
        found = _optional(found)
    return _model_in(found)


def _optional(annotation: Any) -> Any:
    """`X` of `X | None`."""
    inner = [part for part in get_args(annotation) if part is not type(None)]
    return inner[0] if type(None) in get_args(annotation) else annotation


def _model_in(annotation: Any) -> type[BaseModel] | None:
    """The model in `Mapping[str, X]`, `tuple[X, ...]` or `X` itself; `X` may have validators of its own (`Annotated`)."""
    within = get_args(annotation)
    candidates = (annotation, *within, *(inner for part in within for inner in get_args(part)))
    return next((part for part in candidates if isinstance(part, type) and issubclass(part, BaseModel)), None)
