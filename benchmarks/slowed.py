"""A solver that really is slower by a stated share: HiGHS's dual simplex and extra work after it.

For ``selftest.py``; it is in no list of solvers. The extra work is matrix passes over the program
just solved, inside phase ``solve``, for so long that the CPU time of the phase grows by the share.
It is work, not a sleep: wall time, CPU time and matrix passes all show it, and it scatters as the
solve itself does.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from time import process_time

import numpy as np

from planbench.errors import InputError
from planbench.model.economy import Economy
from planbench.model.linear_program import LinearProgram
from planbench.solvers import highs
from planbench.solvers.base import Phase, Solution, SolveOptions, SolverSpec, no_phase
from planbench.solvers.common import as_linear_program

NAME = "slowed-highs-ds"
#: Native option: extra CPU time as a share of that of the solve, ≥ 0.
SLOWDOWN = "slowdown"

_INNER = next(spec for spec in highs.SOLVERS if spec.name == "highs-ds")
SOLVERS = (
    replace(
        _INNER,
        name=NAME,
        method="dual simplex, and extra work",
        module="slowed",
        takes=frozenset(("time_limit", "native")),
        stock="",
    ),
)


def solve(
    problem: LinearProgram | Economy,
    spec: SolverSpec,
    options: SolveOptions,
    phase: Phase = no_phase,
) -> Solution:
    """Solve by HiGHS's dual simplex and work on for the share that option `slowdown` states.

    Raises
    ------
    InputError
        If `slowdown` is no number ≥ 0.
    """
    native = dict(options.native)
    said = native.pop(SLOWDOWN, 0.0)
    try:
        share = float(said)
    except ValueError:
        share = -1.0
    if not 0 <= share < np.inf:
        raise InputError(f"is {said!r}; give a number of at least 0", where=SLOWDOWN)
    lp = as_linear_program(problem)

    @contextmanager
    def slowed(name: str) -> Iterator[None]:
        with phase(name):
            began = process_time()
            yield
            if name == "solve":
                now = process_time()
                _work_until(now + share * (now - began), lp)

    found = highs.solve(lp, _INNER, replace(options, native=native), slowed)
    return replace(found, options={**found.options, SLOWDOWN: share})


def _work_until(moment: float, lp: LinearProgram) -> None:
    """Multiply the matrix of `lp` and its transpose by vectors until that CPU second."""
    columns, rows = np.ones(lp.n_cols), np.ones(lp.n_rows)
    transposed = lp.matrix.T
    while process_time() < moment:
        lp.matrix @ columns
        transposed @ rows
