"""Sections of a target file about access from outside: metrics, connections, alerts, profiles and public names."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Annotated

from pydantic import BeforeValidator, Field, IPvAnyAddress

from harness.targets.files.paper import Paths
from harness.targets.files.reference import Reference
from harness.targets.files.values import Name, Seconds, TargetSection, Url, UrlPath, Word
from harness.validation import matching


def _text(value: object) -> object:
    if not isinstance(value, str):
        raise ValueError("text")  # noqa: TRY004 pydantic lets a TypeError through
    return value


Address = Annotated[IPvAnyAddress, BeforeValidator(_text, json_schema_input_type=str)]
"""An IP address as text; a number would be read as one, too."""


class PerUser(TargetSection):
    """User engagement as the ratio of the counters `actions` and `users`, with the routes that increase them.

    Attributes:
        actions: name of the counter of actions, of any workload.
        users: name of the counter of users, of any workload.
        action_route: route of the traffic whose requests increase `actions`.
        user_route: route of the traffic whose requests increase `users`.
    """

    actions: Word
    users: Word
    action_route: Name
    user_route: Name


class ActiveUsers(TargetSection):
    """How the number of active users is read from Prometheus.

    Attributes:
        query: PromQL with one number for all pods together as its result.
        within: seconds for which a user counts as active after signing in.
    """

    query: Word
    within: Annotated[Seconds, Field(gt=0)]


class Metrics(TargetSection):
    """Names of the services' metrics, as Prometheus scrapes them from each pod.

    Attributes:
        path: path of the exposition, on the pod's HTTP port.
        seconds: histogram of response times.
        requests: counter of answers.
        route: label with the route; its values are the traffic's route names.
        unmatched: value of this label for requests that met no route; empty: there is none.
        status: label with the status of the answer.
        entry: workload (label `app`) that receives every request of the entry.
        probed: route of the read in `probes.read`.
        health: route of a pod's health requests.
        page_seconds: histogram of the loading times of pages in browsers.
        page: label of `page_seconds` with the path of the page.
        query_seconds: histogram of the times of queries.
        query: label of `query_seconds` with the text of the query, with `$1` for values.
        timing: metric of the response header `Server-Timing` with the serving time of the entry's workload.
        per_user: counters of users' actions; None: there are no such counters.
        active_users: query for the number of active users; None: active users are not counted.
    """

    path: UrlPath = "/metrics"
    seconds: Word = "http_request_seconds"
    requests: Word = "http_requests_total"
    route: Word = "route"
    unmatched: str = ""
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
    """The log of connections, and the declared connections; workloads are named by the label `app`, else by name.

    Attributes:
        log: log files of Cilium's Hubble exporter, including backups.
        stores: workloads that keep data.
        data_access: workloads that may connect to `stores`.
        dependencies: workloads to which a workload may connect, by workload.
    """

    log: Paths
    stores: Annotated[tuple[Name, ...], Field(min_length=1)]
    data_access: Annotated[tuple[Name, ...], Field(min_length=1)]
    dependencies: Annotated[Mapping[Name, tuple[Name, ...]], Field(min_length=1)]


class UserReports(TargetSection):
    """The path for problem reports of users.

    Attributes:
        path: path at the entry to which reports are posted.
        body: JSON object of a report; `{severity}` (critical or minor) and `{release}` in its values are replaced.
    """

    path: UrlPath
    body: Annotated[Mapping[str, str], Field(min_length=1)]


class Alerting(TargetSection):
    """The receiver of notifications of alerts.

    Attributes:
        receiver: log of the webhooks that Alertmanager sent; `GET ?since=N` answers `{"notices": [{number, received_at,
            notice}]}`.
        alertmanager: address of Alertmanager, with any path before /api/v2.
    """

    receiver: Url
    alertmanager: Url | None = None


class Grafana(TargetSection):
    """The Grafana whose HTTP API is used.

    Attributes:
        url: address of Grafana, with any path before /api.
        token: token of a service account that may read dashboards and query data sources; None: no sign-in.
    """

    url: Url
    token: Reference | None = None


class Profiles(TargetSection):
    """The path of every service with a CPU profile of its process, in pprof's protocol.

    Attributes:
        path: path on the pod's HTTP port; the parameter `seconds` is added.
        stores: workloads (label `app`) that keep data and return no profile.
    """

    path: UrlPath = "/debug/pprof/profile"
    stores: tuple[Name, ...] = ()


class PublicName(TargetSection):
    """The addresses that a public name must resolve to, IPv4 and IPv6 together."""

    addresses: Annotated[tuple[Address, ...], Field(min_length=1)]


class Dns(TargetSection):
    """The platform's public names.

    Attributes:
        names: full names, each with its addresses.
        resolver: `address` or `address:port` of the users' resolver; empty: the resolvers of this machine.
        zone: zone whose authoritative servers are queried; empty: the zone of the first name.
        servers: `address` or `address:port` of the authoritative servers; empty: the name servers of the zone.
    """

    names: Annotated[Mapping[Word, PublicName], Field(min_length=1)]
    resolver: str = ""
    zone: str = ""
    servers: tuple[Word, ...] = ()
