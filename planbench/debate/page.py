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

import planbench.formatting as fmt
from planbench.debate.claims import (
    FAR,
    FRESH,
    LEAST_GOODS,
    NARROW,
    NEAR,
    NOISE,
    SPREAD,
    STALE,
    UNMEASURED,
    WORTHLESS,
    JudgedClaim,
    claims_ladder,
    judge_claims,
)
from planbench.formatting import plural
from planbench.records.schema import InstanceFacts, Record
from planbench.report.ladders import Ladder, find_ladders
from planbench.report.markup import Markup, Section, folded, raised, render, section, to_html
from planbench.report.results import AggregatedResult, require_results
from planbench.report.table import Column, Entry, Mark, Table, number
from planbench.stats.growth import LEAST_SIZES

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


_MARKS: dict[str, Mark] = {"contradicted": "bad", "supported": "good"}


def debate_sections(records: Sequence[Record]) -> list[Section]:
    """Sections for :func:`planbench.report.html.write_report`, those without content left out.

    Raises
    ------
    InputError
        Without any record.
    """
    results = require_results(records)
    ladders = sorted(find_ladders(results), key=lambda ladder: ladder.name)
    found = [
        information_section(results),
        claims_section(records, results, claims_ladder(ladders)),
    ]
    return [section for section in found if section.html]


def claims_section(
    records: Sequence[Record], results: Sequence[AggregatedResult], ladder: Ladder | None
) -> Section:
    """Hold published claims against the records; empty where none was put to the test."""
    found = judge_claims(records, results, ladder)
    tested = [finding for finding in found if finding.verdict != UNMEASURED]
    left = [finding.claim for finding in found if finding.verdict == UNMEASURED]
    parts = [to_html(claims_table(tested))] if tested else [Markup("")]
    if tested and left:
        parts.append(
            folded(f"{plural(len(left), 'claim')} not measured in this run", map(raised, left))
        )
    return section(
        "claims",
        "What was claimed, and what was measured",
        *parts,
        link="What was claimed",
        note=render(
            "claims_rules.html",
            sizes=LEAST_SIZES,
            spread=SPREAD,
            narrow=NARROW,
            far=FAR,
            near=NEAR,
            goods=fmt.count(LEAST_GOODS),
            fresh=fmt.seconds(FRESH),
            stale=fmt.seconds(STALE),
            noise=100 * NOISE,
            worthless=100 * WORTHLESS,
        ),
        before="instances",
    )


def information_section(results: Sequence[AggregatedResult]) -> Section:
    """Count what decentralised planners exchange per round, where such took part."""
    found = exchanges(results)
    return section(
        "information",
        "Messages exchanged",
        to_html(exchange_table(found)) if found else Markup(""),
        text=render("exchange_debate.html"),
        note=render("exchange_rules.html"),
        before="overall",
    )


def claims_table(findings: Sequence[JudgedClaim]) -> Table:
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
                Entry(finding.claim),
                Entry(finding.who),
                Entry(finding.predicted),
                Entry(finding.measured or fmt.UNKNOWN),
                Entry(finding.verdict, mark=_MARKS.get(finding.verdict, "none")),
            ]
            for finding in findings
        ],
        sortable=False,
    )


def exchange_table(found: Sequence[Exchange]) -> Table:
    """Numbers sent per round, down, up and sideways."""
    rows = []
    for one in found:
        down, up, sideways = one.formulas
        across = None if one.sideways is None else (one.sideways, one.sideways)
        rows.append(
            [
                Entry(one.series),
                number(fmt.count(one.result.goods), one.result.goods),
                number(fmt.count(one.rounds), one.rounds),
                _counted(one.down, down),
                _counted(one.up, up),
                _counted(one.total, ""),
                _counted(across, sideways),
                number(fmt.count(one.everything), one.everything),
                number(fmt.gap(one.result.raw_gap), one.result.raw_gap),
            ]
        )
    return Table(
        columns=(
            Column("planner", "solver"),
            Column("goods", "number"),
            Column("rounds", "number"),
            Column("numbers down\nper round", "number"),
            Column("numbers up\nper round", "number"),
            Column("both, in\nall rounds", "number"),
            Column("sideways, in\nall rounds", "number"),
            Column("everything,\nsent once", "number"),
            Column("raw gap", "number"),
        ),
        rows=rows,
    )


def _counted(numbers: tuple[int, int] | None, formula: str) -> Entry:
    if numbers is None:
        return number("", None)
    return Entry(range_words(numbers), float(numbers[1]), note=formula)
