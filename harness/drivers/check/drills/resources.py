"""A drill by the resources of a product: the steps that all products share. What differs is in `DrillForm` and `DrillProduct`."""

from __future__ import annotations

import re
import secrets
from abc import ABC, abstractmethod
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property, partial
from typing import TYPE_CHECKING, Any, ClassVar, Final

from harness import clock
from harness.drivers.check.drills.scratch import is_gone, refuse_removal
from harness.drivers.check.drills.steps import CHECK, StepFailed, StepHangs
from harness.drivers.check.sql.asking import database_in, rows_of
from harness.errors import AccessDenied, DriverError
from harness.targets import Target, platform_of
from harness.targets.access import Access
from harness.targets.cluster.objects import Objects, Ref
from harness.targets.cluster.own import OWN
from harness.targets.cluster.patience import SILENT_S, patiently
from harness.targets.custom import create_custom
from harness.targets.files.backups import BackupResources
from harness.targets.files.drills import DRILL_MARK, OF_DRILL, DrillByResources, RestoreDrill
from harness.targets.files.reference import Reference
from harness.targets.kubernetes import Cluster, annotations_of, has_condition, namespaces_of
from harness.targets.stores.listing import ObjectKind
from harness.targets.stores.resources import collection_of, is_of, stored_resource
from harness.targets.undo import Undoable, undo_now, undoable

if TYPE_CHECKING:
    from harness.model import Intent
    from harness.targets.kubernetes import Object

Read = Callable[[Ref], "Object | None"]
"""Reads an object; None: it is not there."""
NAMESPACE: Final = "Namespace"
_MARK: Final = "readiness/drill"
"""Annotation of every scratch object with a word of its drill: only an object that has it is deleted."""
_SCRATCH: Final = "readiness/scratch"
"""Label of every scratch object with the name of the last one: a Service of the user may select it."""
_AGAIN_S: Final = 0.5
_RESTORABLE: Final = frozenset({ObjectKind.BACKUP, ObjectKind.UNKNOWN})
"""What a backup that is completed may be: its time may lack."""
_WHY: Final = ("phaseReason", "error", "failureReason", "validationErrors", "reason", "message")
"""Fields of a status that say why it is as it is."""
_NOT_ARCHIVED: Final = re.compile(r"archive_mode\s*=\s*'?off\b")


@dataclass(frozen=True, kw_only=True, slots=True)
class ScratchObject:
    """An object that a drill makes.

    Attributes:
        kind: its kind.
        ref: its place.
    """

    kind: str
    ref: Ref

    def __str__(self) -> str:
        return f"{self.kind} {self.ref.namespace}{'/' if self.ref.namespace else ''}{self.ref.name}"


@dataclass(frozen=True, kw_only=True, slots=True)
class DrillForm:
    """What the resources of a product are called, and how they say how a restore goes.

    Attributes:
        product: name of the product.
        backup: kind of its backups.
        kinds: kinds that the API server must serve, by the version of their group.
        scratch: key of the drill with the name of what is made.
        done: phase of the last scratch object after the restore; empty: its condition `Ready` says it.
        failed: phases in which the restore has failed, or will.
        untried: phases in which it was not begun.
        ended_by: field of the status of an object that others ended: then the restore has not failed; empty: there is none.
        making: creates a backup; its undo removes it.
    """

    product: str
    backup: str
    kinds: Mapping[str, tuple[str, ...]]
    scratch: str
    done: str = ""
    failed: frozenset[str]
    untried: frozenset[str]
    ended_by: str = ""
    making: Undoable[Cluster, str, str, str, Any] = create_custom


