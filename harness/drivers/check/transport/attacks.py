"""Patterns that a web application firewall must refuse, each with a harmless request of the same form.

Patterns: OWASP, SQL injection, cross-site scripting and path traversal (https://owasp.org/www-community/attacks/). Each is a read: nothing is
written where one is let in.
"""

from __future__ import annotations

from types import MappingProxyType
from typing import Final, NamedTuple
from urllib.parse import quote

_HARMLESS: Final = "harmless"


class Attack(NamedTuple):
    """One request.

    Attributes:
        pattern: what it carries.
        query, path, headers: of the request; an empty path is that of the listener.
    """

    pattern: str
    query: str = ""
    path: str = ""
    headers: tuple[tuple[str, str], ...] = ()

    @property
    def harmless(self) -> Attack:
        """The same form of request without the pattern."""
        return Attack(
            _HARMLESS,
            f"?q={_HARMLESS}" if self.query else "",
            f"/{_HARMLESS}" if self.path else "",
            tuple((name, _HARMLESS) for name, _ in self.headers),
        )


def _in_query(*patterns: str) -> tuple[Attack, ...]:
    return tuple(Attack(one, f"?q={quote(one, safe='')}") for one in patterns)


def _in_path(*paths: str) -> tuple[Attack, ...]:
    return tuple(Attack(one, path=one) for one in paths)


def _in_header(name: str, *patterns: str) -> tuple[Attack, ...]:
    return tuple(Attack(f"{name}: {one}", headers=((name, one),)) for one in patterns)


ATTACKS: Final = MappingProxyType(
    {
        "SQL injection": (
            *_in_query(
                "' OR '1'='1",
                "1' OR 1=1 --",
                "1 UNION SELECT name, password FROM users",
                "1; DROP TABLE users --",
                "1' AND SLEEP(5) --",
                "' UNION ALL SELECT NULL, NULL --",
            ),
            *_in_path("/%27%20OR%201=1%20--"),
            *_in_header("Referer", "' UNION SELECT password FROM users --"),
        ),
        "script injection": (
            *_in_query(
                "<script>alert(1)</script>",
                "<img src=x onerror=alert(1)>",
                "<svg/onload=alert(1)>",
                "javascript:alert(1)",
                '"><SCRIPT SRC=//x.invalid></SCRIPT>',
            ),
            *_in_path("/%3Cscript%3Ealert(1)%3C/script%3E"),
            *_in_header("User-Agent", "<script>alert(1)</script>"),
        ),
        "path traversal": (
            *_in_query("../../../../etc/passwd", "..\\..\\windows\\win.ini", "/etc/passwd"),
            *_in_path("/a/b/../../etc/passwd", "/a/b/c/..%2f..%2f..%2fetc/passwd", "/a/b/%2e%2e/%2e%2e/etc/passwd"),
        ),
    }
)
"""Requests by kind of attack."""
