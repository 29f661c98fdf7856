"""Configuration files with `$(NAME)` for environment variables, as in a pod's command."""

from __future__ import annotations

import os
import re
from collections.abc import Mapping
from pathlib import Path
from typing import Final

_REFERENCE: Final = re.compile(r"\$\((\w+)\)")


def effective(file: Path, home: Path, more: Mapping[str, str]) -> Path:
    """Write the file with its variables replaced, below `home`.

    CONFIG_DIR is the directory of the file. An unknown name stays as it is.

    Args:
        file: as it is deployed.
        home: a directory of this process.
        more: variables beside those of the environment.
    """
    known = {**os.environ, "CONFIG_DIR": str(file.parent), **more}
    text = _REFERENCE.sub(lambda found: known.get(found[1], found[0]), file.read_text("utf-8"))
    written = home / file.name
    written.write_text(text, "utf-8")
    return written
