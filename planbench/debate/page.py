"""Sections that the debate adds to the report: what was claimed, and what planners exchange."""

from __future__ import annotations

from collections.abc import Sequence

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
from planbench.debate.information import (
    Exchange,
    debate_words,
    exchange_rules,
    exchanges,
    range_words,
)
from planbench.formatting import plural
from planbench.records.schema import Record
from planbench.report.ladders import Ladder, find_ladders
from planbench.report.markup import Markup, Section, folded, raised, section, to_html
from planbench.report.results import AggregatedResult, require_results
from planbench.report.table import Column, Entry, Mark, Table, number
from planbench.stats.growth import LEAST_SIZES

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
        note=claims_rules(),
        before="instances",
    )


def information_section(results: Sequence[AggregatedResult]) -> Section:
    """Count what decentralised planners exchange per round, where such took part."""
    found = exchanges(results)
    return section(
        "information",
        "Messages exchanged",
        to_html(exchange_table(found)) if found else Markup(""),
        text=debate_words(),
        note=exchange_rules(),
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


def claims_rules() -> str:
    """How the verdicts come about, in one paragraph of text."""
    return (
        f"Judged are only ladders on which economies of {LEAST_SIZES} sizes or more were solved, "
        f"the largest at least {SPREAD:g} times the smallest. "
        "Exponents: contradicted where the 95 % interval of the best general solver (that which "
        "solved the largest economy of the headline ladder fastest; for n log n of any solver, one "
        "way to do it being enough; for interior-point methods of the best of these) excludes the "
        "prediction; "
        f"supported where it holds it and is at most {NARROW:g} wide; else it is undecided. "
        f"“Far cheaper” is supported from {FAR:g} times and contradicted up to {NEAR:g} times; "
        "where a gap was not reached in the time limit, the seconds spent give a lower bound. "
        f"A count is supported within a factor of {NEAR:g} and contradicted beyond {FAR:g}. "
        "Prices: contradicted where at least half of the finished plans came with duals that prove "
        "them. "
        f"A fresh plan, of {fmt.count(LEAST_GOODS)} goods or more: contradicted up to "
        f"{fmt.seconds(FRESH)}, supported from {fmt.seconds(STALE)}, at the "
        "largest economy tried. "
        f"Wrong data: contradicted where coefficients off by {100 * NOISE:g} % cost no larger a "
        f"share of the value, supported from {100 * WORTHLESS:g} %. "
        "Each verdict is on these generated economies, this machine and these solvers."
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
