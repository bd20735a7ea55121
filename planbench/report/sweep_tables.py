"""Terminal tables of sweeps: a row per value of the knob, a column per solver."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

from planbench.records.schema import Record
from planbench.report import words
from planbench.report.cells import TARGET_GAP, settled
from planbench.report.ladders import Measure
from planbench.report.sweeps import Sweep, find_sweeps
from planbench.report.table import Column, Entry, Table
from planbench.report.tables import cost_entry

_CELL_WIDTH = 10
_LABEL_WIDTH = 12


def sweep_tables(
    records: Sequence[Record], measure: Measure = "seconds", *, width: int = 100
) -> list[Table]:
    """Cost against the knob of each sweep; solvers that do not fit go on in a further table.

    Empty where the records hold no sweep.

    Raises
    ------
    InputError
        Without any record.
    """
    tables: list[Table] = []
    for sweep in find_sweeps(settled(records)):
        most = max(1, (width - _LABEL_WIDTH) // (_CELL_WIDTH + 1))
        blocks = [sweep.series[k : k + most] for k in range(0, len(sweep.series), most)]
        tables += [_table(sweep, block, measure) for block in blocks]
        rules = (
            f">: stopped at the limit; ~: certified no better than {words.gap(TARGET_GAP)}; "
            "*: on a disturbed machine; of several seeds the middle one."
        )
        tables[-1] = replace(tables[-1], caption=rules)
    return tables


def _table(sweep: Sweep, series: Sequence[str], measure: Measure) -> Table:
    what = {"seconds": "Time", "passes": "Matrix passes", "bytes": "Peak memory"}[measure]
    size = f", {words.count(sweep.goods)} goods" if sweep.goods is not None else ""
    return Table(
        title=f"{what} against {sweep.title} (ladder {sweep.name}{size})",
        columns=(
            Column(words.broken(sweep.knob.replace("_", " "), _LABEL_WIDTH), "plain number"),
            *(
                Column(name, "plain number", width=_CELL_WIDTH, fold=True, series=name)
                for name in series
            ),
        ),
        rows=[
            [
                Entry(sweep.label(value)),
                *(cost_entry(sweep.at(name, value), measure) for name in series),
            ]
            for value in sweep.values
        ],
    )
