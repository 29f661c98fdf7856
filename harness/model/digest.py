"""A short number for the values that must be read back as they were written."""

from __future__ import annotations

import json
import zlib
from collections.abc import Mapping


def digest_of(values: Mapping[str, object]) -> int:
    """CRC-32 of the values as JSON with sorted keys: equal for equal values, whoever wrote them down."""
    return zlib.crc32(json.dumps(dict(values), sort_keys=True, ensure_ascii=False, separators=(",", ":")).encode())
