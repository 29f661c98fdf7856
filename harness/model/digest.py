"""Computes a checksum of values that must be read back as they were written."""

from __future__ import annotations

import json
import zlib
from collections.abc import Mapping


def digest_of(values: Mapping[str, object]) -> int:
    """CRC-32 of the values as JSON with sorted keys, so that equal values have equal checksums."""
    return zlib.crc32(json.dumps(dict(values), sort_keys=True, ensure_ascii=False, separators=(",", ":")).encode())
