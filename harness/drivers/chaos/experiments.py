"""Experiment files: stock Chaos Toolkit, and the block `harness` that says how a fault is confirmed."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, Any, Final, Literal

from pydantic import AfterValidator, BaseModel, ConfigDict, Field, ValidationError
from pydantic_core import PydanticCustomError

from harness.catalogue.explain import configuration_error
from harness.catalogue.names import nearest
from harness.drivers.chaos.providers import functions_of
from harness.errors import ConfigurationError
from harness.model import DOMAINS, NO_FAULT, ExperimentPlan, KnownExperiments
from harness.model.domain import UNKNOWN
from harness.targets.target import Seconds
from harness.yamlfile import Location, YamlDocument, read_document

SUFFIXES: Final = (".yaml", ".yml", ".json")
_DOMAIN: Final = re.compile(r"\bdomain[\"']?\s*:\s*[\"']?(?P<domain>[a-z]+)")
_BY_NAME: Final = re.compile(r"^ *chosen: *[\"']?by name\b", re.MULTILINE)
_TOP: Final = (
    *("version", "title", "description", "tags", "configuration", "secrets", "extensions", "controls"),
    *("contributions", "runtime", "steady-state-hypothesis", "method", "rollbacks", "dry"),
)
"""Keys that Chaos Toolkit knows; it ignores any other, such as a misspelt `rollbacks`."""
_PROVIDERS: Final = ("python", "process", "http")
_AROUND_S: Final = 20.0
"""Seconds of an experiment beside its hold, unless declared: two probes of the steady state, undo, restore."""


def _domain(value: str) -> str:
    if value not in DOMAINS:
        raise PydanticCustomError("literal_error", "unknown domain", {"expected": ", ".join(DOMAINS)})
    return value


class BlastRadius(BaseModel):
    """How far a fault may reach."""

    model_config = ConfigDict(frozen=True, extra="forbid", strict=True)

    max_pods: Annotated[int, Field(ge=0)] | None = None


class HarnessBlock(BaseModel):
    """What an experiment file says to the harness.

    Attributes:
        domain: what fails together.
        confirmed_by, gone_by: probes of the file that see the fault go in and out.
        within_s: how long the fault may take to be confirmed.
        takes_s: how long the experiment is expected to take in all.
        chosen: `by domain`: also by sentences that speak of every experiment of a domain; `by name`: only where one names it.
    """

    model_config = ConfigDict(frozen=True, extra="forbid", strict=True)

    name: Literal["harness"]
    domain: Annotated[str, AfterValidator(_domain)]
    confirmed_by: str = ""
    gone_by: str = ""
    within_s: Seconds = Field(default=10.0, alias="within")
    takes_s: Seconds | None = Field(default=None, alias="takes")
    blast_radius: BlastRadius = BlastRadius()
    chosen: Literal["by domain", "by name"] = "by domain"


class BrokenExperiment(ConfigurationError):
    """An experiment file that cannot be used.

    Attributes:
        domain: that the file seems to name; `unknown` where none is recognised.
        by_name: whether the file seems to say that only its name chooses it.
    """

    def __init__(self, error: ConfigurationError, path: Path) -> None:
        super().__init__(error.what, where=error.where, hint=error.hint)
        text = path.read_text(encoding="utf-8", errors="replace") if path.is_file() else ""
        found = _DOMAIN.search(text)
        self.by_name = _BY_NAME.search(text) is not None
        self.domain = found["domain"] if found and found["domain"] in DOMAINS else UNKNOWN.name


@dataclass(frozen=True, kw_only=True, slots=True)
class ExperimentFile:
    """One experiment file, checked: `block` is None in a foreign one."""

    plan: ExperimentPlan
    block: HarnessBlock | None


@dataclass(frozen=True, kw_only=True, slots=True)
class Experiments:
    """Every experiment below some directories, by name.

    Attributes:
        plans: of the files that are sound.
        broken: what is wrong with the others. Who does not use them need not care.
        by_name: those that run only where a sentence names them.
    """

    plans: Mapping[str, ExperimentPlan]
    broken: Mapping[str, BrokenExperiment]
    by_name: frozenset[str] = frozenset()

    @property
    def domains(self) -> KnownExperiments:
        """Domain by name, also of broken files: sentences must not read otherwise because of them."""
        every = {name: plan.domain for name, plan in self.plans.items()}
        every.update({name: error.domain for name, error in self.broken.items()})
        return KnownExperiments(dict(sorted(every.items())), self.by_name)


def find_experiments(directories: Sequence[Path]) -> Experiments:
    """Every experiment below the directories; of two with one name the first directory's is taken."""
    plans: dict[str, ExperimentPlan] = {}
    broken: dict[str, BrokenExperiment] = {}
    by_name: set[str] = set()
    for name, path in _files(directories).items():
        try:
            file = read_experiment(path)
        except ConfigurationError as error:
            broken[name] = BrokenExperiment(error, path)
            by_name |= {name} if broken[name].by_name else set()
            continue
        plans[name] = file.plan
        if file.block is not None and file.block.chosen == "by name":
            by_name.add(name)
    return Experiments(plans=plans, broken=broken, by_name=frozenset(by_name))


