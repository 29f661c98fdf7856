"""One request, understood.

It has the resource, the query parameters, the accepted types and the body.
"""

from __future__ import annotations

import json
import re
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from readiness_sandbox.cluster import bodies, kinds, patch, views
from readiness_sandbox.cluster.schema import cannot_be_handled
from readiness_sandbox.cluster.selectors import Selector, parse_fields
from readiness_sandbox.cluster.statuses import (
    StatusError,
    bad_request,
    no_such_path,
    not_acceptable,
    unsupported_media_type,
)

if TYPE_CHECKING:
    from collections.abc import Sequence

    from starlette.requests import Request

    from readiness_sandbox.cluster.kinds import Kind, ServedKinds

PATH = re.compile(
    r"/(?:api|apis/(?P<group>[^/]+))/(?P<version>[^/]+)(?:/namespaces/(?P<namespace>[^/]+))?"
    r"/(?P<plural>[^/]+)(?:/(?P<name>[^/]+)(?:/(?P<subresource>[^/]+)(?P<below>/.*)?)?)?/?"
)
LARGEST = (1 << 63) - 1
LONGEST_S = (1 << 31) - 1
"""Of seconds, lines and bytes that a query may ask for."""

ANY_FORMAT = ("log", "exec", "proxy")
"""Subresources that answer texts, whatever a client accepts."""

JSON = ("application/json", "application/*", "*/*")
SHAPES = ("Table", "PartialObjectMetadata", "PartialObjectMetadataList")
META = ("meta.k8s.io", "v1")
"""Group and version of the shapes."""

PATCH_TYPES = (patch.STRATEGIC, patch.MERGE, patch.JSON)
CUSTOM_PATCH_TYPES = (patch.JSON, patch.MERGE)
"""Of custom resources: the server does not know by which key their lists merge."""
FIELD_VALIDATIONS = ("Ignore", "Warn", "Strict")
WHY_NOT = {
    "application/vnd.kubernetes.protobuf": "protobuf is not served here: use `kubectl apply -f` or `create -f`, which send JSON",
    "application/apply-patch+yaml": "server-side apply is not served here: use `kubectl apply` without --server-side",
    "application/cbor": "CBOR is not served here: send application/json",
}


@dataclass(frozen=True, kw_only=True, slots=True)
class RequestPath:
    """What a path means.

    Attributes:
        namespace: None for all of them, or for a cluster's kind.
        name: empty for a collection.
        below: the rest of the path, behind `proxy`; empty otherwise.
    """

    kind: Kind
    namespace: str | None
    name: str
    subresource: str
    below: str

    @classmethod
    def of(cls, path: str, served: ServedKinds) -> RequestPath:
        """Read a path. Raises StatusError 404 when no such resource is served."""
        found = PATH.fullmatch(path)
        if not found:
            raise no_such_path()
        group, namespace, plural, name = found["group"] or "", found["namespace"], found["plural"], found["name"] or ""
        subresource = found["subresource"] or ""
        if namespace and plural in kinds.by_name("Namespace").subresources and not name:
            namespace, plural, name, subresource = None, "namespaces", namespace, plural
        kind = served.by_plural(group, found["version"], plural)
        if (
            kind is None
            or (namespace and not kind.namespaced)
            or (subresource and subresource not in kind.subresources)
        ):
            raise no_such_path()
        below = (found["below"] or "").rstrip("/")
        if (name and kind.namespaced and not namespace) or (below and subresource != "proxy"):
            raise no_such_path()
        return cls(kind=kind, namespace=namespace, name=name, subresource=subresource, below=below)


