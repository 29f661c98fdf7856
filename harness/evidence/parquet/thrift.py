"""The compact protocol of Thrift, limited to the headers and the footer of Parquet."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, Final

_TRUE, _FALSE, _BYTE, _I16, _I32, _I64, _TEXT, _LIST, _STRUCT = 1, 2, 3, 4, 5, 6, 8, 9, 12
_WHOLE: Final = frozenset({_I16, _I32, _I64})
_LONG_LIST: Final = 15
_DEEPEST: Final = 16
_LONGEST_VARINT: Final = 10

Encoded = tuple[int, bytes]
"""Type and bytes of a value."""

Fields = Mapping[int, Encoded]
"""Fields of a structure, by number."""


def varint(value: int) -> bytes:
    """Encode a number of at least 0, with seven bits per byte."""
    encoded = bytearray()
    while value > 0x7F:
        encoded.append(value & 0x7F | 0x80)
        value >>= 7
    encoded.append(value)
    return bytes(encoded)


def zigzag(value: int) -> bytes:
    """Encode a number of up to 64 bits with its sign in the last bit."""
    return varint((value << 1) ^ (value >> 63))


def i32(value: int) -> Encoded:
    """Encode a 32-bit number."""
    return _I32, zigzag(value)


def i64(value: int) -> Encoded:
    """Encode a 64-bit number."""
    return _I64, zigzag(value)


def boolean(*, value: bool) -> Encoded:
    """Encode a field that is true or false."""
    return (_TRUE if value else _FALSE), b""


def byte(value: int) -> Encoded:
    """Encode an 8-bit number."""
    return _BYTE, bytes([value])


def text(value: str) -> Encoded:
    """Encode a text."""
    data = value.encode()
    return _TEXT, varint(len(data)) + data


def items(values: Sequence[Encoded]) -> Encoded:
    """Encode a list of values of one type; an empty list is a list of structures."""
    kind = values[0][0] if values else _STRUCT
    head = bytes([len(values) << 4 | kind]) if len(values) < _LONG_LIST else bytes([0xF0 | kind]) + varint(len(values))
    return _LIST, head + b"".join(data for _, data in values)


def struct(fields: Fields) -> Encoded:
    """Encode a structure; successive field numbers may differ by at most 15."""
    encoded, before = bytearray(), 0
    for number, (kind, data) in fields.items():
        encoded += bytes([number - before << 4 | kind]) + data
        before = number
    return _STRUCT, bytes(encoded) + b"\0"


class Cursor:
    """Reads successive values from bytes.

    Attributes:
        at: position of the next value.
    """

    def __init__(self, data: bytes, at: int = 0) -> None:
        self._data = data
        self.at = at

    def take(self, size: int) -> bytes:
        """The next bytes; raises ValueError if there are fewer."""
        if not 0 <= size <= len(self._data) - self.at:
            raise ValueError("the data end within a value")
        taken = self._data[self.at : self.at + size]
        self.at += size
        return taken

    def varint(self) -> int:
        """Read a number of at least 0; raises ValueError if it does not end or has more than 64 bits."""
        value = 0
        for shift in range(0, 7 * _LONGEST_VARINT, 7):
            part = self.take(1)[0]
            value |= (part & 0x7F) << shift
            if not part & 0x80:
                break
        if value >> 64 or part & 0x80:
            raise ValueError("a number has more than 64 bits")
        return value

    def zigzag(self) -> int:
        """Read a signed number of up to 64 bits; raises ValueError like `varint`."""
        value = self.varint()
        return (value >> 1) ^ -(value & 1)

    def struct(self, depth: int = 0) -> dict[int, Any]:
        """Read a structure: the values of its fields by number.

        Raises:
            ValueError: the structure is truncated, nested too deeply, or has a type that Parquet does not use.
        """
        if depth > _DEEPEST:
            raise ValueError("the structure is nested too deeply")
        fields: dict[int, Any] = {}
        number = 0
        while head := self.take(1)[0]:
            number = number + (head >> 4) if head >> 4 else self.zigzag()
            kind = head & 0x0F
            fields[number] = kind == _TRUE if kind in {_TRUE, _FALSE} else self._value(kind, depth)
        return fields

    def _value(self, kind: int, depth: int) -> Any:
        if kind in _WHOLE:
            return self.zigzag()
        match kind:
            case 1 | 2 | 3:  # in a list, a boolean takes a byte
                return self.take(1)[0]
            case 7:
                return self.take(8)
            case 8:
                return self.take(self.varint())
            case 9 | 10:
                return self._items(depth + 1)
            case 12:
                return self.struct(depth + 1)
        raise ValueError(f"a value has the unknown type {kind}")

    def _items(self, depth: int) -> list[Any]:
        if depth > _DEEPEST:
            raise ValueError("the structure is nested too deeply")
        head = self.take(1)[0]
        size = head >> 4 if head >> 4 < _LONG_LIST else self.varint()
        return [self._value(head & 0x0F, depth) for _ in range(size)]
