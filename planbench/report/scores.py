"""Solvers ranked over everything that was run: who solved what, and in what mean time.

Three causes leave a solver without a time on an instance:

- it *failed* there, or on a smaller size of the same ladder: charged a multiple of the limit;
- it *refused*: a planner that says it plans no such economy. Not its task, so not charged;
- it was *not run*: the suite names other solvers for this ladder, or the budget ended. Not
  charged.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cache

import planbench.formatting as fmt
from planbench.report.results import AggregatedResult
from planbench.report.table import Column, Entry, Table, number
from planbench.solvers.base import SolverSpec
from planbench.stats.aggregate import PENALTY, SHIFT, Score, score_solvers


@cache
def _specs() -> dict[str, SolverSpec]:
    from planbench.solvers.registry import list_solvers

    return {spec.name: spec for spec in list_solvers()}


def is_planner(solver: str) -> bool:
    """Whether it is handed the economy instead of the linear program."""
    spec = _specs().get(solver.split(":")[0])
    return spec is not None and spec.accepts == "economy"


def is_interior_point(solver: str) -> bool:
    """Whether it solves by an interior-point method."""
    spec = _specs().get(solver.split(":")[0])
    return spec is not None and "interior point" in spec.method


def not_applicable(result: AggregatedResult) -> bool:
    """Whether a planner said that it plans no such economy.

    A general solver takes any linear program, so its refusal (of coefficients it would drop, of
    an option, of a method it did not run) is a failure like any other.
    """
    return result.status == "refused" and is_planner(result.solver)


@dataclass(frozen=True)
class ScoredRun:
    """What of a result counts in a ranking.

    Attributes
    ----------
    series, instance : str
    ladder : tuple of str
        Suite and group; an empty group is no ladder.
    goods : int
    seconds : float or None
        None where it failed.
    limit_s : float or None
    stopped : bool
        The suite may have spared the solver what lies above.
    refused : bool
        A planner said that it plans no such economy.
    """

    series: str
    instance: str
    ladder: tuple[str, str]
    goods: int
    seconds: float | None
    limit_s: float | None
    stopped: bool
    refused: bool


@dataclass(frozen=True)
class Standing:
    """How one solver did over all instances.

    Attributes
    ----------
    score : Score
        Over the instances that count for it.
    refused, not_run : int
        Instances that do not count: not of its kind; not asked of it.
    """

    score: Score
    refused: int
    not_run: int

    @property
    def left_out(self) -> str:
        """``4 refused, 2 not run``; empty where everything counts."""
        parts = [(self.refused, "refused"), (self.not_run, "not run")]
        return ", ".join(f"{number} {word}" for number, word in parts if number)


def standings(results: Sequence[AggregatedResult]) -> list[Standing]:
    """Scores of all solvers over all instances of `results`, best first."""
    return ranked(
        [
            ScoredRun(
                series=result.series,
                instance=result.sha256,
                ladder=(result.record.suite, result.group),
                goods=result.goods or 0,
                seconds=_solved_seconds(result),
                limit_s=result.record.time_limit_s,
                stopped=result.record.ended != "ok" or _missed(result),
                refused=not_applicable(result),
            )
            for result in results
        ]
    )


def _missed(result: AggregatedResult) -> bool:
    """Whether a chain of tries ended before its tightest target."""
    facts = result.record.accuracy
    return facts is not None and facts.end not in ("reached", "once")


def _solved_seconds(result: AggregatedResult) -> float | None:
    return result.seconds if result.solved and result.seconds else None


def ranked(runs: Sequence[ScoredRun]) -> list[Standing]:
    """Score solvers, each over the instances that count for it; best first."""
    times: dict[str, dict[str, float | None]] = {}
    limits: dict[str, float | None] = {}
    for run in runs:
        times.setdefault(run.series, {})[run.instance] = run.seconds
        limits[run.instance] = max(limits.get(run.instance) or 0.0, run.limit_s or 0.0) or None
    missing = {series: _left_out(series, runs) for series in times}
    excused = {series: refused | not_run for series, (refused, not_run) in missing.items()}
    scores = score_solvers(times, limits, excused)
    return [Standing(s, *map(len, missing[s.solver])) for s in scores]


def _left_out(series: str, runs: Sequence[ScoredRun]) -> tuple[set[str], set[str]]:
    """Instances that a solver refused, and those it was not asked to solve."""
    mine = {run.instance: run for run in runs if run.series == series}
    refused = {instance for instance, run in mine.items() if run.refused}
    not_run: set[str] = set()
    for other in {run.instance: run for run in runs if run.instance not in mine}.values():
        below = [
            run
            for run in mine.values()
            if run.stopped and run.ladder[1] and run.ladder == other.ladder
            if run.goods <= other.goods
        ]
        if not below:
            not_run.add(other.instance)
        elif all(run.refused for run in below):
            refused.add(other.instance)
        # Else it failed on a smaller one and climbed no further: a failure here too.
    return refused, not_run


def profile_seconds(results: Sequence[AggregatedResult]) -> dict[str, dict[str, float | None]]:
    """Seconds for a performance profile: None for a failure, nothing for what was not run.

    What a planner refused, as no economy of its kind, is not its task and counts as not run.
    """
    times: dict[str, dict[str, float | None]] = {}
    for result in results:
        if not not_applicable(result):
            times.setdefault(result.series, {})[result.sha256] = _solved_seconds(result)
    return times


def score_rules(common: int) -> str:
    """Say what the columns of a table of scores are, in one paragraph."""
    return (
        f"Shifted geometric means (shift {SHIFT:g} s). Failures charged: what a solver "
        "did not solve, or did not reach after failing on a smaller size, counts as "
        f"{PENALTY:g} times the time limit. What a planner refused (it plans no such economy) and "
        "what a solver was not asked to run is left out of its own count and mean. Ranked by that "
        "mean over the mean of the fastest other solver on the same instances (below 1: faster "
        f"than all others together). Solved by all: the {common} instances that every solver "
        "which solved any did solve."
    )


def scores_table(results: Sequence[AggregatedResult]) -> Table:
    """Solvers ranked by shifted geometric mean time over everything that was run."""
    found = standings(results)
    rules = score_rules(found[0].score.n_common if found else 0)
    return Table(
        title="All instances",
        caption=rules,
        columns=(
            Column("solver", "solver"),
            Column("solved", "number"),
            Column("left out"),
            Column("mean time,\nfailures\ncharged", "number"),
            Column("over the\nfastest\nother", "number"),
            Column("mean time,\nsolved\nby all", "number"),
        ),
        rows=[
            [
                Entry(s.score.solver),
                number(f"{s.score.solved} of {s.score.attempted}", s.score.solved),
                Entry(s.left_out, mark="none"),
                number(fmt.seconds(s.score.mean_all), s.score.mean_all),
                number(fmt.times(s.score.against_others), s.score.against_others),
                number(fmt.seconds(s.score.mean_common), s.score.mean_common),
            ]
            for s in found
        ],
    )
