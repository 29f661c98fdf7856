"""Reads the block `harness` of an experiment file, and the probes to which it may refer.

The driver checks a file with it before a run, and the child process runs the file with it.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Annotated, Any, Final, Literal

from pydantic import AfterValidator, BaseModel, ConfigDict, Field, WithJsonSchema

from harness.errors import UsageError
from harness.model import DOMAINS
from harness.targets.access import access
from harness.targets.files.values import Seconds
from harness.validation import ONE_OF
from harness.yamlfile import Location

Activity = Mapping[str, Any]

BLOCK: Final = "harness"
"""Name of the extension of an experiment file that the harness reads."""
_HOLD: Final = ("python", "harness.chaos.actions", "hold")


def _domain(value: str) -> str:
    if value not in DOMAINS:
        raise ValueError(f"{ONE_OF}{', '.join(DOMAINS)}")
    return value


def _words_of_access(value: str) -> str:
    try:
        access(value)
    except UsageError as error:
        raise ValueError("verbs and a resource, like `get,patch deployments.apps`") from error
    return value


class BlastRadius(BaseModel):
    """Limits of a fault: maximum numbers of pods and processes that it may hit."""

    model_config = ConfigDict(frozen=True, extra="forbid", strict=True)

    max_pods: Annotated[int, Field(ge=0)] | None = None
    max_processes: Annotated[int, Field(ge=0)] | None = None


class HarnessBlock(BaseModel):
    """The settings for the harness in an experiment file.

    Attributes:
        domain: fault domain, which names the parts that fail together.
        confirmed_by: probe of the file that confirms that the fault was injected.
        gone_by: probe of the file that confirms that the fault was removed.
        restarted_by: action of the file that restarts or restores the parts that are gone, which is part of the measured recovery.
        if_there: actions of the method that may select nothing: what they hit exists on some platforms only. An experiment that speaks of every
            service is not decided while a service that exists was not hit.
        within_s: maximum time in s until the fault is confirmed.
        takes_s: expected time in s of the complete experiment.
        processes: pidfiles of processes that the fault ends; ended processes are the proof of the fault.
        chosen: `by domain`: sentences about every experiment of a domain include it. `by name`: it runs only if a
            sentence names it.
        needs: keys of the target file, with dots, without which the experiment is left out of every experiment of its domain.
        access: Kubernetes API permissions of activities of other packages, such as `patch deployments.apps`.
    """

    model_config = ConfigDict(frozen=True, extra="forbid", strict=True)

    name: Literal["harness"]
    domain: Annotated[str, AfterValidator(_domain), WithJsonSchema({"type": "string", "enum": [*DOMAINS]})]
    confirmed_by: str = ""
    gone_by: str = ""
    restarted_by: str = ""
    if_there: tuple[str, ...] = Field(default=(), strict=False)
    within_s: Seconds = Field(default=10.0, alias="within")
    takes_s: Seconds | None = Field(default=None, alias="takes")
    blast_radius: BlastRadius = BlastRadius()
    processes: tuple[str, ...] = Field(default=(), strict=False)
    chosen: Literal["by domain", "by name"] = "by domain"
    needs: tuple[Literal["database.restore"], ...] = Field(default=(), strict=False)
    access: tuple[Annotated[str, AfterValidator(_words_of_access)], ...] = Field(default=(), strict=False)


def block_index(experiment: Mapping[str, Any]) -> int | None:
    """Index of the block among the file's extensions; None if the file has no block."""
    extensions = experiment.get("extensions")
    for index, extension in enumerate(extensions if isinstance(extensions, list) else []):
        if isinstance(extension, Mapping) and extension.get("name") == BLOCK:
            return index
    return None


def harness_block(experiment: Mapping[str, Any]) -> HarnessBlock | None:
    """The block of an experiment; None in a stock file.

    Raises:
        pydantic.ValidationError: the block is invalid.
    """
    index = block_index(experiment)
    return None if index is None else HarnessBlock.model_validate(experiment["extensions"][index])


def is_hold(activity: Activity) -> bool:
    """Whether an activity is the harness's `hold`, and no function with this name in another module."""
    provider = activity.get("provider")
    if not isinstance(provider, Mapping):
        return False
    return tuple(provider.get(key) for key in ("type", "module", "func")) == _HOLD


def probes_of_method(experiment: Mapping[str, Any]) -> dict[str, tuple[Location, Activity]]:
    """The probes of the method by name, each with its place; for a `ref` the place of the referenced probe.

    If two probes have equal names, the first probe counts.
    """
    method, hypothesis = experiment.get("method"), experiment.get("steady-state-hypothesis")
    own = method if isinstance(method, list) else []
    asked = hypothesis.get("probes") if isinstance(hypothesis, Mapping) else None
    referred = {str(one["ref"]) for one in own if isinstance(one, Mapping) and "ref" in one}
    found: dict[str, tuple[Location, Activity]] = {}
    for index, one in enumerate(own):
        if (name := _probe_name(one)) is not None:
            found.setdefault(name, (("method", index), one))
    for index, one in enumerate(asked if isinstance(asked, list) else []):
        if (name := _probe_name(one)) in referred and name is not None:
            found.setdefault(name, (("steady-state-hypothesis", "probes", index), one))
    return found


def _probe_name(activity: object) -> str | None:
    if not isinstance(activity, Mapping) or activity.get("type") != "probe":
        return None
    return str(activity.get("name") or "") or None
