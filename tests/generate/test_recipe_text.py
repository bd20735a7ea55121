"""Texts of recipes: names of any kind come back, and whatever is wrong is one line."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st
from support.full import examples

from planbench.errors import InputError
from planbench.generators.recipe import (
    parse_expand,
    parse_inline,
    parse_split,
    quoted,
    read_values,
    split_parts,
)

_TEXT = st.text(st.sampled_from("ab,='\" \\:%é"), min_size=1, max_size=12)


@examples(300)
@given(_TEXT, _TEXT)
def test_quoted_texts_come_back(name: str, value: str) -> None:
    """Commas, equal signs, quotes and blanks in a file's name are part of it."""
    parts = split_parts(f"{quoted(name)},goods=5,other={quoted(value)}")
    assert parts == [("", name), ("goods", "5"), ("other", value)]


@examples(300)
@given(st.text(st.sampled_from("goodsyear15e,='\"- \n:%"), max_size=30))
@pytest.mark.parametrize("prefix", ["", "split:", "years:", "regions:"])
def test_any_text_is_read_or_refused_in_one_line(prefix: str, text: str) -> None:
    parse = {"": parse_inline, "split:": parse_split}.get(prefix, parse_expand)
    told = ""
    try:
        parse(prefix + text)
    except InputError as error:
        told = str(error)
    assert "\n" not in told


def test_empty_parts_are_left_out_and_names_stand_once() -> None:
    assert read_values(split_parts("a=1,, b = 2e3 ,")) == {"a": "1", "b": "2000"}
    with pytest.raises(InputError, match="a: occurs twice"):
        read_values(split_parts("a=1,a=2"))
    with pytest.raises(InputError, match="'a=' is not name=value"):
        read_values(split_parts("a="))
