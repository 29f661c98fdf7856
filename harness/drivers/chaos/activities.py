"""Checks the activities of an experiment file without importing or running them.

An error names the file, the line and the key.
"""

from __future__ import annotations

import os
import shutil
from collections.abc import Iterable, Mapping, Sequence
from typing import Any, Final

from harness.drivers.chaos.providers import functions_of
from harness.drivers.chaos.validity import check_call, check_form
from harness.drivers.packages import module_directories, project_directory
from harness.errors import ConfigurationError
from harness.extras import EXTRAS, install
from harness.model import NO_FAULT, domain_of
from harness.nearest import nearest
from harness.targets.files.harness_block import block_index, probes_of_method
from harness.yamlfile import Location, YamlDocument

Activity = Mapping[str, Any]

_PROVIDERS: Final = ("python", "process", "http")
_ASKS_FOR: Final[Mapping[str, tuple[str, ...]]] = {"python": ("module", "func"), "process": ("path",), "http": ("url",)}
"""Required keys of each type of provider."""


def check_activity(document: YamlDocument, location: Location, activity: Activity) -> None:
    """Refuse an activity that Chaos Toolkit would refuse when it runs.

    Raises:
        ConfigurationError: the activity has the key `dry`, lacks a key, or names an unknown provider, or its module,
            function or program does not exist.
    """
    refuse_dry(document, location)
    missing = [key for key in ("type", "name", "provider") if key not in activity]
    if missing:
        raise ConfigurationError(
            f"the key `{missing[0]}` is missing", where=document.where(location), hint=f"write `{missing[0]}: …`"
        )
    provider = activity["provider"]
    if not isinstance(provider, dict):
        raise ConfigurationError(
            "a provider must be a mapping",
            where=document.where((*location, "provider")),
            hint="write `provider: {type: python, module: …, func: …}`",
        )
    for key, value, known in (
        (("type",), activity["type"], ("action", "probe")),
        (("provider", "type"), provider.get("type"), _PROVIDERS),
    ):
        if value not in known:
            suggestion = nearest(str(value), known)
            raise ConfigurationError(
                f"`{value}` is not one of {', '.join(known)}",
                where=document.where((*location, *key)),
                hint=f"did you mean `{suggestion}`?" if suggestion else "use one of these words",
            )
    for required in _ASKS_FOR[provider["type"]]:
        if not provider.get(required):
            what = "needs a module and a function" if provider["type"] == "python" else f"needs a {required}"
            raise ConfigurationError(
                f"the key `{required}` is missing",
                where=document.where((*location, "provider")),
                hint=f"write `{required}: …`: a {provider['type'].capitalize()} provider {what}",
            )
    check_form(document, location, activity)
    if provider["type"] == "python":
        _check_function(document, location, provider)
        check_call(document, location, provider, module_directories(document.path))
    elif provider["type"] == "process":
        _check_program(document, location, provider)


def refuse_dry(document: YamlDocument, location: Location) -> None:
    """Refuse the key `dry` in a file or an activity: Chaos Toolkit ignores the key there, so the fault would be injected.

    Raises:
        ConfigurationError: the key `dry` is present.
    """
    place = document.data
    for key in location:
        place = place[key]
    if "dry" in place:
        raise ConfigurationError(
            "`dry` has no effect in an experiment file, so the run would inject the fault",
            where=document.where((*location, "dry")),
            hint="remove `dry`; `readiness plan` shows the steps of a run without executing them",
        )


def _check_function(document: YamlDocument, location: Location, provider: Mapping[str, Any]) -> None:
    module, function = str(provider["module"]), str(provider["func"])
    names = functions_of(module, module_directories(document.path))
    if names is None:
        raise ConfigurationError(
            f"the module `{module}` is not installed",
            where=document.where((*location, "provider", "module")),
            hint=_how_to_get(module),
        )
    if names and function not in names:
        suggestion = nearest(function, names)
        raise ConfigurationError(
            f"`{module}` has no function `{function}`",
            where=document.where((*location, "provider", "func")),
            hint=f"did you mean `{suggestion}`?" if suggestion else "",
        )


def _how_to_get(module: str) -> str:
    """What to do if a module of a provider is not installed."""
    package = module.partition(".")[0]
    extra = next((extra for extra, modules in EXTRAS.items() if package in modules), "")
    other = (
        "install the package of the module, put the module into the directory of the experiment, or correct the name"
    )
    return install(extra) if extra else other


def _check_program(document: YamlDocument, location: Location, provider: Mapping[str, Any]) -> None:
    """Check that a program exists where the child process finds it: on PATH, or below the project."""
    named = os.path.expanduser(str(provider["path"]))  # noqa: PTH111 - as Chaos Toolkit does
    there = project_directory(document.path)
    if shutil.which(str(there / named) if "/" in named else named) is None:
        raise ConfigurationError(
            f"the program `{provider['path']}` does not exist",
            where=document.where((*location, "provider", "path")),
            hint=f"name a program on PATH, or the path of an executable file below {there}",
        )


