"""Switches a feature flag in flagd's format in a ConfigMap by its `defaultVariant`; OFREP confirms that it took effect.

The earlier variant is saved to disk before the flag is switched, and is set again at the end.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final

from harness import clock
from harness.drivers.check.needs import within
from harness.drivers.claim import SentenceForm
from harness.drivers.facts import FactReading
from harness.errors import ConfigurationError, DriverError, TargetUnreachable
from harness.model.planned.need import RequiredKey
from harness.targets import Target, platform_of
from harness.targets.access import Access, access
from harness.targets.files.changes import ConfigMapKey, FlagSettings
from harness.targets.http import http_client
from harness.targets.kubernetes import Cluster
from harness.targets.undo import undo_now, undoable
from harness.units import NS_PER_S

if TYPE_CHECKING:
    import httpx

FLAGS: Final = RequiredKey("flags", "a feature flag is switched")
SWITCHED: Final = (
    within("flags.config_map", "the flag is switched where it is kept"),
    within("flags.ofrep", "OFREP must confirm that the flag was switched"),
)
"""What every check that switches a flag needs, beside `FLAGS`."""
SWITCHED_ON: Final = SentenceForm(
    "switched-on",
    "<feature:noun> within <within:reaction> after the flag is on",
    "Each flag of the target file is switched on, and what it switches on is there in time.",
)
OFREP: Final = "/ofrep/v1/evaluate/flags/"
_SAID_WITHIN_S: Final = 10.0
_SYNCED_S: Final = 120.0
"""Time in s until pods see a changed ConfigMap: a kubelet updates mounts every minute, from a cache that may be a minute old (Kubernetes:
ConfigMaps, mounted ConfigMaps are updated automatically). The sandbox's kubelet updates them at once."""
_POLL_S: Final = 0.1
_ATTEMPTS: Final = 3
_CONTEXT: Final = {"context": {"targetingKey": "readiness"}}


def flags_of(target: Target) -> tuple[FlagSettings, ConfigMapKey]:
    """The flags section of the target file, which says where flags are set.

    Raises:
        ConfigurationError: the target file has no such section.
    """
    settings = target.flags
    if settings is None or settings.config_map is None:
        hint = "write `flags: {config_map: {namespace: …, name: …, key: …}, ofrep: http://…}`"
        raise ConfigurationError("names no feature flags", where=f"{target.file}: flags", hint=hint)
    return settings, settings.config_map


def flag_access(target: Target, _params: Mapping[str, str]) -> tuple[Access, ...]:
    """API permissions needed to switch a flag."""
    place = target.flags.config_map if target.flags is not None else None
    return access("get,patch configmaps", at=place.namespace) if place is not None else ()


def _set_variant(cluster: Cluster, place: ConfigMapKey, flag: str, variant: str) -> None:
    """Set the default variant of a flag, unless it already has it.

    Raises:
        DriverError: there is no such flag, or other writers keep changing the ConfigMap at the same time.
    """
    for attempt in range(1, _ATTEMPTS + 1):
        found, flags = _read(cluster, place)
        if flag not in flags["flags"]:
            where = f"ConfigMap {place.namespace}/{place.name}"
            raise DriverError(f"there is no flag {flag}", where=where, hint=f"its flags: {_names(flags)}")
        if flags["flags"][flag]["defaultVariant"] == variant:
            return
        flags["flags"][flag]["defaultVariant"] = variant
        version = found["metadata"]["resourceVersion"]  # a change by others meanwhile is a conflict
        body = {"metadata": {"resourceVersion": version}, "data": {place.key: json.dumps(flags, indent=2)}}
        try:
            cluster.patch_config_map(place.namespace, place.name, body)
        except TargetUnreachable:
            if attempt == _ATTEMPTS:
                raise


def _read(cluster: Cluster, place: ConfigMapKey) -> tuple[Mapping[str, Any], dict[str, Any]]:
    where = f"ConfigMap {place.namespace}/{place.name}"
    found = cluster.read("v1", "ConfigMap", place.name, place.namespace)
    if found is None:
        raise DriverError("there is no such ConfigMap", where=where, hint="see `flags.config_map` of the target file")
    flags = _parsed((found.get("data") or {}).get(place.key, ""))
    if flags is None:
        hint = 'write it as flagd reads it: {"flags": {NAME: {"state", "variants", "defaultVariant"}}}'
        raise DriverError(f"`{place.key}` cannot be read as flags", where=where, hint=hint)
    return found, flags


def _parsed(text: str) -> dict[str, Any] | None:
    """The flags of a text in flagd's format; None if it has another format."""
    try:
        flags: dict[str, Any] = json.loads(text)
        right = all(
            isinstance(one["defaultVariant"], str) and isinstance(one["variants"], dict) and one["variants"]
            for one in flags["flags"].values()
        )
    except (AttributeError, KeyError, TypeError, ValueError):
        return None
    return flags if right else None


