"""Switches protection off and on again: by objects of Kubernetes, statements or commands. How it is switched on again is on disk before."""

from __future__ import annotations

import subprocess
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from typing import Any, Final

from harness import clock
from harness.drivers.check.sql.asking import CONNECT_S, STATEMENT_MS, database_in
from harness.errors import ConfigurationError, DriverError, HarnessError, TargetUnreachable
from harness.model import Intent
from harness.targets import Target, platform_of
from harness.targets.access import Access, access, resource_of
from harness.targets.cluster.objects import Objects, Ref
from harness.targets.cluster.put_back import change_object, manifest_of, parts_of
from harness.targets.cluster.workloads import is_settled
from harness.targets.files.attacks import ObjectSwitch, SqlSwitch, Switch
from harness.targets.files.reference import Reference
from harness.targets.kubernetes import Cluster
from harness.targets.places import Clusters, namespaces
from harness.targets.undo import undo_now, undoable

_COMMAND_S: Final = 60.0
_COUNTED: Final = ("deployments", "statefulsets", "daemonsets", "rollouts")
_SETTLED_S: Final = 90.0
_EVERY_S: Final = 0.25
"""A workload that was put back is read so often, and for so long at most, until no pod of the other template is left."""
_NO: Final = subprocess.DEVNULL
"""Commands have no output, which may be a secret and which a started service keeps open, and no input."""


@contextmanager
def switched_off(target: Target, switches: Sequence[Switch], name: str, check: str) -> Iterator[None]:
    """Context in which the switches are off; at its end each is on again, the last first, also after an error.

    Workloads have only pods of their own template then, so that what is read next is not of two.

    Args:
        target: target.
        switches: what is switched.
        name: of what they switch off, for people.
        check: name of the check in the undo log.

    Raises:
        DriverError: an object is missing, a command failed, the database refused a statement, or a workload is not as before in time.
    """
    done: list[tuple[Cluster | None, Intent]] = []
    changed: list[tuple[Cluster, Ref]] = []
    try:
        for switch in switches:
            if switch.object is not None:
                changed += _objects_off(target, switch.object, (name, check), done)
            elif switch.sql is not None:
                dsn = switch.sql.dsn or database_in(target).dsn
                undo = {"statement": switch.sql.enable, "dsn": dsn.model_dump()}
                done.append((None, _run_sql.intend(platform_of(target), check, f"{name} off", **undo)))
                _run_sql(switch.sql, dsn)
            elif switch.command is not None:
                words = list(switch.command.enable)
                done.append((None, _run_command.intend(platform_of(target), check, f"{name} off", words=words)))
                _run_command(switch.command.disable)
        yield
    finally:
        failed: list[HarnessError] = []
        for cluster, intent in reversed(done):
            try:
                undo_now(cluster, target, intent)
            except HarnessError as error:
                failed.append(error)
        if failed:
            raise failed[0]
        for cluster, ref in changed:
            _settle(cluster, ref)


def _settle(cluster: Cluster, ref: Ref) -> None:
    """Wait until a workload whose controller counts the pods of its template has no others, and all are ready.

    Raises:
        DriverError: it has others for too long.
    """
    if ref.plural not in _COUNTED:
        return
    objects = Objects(cluster.api)
    for _ in clock.Deadline.after(_SETTLED_S).ticks(_EVERY_S):
        obj = objects.read(ref)
        if obj is None or is_settled(obj):
            return
    raise DriverError(f"{ref} has not only ready pods of its template {_SETTLED_S:g} s after it was put back")


def _objects_off(
    target: Target, switch: ObjectSwitch, names: tuple[str, str], done: list[tuple[Cluster | None, Intent]]
) -> list[tuple[Cluster, Ref]]:
    """Patch or delete the object in each namespace, after all of them were found, and return them; `done` gets how each is put back."""
    name, check = names
    clusters, found = Clusters(target), list[tuple[Cluster, Ref, Mapping[str, Any]]]()
    for region, namespace in _places(target, switch):
        cluster = clusters.of(region)
        plural = cluster.kinds(switch.version).get(switch.kind, "")
        ref = Ref(switch.version, plural, switch.name, namespace)
        obj = Objects(cluster.api).read(ref) if plural else None
        if obj is None:
            hint = "correct `layers` of the target file"
            raise DriverError(f"there is no {switch.kind} {namespace}/{switch.name}", where=cluster.url, hint=hint)
        found.append((cluster, ref, obj))
    for cluster, ref, obj in found:
        patch = switch.patch or _with_variables(obj, switch.variables)
        before = parts_of(obj) if patch else manifest_of(obj)
        undo = {"version": ref.version, "plural": ref.plural, "name": ref.name, "namespace": ref.namespace}
        intent = change_object.intend(
            platform_of(target), check, f"{name} off: {ref}", cluster=cluster, before=before, **undo
        )
        done.append((cluster, intent))
        objects = Objects(cluster.api)
        if patch:
            objects.merge(ref, patch)
        else:
            objects.delete(ref)
    return [(cluster, ref) for cluster, ref, _ in found]


