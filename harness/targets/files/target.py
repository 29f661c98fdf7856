"""Reads a target file with strict keys. A missing key causes less evidence, never a wrong verdict."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import UTC, datetime, time
from fnmatch import fnmatchcase
from pathlib import Path
from typing import Annotated, Any, Final, Literal

from pydantic import Field, PrivateAttr, ValidationError

from harness.errors import ConfigurationError
from harness.targets.files.attacks import AttackSettings, LayerSettings
from harness.targets.files.audit import AuditSettings, ExportSettings
from harness.targets.files.backups import BackupStore, wrong_backups, wrong_places
from harness.targets.files.cache import PREFIX, CacheSettings
from harness.targets.files.changes import FlagSettings, MigrationSettings, RolloutSettings
from harness.targets.files.drills import RestoreDrill, wrong_drills
from harness.targets.files.identity import Authorisation, IdentitySettings, wrong_identity
from harness.targets.files.listeners import Tls
from harness.targets.files.outside import ActiveUsers, Alerting, Dns, Flows, Grafana, Metrics, Profiles, UserReports
from harness.targets.files.paper import EvidenceFiles, Paths, PlatformFiles
from harness.targets.files.parts import (
    Callers,
    Database,
    Identity,
    Kubernetes,
    Leader,
    LedgerSettings,
    MayBreak,
    MayWrite,
    Pipeline,
    Power,
    Probes,
    ReadProbe,
    Region,
    ReleaseSource,
    TrafficOverride,
)
from harness.targets.files.requests import ApiDescription, SignIn
from harness.targets.files.sessions import Limits, wrong_sessions
from harness.targets.files.stored import Encryption, SecretSettings
from harness.targets.files.strategies import wrong_strategies
from harness.targets.files.upload import Upload
from harness.targets.files.values import Name, RootUrl, Seconds, TargetSection, Url, Word, is_http
from harness.validation import configuration_error
from harness.yamlfile import YamlDocument, read_document

__all__ = [
    "Callers",
    "Database",
    "Kubernetes",
    "Leader",
    "LedgerSettings",
    "MayBreak",
    "Pipeline",
    "Power",
    "ReadProbe",
    "ReleaseSource",
    "Seconds",
    "Target",
    "load_target",
]


MARKER: Final = ".readiness-sandbox"
"""Name of the file by which a sandbox marks its directory, next to its target file."""
_ALL: Final = 1.001
"""Upper limit for the sum of shares: 1, with a tolerance for rounded shares."""


_PAPER: Final = frozenset({"evidence", "files", "attestations"})
_LIVE: Final = frozenset(
    {
        "regions",
        "kubernetes",
        "database",
        "probes",
        "callers",
        "portal",
        "website",
        "documentation",
        "quality_report",
        "power",
        "ledger",
        "pipeline",
        "services",
        "control",
        "traffic",
        "may_break",
        "rollout",
        "migration",
        "flags",
        "api",
        "identity",
        "authorisation",
        "limits",
        "encryption",
        "secrets",
        "audit",
        "export",
        "attacks",
        "layers",
        "drills",
        "backups",
        "cache",
    }
)
"""Keys that only a running platform has."""


class Target(TargetSection):
    """One platform on which a release is judged.

    Attributes:
        entry: address for users; empty: only files are judged.
        time_scale: divisor of RTO, RPO, windows and schedules; above 1 only in a sandbox.
        scrape_scale: divisor of the times between scrapes of Prometheus; above 1 only in a sandbox.
        cpu_scale: factor by which reported CPU usage exceeds real usage; above 1 only in a sandbox.
        primary_region: region with the primary; empty: there is none.
        callers: pods that the backends must accept and refuse; None: the network check does not run.
        power: how the power of a node is cut; None: it cannot be cut.
        alerting: receiver of notifications of alerts; None: they are not read.
        profiles: path of the services' CPU profiles; None: there are no profiles.
        grafana: Grafana whose panels are read; None: panels are not read.
        flows: log of connections; None: there is no log.
        user_reports: path for problem reports of users; None: a rollout sends no reports.
        routes: services (label `app`) that each route of the traffic needs, by route.
        evidence: reports of other tools.
        upload: bucket that gets the evidence of a run; None: the evidence stays on this machine.
        files: files of the platform.
        attestations: directories of attestations.
        waivers: directories of waivers.
        services: address of each service that answers 200 only while the service can work, by name.
        control: address of each control service, by name. A control service only answers; its problems are problems of
            the machine and not of the release.
        portal: first page of the users' self-service portal.
        website: first page of the website, with links to its other pages.
        documentation: documentation of the release for users.
        quality_report: address of the newest quality report; JSON with `written_at`, or any text with the header
            Last-Modified.
        parts: components of the platform that requirements may need, by their names in the catalogue.
        migration: migration of the database to a candidate's schema and back; None: there is no migration.
        flags: feature flags; None: there are none.
        api: what the entry takes and answers; None: no description of it.
        identity: users, clients, and how their credentials are got; None: there are none.
        authorisation: who may call what; None: it is not declared.
        limits: how many calls the entry takes from each client; None: not declared.
        tls: certificates, and the listeners whose handshakes are checked.
        encryption: what is stored where, and how it is encrypted; None: stores are not searched.
        secrets: ages of keys, and how a secret is rotated; None: keys have no age.
        audit: audit log; None: it is not read.
        export: export of a person; None: there is none.
        attacks: how attacks are noticed; None: there are no attacks.
        layers: layers of protection that are switched off one by one; None: none is switched off.
        drills: restores of backups into a scratch database, by name.
        backups: where backups lie, by name.
        cache: caches that speak the Redis protocol, and what is kept in them; None: there are none.
        file: path of the target file.
    """

    name: Name
    environment: Literal["sandbox", "staging", "production"]
    entry: RootUrl = ""
    time_scale: Annotated[float, Field(ge=1, allow_inf_nan=False)] = 1.0
    scrape_scale: Annotated[float, Field(ge=1, allow_inf_nan=False)] = 1.0
    cpu_scale: Annotated[float, Field(ge=1, allow_inf_nan=False)] = 1.0
    release: Identity = ReleaseSource()
    regions: Mapping[str, Region] = Field(default_factory=dict)
    primary_region: str = ""
    kubernetes: Kubernetes | None = None
    prometheus: Url | None = None
    alerting: Alerting | None = None
    grafana: Grafana | None = None
    profiles: Profiles | None = None
    database: Database | None = None
    probes: Probes = Probes()
    callers: Callers | None = None
    power: Power | None = None
    ledger: LedgerSettings | None = None
    pipeline: Pipeline | None = None
    metrics: Metrics | None = None
    flows: Flows | None = None
    routes: Mapping[Name, tuple[Name, ...]] = Field(default_factory=dict)
    services: Mapping[Word, Url] = Field(default_factory=dict)
    control: Mapping[Word, Url] = Field(default_factory=dict)
    dns: Dns | None = None
    portal: Url = ""
    website: Url = ""
    documentation: Url = ""
    quality_report: Url = ""
    rollout: RolloutSettings | None = None
    migration: MigrationSettings | None = None
    flags: FlagSettings | None = None
    user_reports: UserReports | None = None
    traffic: Mapping[str, TrafficOverride] = Field(default_factory=dict)
    disposable: bool = False
    may_break: tuple[MayBreak, ...] = ()
    may_write: tuple[MayWrite, ...] = ()
    sign_in: SignIn | None = None
    api: ApiDescription | None = None
    identity: IdentitySettings | None = None
    authorisation: Authorisation | None = None
    limits: Limits | None = None
    encryption: Encryption | None = None
    secrets: SecretSettings | None = None
    audit: AuditSettings | None = None
    export: ExportSettings | None = None
    attacks: AttackSettings | None = None
    layers: LayerSettings | None = None
    drills: Mapping[Name, RestoreDrill] = Field(default_factory=dict)
    backups: Mapping[Name, BackupStore] = Field(default_factory=dict)
    cache: CacheSettings | None = None
    tls: Tls = Tls()
    proxy: str = "none"
    evidence: EvidenceFiles = EvidenceFiles()
    upload: Upload | None = None
    files: PlatformFiles = PlatformFiles()
    parts: tuple[Name, ...] = ()
    attestations: Paths = ()
    waivers: Paths = ()

    _file: Path = PrivateAttr(default=Path())
    _fetched: dict[str, bytes] = PrivateAttr(default_factory=dict)

    def model_post_init(self, context: Any, /) -> None:
        """Keep the path that `load_target` passes."""
        if isinstance(context, Path):
            self._file = context

    @property
    def embedded(self) -> bool:
        """Whether the sandbox wrote the file, because its marker is in the directory."""
        return (self._file.parent / MARKER).is_file()

    @property
    def file(self) -> Path:
        """Absolute path of the target file."""
        return self._file

    @property
    def fetched(self) -> dict[str, bytes]:
        """The API descriptions that were fetched, by address: each is fetched once."""
        return self._fetched

    def today(self, now: datetime) -> datetime:
        """The time for computing ages and expiries: `now`, or the end of the day `evidence.as_of` if it has passed."""
        if self.evidence.as_of is None:
            return now
        return min(now, datetime.combine(self.evidence.as_of, time.max, tzinfo=UTC))

    def beside(self, path: str) -> Path:
        """A path of the file, relative to the file's directory."""
        return self._file.parent / path

    @property
    def lease(self) -> tuple[str, str] | None:
        """Namespace and name of the Lease that allows one run at a time; None if there is none."""
        if self.kubernetes is None or self.kubernetes.lease is None:
            return None
        return self.kubernetes.lease.namespace or self.kubernetes.namespace, self.kubernetes.lease.name

    def in_context(self, context: str) -> Target:
        """The target with another context of its kubeconfig; a target without a cluster is unchanged."""
        if self.kubernetes is None or self.kubernetes.context == context:
            return self
        return self.model_copy(update={"kubernetes": self.kubernetes.model_copy(update={"context": context})})

    @property
    def reads_back(self) -> bool:
        """Whether the writes of the ledger can be read back, from the database or through the entry."""
        return self.ledger is not None and (self.database is not None or self.ledger.read)

    @property
    def migration_backup(self) -> str:
        """Name of the backups that must be there, verified, when a migration begins; empty: none."""
        return next((name for name, store in self.backups.items() if store.before_migrations), "")

    @property
    def active_users(self) -> ActiveUsers | None:
        """The query for the number of active users; None if the file has no `metrics.active_users`."""
        return self.metrics.active_users if self.metrics is not None else None

    @property
    def copies_read(self) -> bool:
        """Whether the ledger rows of each member are read, so that the copies can be compared."""
        return (
            self.ledger is not None and self.ledger.copies and self.database is not None and bool(self.database.members)
        )

    @property
    def caches_probed(self) -> bool:
        """Whether the file names servers of a cache, and keys of the harness may be written into it."""
        allowed = any(fnmatchcase(f"{PREFIX}1", one.keys) for one in self.may_write if one.keys)
        return allowed and self.cache is not None and bool(self.cache.servers)

    @property
    def shares(self) -> dict[str, float]:
        """Expected share of answers of each region, 0 to 1; empty if the file has no shares."""
        return {name: region.share for name, region in self.regions.items() if region.share is not None}

    @property
    def breakable(self) -> bool:
        """Whether faults are allowed without consent, since the target is `disposable` and not production."""
        return self.disposable and self.environment != "production"

    @property
    def doors(self) -> dict[str, str]:
        """Entry of each region; regions without an entry are left out."""
        return {name: region.entry for name, region in self.regions.items() if region.entry}

    @property
    def monitors(self) -> dict[str, str]:
        """Prometheus of each region; regions without a Prometheus are left out."""
        return {name: region.prometheus for name, region in self.regions.items() if region.prometheus}


