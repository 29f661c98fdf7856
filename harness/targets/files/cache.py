"""The section `cache`: servers that speak the Redis protocol, and what the platform keeps in them."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Annotated, Final, Self
from urllib.parse import urlsplit

from pydantic import AfterValidator, Field, WithJsonSchema, model_validator

from harness.targets.files.drills import DrillCommand
from harness.targets.files.planted import DeclaredCall
from harness.targets.files.reference import Reference
from harness.targets.files.values import Header, Name, RootUrl, TargetSection, UrlPath, Word, quantity

PREFIX: Final = "readiness:"
"""Keys and channels of the harness begin so."""
PORT: Final = 6379
"""Port of an address without one."""
DIRECTORY: Final = "{directory}"
"""In `fetch` of a snapshot: a new directory."""
_SCHEMES: Final = ("redis", "rediss")

_DATABASE: Final = re.compile("/*[0-9]{0,5}/*")


def _address(value: str) -> str:
    try:
        parts = urlsplit(value)
        right = (
            parts.scheme in _SCHEMES and parts.hostname and parts.port != 0 and not (parts.username or parts.password)
        )
    except ValueError:
        right = False
    if not right or parts.query or parts.fragment or _DATABASE.fullmatch(parts.path) is None:
        raise ValueError(
            "an address like `redis://cache.example.test:6379`, `rediss://` with TLS, without user and password"
        )
    return value.rstrip("/")


CacheAddress = Annotated[str, AfterValidator(_address), WithJsonSchema({"type": "string", "pattern": "^rediss?://"})]


class CacheServer(TargetSection):
    """One cache: a server that speaks the Redis protocol, or a cluster of which one server is named.

    Attributes:
        at: address of a server; of a cluster the address of any, by which the others are found.
        user: user that signs in; empty: the default user.
        password: password; None: the cache asks for none.
        places: node or zone of each server of a cluster, by `HOST` or `HOST:PORT`. A host that is not named is a pod's node where
            the cluster has a pod of that address, else its node is unknown.
        channels: number of the platform's subscribers of each channel.
    """

    at: CacheAddress
    user: str = ""
    password: Reference | None = None
    places: Mapping[Word, Word] = Field(default_factory=dict)
    channels: Mapping[Word, Annotated[int, Field(ge=1)]] = Field(default_factory=dict)

    @property
    def database(self) -> int:
        """Number of the database in the address."""
        return int(urlsplit(self.at).path.strip("/") or 0)


class CacheSnapshots(TargetSection):
    """How a snapshot of a cache is made, and how the newest one is brought to this machine.

    Attributes:
        server: the cache, by its name in `servers`.
        make: makes a new snapshot of every primary, and ends when it can be fetched.
        fetch: writes the files of the newest snapshot (RDB) into the directory `{directory}`.
        program: server that reads them; empty: `valkey-server`, else `redis-server`.
        within_s: time for each command, for each reading of all keys, and until the server has read a file, in s.
    """

    server: Name
    make: DrillCommand
    fetch: DrillCommand
    program: str = ""
    within_s: Annotated[float, quantity("time", "10 min", above="0 s")] = Field(default=600.0, alias="within")

    @model_validator(mode="after")
    def _fetched_into_it(self) -> Self:
        if not any(DIRECTORY in word for word in self.fetch.command):
            raise ValueError(f"`fetch` with `{DIRECTORY}` in its command, into which the files are written")
        return self


class CacheLayer(TargetSection):
    """One layer of caches, in one of two ways.

    Attributes:
        servers: names in `cache.servers`, whose own counts of hits and misses are added.
        hits: PromQL selector of a counter of lookups that the layer answered.
        misses: PromQL selector of a counter of lookups that it did not answer.
    """

    servers: tuple[Name, ...] = ()
    hits: str = ""
    misses: str = ""

    @model_validator(mode="after")
    def _of_one_way(self) -> Self:
        if bool(self.servers) == bool(self.hits or self.misses) or bool(self.hits) != bool(self.misses):
            raise ValueError("either `servers`, or `hits` with `misses`")
        return self


class CachedReads(TargetSection):
    """Reads that every replica of a service answers from one cache.

    Attributes:
        paths: paths of values that no user reads: each is read once through every replica. The more there are, the later the reads.
        header: response header that says whether the answer is from the cache.
        hit: its value if it is; upper and lower case are one.
        replicas: address of each replica; empty: the pods of `workload`.
        workload: workload (label `app`) whose pods are the replicas.
    """

    paths: Annotated[tuple[UrlPath, ...], Field(min_length=1)]
    header: Header
    hit: Word = "hit"
    replicas: tuple[RootUrl, ...] = ()
    workload: str = ""

    @model_validator(mode="after")
    def _of_one_way(self) -> Self:
        if bool(self.replicas) == bool(self.workload) or len({*self.replicas}) == 1:
            raise ValueError("either at least two `replicas`, or a `workload`")
        return self


class CachedRoute(TargetSection):
    """A route whose answers are cached.

    Attributes:
        write: call that changes what the route reads; `{value}` in its body stands for a word that no other write has. `may_write` must
            allow it, unless the target is disposable.
        read: call whose answer has the word of the newest write.
        ttl_s: time to live in s: how old an answer may be.
    """

    write: DeclaredCall
    read: DeclaredCall
    ttl_s: Annotated[float, quantity("time", "5 s", above="0 s")] = Field(alias="ttl")


class CacheSettings(TargetSection):
    """The section `cache`.

    Attributes:
        servers: every cache, by its name; the cache of a region has the region's name.
        layers: every layer of caches, by its name.
        reads: PromQL selector of the buckets of a histogram in seconds: how long the platform's reads of its caches take.
        copies: reads that are hits through every replica; None: they are not tried.
        routes: every route whose answers are cached, by its name.
        snapshots: every cache of which snapshots are made, by a name that sentences have.
    """

    servers: Mapping[Name, CacheServer] = Field(default_factory=dict)
    layers: Mapping[Name, CacheLayer] = Field(default_factory=dict)
    reads: str = ""
    copies: CachedReads | None = None
    routes: Mapping[Name, CachedRoute] = Field(default_factory=dict)
    snapshots: Mapping[Name, CacheSnapshots] = Field(default_factory=dict)

    @model_validator(mode="after")
    def _of_known_servers(self) -> Self:
        named = [(f"layers.{name}.servers", one) for name, layer in self.layers.items() for one in layer.servers]
        named += [(f"snapshots.{name}.server", one.server) for name, one in self.snapshots.items()]
        for key, one in named:
            if one not in self.servers:
                raise ValueError(f"`{key}` with names of `servers`: unknown is `{one}`")
        return self
