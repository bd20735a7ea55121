"""One table says the same on the terminal, on a page and in Markdown, and escapes what it holds."""

from __future__ import annotations

import importlib
import io
import re
import sys

import pytest
from rich.console import Console

from planbench.errors import SolverUnavailableError
from planbench.report.table import Column, Entry, Table, markdown_table, number

HOSTILE = "<b>a|b</b>"


def example() -> Table:
    return Table(
        columns=(
            Column("solver", "solver"),
            Column("mean\ntime", "number"),
            Column("bound", "number", places="page"),
            Column("said"),
        ),
        rows=(
            ("highs-ds", Entry("n^1.50", 1.5, note="1.2 to 1.7"), number("2", 2), HOSTILE),
            ("cbc", number("", None), number("", None), Entry("late", mark="bad")),
        ),
        title="A title",
    )


def drawn(width: int) -> str:
    file = io.StringIO()
    console = Console(file=file, width=width)
    console.print(example())
    return file.getvalue()


def test_terminal():
    wide = drawn(130)
    assert "highs-ds" in wide
    assert "n^1.50" in wide
    assert "1.2 to 1.7" in wide
    assert HOSTILE in wide
    assert "bound" not in wide, "a column of the page is not for the terminal"
    assert "–" in wide


@pytest.mark.parametrize("width", [40, 60])
def test_what_is_too_wide_is_folded_and_never_cut(width):
    """Rich would shorten a table until figures are gone."""
    columns = [Column("solver", "solver"), *(Column(f"measure{k}", "number") for k in range(9))]
    figures = [str(12345000 + k) for k in range(9)]
    table = Table(columns, [["highs-ds", *(number(figure, 1) for figure in figures)]])
    file = io.StringIO()
    Console(file=file, width=width).print(table)
    text = file.getvalue()
    assert "…" not in text
    assert max(map(len, text.splitlines())) <= width
    for digit in "12345":
        assert text.count(digit) >= 9


def test_names_are_folded_at_hyphens_before_a_figure_is_broken():
    """Otherwise 10,000 is read as 10,00 and 23.8 as 23."""
    sizes = ["100", "300", "1,000", "3,000", "10,000", "30,000", "100,000", "300,000", "1 million"]
    columns = [Column("solver", "solver"), *(Column(size, "plain number") for size in sizes)]
    names = ["highs-ipm-crossover", "value-iteration"]
    table = Table(columns, [[name, *["~23.8 ms"] * 8, "refused"] for name in names])
    file = io.StringIO()
    Console(file=file, width=80).print(table)
    words = file.getvalue().split()
    assert max(map(len, file.getvalue().splitlines())) <= 80
    assert words.count("~23.8") == 16
    assert set(sizes[:-1]) | {"million", "refused", "highs-ipm-", "crossover"} <= set(words)


def test_page():
    pytest.importorskip("jinja2")
    from planbench.report.markup import to_html

    page = to_html(example())
    assert HOSTILE not in page
    assert "&lt;b&gt;a|b&lt;/b&gt;" in page
    assert '<td data-sort="1.5">n<sup>1.50</sup><br><small>1.2 to 1.7</small></td>' in page
    assert '<td data-sort="" class="none">–</td>' in page
    assert '<td class="left bad">late</td>' in page
    assert "mean<br>time" in page
    assert "bound" in page


def test_markdown():
    lines = markdown_table(example()).splitlines()
    assert lines[:2] == ["| solver | mean time | bound | said |", "|---|--:|--:|---|"]
    assert lines[2] == "| `highs-ds` | n^1.50 (1.2 to 1.7) | 2 | \\<b\\>a\\|b\\</b\\> |"


def test_rows_need_an_entry_for_each_column():
    short = Table(example().columns, [["highs-ds"]])
    with pytest.raises(ValueError, match="zip"):
        list(short.entries("terminal"))


def test_without_jinja2_the_extra_is_named(monkeypatch):
    """Measurements must not be lost to a missing package: bench reports this error as a note."""
    monkeypatch.setitem(sys.modules, "jinja2", None)
    monkeypatch.delitem(sys.modules, "planbench.report.markup", raising=False)
    with pytest.raises(SolverUnavailableError, match=r"planbench\[report\]"):
        importlib.import_module("planbench.report.markup")


def test_bench_keeps_its_measurements_without_jinja2(monkeypatch, tmp_path, capsys):
    from planbench.cli.bench import _write_report

    monkeypatch.setitem(sys.modules, "jinja2", None)
    modules = ("report.markup", "report.charts", "report.html", "debate.page")
    for module in modules:
        monkeypatch.delitem(sys.modules, f"planbench.{module}", raising=False)
    assert _write_report([], tmp_path / "x.html", []) is None
    # Whichever of charts and pages is imported first.
    assert re.search(r"no report: (charts|pages) need jinja2", capsys.readouterr().err)
