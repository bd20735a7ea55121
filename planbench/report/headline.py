"""The result in words, computed from the records: what a reader should take away first."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import planbench.formatting as fmt
from planbench.certificates.consensus import Consensus
from planbench.formatting import plain, plural
from planbench.records.schema import Record
from planbench.records.verdicts import OLD_MARK, is_old, residuals_only
from planbench.report.instances import instance_consensus
from planbench.report.ladders import Ladder, fit_ladder, largest_solved
from planbench.report.results import TARGET_GAP, AggregatedResult, require_results
from planbench.report.scores import standings
from planbench.stats.growth import PowerLawFit


@dataclass(frozen=True)
class LargestSolved:
    """The largest economy of a ladder that was solved, by the solver that was fastest there.

    Attributes
    ----------
    ladder : Ladder
    result : AggregatedResult
    solvers : int
        Solvers that solved this size.
    """

    ladder: Ladder
    result: AggregatedResult
    solvers: int


def find_largest_solved(ladder: Ladder) -> LargestSolved | None:
    """Largest economy solved on `ladder`; None where nothing was."""
    tops = [c for s in ladder.series if (c := largest_solved(ladder, s)) is not None]
    goods = max((c.goods or 0 for c in tops), default=0)
    there = [c for c in tops if c.goods == goods]
    if not there:
        return None
    return LargestSolved(ladder, min(there, key=lambda c: c.seconds or 0.0), len(there))


def largest_solved_words(largest: LargestSolved | None) -> str:
    """Two sentences on the largest economy solved, if any was."""
    if largest is None:
        return "no economy was solved."
    ladder, result = largest.ladder, largest.result
    proven = (
        f" within {fmt.gap(result.raw_gap)} of the optimum" if result.raw_gap is not None else ""
    )
    said = (
        f"{fmt.count(result.goods)} goods ({fmt.count(result.record.instance.nonzeros)} "
        f"non-zeros): {result.series} computed a plan in {fmt.seconds(result.seconds)}, "
        f"certified{proven}"
    )
    others = largest.solvers - 1
    if others:
        said += f"; {plural(others, 'other solver')} got as far, more slowly"
    elif len(ladder.series) > 1:
        said += "; no other solver got as far"
    seconds = fit_ladder(ladder, result.series, "seconds")
    passes = fit_ladder(ladder, result.series, "passes")
    if seconds.exponent is None:
        return f"{said}. How the time of {result.series} grows cannot be said: {seconds.reason}."
    said += f". Its time grows as {power_words(seconds)}"
    if passes.exponent is not None:
        said += f", counted in matrix passes as {power_words(passes)}"
    return said + "."


def census_words(results: Sequence[AggregatedResult]) -> str:
    """How many results there are and how they ended."""
    solved = sum(c.solved for c in results)
    instances = len({c.sha256 for c in results})
    solvers = len({c.series for c in results})
    old = f" {OLD_MARK}" if any(is_old(c.record) for c in results) else ""
    parts = [
        f"{solved} of {len(results)} results certified{old} within {fmt.gap(TARGET_GAP)} or better"
    ]
    named = {
        "loose": "less certain",
        "unproven": "unproven",
        "timeout": "stopped at the time limit",
        "memory": "out of memory",
        "crash": "crashed",
        "killed": "killed",
        "refused": "refused",
        "wrong": "wrong",
    }
    for status, phrase in named.items():
        number = sum(c.status == status for c in results)
        if number:
            parts.append(f"{number} {phrase}")
            fit = sum(residuals_only(c.record) for c in results if c.status == "unproven")
            if status == "unproven" and fit:
                parts[-1] += f" ({fit} with residuals that fit)"
    where = f"{plural(solvers, 'solver')} on {plural(instances, 'instance')}"
    return f"{where}: {', '.join(parts)}."


def standing_words(results: Sequence[AggregatedResult]) -> str:
    """Who did best over all instances, in one sentence; empty where nothing was solved."""
    found = [s.score for s in standings(results) if s.score.solved]
    if not found:
        return ""
    best = found[0]
    said = f"{best.solver} did best: {best.solved} of {best.attempted} solved"
    if best.mean_all is not None:
        said += f", {fmt.seconds(best.mean_all)} in the shifted geometric mean"
    if best.against_others is not None and len(found) > 1:
        said += (
            f", {fmt.times(best.against_others)} the time of the fastest other solver on each "
            "instance"
        )
    return said + "."


def consensus_of(results: Sequence[AggregatedResult]) -> dict[str, Consensus]:
    """Consensus of all certificates by name of the instance, in order of first appearance."""
    by_name: dict[str, list[AggregatedResult]] = {}
    for result in results:
        by_name.setdefault(result.instance, []).append(result)
    return {name: instance_consensus(mine) for name, mine in by_name.items()}


def find_findings(records: Sequence[Record]) -> list[str]:
    """List what makes the exit code 1, a line each: wrong answers, disagreements, crashes.

    A run stopped at a limit is no finding: how far a solver comes is what is measured.

    Raises
    ------
    InputError
        Without any record.
    """
    found: dict[str, None] = {}
    said = set()
    for name, joint in consensus_of(require_results(records)).items():
        if joint.empty:
            found[f"{name}: the certified brackets exclude each other: a bug of planbench"] = None
        for solver, why in joint.disagreeing:
            found[f"{name}: {solver} {why}"] = None
            said.add((name, solver))
    for record in records:
        where = f"{record.instance.name}: {record.solver}"
        if record.verdict == "wrong" and (record.instance.name, record.solver) not in said:
            reason = record.reasons[-1] if record.reasons else "gave a wrong answer"
            found[f"{where} {reason}"] = None
        elif record.ended in ("crash", "killed"):
            found[f"{where} {record.ended}: {record.message}"] = None
    return [plain(line) for line in found]


def power_words(fit: PowerLawFit) -> str:
    """Exponent with its 95 % interval, or why there is none."""
    if fit.exponent is None:
        return fit.reason
    spread = fmt.interval(fit.low, fit.high)
    return fmt.exponent(fit.exponent) + (f" (95 % interval {spread})" if spread else "")
