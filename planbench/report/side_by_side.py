"""Two runs side by side: cells matched by instance, solver and options.

Seconds of unequal machines are shown and never divided; matrix passes, which take most of the
hardware out, are.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

from planbench.records.schema import Record
from planbench.records.values import short_commit
from planbench.report.cells import Cell, configuration, machine_key, machine_label, settled
from planbench.report.ladders import Measure
from planbench.stats.aggregate import Ratio, geometric_ratio


@dataclass(frozen=True)
class Pair:
    """One solver on one instance in both runs.

    Attributes
    ----------
    solver : str
        Name with its options.
    instance, sha256 : str
    goods : int or None
    first, second : Cell or None
        None where that run has no such measurement.
    """

    solver: str
    instance: str
    sha256: str
    goods: int | None
    first: Cell | None
    second: Cell | None


def match_runs(first: Sequence[Record], second: Sequence[Record]) -> list[Pair]:
    """Match the cells of two runs, in order of first appearance.

    Where a run has several versions of a solver on an instance, the last one counts.

    Raises
    ------
    InputError
        When one of them is empty.
    """
    sides = []
    for records in (first, second):
        sides.append({(c.sha256, configuration(c.record)): c for c in settled(records)})
    pairs = []
    for place in dict.fromkeys([*sides[0], *sides[1]]):
        cells = [side.get(place) for side in sides]
        shown = next(c for c in cells if c is not None)
        pairs.append(Pair(place[1], shown.instance, shown.sha256, shown.goods, cells[0], cells[1]))
    return pairs


def unequal_machines(first: Sequence[Record], second: Sequence[Record]) -> str:
    """Say how the machines differ; empty where both runs are of the same one."""
    keys = [{machine_key(r) for r in records} for records in (first, second)]
    if keys[0] == keys[1] and len(keys[0]) == 1:
        return ""
    names = [
        " and ".join(dict.fromkeys(f"{machine_label(r)} ({machine_key(r)[:6]})" for r in records))
        for records in (first, second)
    ]
    return f"measured on different machines: {names[0]} against {names[1]}"


def differences(first: Sequence[Record], second: Sequence[Record]) -> list[str]:
    """List what else changed between the runs: packages, solvers, planbench, limits."""
    found = []
    for label, facts in (
        ("planbench commit", lambda r: {"": short_commit(r.commit)} if r.commit else {}),
        ("package", lambda r: r.packages),
        ("solver", lambda r: {r.solver: r.solver_version} if r.solver_version else {}),
        ("time limit", lambda r: {"": f"{r.time_limit_s:g} s"} if r.time_limit_s else {}),
    ):
        before, after = _facts(first, facts), _facts(second, facts)
        for name in sorted({*before, *after}):
            old = " and ".join(before.get(name, ["none"]))
            new = " and ".join(after.get(name, ["none"]))
            if old != new:
                found.append(f"{label} {name}: {old} → {new}".replace(" :", ":"))
    return found


def _facts(
    records: Sequence[Record], facts: Callable[[Record], dict[str, str]]
) -> dict[str, list[str]]:
    seen: dict[str, dict[str, None]] = {}
    for record in records:
        for name, value in facts(record).items():
            seen.setdefault(name, {})[value] = None
    return {name: sorted(values) for name, values in seen.items()}


def cost_of(cell: Cell | None, measure: Measure) -> float | None:
    """Cost of a solved cell; None otherwise."""
    if cell is None or not cell.solved:
        return None
    return {"seconds": cell.seconds, "passes": cell.passes, "bytes": cell.peak_bytes}[measure]


def ratio_of(pair: Pair, measure: Measure) -> float | None:
    """Second over first, where both solved it."""
    before, after = cost_of(pair.first, measure), cost_of(pair.second, measure)
    return after / before if before and after else None


def ratio_by_solver(pairs: Sequence[Pair], measure: Measure) -> dict[str, Ratio | None]:
    """Geometric mean of the ratios of each solver over the instances solved in both runs."""
    out = {}
    for solver in dict.fromkeys(p.solver for p in pairs):
        both = [
            (before, after)
            for p in pairs
            if p.solver == solver
            and (before := cost_of(p.first, measure))
            and (after := cost_of(p.second, measure))
        ]
        out[solver] = geometric_ratio(both)
    return out
