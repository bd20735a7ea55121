"""The page's table of real against generated is what its command makes."""

import tracemalloc
from pathlib import Path

import calibration_table
import pytest
from calibration_table import (
    BEGIN,
    END,
    NAMES,
    REGIMES,
    SIZES,
    grown_row,
    main,
    own_size_rows,
    replaced,
    with_row,
)

from planbench.errors import InputError
from planbench.generators.profile import profile_names
from planbench.generators.profile_fit import CheckedFigure

#: Samples and blocks, of the same size whatever the matrix.
FIXED_BYTES = 120e6
PAGE = Path(__file__).resolve().parents[2] / "docs" / "calibration.md"


def numbers(row: str) -> list[float]:
    words = row.replace("|", " ").replace("/", " ").replace("±", " ").replace("*", " ").split()
    found = []
    for word in words:
        try:
            found.append(float(word.replace(",", "")))
        except ValueError:
            continue
    return found


def stands_in_page(row: str) -> bool:
    """Whether the page has this row, to the digits that another processor may change."""
    key = row.split("|")[1:3]
    for line in PAGE.read_text(encoding="utf-8").splitlines():
        if line.split("|")[1:3] == key:
            return numbers(line) == pytest.approx(numbers(row), rel=0.03, abs=0.02)
    return False


@pytest.mark.parametrize("name", ["us-bea-15", "us-bea-71"])
def test_page_has_the_figures_at_the_tables_size(name: str) -> None:
    pytest.importorskip("sknetwork")
    assert all(stands_in_page(row) for row in own_size_rows(name))


@pytest.mark.parametrize("regime", ["log", "20"])
def test_page_has_the_figures_of_other_densities(regime: str) -> None:
    pytest.importorskip("sknetwork")
    assert stands_in_page(grown_row(402, regime))


def test_page_is_complete_and_within_bounds() -> None:
    text = PAGE.read_text(encoding="utf-8").split(BEGIN)[1].split(END)[0]
    assert "**" not in text
    for name in profile_names():
        assert f"| {name} | inputs |" in text
    for goods in SIZES:
        for regime in REGIMES:
            assert text.count(f"| {goods:,} | {regime} |") == 1, (goods, regime)


def test_row_that_changed_is_noticed() -> None:
    """The comparison would be worthless if it let any figure pass."""
    row = next(line for line in PAGE.read_text(encoding="utf-8").splitlines() if "| 402 |" in line)
    assert stands_in_page(row)
    first = numbers(row)[1]
    assert not stands_in_page(row.replace(f"{first:.3g}", f"{first * 2:.3g}", 1))


def test_text_around_the_markers_is_kept(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    assert replaced(f"a\n{BEGIN}\nold\n{END}\nb", "new", "x") == f"a\n{BEGIN}\n\nnew\n\n{END}\nb"
    with pytest.raises(InputError, match="no markers"):
        replaced("a", "new", "x.md")
    monkeypatch.setattr(calibration_table, "table", lambda most: f"up to {most}")
    page = tmp_path / "page.md"
    page.write_text(f"{BEGIN}{END}")
    assert main(["--write", str(page), "--most", "1e3"]) == 0
    assert "up to 1000" in page.read_text()
    assert main(["--write", str(tmp_path / "none.md")]) == 2
    assert "none.md: no such file" in capsys.readouterr().err
    assert main([]) == 0


def page_with(*rows: str) -> str:
    return "\n".join(["above", BEGIN, "", *rows, "", END, "below"])


def test_one_row_is_put_in_its_place() -> None:
    old = "| 100 | log | 1 |", "| 1,000 | log | 2 |", "| 1,000 | 20 | 3 |"
    assert with_row(page_with(*old), "| 1,000 | log | 9 |", "x") == page_with(
        old[0], "| 1,000 | log | 9 |", old[2]
    )
    assert with_row(page_with(*old), "| 1,000 | 100 | 9 |", "x") == page_with(
        *old, "| 1,000 | 100 | 9 |"
    )
    # A row of other columns would make the table unreadable.
    with pytest.raises(InputError, match="make all rows"):
        with_row(page_with(*old), "| 1,000 | log | 9 | 9 |", "x.md")


def test_a_figure_out_of_its_bound_is_a_finding(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], tmp_path: Path
) -> None:
    def checked(found: float) -> tuple[CheckedFigure, ...]:
        return tuple(CheckedFigure(name, 1.0, found, 0.5, "") for name in NAMES)

    monkeypatch.setattr(calibration_table, "check_profile", lambda *_, **__: checked(1.2))
    assert main(["--row", "1e3:20"]) == 0
    assert "| 1,000 | 20 | 1.2 / 1 |" in capsys.readouterr().out
    monkeypatch.setattr(calibration_table, "check_profile", lambda *_, **__: checked(1.7))
    page = tmp_path / "page.md"
    page.write_text(page_with(grown_row(500, "log")), encoding="utf-8")
    assert main(["--row", "1000:20", "--write", str(page)]) == 1
    assert "out of bounds: | 1,000 | 20 | **1.7 / 1** |" in capsys.readouterr().err
    assert "| 1,000 | 20 | **1.7 / 1** |" in page.read_text(encoding="utf-8")


@pytest.mark.parametrize("text", ["1000", "1000:50", "none:20", "1:20", "inf:20"])
def test_a_row_that_is_none_is_refused_in_one_line(
    text: str, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["--row", text]) == 2
    message = capsys.readouterr().err
    assert "must be goods:regime" in message
    assert message.count("\n") == 1


def test_every_figure_that_is_checked_at_other_sizes_has_a_column() -> None:
    """A figure without one could be out of bounds unseen."""
    figures = calibration_table.check_profile(
        calibration_table.find_profile(calibration_table.GROWN), 402, regime="log"
    )
    assert tuple(figure.name for figure in figures) == NAMES


@pytest.mark.slow
def test_memory_of_a_dense_row_stays_near_that_of_the_matrix() -> None:
    """The densest row has 600 million inputs: at thrice their bytes nobody could make it."""
    profile = calibration_table.find_profile(calibration_table.GROWN)
    goods = 20_000
    bytes_of_matrix = 12 * goods * profile.mean_inputs(goods, "table")
    tracemalloc.start()
    try:
        figures = calibration_table.check_profile(profile, goods, regime="table", seed=1)
        peak = tracemalloc.get_traced_memory()[1]
    finally:
        tracemalloc.stop()
    assert all(figure.holds for figure in figures)
    assert peak < 1.2 * bytes_of_matrix + FIXED_BYTES
