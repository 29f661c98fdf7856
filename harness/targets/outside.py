"""The parts of a target file that say how the platform is reached from outside: its metrics, its connections and its public names."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Annotated

from pydantic import Field, IPvAnyAddress

from harness.catalogue.explain import matching
from harness.targets.paper import Paths
from harness.targets.reference import Reference
from harness.targets.values import Name, Seconds, TargetSection, Url, UrlPath, Word


class PerUser(TargetSection):
    """How engaged users are, as two counters: `actions` over `users`; the routes are those that the traffic asks for the same.

    Attributes:
        actions, users: names of counters, of whichever workload has them.
        action_route, user_route: the traffic's routes that raise them.
    """

    actions: Word
    users: Word
    action_route: Name
    user_route: Name


class ActiveUsers(TargetSection):
    """How Prometheus is asked for the number of active users.

    Attributes:
        query: in PromQL; its result is one number, whichever pods count.
        within: how long a user counts after signing in, in seconds.
    """

    query: Word
    within: Annotated[Seconds, Field(gt=0)]


class Metrics(TargetSection):
    """What every service's own metrics are called, as Prometheus scrapes them from each pod.

    Attributes:
        path: of the exposition, on the pod's HTTP port.
        seconds: the histogram of response times. requests: the counter of answers.
        route, status: labels; routes have the names that the traffic gives them.
        entry: the workload (label `app`) that every request of the entry passes.
        probed: the route that the read of `probes.read` has. health: that of whoever asks a pod for its health.
        page_seconds: the histogram of how long pages took in browsers. page: its label with the path of the page.
        query_seconds: the histogram of how long queries took. query: its label with the text of the query, `$1` for its values.
        timing: the metric of the response header `Server-Timing` by which each answer of the entry's workload says how long it took.
        per_user: counters of what users do; None: there are none.
        active_users: how many users are active; None: nothing counts them.
    """

    path: UrlPath = "/metrics"
    seconds: Word = "http_request_seconds"
    requests: Word = "http_requests_total"
    route: Word = "route"
    status: Word = "status"
    page_seconds: Word = "page_load_seconds"
    page: Word = "page"
    query_seconds: Word = "database_query_seconds"
    query: Word = "query"
    entry: Name
    probed: str = ""
    health: Word = "health"
    timing: Annotated[
        str, matching(r"[!#$%&'*+.^_`|~0-9A-Za-z-]{0,60}", "the name of a metric as the header `Server-Timing` has it")
    ] = ""
    per_user: PerUser | None = None
    active_users: ActiveUsers | None = None


class Flows(TargetSection):
    """The log of connections, and what of it is declared. Workloads go by their label `app`, or by their name where they have none.

    Attributes:
        log: files as Cilium's Hubble exporter writes them, backups included.
        stores: workloads that keep data.
        data_access: workloads that may connect to them.
        dependencies: by workload, those that it may connect to.
    """

    log: Paths
    stores: Annotated[tuple[Name, ...], Field(min_length=1)]
    data_access: Annotated[tuple[Name, ...], Field(min_length=1)]
    dependencies: Annotated[Mapping[Name, tuple[Name, ...]], Field(min_length=1)]


class UserReports(TargetSection):
    """Where users report what is wrong.

    Attributes:
        path: of the entry; a report is a POST.
        body: its JSON object; `{severity}` (critical or minor) and `{release}` in a value stand for those of the report.
    """

    path: UrlPath
    body: Annotated[Mapping[str, str], Field(min_length=1)]


class Alerting(TargetSection):
    """Where notices of alerts go.

    Attributes:
        receiver: log of the webhooks that Alertmanager sent: `GET ?since=N` answers `{"notices": [{number, received_at, notice}]}`.
        alertmanager: its address; a path before /api/v2 may follow.
    """

    receiver: Url
    alertmanager: Url | None = None


class Grafana(TargetSection):
    """Grafana, asked by its HTTP API.

    Attributes:
        url: its address; a path before /api may follow.
        token: of a service account that may read dashboards and ask data sources; None: who is not signed in may.
    """

    url: Url
    token: Reference | None = None


class Profiles(TargetSection):
    """Where every service gives a CPU profile of its process, by the protocol of pprof.

    Attributes:
        path: on the pod's HTTP port; `seconds` is added.
        stores: workloads (label `app`) that keep data and give none.
    """

    path: UrlPath = "/debug/pprof/profile"
    stores: tuple[Name, ...] = ()


class PublicName(TargetSection):
    """A public name and the addresses that it must lead to, IPv4 and IPv6 together."""

    addresses: Annotated[tuple[IPvAnyAddress, ...], Field(min_length=1)]


class Dns(TargetSection):
    """The platform's public names.

    Attributes:
        names: by name, in full.
        resolver: `address` or `address:port` of the resolver that users have; empty: those of this machine.
        zone: of which the authoritative servers are asked; empty: that of the first name.
        servers: `address` or `address:port` of the authoritative servers; empty: those that the zone itself names.
    """

    names: Annotated[Mapping[Word, PublicName], Field(min_length=1)]
    resolver: str = ""
    zone: str = ""
    servers: tuple[Word, ...] = ()
