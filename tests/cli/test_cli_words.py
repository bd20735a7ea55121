"""Numbers of things are written in the singular and the plural."""

from __future__ import annotations

import pytest

from planbench.formatting import plural


@pytest.mark.parametrize(
    ("number", "noun", "text"),
    [
        (1, "industry", "1 industry"),
        (0, "industry", "0 industries"),
        (1234, "good", "1,234 goods"),
        (2, "matrix", "2 matrices"),
        (3, "series", "3 series"),
    ],
)
def test_a_number_with_its_noun(number: int, noun: str, text: str) -> None:
    assert plural(number, noun) == text
