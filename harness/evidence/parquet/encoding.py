"""The encodings of Parquet pages: deltas (`DELTA_BINARY_PACKED`), and runs mixed with packed numbers (`RLE`)."""

from __future__ import annotations

from typing import Any, Final

import numpy as np
import numpy.typing as npt

from harness.evidence.parquet.thrift import Cursor, varint, zigzag

Whole = npt.NDArray[np.signedinteger[Any]]
Unsigned = npt.NDArray[np.unsignedinteger[Any]]
Numbers = npt.NDArray[np.integer[Any]]

_BLOCK: Final = 1 << 16
_BLOCK_OF: Final = 128
_MINI_OF: Final = 32
_WIDTHS: Final = (0, 8, 16, 32, 64)
"""Number of bits per number that are written: complete bytes, which numpy reads directly."""
_MOST_BITS: Final = 64


def encode_deltas(values: Whole) -> bytes:
    """Encode the first number and the differences of successive numbers (all int32 or all int64, with wrap-around)."""
    unsigned = values.view(f"u{values.itemsize}")
    deltas = unsigned[1:] - unsigned[:-1]
    block = min(_BLOCK, -(-max(len(deltas), 1) // _BLOCK_OF) * _BLOCK_OF)
    encoded = [varint(block), varint(1), varint(len(values)), zigzag(int(values[0]) if len(values) else 0)]
    for start in range(0, len(deltas), block):
        part = deltas[start : start + block]
        least = part.view(values.dtype).min()
        above = part - np.full(1, least).view(part.dtype)
        width = next(width for width in _WIDTHS if int(above.max()) < 1 << width)
        encoded += [zigzag(int(least)), bytes([width])]
        if width:
            padded = np.zeros(block, dtype=f"<u{width // 8}")
            padded[: len(above)] = above
            encoded.append(padded.tobytes())
    return b"".join(encoded)


def decode_deltas(data: bytes, n: int) -> npt.NDArray[np.int64]:
    """Decode `n` numbers as 64-bit numbers; narrower numbers are in the low bits.

    Raises:
        ValueError: the bytes are not `n` numbers in this encoding.
    """
    cursor = Cursor(data)
    block, minis, total, first = cursor.varint(), cursor.varint(), cursor.varint(), cursor.zigzag()
    if total != n or not minis or not block or block % _BLOCK_OF or block % minis or block // minis % _MINI_OF:
        raise ValueError(f"a page has {total} deltas in blocks of {block} and {minis}, expected {n} deltas")
    values = np.empty(n, dtype=np.uint64)
    values[:1] = first % (1 << _MOST_BITS)
    at, mini = 1, block // minis
    while at < n:
        least = np.uint64(cursor.zigzag() % (1 << _MOST_BITS))
        for width in cursor.take(minis):
            if at >= n:
                break
            here = min(mini, n - at)
            packed = cursor.take(mini * _checked(width, _MOST_BITS) // 8)
            np.add(_unpacked(packed, width, here), least, out=values[at : at + here], dtype=np.uint64)
            at += here
    return np.cumsum(values, out=values).view(np.int64)


def encode_packed(values: Numbers, width: int) -> bytes:
    """Encode numbers of at least 0, packed with 1, 8, 16 or 32 bits each."""
    groups = -(-len(values) // 8)
    padded = np.zeros(8 * groups, dtype=f"<u{max(width // 8, 1)}")
    padded[: len(values)] = values
    packed = np.packbits(padded.view(np.uint8), bitorder="little") if width == 1 else padded
    return varint(groups << 1 | 1) + packed.tobytes()


def encode_run(value: int, n: int) -> bytes:
    """Encode one number below 256, repeated `n` times."""
    return varint(n << 1) + bytes([value])


def decode_runs(data: bytes, width: int, n: int) -> Unsigned:
    """Decode `n` numbers of `width` bits from runs and packed groups.

    Raises:
        ValueError: the bytes are not `n` numbers in this encoding.
    """
    cursor, at = Cursor(data), 0
    size = next(size for size in (1, 2, 4) if _checked(width, _MOST_BITS // 2) <= 8 * size)
    values = np.empty(n, dtype=f"u{size}")
    while at < n:
        head = cursor.varint()
        here = min((head >> 1) * (8 if head & 1 else 1), n - at)
        if head & 1:
            values[at : at + here] = _unpacked(cursor.take((head >> 1) * width), width, here)
        else:
            values[at : at + here] = int.from_bytes(cursor.take(-(-width // 8)), "little")
        at += here
    return values


def _checked(width: int, most: int) -> int:
    if width > most:
        raise ValueError(f"a page has a number of {width} bits")
    return width


def _unpacked(packed: bytes, width: int, n: int) -> Unsigned:
    """The first n of these numbers."""
    if width in _WIDTHS:
        return np.frombuffer(packed, dtype=f"<u{width // 8}", count=n) if width else np.zeros(n, np.uint8)
    bits = np.unpackbits(np.frombuffer(packed, dtype=np.uint8), count=n * width, bitorder="little")
    padded = np.zeros((n, _MOST_BITS), dtype=np.uint8)
    padded[:, :width] = bits.reshape(n, width)
    return np.packbits(padded, axis=1, bitorder="little").view("<u8").reshape(n)
