"""One table says the same on the terminal, on a page and in Markdown, and escapes what it holds."""

from __future__ import annotations

import importlib
import io
import re
import sys

import pytest
from rich.console import Console

from planbench.errors import SolverUnavailableError
from planbench.report.table import Column, Entry, Table, fitting, markdown_table, number

HOSTILE = "<b>a|b</b>"


def example() -> Table:
    return Table(
        columns=(
            Column("solver", "solver", broken=6),
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
    for part in fitting([example()], width):
        console.print(part)
    return file.getvalue()


def test_terminal():
    wide, narrow = drawn(130), drawn(60)
    assert "highs-ds" in wide
    assert "n^1.50 1.2 to 1.7" in wide
    assert "highs-ds" not in narrow, "names are broken where there is little room"
    assert HOSTILE in wide
    assert "bound" not in wide, "a column of the page is not for the terminal"
    assert "–" in wide


def test_columns_that_do_not_fit_go_on_in_a_further_part():
    columns = [Column("solver", "solver"), *(Column(f"measure{k}", "number") for k in range(9))]
    table = Table(columns, [["highs-ds", *(number("12345678", 1) for _ in range(9))]])
    parts = fitting([table], 40)
    assert len(parts) > 1
    assert all(part.columns[0].header.plain == "solver" for part in parts)
    assert sum(len(part.columns) - 1 for part in parts) == 9


def test_each_part_says_whose_row_it_is():
    columns = [Column("instance"), Column("solver")]
    columns += [Column(f"measure{k}", "number") for k in range(6)]
    row = ["us-bea-15", "highs-ds", *(number("12345678", 1) for _ in range(6))]
    for width, keys in ((60, ["instance", "solver"]), (24, ["instance"])):
        parts = fitting([Table(columns, [row], keys=2)], width)
        assert len(parts) > 1
        for part in parts:
            headings = [column.header.plain for column in part.columns]
            assert headings[: len(keys)] == keys
        assert sum(len(part.columns) - len(keys) for part in parts) == len(columns) - len(keys)


def test_page():
    pytest.importorskip("jinja2")
    from planbench.report.markup import to_html

    page = to_html(example())
    assert HOSTILE not in page
    assert "&lt;b&gt;a|b&lt;/b&gt;" in page
    assert '<td data-sort="1.5">n<sup>1.50</sup> <small>1.2 to 1.7</small></td>' in page
    assert '<td data-sort="" class="none">–</td>' in page
    assert '<td class="left bad">late</td>' in page
    assert "mean<br>time" in page
    assert "bound" in page
    assert page.count('<svg class="swatch"') == 2


def test_markdown():
    lines = markdown_table(example()).splitlines()
    assert lines[:2] == ["| solver | mean time | bound | said |", "|---|--:|--:|---|"]
    assert lines[2] == "| `highs-ds` | n^1.50 (1.2 to 1.7) | 2 | \\<b\\>a\\|b\\</b\\> |"


def test_rows_need_an_entry_for_each_column():
    short = Table(example().columns, [["highs-ds"]])
    with pytest.raises(ValueError, match="zip"):
        fitting([short], 80)


def test_without_jinja2_the_extra_is_named(monkeypatch):
    """Measurements must not be lost to a missing package: bench reports this error as a note."""
    monkeypatch.setitem(sys.modules, "jinja2", None)
    monkeypatch.delitem(sys.modules, "planbench.report.markup", raising=False)
    with pytest.raises(SolverUnavailableError, match=r"planbench\[report\]"):
        importlib.import_module("planbench.report.markup")


def test_bench_keeps_its_measurements_without_jinja2(monkeypatch, tmp_path, capsys):
    from planbench.cli.bench import _write_report

    monkeypatch.setitem(sys.modules, "jinja2", None)
    modules = ("report.markup", "report.charts", "report.html", "report.sections", "debate.page")
    for module in modules:
        monkeypatch.delitem(sys.modules, f"planbench.{module}", raising=False)
    assert _write_report([], tmp_path / "x.html", []) is None
    # Whichever of charts and pages is imported first.
    assert re.search(r"no report: (charts|pages) need jinja2", capsys.readouterr().err)