class DrillProduct(ABC):
    """What a drill makes by the resources of one product.

    Attributes:
        form: how its resources differ from those of other products.
        section: the drill.
        backups: the backups of what serves.
        scratch: what a restore makes, in this order; the last one shows how the restore goes.
        access: the permissions that the drill needs.
    """

    form: ClassVar[DrillForm]
    section: DrillByResources
    backups: BackupResources
    scratch: tuple[ScratchObject, ...]
    access: tuple[Access, ...]

    @abstractmethod
    def refuse(self, read: Read) -> None:
        """Read what serves, and refuse a drill that cannot be done.

        Raises:
            DriverError: it is refused.
        """

    @abstractmethod
    def backup_spec(self) -> Mapping[str, Any]:
        """The spec of a new backup, after `refuse`."""

    @abstractmethod
    def scratch_specs(self, backup: Object) -> Sequence[Mapping[str, Any]]:
        """The specs of the scratch objects that are restored from a backup, after `refuse`."""

    def restores(self, _backup: Object) -> bool:
        """Whether the drill can restore this backup, if it is completed."""
        return True

    def settings(self, _read: Read) -> str | None:
        """Text in which the user sets the copy's settings of PostgreSQL; None: the product itself keeps the copy from archiving."""
        return None


def backup_verbs(section: DrillByResources) -> str:
    """The verbs on backups that a drill needs: it lists them, makes one, and deletes it."""
    made = [] if section.backup == "newest" else ["create"] if section.keep else ["create", "delete"]
    return ",".join(["get", "list", *made])


