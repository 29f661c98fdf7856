"""Extras of the distribution: packages that only some targets and plans need, and the commands that install them."""

from __future__ import annotations

from importlib.util import find_spec
from types import MappingProxyType
from typing import TYPE_CHECKING, Final

from harness.errors import UsageError

if TYPE_CHECKING:
    from collections.abc import Mapping

KUBERNETES: Final = "kubernetes"
DATABASE: Final = "database"
STATIC: Final = "static"
ALLURE: Final = "allure"
DNS: Final = "dns"
GENERATED: Final = "generated"
ZSTD: Final = "zstd"
ATTEST: Final = "attest"
TRUST: Final = "trust"
S3: Final = "s3"
CACHE: Final = "cache"
EXTRAS: Final[Mapping[str, tuple[str, ...]]] = MappingProxyType(
    {
        KUBERNETES: ("kubernetes", "chaosk8s", "prometheus_client", "websocket"),
        DATABASE: ("psycopg",),
        STATIC: ("dulwich", "hcl2", "lark", "markdown_it"),
        ALLURE: ("allure_commons", "attr"),
        DNS: ("dns",),
        GENERATED: ("hypothesis", "jsonschema"),
        ZSTD: ("zstandard",),
        ATTEST: ("cryptography", "securesystemslib"),
        TRUST: ("cryptography", "jwt"),
        S3: ("obstore",),
        CACHE: ("redis",),
    }
)
"""The modules that each extra adds to the core."""


def missing(extra: str) -> tuple[str, ...]:
    """The modules of an extra that are not installed."""
    return tuple(name for name in EXTRAS[extra] if find_spec(name) is None)


def require(extra: str, what: str, where: str = "") -> None:
    """Check that an extra is installed.

    Args:
        extra: name of the extra.
        what: thing that needs the extra, such as a key of the target file or a kind of sentence.
        where: place in a file at which this thing is written.

    Raises:
        UsageError: the extra is not installed; the hint is the command that installs it.
    """
    if lacking := missing(extra):
        raise UsageError(f"{what} needs {', '.join(lacking)}, which is not installed", where=where, hint=install(extra))


def install(extra: str) -> str:
    """The command that installs an extra."""
    return f"pip install 'readiness-harness[{extra}]'"