def _with_variables(obj: Mapping[str, Any], variables: Mapping[str, str]) -> Mapping[str, Any]:
    """The merge patch by which each container of a workload has these variables, in place of those of these names; empty without any."""
    if not variables:
        return {}
    own = [{"name": name, "value": value} for name, value in variables.items()]
    containers = [
        {**one, "env": [*(each for each in one.get("env") or [] if each["name"] not in variables), *own]}
        for one in obj["spec"]["template"]["spec"]["containers"]
    ]
    return {"spec": {"template": {"spec": {"containers": containers}}}}


def _places(target: Target, switch: ObjectSwitch) -> list[tuple[str, str]]:
    """Region and namespace of each object."""
    everywhere = namespaces(target)
    if not switch.namespaces:
        return list(everywhere.items())
    regions = {namespace: region for region, namespace in everywhere.items()}
    return [(regions.get(namespace, ""), namespace) for namespace in switch.namespaces]


def _sql_on(_cluster: Cluster | None, _target: Target, *, statement: str, dsn: Mapping[str, str]) -> None:
    _execute(statement, Reference.model_validate(dsn))


@undoable("protection-by-sql", undo=_sql_on)
def _run_sql(switch: SqlSwitch, dsn: Reference) -> None:
    _execute(switch.disable, dsn)


def _execute(statement: str, dsn: Reference) -> None:
    """Run a statement.

    Raises:
        TargetUnreachable: no connection; the message never contains the DSN.
        DriverError: the server refused it.
    """
    import psycopg
    from psycopg import sql
    from psycopg.conninfo import make_conninfo

    try:
        info = make_conninfo(dsn.resolve(), connect_timeout=CONNECT_S, options=f"-c statement_timeout={STATEMENT_MS}")
    except psycopg.ProgrammingError:
        raise ConfigurationError("this is not the address of a PostgreSQL database", where=str(dsn)) from None
    try:
        with psycopg.connect(info) as connection:
            connection.execute(sql.SQL(statement))  # of the target file
    except psycopg.OperationalError as error:
        raise TargetUnreachable(f"no answer from the database ({type(error).__name__})", where=str(dsn)) from error
    except psycopg.Error as error:
        raise DriverError(
            f"the database refused `{statement}`: {' '.join(str(error).split())}", where=str(dsn)
        ) from error


def _command_on(_cluster: Cluster | None, _target: Target, *, words: Sequence[str]) -> None:
    _command(words)


@undoable("protection-by-command", undo=_command_on)
def _run_command(words: Sequence[str]) -> None:
    _command(words)


def _command(words: Sequence[str]) -> None:
    """Run a command on this machine. Raises DriverError unless it ends with 0; what it prints is not shown, since it may be a secret."""
    try:
        done = subprocess.run(words, stdin=_NO, stdout=_NO, stderr=_NO, timeout=_COMMAND_S, check=False)
    except (OSError, subprocess.TimeoutExpired) as error:
        raise DriverError(f"the command did not run: {type(error).__name__}", where=words[0]) from error
    if done.returncode:
        raise DriverError(f"the command ended with {done.returncode}, expected 0", where=words[0])


def switch_access(target: Target, _params: Mapping[str, str]) -> tuple[Access, ...]:
    """Permissions to change the objects that `layers` names."""
    settings = target.layers
    every = [one for layer in settings.switches.values() for one in layer.disable] if settings is not None else []
    every += (
        list(settings.authentication.disable) if settings is not None and settings.authentication is not None else []
    )
    found: list[Access] = []
    for one in every:
        if one.object is not None:
            verbs = "get,patch" if one.object.patch or one.object.variables else "get,create,delete"
            found += access(f"{verbs} {resource_of(one.object.version, one.object.kind)}")
    return tuple(found)
