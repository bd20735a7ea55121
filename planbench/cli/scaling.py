"""``planbench scaling``: how cost grows with size, and what that predicts."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict
from typing import Any, get_args

from rich.text import Text

from planbench.cli import console, options, views
from planbench.errors import InputError
from planbench.records.verdicts import old_note
from planbench.report.growth import (
    SIZES,
    SPANS,
    Predictions,
    compare_real,
    growth_table,
    predict,
    predictions_tables,
    real_table,
    warnings,
)
from planbench.report.ladders import Ladder, find_ladders
from planbench.report.results import AggregatedResult, Measure, require_results
from planbench.report.scores import (
    profile_seconds,
    scores_table,
    standings,
)
from planbench.stats.aggregate import PENALTY, SHIFT, performance_profile
from planbench.stats.growth import Estimate, Growth


@options.command
def scaling(
    results: options.ResultsArgument,
    suite: str | None = None,
    ladder: list[str] | None = None,
    solver: options.OnlySolversOption = None,
    measure: Measure = "seconds",
    json: options.JsonOption = False,
) -> None:
    """Fit how cost grows with the number of goods, and predict.

    For each ladder: exponents with 95 % intervals, which laws fit (n^b, n log n, a fixed cost
    plus n^b), the largest economy for a second, a minute, an hour and a day, time and memory
    predicted for 12 million and 12 billion goods, and what warns against believing it. Then
    means over all instances; --json has performance profiles too.

    Parameters
    ----------
    suite : NAME
        Only measurements of this suite.
    ladder : NAME
        Only this ladder; may be repeated.
    measure : WHAT
        seconds, passes or bytes.

    Examples
    --------
    planbench scaling results/quick.jsonl
    planbench scaling results/standard.jsonl --ladder powerlaw --solver highs-hipdlp
    planbench scaling results/standard.jsonl --measure bytes --json
    """
    records = [r for path in results for r in options.read_measurements(path)]
    files = ", ".join(map(str, results))
    if not records:
        raise InputError("holds no measurements", where=files)
    if suite is not None:
        options.check_known("--suite", [suite], {r.suite for r in records if r.suite})
        records = [r for r in records if r.suite == suite]
    measured = require_results(records)
    ladders = find_ladders(measured)
    if not ladders:
        raise InputError(
            "holds no ladder: two sizes of one recipe, such as gen:goods=1000,seed=1 (files have "
            "none); run `planbench bench`",
            where=files,
        )
    options.check_known("--ladder", ladder, {lad.name for lad in ladders}, "the ladders are")
    # A solver is named as in the tables, or as it was called.
    known = {c.series: c.solver for c in measured}
    options.check_known("--solver", solver, {*known, *known.values()}, "the solvers are")
    names = {s for s, name in known.items() if not solver or s in solver or name in solver}
    # Solvers driven to target gaps are ranked at each of them, by bench and in the report.
    ranked = [c for c in measured if c.series in names and c.record.accuracy is None]
    found = [
        (lad, predictions)
        for lad in ladders
        if not ladder or lad.name in ladder
        if (predictions := [predict(lad, series) for series in lad.series if series in names])
    ]
    if json:
        console.print_json(_document(found, ranked, measure))
    else:
        _show(found, ranked, measure)


def _show(
    found: Sequence[tuple[Ladder, list[Predictions]]],
    measured: Sequence[AggregatedResult],
    measure: Measure,
) -> None:
    out = console.out()
    for ladder, predictions in found:
        views.show([growth_table(ladder, predictions, measure)])
        views.show(predictions_tables(ladder, predictions, measure))
        for line in warnings(predictions, measure):
            out.print(Text(line))
        out.print()
    chosen = {o.series for _, predictions in found for o in predictions}
    both = [b for b in compare_real([lad for lad, _ in found]) if b.series in chosen]
    if both:
        views.show([real_table(both)])
    if measured:
        views.show([scores_table(measured)])
    if old := old_note([c.record for lad, _ in found for c in lad.results]):
        out.print(Text(old))


def _document(
    found: Sequence[tuple[Ladder, list[Predictions]]],
    measured: Sequence[AggregatedResult],
    measure: Measure,
) -> dict[str, Any]:
    return {
        "measure": measure,
        "ladders": [
            {
                "ladder": ladder.name,
                "machine": ladder.machine,
                "sizes": ladder.sizes,
                "solvers": [_solver_document(found) for found in predictions],
                "warnings": warnings(predictions, measure),
            }
            for ladder, predictions in found
        ],
        "real_and_synthetic": [
            {
                "solver": one.series,
                "real": one.real.name,
                "synthetic": one.synthetic.name,
                **asdict(one.difference),
                "goods": one.goods,
                "time_ratio": one.ratio,
            }
            for one in compare_real([ladder for ladder, _ in found])
        ],
        "shift_s": SHIFT,
        "penalty": PENALTY,
        "scores": [
            {**asdict(s.score), "refused": s.refused, "not_run": s.not_run}
            for s in standings(measured)
        ],
        "profiles": performance_profile(profile_seconds(measured)),
    }


def _solver_document(found: Predictions) -> dict[str, Any]:
    measures: tuple[Measure, ...] = get_args(Measure)
    return {
        "solver": found.series,
        **{measure: _growth_document(found.growths[measure]) for measure in measures},
        "largest_goods": {
            name: _estimate_document(e) for (name, _), e in zip(SPANS, found.reach, strict=True)
        },
        "predicted": [
            {"goods": size} | {m: _estimate_document(found.costs[m][k]) for m in measures}
            for k, size in enumerate(SIZES)
        ],
    }


def _growth_document(growth: Growth) -> dict[str, Any]:
    return {
        **asdict(growth.fit),
        "supported_laws": growth.supported,
        "undecided": growth.undecided,
        "candidates": growth.candidates,
    }


def _estimate_document(estimate: Estimate | None) -> dict[str, Any] | None:
    if estimate is None:
        return None
    return {**asdict(estimate), "extrapolates": estimate.extrapolates}
