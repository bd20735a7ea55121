"""The unit that does not depend on the machine: the time of one matrix pass.

One pass is the mean of M v and Mᵀ y with M the full matrix of the linear program (goods and
resource rows), CSC float64, scipy, one thread. Solve times divided by it compare machines, and
a pass measured before and after a solve shows whether the machine was disturbed meanwhile.
"""

from __future__ import annotations

from statistics import median
from time import perf_counter

import numpy as np

from planbench.model.arrays import Matrix

#: At least so many passes are timed …
LEAST_PASSES = 5
#: … and at least so many seconds are spent on them.
LEAST_SECONDS = 0.05
#: A run is disturbed when the slower of the two calibrations takes more than this many times
#: the faster: a quarter is well above the few per cent two calibrations on an idle machine
#: differ by.
DISTURBED_RATIO = 1.25

#: A run is disturbed, too, when for more than this share of its time it was ready to run and
#: had no processor: a steady load slows both calibrations alike and would not show in them.
DISTURBED_WAIT = 0.1
#: Waits below this are the clock ticks of any system.
LEAST_WAIT_S = 0.002


def matrix_pass_seconds(matrix: Matrix) -> float:
    """Seconds of one matrix pass: median of ≥ 5 passes and ≥ 50 ms, after one unmeasured.

    Parameters
    ----------
    matrix : csc_array, shape (rows, columns)
    """
    rows, columns = matrix.shape
    v = np.linspace(0.5, 1.5, columns)
    y = np.linspace(0.5, 1.5, rows)
    transposed = matrix.T
    matrix @ v
    transposed @ y
    times: list[float] = []
    spent = 0.0
    while len(times) < LEAST_PASSES or spent < LEAST_SECONDS:
        start = perf_counter()
        matrix @ v
        transposed @ y
        both = perf_counter() - start
        times.append(both / 2)
        spent += both
    return median(times)


def is_disturbed(
    before: float | None,
    after: float | None,
    wait_s: float | None = None,
    wall_s: float | None = None,
) -> bool:
    """Whether the machine did something else meanwhile.

    Parameters
    ----------
    before, after : float or None
        Seconds of one matrix pass; they may differ by :data:`DISTURBED_RATIO`.
    wait_s, wall_s : float or None
        Seconds without a processor, of how many; at most :data:`DISTURBED_WAIT` of them.
    """
    if wait_s is not None and wall_s and wait_s > max(LEAST_WAIT_S, DISTURBED_WAIT * wall_s):
        return True
    if not before or not after:
        return False
    return max(before, after) > DISTURBED_RATIO * min(before, after)


def passes(solve_s: float | None, before: float | None, after: float | None) -> float | None:
    """Matrix passes a solve was worth: its seconds over the mean seconds of one pass."""
    if solve_s is None or not before or not after:
        return None
    return solve_s / ((before + after) / 2)
