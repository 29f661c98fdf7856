"""Finds errors in an experiment file that Chaos Toolkit would only report at run time, before any load is offered."""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping, Sequence
from numbers import Number
from typing import Any, Final

from harness.drivers.chaos.providers import Parameters, parameters_of
from harness.errors import ConfigurationError
from harness.nearest import nearest
from harness.targets.files.harness_block import BLOCK, block_index
from harness.yamlfile import Location, YamlDocument

Activity = Mapping[str, Any]

_HYPOTHESIS: Final = "steady-state-hypothesis"
_MAPPINGS: Final[tuple[Location, ...]] = (("configuration",), ("secrets",), (_HYPOTHESIS,))
_LISTS: Final[tuple[Location, ...]] = (
    ("method",),
    ("rollbacks",),
    ("extensions",),
    ("controls",),
    (_HYPOTHESIS, "probes"),
)
"""Parts of a file whose items must be mappings."""
_NEVER_NULL: Final[tuple[Location, ...]] = (
    ("configuration",),
    ("secrets",),
    ("controls",),
    ("rollbacks",),
    (_HYPOTHESIS, "probes"),
)
"""Optional parts for which Chaos Toolkit fails on a key without a value."""
_INJECTED: Final = frozenset({"configuration", "secrets"})
"""Arguments that Chaos Toolkit itself passes to functions that take them."""


def check_parts(document: YamlDocument) -> None:
    """Refuse parts of a wrong type: Chaos Toolkit would fail on them, or run no rollback.

    Raises:
        ConfigurationError: a part has a wrong type.
    """
    _check_values(document)
    for at in _LISTS:
        found = _at(document.data, at)
        if found is not None and not isinstance(found, list):
            raise _refused(document, at, f"`{at[-1]}` must be a list", "begin each item with `- `")
        for index, one in enumerate(found or ()):
            if not isinstance(one, Mapping):
                what = f"`{one}` is not a mapping"
                raise _refused(document, (*at, index), what, "write its keys below each other, like `- name: …`")
    for index, control in enumerate(_listed(document, ("controls",))):
        for key in ("name", "provider"):
            if key not in control:
                raise _refused(document, ("controls", index), f"the key `{key}` is missing", f"write `{key}: …`")


def _check_values(document: YamlDocument) -> None:
    """Refuse keys without a value on which Chaos Toolkit fails, and other values in place of a mapping."""
    for at in _NEVER_NULL:
        inside = _at(document.data, at[:-1])
        if isinstance(inside, Mapping) and at[-1] in inside and inside[at[-1]] is None:
            hint = "remove the key, or write its value below it"
            raise _refused(document, at, f"`{at[-1]}` has no value", hint)
    for at in _MAPPINGS:
        found = _at(document.data, at)
        if found is not None and not isinstance(found, Mapping):
            raise _refused(document, at, f"`{at[-1]}` must be a mapping", f"write `{at[-1]}: {{name: value}}`")


def check_texts(document: YamlDocument) -> None:
    """Refuse a title or a description without text, tags that are not text, and extensions without a name.

    Raises:
        ConfigurationError: a title, a description, a tag or an extension is invalid.
    """
    for key in ("title", "description"):
        if key not in document.data:
            raise ConfigurationError(
                f"the key `{key}` is missing",
                where=document.where(()),
                hint=f"write `{key}: …`; Chaos Toolkit needs it",
            )
        if not document.data[key]:
            raise _refused(document, (key,), f"`{key}` is empty", f"write `{key}: …`; Chaos Toolkit needs it")
    for index, tag in enumerate(_listed(document, ("tags",))):
        if not isinstance(tag, str) or not tag:
            raise _refused(document, ("tags", index), f"the tag `{tag}` is not text", "put it in quotes")
    for index, extension in enumerate(_listed(document, ("extensions",))):
        if not str(extension.get("name") or "").strip():
            at: Location = ("extensions", index)
            raise _refused(
                document, at, "the extension has no name", "write `name: …`; the harness reads `name: harness`"
            )
        if index > (block_index(document.data) or 0) and extension["name"] == BLOCK:
            what, hint = f"the block `{BLOCK}` is defined twice", "keep one of them; the second would be ignored"
            raise _refused(document, ("extensions", index), what, hint)


