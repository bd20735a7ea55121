"""Sweeps: economies of one size of which one knob is varied, such as the inputs per good."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

import planbench.formatting as fmt
from planbench.report.ladders import YARDSTICK
from planbench.report.results import AggregatedResult, machine_key, median_result
from planbench.report.style import in_order

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
    def title(self) -> str:
        """Title of the axis."""
        return TITLES.get(self.knob, fmt.plain(self.knob).replace("_", " "))


def find_sweeps(results: Sequence[AggregatedResult]) -> list[Sweep]:
    """Find the sweeps that the suites declare."""
    groups: dict[tuple[str, ...], list[tuple[object, AggregatedResult]]] = {}
    for result in results:
        record = result.record
        knob = record.variable
        if result.solver == YARDSTICK or not knob or knob == "goods":
            continue
        value = _value(result)
        if value is not None:
            home = (knob, record.suite, record.group, machine_key(record))
            groups.setdefault(home, []).append((value, _without_knob(result, knob)))
    found = []
    for (knob, *_), members in groups.items():
        words_seen = tuple(dict.fromkeys(v for v, _ in members if isinstance(v, str)))
        # A knob that takes words: their places are their values.
        places: dict[object, float] = {word: float(k) for k, word in enumerate(words_seen)}
        numbered = [(places.get(v, v), c) for v, c in members]
        points = _middles([(float(v), c) for v, c in numbered if isinstance(v, float) and v >= 0])
        if len({value for value, _ in points}) < 2:
            continue
        goods = {c.goods for _, c in points}
        found.append(
            Sweep(
                name=next((c.group for _, c in points if c.group), knob),
                knob=knob,
                goods=goods.pop() if len(goods) == 1 else None,
                points=tuple(points),
                words=tuple(map(fmt.plain, words_seen)),
            )
        )
    return found


def _without_knob(result: AggregatedResult, knob: str) -> AggregatedResult:
    """Name the solver without the option that is swept: it is one solver all along."""
    asked = result.record.options.get(knob)
    if asked is None:
        return result
    return replace(result, series=result.series.replace(f" {knob}={asked}", "", 1))


def _middles(
    points: Sequence[tuple[float, AggregatedResult]],
) -> list[tuple[float, AggregatedResult]]:
    """Of several seeds at one value the middle one of each solver, ascending."""
    groups: dict[tuple[str, float], list[AggregatedResult]] = {}
    for value, result in points:
        groups.setdefault((result.series, value), []).append(result)
    found = [(value, median_result(results)) for (_, value), results in groups.items()]
    return sorted(((v, c) for v, c in found if c is not None), key=lambda p: p[0])


def _value(result: AggregatedResult) -> float | str | None:
    """Value of the knob: a number, or a word.

    Laws of the inputs, such as ``2*log``, count by the non-zeros per column that they came to.
    """
    record, facts = result.record, result.record.instance
    if record.value is None:
        return None
    try:
        return float(str(record.value))
    except ValueError:
        if record.variable != "inputs":
            return str(record.value)
    return facts.nonzeros / facts.columns if facts.columns else None
