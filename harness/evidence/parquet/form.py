"""Numbers of the Parquet format: types, encodings, compression, and the fields of headers and footer.

Source: `parquet.thrift` of Apache Parquet.
"""

from __future__ import annotations

from enum import IntEnum
from typing import Final

MAGIC: Final = b"PAR1"
TAIL: Final = 8
"""Number of bytes after the footer: its length, and the magic."""


class Physical(IntEnum):
    """Physical type of values."""

    BOOLEAN = 0
    INT32 = 1
    INT64 = 2
    INT96 = 3
    FLOAT = 4
    DOUBLE = 5
    BYTE_ARRAY = 6
    FIXED_LEN_BYTE_ARRAY = 7


class Repetition(IntEnum):
    """Number of values that a column may have in a row."""

    REQUIRED = 0
    OPTIONAL = 1
    REPEATED = 2


class Encoding(IntEnum):
    """Encoding of the values of a page."""

    PLAIN = 0
    PLAIN_DICTIONARY = 2
    RLE = 3
    DELTA_BINARY_PACKED = 5
    RLE_DICTIONARY = 8


class Codec(IntEnum):
    """Compression of pages."""

    UNCOMPRESSED = 0
    SNAPPY = 1
    GZIP = 2
    LZO = 3
    BROTLI = 4
    LZ4 = 5
    ZSTD = 6
    LZ4_RAW = 7


class PageKind(IntEnum):
    """Kind of a page."""

    DATA = 0
    INDEX = 1
    DICTIONARY = 2
    DATA_V2 = 3


class Footer(IntEnum):
    """Field numbers of `FileMetaData`."""

    VERSION = 1
    SCHEMA = 2
    ROWS = 3
    GROUPS = 4
    WRITER = 6


class Element(IntEnum):
    """Field numbers of `SchemaElement`."""

    PHYSICAL = 1
    REPETITION = 3
    NAME = 4
    CHILDREN = 5
    CONVERTED = 6
    LOGICAL = 10


class OfGroup(IntEnum):
    """Field numbers of `RowGroup`."""

    COLUMNS = 1
    BYTES = 2
    ROWS = 3


class Chunk(IntEnum):
    """Field numbers of `ColumnChunk`."""

    OFFSET = 2
    META = 3


class Meta(IntEnum):
    """Field numbers of `ColumnMetaData`."""

    PHYSICAL = 1
    ENCODINGS = 2
    PATH = 3
    CODEC = 4
    VALUES = 5
    UNPACKED = 6
    PACKED = 7
    DATA = 9
    DICTIONARY = 11


class Head(IntEnum):
    """Field numbers of `PageHeader`."""

    PAGE = 1
    UNPACKED = 2
    PACKED = 3
    DATA = 5
    DICTIONARY = 7


class OfPage(IntEnum):
    """Field numbers of `DataPageHeader`; the first two are also those of `DictionaryPageHeader`."""

    VALUES = 1
    ENCODING = 2
    DEFINITIONS = 3
    REPETITIONS = 4


UTF8: Final = 0
INT_16: Final = 16
SIGNED: Final = frozenset({15, 16, 17, 18})
"""Converted types of signed whole numbers with 8 to 64 bits."""
LOGICAL_TEXT: Final = 1
LOGICAL_WHOLE: Final = 10
LOGICAL_BITS: Final = 1
LOGICAL_SIGNED: Final = 2
"""Field number of signed whole numbers among the logical types."""