def check_hypothesis(document: YamlDocument) -> Iterator[Location]:
    """The places of the probes of the steady-state hypothesis; each probe must have a tolerance.

    Raises:
        ConfigurationError: the hypothesis has no title, or one of its probes has no tolerance.
    """
    hypothesis = document.data.get(_HYPOTHESIS)
    if hypothesis is None:
        return
    if not hypothesis.get("title"):
        hint = "write `title: …` and `probes: […]` below it; Chaos Toolkit needs the title"
        raise _refused(document, (_HYPOTHESIS,), "the hypothesis has no title", hint)
    for index, probe in enumerate(_listed(document, (_HYPOTHESIS, "probes"))):
        at: Location = (_HYPOTHESIS, "probes", index)
        if "tolerance" not in probe:
            hint = "write `tolerance: true`, `tolerance: 0` for an exit code, `tolerance: 200` for a status"
            raise _refused(document, at, "a probe of the hypothesis has no tolerance", hint)
        yield at


def check_references(document: YamlDocument, known: Collection[str]) -> None:
    """Refuse a `ref` whose activity does not exist in the file.

    Raises:
        ConfigurationError: the activity of a `ref` does not exist.
    """
    for part in (("method",), ("rollbacks",)):
        for index, one in enumerate(_listed(document, part)):
            if "ref" in one and one["ref"] not in known:
                suggestion = nearest(str(one["ref"]), known)
                hint = f"did you mean `{suggestion}`?" if suggestion else f"the file has {', '.join(known) or 'none'}"
                raise _refused(document, (*part, index, "ref"), f"no activity is named `{one['ref']}`", hint)


def check_form(document: YamlDocument, location: Location, activity: Activity) -> None:
    """Refuse an activity without a name, and a timeout, a pause or a `background` of a wrong type.

    Raises:
        ConfigurationError: the name, timeout, pause or `background` is invalid.
    """
    if not activity["name"]:
        raise _refused(document, (*location, "name"), "the activity has no name", "write `name: …`")
    if isinstance(activity["name"], list | dict):
        what = f"`name` is {activity['name']}, expected text"
        raise _refused(document, (*location, "name"), what, "write `name: …`")
    given = activity["provider"].get("arguments")
    if activity["provider"]["type"] == "process" and not isinstance(given or (), str | tuple | list | Mapping):
        at = (*location, "provider", "arguments")
        raise _refused(document, at, f"`{given}` is not a list of arguments", "write a list, a text or a mapping")
    if activity.get("timeout") is not None and not isinstance(activity["timeout"], Number):
        what = f"`{activity['timeout']}` is not a number of seconds"
        raise _refused(document, (*location, "timeout"), what, "write it like `timeout: 10`")
    if not isinstance(activity.get("background", False), bool):
        what = f"`{activity['background']}` is not `true` or `false`"
        raise _refused(document, (*location, "background"), what, "write `background: true`")
    pauses = activity.get("pauses")
    if pauses is not None and not isinstance(pauses, Mapping):
        hint = "write `pauses: {before: 3}`"
        raise _refused(document, (*location, "pauses"), "`pauses` must be a mapping", hint)
    for key in ("before", "after"):
        value = (pauses or {}).get(key)
        named = isinstance(value, str) and value.startswith("${") and value.endswith("}")
        if value is not None and not named and (isinstance(value, bool) or not isinstance(value, int | float)):
            what = f"`{value}` is not a number of seconds"
            raise _refused(document, (*location, "pauses", key), what, f"write it like `{key}: 3`")