@dataclass(frozen=True, kw_only=True, slots=True)
class Call:
    """A request on a resource.

    Attributes:
        shape: `Table`, `PartialObjectMetadata` or `PartialObjectMetadataList`; empty for the object as it is.
    """

    request: Request
    target: RequestPath
    shape: str
    body: bytes
    warnings: list[str] = field(default_factory=list)

    @classmethod
    async def of(cls, request: Request, served: ServedKinds) -> Call:
        """Read path and body. Raises StatusError 404, 406, 413."""
        target = RequestPath.of(request.url.path, served)
        shape = "" if target.subresource in ANY_FORMAT else _shape(request.headers.get("accept", ""))
        return cls(request=request, target=target, shape=shape, body=await bodies.read_body(request))

    def flag(self, name: str) -> bool:
        """A boolean parameter, read as leniently as Kubernetes does.

        Anything but `false` and `0` is true.
        """
        value = self.request.query_params.get(name)
        return value is not None and value.lower() not in ("false", "0")

    def number(self, name: str, *, most: int = LONGEST_S) -> int | None:
        """An integer parameter from 0 to `most`, None when absent or empty. Raises StatusError 400."""
        value = self.request.query_params.get(name)
        if not value:
            return None
        if not re.fullmatch(r"[+-]?[0-9]+", value):
            raise bad_request(f"strconv.ParseInt: parsing {json.dumps(value[:40])}: invalid syntax")
        if not value.isascii() or not value.isdecimal() or len(value) > len(str(most)) or int(value) > most:
            raise bad_request(f"{name}: Invalid value: {value[:40]!r}: must be an integer from 0 to {most}")
        return int(value)

    def text(self, name: str) -> str:
        """A parameter, empty when absent."""
        return self.request.query_params.get(name, "")

    @property
    def dry_run(self) -> bool:
        """Whether the query asks for no effect. Raises StatusError 400 for anything but `All`."""
        return dry_run(self.request.query_params.getlist("dryRun"))

    @property
    def field_validation(self) -> str:
        """`Strict`, `Warn` or `Ignore`; Warn when nothing is asked for. Raises StatusError 422 for anything else."""
        asked = self.text("fieldValidation") or "Warn"
        if asked not in FIELD_VALIDATIONS:
            options = {"POST": "CreateOptions", "PUT": "UpdateOptions"}.get(self.request.method, "PatchOptions")
            listed = ", ".join(f'"{each}"' for each in ("", *FIELD_VALIDATIONS))
            why = f'Unsupported value: "{asked[:40]}": supported values: {listed}'
            raise StatusError(422, "Invalid", f'{options}.meta.k8s.io "" is invalid: fieldValidation: {why}')
        return asked

    def on_unknown(self, paths: Sequence[str]) -> None:
        """Refuse, warn of or pass over unknown fields. Raises StatusError 400, of a patch 422."""
        found = [f'unknown field "{path}"' for path in paths]
        if self.field_validation == "Strict":
            raise self._not_strict(found)
        if self.field_validation == "Warn":
            self.warnings.extend(found)

    def _not_strict(self, found: Sequence[str]) -> StatusError:
        why = f"strict decoding error: {', '.join(found)}"
        if self.request.method != "PATCH":
            return cannot_be_handled(self.target.kind, why)
        cause = f"Invalid value: {json.dumps(self.body.decode(errors='replace'))}: {why}"
        details = {"causes": [{"reason": "FieldValueInvalid", "message": cause, "field": "patch"}]}
        return StatusError(422, "Invalid", f' "" is invalid: patch: {cause}', details)

    @property
    def labels(self) -> Selector:
        """The labelSelector. Raises StatusError 400."""
        return Selector.parse(self.text("labelSelector"))

    @property
    def fields(self) -> Selector:
        """The fieldSelector in terms of stored objects. Raises StatusError 400."""
        kind = self.target.kind
        return views.stored_fields(kind, parse_fields(self.text("fieldSelector"), kind.fields))

    def json(self) -> Any:
        """The body; a missing content type means JSON.

        Raises StatusError 400, or 415 for other formats.
        """
        content_type = self._content_type
        if content_type not in ("", "application/json"):
            raise _refused_format(content_type, ("application/json",))
        return self._parsed()

    def patch(self) -> tuple[Any, str]:
        """A PATCH's body and its type.

        Raises StatusError 400, or 415 for types that are not served.
        """
        content_type, served = self._content_type, CUSTOM_PATCH_TYPES if self.target.kind.custom else PATCH_TYPES
        if content_type not in served:
            raise _refused_format(content_type, served)
        return self._parsed(), content_type

    def _parsed(self) -> Any:
        value = bodies.parsed(self.body)
        if self.field_validation != "Ignore" and (twice := bodies.duplicates(self.body)):
            found = [f'duplicate field "{path}"' for path in twice]
            if self.field_validation == "Strict":
                raise self._not_strict(found)
            self.warnings.extend(found)
        return value

    @property
    def _content_type(self) -> str:
        return self.request.headers.get("content-type", "").partition(";")[0].strip().lower()


def dry_run(values: list[str]) -> bool:
    """Whether these dryRun values ask for no effect.

    Raises StatusError 400 for anything but `All`.
    """
    if any(value != "All" for value in values):
        raise bad_request(f"dryRun: Unsupported value: {values}: supported values: All")
    return bool(values)


def _refused_format(content_type: str, accepted: tuple[str, ...]) -> StatusError:
    return unsupported_media_type(WHY_NOT.get(content_type) or f"accepted media types include: {', '.join(accepted)}")


def _shape(accept: str) -> str:
    """What the first media range that is served asks for, see `Call.shape`. Raises StatusError 406 when none is."""
    ranges = [each for each in accept.split(",") if each.strip()]
    for each in ranges:
        media, *parameters = (part.strip() for part in each.split(";"))
        given = dict(part.partition("=")[::2] for part in parameters)
        shape = given.get("as", "")
        if media in JSON and (not shape or (shape in SHAPES and (given.get("g"), given.get("v")) == META)):
            return shape
    if ranges:
        raise not_acceptable()
    return ""