def _names(flags: Mapping[str, Any]) -> str:
    return ", ".join(sorted(flags["flags"])) or "none"


def _undo(cluster: Cluster, _target: Target, *, namespace: str, name: str, key: str, flag: str, variant: str) -> None:
    _set_variant(cluster, ConfigMapKey(namespace=namespace, name=name, key=key), flag, variant)


@undoable("set-flag", undo=_undo, of_a_cluster=True)
def _set_flag(cluster: Cluster, place: ConfigMapKey, flag: str, variant: str) -> None:
    _set_variant(cluster, place, flag, variant)


@dataclass(kw_only=True, slots=True)
class FlagSwitch:
    """One flag that the check may switch on and off.

    Attributes:
        name: of the flag.
        on, off: names of its variants that are true and false.
        said: what OFREP reported after each switch. `why`: why the flag did not follow, if so.
        sent_ns: time before the last switch was sent; the API server received it between this moment and the one that `turn` returns.
    """

    target: Target
    cluster: Cluster
    place: ConfigMapKey
    name: str
    on: str
    off: str
    said: list[str]
    why: str = ""
    sent_ns: int = 0

    def turn(self, *, on: bool) -> int:
        """Switch the flag, and wait for OFREP to confirm it; returns when the API server had it, in ns of the run."""
        self.sent_ns = clock.now_ns()
        _set_flag(self.cluster, self.place, self.name, self.on if on else self.off)
        at_ns, word = clock.now_ns(), "on" if on else "off"
        settings = flags_of(self.target)[0]
        within_s = said_within_s(self.target)
        with http_client(self.target, settings.ofrep, timeout_s=2.0) as client:
            for _ in clock.Deadline.after(within_s).ticks(_POLL_S):
                if evaluated(client, settings.ofrep, self.name) is on:
                    self.said.append(f"{word} after {(clock.now_ns() - at_ns) / NS_PER_S:.1f} s")
                    return at_ns
        self.why = f"not {word} after {within_s:g} s"
        return at_ns

    @property
    def reading(self) -> FactReading:
        """The fact that the flag itself followed; if it did not, its effects cannot be judged."""
        observed = ", ".join([*self.said, *([self.why] if self.why else [])])
        return FactReading(
            subject=f"flag {self.name}",
            expected="as it was set, by OFREP",
            observed=observed,
            ok=None if self.why else True,
        )


def said_within_s(target: Target) -> float:
    """Maximum time in s for OFREP to report a switched flag: from the target file, else the update time of kubelets."""
    if target.flags is not None and target.flags.within_s is not None:
        return target.flags.within_s
    return _SAID_WITHIN_S if target.time_scale > 1 else _SYNCED_S


def evaluated(client: httpx.Client, base: str, flag: str) -> object:
    """The value of a flag as OFREP reports it; None without an answer or without a value."""
    import httpx

    try:
        answer = client.post(f"{base.rstrip('/')}{OFREP}{flag}", json=_CONTEXT)
        return answer.json().get("value") if answer.status_code == 200 else None
    except (httpx.HTTPError, ValueError, AttributeError):
        return None


@contextmanager
def switched(target: Target, flag: str, check: str) -> Iterator[FlagSwitch]:
    """Context of a flag that is switched off first and may be switched; at the end it is restored.

    Raises:
        ConfigurationError: the target file names no flags. DriverError: there is no such flag, or it is not a boolean.
    """
    settings, place = flags_of(target)
    if not settings.ofrep:
        raise ConfigurationError("names no `ofrep`", where=f"{target.file}: flags", hint="write `ofrep: http://…`")
    cluster = Cluster.of(target)
    flags = _read(cluster, place)[1]
    known = flags["flags"]
    variants = known.get(flag, {}).get("variants", {})
    by_value = {value: name for name, value in variants.items() if isinstance(value, bool)}
    if set(by_value) != {True, False}:
        hint = f"its flags: {_names(flags)}"
        raise DriverError(
            f"there is no boolean flag {flag}", where=f"ConfigMap {place.namespace}/{place.name}", hint=hint
        )
    undo = {**place.model_dump(), "flag": flag, "variant": known[flag]["defaultVariant"]}
    intent = _set_flag.intend(platform_of(target), f"check {check}", f"switch the flag {flag}", **undo)
    try:
        switch = FlagSwitch(
            target=target, cluster=cluster, place=place, name=flag, on=by_value[True], off=by_value[False], said=[]
        )
        if undo["variant"] != switch.off:
            switch.turn(on=False)
        yield switch
    finally:
        undo_now(cluster, target, intent)
