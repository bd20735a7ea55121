"""The page's table of real against generated is what its command makes."""

from pathlib import Path

import pytest

from planbench.errors import InputError
from planbench.generate import calibration_table
from planbench.generate.calibration_table import (
    BEGIN,
    END,
    REGIMES,
    grown_row,
    main,
    own_size_rows,
    replaced,
)
from planbench.generate.profile import profile_names

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
    for goods in ("402", "10,000", "100,000", "1,000,000"):
        assert f"| {goods} | log |" in text
    assert all(f"| 402 | {regime} |" in text for regime in REGIMES)


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
    assert "cannot be written" in capsys.readouterr().err
    assert main([]) == 0
