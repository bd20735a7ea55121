"""Sections that the debate adds to the report: what was claimed, and what planners exchange.

What centre and producers send one another in each round of a decentralised procedure is computed
from the sizes of the economy and the rounds in the records, by formulas that follow from what each
planner exchanges (docs/planners.md, docs/planners-heuristics.md). A number counts once however
many read it. Where the records do not hold what a formula needs (how many techniques were close
to the cheapest), the figure is a range.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import planbench.debate.claims as claims
import planbench.formatting as fmt
from planbench.debate.claims import UNMEASURED, JudgedClaim, claims_ladder, judge_claims
from planbench.formatting import plural
from planbench.records.schema import Record
from planbench.report.ladders import Ladder, find_ladders
from planbench.report.markup import Markup, Section, folded, raised, render, section
from planbench.report.results import AggregatedResult, require_results
from planbench.report.table import Column, Entry, Mark, Table, number

#: Smallest and largest count of numbers.
Range = tuple[int, int]


@dataclass(frozen=True)
class _Procedure:
    """What a planner exchanges per round, in formulas and in numbers of n, K, m, T, N.

    Attributes
    ----------
    down, up, sideways : str
        Formulas; no `sideways` where producers send one another nothing.
    numbers : callable (n, K, m, T, N) -> (Range, Range)
        Down and up.
    """

    down: str
    up: str
    sideways: str
    numbers: Callable[[int, int, int, int, int], tuple[Range, Range]]


_PROCEDURES = {
    # Rents, and a share per technique close to the cheapest; needs, and per such technique its
    # cost, its output and the resources it takes. Targets are techniques of one more good.
    "two-level": _Procedure(
        "K to K + m + T",
        "K to K + (m + T)(K + 2)",
        "passes × N",
        lambda n, k, m, t, nonzeros: ((k, k + m + t), (k, k + (m + t) * (k + 2))),
    ),
    "primal-dual": _Procedure(
        "n + K", "m + T", "", lambda n, k, m, t, nonzeros: ((n + k, n + k), (m + t, m + t))
    ),
    "material-balances": _Procedure(
        "n", "≈ N·n/m", "", lambda n, k, m, t, nonzeros: ((n, n), (round(nonzeros * n / m),) * 2)
    ),
}


@dataclass(frozen=True)
class Exchange:
    """Numbers sent in one procedure on one economy.

    Attributes
    ----------
    result : AggregatedResult
        The largest economy that a planner finished.
    rounds : int
    down, up : Range
        Numbers per round: from the centre to producers, and back.
    sideways : int or None
        Numbers sent among producers in all rounds together, where the procedure has it and the
        records count it.
    everything : int
        Numbers a centre needs, once, that solves the linear program itself.
    """

    result: AggregatedResult
    rounds: int
    down: Range
    up: Range
    sideways: int | None
    everything: int

    @property
    def total(self) -> Range:
        """Numbers between centre and producers in all rounds together."""
        low, high = (down + up for down, up in zip(self.down, self.up, strict=True))
        return self.rounds * low, self.rounds * high


def _procedure(result: AggregatedResult) -> _Procedure | None:
    return _PROCEDURES.get(result.solver.split(":")[0])


def exchanges(results: Sequence[AggregatedResult]) -> list[Exchange]:
    """Count what each decentralised planner exchanged on the largest economy it finished."""
    found: dict[str, Exchange] = {}
    for result in results:
        facts, counts, procedure = (
            result.record.instance,
            result.record.iterations,
            _procedure(result),
        )
        n, k, m, t = facts.goods, facts.resources, facts.activities, facts.targets
        if n is None or k is None or m is None or t is None:
            continue
        if procedure is None or not result.finished or not counts.get("rounds"):
            continue
        before = found.get(result.series)
        if before is not None and n <= (before.result.goods or 0):
            continue
        down, up = procedure.numbers(n, k, m, t, facts.nonzeros)
        sideways = None
        if procedure.sideways and "passes" in counts:
            sideways = counts["passes"] * facts.nonzeros
        everything = facts.nonzeros + n + k + m + t
        found[result.series] = Exchange(result, counts["rounds"], down, up, sideways, everything)
    return list(found.values())


def range_words(numbers: Range) -> str:
    """``1,205``, or ``20 to 400,020``."""
    low, high = numbers
    return fmt.count(low) if low == high else f"{fmt.count(low)} to {fmt.count(high)}"


_MARKS: dict[str, Mark] = {"contradicted": "bad", "supported": "good"}


def debate_sections(records: Sequence[Record]) -> list[Section]:
    """Sections for :func:`planbench.report.html.write_report`.

    Raises
    ------
    InputError
        Without any record.
    """
    results = require_results(records)
    ladders = sorted(find_ladders(results), key=lambda ladder: ladder.name)
    return [
        information_section(results),
        claims_section(records, results, claims_ladder(ladders)),
    ]


def claims_section(
    records: Sequence[Record], results: Sequence[AggregatedResult], ladder: Ladder | None
) -> Section:
    """Hold published claims against the records; empty where none was put to the test."""
    found = judge_claims(records, results, ladder)
    tested = [one for one in found if one.verdict != UNMEASURED]
    left = [one.claim for one in found if one.verdict == UNMEASURED]
    unmeasured = Markup("")
    if tested and left:
        summary = f"{plural(len(left), 'claim')} not measured in this run"
        unmeasured = folded(summary, map(raised, left))
    return section(
        "claims",
        "What was claimed, and what was measured",
        claims_table(tested),
        unmeasured,
        link="What was claimed",
        note=render(
            "claims_rules.html",
            rules=claims,
            fresh=fmt.seconds(claims.FRESH),
            stale=fmt.seconds(claims.STALE),
        ),
        before="instances",
    )


def information_section(results: Sequence[AggregatedResult]) -> Section:
    """Count what decentralised planners exchange per round, where such took part."""
    return section(
        "information",
        "Messages exchanged",
        exchange_table(exchanges(results)),
        text=render("exchange_debate.html"),
        note=render("exchange_rules.html"),
        before="overall",
    )


def claims_table(judged: Sequence[JudgedClaim]) -> Table:
    """Each claim put to the test: who says it, what it predicts, what was measured, a verdict."""
    return Table(
        columns=(
            Column("claim", "prose"),
            Column("who", "short"),
            Column("predicted", "short"),
            Column("measured", "prose"),
            Column("verdict", "short"),
        ),
        rows=[
            [
                Entry(one.claim),
                Entry(one.who),
                Entry(one.predicted),
                Entry(one.measured or fmt.UNKNOWN),
                Entry(one.verdict, mark=_MARKS.get(one.verdict, "none")),
            ]
            for one in judged
        ],
        sortable=False,
    )


def exchange_table(found: Sequence[Exchange]) -> Table:
    """Numbers sent per round, down, up and sideways."""
    rows = []
    for one in found:
        procedure = _procedure(one.result)
        assert procedure is not None
        across = None if one.sideways is None else (one.sideways, one.sideways)
        rows.append(
            [
                Entry(one.result.series),
                number(fmt.count(one.result.goods), one.result.goods),
                number(fmt.count(one.rounds), one.rounds),
                _counted(one.down, procedure.down),
                _counted(one.up, procedure.up),
                _counted(one.total),
                _counted(across, procedure.sideways),
                number(fmt.count(one.everything), one.everything),
                number(fmt.gap(one.result.raw_gap), one.result.raw_gap),
            ]
        )
    headings = (
        "goods", "rounds", "numbers down\nper round", "numbers up\nper round",
        "both, in\nall rounds", "sideways, in\nall rounds", "everything,\nsent once", "raw gap",
    )  # fmt: skip
    return Table(
        columns=(Column("planner", "solver"), *(Column(name, "number") for name in headings)),
        rows=rows,
    )


def _counted(numbers: Range | None, formula: str = "") -> Entry:
    if numbers is None:
        return number("", None)
    return Entry(range_words(numbers), float(numbers[1]), note=formula)
