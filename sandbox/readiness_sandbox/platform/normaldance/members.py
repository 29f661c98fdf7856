"""members: where one member of the database finds another, at the Service that has the name of the other where there is one.

Patroni tells the addresses of pods, which the members then call directly. Where the platform has a Service a member, the way to it is
looked up as Kubernetes tells it a container, in `NAME_SERVICE_HOST`: what a partition of the network cuts are the ways through Services.
"""

from __future__ import annotations

import os
import threading
import time
from contextlib import suppress
from typing import TYPE_CHECKING, Any, Final
from urllib.parse import urlsplit, urlunsplit

import psycopg
from patroni.dcs import Member
from patroni.postgresql.config import ConfigHandler
from psycopg import sql
from psycopg.conninfo import make_conninfo

if TYPE_CHECKING:
    from collections.abc import Mapping

ASK_S: Final = 0.2
"""Spacing at which a standby with the defect asks itself whether it streams."""
_STREAM: Final = (
    "SELECT current_setting('primary_conninfo'), EXISTS (SELECT FROM pg_stat_wal_receiver WHERE status = 'streaming')"
)


def service_of(member: str, env: Mapping[str, str]) -> str:
    """The address of the Service of that name; empty where there is none."""
    return env.get(f"{member.upper().replace('-', '_')}_SERVICE_HOST", "")


def moved(url: str, address: str) -> str:
    """The URL with another host, whoever logs in."""
    parts = urlsplit(url)
    user, at, _ = parts.netloc.rpartition("@")
    port = f":{parts.port}" if parts.port else ""
    return urlunsplit(parts._replace(netloc=f"{user}{at}{address}{port}"))


def reach_through_services(env: Mapping[str, str] = os.environ) -> None:
    """From now on Patroni in this process, and the PostgreSQL that it starts, reach members through their Services."""
    kwargs, api_url = Member.conn_kwargs, Member.api_url.fget

    def conn_kwargs(self: Member, auth: Any = None) -> dict[str, Any]:
        found: dict[str, Any] = kwargs(self, auth)
        address = service_of(self.name, env)
        return {**found, "host": address} if found and address else found

    def through_service(self: Member) -> str | None:
        url: str | None = api_url(self)
        address = service_of(self.name, env)
        return moved(url, address) if url and address else url

    Member.conn_kwargs = conn_kwargs
    Member.api_url = property(through_service)


class Reconnecting:
    """Whether a standby lost the member that it streamed from, and is still to stream from that one."""

    def __init__(self) -> None:
        self._source = ""
        self._lost = False

    def lost(self, source: str, *, streams: bool) -> bool:
        """Whether it is so; `source` is whom it is to stream from now."""
        self._source = source if streams else self._source
        self._lost = not streams and bool(source) and source == self._source
        return self._lost


def reconnect_late(env: Mapping[str, str] = os.environ) -> None:
    """A planted defect: a standby tries again to reach the primary that it was cut off from only after `DEFECT_RECONNECTS_AFTER_S` seconds."""
    if after_s := int(env.get("DEFECT_RECONNECTS_AFTER_S", "0")):
        threading.Thread(target=_wait_longer, args=(env, after_s), daemon=True).start()


def _wait_longer(env: Mapping[str, str], after_s: int) -> None:
    reconnecting, waits = Reconnecting(), False
    own = make_conninfo(host=env["POD_IP"], user="postgres", password=env["SUPERUSER_PASSWORD"], dbname="postgres")
    longer = sql.SQL("ALTER SYSTEM SET wal_retrieve_retry_interval = {}").format(sql.Literal(f"{after_s}s"))
    while True:
        time.sleep(ASK_S)
        with suppress(psycopg.Error), psycopg.connect(own, autocommit=True) as connection:
            source, streams = connection.execute(_STREAM).fetchone() or ("", False)
            lost = reconnecting.lost(source, streams=streams)
            if lost != waits:
                connection.execute(longer if lost else "ALTER SYSTEM RESET wal_retrieve_retry_interval")
                connection.execute("SELECT pg_reload_conf()")
                waits = lost


def keep_access() -> None:
    """From now on a cluster that is founded by a command of the platform lets no client in without a password.

    Patroni trusts a member's own address meanwhile, as it does not know the password; here what founds the cluster has set it.
    """

    def replace_pg_hba(self: ConfigHandler) -> bool:
        with self.config_writer(self._pg_hba_conf) as file:
            file.writelines(self.get("pg_hba"))
        return True

    ConfigHandler.replace_pg_hba = replace_pg_hba