def load_target(path: Path) -> Target:
    """Read a target file.

    Raises:
        ConfigurationError: the file is invalid; the error names file, line, key, expected value and nearest word.
    """
    document = read_document(path)
    if not isinstance(document.data, dict):
        raise ConfigurationError(
            "the target file must be a mapping", where=document.where(()), hint="begin with `name: …`"
        )
    try:
        target = Target.model_validate(_lists_as_tuples(document.data), context=path.absolute())
    except ValidationError as error:
        raise configuration_error(document, Target, error) from error
    _check(target, document)
    return target


def _check(target: Target, document: YamlDocument) -> None:
    """Check keys that depend on each other."""
    if not target.entry and (_LIVE & target.model_fields_set or not _PAPER & target.model_fields_set):
        raise ConfigurationError(
            "the key `entry` is missing",
            where=document.where(()),
            hint="write `entry: https://…`; only a target with just `evidence`, `files` and `attestations` needs no entry",
        )
    if target.evidence.as_of is not None and target.entry:
        raise ConfigurationError(
            "`as_of` is allowed only without `entry`",
            where=document.where(("evidence", "as_of")),
            hint="remove `as_of`: a running platform is judged on the day of the run",
        )
    if target.primary_region and target.regions and target.primary_region not in target.regions:
        raise ConfigurationError(
            f"unknown region `{target.primary_region}`",
            where=document.where(("primary_region",)),
            hint=f"use one of {', '.join(f'`{name}`' for name in target.regions)}",
        )
    if (total := sum(target.shares.values())) > _ALL:
        raise ConfigurationError(
            f"the regions' shares add up to {100 * total:.4g} %, expected at most 100 %",
            where=document.where(("regions",)),
            hint="change the shares so that they add up to at most 100 %",
        )
    stands_in = target.environment == "staging" and target.embedded
    for key in ("time_scale", "scrape_scale", "cpu_scale"):
        if (scale := getattr(target, key)) != 1 and target.environment != "sandbox" and not stands_in:
            raise ConfigurationError(
                f"`{scale:g}` is allowed only in `environment: sandbox`, or if the sandbox simulates staging",
                where=document.where((key,)),
                hint=f"remove `{key}`: on a real platform all limits apply as written",
            )
    in_cluster, database = target.kubernetes is not None, target.database
    wrong = [
        *wrong_strategies(target.rollout.strategies if target.rollout is not None else {}),
        *wrong_identity(target.identity, target.authorisation, signs_in=target.sign_in is not None),
        *wrong_sessions(target.identity, target.limits),
        *wrong_drills(target.drills, database.dsn if database is not None else None, in_cluster=in_cluster),
        *wrong_backups(target.backups, in_cluster=in_cluster),
        *wrong_places(
            database.saved if database is not None else (),
            target.encryption.stores if target.encryption is not None else {},
            target.backups,
            in_cluster=in_cluster,
        ),
    ]
    for location, what, hint in wrong:
        raise ConfigurationError(what, where=document.where(location), hint=hint)
    if target.proxy not in {"none", "env"} and not is_http(target.proxy):
        raise ConfigurationError(
            "the value of `proxy` is invalid",  # the value is not printed: it may hold a password
            where=document.where(("proxy",)),
            hint="use `none`, `env` or an address like `http://proxy.example.test:3128`",
        )


def _lists_as_tuples(value: Any) -> Any:
    """Strict validation takes no list for a tuple, and frozen values hold no lists."""
    if isinstance(value, dict):
        return {key: _lists_as_tuples(item) for key, item in value.items()}
    return tuple(map(_lists_as_tuples, value)) if isinstance(value, list) else value
