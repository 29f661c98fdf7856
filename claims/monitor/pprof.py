"""Reads a pprof profile, a gzip-compressed protobuf message `Profile` (profile.proto), as far as a check needs it."""

from __future__ import annotations

import gzip
import io
import zlib
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Final

_SAMPLE_TYPE: Final = 1
_SAMPLE: Final = 2
_STRINGS: Final = 6
_DURATION: Final = 10
_MOST_BYTES: Final = 64 * 1024 * 1024


@dataclass(frozen=True, kw_only=True, slots=True)
class CpuProfile:
    """A CPU profile.

    Attributes:
        seconds: its length. samples: number of stacks with CPU time. cpu_ns: total CPU time.
        why: why there is no profile; empty if there is one.
    """

    seconds: float = 0.0
    samples: int = 0
    cpu_ns: int = 0
    why: str = ""


def read_profile(content: bytes) -> CpuProfile:
    """The samples and CPU time of a profile, or the reason why the content is not a CPU profile."""
    try:
        return _read(_unpacked(content) if content.startswith(b"\x1f\x8b") else content)
    except (ValueError, IndexError, EOFError, OSError, zlib.error) as error:
        return CpuProfile(why=f"not a profile: {error or type(error).__name__}")


def _unpacked(content: bytes) -> bytes:
    with gzip.GzipFile(fileobj=io.BytesIO(content)) as packed:
        found = packed.read(_MOST_BYTES + 1)
    if len(found) > _MOST_BYTES:
        raise ValueError(f"it is larger than {_MOST_BYTES >> 20} MiB")
    return found


def _read(content: bytes) -> CpuProfile:
    types: list[int] = []
    samples: list[bytes] = []
    texts: list[str] = []
    duration_ns = 0
    for field, value in _fields(content):
        if field == _SAMPLE_TYPE and isinstance(value, bytes):
            types.append(dict(_integers(value)).get(1, 0))
        elif field == _SAMPLE and isinstance(value, bytes):
            samples.append(value)
        elif field == _STRINGS and isinstance(value, bytes):
            texts.append(value.decode())
        elif field == _DURATION and isinstance(value, int):
            duration_ns = value
    names = [texts[one] for one in types]
    if "cpu" not in names:
        return CpuProfile(why=f"its samples are of {', '.join(names) or 'nothing'}, not of cpu")
    column = names.index("cpu")
    values = [_values(sample) for sample in samples]
    if any(len(one) != len(names) for one in values):
        raise ValueError("a sample does not have exactly one value of each type")
    cpu_ns = [one[column] for one in values]
    return CpuProfile(seconds=duration_ns / 1e9, samples=sum(one > 0 for one in cpu_ns), cpu_ns=sum(cpu_ns))


def _values(sample: bytes) -> list[int]:
    """The values of a sample, packed or not."""
    found: list[int] = []
    for field, value in _fields(sample):
        if field == 2:
            found += [value] if isinstance(value, int) else list(_varints(value))
    return found


def _integers(content: bytes) -> Iterator[tuple[int, int]]:
    return ((field, value) for field, value in _fields(content) if isinstance(value, int))


def _fields(content: bytes) -> Iterator[tuple[int, int | bytes]]:
    """Number and value of each protobuf field: an integer, or bytes for a field with a length."""
    at = 0
    while at < len(content):
        key, at = _varint(content, at)
        kind = key & 7
        if kind == 0:
            value, at = _varint(content, at)
            yield key >> 3, value
            continue
        length = {1: 8, 5: 4}.get(kind)
        if kind == 2:
            length, at = _varint(content, at)
        if length is None or at + length > len(content):
            raise ValueError(f"field {key >> 3} has an unknown type or is truncated")
        if kind == 2:
            yield key >> 3, content[at : at + length]
        at += length


def _varints(content: bytes) -> Iterator[int]:
    at = 0
    while at < len(content):
        value, at = _varint(content, at)
        yield value


def _varint(content: bytes, at: int) -> tuple[int, int]:
    value = shift = 0
    while True:
        byte = content[at]
        value |= (byte & 0x7F) << shift
        at, shift = at + 1, shift + 7
        if not byte & 0x80:
            return value, at
        if shift > 63:
            raise ValueError("an integer is longer than 64 bits")
