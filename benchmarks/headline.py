"""The README's headline figures, in Markdown, computed from the rows of a run.

``python benchmarks/headline.py RESULTS`` prints them; ``--write README.md`` puts them
between the markers there, ``--figure FILE`` draws the chart that goes with them.
"""

from __future__ import annotations

import argparse
from collections.abc import Sequence
from pathlib import Path

import planbench.formatting as fmt
from planbench.errors import InputError
from planbench.io.files import write_text
from planbench.records.schema import Record
from planbench.records.store import read_records
from planbench.records.verdicts import old_note
from planbench.report.charts import alt, ladder_chart
from planbench.report.growth import power_entry
from planbench.report.headline import census_words, find_largest_solved, largest_solved_words
from planbench.report.html import save_figure
from planbench.report.ladders import (
    Ladder,
    find_ladders,
    fit_ladder,
    headline_ladder,
    largest_solved,
)
from planbench.report.results import TARGET_GAP, require_results
from planbench.report.table import Column, Entry, Table, markdown_table, number

BEGIN, END = "<!-- headline: begin -->", "<!-- headline: end -->"


def headline_markdown(records: Sequence[Record]) -> str:
    """Sentence on the largest economy solved and a table of the solvers that solved any.

    Parameters
    ----------
    records : sequence of Record
        A run with at least one ladder of sizes.

    Raises
    ------
    InputError
        Without a ladder.
    """
    results = require_results(records)
    ladders = find_ladders(results)
    if not ladders:
        raise InputError("there is no ladder of sizes among the results: run planbench bench")
    ladder = headline_ladder(ladders)
    said = largest_solved_words(find_largest_solved(ladder))
    rows = sorted(
        (row for series in ladder.series if (row := _row(ladder, series)) is not None),
        key=lambda row: (-row[0], row[1]),
    )
    table = Table(
        columns=(
            Column("solver", "solver"),
            Column("largest economy certified", "number"),
            Column("time there", "number"),
            Column("time grows as", "number"),
            Column("in matrix passes", "number"),
        ),
        rows=[entries for *_, entries in rows],
    )
    lines = [
        f"**Ladder {ladder.name}**: {said}",
        "",
        markdown_table(table),
        "",
        f"{census_words(results)} Exponents with 95 % intervals; stopped runs count as “at least”.",
    ]
    if old := old_note([c.record for c in results]):
        lines += ["", old]
    return "\n".join(lines)


def put_between_markers(text: str, new: str, where: str) -> str:
    """`text` with `new` between the markers.

    Raises
    ------
    InputError
        When the markers are missing.
    """
    if BEGIN not in text or END not in text:
        raise InputError(f"has no markers {BEGIN} and {END}; put them back", where=where)
    return f"{text.split(BEGIN)[0]}{BEGIN}\n{new}\n{END}{text.split(END)[1]}"


def _row(ladder: Ladder, series: str) -> tuple[int, float, list[Entry]] | None:
    """Largest size, seconds there and the row of the table; None if it solved nothing."""
    top = largest_solved(ladder, series)
    if top is None or top.goods is None or top.seconds is None:
        return None
    goods, seconds = top.goods, top.seconds
    entries = [
        Entry(series),
        number(fmt.count(goods), goods),
        number(fmt.seconds(seconds), seconds),
        power_entry(fit_ladder(ladder, series, "seconds")),
        power_entry(fit_ladder(ladder, series, "passes")),
    ]
    return goods, seconds, entries


def headline_figure(records: Sequence[Record], path: Path | str) -> None:
    """Write the chart of the README: time against goods on the highest ladder.

    Raises
    ------
    InputError
        Where the records hold no ladder.
    """
    ladders = find_ladders(require_results(records))
    if not ladders:
        raise InputError("hold no ladder of generated economies", where="records")
    ladder = headline_ladder(ladders)
    chart = ladder_chart(ladder, "seconds")
    if chart is None:
        raise InputError("hold no ladder with a time to draw", where="records")
    title = alt.TitleParams(
        text="How long does it take to compute an optimal plan?",
        subtitle=[
            f"Generated economies, ladder {ladder.name}. Filled points: certified within "
            f"{fmt.gap(TARGET_GAP)} of the optimum;",
            "hollow: finished, less certain. Crosses: stopped. Grey: slopes n, n², n³.",
            "Bars: lowest to highest of all repeats and seeds.",
        ],
        anchor="start",
        fontSize=17,
        subtitleColor="#555",
        subtitleFontSize=12,
        subtitlePadding=6,
        offset=14,
    )
    chart = chart.properties(title=title, padding=14, width=640, height=400, background="white")
    save_figure(chart.to_dict(), path)


def main(arguments: Sequence[str] | None = None) -> None:
    """Print the figures, or write them and the chart where asked."""
    parser = argparse.ArgumentParser(description="Headline figures of a run, in Markdown.")
    parser.add_argument("results", help="results file (.jsonl)")
    parser.add_argument("--write", metavar="FILE", help="put them between the markers of FILE")
    parser.add_argument("--figure", metavar="FILE", help="draw the chart")
    asked = parser.parse_args(arguments)
    records = read_records(asked.results)
    if asked.figure:
        headline_figure(records, asked.figure)
    if asked.write:
        before = Path(asked.write).read_text(encoding="utf-8")
        text = put_between_markers(before, headline_markdown(records), asked.write)
        write_text(asked.write, text)
    if not (asked.write or asked.figure):
        print(headline_markdown(records))


if __name__ == "__main__":
    main()
