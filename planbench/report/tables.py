"""Tables for the terminal: ladders with exponents, comparisons per instance, known optima.

Failures stay in their cell under their name, wrong answers are red, and nothing is dropped for
lack of room: a table too wide for the terminal is continued in a second one.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from rich.table import Table
from rich.text import Text

from planbench.records.schema import Record
from planbench.report import words
from planbench.report.brackets import bracket_words, excludes, instance_consensus
from planbench.report.cells import TARGET_GAP, Cell, middle_cell, settled
from planbench.report.comparison import comparison_tables
from planbench.report.ladders import Ladder, Measure, find_ladders, fit_ladder
from planbench.report.scores import (
    SUMMARY_PENALTY,
    SUMMARY_SHIFT,
    score_rules,
    standings,
)
from planbench.report.sweeps import find_sweeps
from planbench.report.table import plain_table
from planbench.stats.scaling import PowerLawFit

__all__ = [
    "comparison_tables",
    "golden_table",
    "ladder_tables",
    "summary_table",
]

_SHORT = {
    "memory": "mem",
    "crash": "crash",
    "killed": "killed",
    "refused": "refused",
    "wrong": "wrong",
}
_GOODS_WIDTH = 9
_CELL_WIDTH = 9


def ladder_tables(
    records: Sequence[Record], measure: Measure = "seconds", *, width: int = 100
) -> list[Table]:
    """Cost against goods with fitted exponents, a table per ladder (or several, side by side).

    Parameters
    ----------
    records : sequence of Record
    measure : {"seconds", "passes", "bytes"}
        What the cells show. Below them stand the exponents: in seconds and in matrix passes
        for a table of times, else in the measure itself.
    width : int
        Columns of the terminal; solvers that do not fit go on in a further table.

    Returns
    -------
    list of rich.table.Table
        Empty where the records hold no ladder.

    Raises
    ------
    InputError
        Without any record.
    """
    cells = settled(records)
    tables = []
    for ladder in find_ladders(cells):
        per_table = max(1, (width - _GOODS_WIDTH - 3) // (_CELL_WIDTH + 1))
        blocks = _even_blocks(list(ladder.series), per_table)
        for number, block in enumerate(blocks):
            part = f" ({number + 1} of {len(blocks)})" if len(blocks) > 1 else ""
            last = number == len(blocks) - 1
            tables.append(_ladder_table(ladder, block, measure, part, caption=last))
    return tables


def golden_table(
    records: Sequence[Record], optima: Mapping[str, float | None] | None = None
) -> Table:
    """Certified values beside known optima, a row per instance outside ladders and sweeps.

    Parameters
    ----------
    records : sequence of Record
    optima : mapping of instance name to float or None, optional
        Optimal values known from the literature or by construction.

    Raises
    ------
    InputError
        Without any record.
    """
    cells = settled(records)
    on_ladders = {c.sha256 for ladder in find_ladders(cells) for c in ladder.cells}
    # Of several seeds at a value one stands for all; the others are on the sweep too.
    sweeps = find_sweeps(cells)
    on_ladders |= {c.sha256 for sweep in sweeps for _, c in sweep.points}
    swept = {(sweep.knob, sweep.name) for sweep in sweeps}
    on_ladders |= {c.sha256 for c in cells if (c.record.variable, c.group) in swept}
    table = plain_table(
        "Instances with one size",
        "Bracket: intersection of what the certificates of all solvers prove. Solved: "
        f"certified to a raw gap of {words.gap(TARGET_GAP)} or better.",
    )
    table.add_column("instance", overflow="fold")
    table.add_column("known\noptimum", justify="right", overflow="fold")
    table.add_column("certified\nbracket", justify="right", overflow="fold")
    table.add_column("solved", justify="right", no_wrap=True)
    table.add_column("fastest", overflow="fold")
    table.add_column("time", justify="right", no_wrap=True)
    for sha in dict.fromkeys(c.sha256 for c in cells if c.sha256 not in on_ladders):
        mine = [c for c in cells if c.sha256 == sha]
        found = instance_consensus(mine)
        known = (optima or {}).get(mine[0].instance)
        solved = [c for c in mine if c.solved and c.seconds is not None]
        best = min(solved, key=lambda c: c.seconds or 0.0, default=None)
        wrong = known is not None and excludes(found, known)
        table.add_row(
            Text(words.broken(mine[0].instance, 24)),
            Text(words.objective(known), style="bold red" if wrong else ""),
            Text(bracket_words(found), style="bold red" if found.empty else ""),
            Text(
                f"{sum(c.solved for c in mine)} of {len(mine)}",
                style="bold red" if any(c.status == "wrong" for c in mine) else "",
            ),
            Text(best.series if best else words.UNKNOWN),
            words.seconds(best.seconds) if best else words.UNKNOWN,
        )
    return table


def summary_table(records: Sequence[Record]) -> Table:
    """Solvers ranked by shifted geometric mean time over everything that was run.

    Raises
    ------
    InputError
        Without any record.
    """
    cells = settled(records)
    found = standings(cells)
    common = found[0].score.n_common if found else 0
    table = plain_table("All instances", score_rules(common, SUMMARY_SHIFT, SUMMARY_PENALTY))
    table.add_column("solver", overflow="fold")
    table.add_column("solved", justify="right", no_wrap=True)
    table.add_column("left out", overflow="fold")
    table.add_column("mean time,\nfailures charged", justify="right")
    table.add_column("over the\nfastest other", justify="right")
    table.add_column("mean time,\nsolved by all", justify="right")
    for standing in found:
        score = standing.score
        table.add_row(
            Text(score.solver),
            f"{score.solved} of {score.attempted}",
            Text(standing.left_out, style="dim"),
            words.seconds(score.mean_all),
            words.times(score.against_others),
            words.seconds(score.mean_common),
        )
    return table


def exponent_words(fit: PowerLawFit) -> str:
    """``n^1.92`` over its interval, or why there is none; two lines."""
    if fit.exponent is None:
        return fit.reason.split(" (")[0]
    return f"{words.exponent(fit.exponent)}\n{words.interval(fit.low, fit.high)}".rstrip()


def _ladder_table(
    ladder: Ladder, series: Sequence[str], measure: Measure, part: str, *, caption: bool
) -> Table:
    what = {"seconds": "Time", "passes": "Matrix passes", "bytes": "Peak memory"}[measure]
    table = plain_table(
        f"{what} on the ladder {ladder.name}{part}", _ladder_caption(measure) if caption else None
    )
    table.padding = (0, 0, 0, 0)
    table.add_column("goods", justify="right", width=_GOODS_WIDTH, no_wrap=True)
    for name in series:
        table.add_column(
            Text(words.broken(name, _CELL_WIDTH)),
            justify="right",
            width=_CELL_WIDTH,
            overflow="fold",
        )
    for size in ladder.sizes:
        row = [_at_size(ladder, name, size, measure) for name in series]
        table.add_row(words.count(size), *row, end_section=size == ladder.sizes[-1])
    fitted: tuple[tuple[str, Measure], ...] = (
        (("time\ngrows as", "seconds"), ("passes\ngrow as", "passes"))
        if measure == "seconds"
        else (("grows as" if measure == "bytes" else "grow as", measure),)
    )
    for label, kind in fitted:
        fits = [fit_ladder(ladder, name, kind) for name in series]
        table.add_row(
            Text(label, style="bold"),
            *[
                Text(exponent_words(f), style="bold" if f.exponent is not None else "dim")
                for f in fits
            ],
        )
    return table


def _ladder_caption(measure: Measure) -> str:
    stop = "reached when stopped" if measure == "bytes" else "stopped at the limit"
    counts = "stopped runs count" if measure == "bytes" else "stopped and ~ runs count"
    return (
        f">: {stop}; ~: certified no better than a raw gap of {words.gap(TARGET_GAP)}; "
        f'*: on a disturbed machine. Exponents with 95 % intervals; {counts} as "at least".'
    )


def _at_size(ladder: Ladder, series: str, size: int, measure: Measure) -> Text:
    cell = middle_cell(ladder.at(series, size))
    return Text(words.UNKNOWN, style="dim") if cell is None else cell_text(cell, measure)


def cell_text(cell: Cell, measure: Measure) -> Text:
    """One cell of a ladder table: the figure, or the failure by name."""
    if cell.status == "wrong":
        return Text("wrong", style="bold red")
    if measure == "seconds":
        figure = words.seconds(cell.seconds)
        missing = cell.seconds is None
    elif measure == "passes":
        figure = words.passes(cell.passes)
        missing = cell.passes is None
    else:
        figure = words.size_bytes(cell.peak_bytes)
        missing = cell.peak_bytes is None
    mark = "*" if cell.disturbed else ""
    if cell.status == "solved":
        return Text(figure + mark)
    if cell.finished:
        return Text(f"~{figure}{mark}", style="yellow")
    if cell.status == "timeout":
        return Text("timeout" if missing else f"> {figure}", style="magenta")
    return Text(_SHORT[cell.status], style="red" if cell.status == "crash" else "magenta")


def _even_blocks(names: list[str], most: int) -> list[list[str]]:
    count = -(-len(names) // most)
    size = -(-len(names) // count)
    return [names[start : start + size] for start in range(0, len(names), size)]