def check_probes(document: YamlDocument, named: Mapping[str, str], domain: str) -> None:
    """Refuse a `confirmed_by` or `gone_by` whose probe is missing in the method or cannot confirm anything.

    Args:
        document: the experiment file.
        named: `confirmed_by` and `gone_by`, each with the name of its probe.
        domain: domain of the fault.

    Raises:
        ConfigurationError: no probe confirms the fault, the method has no probe of the given name, or the probe has no
        tolerance.
    """
    probes = probes_of_method(document.data)
    for key, name in named.items():
        where = _key(document, key)
        if not name and key == "confirmed_by" and domain != NO_FAULT.name:
            raise ConfigurationError(
                "no probe confirms that the fault was injected",
                where=where,
                hint="write `confirmed_by:` with the name of a probe of the method",
            )
        if name:
            _require(name, "probe", list(probes), where)
            _check_confirming(document, *probes[name])


def check_restart(
    document: YamlDocument, name: str, domain: str, activities: Sequence[tuple[Location, Activity]]
) -> None:
    """Refuse a `restarted_by` that names no action of the method, or whose fault Kubernetes repairs.

    Raises:
        ConfigurationError: `restarted_by` is invalid for one of these reasons.
    """
    if not name:
        return
    if domain_of(domain).hits and not domain_of(domain).every_copy:
        raise ConfigurationError(
            f"`restarted_by` is not allowed for a fault of domain `{domain}`",
            where=_key(document, "restarted_by"),
            hint="remove `restarted_by`: a service that the experiment restarts shows nothing about automatic recovery",
        )
    check_actions(document, "restarted_by", [name], activities)


def check_actions(
    document: YamlDocument, key: str, names: Iterable[str], activities: Sequence[tuple[Location, Activity]]
) -> None:
    """Refuse a name under a key of the block that is no action of the method.

    Raises:
        ConfigurationError: with the name, and the nearest one.
    """
    actions = [str(one["name"]) for at, one in activities if at[0] == "method" and one["type"] == "action"]
    for name in names:
        _require(name, "action", actions, _key(document, key))


def _require(name: str, kind: str, known: Sequence[str], where: str) -> None:
    """Refuse a name that no probe or action of the method has."""
    if name not in known:
        suggestion = nearest(name, known)
        raise ConfigurationError(
            f"the method has no {kind} `{name}`",
            where=where,
            hint=f"did you mean `{suggestion}`?"
            if suggestion
            else f"the {kind}s of the method are {', '.join(known) or 'none'}",
        )


def _key(document: YamlDocument, key: str) -> str:
    """The place of a key of the block `harness`."""
    return document.where(("extensions", block_index(document.data) or 0, key))


def _check_confirming(document: YamlDocument, location: Location, probe: Activity) -> None:
    """Check a confirming probe: a process or HTTP probe needs a tolerance, which must be one that Chaos Toolkit knows."""
    provider = probe["provider"]["type"]
    if "tolerance" not in probe:
        if provider != "python":
            raise ConfigurationError(
                f"a confirming probe with a {provider} provider needs a tolerance",
                where=document.where(location),
                hint="write `tolerance: 0` for an exit code, `tolerance: 200` for a status, or another tolerance of Chaos Toolkit",
            )
        return
    check_tolerance(document, location, probe)


def check_tolerance(document: YamlDocument, location: Location, probe: Activity) -> None:
    """Refuse a tolerance that Chaos Toolkit does not know; check a tolerance that is a probe like other activities.

    Raises:
        ConfigurationError: the tolerance is invalid; the text contains the message of Chaos Toolkit.
    """
    tolerance, at = probe["tolerance"], (*location, "tolerance")
    if isinstance(tolerance, bool | int | str | list):
        return
    if isinstance(tolerance, Mapping) and tolerance.get("type") == "probe":
        # not by the toolkit's own check, which imports its module into this process
        check_activity(document, at, tolerance)
        if (provider := tolerance["provider"]["type"]) != "python":
            raise ConfigurationError(
                f"a tolerance with a {provider} provider always succeeds, also after an error",
                where=document.where((*at, "provider")),
                hint="write `tolerance: 0` for an exit code, `tolerance: 200` for a status, or a probe that is a python function",
            )
        if not isinstance(tolerance["provider"].get("arguments"), Mapping):
            raise ConfigurationError(
                "the tolerance needs `arguments`, a mapping",
                where=document.where((*at, "provider")),
                hint="write `arguments: {value: 0}`; Chaos Toolkit replaces `value` with the result of the probe",
            )
        return
    # the toolkit takes a moment to load, and most files have no such probe
    from chaoslib.exceptions import InvalidActivity
    from chaoslib.hypothesis import ensure_hypothesis_tolerance_is_valid

    try:
        ensure_hypothesis_tolerance_is_valid(tolerance)
    except (
        InvalidActivity,
        AttributeError,
        OverflowError,
    ) as error:  # a path that is not text, a pattern's `{9999999999}`
        raise ConfigurationError(
            f"Chaos Toolkit does not know this tolerance: {error}",
            where=document.where(at),
            hint="write a value, a list, or a mapping with `type: regex`, `jsonpath`, `range` or `probe`",
        ) from error