class ResourceSteps:
    """A drill by the resources of a product.

    Args:
        target: whose database serves.
        name: of the drill.
        drill: the drill.
        product: the product by whose resources it is done.
    """

    def __init__(self, target: Target, name: str, drill: RestoreDrill, product: DrillProduct) -> None:
        self._target, self._name, self._drill = target, name, drill
        self._product, self._form = product, product.form
        self._collection = collection_of(product.backups)
        self._backup, self._mark = "", secrets.token_hex(DRILL_MARK)
        self._intents: list[Intent] = []

    @cached_property
    def _cluster(self) -> Cluster:
        return Cluster.of(self._target)

    def refuse(self) -> None:
        """The resources and rights are there, what serves can be backed up, nothing of the scratch is there, and no backup runs."""
        self._refuse_user()
        for one in self._product.scratch:
            hint = f"name in `{self._form.scratch}` what only the drill makes"
            if one.kind == NAMESPACE and one.ref.name in namespaces_of(self._target):
                raise DriverError("the scratch Namespace is one of the target's", where=str(one), hint=hint)
            if self._read(one.ref) is not None:
                what = f"the scratch {one.kind} is there already: nothing was made"
                raise DriverError(what, where=str(one), hint=hint)
        self._product.refuse(self._read)
        self._refuse_archive()
        self._refuse_backups()

    def _refuse_user(self) -> None:
        """Refuse a cluster without the product, and a user who lacks a right."""
        for version, kinds in self._form.kinds.items():
            if lacking := {*kinds} - {*self._cluster.kinds(version)}:
                hint = f"install {self._form.product}, or name the cluster that has it in `kubernetes`"
                what = f"the API server does not serve {' and '.join(sorted(lacking))} of {version}: nothing was made"
                raise DriverError(what, where=self._cluster.url, hint=hint)
        denied = [str(one) for one in self._product.access if not self._cluster.may(one)]
        if denied:
            hint = "grant it (`readiness plan --roles` writes the Role)"
            what = f"the user may not {', not '.join(denied)}: nothing was made"
            raise AccessDenied(what, where=self._cluster.url, hint=hint)

    def _refuse_archive(self) -> None:
        """Refuse a copy with the settings of what serves that would write to its archive."""
        settings = self._product.settings(self._read)
        if settings is None or _NOT_ARCHIVED.search(settings):
            return
        dsn = database_in(self._target).dsn
        if rows_of(dsn, "SELECT current_setting('archive_mode')") != [("off",)]:
            hint = "write `archive_mode=off` for the copy: in `pod`, or in the ConfigMap of `resource_modifier`"
            what = "the copy would write to the archive of the database that serves: nothing was made"
            raise DriverError(what, where=str(dsn), hint=hint)

    def _refuse_backups(self) -> None:
        """Refuse a new backup while one runs, and a lack of completed ones where none is made."""
        backups = self._product.backups
        listed = patiently(
            partial(self._cluster.customs, self._collection.version, self._collection.plural, backups.namespace)
        )
        found = [(one, stored_resource(backups, one)) for one in listed if is_of(backups, one)]
        if self._product.section.backup == "new":
            for one, stored in found:
                if stored.kind is ObjectKind.UNFINISHED:
                    hint = "try again when it has ended; delete one that never ends"
                    what = f"{self._form.backup} {stored.name} still runs ({_phase(one)}): nothing was made"
                    raise DriverError(what, where=f"namespace {backups.namespace}", hint=hint)
            return
        done = [two for one, two in found if two.kind is ObjectKind.BACKUP and self._product.restores(one)]
        if not done:
            what = f"no {self._form.backup} of {backups.of} is completed: nothing was made"
            raise DriverError(what, where=f"namespace {backups.namespace}")
        self._backup = max(done, key=lambda one: one.modified_ns).name

    def make(self) -> None:
        """Create a backup, and wait until it is completed."""
        form, backups, collection = self._form, self._product.backups, self._collection
        self._backup = f"{backups.of}{OF_DRILL}{self._mark}"
        where = f"{form.backup} {backups.namespace}/{self._backup}"
        if not self._product.section.keep:
            saved = {"version": collection.version, "plural": collection.plural}
            saved |= {"namespace": backups.namespace, "name": self._backup}
            self._intents.append(
                form.making.intend(platform_of(self._target), CHECK, f"make {where}", cluster=self._cluster, **saved)
            )
        metadata = {"name": self._backup, "namespace": backups.namespace, "labels": dict(OWN)}
        body = {
            "apiVersion": collection.version,
            "kind": form.backup,
            "metadata": metadata,
            "spec": self._product.backup_spec(),
        }
        form.making(self._cluster, collection.version, collection.plural, backups.namespace, body)
        phase = why = ""
        for _ in clock.Deadline.after(self._drill.within_s).ticks(_AGAIN_S):
            found = self._read(collection._replace(name=self._backup))
            if found is None:
                raise StepFailed("was deleted while it was made", where=where)
            phase, why = _phase(found), _why(found)
            kind = stored_resource(backups, found).kind
            if kind in _RESTORABLE:
                return
            if kind is ObjectKind.FAILED:
                raise StepFailed(f"{phase}: {why or 'no reason is given'}", where=where)
        what = f"is not completed after {self._drill.within_s:g} s: its phase is `{phase}`{_bracketed(why)}"
        raise StepHangs(what, where=where, hint=f"check {form.product}, or give more time with `within`")

    def intend(self) -> None:
        """Write the places of the scratch objects, and their mark, to the undo log."""
        scratch, drill = self._product.scratch, self._drill
        saved = {
            "objects": [[one.kind, *one.ref] for one in scratch],
            "mark": self._mark,
            "scratch": drill.scratch.model_dump(),
            "within_s": drill.within_s,
        }
        what = f"restore {self._name} into {', '.join(map(str, scratch))}"
        self._intents.append(_create.intend(platform_of(self._target), CHECK, what, cluster=self._cluster, **saved))

    def restore(self) -> None:
        """Create the scratch objects, and wait until the last one says that it is restored."""
        scratch, form = self._product.scratch, self._form
        backup = self._read(self._collection._replace(name=self._backup))
        if backup is None:
            where = f"{form.backup} {self._product.backups.namespace}/{self._backup}"
            raise DriverError(f"the {form.backup} is gone", where=where)
        for one, spec in zip(scratch, self._product.scratch_specs(backup), strict=True):
            metadata = {
                "name": one.ref.name,
                **({"namespace": one.ref.namespace} if one.ref.namespace else {}),
                "labels": {**OWN, _SCRATCH: scratch[-1].ref.name},
                "annotations": {_MARK: self._mark},
            }
            _create(self._cluster, one, {"metadata": metadata, **({"spec": spec} if spec else {})})
        self._await_restored(scratch[-1])

    def _await_restored(self, last: ScratchObject) -> None:
        """Wait until the last scratch object says that it is restored.

        Raises:
            StepFailed: it says that the restore failed.
            StepHangs: it says neither in time.
            DriverError: it says that the restore was not tried, or it was deleted or ended by others.
        """
        form, phase, why = self._form, "", ""
        for _ in clock.Deadline.after(self._drill.within_s).ticks(_AGAIN_S):
            found = self._read(last.ref)
            if found is None:
                raise DriverError(f"the scratch {last.kind} was deleted by others", where=str(last))
            phase, why = _phase(found), _why(found)
            if phase == form.done if form.done else has_condition(found, "Ready"):
                return
            if phase in form.untried or (phase in form.failed and _status(found).get(form.ended_by)):
                what = f"the restore could not be tried: its phase is `{phase}`{_bracketed(why)}"
                raise DriverError(what, where=str(last))
            if phase in form.failed:
                raise StepFailed(f"reached the phase `{phase}`{_bracketed(why)}", where=str(last))
        what = f"is not ready after {self._drill.within_s:g} s: its phase is `{phase}`{_bracketed(why)}"
        raise StepHangs(what, where=str(last))

    def undo(self) -> None:
        """Delete the scratch objects, then the backup that they need."""
        undo_now(self._cluster, self._target, *reversed(self._intents))

    def _read(self, ref: Ref) -> Object | None:
        return patiently(partial(Objects(self._cluster.api).read, ref))


