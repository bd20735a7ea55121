"""Sweeps: economies of one size of which one knob is varied, such as the inputs per good."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

from planbench import formatting as fmt
from planbench.records.schema import Record
from planbench.records.values import canonical
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
#: Knobs that follow from others.
_FILLED_IN = ("seed", "planted_optimum", "sectors", "band")


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
    """Find sweeps: declared by the suite, or generated economies that differ in ``inputs`` only."""
    groups: dict[tuple[str, str, str], list[tuple[object, AggregatedResult]]] = {}
    for result in results:
        if result.solver == YARDSTICK:
            continue
        knob, value, rest = _place(result)
        if knob and value is not None:
            home = (knob, rest, machine_key(result.record))
            groups.setdefault(home, []).append((value, _without_knob(result, knob)))
    found = []
    for (knob, _, _), members in groups.items():
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


def _place(result: AggregatedResult) -> tuple[str, float | str | None, str]:
    """Knob, its value, and all that must be equal within a sweep."""
    record = result.record
    if record.variable and record.variable != "goods":
        home = f"{record.suite} {record.group}"
        if isinstance(record.value, str) and record.variable != "inputs" and not _reads(record):
            return record.variable, record.value, home
        return record.variable, _number(record.value, result), home
    recipe = record.instance.recipe
    if record.variable or "inputs" not in recipe or "goods" not in recipe:
        return "", None, ""
    rest = {k: v for k, v in recipe.items() if k != "inputs" and k not in _FILLED_IN}
    return "inputs", _number(recipe["inputs"], result), canonical(rest)


def _reads(record: Record) -> bool:
    """Whether the value of what is varied is a number."""
    try:
        float(str(record.value))
    except ValueError:
        return False
    return True


def _number(value: object, result: AggregatedResult) -> float | None:
    """Read a knob's value; laws such as ``2*log`` by the non-zeros per column they came to."""
    try:
        return float(str(value))
    except ValueError:
        facts = result.record.instance
        return facts.nonzeros / facts.columns if facts.columns else None
