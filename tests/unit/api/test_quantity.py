"""Quantities: exact arithmetic, canonical texts."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from knarr.api import quantity
from knarr.api.quantity import DECIMAL, Quantity, QuantityError


@pytest.mark.parametrize(("text", "canonical"), [
    ("500m", "500m"), ("0.5", "500m"), ("1024Mi", "1Gi"), ("1000", "1k"), ("1500m", "1500m"), ("1.5Gi", "1536Mi"),
    ("1e3", "1e3"), ("1E", "1E"), ("12E", "9223372036854775807"), ("0", "0"), ("0.1Ki", "102400m"), ("1025", "1025"),
    ("-5", "-5"), ("1n", "1n"), ("0.0000000001", "1n"), ("1e-3", "1e-3"), (1.5, "1500m"), (2, "2"), ("0Gi", "0"),
    ("100000k", "100M"), ("1.0", "1"), ("1000Ki", "1000Ki"), ("1e99", "9223372036854775807"), ("+1", "1"),
    ("0.5Mi", "512Ki"), ("1.", "1"), (".5", "500m"),
])
def test_canonical(text, canonical):
    """The text that the server stores. Source: kube quantity_test.go has the like."""
    assert canonical == quantity.canonical(text)


@pytest.mark.parametrize(("text", "fault"), [
    ("1.5.0", quantity.FORMAT_WRONG), ("abc", quantity.FORMAT_WRONG), ("", quantity.FORMAT_WRONG),
    ("1 Gi", quantity.FORMAT_WRONG), ("--1", quantity.FORMAT_WRONG), (".", quantity.FORMAT_WRONG),
    ("1ki", quantity.SUFFIX_WRONG), ("1e", quantity.SUFFIX_WRONG), ("1KiKi", quantity.SUFFIX_WRONG),
])
def test_faults(text, fault):
    """Kubernetes' two complaints."""
    with pytest.raises(QuantityError) as refused:
        quantity.parse(text)

    assert fault == str(refused.value)


def test_units():
    """Whole units and thousandths round up: a pod that asks for anything gets something."""
    assert (1, 1) == (quantity.value("1m"), quantity.milli("0.1m"))
    assert 1536 * 1024**2 == quantity.value("1.5Gi")


def test_arithmetic():
    """Adding keeps the left form; forms do not matter to comparison."""
    assert "3Gi" == str(quantity.parse("1Gi") + quantity.parse("2Gi"))
    assert "1Gi" == str(quantity.parse("0") + quantity.parse("1Gi"))
    assert "500m" == str(quantity.parse("1") - quantity.parse("0.5"))
    assert quantity.parse("1Ki") == quantity.parse("1024") < quantity.parse("1100")


@given(st.integers(-(10**30), 10**30), st.sampled_from(["DecimalSI", "BinarySI", "DecimalExponent"]))
def test_law_a_canonical_text_reads_back(nano, form):
    """What is printed means what it was, and prints the same again."""
    amount = Quantity(max(-quantity.MAX_NANO, min(quantity.MAX_NANO, nano)), form)

    assert amount == quantity.parse(str(amount))
    assert str(amount) == str(quantity.parse(str(amount))) or form != "DecimalSI"  # 125000 without a suffix is decimal


@given(st.integers(0, 10**6), st.sampled_from(sorted(DECIMAL)), st.integers(0, 10**6), st.sampled_from(sorted(DECIMAL)))
def test_law_order_is_that_of_the_numbers(left, left_suffix, right, right_suffix):
    """Comparison is exact."""
    numbers = [count * 10 ** (DECIMAL[suffix] + 9) for count, suffix in ((left, left_suffix), (right, right_suffix))]
    amounts = [quantity.parse(f"{left}{left_suffix}"), quantity.parse(f"{right}{right_suffix}")]

    assert [min(number, quantity.MAX_NANO) for number in numbers] == [amount.nano for amount in amounts]
    assert (amounts[0] <= amounts[1]) or numbers[0] > numbers[1]
