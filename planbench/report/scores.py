"""Solvers ranked over everything that was run: who solved what, and in what mean time.

Three things are told apart that all leave a solver without a time on an instance:

- it *failed* there, or on a smaller rung of the same ladder: charged a multiple of the limit;
- it *refused*: a planner that says it plans no such economy. Not its task, so not charged;
- it was *not run*: the suite names other solvers for this ladder, or the budget ended. Not
  charged.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from planbench.report.cells import Cell
from planbench.report.kinds import not_applicable
from planbench.stats.aggregate import Score, score_solvers

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
    cells: Sequence[Cell], *, shift: float = SUMMARY_SHIFT, penalty: float = SUMMARY_PENALTY
) -> list[Standing]:
    """Scores of all solvers over all instances of `cells`, best first."""
    times = solved_seconds(cells)
    limits: dict[str, float | None] = {}
    for cell in cells:
        limit = cell.record.time_limit_s
        limits[cell.sha256] = max(limits.get(cell.sha256) or 0.0, limit or 0.0) or None
    refused, not_run = _left_out(cells)
    excused = {s: refused[s] | not_run[s] for s in times}
    scores = score_solvers(times, limits, shift=shift, penalty=penalty, excused=excused)
    return [Standing(s, len(refused[s.solver]), len(not_run[s.solver])) for s in scores]


def solved_seconds(cells: Sequence[Cell]) -> dict[str, dict[str, float | None]]:
    """Seconds by solver and instance; None where it was not solved."""
    times: dict[str, dict[str, float | None]] = {}
    for cell in cells:
        solved = cell.seconds if cell.solved and cell.seconds else None
        times.setdefault(cell.series, {})[cell.sha256] = solved
    return times


def score_rules(common: int, shift: float, penalty: float) -> str:
    """Say what the columns of a table of scores are, in one paragraph."""
    return (
        f"Shifted geometric means (shift {shift:g} s). Failures charged: what a solver did not "
        f"solve, or did not reach after failing on a smaller rung, counts as {penalty:g} times "
        "the time limit. What a planner refused (it plans no such economy) and what a solver "
        "was not asked to run is left out of its own count and mean. Ranked by that mean over "
        "the mean of the fastest other solver on the same instances (below 1: faster than all "
        f"others together). Solved by all: the {common} instances that every solver which "
        "solved any did solve."
    )


def _left_out(cells: Sequence[Cell]) -> tuple[Mapping[str, set[str]], Mapping[str, set[str]]]:
    """Instances each solver refused, and those it was not asked to solve."""
    everything = {c.sha256: c for c in cells}
    refused: dict[str, set[str]] = {}
    not_run: dict[str, set[str]] = {}
    for series in dict.fromkeys(c.series for c in cells):
        mine = {c.sha256: c for c in cells if c.series == series}
        refused[series] = {sha for sha, c in mine.items() if not_applicable(c)}
        not_run[series] = set()
        for sha, other in everything.items():
            if sha in mine:
                continue
            below = [c for c in mine.values() if _below(c, other) and _climbs_no_further(c)]
            if any(not not_applicable(c) for c in below):
                continue  # it failed on a smaller one and climbed no further: a failure here too
            (refused if below else not_run)[series].add(sha)
    return refused, not_run


def _climbs_no_further(cell: Cell) -> bool:
    """Whether the suite may have spared the solver what lies above."""
    facts = cell.record.accuracy
    missed = facts is not None and facts.end not in ("reached", "once")
    return cell.record.ended != "ok" or missed


def _below(cell: Cell, other: Cell) -> bool:
    """Whether `cell` is a smaller rung of the ladder of `other`."""
    if not cell.group or cell.group != other.group or cell.record.suite != other.record.suite:
        return False
    return (cell.goods or 0) <= (other.goods or 0)
