"""Holds every answer of a load worker against the API description, while the load runs."""

from __future__ import annotations

import zlib
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any, Final
from urllib.parse import urlsplit

from harness import clock
from harness.errors import HarnessError
from harness.model.records.table import AS_DESCRIBED, NOT_AS_DESCRIBED, NOT_COMPARABLE, NOT_COMPARED

SHARE: Final = 0.2
"""Maximum share of a worker's time that comparing may take; further answers are left out, and counted."""
_ALWAYS_S: Final = 1.0
"""Time that comparing may take in any case: validators are made with the first answers."""
MOST_EXAMPLES: Final = 10
"""Maximum number of different answers of a worker that are recorded in words."""

Say = Callable[[dict[str, Any]], None]


class AnswerComparer:
    """Compares answers with the description of a file.

    Args:
        file: the description, OpenAPI as JSON or YAML; None: answers are not compared.
        say: records an answer that is not as described, or cannot be compared.
    """

    def __init__(self, file: Path | None, say: Say) -> None:
        self._say = say
        self._api: Any = None
        self._spent_ns = 0
        self._since_ns = clock.now_ns()
        self._examples: set[tuple[int, str, str]] = set()
        if file is None:
            return
        from harness.targets.openapi.comparing import DescribedApi  # needs the extra `generated`
        from harness.targets.openapi.description import DescriptionReading, read_operations
        from harness.targets.openapi.document import OpenApiDocument, parsed

        try:
            document = OpenApiDocument(str(file), parsed(str(file), file.read_bytes()))
            self._api = DescribedApi(read_operations(document, DescriptionReading(requests=False)))
        except (HarnessError, OSError) as error:
            self._record(NOT_COMPARABLE, "every operation", f"the description cannot be read: {error}")

    def of(
        self, method: str, host: str, path: str, status: int, answer: Callable[[], tuple[Mapping[str, str], bytes]]
    ) -> int:
        """Whether an answer is as described: a code of the column `described` of samples.

        Args:
            method: HTTP method.
            host: base URL of the request.
            path: path below the host, with the query.
            status: status of the answer; 0: there was none.
            answer: gives headers by names in small letters, and the body; may raise zlib.error.
        """
        if self._api is None or not status:
            return NOT_COMPARED
        began_ns = clock.now_ns()
        if self._spent_ns > max(_ALWAYS_S * 1e9, SHARE * (began_ns - self._since_ns)):
            return NOT_COMPARED
        try:
            return self._compared(method.upper(), host, path, status, answer)
        finally:
            self._spent_ns += clock.now_ns() - began_ns

    def of_locust(self, method: str, response: Any, status: int) -> int:
        """Whether an answer to Requests or geventhttpclient is as described; the answer to a redirected request is not compared."""
        # Locust puts the name of a request into the `url` of its answer
        url = getattr(getattr(response, "request", None), "url", None) or getattr(response, "url", None)
        if not isinstance(url, str) or getattr(response, "history", None):
            return NOT_COMPARED

        def answer() -> tuple[Mapping[str, str], bytes]:
            headers = {str(name).lower(): str(value) for name, value in response.headers.items()}
            return headers, response.content or b""

        return self.of(method, "", urlsplit(url).path or "/", status, answer)

    def _compared(
        self, method: str, host: str, path: str, status: int, answer: Callable[[], tuple[Mapping[str, str], bytes]]
    ) -> int:
        from harness.targets.openapi.answers import GivenAnswer  # as above

        below = urlsplit(host).path.rstrip("/")
        paths = (below + path, path) if below else (path,)
        try:
            headers, body = answer()
        except zlib.error:
            self._record(NOT_AS_DESCRIBED, f"{method} {path}", "the body is not packed as its headers say")
            return NOT_AS_DESCRIBED
        found = self._api.compare(method, paths, GivenAnswer(status=status, headers=headers, body=body, secret=True))
        code = {True: AS_DESCRIBED, False: NOT_AS_DESCRIBED, None: NOT_COMPARABLE}[found.ok]
        if code != AS_DESCRIBED:
            self._record(code, found.operation, found.what)
        return code

    def _record(self, code: int, operation: str, what: str) -> None:
        example = (code, operation, what)
        if example in self._examples or len(self._examples) >= MOST_EXAMPLES:
            return
        self._examples.add(example)
        self._say({"at_ns": clock.now_ns(), "code": code, "operation": operation, "what": what})
