"""prometheus.yml: the part of it that is understood here. Any other key is refused by name."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

import yaml

from ..moments import seconds_of
from ..rules.rulefiles import RuleGroup, read_groups
from .relabel import ConfigRefused, Relabel, known

_TOP: Final = frozenset({"global", "rule_files", "alerting", "scrape_configs"})
_GLOBAL: Final = frozenset({"scrape_interval", "scrape_timeout", "evaluation_interval"})
_JOB: Final = frozenset(
    {
        "job_name", "scrape_interval", "scrape_timeout", "metrics_path", "scheme", "params", "honor_labels", "honor_timestamps",
        "static_configs", "kubernetes_sd_configs", "relabel_configs", "metric_relabel_configs", "authorization", "tls_config",
    }
)  # fmt: skip
_ROLES: Final = frozenset({"pod", "node"})


@dataclass(frozen=True, kw_only=True, slots=True)
class StaticTargets:
    """Addresses that are always there, and labels that they get."""

    addresses: tuple[str, ...]
    labels: Mapping[str, str]


@dataclass(frozen=True, kw_only=True, slots=True)
class ScrapeJob:
    """One of `scrape_configs`.

    Attributes:
        name: of the job. interval_s: between two scrapes of a target. timeout_s: of one.
        path, scheme, params: of the request. honor_labels: whether labels of the samples win over those of the target.
        honor_timestamps: whether the times of the samples are kept.
        static: targets. roles: of Kubernetes whose objects are targets.
        relabel: of targets. metric_relabel: of samples.
        token_file, ca_file: of the request; empty: none.
    """

    name: str
    interval_s: float
    timeout_s: float
    path: str = "/metrics"
    scheme: str = "http"
    params: Mapping[str, tuple[str, ...]]
    honor_labels: bool = False
    honor_timestamps: bool = True
    static: tuple[StaticTargets, ...] = ()
    roles: tuple[str, ...] = ()
    relabel: tuple[Relabel, ...] = ()
    metric_relabel: tuple[Relabel, ...] = ()
    token_file: str = ""
    ca_file: str = ""


@dataclass(frozen=True, kw_only=True, slots=True)
class Config:
    """A configuration.

    Attributes:
        jobs: what is scraped. groups: of rules. evaluation_s: between two evaluations of a group that says nothing else.
        receivers: addresses of Alertmanagers.
    """

    jobs: tuple[ScrapeJob, ...]
    groups: tuple[RuleGroup, ...]
    evaluation_s: float
    receivers: tuple[str, ...]


def read_config(file: Path) -> Config:
    """Read a configuration and the rule files that it names.

    Raises:
        ConfigRefused: the first thing that is wrong. RuleFileError: in a rule file.
    """
    content = yaml.safe_load(file.read_text("utf-8")) or {}
    known(content, _TOP, file.name)
    general = content.get("global") or {}
    known(general, _GLOBAL, f"{file.name}: global")
    every_s = _seconds(general, "evaluation_interval", "1m", file.name)
    files = [
        path
        for pattern in map(Path, content.get("rule_files", ()))
        for path in sorted(pattern.parent.glob(pattern.name))
    ]
    return Config(
        jobs=tuple(
            _job(job, general, f"{file.name}: job {job.get('job_name')}") for job in content.get("scrape_configs", ())
        ),
        groups=read_groups(files, every_s),
        evaluation_s=every_s,
        receivers=tuple(_receivers(content.get("alerting") or {}, f"{file.name}: alerting")),
    )


def _job(job: Mapping[str, Any], general: Mapping[str, Any], where: str) -> ScrapeJob:
    known(job, _JOB, where)
    timing = {**general, **job}
    interval_s = _seconds(timing, "scrape_interval", "1m", where)
    timeout_s = _seconds(timing, "scrape_timeout", "10s", where)
    roles = []
    for discovered in job.get("kubernetes_sd_configs", ()):
        known(discovered, frozenset({"role", "kubeconfig_file"}), where)
        if discovered.get("role") not in _ROLES:
            raise ConfigRefused(f"{where}: the role {discovered.get('role')} is not supported")
        roles.append(discovered["role"])
    return ScrapeJob(
        name=str(job["job_name"]),
        interval_s=interval_s,
        timeout_s=min(timeout_s, interval_s),
        path=str(job.get("metrics_path", "/metrics")),
        scheme=str(job.get("scheme", "http")),
        params={name: tuple(map(str, values)) for name, values in (job.get("params") or {}).items()},
        honor_labels=bool(job.get("honor_labels", False)),
        honor_timestamps=bool(job.get("honor_timestamps", True)),
        static=tuple(_static(one, where) for one in job.get("static_configs", ())),
        roles=tuple(roles),
        relabel=tuple(Relabel.parse(one, where) for one in job.get("relabel_configs", ())),
        metric_relabel=tuple(Relabel.parse(one, where) for one in job.get("metric_relabel_configs", ())),
        token_file=_only(job, "authorization", "credentials_file", where),
        ca_file=_only(job, "tls_config", "ca_file", where),
    )


def _seconds(content: Mapping[str, Any], key: str, default: str, where: str) -> float:
    try:
        return seconds_of(str(content.get(key, default)))
    except ValueError as error:
        raise ConfigRefused(f"{where}: {key}: {error}") from error


def _only(job: Mapping[str, Any], section: str, key: str, where: str) -> str:
    known(job.get(section) or {}, frozenset({key}), f"{where}: {section}")
    return str((job.get(section) or {}).get(key, ""))


def _static(content: Mapping[str, Any], where: str) -> StaticTargets:
    known(content, frozenset({"targets", "labels"}), where)
    labels = {str(name): str(value) for name, value in (content.get("labels") or {}).items()}
    return StaticTargets(addresses=tuple(map(str, content.get("targets", ()))), labels=labels)


def _receivers(alerting: Mapping[str, Any], where: str) -> list[str]:
    known(alerting, frozenset({"alertmanagers"}), where)
    found: list[str] = []
    for one in alerting.get("alertmanagers", ()):
        known(one, frozenset({"static_configs"}), where)
        found += [address for static in one.get("static_configs", ()) for address in _static(static, where).addresses]
    return found
