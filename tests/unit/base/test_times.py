"""Moments survive being written down."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from knarr.base.times import rfc3339, rfc3339_micro, seconds


@given(st.integers(0, 4_000_000_000))
def test_a_written_moment_reads_back(moment_s):
    """Any whole second of this age and the next."""
    assert moment_s == seconds(rfc3339(moment_s))


@pytest.mark.parametrize(("text", "moment_s"), [
    pytest.param("1970-01-01T00:00:10Z", 10, id="UTC"),
    pytest.param("1970-01-01T01:00:10+01:00", 10, id="an hour east"),
    pytest.param("1970-01-01T00:00:10.250000Z", 10.25, id="with a fraction"),
])
def test_reads_what_others_write(text, moment_s):
    """Other clients write offsets and fractions."""
    assert moment_s == seconds(text)


def test_microseconds():
    """Leases carry six digits."""
    assert "1970-01-01T00:00:10.250000Z" == rfc3339_micro(10.25)
