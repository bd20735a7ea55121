"""Sweeps: economies of one size of which one knob is varied, such as the inputs per good."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

import planbench.formatting as fmt
from planbench.records.schema import Record
from planbench.report.ladders import YARDSTICK, cost_entry, solver_columns
from planbench.report.results import (
    COSTS,
    TARGET_GAP,
    AggregatedResult,
    Measure,
    machine_key,
    median_result,
    require_results,
)
from planbench.report.style import in_order
from planbench.report.table import Entry, Table

#: What the knob is called on an axis.
TITLES = {
    "inputs": "inputs per good (mean per technique)",
    "resources": "scarce resources",
    "threads": "threads",
    "techniques": "techniques per good",
    "cross_share": "share of inputs that cross regions",
}


@dataclass(frozen=True)
class Sweep:
    """Runs that differ in one knob.

    Attributes
    ----------
    name : str
        Group of the suite, or the knob.
    knob : str
    goods : int or None
        Where all economies have the same number.
    points : tuple of (float, AggregatedResult)
        Value of the knob and what came out, ascending; of several seeds the middle one.
    words : tuple of str
        Where the knob takes words: value k means word k, in the suite's order.
    """

    name: str
    knob: str
    goods: int | None
    points: tuple[tuple[float, AggregatedResult], ...]
    words: tuple[str, ...] = ()

    def label(self, value: float) -> str:
        """Name of a value in tables and on axes."""
        return self.words[int(value)] if self.words else f"{value:,.6g}"

    @property
    def values(self) -> tuple[float, ...]:
        """All values, ascending."""
        return tuple(sorted({value for value, _ in self.points}))

    @property
    def series(self) -> tuple[str, ...]:
        """Solvers, in the usual order."""
        return tuple(in_order([result.series for _, result in self.points]))

    def at(self, series: str, value: float) -> AggregatedResult | None:
        """Find what came of a solver at a value; None where it was not run."""
        return next((c for v, c in self.points if v == value and c.series == series), None)

    @property
    def where(self) -> str:
        """Ladder and size, such as ``ladder density, 500 goods``."""
        size = f", {fmt.count(self.goods)} goods" if self.goods is not None else ""
        return f"ladder {self.name}{size}"

    @property
    def title(self) -> str:
        """Title of the axis."""
        return TITLES.get(self.knob, fmt.plain(self.knob).replace("_", " "))


def find_sweeps(results: Sequence[AggregatedResult]) -> list[Sweep]:
    """Find the sweeps that the suites declare."""
    groups: dict[tuple[str, ...], dict[tuple[str, float | str], list[AggregatedResult]]] = {}
    for result in results:
        record, value = result.record, _value(result)
        knob = record.variable
        if result.solver == YARDSTICK or not knob or knob == "goods" or value is None:
            continue
        # The option that is swept makes no other solver.
        series = result.series.replace(f" {knob}={record.options.get(knob)}", "", 1)
        home = (knob, record.suite, record.group, machine_key(record))
        same = groups.setdefault(home, {}).setdefault((series, value), [])
        same.append(replace(result, series=series))
    found = []
    for (knob, _, group, _), cells in groups.items():
        # A knob that takes words: their places are their values.
        words = list(dict.fromkeys(v for _, v in cells if isinstance(v, str)))
        points = [
            (float(words.index(value)) if isinstance(value, str) else value, middle)
            for (_, value), same in cells.items()
            if (middle := median_result(same)) is not None
        ]
        if len({value for value, _ in points}) < 2:
            continue
        goods = {result.goods for _, result in points}
        found.append(
            Sweep(
                name=group or knob,
                knob=knob,
                goods=goods.pop() if len(goods) == 1 else None,
                points=tuple(sorted(points, key=lambda point: point[0])),
                words=tuple(map(fmt.plain, words)),
            )
        )
    return found


def _value(result: AggregatedResult) -> float | str | None:
    """Value of the knob: a number of 0 or more, or a word.

    Laws of the inputs, such as ``2*log``, count by the non-zeros per column that they came to.
    """
    record, facts = result.record, result.record.instance
    if record.value is None:
        return None
    try:
        value = float(str(record.value))
    except ValueError:
        if record.variable != "inputs":
            return str(record.value)
        return facts.nonzeros / facts.columns if facts.columns else None
    return value if value >= 0 else None


def sweep_tables(records: Sequence[Record], measure: Measure = "seconds") -> list[Table]:
    """Cost against the knob of each sweep, a table per sweep.

    Raises
    ------
    InputError
        Without any record.
    """
    what = COSTS[measure].name.capitalize()
    return [
        Table(
            title=f"{what} against {sweep.title} ({sweep.where})",
            caption=(
                f">: stopped at the limit; ~: certified no better than {fmt.gap(TARGET_GAP)}; "
                "*: on a disturbed machine; of several seeds the middle one."
            ),
            columns=solver_columns(map(sweep.label, sweep.values)),
            rows=[
                [Entry(s), *(cost_entry(sweep.at(s, value), measure) for value in sweep.values)]
                for s in sweep.series
            ],
        )
        for sweep in find_sweeps(require_results(records))
    ]
