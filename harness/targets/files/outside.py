"""Parts of a target file about access from outside: metrics, connections, alerts, profiles and public names."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Annotated

from pydantic import Field, IPvAnyAddress

from harness.targets.files.paper import Paths
from harness.targets.files.reference import Reference
from harness.targets.files.values import Name, Seconds, TargetSection, Url, UrlPath, Word
from harness.validation import matching


class PerUser(TargetSection):
    """User engagement as the ratio of two counters, `actions` over `users`, with the traffic's routes that raise them.

    Attributes:
        actions, users: names of the counters, of any workload.
        action_route, user_route: routes of the traffic whose requests raise them.
    """

    actions: Word
    users: Word
    action_route: Name
    user_route: Name


class ActiveUsers(TargetSection):
    """How the number of active users is read from Prometheus.

    Attributes:
        query: PromQL whose result is one number for all pods together.
        within: how long a user counts as active after signing in, in seconds.
    """

    query: Word
    within: Annotated[Seconds, Field(gt=0)]


class Metrics(TargetSection):
    """Names of the services' metrics, as Prometheus scrapes them from each pod.

    Attributes:
        path: of the exposition, on the pod's HTTP port.
        seconds: the histogram of response times. requests: the counter of answers.
        route, status: labels; the values of `route` are the traffic's route names.
        entry: the workload (label `app`) that receives every request of the entry.
        probed: the route of the read in `probes.read`. health: the route of a pod's health requests.
        page_seconds: the histogram of how long pages took in browsers. page: its label with the path of the page.
        query_seconds: the histogram of how long queries took. query: its label with the text of the query, `$1` for its values.
        timing: the metric in the response header `Server-Timing` with the time that the entry's workload took for the answer.
        per_user: counters of users' actions; None: there are none.
        active_users: query for the number of active users; None: not counted.
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
    """The log of connections, and the declared connections. Workloads are named by their label `app`, else by name.

    Attributes:
        log: files as Cilium's Hubble exporter writes them, backups included.
        stores: workloads that keep data.
        data_access: workloads that may connect to them.
        dependencies: by workload, the workloads that it may connect to.
    """

    log: Paths
    stores: Annotated[tuple[Name, ...], Field(min_length=1)]
    data_access: Annotated[tuple[Name, ...], Field(min_length=1)]
    dependencies: Annotated[Mapping[Name, tuple[Name, ...]], Field(min_length=1)]


class UserReports(TargetSection):
    """Where users send problem reports.

    Attributes:
        path: path at the entry to which reports are posted.
        body: JSON object of a report; `{severity}` (critical or minor) and `{release}` in its values are replaced.
    """

    path: UrlPath
    body: Annotated[Mapping[str, str], Field(min_length=1)]


class Alerting(TargetSection):
    """Where notifications of alerts go.

    Attributes:
        receiver: log of the webhooks that Alertmanager sent: `GET ?since=N` answers `{"notices": [{number, received_at, notice}]}`.
        alertmanager: its address; a path before /api/v2 may follow.
    """

    receiver: Url
    alertmanager: Url | None = None


class Grafana(TargetSection):
    """The Grafana whose HTTP API is used.

    Attributes:
        url: its address; a path before /api may follow.
        token: token of a service account that may read dashboards and query data sources; None: no sign-in is needed.
    """

    url: Url
    token: Reference | None = None


class Profiles(TargetSection):
    """Where every service returns a CPU profile of its process, in pprof's protocol.

    Attributes:
        path: path on the pod's HTTP port; the parameter `seconds` is added.
        stores: workloads (label `app`) that keep data and return no profile.
    """

    path: UrlPath = "/debug/pprof/profile"
    stores: tuple[Name, ...] = ()


class PublicName(TargetSection):
    """The addresses that a public name must resolve to, IPv4 and IPv6 together."""

    addresses: Annotated[tuple[IPvAnyAddress, ...], Field(min_length=1)]


class Dns(TargetSection):
    """The platform's public names.

    Attributes:
        names: the full names with their addresses.
        resolver: `address` or `address:port` of the resolver that users have; empty: the resolvers of this machine.
        zone: zone whose authoritative servers are queried; empty: the zone of the first name.
        servers: `address` or `address:port` of the authoritative servers; empty: the servers that the zone names.
    """

    names: Annotated[Mapping[Word, PublicName], Field(min_length=1)]
    resolver: str = ""
    zone: str = ""
    servers: tuple[Word, ...] = ()