def check_arguments(document: YamlDocument, location: Location, function: str, parameters: Parameters) -> None:
    """Refuse unknown arguments of a function, and missing arguments that it needs.

    Raises:
        ConfigurationError: an argument is unknown or missing; the hint names the nearest argument.
    """
    place: Location = (*location, "provider")
    given = _at(document.data, place).get("arguments", {})
    needed = [name for name in parameters.needed if name not in _INJECTED]
    if not isinstance(given, Mapping):
        hint = f"write `arguments: {{{', '.join(f'{name}: …' for name in needed) or 'name: value'}}}`"
        raise _refused(document, (*place, "arguments"), "`arguments` must be a mapping", hint)
    for name in given:
        if parameters.others or name in parameters.known:
            continue
        suggestion = nearest(name, parameters.known)
        takes = f"the arguments are {', '.join(parameters.known)}" if parameters.known else "remove it"
        hint = f"did you mean `{suggestion}`?" if suggestion else takes
        raise _refused(document, (*place, "arguments", name), f"`{function}` has no argument `{name}`", hint)
    if missing := [name for name in needed if name not in given]:
        at: Location = (*place, "arguments") if "arguments" in _at(document.data, place) else place
        hint = f"write `arguments: {{{missing[0]}: …}}`"
        raise _refused(document, at, f"`{function}` needs the argument `{missing[0]}`", hint)


def check_call(
    document: YamlDocument, location: Location, provider: Mapping[str, Any], directories: Sequence[Any]
) -> None:
    """Check the arguments of a `python` provider, if the source shows the arguments of its function.

    Raises:
        ConfigurationError: the arguments do not match the function.
    """
    parameters = parameters_of(str(provider["module"]), str(provider["func"]), tuple(directories))
    if parameters is not None:
        check_arguments(document, location, str(provider["func"]), parameters)


def missing_variable(data: Mapping[str, Any], env: Mapping[str, str]) -> tuple[Location, str] | None:
    """The first variable of `configuration` or `secrets` that has neither a value nor a default.

    Args:
        data: contents of the experiment file.
        env: environment of the child that runs the experiment.
    """
    for at, one in _variables(data):
        if one.get("key") not in env and (at[0] == "secrets" or "default" not in one):
            return at, str(one.get("key", ""))
    return None


def check_variables(document: YamlDocument) -> None:
    """Refuse a `type: env` without the name of a variable.

    Raises:
        ConfigurationError: `key` is missing or is not text.
    """
    for at, one in _variables(document.data):
        if "key" not in one:
            raise _refused(document, at, "the key `key` is missing", "write `key: NAME` of an environment variable")
        if not isinstance(one["key"], str) or not one["key"]:
            what = f"`{one['key']}` is not the name of an environment variable"
            raise _refused(document, (*at, "key"), what, "write `key: NAME`")


def _variables(data: Mapping[str, Any]) -> Iterator[tuple[Location, Mapping[str, Any]]]:
    """The places of a file that take an environment variable, with their contents; secrets are in groups, without defaults."""
    yield from _taken(data.get("configuration"), ("configuration",), deep=False)
    yield from _taken(data.get("secrets"), ("secrets",), deep=True)


def _taken(value: object, at: Location, *, deep: bool) -> Iterator[tuple[Location, Mapping[str, Any]]]:
    for key, one in value.items() if isinstance(value, Mapping) else ():
        if not isinstance(one, Mapping):
            continue
        if one.get("type") == "env":
            yield (*at, str(key)), one
        elif deep and one.get("type") != "vault":
            yield from _taken(one, (*at, str(key)), deep=True)


def _listed(document: YamlDocument, location: Location) -> list[Any]:
    found = _at(document.data, location)
    return found if isinstance(found, list) else []


def _at(data: Any, location: Location) -> Any:
    """The value at a place in the file; None if it does not exist."""
    for key in location:
        if isinstance(data, list) and isinstance(key, int):
            data = data[key]
        else:
            data = data.get(key) if isinstance(data, Mapping) else None
    return data


def _refused(document: YamlDocument, location: Location, what: str, hint: str) -> ConfigurationError:
    return ConfigurationError(what, where=document.where(location), hint=hint)
