"""The table of docs/calibration.md: real against generated, figure by figure.

``python benchmarks/calibration_table.py`` prints it; ``--write docs/calibration.md``
puts it between the markers there; ``--row 1000000:100`` makes only that row of the second
table, and ``--write`` with it only puts that row in its place. Exits with 1 where a figure is
out of its bound, and says which.
"""

from __future__ import annotations

import argparse
import sys
from collections.abc import Sequence
from pathlib import Path

from planbench.errors import InputError
from planbench.generators.profile import REGIMES as ALL_REGIMES
from planbench.generators.profile import find_profile, profile_names
from planbench.generators.profile_fit import CheckedFigure, check_profile
from planbench.io.files import os_error_as_input, write_text

BEGIN, END = "<!-- calibration table: begin -->", "<!-- calibration table: end -->"
SEED = 11
#: Profile, sizes and density regimes of the second table.
GROWN = "us-bea-2012"
SIZES = (402, 3_000, 10_000, 100_000, 1_000_000)
REGIMES = ("log", "20", "100", "table")
NAMES = (
    "inputs",
    "in-degree CV",
    "column sum",
    "its deviation",
    "sigma",
    "spectral radius",
    "links of the top 10 %",
    "inside communities",
    "upstream",
    "tail exponent",
)


def own_size_rows(name: str) -> list[str]:
    """Rows of one profile at its table's own size: figure, table, made, bound."""
    profile = find_profile(name)
    figures = check_profile(profile, profile.goods, seed=SEED)
    return [
        f"| {name} | {f.name} | {_number(f.wanted)} | {_number(f.found)} | ± {_number(f.bound)} |"
        f"{'' if f.holds else ' **out of bounds** |'}"
        for f in figures
    ]


def grown_row(goods: int, regime: str) -> str:
    """Row of the second table: figures of an economy of `goods` goods, and the profile's."""
    figures = check_profile(find_profile(GROWN), goods, regime=regime, seed=SEED)
    cells = {f.name: _cell(f) for f in figures}
    return f"{_key(goods, regime)} {' | '.join(cells[name] for name in NAMES)} |"


def table(most: int) -> str:
    """Both tables as Markdown, with economies of up to `most` goods."""
    lines = [
        "### At the table's own size",
        "",
        "| profile | figure | table | made | bound |",
        "|---|---|---|---|---|",
    ]
    for name in profile_names():
        if find_profile(name).goods <= most:
            lines += own_size_rows(name)
    lines += [
        "",
        f"### `{GROWN}` at other sizes and densities (made / wanted)",
        "",
        f"| goods | regime | {' | '.join(NAMES)} |",
        f"|---|---|{'---|' * len(NAMES)}",
    ]
    lines += [grown_row(goods, regime) for goods in SIZES if goods <= most for regime in REGIMES]
    return "\n".join(lines)


def _key(goods: int, regime: str) -> str:
    return f"| {goods:,} | {regime} |"


def _cell(figure: CheckedFigure) -> str:
    text = f"{_number(figure.found)} / {_number(figure.wanted)}"
    return text if figure.holds else f"**{text}**"


def _number(value: float) -> str:
    return f"{value:.3g}"


def replaced(text: str, new: str, where: str) -> str:
    """`text` with `new` between the markers.

    Raises
    ------
    InputError
        When the markers are missing.
    """
    before, _, after = _parted(text, where)
    return f"{before}{BEGIN}\n\n{new}\n\n{END}{after}"


def with_row(text: str, row: str, where: str) -> str:
    """`text` with `row` in the place of the row of the same goods and regime, or after the last.

    Raises
    ------
    InputError
        When the markers or the second table are missing, or have a row of other columns.
    """
    _, inside, _ = _parted(text, where)
    lines = inside.strip().split("\n")
    if not lines[-1].startswith("|") or lines[-1].count("|") != row.count("|"):
        raise InputError("has no table with the columns of this row; make all rows", where=where)
    key = "|".join(row.split("|")[:3]) + "|"
    places = [i for i, line in enumerate(lines) if line.startswith(key)]
    if places:
        lines[places[-1]] = row
    else:
        lines.append(row)
    return replaced(text, "\n".join(lines), where)


def _parted(text: str, where: str) -> tuple[str, str, str]:
    if BEGIN not in text or END not in text:
        raise InputError(f"has no markers {BEGIN} and {END}; put them back", where=where)
    before, rest = text.split(BEGIN, 1)
    inside, after = rest.split(END, 1)
    return before, inside, after


def out_of_bounds(new: str) -> list[str]:
    """Rows with a figure out of its bound."""
    return [line for line in new.split("\n") if "**" in line]


def _row_wanted(text: str) -> tuple[int, str]:
    goods, _, regime = text.partition(":")
    try:
        size = int(float(goods))
    except (ValueError, OverflowError):
        size = 0
    if size < 2 or regime not in ALL_REGIMES:
        known = ", ".join(ALL_REGIMES)
        raise InputError(f"{text!r} must be goods:regime, of {known}", where="--row")
    return size, regime


def main(arguments: Sequence[str] | None = None) -> int:
    """Print or write the table; returns the exit code."""
    parser = argparse.ArgumentParser(prog="python benchmarks/calibration_table.py")
    parser.add_argument("--write", metavar="FILE", help="put it between the markers of FILE")
    parser.add_argument("--most", type=float, default=1e6, help="largest number of goods")
    parser.add_argument("--row", metavar="GOODS:REGIME", help="only this row, as 1000000:100")
    chosen = parser.parse_args(arguments)
    try:
        new = grown_row(*_row_wanted(chosen.row)) if chosen.row else table(int(chosen.most))
        if chosen.write is None:
            print(new)
        else:
            put = with_row if chosen.row else replaced
            try:
                before = Path(chosen.write).read_text(encoding="utf-8")
            except OSError as error:
                raise os_error_as_input(error, chosen.write, "read it") from None
            write_text(chosen.write, put(before, new, chosen.write))
    except InputError as error:
        print(f"error: {error}", file=sys.stderr)
        return 2
    failed = out_of_bounds(new)
    for row in failed:
        print(f"out of bounds: {row}", file=sys.stderr)
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main())
