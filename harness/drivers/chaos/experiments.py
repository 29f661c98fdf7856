"""Reads experiment files of Chaos Toolkit; their block `harness` names the probe that confirms the fault."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

from pydantic import ValidationError

from harness import yamlfile
from harness.drivers.chaos.activities import (
    check_actions,
    check_activity,
    check_probes,
    check_restart,
    check_tolerance,
    refuse_dry,
)
from harness.drivers.chaos.providers import is_own, needs_cluster
from harness.drivers.chaos.validity import (
    check_hypothesis,
    check_parts,
    check_references,
    check_texts,
    check_variables,
)
from harness.errors import ConfigurationError
from harness.model import DOMAINS, ExperimentPlan, KnownExperiments
from harness.model.planned.domain import NO_FAULT, UNKNOWN
from harness.nearest import nearest
from harness.targets.files.harness_block import HarnessBlock, block_index, harness_block, is_hold
from harness.validation import configuration_error
from harness.yamlfile import Location, YamlDocument, read_document

_HOLD: Final = ("at_least_s", "at_most_s")
"""Arguments of the action `hold`."""
SUFFIXES: Final = (*yamlfile.SUFFIXES, ".json")
_DOMAIN: Final = re.compile(r"\bdomain[\"']?\s*:\s*[\"']?(?P<domain>[a-z]+)")
_BY_NAME: Final = re.compile(r"^ *chosen: *[\"']?by name\b", re.MULTILINE)
_TOP: Final = (
    *("version", "title", "description", "tags", "configuration", "secrets", "extensions", "controls"),
    *("contributions", "runtime", "steady-state-hypothesis", "method", "rollbacks"),
)
"""Keys that Chaos Toolkit knows; it silently ignores others, such as a misspelt `rollbacks`."""
_AROUND_S: Final = 20.0
"""Default time in s of an experiment beside fault and pauses: two checks of the steady state, undo and restore."""


class BrokenExperiment(ConfigurationError):
    """An experiment file that cannot be used.

    Attributes:
        path: the file.
        domain: fault domain that the file seems to name; `unknown` if none is recognised.
        by_name: whether the experiment seems to run only if a sentence names it.
    """

    def __init__(self, error: ConfigurationError, path: Path) -> None:
        super().__init__(error.what, where=error.where, hint=error.hint)
        self.path = path
        text = path.read_text(encoding="utf-8", errors="replace") if path.is_file() else ""
        found = _DOMAIN.search(text)
        self.by_name = _BY_NAME.search(text) is not None
        self.domain = found["domain"] if found and found["domain"] in DOMAINS else UNKNOWN.name


@dataclass(frozen=True, kw_only=True, slots=True)
class ExperimentFile:
    """One valid experiment file.

    Attributes:
        plan: plan of the experiment.
        block: block `harness` of the file; None if the file has none.
        rollbacks: number of rollbacks in the file.
        rolled_back: names of the rollbacks that the undo log does not cover.
        by_hand: whether a person must undo the actions after a stopped run: no rollback, no entry of the undo log and
            no part of Kubernetes undoes them.
        hold_at_most_s: `at_most_s` of the action `hold`; None if it is not given.
    """

    plan: ExperimentPlan
    block: HarnessBlock | None
    rollbacks: int = 0
    rolled_back: tuple[str, ...] = ()
    by_hand: bool = False
    hold_at_most_s: float | None = None


@dataclass(frozen=True, kw_only=True, slots=True)
class Experiments:
    """Every experiment below some directories, by name.

    Attributes:
        plans: plan of each valid experiment, by name.
        broken: error of each invalid file, by name; it is raised only if the experiment is used.
        by_name: names of experiments that run only if a sentence names them.
    """

    plans: Mapping[str, ExperimentPlan]
    broken: Mapping[str, BrokenExperiment]
    by_name: frozenset[str] = frozenset()

    @property
    def domains(self) -> KnownExperiments:
        """Fault domain of each experiment by name, also for invalid files: the meaning of a sentence does not depend on errors in files."""
        every = {name: plan.domain for name, plan in self.plans.items()}
        every.update({name: error.domain for name, error in self.broken.items()})
        return KnownExperiments(dict(sorted(every.items())), self.by_name)


def find_experiments(directories: Sequence[Path]) -> Experiments:
    """Every experiment below the directories; a file hides an experiment of equal name in the last directory (the package's).

    Raises:
        ConfigurationError: two files have equal names.
    """
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
    """The experiment with the given name.

    Raises:
        ConfigurationError: the experiment does not exist, exists twice, or its file is invalid.
    """
    files = _files(directories)
    if name not in files:
        suggestion = nearest(name, files)
        raise ConfigurationError(
            f"the experiment `{name}` does not exist",
            where=", ".join(map(str, directories)),
            hint=f"did you mean `{suggestion}`?" if suggestion else f"use one of {', '.join(sorted(files)) or 'none'}",
        )
    return read_experiment(files[name]).plan


def read_experiment(path: Path) -> ExperimentFile:
    """Read and check one file without importing or running anything.

    Raises:
        ConfigurationError: the file is not an experiment, or names a probe or function that does not exist; the error
            names file, line and key.
    """
    document = read_document(path)
    if not isinstance(document.data, dict) or not isinstance(document.data.get("method"), list):
        raise ConfigurationError(
            "the file is not an experiment of Chaos Toolkit",
            where=document.where(()),
            hint="write `title`, `description` and `method`, a list of activities",
        )
    _check_keys(document)
    check_parts(document)
    check_texts(document)
    check_variables(document)
    activities = list(activities_of(document))
    read_before = list(probes_of_configuration(document.data))
    for location, activity in (*read_before, *activities):
        check_activity(document, location, activity)
    by_place = dict(activities)
    for location in check_hypothesis(document):
        check_tolerance(document, location, by_place.get(location) or {"tolerance": True})
    check_references(document, [str(activity["name"]) for activity in by_place.values()])
    block = _block(document)
    if block is not None:
        named = {"confirmed_by": block.confirmed_by, "gone_by": block.gone_by}
        check_probes(document, named, block.domain)
        check_restart(document, block.restarted_by, block.domain, activities)
        check_actions(document, "if_there", block.if_there, activities)
    hold_s, hold_at_most_s = _hold_s(document, activities)
    within_s = block.within_s if block else 0.0
    takes_s = block.takes_s if block and block.takes_s is not None else hold_s + _pauses_s(activities) + _AROUND_S
    plan = ExperimentPlan(
        name=path.stem,
        file=str(path.absolute()),
        domain=block.domain if block else UNKNOWN.name,
        within_s=within_s,
        hold_s=hold_s,
        observe_s=max(hold_s, within_s),
        seconds=takes_s,
        needs=_needs(block, [activity for _, activity in (*read_before, *activities)]),
        actions=tuple(_shown(activity) for where, activity in activities if where[0] == "method" and _acts(activity)),
        blast_radius=", ".join(f"{key} {most}" for key, most in block.blast_radius if most is not None)
        if block
        else "",
    )
    rolled_back = tuple(str(one["name"]) for one in _rollbacks(document, activities) if not is_own(one))
    foreign = any(
        where[0] == "method" and _acts(activity) and not (is_own(activity) or needs_cluster(activity))
        for where, activity in activities
    )
    rollbacks = len(_listed_rollbacks(document))
    by_hand = plan.domain != NO_FAULT.name and foreign and not rollbacks
    return ExperimentFile(
        plan=plan,
        block=block,
        rollbacks=rollbacks,
        rolled_back=rolled_back,
        by_hand=by_hand,
        hold_at_most_s=hold_at_most_s,
    )


def _needs(block: HarnessBlock | None, activities: Iterable[Mapping[str, Any]]) -> tuple[str, ...]:
    """The keys of the target file without which the experiment cannot run."""
    own = block.needs if block else ()
    return (*(["kubernetes"] if any(map(needs_cluster, activities)) else []), *own)


def _rollbacks(
    document: YamlDocument, activities: Iterable[tuple[Location, Mapping[str, Any]]]
) -> Iterator[Mapping[str, Any]]:
    """Every rollback; a `ref` is replaced by the activity of that name, and left out if there is no such activity."""
    named = {str(activity["name"]): activity for _, activity in activities}
    for one in _listed_rollbacks(document):
        found = named.get(str(one["ref"])) if isinstance(one, dict) and "ref" in one else one
        if isinstance(found, dict):
            yield found


def _listed_rollbacks(document: YamlDocument) -> list[Any]:
    listed = document.data.get("rollbacks")
    return listed if isinstance(listed, list) else []


def _acts(activity: Mapping[str, Any]) -> bool:
    return activity.get("type") == "action"


def _shown(activity: Mapping[str, Any]) -> str:
    """An action as text: `kill-service (process)`."""
    return f"{activity['name']} ({activity['provider']['type']})"


def _files(directories: Sequence[Path]) -> dict[str, Path]:
    found: dict[str, Path] = {}
    hidden: set[str] = set()
    for directory in directories:
        if directory == directories[-1]:
            hidden = {*found}
        for path in sorted(directory.glob("[!.]*")) if directory.is_dir() else []:
            if path.suffix not in SUFFIXES or path.stem in hidden:
                continue
            if (other := found.setdefault(path.stem, path)) != path:
                what = f"the experiment `{path.stem}` is defined twice, also in {other}"
                raise ConfigurationError(what, where=str(path), hint="rename one of the two files")
    return dict(sorted(found.items()))


def activities_of(document: YamlDocument) -> Iterator[tuple[Location, Mapping[str, Any]]]:
    """Every activity with its place in the file, without `ref` entries: the referenced activity has its own place."""
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


def probes_of_configuration(experiment: Mapping[str, Any]) -> Iterator[tuple[Location, Mapping[str, Any]]]:
    """The probes that read values of the block `configuration` before the experiment, each with its place and a name."""
    block = experiment.get("configuration")
    for name, one in block.items() if isinstance(block, dict) else ():
        if isinstance(one, dict) and one.get("type") == "probe":
            yield ("configuration", str(name)), {"name": name, **one}


def _check_keys(document: YamlDocument) -> None:
    refuse_dry(document, ())
    for key in document.data:
        if key not in _TOP and not key.startswith("x-"):
            suggestion = nearest(key, _TOP)
            raise ConfigurationError(
                f"unknown key `{key}`",
                where=document.where((key,)),
                hint=f"did you mean `{suggestion}`?" if suggestion else f"use one of {', '.join(_TOP)}",
            )


def _block(document: YamlDocument) -> HarnessBlock | None:
    try:
        return harness_block(document.data)
    except ValidationError as error:
        at = ("extensions", block_index(document.data) or 0)
        raise configuration_error(document, HarnessBlock, error, at=at) from error


def _hold_s(
    document: YamlDocument, activities: Sequence[tuple[Location, Mapping[str, Any]]]
) -> tuple[float, float | None]:
    """Minimum and maximum time in s for which the fault is kept; 0 and None if the method does not use the harness's `hold`."""
    for location, activity in activities:
        if location[0] == "method" and is_hold(activity):
            found = activity["provider"].get("arguments")
            arguments = found if isinstance(found, dict) else {}
            at = (*location, "provider", "arguments")
            least, most = (_seconds(arguments.get(key)) for key in _HOLD)
            if least is None:
                what = "the action `hold` needs `at_least_s`, a number of seconds"
                raise ConfigurationError(what, where=document.where((*at, "at_least_s")))
            if "at_most_s" in arguments and (most is None or most < least):
                what = f"`at_most_s` of the action `hold` is {arguments['at_most_s']}, expected a number of seconds from {least:g} to 3600"
                raise ConfigurationError(what, where=document.where((*at, "at_most_s")))
            return least, most
    return 0.0, None


def _seconds(value: object) -> float | None:
    """A number of seconds of at most an hour; None for any other value."""
    if isinstance(value, bool) or not isinstance(value, int | float) or not 0 <= value <= 3600:
        return None
    return float(value)


def _pauses_s(activities: Sequence[tuple[Location, Mapping[str, Any]]]) -> float:
    """Total length in s of the method's pauses, without pauses given by variables."""
    pauses = [activity.get("pauses") or {} for where, activity in activities if where[0] == "method"]
    given = (one.get(key) for one in pauses for key in ("before", "after"))
    return float(sum(seconds for seconds in given if isinstance(seconds, int | float)))
