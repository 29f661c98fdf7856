"""Compares answers of any client with the description: finds the operation of a request, and holds the answer against it."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Final

from harness.targets.openapi.answers import GivenAnswer, matching
from harness.targets.openapi.description import Operation

_PARAMETER: Final = re.compile(r"{[^}]*}")


@dataclass(frozen=True, kw_only=True, slots=True)
class ComparedAnswer:
    """An answer beside the description.

    Attributes:
        ok: whether the answer is as described; None: it cannot be compared.
        operation: name of the operation, as in `POST /orders`; the request without its operation where none is described.
        what: what was observed.
    """

    ok: bool | None
    operation: str
    what: str


class DescribedApi:
    """The operations of a description, found by method and path.

    Args:
        operations: operations of the description; of two whose path a request has, the one with fewer parameters counts.
    """

    def __init__(self, operations: Sequence[Operation]) -> None:
        self.operations = tuple(one for one in operations if one.method)
        self._plain: dict[tuple[str, str], Operation] = {}
        self._ambiguous: dict[str, Sequence[tuple[re.Pattern[str], Operation]]] = {}
        self._templates: dict[str, list[tuple[re.Pattern[str], Operation]]] = {}
        for one in sorted(self.operations, key=lambda each: len(_PARAMETER.findall(each.path))):
            if "{" not in one.path:
                self._plain.setdefault((one.method, one.path), one)
                continue
            parts = _PARAMETER.split(one.path)
            pattern = re.compile("[^/]+".join(re.escape(part) for part in parts))
            self._templates.setdefault(one.method, []).append((pattern, one))

    def operation_of(self, method: str, path: str) -> Operation | None:
        """The operation of a request; a HEAD request is of the GET where HEAD is not described.

        Args:
            method: HTTP method in capitals.
            path: path of the request, without its query.
        """
        found = self._plain.get((method, path))
        if found is None:
            templates = self._templates.get(method, ())
            found = next((one for pattern, one in templates if pattern.fullmatch(path)), None)
        if found is None and method == "HEAD":
            return self.operation_of("GET", path)
        return found

    def compare(self, method: str, paths: Sequence[str], answer: GivenAnswer) -> ComparedAnswer:
        """An answer beside the description of its operation.

        Args:
            method: HTTP method in capitals.
            paths: the path of the request, and the path below the entry where that has a path itself; the first that is described counts.
            answer: the answer.
        """
        plain = [path.partition("?")[0].partition("#")[0] for path in paths]
        found = next((one for path in plain if (one := self.operation_of(method, path)) is not None), None)
        if found is None:
            return ComparedAnswer(
                ok=None, operation=f"{method} {plain[0]}", what=f"{answer.text}; the operation is not described"
            )
        if found.unread:
            return ComparedAnswer(ok=None, operation=found.name, what=f"its description is not read: {found.unread}")
        if method == "HEAD":
            answer = replace(answer, body=b"")
        judged = matching(replace(found, method=method), answer)
        for pattern, other in self._alike(found):
            if not any(pattern.fullmatch(path) for path in plain):
                continue
            if other.unread or matching(replace(other, method=method), answer).ok is not judged.ok:
                what = f"{judged.observed}; the path is also of {other.name}, which says otherwise"
                return ComparedAnswer(ok=None, operation=found.name, what=what)
        return ComparedAnswer(ok=judged.ok, operation=found.name, what=judged.observed)

    def _alike(self, found: Operation) -> Sequence[tuple[re.Pattern[str], Operation]]:
        """Operations with as many parameters whose path a request may have too: OpenAPI leaves open which of them it is of."""
        if found.name not in self._ambiguous:
            sizes = found.path.count("/"), len(_PARAMETER.findall(found.path))
            self._ambiguous[found.name] = [
                (pattern, one)
                for pattern, one in self._templates.get(found.method, ())
                if one is not found and sizes == (one.path.count("/"), len(_PARAMETER.findall(one.path)))
            ] if sizes[1] else []  # fmt: skip
        return self._ambiguous[found.name]