def load_experiment(name: str, directories: Sequence[Path]) -> ExperimentPlan:
    """The experiment of that name.

    Raises:
        ConfigurationError: there is none, or its file is wrong.
    """
    files = _files(directories)
    if name not in files:
        suggestion = nearest(name, files)
        raise ConfigurationError(
            f"there is no experiment `{name}`",
            where=", ".join(map(str, directories)),
            hint=f"did you mean `{suggestion}`?" if suggestion else f"known are {', '.join(sorted(files)) or 'none'}",
        )
    return read_experiment(files[name]).plan


def read_experiment(path: Path) -> ExperimentFile:
    """Read and check one file; nothing is imported and nothing is run.

    Raises:
        ConfigurationError: with file, line and key: no experiment, a probe or a function that does not exist.
    """
    document = read_document(path)
    if not isinstance(document.data, dict) or not isinstance(document.data.get("method"), list):
        raise ConfigurationError(
            "this is not an experiment",
            where=document.where(()),
            hint="it needs `title`, `description`, and `method`, a list of activities",
        )
    _check_keys(document)
    activities = list(_activities(document))
    for location, activity in activities:
        _check_activity(document, location, activity)
        _check_function(document, location, activity)
    block = _block(document)
    if block is not None:
        _check_probes(document, block, activities)
    hold_s = _hold_s(document, activities)
    within_s = block.within_s if block else 0.0
    takes_s = block.takes_s if block and block.takes_s is not None else hold_s + _AROUND_S
    plan = ExperimentPlan(
        name=path.stem,
        file=str(path.absolute()),
        domain=block.domain if block else UNKNOWN.name,
        within_s=within_s,
        hold_s=hold_s,
        observe_s=max(hold_s, within_s),
        seconds=takes_s,
    )
    return ExperimentFile(plan=plan, block=block)


def _files(directories: Sequence[Path]) -> dict[str, Path]:
    found: dict[str, Path] = {}
    for directory in directories:
        for path in sorted(directory.glob("*")) if directory.is_dir() else []:
            if path.suffix in SUFFIXES:
                found.setdefault(path.stem, path)
    return dict(sorted(found.items()))


def _activities(document: YamlDocument) -> Iterator[tuple[Location, Mapping[str, Any]]]:
    """Every activity with its place; `ref`s point to one that is defined elsewhere."""
    hypothesis = document.data.get("steady-state-hypothesis")
    parts: list[tuple[Location, Any]] = [
        (("method",), document.data["method"]),
        (("rollbacks",), document.data.get("rollbacks")),
    ]
    if isinstance(hypothesis, dict):
        parts.append((("steady-state-hypothesis", "probes"), hypothesis.get("probes")))
    for location, activities in parts:
        for index, activity in enumerate(activities if isinstance(activities, list) else []):
            if isinstance(activity, dict) and "ref" not in activity:
                yield (*location, index), activity


