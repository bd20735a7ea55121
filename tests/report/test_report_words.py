"""Numbers are written so that a person reads the right magnitude."""

from __future__ import annotations

import pytest

import planbench.formatting as fmt


@pytest.mark.parametrize(
    ("value", "text"),
    [
        (None, "–"),
        (0.0, "0.00 ms"),
        (0.00042, "0.42 ms"),
        (0.0123, "12.3 ms"),
        (0.9996, "1.00 s"),
        (9.999, "10.0 s"),
        (599.0, "599 s"),
        (601.0, "10.0 min"),
        (7200.0, "2.00 h"),
        (3e10, "951 years"),
    ],
)
def test_seconds(value, text):
    assert fmt.seconds(value) == text


@pytest.mark.parametrize(
    ("value", "text"),
    [(None, "–"), (0, "0 B"), (999, "999 B"), (1e3, "1.00 kB"), (12_345_678, "12.3 MB"),
     (999_999_999, "1.00 GB"), (1.5e12, "1,500 GB")],
)  # fmt: skip
def test_size_bytes(value, text):
    assert fmt.size_bytes(value) == text


@pytest.mark.parametrize(
    ("value", "text"),
    [
        (float("nan"), "nan"),
        (float("inf"), "inf"),
        (None, "–"),
        (0.0, "0"),
        (1e-4, "1e-4"),
        (3.14e-12, "3.1e-12"),
        (1.0, "1"),
    ],
)
def test_gap(value, text):
    assert fmt.gap(value) == text


def test_intervals():
    assert fmt.interval(1.234, 2.0) == "1.23 to 2.00"
    assert fmt.interval(-0.31, 2.0) == "−0.31 to 2.00"
    assert fmt.interval(-0.004, 12.3) == "0.0 to 12.3", "no signed zero"
    assert fmt.exponent(-0.1) == "n^−0.10"
    assert fmt.interval(-0.118, -0.084) == "−0.12 to −0.08"
    assert fmt.interval(None, 2.0) == ""
    assert fmt.passes(3.14159) == "3.1"
    assert fmt.passes(12345.6) == "12,346"


def test_nothing_unprintable_reaches_a_terminal():
    assert fmt.plain("a\x1b[2J\nb\x00") == "a\ufffd[2J b\ufffd"
