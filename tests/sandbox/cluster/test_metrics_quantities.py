"""Amounts as Kubernetes writes them."""

from __future__ import annotations

from fractions import Fraction

import pytest
from hypothesis import given
from hypothesis import strategies as st
from kubernetes.utils.quantity import parse_quantity

from readiness_sandbox.cluster.quantities import amount, from_milli, kibibytes, milli, nanocores


@pytest.mark.parametrize(("quantity", "expected"), [("1Gi", 1 << 30), (0.25, 0.25), ("1e3", 1000), ("1E", 10**18)])
def test_suffixes_are_powers(quantity: str | float, expected: float) -> None:
    """Of 1000, of 1024 or of ten."""
    assert amount(quantity) == expected


@given(st.integers(0, 10**6), st.sampled_from(["n", "u", "m", "", "k", "M", "G", "Ki", "Mi", "Gi"]))
def test_an_amount_is_what_the_official_client_reads(number: int, suffix: str) -> None:
    """To the last digit."""
    assert amount(f"{number}{suffix}") == Fraction(parse_quantity(f"{number}{suffix}"))  # type: ignore[no-untyped-call]


@pytest.mark.parametrize("text", ["", "m", "1 Gi", "one", "1gi", "--1"])
def test_other_texts_are_no_quantity(text: str) -> None:
    """Named in the error."""
    with pytest.raises(ValueError, match="is not a quantity"):
        amount(text)


def test_thousandths_are_rounded_up() -> None:
    """As Kubernetes' MilliValue does."""
    assert (milli("1500u"), milli("500m"), milli(2)) == (2, 500, 2000)


@given(st.integers(0, 10**15))
def test_thousandths_are_written_as_they_are_read(thousandths: int) -> None:
    """Whatever suffix is chosen."""
    assert milli(from_milli(thousandths)) == thousandths


@pytest.mark.parametrize(
    ("thousandths", "expected"), [(0, "0"), (250, "250m"), (20_971_520_000, "20971520"), (3_000_000, "3k")]
)
def test_thousandths_have_the_suffix_that_kubernetes_gives(thousandths: int, expected: str) -> None:
    """The canonical form."""
    assert from_milli(thousandths) == expected


def test_measured_amounts_are_written_in_nanocores_and_kibibytes() -> None:
    """The units of the metrics API."""
    assert (nanocores(0.25), kibibytes(20 << 20)) == ("250000000n", "20480Ki")
