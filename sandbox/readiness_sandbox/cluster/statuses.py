"""Refusals as the Kubernetes API speaks them: one exception that carries a `Status` object."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from readiness_sandbox.cluster.kinds import Kind

Object = dict[str, Any]
"""A Kubernetes object as JSON.

Immutable by agreement once it was handed to the store or out of it.
"""


CAUSES = {
    "Required value": "FieldValueRequired",
    "Unsupported value": "FieldValueNotSupported",
    "Duplicate value": "FieldValueDuplicate",
    "Not found": "FieldValueNotFound",
    "Forbidden": "FieldValueForbidden",
    "Too long": "FieldValueTooLong",
    "Too many": "FieldValueTooMany",
}
"""How a message begins, to the machine-readable reason of a cause."""


class StatusError(Exception):
    """A request that the API refuses.

    Attributes:
        code: HTTP status.
        reason: Kubernetes' machine-readable reason, such as `NotFound`.
        message: one sentence for people.
        details: the `details` of the Status, without the empty ones.
        token: of a list whose token expired, the one with which it can go on.
    """

    def __init__(
        self, code: int, reason: str, message: str, details: Mapping[str, Any] | None = None, *, token: str = ""
    ) -> None:
        super().__init__(message)
        self.code = code
        self.reason = reason
        self.message = message
        self.details = dict(details or {})
        self.token = token

    @property
    def status(self) -> Object:
        """The Status object that goes out, in a body or in a watch's ERROR event."""
        status: Object = {
            "kind": "Status",
            "apiVersion": "v1",
            "metadata": {"continue": self.token} if self.token else {},
            "status": "Failure",
            "message": self.message,
            "reason": self.reason,
            "code": self.code,
        }
        if self.details:
            status["details"] = self.details
        return status


def success(kind: Kind, name: str, uid: str) -> Object:
    """The Status that most kinds answer a DELETE with."""
    return {
        "kind": "Status",
        "apiVersion": "v1",
        "metadata": {},
        "status": "Success",
        "details": {**_about(kind, name), "uid": uid},
    }


def not_found(kind: Kind, name: str) -> StatusError:
    """404: no such object."""
    return StatusError(404, "NotFound", f'{kind.resource} "{name}" not found', _about(kind, name))


def no_such_path() -> StatusError:
    """404: no such resource or subresource is served."""
    return StatusError(404, "NotFound", "the server could not find the requested resource")


def already_exists(kind: Kind, name: str) -> StatusError:
    """409: the name is taken."""
    return StatusError(409, "AlreadyExists", f'{kind.resource} "{name}" already exists', _about(kind, name))


def conflict(kind: Kind, name: str, why: str) -> StatusError:
    """409: the object is not the one that the writer has seen."""
    message = f'Operation cannot be fulfilled on {kind.resource} "{name}": {why}'
    return StatusError(409, "Conflict", message, _about(kind, name))


def invalid(kind: Kind, name: str, causes: Sequence[tuple[str, str]]) -> StatusError:
    """422: `causes` are (field, what is wrong with it)."""
    listed = ", ".join(f"{field}: {why}" for field, why in causes)
    text = listed if len(causes) == 1 else f"[{listed}]"
    details = {
        **_about(kind, name),
        "kind": kind.kind,
        "causes": [{"reason": _cause_of(why), "message": why, "field": field} for field, why in causes],
    }
    return StatusError(422, "Invalid", f'{kind.qualified} "{name}" is invalid: {text}', details)


def _cause_of(why: str) -> str:
    if "must be of type" in why:
        return "FieldValueTypeInvalid"
    return next((reason for begin, reason in CAUSES.items() if why.startswith(begin)), "FieldValueInvalid")


def bad_request(message: str) -> StatusError:
    """400: the request itself makes no sense."""
    return StatusError(400, "BadRequest", message)


def too_large(limit: int) -> StatusError:
    """413: the body has more bytes than are read."""
    return StatusError(413, "RequestEntityTooLarge", f"Request entity too large: limit is {limit}")


def unauthorized() -> StatusError:
    """401: no token, or not this server's."""
    return StatusError(401, "Unauthorized", "Unauthorized")


def forbidden(kind: Kind, name: str, why: str) -> StatusError:
    """403: understood and refused."""
    return StatusError(403, "Forbidden", f'{kind.resource} "{name}" is forbidden: {why}', _about(kind, name))


def ending_namespace(kind: Kind, name: str, namespace: str) -> StatusError:
    """403: nothing is made in a namespace that was deleted."""
    why = f"unable to create new content in namespace {namespace} because it is being terminated"
    refusal = forbidden(kind, name, why)
    cause = f"namespace {namespace} is being terminated"
    refusal.details["causes"] = [{"reason": "NamespaceTerminating", "message": cause, "field": "metadata.namespace"}]
    return refusal


def method_not_allowed(
    why: str = "the server does not allow this method on the requested resource",
) -> StatusError:
    """405: the resource is served, this verb on it is not."""
    return StatusError(405, "MethodNotAllowed", why)


ACCEPTED = "only the following media types are accepted: application/json, also as Table and PartialObjectMetadata"


def not_acceptable(why: str = ACCEPTED) -> StatusError:
    """406: the client wants a representation that is not served."""
    return StatusError(406, "NotAcceptable", why)


def unsupported_media_type(why: str) -> StatusError:
    """415: the body is in a format that is not served."""
    return StatusError(415, "UnsupportedMediaType", f"the body of the request was in an unknown format - {why}")


def expired(version: int, oldest: int) -> StatusError:
    """410: the history no longer reaches back to where the client wants to go on."""
    return StatusError(410, "Expired", f"too old resource version: {version} ({oldest})")


def not_yet(version: int, current: int) -> StatusError:
    """504: a version is asked for that is to come."""
    cause = {"reason": "ResourceVersionTooLarge", "message": "Too large resource version"}
    details = {"causes": [cause], "retryAfterSeconds": 1}
    return StatusError(504, "Timeout", f"Too large resource version: {version}, current: {current}", details)


def expired_page(token: str) -> StatusError:
    """410: the history no longer reaches back to the first page; `token` goes on with the objects as they are now."""
    why = "The provided continue parameter is too old to display a consistent list result."
    return StatusError(410, "Expired", why, token=token)


def too_many_requests(message: str, causes: Sequence[tuple[str, str]], *, retry_after_s: int = 0) -> StatusError:
    """429: not now; `causes` are (machine-readable reason, why)."""
    details: Object = {"causes": [{"reason": reason, "message": why} for reason, why in causes]}
    if retry_after_s:
        details["retryAfterSeconds"] = retry_after_s
    return StatusError(429, "TooManyRequests", message, details)


def _about(kind: Kind, name: str) -> Object:
    about = {"name": name, "group": kind.group, "kind": kind.plural}
    return {key: value for key, value in about.items() if value}
