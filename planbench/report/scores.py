"""Solvers ranked over everything that was run: who solved what, and in what mean time.

Three causes leave a solver without a time on an instance:

- it *failed* there, or on a smaller size of the same ladder: charged a multiple of the limit;
- it *refused*: a planner that says it plans no such economy. Not its task, so not charged;
- it was *not run*: the suite names other solvers for this ladder, or the budget ended. Not
  charged.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cache

import planbench.formatting as fmt
from planbench.report.results import AggregatedResult
from planbench.report.table import Column, Entry, Table, number
from planbench.solvers.base import SolverSpec
from planbench.stats.aggregate import Score, score_solvers


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


#: Seconds added in the shifted geometric mean of the summary; runs here last about a second.
SUMMARY_SHIFT = 1.0
#: A failure is charged this many times the time limit in the summary.
SUMMARY_PENALTY = 2.0


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


def standings(
    results: Sequence[AggregatedResult],
) -> list[Standing]:
    """Scores of all solvers over all instances of `results`, best first."""
    times = solved_seconds(results)
    limits: dict[str, float | None] = {}
    for result in results:
        limit = result.record.time_limit_s
        limits[result.sha256] = max(limits.get(result.sha256) or 0.0, limit or 0.0) or None
    return ranked(times, limits, [_as_run(c) for c in results])


def ranked(
    times: Mapping[str, Mapping[str, float | None]],
    limits: Mapping[str, float | None],
    runs: Sequence[ScoredRun],
) -> list[Standing]:
    """Score solvers whose `runs` say what counts for whom.

    `times` and `limits` are as in :func:`planbench.stats.aggregate.score_solvers`.
    """
    missing = left_out(runs)
    excused = {s: refused | not_run for s, (refused, not_run) in missing.items()}
    scores = score_solvers(
        times, limits, shift=SUMMARY_SHIFT, penalty=SUMMARY_PENALTY, excused=excused
    )
    return [Standing(s, *(len(shas) for shas in missing[s.solver])) for s in scores]


def solved_seconds(results: Sequence[AggregatedResult]) -> dict[str, dict[str, float | None]]:
    """Seconds by solver and instance; None where it was not solved."""
    times: dict[str, dict[str, float | None]] = {}
    for result in results:
        solved = result.seconds if result.solved and result.seconds else None
        times.setdefault(result.series, {})[result.sha256] = solved
    return times


def profile_seconds(results: Sequence[AggregatedResult]) -> dict[str, dict[str, float | None]]:
    """Seconds for a performance profile: None for a failure, nothing for what was not run.

    What a planner refused, as no economy of its kind, is not its task and counts as not run.
    """
    return solved_seconds([result for result in results if not not_applicable(result)])


def score_rules(common: int) -> str:
    """Say what the columns of a table of scores are, in one paragraph."""
    return (
        f"Shifted geometric means (shift {SUMMARY_SHIFT:g} s). Failures charged: what a solver "
        "did not solve, or did not reach after failing on a smaller size, counts as "
        f"{SUMMARY_PENALTY:g} times the time limit. What a planner refused (it plans no such "
        "economy) and what a solver "
        "was not asked to run is left out of its own count and mean. Ranked by that mean over "
        "the mean of the fastest other solver on the same instances (below 1: faster than all "
        f"others together). Solved by all: the {common} instances that every solver which "
        "solved any did solve."
    )


def scores_table(
    results: Sequence[AggregatedResult],
) -> Table:
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
            Column("mean,\nfailures\ncharged", "number", on_page="mean time,\nfailures charged"),
            Column("over the\nfastest\nother", "number", on_page="over the\nfastest other"),
            Column("mean,\nsolved\nby all", "number", on_page="mean time,\nsolved by all"),
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


@dataclass(frozen=True)
class ScoredRun:
    """What of a result decides whether what is missing above it counts.

    Attributes
    ----------
    series, sha256 : str
    ladder : tuple of str
        Suite and group; an empty group is no ladder.
    goods : int
    stopped : bool
        The suite may have spared the solver what lies above.
    refused : bool
        A planner said that it plans no such economy.
    """

    series: str
    sha256: str
    ladder: tuple[str, str]
    goods: int
    stopped: bool
    refused: bool


def left_out(runs: Sequence[ScoredRun]) -> dict[str, tuple[set[str], set[str]]]:
    """Instances each solver refused, and those it was not asked to solve."""
    everything = {r.sha256: r for r in runs}
    found = {}
    for series in dict.fromkeys(r.series for r in runs):
        mine = {r.sha256: r for r in runs if r.series == series}
        refused = {sha for sha, r in mine.items() if r.refused}
        not_run: set[str] = set()
        for sha, other in everything.items():
            if sha in mine:
                continue
            below = [r for r in mine.values() if r.stopped and _below(r, other)]
            if any(not r.refused for r in below):
                continue  # it failed on a smaller one and climbed no further: a failure here too
            (refused if below else not_run).add(sha)
        found[series] = refused, not_run
    return found


def _as_run(result: AggregatedResult) -> ScoredRun:
    facts = result.record.accuracy
    missed = facts is not None and facts.end not in ("reached", "once")
    return ScoredRun(
        series=result.series,
        sha256=result.sha256,
        ladder=(result.record.suite, result.group),
        goods=result.goods or 0,
        stopped=result.record.ended != "ok" or missed,
        refused=not_applicable(result),
    )


def _below(run: ScoredRun, other: ScoredRun) -> bool:
    """Whether `run` is on a smaller size of the ladder of `other`."""
    return bool(run.ladder[1]) and run.ladder == other.ladder and run.goods <= other.goods