def _status(obj: Object) -> Mapping[str, Any]:
    return obj.get("status") or {}


def _phase(obj: Object) -> str:
    """The phase of an object, in words."""
    status = _status(obj)
    return str(status.get("phase") or ("not ready" if "readyToUse" in status else "not begun"))


def _why(obj: Object) -> str:
    """What an object says of its phase; empty: nothing."""
    status = _status(obj)
    said = list[str]()
    for value in (status.get(key) for key in _WHY):
        told = value.get("message") if isinstance(value, Mapping) else value
        said += [str(told)] if isinstance(told, str) else map(str, told or ())
    if status.get("errors"):
        said.append(f"{status['errors']} errors")
    for one in status.get("containerStatuses") or ():
        for state in (one.get("state") or {}).values():
            said += [f"container {one['name']}: {state['reason']}"] if state.get("reason") else []
    return "; ".join(filter(None, said))


def _bracketed(why: str) -> str:
    return f" ({why})" if why else ""


def _remove(
    cluster: Cluster,
    target: Target,
    *,
    objects: Sequence[Sequence[str]],
    mark: str,
    scratch: Mapping[str, Any],
    within_s: float,
) -> None:
    """Delete the scratch objects that are those of the drill, the newest first; what belongs to them goes with them.

    Raises:
        DriverError: the database serves, or it or one of them is still there. What was made before it is not deleted then: a
            restore that still runs could make it again.
        TargetUnreachable: the database that serves does not answer, so nothing was deleted.
    """
    dsn = Reference.model_validate(scratch)
    refuse_removal(target, dsn)
    api, deadline = Objects(cluster.api), clock.Deadline.after(max(within_s, SILENT_S))
    own = True
    for kind, version, plural, name, namespace in reversed(objects):
        ref = Ref(version, plural, name, namespace)
        found = api.read(ref)
        if found is None:
            continue
        if annotations_of(found).get(_MARK) != mark:
            own = False
            continue
        uid = str(found["metadata"]["uid"])
        api.delete(ref, uid=uid)
        if not any(_is_other(api.read(ref), uid) for _ in clock.Deadline.after(deadline.left_s).ticks(_AGAIN_S)):
            hint = "check the operator of the product, and the finalizers of the object"
            where = str(ScratchObject(kind=kind, ref=ref))
            raise DriverError(f"the scratch {kind} is still there", where=where, hint=hint)
    if own and not any(is_gone(dsn) for _ in clock.Deadline.after(deadline.left_s).ticks(_AGAIN_S)):
        raise DriverError("the scratch database is still there", where=str(dsn), hint="remove it by hand")


def _is_other(found: Object | None, uid: str) -> bool:
    return found is None or found["metadata"]["uid"] != uid


@undoable("restore-drill-scratch", undo=_remove, of_a_cluster=True)
def _create(cluster: Cluster, one: ScratchObject, body: Mapping[str, Any]) -> None:
    Objects(cluster.api).create(one.ref, {"apiVersion": one.ref.version, "kind": one.kind, **body})