def _check_keys(document: YamlDocument) -> None:
    for key in document.data:
        if key not in _TOP and not key.startswith("x-"):
            suggestion = nearest(key, _TOP)
            raise ConfigurationError(
                f"unknown key `{key}`",
                where=document.where((key,)),
                hint=f"did you mean `{suggestion}`?" if suggestion else f"known here: {', '.join(_TOP)}",
            )
    for key in ("title", "description"):
        if key not in document.data:
            raise ConfigurationError(
                f"the key `{key}` is missing",
                where=document.where(()),
                hint=f"write `{key}: …`; Chaos Toolkit needs it",
            )


def _check_activity(document: YamlDocument, location: Location, activity: Mapping[str, Any]) -> None:
    """What Chaos Toolkit requires of every activity, checked with file and line."""
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


def _check_function(document: YamlDocument, location: Location, activity: Mapping[str, Any]) -> None:
    provider = activity.get("provider")
    if not isinstance(provider, dict) or provider.get("type") != "python":
        return
    for key in ("module", "func"):
        if not provider.get(key):
            raise ConfigurationError(
                f"the key `{key}` is missing",
                where=document.where((*location, "provider")),
                hint=f"write `{key}: …`: a Python provider names a module and a function",
            )
    module, function = str(provider.get("module", "")), str(provider.get("func", ""))
    names = functions_of(module)
    if names is None:
        raise ConfigurationError(
            f"the module `{module}` is not installed",
            where=document.where((*location, "provider", "module")),
            hint="install the package that brings it, or correct the name",
        )
    if names and function not in names:
        suggestion = nearest(function, names)
        raise ConfigurationError(
            f"`{module}` has no function `{function}`",
            where=document.where((*location, "provider", "func")),
            hint=f"did you mean `{suggestion}`?" if suggestion else "",
        )


def _block(document: YamlDocument) -> HarnessBlock | None:
    extensions = document.data.get("extensions")
    for index, extension in enumerate(extensions if isinstance(extensions, list) else []):
        if isinstance(extension, dict) and extension.get("name") == "harness":
            try:
                return HarnessBlock.model_validate(extension)
            except ValidationError as error:
                raise configuration_error(document, HarnessBlock, error, at=("extensions", index)) from error
    return None


def _check_probes(
    document: YamlDocument, block: HarnessBlock, activities: Sequence[tuple[Location, Mapping[str, Any]]]
) -> None:
    """The named probes are part of the method: they are run once the fault is sent."""
    probes = [str(a.get("name")) for where, a in activities if where[0] == "method" and a.get("type") == "probe"]
    index = next(
        i for i, e in enumerate(document.data["extensions"]) if isinstance(e, dict) and e.get("name") == "harness"
    )
    for key, name in (("confirmed_by", block.confirmed_by), ("gone_by", block.gone_by)):
        where = document.where(("extensions", index, key))
        if not name and key == "confirmed_by" and block.domain != NO_FAULT.name:
            raise ConfigurationError(
                "no probe confirms that the fault is in",
                where=where,
                hint="write `confirmed_by:` with the name of a probe of the method",
            )
        if name and name not in probes:
            suggestion = nearest(name, probes)
            raise ConfigurationError(
                f"the method has no probe `{name}`",
                where=where,
                hint=f"did you mean `{suggestion}`?" if suggestion else f"its probes are {', '.join(probes) or 'none'}",
            )


def _hold_s(document: YamlDocument, activities: Sequence[tuple[Location, Mapping[str, Any]]]) -> float:
    """How long the fault is held at least; 0 where the method has no `hold` of ours."""
    for location, activity in activities:
        provider = activity.get("provider")
        if location[0] == "method" and isinstance(provider, dict) and provider.get("func") == "hold":
            arguments = provider.get("arguments")
            seconds = arguments.get("at_least_s") if isinstance(arguments, dict) else None
            if isinstance(seconds, bool) or not isinstance(seconds, int | float) or not 0 <= seconds <= 3600:
                raise ConfigurationError(
                    "a hold needs `at_least_s`, a number of seconds",
                    where=document.where((*location, "provider", "arguments", "at_least_s")),
                )
            return float(seconds)
    return 0.0
