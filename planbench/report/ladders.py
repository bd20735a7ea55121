"""Ladders of generated economies of growing size, and the exponents fitted to them."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

import numpy as np

from planbench.report.cells import Cell, machine_key
from planbench.stats.scaling import PowerLawFit, fit_power_law

Measure = Literal["seconds", "passes", "bytes"]

#: Seconds below which start-up dominates a solve: such a run only tells "at most this".
SECONDS_FLOOR = 0.01
#: Bytes below which the allocator's grain dominates a peak.
BYTES_FLOOR = 2.0**20

#: Knobs that differ from rung to rung of one ladder (sectors and band are filled in by size).
_VARIES = ("goods", "seed", "sectors", "band", "planted_optimum")


@dataclass(frozen=True)
class Ladder:
    """Generated economies that differ in size only, run on one machine.

    Attributes
    ----------
    name : str
        Name of the ladder, or its recipe where it has none.
    machine : str
    cells : tuple of Cell
    sizes : tuple of int
        Numbers of goods, ascending.
    series : tuple of str
        Solvers in order of first appearance.
    """

    name: str
    machine: str
    cells: tuple[Cell, ...]
    sizes: tuple[int, ...]
    series: tuple[str, ...]

    def at(self, series: str, goods: int) -> list[Cell]:
        """Cells of a solver at a size (several where the ladder has several seeds)."""
        return [c for c in self.cells if c.series == series and c.goods == goods]


def find_ladders(cells: Sequence[Cell]) -> list[Ladder]:
    """Ladders in `cells`: generated economies of at least two sizes under one group name.

    Cells without a group belong together when their recipes differ in goods and seed only.
    """
    rungs: dict[tuple[str, ...], list[Cell]] = {}
    for cell in cells:
        recipe = dict(cell.record.instance.recipe)
        if cell.goods is None or "goods" not in recipe:
            continue
        for knob in _VARIES:
            recipe.pop(knob, None)
        rest = json.dumps(recipe, sort_keys=True, default=str)
        name = cell.group or rest
        rungs.setdefault((cell.suite, name, machine_key(cell.record)), []).append(cell)
    several = len({machine for _, _, machine in rungs}) > 1
    ladders = []
    for (_, name, key), members in rungs.items():
        sizes = tuple(sorted({c.goods for c in members if c.goods is not None}))
        if len(sizes) < 2:
            continue
        title = name if members[0].group else "generated economies"
        ladders.append(
            Ladder(
                name=f"{title} ({members[0].machine}, {key[:6]})" if several else title,
                machine=members[0].machine,
                cells=tuple(members),
                sizes=sizes,
                series=tuple(dict.fromkeys(c.series for c in members)),
            )
        )
    return ladders


def fit_ladder(ladder: Ladder, series: str, measure: Measure) -> PowerLawFit:
    """Censored power law of a solver's cost on a ladder.

    Solved runs are exact observations. Timeouts, runs out of memory and answers that miss the
    target gap are "at least". Crashes, refusals and wrong answers tell nothing of cost and are
    left out. Costs under the floor count as "at most the floor".
    """
    cells = [c for c in ladder.cells if c.series == series and c.goods]
    pass_seconds = _pass_seconds(ladder)
    sizes: list[float] = []
    costs: list[float] = []
    stopped: list[bool] = []
    floors: list[float] = []
    for cell in cells:
        if cell.status not in ("solved", "loose", "unproven", "timeout", "memory"):
            continue
        one_pass = pass_seconds.get(cell.sha256)
        cost, floor = _cost(cell, measure, one_pass)
        if cost is None or floor is None or (cost <= 0 and not cell.solved):
            continue
        sizes.append(float(cell.goods or 0))
        costs.append(cost if cost > 0 else floor / 2)
        # A peak is known exactly once a run has ended, however loose its answer.
        stopped.append(not (cell.finished if measure == "bytes" else cell.solved))
        floors.append(floor)
    return fit_power_law(sizes, costs, stopped, floor=floors)


def _cost(
    cell: Cell, measure: Measure, one_pass: float | None
) -> tuple[float | None, float | None]:
    if measure == "seconds":
        return cell.seconds, SECONDS_FLOOR
    if measure == "bytes":
        return cell.peak_bytes, BYTES_FLOOR
    cost = cell.passes
    if cost is None and not cell.solved and cell.seconds is not None and one_pass:
        cost = cell.seconds / one_pass
    return cost, (SECONDS_FLOOR / one_pass if one_pass else None)


def _pass_seconds(ladder: Ladder) -> dict[str, float]:
    """Seconds of one matrix pass per instance: a fact of instance and machine, not of solver."""
    seen: dict[str, list[float]] = {}
    for cell in ladder.cells:
        for value in (cell.record.pass_s_before, cell.record.pass_s_after):
            if value:
                seen.setdefault(cell.sha256, []).append(value)
    return {sha: float(np.median(values)) for sha, values in seen.items()}
