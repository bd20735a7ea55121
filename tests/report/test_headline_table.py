"""The README's headline figures are those of the committed rows, and nobody's typing."""

from __future__ import annotations

from pathlib import Path

import pytest
from support.record_builders import make_record

from planbench.errors import InputError
from planbench.records.store import read_records
from planbench.report.headline_table import BEGIN, END, headline_markdown, put_between_markers

ROOT = Path(__file__).resolve().parents[2]


def test_the_readme_shows_what_the_reference_run_measured():
    """A figure in the README that no row supports would be a claim without evidence."""
    text = (ROOT / "README.md").read_text()
    shown = text.split(BEGIN)[1].split(END)[0].strip()
    records = read_records(ROOT / "results" / "reference" / "standard.jsonl")
    assert shown == headline_markdown(records).strip()


def test_markers_keep_what_is_around_them():
    """Writing the figures again must not eat the rest of the page."""
    text = f"before\n{BEGIN}\nold\n{END}\nafter\n"
    assert put_between_markers(text, "new", "x.md") == f"before\n{BEGIN}\nnew\n{END}\nafter\n"
    with pytest.raises(InputError, match=r"x\.md.*markers"):
        put_between_markers("nothing", "new", "x.md")


def test_a_run_without_a_ladder_has_no_headline():
    """One line, no traceback, when somebody takes the wrong file."""
    with pytest.raises(InputError, match="no ladder"):
        headline_markdown([make_record()])
