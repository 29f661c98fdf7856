"""Answers as they come off the wire, in whatever pieces."""

from __future__ import annotations

import errno
import gzip
import zlib
from itertools import pairwise
from socket import gaierror
from ssl import SSLEOFError, SSLError

import pytest
from geventhttpclient.response import HTTPParseError
from hypothesis import given
from hypothesis import strategies as st

from harness.locust.client.failures import kind_of
from harness.locust.client.response import Response

PLAIN = (
    b"HTTP/1.1 201 Created\r\nX-Served-Pod: track-1\r\nX-Empty:\r\nSet-Cookie: a=1\r\nset-cookie: b=2\r\n"
    b"Content-Length: 12\r\n\r\n"
    b'{"ok": true}'
)
CHUNKED = b'HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n3\r\n{"o\r\n9\r\nk": true}\r\n0\r\n\r\n'


def read(data: bytes, *, method: str = "GET", cuts: tuple[int, ...] = ()) -> Response:
    """An answer that comes in pieces."""
    response = Response(method)
    edges = [0, *sorted(cuts), len(data)]
    for begin, end in pairwise(edges):
        if begin < end:
            response.feed(data[begin:end])
    return response


@given(cuts=st.lists(st.integers(0, len(PLAIN)), max_size=8).map(tuple))
def test_pieces_make_no_difference(cuts: tuple[int, ...]) -> None:
    """Status, headers and body of an answer cut anywhere."""
    response = read(PLAIN, cuts=cuts)
    assert (response.complete, response.keeps, response.status_code) == (True, True, 201)
    assert response.headers == {
        "x-served-pod": "track-1", "x-empty": "", "set-cookie": "b=2", "content-length": "12"
    }  # fmt: skip
    assert response.all("set-cookie") == ["a=1", "b=2"]
    assert response.text == '{"ok": true}'


@given(cuts=st.lists(st.integers(0, len(CHUNKED)), max_size=8).map(tuple))
def test_chunks_are_joined(cuts: tuple[int, ...]) -> None:
    """Wherever the pieces end."""
    response = read(CHUNKED, cuts=cuts)
    assert (response.complete, response.content) == (True, b'{"ok": true}')


@given(end=st.integers(0, len(PLAIN) - 1))
def test_part_of_an_answer_is_not_complete(end: int) -> None:
    """And its status is known only with its headers."""
    response = read(PLAIN[:end])
    assert (response.complete, response.keeps) == (False, False)
    assert response.status_code == (201 if end >= PLAIN.index(b"\r\n\r\n") + 4 else 0)


def test_an_answer_to_head_has_no_body() -> None:
    """Though it says how long that would be."""
    response = read(PLAIN.partition(b"\r\n\r\n")[0] + b"\r\n\r\n", method="HEAD")
    assert (response.complete, response.content) == (True, b"")


def test_an_answer_without_length_ends_with_the_connection() -> None:
    """Which is not kept then."""
    response = read(b"HTTP/1.1 200 OK\r\n\r\nabc")
    assert not response.complete
    response.feed(b"")
    assert (response.complete, response.keeps, response.content) == (True, False, b"abc")


def test_an_interim_answer_is_not_the_answer() -> None:
    """100 Continue announces another one."""
    response = read(b"HTTP/1.1 100 Continue\r\nX-A: 1\r\n\r\n" + PLAIN)
    assert (response.status_code, response.content, "x-a" in response.headers) == (201, b'{"ok": true}', False)


@pytest.mark.parametrize("more", [b"x", PLAIN], ids=["rubbish", "another answer"])
def test_more_than_one_answer_is_not_http(more: bytes) -> None:
    """Whose would it be?"""
    with pytest.raises(HTTPParseError):
        read(PLAIN + more)


