"""Markers are found in every form, wherever they are in a stream, and nothing else is."""

from __future__ import annotations

import base64
import io
import json
import random
from urllib.parse import quote

import pytest
from hypothesis import given
from hypothesis import strategies as st

from harness.drivers.check.stored.scanning import (
    LENGTH,
    FoundMarker,
    MarkerScan,
    ScanCount,
    forms_of,
    new_marker,
    words_of,
)

MARKER = new_marker()
SCAN = MarkerScan({"personal": MARKER, "none": new_marker()})


def found_in(text: bytes, *, size: int = 4096) -> dict[FoundMarker, int]:
    """What the scan finds in a text that it reads in blocks of `size`."""
    return dict(SCAN.read(io.BytesIO(text), ScanCount(), size=size).found)


def test_a_marker_is_found_in_each_form(subtests: pytest.Subtests) -> None:
    """Once, between other bytes."""
    for text, form in [
        (MARKER.encode(), "in clear"),
        (json.dumps({"email": MARKER}).encode(), "in clear"),
        (quote(f"{MARKER}@example.test", safe="").encode(), "in clear"),
        (MARKER.upper().encode(), "in capitals"),
        (MARKER.encode("utf-16-le"), "in UTF-16"),
        (MARKER.encode("utf-16-be"), "in UTF-16"),
        (MARKER.encode("utf-16"), "in UTF-16"),
        (f"\\x{MARKER.encode().hex()}".encode(), "in hex"),
        (MARKER.encode().hex().upper().encode(), "in hex"),
        (base64.b64encode(MARKER.encode()), "in base64"),
        (base64.b64encode(f"{{{MARKER}}}".encode()), "in base64"),
        (base64.urlsafe_b64encode(f'{{"e":"{MARKER}@example.test"}}'.encode()), "in base64"),
    ]:
        with subtests.test(text=text):
            counts = found_in(b"\xff\x00before " + text + b" after\x00\xff")
            assert words_of(counts) == form
            assert [*counts.values()] == [1]
            assert {one.marker for one in counts} == {"personal"}


@given(
    form=st.sampled_from(sorted(forms_of(MARKER))),
    before=st.integers(0, 200),
    size=st.sampled_from([1, 7, 16, 31, 64, 4096]),
    times=st.integers(1, 3),
    after=st.integers(0, 40),
    seed=st.integers(0, 1000),
)
def test_a_marker_is_found_at_every_place_and_across_every_border(
    form: str, before: int, *, size: int, times: int, after: int, seed: int
) -> None:
    """As often as it is there, whatever the size of the blocks."""
    noise = random.Random(seed)
    text = b"".join(noise.randbytes(before) + forms_of(MARKER)[form] for _ in range(times))
    assert found_in(text + noise.randbytes(after), size=size) == {FoundMarker("personal", form): times}


@given(st.binary(max_size=300))
def test_nothing_is_found_where_no_marker_is(text: bytes) -> None:
    """Nor in a marker that lacks a character."""
    cut = forms_of(MARKER)["in clear"][:-1]
    assert found_in(text + cut + b"\x00" + text) == {}


def test_a_marker_is_of_letters_and_digits_that_no_encoding_changes() -> None:
    """And each is another."""
    every = {new_marker() for _ in range(200)}
    assert len(every) == 200
    assert all(len(one) == LENGTH and one == quote(one, safe="") and one[0].isalpha() for one in every)


def test_a_marker_that_is_too_short_to_be_found_is_refused() -> None:
    """Else it would never be found."""
    with pytest.raises(ValueError, match="has fewer than 26 characters"):
        MarkerScan({"short": "abc"})
