"""Makes calls of the official client, and reads their answers as the JSON of Kubernetes."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING, Any, Final

from harness.errors import AccessDenied, TargetSilent, TargetUnreachable
from harness.targets.cluster.bodies import is_absence, json_of, status_message

if TYPE_CHECKING:
    from kubernetes.client import ApiClient

TIMEOUT_S: Final = 5.0
PAGE: Final = 500
"""Number of objects per page of a list."""
JSON_PATCH: Final = "application/json-patch+json"
MERGE_PATCH: Final = "application/merge-patch+json"


class ApiCalls:
    """Calls of one cluster's API.

    Every call has the timeout `TIMEOUT_S`. A failed call raises TargetUnreachable, a missing permission raises
    AccessDenied.
    """

    def __init__(self, api: ApiClient) -> None:
        from kubernetes import client

        self.url = str(api.configuration.host)
        self.api = api
        self._core = client.CoreV1Api(api)
        self._custom = client.CustomObjectsApi(api)

    def _items(self, method: Callable[..., Any], /, *args: str, **kwargs: str) -> list[Mapping[str, Any]]:
        """A list, read page by page, or at once if its pages expired meanwhile."""
        found: list[Mapping[str, Any]] = []
        page: dict[str, Any] = {"limit": PAGE}
        while True:
            status, text = self._answer(method, *args, **kwargs, **page)
            if status == 410 and page:
                found, page = [], {}
                continue
            answer = self._read(status, text)
            found += answer["items"] if answer else []
            more = (answer.get("metadata") or {}).get("continue") if answer else None
            if not more:
                return found
            page = {"limit": PAGE, "_continue": more}

    def _call(self, method: Callable[..., Any], /, *args: Any, **kwargs: Any) -> Mapping[str, Any] | None:
        """The JSON of an answer; None if the API server answered 404, as there is no such object or resource."""
        return self._read(*self._answer(method, *args, **kwargs))

    def _create(self, method: Callable[..., Any], /, *args: Any) -> None:
        """Create an object; a missing resource or namespace is an error."""
        status, text = self._answer(method, *args)
        if not 200 <= status < 300:
            raise self._refusal(status, text)

    def _read(self, status: int, text: bytes) -> Mapping[str, Any] | None:
        if status == 404 and is_absence(text):
            return None
        answer = json_of(text)
        if not isinstance(answer, dict) or not 200 <= status < 300:
            raise self._refusal(status, text)
        return answer

    def _refusal(self, status: int, text: bytes) -> AccessDenied | TargetUnreachable:
        what = f"the API server answered {status} {status_message(text)}".rstrip()
        if status == 401:
            hint = "the credentials have expired or are missing: sign in to the cluster again; in a pod, mount the token of its ServiceAccount"
            return AccessDenied(what, where=self.url, hint=hint)
        if status == 403:
            hint = "grant the permission to the user (see `readiness plan --roles`), or use another context"
            return AccessDenied(what, where=self.url, hint=hint)
        kind = TargetSilent if status >= 500 else TargetUnreachable  # of a 5xx a write may have been done
        return kind(what, where=self.url)

    def _header(self, name: str, method: Callable[..., Any]) -> str:
        """A header of an answer, empty if it has none."""
        status, body, headers = self._response(method)
        self._read(status, body)
        return str(headers.get(name) or "")

    def _answer(self, method: Callable[..., Any], /, *args: Any, **kwargs: Any) -> tuple[int, bytes]:
        """Make a call; returns its status and body for any status."""
        return self._response(method, *args, **kwargs)[:2]

    def _response(
        self, method: Callable[..., Any], /, *args: Any, **kwargs: Any
    ) -> tuple[int, bytes, Mapping[str, Any]]:
        """Make a call; returns its status, body and headers for any status."""
        from kubernetes.client import ApiException
        from urllib3.exceptions import HTTPError, MaxRetryError

        try:
            response = method(*args, **kwargs, _preload_content=False, _request_timeout=TIMEOUT_S)
            body = response.data  # it is read only here, and may break off
        except ApiException as error:
            said = error.body or b""
            return error.status or 0, said.encode() if isinstance(said, str) else said, {}
        except HTTPError as error:
            cause = error.reason if isinstance(error, MaxRetryError) and error.reason else error
            raise TargetSilent(f"the API server gave no answer ({type(cause).__name__})", where=self.url) from error
        return response.status, body, response.headers
