"""What a target is: one YAML file, read strictly. What is not there costs evidence, never correctness."""

from __future__ import annotations

import contextlib
from collections.abc import Mapping
from pathlib import Path
from typing import Annotated, Any, Literal
from urllib.parse import urlsplit

from pydantic import AfterValidator, BaseModel, BeforeValidator, ConfigDict, Field, PrivateAttr, ValidationError

from harness.errors import ConfigurationError, UsageError
from harness.model import Quantity
from harness.targets.document import read_document
from harness.targets.explain import configuration_error
from harness.targets.reference import Reference


def _quantity(dimension: str, example: str) -> BeforeValidator:
    def read(value: object) -> float:
        with contextlib.suppress(UsageError):
            quantity = Quantity.parse(value if isinstance(value, str) else "")
            if quantity.dimension == dimension and quantity.value >= 0:
                return quantity.base
        raise ValueError(f"a {dimension} like `{example}`")

    return BeforeValidator(read)


def _url(value: str) -> str:
    try:
        parts = urlsplit(value)
        good = parts.scheme in {"http", "https"} and bool(parts.hostname) and not parts.username and parts.port != 0
        good = good and not {"?", "#"} & {*value}  # paths are put behind it
    except ValueError:
        good = False
    if not good:
        raise ValueError("an address like `https://staging.example.test`, without user and password, `?` and `#`")
    return value.rstrip("/")


def _path(value: str) -> str:
    if not value.startswith("/"):
        raise ValueError("a path that starts with `/`")
    return value


def _path_of_id(value: str) -> str:
    if value.count("{id}") != 1:
        raise ValueError("a path with `{id}` in it, like `/events/{id}`")
    return value


Url = Annotated[str, AfterValidator(_url)]
UrlPath = Annotated[str, AfterValidator(_path)]
Name = Annotated[str, Field(pattern=r"^[A-Za-z0-9][A-Za-z0-9._-]{0,62}$")]
Seconds = Annotated[float, _quantity("time", "10 s")]
Positive = Annotated[float, Field(gt=0, allow_inf_nan=False)]


class _Part(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid", strict=True)


class Region(_Part):
    """One region: its own entry, where its workloads are, and the share of answers it is meant to give (0 to 1)."""

    entry: Url | None = None
    context: str = ""
    namespace: str = ""
    share: Annotated[float, _quantity("ratio", "60 %")] | None = None


class Kubernetes(_Part):
    """How the cluster is reached. The context is always named: the default context is never used."""

    context: Annotated[str, Field(min_length=1)]
    namespace: str = "default"
    kubeconfig: str = ""


class Member(_Part):
    """One database member, read directly."""

    dsn: Reference
    region: str = ""


class Leader(_Part):
    """The Kubernetes Endpoints whose annotation `leader` names the pod that holds the lock (Patroni's)."""

    namespace: str
    endpoints: str


class Database(_Part):
    """The database. durability: what an acknowledged write is promised to survive."""

    dsn: Reference
    durability: Literal["quorum", "synchronous", "asynchronous"] = "asynchronous"
    members: Mapping[str, Member] = Field(default_factory=dict)
    leader: Leader | None = None


class Probes(_Part):
    """Paths at every entry that need no sign-in."""

    health: UrlPath = "/health"
    read: UrlPath = "/"


class LedgerSettings(_Part):
    """Where the ledger's writes go, and the table that they are read back from.

    read: whether `GET path?client=N` (and `&sequence=S`) answers `{"rows": [[sequence, checksum], …]}`, at the entry and at
    each region's.
    """

    path: UrlPath
    table: Annotated[str, Field(pattern=r"^[a-z_][a-z0-9_.]*$")] = "ledger"
    read: bool = False


class Pipeline(_Part):
    """Events are posted to `accept` as `{id, checksum}`; `visible` answers `{copies, checksum}` of one that is through, before that 404."""

    accept: UrlPath
    visible: Annotated[UrlPath, AfterValidator(_path_of_id)]


class Traffic(_Part):
    """Sizes that replace the project's own. rate: journeys per second."""

    rate_per_s: Annotated[float, _quantity("rate", "40/s")] | None = Field(default=None, alias="rate")
    for_s: Annotated[float, _quantity("time", "3 min")] | None = Field(default=None, alias="for")


class MayBreak(_Part):
    """One entry of the allow-list."""

    experiment: Name
    workloads: tuple[str, ...] = ()
    max_pods: Annotated[int, Field(ge=0)] | None = None


class Tls(_Part):
    """Certificates for the entries."""

    ca_file: str = ""
    client_cert: str = ""
    client_key: str = ""


class EvidenceFiles(_Part):
    """Other tools' reports, as globs."""

    junit: tuple[str, ...] = ()
    sarif: tuple[str, ...] = ()
    cyclonedx: tuple[str, ...] = ()
    figures: tuple[str, ...] = ()


class Target(_Part):
    """One platform that a release is judged on.

    Attributes:
        primary_region: the region that holds the primary; empty where there is none.
        file: the file it was read from.
    """

    name: Name
    environment: Literal["sandbox", "staging", "production"]
    entry: Url
    time_scale: Positive = 1.0
    release: str = ""
    regions: Mapping[str, Region] = Field(default_factory=dict)
    primary_region: str = ""
    kubernetes: Kubernetes | None = None
    prometheus: Url | None = None
    database: Database | None = None
    probes: Probes = Probes()
    ledger: LedgerSettings | None = None
    pipeline: Pipeline | None = None
    traffic: Mapping[str, Traffic] = Field(default_factory=dict)
    disposable: bool = False
    may_break: tuple[MayBreak, ...] = ()
    credentials: Mapping[str, Reference] = Field(default_factory=dict)
    tls: Tls = Tls()
    proxy: str = "none"
    evidence: EvidenceFiles = EvidenceFiles()

    _file: Path = PrivateAttr(default=Path())

    def model_post_init(self, context: Any, /) -> None:
        """Keep the path that `load_target` passes."""
        if isinstance(context, Path):
            self._file = context

    @property
    def file(self) -> Path:
        """The file it was read from, absolute."""
        return self._file

    @property
    def shares(self) -> dict[str, float]:
        """Share of answers each region is meant to give, 0 to 1; empty where the file does not say."""
        return {name: region.share for name, region in self.regions.items() if region.share is not None}


def load_target(path: Path) -> Target:
    """Read a target file.

    Raises:
        ConfigurationError: with file, line, key, what was expected and the nearest right word.
    """
    document = read_document(path)
    if not isinstance(document.data, dict):
        raise ConfigurationError("is no mapping", where=document.where(()), hint="a target file starts with `name: …`")
    try:
        target = Target.model_validate(_lists_as_tuples(document.data), context=path.absolute())
    except ValidationError as error:
        raise configuration_error(document, Target, error) from error
    if target.primary_region and target.regions and target.primary_region not in target.regions:
        raise ConfigurationError(
            f"`{target.primary_region}` is no region of this file",
            where=document.where(("primary_region",)),
            hint=f"use one of {', '.join(f'`{name}`' for name in target.regions)}",
        )
    if target.proxy not in {"none", "env"} and "://" not in target.proxy:
        raise ConfigurationError(
            f"`{target.proxy}` is no proxy", where=document.where(("proxy",)), hint="use `none`, `env` or an address"
        )
    return target


def _lists_as_tuples(value: Any) -> Any:
    """Strict validation takes no list for a tuple, and frozen values hold no lists."""
    if isinstance(value, dict):
        return {key: _lists_as_tuples(item) for key, item in value.items()}
    return tuple(map(_lists_as_tuples, value)) if isinstance(value, list) else value
