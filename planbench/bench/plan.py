"""What a suite means here: which instances, in which order, with which solvers."""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from planbench.bench.single import require_solver
from planbench.bench.suite import AVAILABLE, LadderTable, Suite
from planbench.errors import InputError, SolverUnavailableError
from planbench.measure.job import resolve_solver
from planbench.records.not_run import NotRun
from planbench.solvers.base import SolverSpec


@dataclass(frozen=True)
class Cell:
    """One instance and the solvers to be measured on it.

    Attributes
    ----------
    group : str
        Ladder it belongs to, or empty.
    instance : str
    solvers : tuple of str
    """

    group: str
    instance: str
    solvers: tuple[str, ...]


@dataclass(frozen=True)
class Plan:
    """Everything to be measured once, and the solvers that take no part.

    Attributes
    ----------
    cells : tuple of Cell
        Instances first, then one ladder after the other, from small to large.
    specs : dict of str to SolverSpec
        Solvers that can run, by the names they were asked for.
    left_out : tuple of NotRun
        Solvers that cannot, with the reason.
    """

    cells: tuple[Cell, ...]
    specs: dict[str, SolverSpec]
    left_out: tuple[NotRun, ...]


def plan_suite(suite: Suite, only: Sequence[str] | None, adapter: str | None) -> Plan:
    """Work out what `suite` means here.

    Parameters
    ----------
    suite : Suite
    only : sequence of str or None
        Solvers instead of the suite's; a ladder's own list is narrowed to them.
    adapter : str or None
        As in :class:`planbench.measure.job.Job`.

    Raises
    ------
    InputError
        A solver that does not exist.
    SolverUnavailableError
        Not one of them can run here.
    """
    if only is not None:
        base = tuple(dict.fromkeys(only))
    elif suite.solvers == AVAILABLE:
        base = _registered()
    else:
        base = tuple(suite.solvers)

    def of_ladder(ladder: LadderTable) -> tuple[str, ...]:
        if isinstance(ladder.solvers, str):
            return base
        return tuple(s for s in ladder.solvers if only is None or s in base)

    on_ladder = {ladder.name: of_ladder(ladder) for ladder in suite.ladders}
    wanted = dict.fromkeys([*base, *(s for solvers in on_ladder.values() for s in solvers)])
    specs, left_out = _check(suite, tuple(wanted), adapter)
    cells = [Cell("", instance, base) for instance in suite.instances]
    # One ladder after the other: should the budget end early, the first is complete to its top.
    cells += [
        Cell(ladder.name, ladder.instance(size), on_ladder[ladder.name])
        for ladder in suite.ladders
        for size in ladder.sizes
    ]
    runnable = tuple(
        Cell(c.group, c.instance, tuple(s for s in c.solvers if s in specs)) for c in cells
    )
    return Plan(runnable, specs, left_out)


def _registered() -> tuple[str, ...]:
    """All solvers of the registry; an external command runs only when it is given."""
    from planbench.solvers.registry import list_solvers

    return tuple(spec.name for spec in list_solvers() if spec.name != "cmd")


def _check(
    suite: Suite, wanted: tuple[str, ...], adapter: str | None
) -> tuple[dict[str, SolverSpec], tuple[NotRun, ...]]:
    options = suite.options.to_solve_options()
    specs: dict[str, SolverSpec] = {}
    left_out: list[NotRun] = []
    for name in wanted:
        resolve_solver(name, adapter)  # a name nobody knows is an error, not something left out
        try:
            specs[name], _ = require_solver(name, options, adapter)
        except SolverUnavailableError as error:
            left_out.append(NotRun(suite.name, "", "", name, 0, str(error)))
        except InputError as error:
            left_out.append(NotRun(suite.name, "", "", name, 0, f"not applicable: {error}"))
    if not specs:
        why = left_out[0].reason if left_out else "none is named"
        raise SolverUnavailableError(f"suite {suite.name}: no solver can run: {why}")
    return specs, tuple(left_out)


def shuffled(suite: str, cell: Cell, repeat: int) -> list[str]:
    """Return the solvers of `cell` in an order that looks random and is always the same."""
    text = f"{suite}|{cell.group}|{cell.instance}|{repeat}"
    seed = int.from_bytes(hashlib.sha256(text.encode()).digest()[:8], "little")
    order = np.random.default_rng(seed).permutation(len(cell.solvers))
    return [cell.solvers[i] for i in order]
