"""What centre and producers send one another in each round of a decentralised procedure.

Computed from the sizes of the economy and the rounds in the records, by formulas that follow from
what each planner exchanges (docs/planners.md, docs/planners-heuristics.md). A number counts once
however many read it. Where the records do not hold what a formula needs (how many techniques
were close to the cheapest), the figure is a range.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import planbench.formatting as fmt
from planbench.records.schema import InstanceFacts
from planbench.report.results import AggregatedResult

#: Smallest and largest count of numbers.
Range = tuple[int, int]


@dataclass(frozen=True)
class Exchange:
    """Numbers sent in one procedure on one economy.

    Attributes
    ----------
    series : str
    result : AggregatedResult
        The largest economy that it finished.
    rounds : int
    down, up : Range
        Numbers per round: from the centre to producers, and back.
    sideways : int or None
        Numbers sent among producers in all rounds together, where the procedure has it and the
        records count it.
    formulas : tuple of str
        Of down, up and sideways.
    everything : int
        Numbers a centre needs, once, that solves the linear program itself.
    """

    series: str
    result: AggregatedResult
    rounds: int
    down: Range
    up: Range
    sideways: int | None
    formulas: tuple[str, str, str]
    everything: int

    @property
    def total(self) -> Range:
        """Numbers between centre and producers in all rounds together."""
        return (
            self.rounds * (self.down[0] + self.up[0]),
            self.rounds * (self.down[1] + self.up[1]),
        )


def exchanges(results: Sequence[AggregatedResult]) -> list[Exchange]:
    """Count what each decentralised planner exchanged on the largest economy it finished."""
    best: dict[str, AggregatedResult] = {}
    for result in results:
        known = result.solver.split(":")[0] in _PROCEDURES and result.finished
        if not known or not _sizes_known(result.record.instance) or not _rounds(result):
            continue
        before = best.get(result.series)
        if before is None or (result.goods or 0) > (before.goods or 0):
            best[result.series] = result
    return [_exchange(series, result) for series, result in best.items()]


def range_words(numbers: Range) -> str:
    """``1,205``, or ``20 to 400,020``."""
    low, high = numbers
    return fmt.count(low) if low == high else f"{fmt.count(low)} to {fmt.count(high)}"


def exchange_rules() -> str:
    """Say what the letters and columns are, in one paragraph."""
    return (
        "n goods, K resources, m activities, T targets, N non-zeros of the linear program. A "
        "number counts once however many read it. two-level: how many techniques are close to the "
        "cheapest is not in the records, so down and up are between none and all m; sideways are "
        "the prices and orders that pass from supplier to buyer, about one per non-zero and pass. "
        "material-balances: N·n/m is the share of the non-zeros that belongs to one technique per "
        "good. Everything: what one centre needs once to solve the linear program itself, "
        "its coefficients, endowments, capacities and demands."
    )


def debate_words() -> str:
    """Say what the figures mean in the debate, with its sources."""
    return (
        "Hayek (1945) held that the knowledge a plan needs is dispersed and cannot be handed to a "
        "centre. Lange (1936) answered that a board may find prices by trial and error as a market "
        "does; Marschak (1959) and Malinvaud (1967) asked of each such procedure what is exchanged "
        "in a round and whether every round brings a better plan; Kornai and Lipták (1965) let a "
        "centre price the scarce resources only, and the sectors know their own techniques. The "
        "table counts what each of these exchanges here. "
        "Whether producers can know, or would say, what "
        "they are asked is not measured by it."
    )


def _exchange(series: str, result: AggregatedResult) -> Exchange:
    facts = result.record.instance
    procedure = _PROCEDURES[result.solver.split(":")[0]]
    n, resources, m, targets = _sizes(facts)
    down, up = procedure.numbers(n, resources, m, targets, facts.nonzeros)
    passes = result.record.iterations.get("passes")
    sideways = passes * facts.nonzeros if procedure.sideways and passes is not None else None
    return Exchange(
        series=series,
        result=result,
        rounds=_rounds(result),
        down=down,
        up=up,
        sideways=sideways,
        formulas=(procedure.down, procedure.up, procedure.sideways),
        everything=facts.nonzeros + n + resources + m + targets,
    )


@dataclass(frozen=True)
class _Procedure:
    """What a planner exchanges per round, in formulas and in numbers of n, K, m, T, N."""

    down: str
    up: str
    sideways: str
    numbers: Callable[[int, int, int, int, int], tuple[Range, Range]]


def _two_level(n: int, k: int, m: int, t: int, nonzeros: int) -> tuple[Range, Range]:
    # Rents, and a share per technique close to the cheapest; needs, and per such technique its
    # cost, its output and the resources it takes. Targets are techniques of one more good.
    del n, nonzeros
    close = m + t
    return (k, k + close), (k, k + close * (k + 2))


def _primal_dual(n: int, k: int, m: int, t: int, nonzeros: int) -> tuple[Range, Range]:
    del nonzeros
    return (n + k, n + k), (m + t, m + t)


def _material_balances(n: int, k: int, m: int, t: int, nonzeros: int) -> tuple[Range, Range]:
    del k, t
    needs = round(nonzeros * n / m)
    return (n, n), (needs, needs)


_PROCEDURES: dict[str, _Procedure] = {
    "two-level": _Procedure("K to K + m + T", "K to K + (m + T)(K + 2)", "passes × N", _two_level),
    "primal-dual": _Procedure("n + K", "m + T", "", _primal_dual),
    "material-balances": _Procedure("n", "≈ N·n/m", "", _material_balances),
}


def _rounds(result: AggregatedResult) -> int:
    return result.record.iterations.get("rounds", 0)


def _sizes_known(facts: InstanceFacts) -> bool:
    return None not in (facts.goods, facts.resources, facts.activities, facts.targets)


def _sizes(facts: InstanceFacts) -> tuple[int, int, int, int]:
    return facts.goods or 0, facts.resources or 0, facts.activities or 0, facts.targets or 0
