"""The table of docs/calibration.md: real against generated, figure by figure.

``python -m planbench.generate.calibration_table`` prints it; ``--write docs/calibration.md``
puts it between the markers there. Sizes up to ``--most`` goods are made.
"""

from __future__ import annotations

import argparse
import sys
from collections.abc import Sequence
from pathlib import Path

from planbench.errors import InputError
from planbench.generate.profile import find_profile, profile_names
from planbench.generate.profile_check import CheckedFigure, check_profile

BEGIN, END = "<!-- calibration table: begin -->", "<!-- calibration table: end -->"
SEED = 11
#: Profile, sizes and density regimes of the second table.
GROWN = "us-bea-2012"
SIZES = (402, 3_000, 10_000, 100_000, 1_000_000)
REGIMES = ("log", "20", "100", "table")
#: Most inputs in all that are made; denser ones take more memory than a table is worth.
_MOST_LINKS = 60_000_000


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
    """Row of the second table: what an economy of `goods` goods has, beside what is wanted."""
    figures = check_profile(find_profile(GROWN), goods, regime=regime, seed=SEED)
    cells = [_cell(f) for f in figures if f.name in _grown_names()]
    return f"| {goods:,} | {regime} | {' | '.join(cells)} |"


def _grown_names() -> tuple[str, ...]:
    return (
        "inputs",
        "in-degree CV",
        "column sum",
        "sigma",
        "spectral radius",
        "links of the top 10 %",
        "inside communities",
        "upstream",
        "tail exponent",
    )


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
    names = _grown_names()
    lines += [
        "",
        f"### `{GROWN}` at other sizes and densities (made / wanted)",
        "",
        f"| goods | regime | {' | '.join(names)} |",
        f"|---|---|{'---|' * len(names)}",
    ]
    profile = find_profile(GROWN)
    for goods in SIZES:
        for regime in REGIMES:
            if goods <= most and goods * profile.mean_inputs(goods, regime) <= _MOST_LINKS:
                lines.append(grown_row(goods, regime))
    return "\n".join(lines)


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
    if BEGIN not in text or END not in text:
        raise InputError(f"has no markers {BEGIN} and {END}; put them back", where=where)
    return f"{text.split(BEGIN)[0]}{BEGIN}\n\n{new}\n\n{END}{text.split(END)[1]}"


def main(arguments: Sequence[str] | None = None) -> int:
    """Print or write the table; returns the exit code."""
    parser = argparse.ArgumentParser(prog="python -m planbench.generate.calibration_table")
    parser.add_argument("--write", metavar="FILE", help="put it between the markers of FILE")
    parser.add_argument("--most", type=float, default=1e6, help="largest number of goods")
    chosen = parser.parse_args(arguments)
    try:
        new = table(int(chosen.most))
        if chosen.write is None:
            print(new)
            return 0
        path = Path(chosen.write)
        try:
            text = path.read_text(encoding="utf-8")
            path.write_text(replaced(text, new, chosen.write), encoding="utf-8")
        except OSError as error:
            raise InputError(f"cannot be written: {error.strerror}", where=chosen.write) from None
    except InputError as error:
        print(f"error: {error}", file=sys.stderr)
        return 2
    return 0


if __name__ == "__main__":
    sys.exit(main())