@pytest.mark.parametrize(
    ("packing", "packed"),
    [
        ("gzip", gzip.compress(b"{}", mtime=0)),
        ("GZIP", gzip.compress(b"{}", mtime=0)),
        ("x-gzip", gzip.compress(b"{}", mtime=0)),
        ("gzip", gzip.compress(b"{", mtime=0) + gzip.compress(b"}", mtime=0)),
        ("deflate", zlib.compress(b"{}")),
        ("deflate", zlib.compress(b"{}", wbits=-zlib.MAX_WBITS)),
        ("br", b"{}"),
    ],
    ids=["gzip", "capitals", "x-gzip", "two members", "deflate", "raw deflate", "other"],
)
def test_a_packed_body_is_unpacked(packing: str, packed: bytes) -> None:
    """Those that we ask for; others stay as they came."""
    head = f"HTTP/1.1 200 OK\r\nContent-Encoding: {packing}\r\nContent-Length: {len(packed)}\r\n\r\n"
    assert read(head.encode() + packed).content == b"{}"


@pytest.mark.parametrize(
    ("status", "packing", "length"), [(200, "gzip", 0), (200, "deflate", 0), (204, "gzip", None), (304, "gzip", None)]
)
def test_no_body_needs_no_packing(status: int, packing: str, length: int | None) -> None:
    """Servers name it for the answer that would have had one."""
    said = "" if length is None else f"Content-Length: {length}\r\n"
    response = read(f"HTTP/1.1 {status} .\r\nContent-Encoding: {packing}\r\n{said}\r\n".encode())
    assert (response.complete, response.content) == (True, b"")


@pytest.mark.parametrize(
    "body", [b"{}", gzip.compress(b"{}", mtime=0)[:-1], gzip.compress(b"{}", mtime=0) + b"{}"],
    ids=["plain", "cut", "more behind it"],
)  # fmt: skip
def test_a_body_that_is_not_packed_as_it_says_is_wrong(body: bytes) -> None:
    """Not an exception of its own kind."""
    head = f"HTTP/1.1 200 OK\r\nContent-Encoding: gzip\r\nContent-Length: {len(body)}\r\n\r\n"
    with pytest.raises(zlib.error) as raised:
        _ = read(head.encode() + body).content
    assert kind_of(raised.value) == "wrong body"


def test_every_error_has_a_kind(subtests: pytest.Subtests) -> None:
    """A handful of words."""
    for error, kind in [
        (TimeoutError(errno.ETIMEDOUT, ""), "timeout"),
        (ConnectionRefusedError(errno.ECONNREFUSED, ""), "refused"),
        (ConnectionResetError(errno.ECONNRESET, ""), "reset"),
        (BrokenPipeError(errno.EPIPE, ""), "reset"),
        (SSLEOFError(), "reset"),
        (SSLError(), "tls"),
        (gaierror(-2, ""), "unknown host"),
        (OSError(errno.EHOSTUNREACH, ""), "unreachable"),
        (OSError(errno.ENETUNREACH, ""), "unreachable"),
        (OSError(errno.EMFILE, ""), "EMFILE"),
        (OSError("?"), "OSError"),
    ]:
        with subtests.test(error=error):
            assert kind_of(error) == kind


TIMED = b"HTTP/1.1 200 OK\r\nServer-Timing: cache;desc=hit, app;desc=all;dur=%s\r\nserver-timing: db;dur=1.5\r\nContent-Length: 0\r\n\r\n"


def test_an_answer_says_how_long_it_took(subtests: pytest.Subtests) -> None:
    """In milliseconds, under the name that the target's file gives; what is no time is none."""
    times = {b"2.918": 2918, b'"3"': 3000, b"0": 1, b"fast": 0, b"-1": 0, b"nan": 0, b"1e99": 0, b"": 0}
    for told, microseconds in times.items():
        with subtests.test(told=told):
            response = read(TIMED % told)
            assert response.served_us("app") == microseconds
            assert response.served_us("db") == 1500
            assert (response.served_us("cache"), response.served_us("total"), response.served_us("")) == (0, 0, 0)
